"""Check all values of an image before the network runs: their range, and whether they can be light.

Fill values, Hounsfield units and similar values are refused with advice. Small negative values are noise. Nothing is
clipped.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.restoration import fills
from diffnet_tf.restoration.scale import ABOVE, LUMINANCE, Level, Scale
from diffnet_tf.restoration.source import Source

FILL = 1e30  # values as large as this mark missing pixels: 9.97e36 in NetCDF, ±3.4e38 in GDAL
FEW, FEW_SHARE = 4, 1e-4  # number and share of pixels above half of the maximum that may be defects
NEGATIVE = 0.5  # noise is never below −NEGATIVE × white; networks are trained with σ up to 0.1
_RARE, _OUTER = 0.01, 0.75  # shares of all values, and of those below 0, see `_is_noise`
TRACE = 0.05  # values above −TRACE × white do hardly any harm
_SAMPLES = 2**22  # number of values from which a percentile is computed


@dataclasses.dataclass(frozen=True)
class Survey:
    """The range of the values of a group of channels, or of their luminance.

    Attributes:
        low, high: the smallest and the largest value; both −∞ if all pixels are missing.
        count: number of values that are not missing.
        tops: the largest value in each block of the image.
        lows, highs: the smallest and the largest value of each channel.
    """

    low: float
    high: float
    count: int
    tops: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @property
    def few(self) -> float:
        """The largest number of values that may be defects."""
        return max(FEW, FEW_SHARE * self.count)

    @property
    def few_share(self) -> float:
        """The same as a share of all values."""
        return self.few / max(1, self.count)


def survey(source: Source, group: slice, luminance: bool, name: PathLike) -> Survey:
    """Find the range of all values.

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
    """Raise a ValueError that counts the impossible values of all channels and gives advice."""
    count, index, _ = _counted(source, group, lambda values: ~np.isfinite(values))
    if count:
        raise ValueError(
            f"{name} holds {count} value(s) that are NaN or infinite, the first at index {index}; expected finite "
            "values. Give nodata=nan (--nodata nan) if NaN marks missing pixels; otherwise remove or replace them."
        )
    count, index, first = _counted(source, group, lambda values: np.abs(values) >= FILL)
    raise ValueError(
        f"{name} holds {count} value(s) beyond ±{FILL:g}, the first {first} at index {index}, which cannot be light. "
        f"Give {option('nodata', first)} if they mark missing pixels."
    )


def _counted(source: Source, group: slice, bad: Callable[[Array], Array]) -> tuple[int, tuple[int, ...], str]:
    """(number of bad values outside missing pixels, index of the first, its value as text)."""
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
    """A value as text, with as few digits as the image's dtype needs."""
    return str(source.pixels.dtype.type(value)).removesuffix(".0")


def option(name: str, value: str) -> str:
    """The argument to give, in Python and as an option of the command."""
    return f"{name}={value} (--{name}={value})"


def black_and_white(
    source: Source, group: slice, luminance: bool, white: Level | None, black: Level | None, name: PathLike
) -> tuple[Scale, Survey]:
    """Black and white of a group of channels, and the range of its values.

    Args:
        source: the image.
        group: its channels.
        luminance: whether their luminance is processed; False: each channel.
        white, black: numbers or percentiles; None for the maximum and for 0.
        name: of the image, for messages.

    Raises:
        ValueError: if values cannot be light, or black is not below white.
    """
    summary = survey(source, group, luminance, name)
    if not summary.count:
        return Scale(0.0, 0.0), summary
    low, high = _level(source, group, luminance, black), _level(source, group, luminance, white)
    limits = None if low is None and high is None else (-math.inf if low is None else 0.0, ABOVE)
    chosen = Scale(0.0 if low is None else low, summary.high if high is None else high, limits)
    if limits is None and summary.low == summary.high == 0:
        return chosen, summary  # black
    if black is None:
        _refuse_negatives(source, group, luminance, summary, chosen.white, name)
    if not chosen.span > 0:
        raise ValueError(
            f"{name} has black at {chosen.black:g} and white at {chosen.white:g}, and values from {summary.low:g} to "
            f"{summary.high:g}; expected black below white. Give other values."
        )
    if white is None:
        _refuse_fill_above(source, group, summary, name)
    return chosen, summary


def _level(source: Source, group: slice, luminance: bool, level: Level | None) -> float | None:
    if level is None or not isinstance(level, str):
        return None if level is None else float(level)
    return float(np.percentile(source.sample(group, luminance, _SAMPLES), float(level[:-1])))


def _refuse_negatives(
    source: Source, group: slice, luminance: bool, summary: Survey, white: float, name: PathLike
) -> None:
    """Refuse values below 0 that are too far below, too many, or too often equal to be noise."""
    lowest = min(summary.lows)
    if lowest >= -TRACE * max(white, 0):
        return
    same = [fill.value for fill in fills.below(source, group, summary.lows, summary.few_share)]
    if same and min(same) < -TRACE * white:
        lowest = min(same)
    elif summary.low >= -TRACE * max(white, 0) or _is_noise(source, group, luminance, summary, white):
        return
    low, high = text(source, lowest), text(source, max(summary.highs))
    raise ValueError(
        f"{name} has a minimum of {low} and a maximum of {high}; expected only noise below 0. Give "
        f"{option('nodata', low)} if it marks missing pixels, otherwise the values of black and white, for example "
        f"{option('black', low)} and white={high}."
    )


def _is_noise(source: Source, group: slice, luminance: bool, summary: Survey, white: float) -> bool:
    """Whether values below 0 look like noise: not too far, not too many, and fewer further from 0."""
    if summary.low < -NEGATIVE * max(white, 0):
        return False
    negative, far, outer = 0, 0, 0
    for rows in source.blocks():
        values = source.valid(rows, group, luminance)
        negative += int((values < 0).sum())
        far += int((values < -0.1 * white).sum())
        outer += int(((values < summary.low / 2) & (values > summary.low)).sum())  # noise may be clipped at its lowest
    rare = negative <= max(FEW, _RARE * summary.count)
    return far <= 0.2 * summary.count and (rare or outer <= _OUTER * negative)


def _refuse_fill_above(source: Source, group: slice, summary: Survey, name: PathLike) -> None:
    """Refuse floats if several are equal to the maximum and nearly all others are below a thousandth of it."""
    if source.pixels.dtype.kind == "u":
        return
    for fill in fills.above(source, group, summary.highs):
        if 0 < fill.others <= fill.value / 1000:
            high = text(source, fill.value)
            raise ValueError(
                f"{name} holds {high} in {100 * fill.share:.3g} % of the pixels, and nearly all others are at most "
                f"{fill.others:g}. Give {option('nodata', high)} if they mark missing pixels, {option('white', high)} "
                "if they are light."
            )


def above_half(source: Source, group: slice, luminance: bool, summary: Survey, scale: Scale) -> int:
    """The number of values above the middle between black and white. Counting stops when they are not few."""
    middle, number = scale.black + scale.span / 2, 0
    for rows, top in zip(source.blocks(), summary.tops):
        if top > middle and number <= summary.few:
            number += int((source.valid(rows, group, luminance) > middle).sum())
    return number
