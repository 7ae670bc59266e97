"""Convert values between dtypes: the full ranges of integers, and 0 to 1 for floats, correspond to each other.

A conversion that would lose the image (because it becomes white or nearly black) is refused, unless a scale is given.
"""

import dataclasses

import numpy as np

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.restoration.fills import SAMPLES
from diffnet_tf.restoration.scale import Level, Scale
from diffnet_tf.restoration.source import Source, holds
from diffnet_tf.restoration.values import Survey

LEVELS = 64  # the least number of gray levels that an image should keep
ABOVE_WHITE = 1.5  # the most that floats up to 1 reach with noise, or after a network
_NEAR, _FEW = 1.05, 0.01  # values hardly above white; share of values that may be higher without being noise
_OUTER, _INNER = 0.2, 1.2  # see `_is_noise`


def full(dtype: np.dtype) -> float:
    """White in a dtype: its largest integer, or 1 for floats."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


@dataclasses.dataclass(frozen=True)
class Range:
    """The map from values of the image to values of the output: (value − black) × factor."""

    black: float
    factor: float


def chosen(
    source: Source, group: slice, scale: Scale, summary: Survey, dtype: np.dtype, white: Level | None, name: PathLike
) -> Range:
    """The map from the values of a group of channels to those of the output.

    Args:
        source: the image.
        group: the channels.
        scale: black and white of the group.
        summary: the range of its values.
        dtype: of the output.
        white: the value that becomes white in the output (then black becomes 0), or "white" for the white of the
            network. None: the full ranges of the dtypes correspond to each other.
        name: of the image, for messages.

    Raises:
        ValueError: if the output would lose the image.
    """
    own = source.pixels.dtype
    if white is not None:
        top = scale.white if white == "white" else float(white)
        if not top > scale.black and summary.count:
            raise ValueError(f"scale={top:g} is not above black, {scale.black:g}; expected the value of white.")
        return Range(scale.black, full(dtype) / ((top - scale.black) or 1.0))
    if own != dtype and summary.count:
        _check(own, dtype, scale.white if scale.limits else max(summary.highs), f"{name} reaches", _SCALE)
        if dtype.kind == "u" and own.kind == "f" and not scale.limits:
            _check_above_white(source, group, summary, dtype, name)
        if dtype.kind == "u" and scale.black < 0:
            raise ValueError(f"{name} has black at {scale.black:g}, which {dtype} cannot hold. {_SCALE}")
    return Range(0.0, full(dtype) / full(own))


def check_alpha(source: Source, dtype: np.dtype, name: PathLike) -> None:
    """Check that alpha is finite, and that the output can hold it.

    Raises:
        ValueError: if not.
    """
    own = source.pixels.dtype
    if source.alpha is None or (own.kind == "u" and own == dtype):
        return
    top = max(float(source.pixels[rows, :, source.alpha].max()) for rows in source.blocks())
    if not np.isfinite(top):
        raise ValueError(f"The alpha of {name} holds NaN or infinity; expected finite values. Replace them.")
    if own != dtype and top > 0:
        _check(own, dtype, top, f"The alpha of {name} reaches", "Scale it to this range, or leave it out.")


def check_missing(source: Source, missing: bool, dtype: np.dtype) -> None:
    """Check that the output can hold the value of missing pixels.

    Raises:
        ValueError: if not.
    """
    if missing and source.nodata is not None and not holds(dtype, source.nodata):
        raise ValueError(
            f"nodata={source.nodata:.9g} does not fit into {dtype}; expected an output that holds it. Write float32 "
            "(--depth float), or keep the input's dtype."
        )


def _check(own: np.dtype, dtype: np.dtype, top: float, reaches: str, advice: str) -> None:
    white, levels = full(own), top / full(own) * full(dtype)
    if dtype.kind == "u" and own.kind == "f" and top > ABOVE_WHITE:
        raise ValueError(f"{reaches} {top:g}; expected floats up to 1, which becomes white in {dtype}. {advice}")
    if dtype.kind == "u" and 0 < levels < LEVELS:
        raise ValueError(
            f"{reaches} {top:g}, and white of {own} is {white:g}: {dtype} would keep {levels:.0f} gray levels, "
            f"near black. {advice}"
        )
    if dtype == np.float16 and levels > float(np.finfo("float16").max):
        raise ValueError(f"{reaches} {top:g}, more than float16 can hold. Write float32. {advice}")


def _check_above_white(source: Source, group: slice, summary: Survey, dtype: np.dtype, name: PathLike) -> None:
    """Refuse floats that are above white in many pixels of a channel, unless this is noise."""
    if max(summary.highs) <= _NEAR:
        return
    samples = source.sample(group, False, SAMPLES).reshape(-1, group.stop - group.start).T
    for values, high in zip(samples, summary.highs):
        many = float(np.mean(values > _NEAR))
        if many > _FEW and not _is_noise(values, high):
            raise ValueError(
                f"{name} reaches {high:g}, and {100 * many:.0f} % of a channel's values are above 1, which becomes "
                f"white in {dtype}. {_SCALE}"
            )


def _is_noise(values: Array, high: float) -> bool:
    """Whether values above 1 look like noise on white: most are near 1, and not many more than just below 1."""
    above, near = values[values > 1], (high - 1) / 4
    outer, inner = int((above > 1 + 2 * near).sum()), int((above <= 1 + near).sum())
    below = int(((values <= 1) & (values > 1 - near)).sum())
    return outer <= _OUTER * len(above) and inner <= _INNER * below


_SCALE = (
    "Give scale='white' (--scale) to map the image's black and white to the ends of the output's range, or the value "
    "that becomes white, for example scale=255 (--scale 255)."
)


class Writer:
    """Writes values to the output, converted to its dtype, and restores the values of missing pixels.

    Args:
        target: the output, (height, width, channels).
        source: the image.
    """

    def __init__(self, target: Array, source: Source) -> None:
        self.target, self.source = target, source

    def __call__(
        self,
        rows: slice,
        columns: slice,
        channels: slice,
        group: slice,
        values: Array,
        to: Range,
        missing: Array | None = None,
    ) -> None:
        """Write a tile.

        Args:
            rows, columns, channels: where to write; the channels of a group one after the other.
            group: the channels that are missing together.
            values: float (rows, columns, channels), on the image's scale. They are overwritten, to save time.
            to: the map to values of the output.
            missing: bool (rows, columns), the pixels that keep their original values; None if there are none.
        """
        if to.black:
            values -= to.black
        values *= to.factor
        values = _cast(values, self.target.dtype)
        nodata = self.source.nodata
        if nodata is not None and self.target.dtype.kind == "u":
            # A valid pixel must not look like a missing one, which has nodata in all channels of the group.
            same = (values == nodata).all(axis=-1, keepdims=True) & (channels.stop == group.stop)
            before = self.target[rows, columns, group.start : channels.start]
            same &= (before == nodata).all(axis=-1, keepdims=True)
            values = np.where(same, values + (-1 if nodata > 0 else 1), values)
        if missing is not None:
            values = np.where(missing[..., None], self._kept(rows, columns, channels, to, missing), values)
        with np.errstate(over="ignore"):  # masked values may overflow
            self.target[rows, columns, channels] = values

    def keep(self, rows: slice, channels: slice) -> None:
        """Copy channels, converted to the output's dtype: alpha."""
        values = self.source.pixels[rows, :, channels].astype("float64")
        factor = full(self.target.dtype) / full(self.source.pixels.dtype)
        self.target[rows, :, channels] = _cast(values * factor, self.target.dtype)

    def _kept(self, rows: slice, columns: slice, channels: slice, to: Range, missing: Array) -> Array:
        """The original values of missing pixels: nodata unchanged, masked values on the output's scale."""
        original, dtype = self.source.pixels[rows, columns, channels], self.target.dtype
        kept = original
        if original.dtype != dtype or to != Range(0.0, 1.0):
            kept = _cast(np.nan_to_num((original.astype("float64") - to.black) * to.factor), dtype)
        return np.where(self.source.is_nodata(original), original, kept)


def _cast(values: Array, dtype: np.dtype) -> Array:
    """For integers, round values and clip them to the range, in place."""
    if dtype.kind == "u":
        np.rint(values, out=values)
        np.clip(values, 0, np.iinfo(dtype).max, out=values)
    return values
