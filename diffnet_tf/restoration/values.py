"""Looking at all values of an image before the work: what they range over, and whether they can be light at all.

Fill values, Hounsfield units and bytes in floats are refused with what to say about them. Small negative values are
noise. Nothing is clipped.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.restoration import fills
from diffnet_tf.restoration.scale import ABOVE, LUMINANCE, Level, Scale
from diffnet_tf.restoration.source import Source

FILL = 1e30  # what is as large marks missing pixels: 9.97e36 of NetCDF, ±3.4e38 of GDAL, above float32's range
FEW, FEW_SHARE = 4, 1e-4  # of the pixels above half of the maximum: they may be defects
NEGATIVE = 0.5  # of white, that noise may reach below 0; networks know σ up to 0.1
_RARE, _OUTER = 0.01, 0.75  # of all values, and of those below 0: see `_is_noise`
TRACE = 0.05  # of white: what is no further below 0 does hardly any harm
_SAMPLES = 2**22  # of which a percentile is taken


@dataclasses.dataclass(frozen=True)
class Survey:
    """What the values of a group of channels are, gray or of all of them.

    Attributes:
        low, high: the smallest and the largest; −∞ for both where all pixels are missing.
        count: of the values that are not missing.
        tops: the largest value of each of the image's blocks.
        lows, highs: the same as low and high of each channel, whether or not their luminance is looked at.
    """

    low: float
    high: float
    count: int
    tops: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @property
    def few(self) -> float:
        """How many values are so few that they may be defects."""
        return max(FEW, FEW_SHARE * self.count)

    @property
    def few_share(self) -> float:
        """The same as a share of all."""
        return self.few / max(1, self.count)


def survey(source: Source, group: slice, luminance: bool, name: PathLike) -> Survey:
    """Look at all values once.

    Raises:
        ValueError: for NaN, infinity and values that can only mark missing pixels.
    """
    low, tops, count = math.inf, [], 0
    lows, highs = (np.full(group.stop - group.start, end) for end in (math.inf, -math.inf))
    for rows in source.blocks():
        values = source.valid(rows, group, False)
        if not values.size:
            tops.append(-math.inf)
            continue
        top = values.max(axis=0).reshape(-1, len(highs)).max(axis=0).astype("float64")
        bottom = np.zeros_like(top)
        if values.dtype.kind != "u":
            bottom = values.min(axis=0).reshape(-1, len(lows)).min(axis=0).astype("float64")
        if not (bottom > -FILL).all() or not (top < FILL).all():
            _refuse_impossible(source, group, name)
        lows, highs = np.minimum(lows, bottom), np.maximum(highs, top)
        if luminance:
            values = values.astype("float32") @ LUMINANCE
        count += values.size
        tops.append(float(values.max()) if luminance else float(top.max()))
        low = min(low, float(values.min()) if luminance else float(bottom.min()))
    return Survey(low if count else -math.inf, max(tops), count, tuple(tops), tuple(lows), tuple(highs))


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
        f"Give {option('nodata', first)} if they mark missing pixels."
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
            first = text(source, values[row, column, channel])
            index = (row + rows.start, column) if source.flat else (row + rows.start, column, channel + group.start)
        count += int(wrong.sum())
    return count, index, first


def text(source: Source, value: float) -> str:
    """A value in as few digits as the image's dtype needs."""
    return str(source.pixels.dtype.type(value)).removesuffix(".0")


def option(name: str, value: str) -> str:
    """What to give, in Python and as an option of the command."""
    return f"{name}={value} (--{name}={value})"


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
        _refuse_fill_above(source, group, found, name)
    return chosen, found


def _level(source: Source, group: slice, luminance: bool, level: Level | None) -> float | None:
    if level is None or not isinstance(level, str):
        return None if level is None else float(level)
    return float(np.percentile(source.sample(group, luminance, _SAMPLES), float(level[:-1])))


def _refuse_negatives(
    source: Source, group: slice, luminance: bool, found: Survey, white: float, name: PathLike
) -> None:
    """Refuse what is too far below 0, too often, or too often the same to be noise."""
    lowest = min(found.lows)
    if lowest >= -TRACE * max(white, 0):
        return
    same = [fill.value for fill in fills.below(source, group, found.lows, found.few_share)]
    if same and min(same) < -TRACE * white:
        lowest = min(same)
    elif found.low >= -TRACE * max(white, 0) or _is_noise(source, group, luminance, found, white):
        return
    low, high = text(source, lowest), text(source, max(found.highs))
    raise ValueError(
        f"{name} has a minimum of {low}, and a maximum of {high}; expected none below 0 but for noise. Give "
        f"{option('nodata', low)} if it marks missing pixels, else the values that are black and white, as "
        f"{option('black', low)} and white={high}."
    )


def _is_noise(source: Source, group: slice, luminance: bool, found: Survey, white: float) -> bool:
    """Whether values below 0 are as far and as many as noise makes, and the fewer the further from 0."""
    if found.low < -NEGATIVE * max(white, 0):
        return False
    negative, far, outer = 0, 0, 0
    for rows in source.blocks():
        values = source.valid(rows, group, luminance)
        negative += int((values < 0).sum())
        far += int((values < -0.1 * white).sum())
        outer += int(((values < found.low / 2) & (values > found.low)).sum())  # noise may be clipped at its lowest
    rare = negative <= max(FEW, _RARE * found.count)
    return far <= 0.2 * found.count and (rare or outer <= _OUTER * negative)


def _refuse_fill_above(source: Source, group: slice, found: Survey, name: PathLike) -> None:
    """Refuse floats of which several have the very same maximum, and all others are less than a thousandth of it."""
    if source.pixels.dtype.kind == "u":
        return
    for fill in fills.above(source, group, found.highs):
        if 0 < fill.others <= fill.value / 1000:
            high = text(source, fill.value)
            raise ValueError(
                f"{name} holds {high} in {100 * fill.share:.3g} % of the pixels, nearly all others are at most "
                f"{fill.others:g}. Give {option('nodata', high)} if they mark missing pixels, {option('white', high)} "
                "if they are light."
            )


def above_half(source: Source, group: slice, luminance: bool, found: Survey, scale: Scale) -> int:
    """How many values lie above the middle between black and white; as soon as they are not few, so many."""
    middle, number = scale.black + scale.span / 2, 0
    for rows, top in zip(source.blocks(), found.tops):
        if top > middle and number <= found.few:
            number += int((source.valid(rows, group, luminance) > middle).sum())
    return number
