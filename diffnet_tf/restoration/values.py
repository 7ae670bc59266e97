"""Check all values of an image before the work: their range, and whether they can be light at all.

Fill values and Hounsfield units are refused, with a message that says which options to give. Small negative values
count as noise. Nothing is clipped.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.restoration import fills
from diffnet_tf.restoration.scale import ABOVE, FULL, LUMINANCE, Level, Scale, full
from diffnet_tf.restoration.source import Source

FILL = 1e30  # such large values mark missing pixels: NetCDF uses 9.97e36, GDAL ±3.4e38
FEW, FEW_SHARE = 4, 1e-4  # so few pixels above half of the maximum may be defects: number and share
NEGATIVE = 0.5  # how far noise may reach below 0, as a share of white; networks are trained on σ up to 0.1
_RARE, _OUTER = 0.01, 0.75  # shares of all values and of the negative ones, see `_is_noise`
TRACE = 0.05  # as a share of white: negative values down to this do hardly any harm
_SAMPLES = 2**22  # number of samples for a percentile


@dataclasses.dataclass(frozen=True)
class Survey:
    """Statistics of the valid values in a group of channels, or of their luminance.

    Attributes:
        low, high: the smallest and the largest value; both −∞ if all pixels are missing.
        count: number of values.
        tops: the largest value in each block of rows.
        lows, highs: the smallest and the largest value of each channel, also if the others are of the luminance.
    """

    low: float
    high: float
    count: int
    tops: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @property
    def few(self) -> float:
        """The number up to which values count as few, so that they may be defects."""
        return max(FEW, FEW_SHARE * self.count)

    @property
    def few_share(self) -> float:
        """`few` as a share of all values."""
        return self.few / max(1, self.count)


def survey(source: Source, group: slice, luminance: bool, name: PathLike) -> Survey:
    """Compute the statistics in one pass over all values.

    Raises:
        ValueError: for NaN, infinity, and values so large that they can only mark missing pixels.
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
    """Raise an error that counts the NaN, infinite or huge values in all channels."""
    count, index, _ = _counted(source, group, lambda values: ~np.isfinite(values))
    if count:
        raise ValueError(
            f"{name} contains {count} value(s) that are NaN or infinite, the first at index {index}; expected finite "
            "values. If NaN marks missing pixels, give nodata=nan (--nodata nan). Otherwise replace these values."
        )
    count, index, first = _counted(source, group, lambda values: np.abs(values) >= FILL)
    raise ValueError(
        f"{name} contains {count} value(s) beyond ±{FILL:g}, the first {first} at index {index}; expected values of "
        f"light. "
        f"Give {option('nodata', first)} if they mark missing pixels."
    )


def _counted(source: Source, group: slice, bad: Callable[[Array], Array]) -> tuple[int, tuple[int, ...], str]:
    """Among valid pixels: the number of bad values, and the index and the value of the first."""
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
    """Format a value with as few digits as the image's dtype needs."""
    dtype = source.pixels.dtype
    return str(dtype.type(value)).removesuffix(".0") if dtype.kind == "f" else str(int(value))


def option(name: str, value: str) -> str:
    """Format an argument for a message, in Python and as a command-line option."""
    return f"{name}={value} (--{name}={value})"


