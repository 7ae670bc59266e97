"""Looking at all values of an image before the work: what they range over, and whether they can be light at all.

Fill values, Hounsfield units and bytes in floats are refused with what to say about them. Small negative values are
noise. Nothing is clipped.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.restoration.scale import ABOVE, Level, Scale
from diffnet_tf.restoration.source import Source

FILL = 1e30  # what is as large marks missing pixels: 9.97e36 of NetCDF, ±3.4e38 of GDAL, above float32's range
FEW, FEW_SHARE = 4, 1e-4  # of the pixels above half of the maximum: they may be defects
NEGATIVE = 0.5  # of white, that noise may reach below 0; networks know σ up to 0.1
_SAMPLES = 2**22  # of which a percentile is taken


@dataclasses.dataclass(frozen=True)
class Survey:
    """What the values of a group of channels are, gray or of all of them.

    Attributes:
        low, high: the smallest and the largest; −∞ for both where all pixels are missing.
        count: of the values that are not missing.
        tops: the largest value of each of the image's blocks.
    """

    low: float
    high: float
    count: int
    tops: tuple[float, ...]

    @property
    def few(self) -> float:
        """How many values are so few that they may be defects."""
        return max(FEW, FEW_SHARE * self.count)


def survey(source: Source, group: slice, luminance: bool, name: PathLike) -> Survey:
    """Look at all values once.

    Raises:
        ValueError: for NaN, infinity and values that can only mark missing pixels.
    """
    low, tops, count = math.inf, [], 0
    for rows in source.blocks():
        values = source.valid(rows, group, luminance)
        count += values.size
        if not values.size:
            tops.append(-math.inf)
            continue
        top, bottom = float(values.max()), 0.0 if values.dtype.kind == "u" else float(values.min())
        if not -FILL < bottom <= top < FILL:
            _refuse_impossible(source, group, name)
        tops.append(top)
        low = min(low, bottom)
    return Survey(low if count else -math.inf, max(tops), count, tuple(tops))


def _refuse_impossible(source: Source, group: slice, name: PathLike) -> None:
    """Count what no image holds, in all channels, and say what to do about it."""
    count, index, _ = _counted(source, group, lambda values: ~np.isfinite(values))
    if count:
        raise ValueError(
            f"{name} holds {count} value(s) that are NaN or infinite, the first at index {index}; expected finite "
            "values. Give nodata=nan (--nodata nan) if NaN marks missing pixels; remove or replace others."
        )
    count, index, first = _counted(source, group, lambda values: np.abs(values) >= FILL)
    raise ValueError(
        f"{name} holds {count} value(s) beyond ±{FILL:g}, the first {first} at index {index}: they cannot be light. "
        f"Give {_option('nodata', first)} if they mark missing pixels."
    )


def _counted(source: Source, group: slice, bad: Callable[[Array], Array]) -> tuple[int, tuple[int, ...], str]:
    """How many values are bad, but for missing pixels; the index of the first, and its value."""
    count, first = 0, ""
    index: tuple[int, ...] = ()
    for rows in source.blocks():
        values = source.pixels[rows, :, group]
        wrong, missing = bad(values), source.missing(rows, slice(None), group)
        if missing is not None:
            wrong &= ~missing[..., None]
        if wrong.any() and not count:
            row, column, channel = (int(i) for i in np.argwhere(wrong)[0])
            first = _text(source, values[row, column, channel])
            index = (row + rows.start, column) if source.flat else (row + rows.start, column, channel + group.start)
        count += int(wrong.sum())
    return count, index, first


def _text(source: Source, value: float) -> str:
    """A value in as few digits as the image's dtype needs."""
    return str(source.pixels.dtype.type(value)).removesuffix(".0")


def _option(name: str, value: str) -> str:
    return f"{name}={value} (--{name}={value})"


def _range(source: Source, group: slice) -> tuple[str, str]:
    """The smallest and the largest value of any channel, for messages."""
    blocks = (source.valid(rows, group, False) for rows in source.blocks())
    ends = [(values.min(), values.max()) for values in blocks if values.size]
    return _text(source, min(low for low, _ in ends)), _text(source, max(high for _, high in ends))


