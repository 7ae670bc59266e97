"""Find values that may mark missing pixels: many equal values, with a wide gap to all others.

Black borders, saturated highlights and drawings with few gray levels do not count: 0 is black, saturated light has
neighbours that are nearly as bright, and a drawing may have any levels.
"""

import dataclasses

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.restoration.source import Source

SAMPLES = 2**16  # values of each channel that are examined, spread evenly over the image
LEVELS = 16  # an image with at least so many gray levels is not a drawing
_FEW, _FEW_SHARE = 4, 1e-4  # number and share of values that may lie in the gap, as defects
_STRAY = 50  # equal values for each value in the gap, at least


@dataclasses.dataclass(frozen=True)
class Fill:
    """A value that may mark missing pixels.

    Attributes:
        value: the value, the largest or the smallest of its channel.
        share: the share of the channel's values that are equal to it.
        others: the nearest value on the other side of the gap.
        levels: whether the other values have many gray levels, unlike those of a drawing.
    """

    value: float
    share: float
    others: float
    levels: bool


def below(source: Source, group: slice, lows: tuple[float, ...], few: float) -> list[Fill]:
    """Smallest values of channels that are below 0 and frequent, with nearly all other values above half of them.

    Args:
        source: the image.
        group: the channels.
        lows: the smallest value of each channel.
        few: the share of values above which a value is frequent.
    """
    if min(lows) >= 0:
        return []
    fills = (_at(values, low, few) for values, low in zip(_sampled(source, group), lows) if low < 0)
    return [fill for fill in fills if fill]


def above(source: Source, group: slice, highs: tuple[float, ...]) -> list[Fill]:
    """Largest values of channels that occur several times, with nearly all other values below half of them."""
    fills = (_at(values, high, 0) for values, high in zip(_sampled(source, group), highs) if high > 0)
    return [fill for fill in fills if fill]


def _sampled(source: Source, group: slice) -> Array:
    """Values of each channel: (channels, samples)."""
    return source.sample(group, False, SAMPLES).reshape(-1, group.stop - group.start).T


def _at(values: Array, end: float, few: float) -> Fill | None:
    same = values == values.dtype.type(end)
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