def black_and_white(
    source: Source,
    group: slice,
    luminance: bool,
    white: Level | None,
    black: Level | None,
    name: PathLike,
    sees_all: bool = False,
) -> tuple[Scale, Survey]:
    """Choose black and white for a group of channels, and compute the statistics of its values.

    Args:
        source: the image.
        group: the channels.
        luminance: whether their luminance is processed (True), or each channel (False).
        white, black: numbers or percentiles; None for the maximum (white) and 0 (black); "full" for the white of the
            dtype.
        name: what messages call the image.
        sees_all: whether the network sees all values, also those beyond black and white.

    Raises:
        ValueError: if the values cannot be light, or black is not below white.
    """
    stats = survey(source, group, luminance, name)
    if not stats.count:
        return Scale(0.0, 0.0), stats
    low, high = _level(source, group, luminance, black), _level(source, group, luminance, white)
    limits = (-math.inf if low is None else 0.0, ABOVE)
    unlimited = sees_all or (low is None and high is None)
    chosen = Scale(0.0 if low is None else low, stats.high if high is None else high, None if unlimited else limits)
    if low is None and high is None and stats.low == stats.high == 0:
        return chosen, stats  # black
    if black is None:
        _refuse_negatives(source, group, luminance, stats, chosen.white, name, sees_all)
    if not chosen.span > 0:
        raise ValueError(
            f"{name} has black at {chosen.black:g} and white at {chosen.white:g} for values from {stats.low:g} to "
            f"{stats.high:g}; expected black below white. Give other values."
        )
    if white is None or white == FULL:
        _refuse_fill_above(source, group, stats, name)
    return chosen, stats


def _level(source: Source, group: slice, luminance: bool, level: Level | None) -> float | None:
    if level is None or not isinstance(level, str):
        return None if level is None else float(level)
    if level == FULL:
        return full(source.pixels.dtype)
    return float(np.percentile(source.sample(group, luminance, _SAMPLES), float(level[:-1])))


def _refuse_negatives(
    source: Source, group: slice, luminance: bool, stats: Survey, white: float, name: PathLike, sees_all: bool
) -> None:
    """Refuse negative values that are too low, too many or too often equal to be noise; if all pass, only the last."""
    lowest = min(stats.lows)
    if lowest >= -TRACE * max(white, 0):
        return
    same = [fill.value for fill in fills.below(source, group, stats.lows, stats.few_share)]
    if same and min(same) < -TRACE * white:
        lowest = min(same)
    elif sees_all or stats.low >= -TRACE * max(white, 0) or _is_noise(source, group, luminance, stats, white):
        return
    low, high = text(source, lowest), text(source, max(stats.highs))
    raise ValueError(
        f"{name} has a minimum of {low} and a maximum of {high}; expected no negative values except noise. Give "
        f"{option('nodata', low)} if the minimum marks missing pixels. Otherwise give the values of black and white, "
        f"for "
        f"example {option('black', low)} and {option('white', high)}."
    )


def _is_noise(source: Source, group: slice, luminance: bool, stats: Survey, white: float) -> bool:
    """Whether the negative values look like noise: not too low, not too many, and rarer further from 0."""
    if stats.low < -NEGATIVE * max(white, 0):
        return False
    negative, far, outer = 0, 0, 0
    for rows in source.blocks():
        values = source.valid(rows, group, luminance)
        negative += int((values < 0).sum())
        far += int((values < -0.1 * white).sum())
        outer += int(((values < stats.low / 2) & (values > stats.low)).sum())  # noise may be clipped at its minimum
    rare = negative <= max(FEW, _RARE * stats.count)
    return far <= 0.2 * stats.count and (rare or outer <= _OUTER * negative)


def _refuse_fill_above(source: Source, group: slice, stats: Survey, name: PathLike) -> None:
    """Refuse floats if several equal the maximum and nearly all others are below a thousandth of it."""
    if source.pixels.dtype.kind == "u":
        return
    for fill in fills.above(source, group, stats.highs):
        if 0 < fill.others <= fill.value / 1000:
            high = text(source, fill.value)
            raise ValueError(
                f"{name} has the value {high} in {100 * fill.share:.3g} % of the pixels, and nearly all others are at "
                f"most "
                f"{fill.others:g}. Give {option('nodata', high)} if they mark missing pixels, {option('white', high)} "
                "if they are light."
            )


def above_half(source: Source, group: slice, luminance: bool, stats: Survey, scale: Scale) -> int:
    """Count the values above the middle between black and white. Stops early once they are more than few."""
    middle, number = scale.black + scale.span / 2, 0
    for rows, top in zip(source.blocks(), stats.tops):
        if top > middle and number <= stats.few:
            number += int((source.valid(rows, group, luminance) > middle).sum())
    return number