def black_and_white(
    source: Source, group: slice, luminance: bool, white: Level | None, black: Level | None, name: PathLike
) -> tuple[Scale, Survey]:
    """Black and white of a group of channels, and what its values are.

    Args:
        source: the image.
        group: its channels.
        luminance: whether their luminance is processed; False for each of them.
        white, black: numbers or percentiles; None for the maximum, and for 0.
        name: of the image, for messages.

    Raises:
        ValueError: for values that are no image's, or black that is not below white.
    """
    found = survey(source, group, luminance, name)
    if not found.count:
        return Scale(0.0, 0.0), found
    low, high = _level(source, group, luminance, black), _level(source, group, luminance, white)
    limits = None if low is None and high is None else (-math.inf if low is None else 0.0, ABOVE)
    chosen = Scale(0.0 if low is None else low, found.high if high is None else high, limits)
    if limits is None and found.low == found.high == 0:
        return chosen, found  # black
    if black is None:
        _refuse_negatives(source, group, luminance, found, chosen.white, name)
    if not chosen.span > 0:
        raise ValueError(
            f"{name} has black at {chosen.black:g} and white at {chosen.white:g}, its values from {found.low:g} to "
            f"{found.high:g}; expected black below white. Give others."
        )
    if white is None:
        _refuse_fill_above(source, group, luminance, found, name)
    return chosen, found


def _level(source: Source, group: slice, luminance: bool, level: Level | None) -> float | None:
    if level is None or not isinstance(level, str):
        return None if level is None else float(level)
    return float(np.percentile(source.sample(group, luminance, _SAMPLES), float(level[:-1])))


def _refuse_negatives(
    source: Source, group: slice, luminance: bool, found: Survey, white: float, name: PathLike
) -> None:
    """Refuse what is too far below 0, too often, or too often the same to be noise."""
    if found.low >= -0.05 * max(white, 0):
        return
    if found.low >= -NEGATIVE * max(white, 0):
        below, equal, near = 0, 0, 0
        for rows in source.blocks():
            values = source.valid(rows, group, luminance)
            below += int((values < -0.1 * white).sum())
            near += int((values < found.low / 2).sum())
            equal += int((values == found.low).sum())
        if below <= 0.2 * found.count and not found.few < equal == near:
            return
    low, high = _range(source, group)
    raise ValueError(
        f"{name} has a minimum of {low}, and a maximum of {high}; expected none below 0 but for noise. Give "
        f"{_option('nodata', low)} if it marks missing pixels, else the values that are black and white, as "
        f"{_option('black', low)} and white={high}."
    )


def _refuse_fill_above(source: Source, group: slice, luminance: bool, found: Survey, name: PathLike) -> None:
    """Refuse floats of which many have the very same maximum, and all others are less than a thousandth of it."""
    bound = found.high / 1000
    if source.pixels.dtype.kind == "u" or any(bound < top < found.high for top in found.tops):
        return
    equal, second = 0, 0.0
    for rows in source.blocks():
        values = source.valid(rows, group, luminance)
        equal += int((values == found.high).sum())
        second = max(second, float(values.max(initial=0.0, where=values < found.high)))
        if second > bound:
            return
    if second > 0 and equal > 1:
        high = _range(source, group)[1]
        raise ValueError(
            f"{name} holds {equal} values of {high}, all others are at most {second:g}. Give {_option('nodata', high)} "
            f"if they mark missing pixels, {_option('white', high)} if they are light."
        )


def above_half(source: Source, group: slice, luminance: bool, found: Survey, scale: Scale) -> int:
    """How many values lie above the middle between black and white; as soon as they are not few, so many."""
    middle, number = scale.black + scale.span / 2, 0
    for rows, top in zip(source.blocks(), found.tops):
        if top > middle and number <= found.few:
            number += int((source.valid(rows, group, luminance) > middle).sum())
    return number
