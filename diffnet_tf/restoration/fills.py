"""Values that may mark missing pixels: many are the very same, beyond all others, with a wide gap between.

Black borders, saturated highlights and drawings of few gray levels are none: 0 is black, light that saturates has
neighbours that nearly do, and a drawing may have any levels.
"""

import dataclasses

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.restoration.source import Source

SAMPLES = 2**16  # of each channel, evenly from all of the image: where many values are the same, so are many of these
LEVELS = 16  # gray levels that are a photograph's rather than a drawing's
_FEW, _FEW_SHARE = 4, 1e-4  # of the values may lie in the gap: defects
_STRAY = 50  # of the same, for each of them


@dataclasses.dataclass(frozen=True)
class Fill:
    """A value that may mark missing pixels.

    Attributes:
        value: this, the largest or the smallest of its channel.
        share: how many of the channel's values have it.
        others: the nearest to it on the other side of the gap.
        levels: whether the others are gray levels of an image, not of a drawing.
    """

    value: float
    share: float
    others: float
    levels: bool


def below(source: Source, group: slice, lows: tuple[float, ...], few: float) -> list[Fill]:
    """The smallest value of each channel where it is below 0, many have it, and nearly all others are above half of it.

    Args:
        source: the image.
        group: the channels.
        lows: the smallest value of each.
        few: what is not many, as a share.
    """
    if min(lows) >= 0:
        return []
    found = (_at(values, low, few) for values, low in zip(_sampled(source, group), lows) if low < 0)
    return [fill for fill in found if fill]


def above(source: Source, group: slice, highs: tuple[float, ...]) -> list[Fill]:
    """The largest value of each channel where several have it, and nearly all others are below half of it."""
    found = (_at(values, high, 0) for values, high in zip(_sampled(source, group), highs) if high > 0)
    return [fill for fill in found if fill]


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
