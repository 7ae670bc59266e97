"""Find values that may mark missing pixels: many pixels share exactly one value, which lies far beyond all others.

Three things are not mistaken for them: black borders, because 0 is black; saturated highlights, because other pixels
are nearly as bright; and drawings, because they have few gray levels, at any distance.
"""

import dataclasses

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.restoration.source import Source

SAMPLES = 2**16  # per channel, evenly spread: if many values are equal, so are many samples
LEVELS = 16  # a photograph has at least this many gray levels, a drawing fewer
_FEW, _FEW_SHARE = 4, 1e-4  # number and share of values that may lie in the gap, as defects
_STRAY = 50  # equal values needed for each value in the gap


@dataclasses.dataclass(frozen=True)
class Fill:
    """A value that may mark missing pixels.

    Attributes:
        value: the largest or the smallest value of its channel.
        share: the share of the channel's values that equal it, in [0, 1].
        others: the nearest value on the other side of the gap.
        levels: whether the other values have enough gray levels for a photograph.
    """

    value: float
    share: float
    others: float
    levels: bool


def below(source: Source, group: slice, lows: tuple[float, ...], few: float) -> list[Fill]:
    """The smallest value of each channel, if it is negative and frequent, and nearly all others are above half of it.

    Args:
        source: the image.
        group: the channels.
        lows: the smallest value of each channel.
        few: a value is frequent if more than this share of the pixels have it.
    """
    if min(lows) >= 0:
        return []
    candidates = (_at(values, low, few) for values, low in zip(_sampled(source, group), lows) if low < 0)
    return [fill for fill in candidates if fill]


def above(source: Source, group: slice, highs: tuple[float, ...]) -> list[Fill]:
    """The largest value of each channel, if several pixels have it and nearly all others are below half of it."""
    candidates = (_at(values, high, 0) for values, high in zip(_sampled(source, group), highs) if high > 0)
    return [fill for fill in candidates if fill]


def _sampled(source: Source, group: slice) -> Array:
    """Sampled values of each channel: (channels, samples)."""
    return source.sample(group, False, SAMPLES).reshape(-1, group.stop - group.start).T


def _at(values: Array, end: float, few: float) -> Fill | None:
    # As a float, the largest 64-bit integer is too large for its own dtype.
    same = values == (values.dtype.type(end) if values.dtype.kind == "f" else end)
    count, others = int(same.sum()), values[~same]
    beyond = others > end / 2 if end > 0 else others < end / 2
    stray = min(count / _STRAY, max(_FEW, _FEW_SHARE * len(values)))
    if count < 2 or count <= few * len(values) or beyond.sum() > stray:
        return None
    others = others[~beyond]
    if not others.size:
        return None
    nearest = float(others.max() if end > 0 else others.min())
    return Fill(end, count / len(values), nearest, len(np.unique(others)) >= LEVELS)
