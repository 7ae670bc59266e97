"""Convert values to the output's dtype, full range to full range: all of an integer dtype, or 0 to 1 in floats.

If this would ruin the image, because it becomes too bright or nearly black, the conversion is refused unless a scale
is given.
"""

import dataclasses

import numpy as np

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.restoration.fills import SAMPLES
from diffnet_tf.restoration.scale import Level, Scale, full
from diffnet_tf.restoration.source import Source, holds
from diffnet_tf.restoration.values import Survey

LEVELS = 64  # gray levels that an image should keep at least
ABOVE_WHITE = 1.5  # noise and networks can raise floats from 1 to this value
_NEAR, _FEW = 1.05, 0.01  # barely above white; the share of values that may lie higher, unless they are noise
_OUTER, _INNER = 0.2, 1.2  # see `_is_noise`


@dataclasses.dataclass(frozen=True)
class Range:
    """The conversion to values of the output: (value − black) × factor."""

    black: float
    factor: float


def chosen(
    source: Source, group: slice, scale: Scale, stats: Survey, dtype: np.dtype, white: Level | None, name: PathLike
) -> Range:
    """Choose the conversion for a group of channels.

    Args:
        source: the image.
        group: the channels.
        scale, stats: black and white of the group, and its statistics.
        dtype: dtype of the output.
        white: the value that becomes the output's white while black becomes 0, or "white" for the network's white.
            None maps full range to full range.
        name: what messages call the image.

    Raises:
        ValueError: if the output would be too bright or dark or cannot hold the values; if white is not above black.
    """
    own = source.pixels.dtype
    if white is not None:
        top = scale.white if white == "white" else float(white)
        if not top > scale.black and stats.count:
            raise ValueError(
                f"scale={top:g} is not above black, {scale.black:g}; expected a higher value, which becomes white."
            )
        return Range(scale.black, full(dtype) / ((top - scale.black) or 1.0))
    if own != dtype and stats.count:
        _check(own, dtype, scale.white if scale.limits else max(stats.highs), f"{name} reaches", _SCALE)
        if dtype.kind == "u" and own.kind == "f" and not scale.limits:
            _check_above_white(source, group, stats, dtype, name)
        if dtype.kind == "u" and scale.black < 0:
            raise ValueError(f"{name} has black at {scale.black:g}, but {dtype} cannot hold negative values. {_SCALE}")
    return Range(0.0, full(dtype) / full(own))


def check_alpha(source: Source, dtype: np.dtype, name: PathLike) -> None:
    """Refuse alpha that is not finite, or that the output cannot represent.

    Raises:
        ValueError: in these cases.
    """
    own = source.pixels.dtype
    if source.alpha is None or (own.kind in "iu" and own == dtype):
        return
    top = max(float(source.pixels[rows, :, source.alpha].max()) for rows in source.blocks())
    if not np.isfinite(top):
        raise ValueError(f"The alpha channel of {name} contains NaN or infinity; expected finite values. Replace them.")
    if own != dtype and top > 0:
        _check(own, dtype, top, f"The alpha channel of {name} reaches", "Rescale alpha, or leave it out.")


def check_missing(source: Source, missing: bool, dtype: np.dtype) -> None:
    """Refuse an output dtype that cannot hold the value of missing pixels.

    Raises:
        ValueError: in this case.
    """
    if missing and source.nodata is not None and not holds(dtype, source.nodata):
        raise ValueError(
            f"nodata={source.nodata:.9g} does not fit into {dtype}; expected a dtype that can hold it. Write float32 "
            "(--depth float), or keep the input's dtype."
        )


def _check(own: np.dtype, dtype: np.dtype, top: float, reaches: str, advice: str) -> None:
    white, levels = full(own), top / full(own) * full(dtype)
    if dtype.kind == "u" and own.kind == "f" and top > ABOVE_WHITE:
        raise ValueError(f"{reaches} {top:g}; expected floats up to 1, which becomes white in {dtype}. {advice}")
    if dtype.kind == "u" and 0 < levels < LEVELS:
        raise ValueError(
            f"{reaches} {top:g}, while white in {own} is {white:g}: {dtype} would keep only {levels:.0f} gray levels, "
            f"near "
            f"black. {advice}"
        )
    if dtype == np.float16 and levels > float(np.finfo("float16").max):
        raise ValueError(f"{reaches} {top:g}, but float16 holds at most 65504. Write float32. {advice}")


def _check_above_white(source: Source, group: slice, stats: Survey, dtype: np.dtype, name: PathLike) -> None:
    """Refuse floats if many pixels of a channel are above white and this is not noise."""
    if max(stats.highs) <= _NEAR:
        return
    samples = source.sample(group, False, SAMPLES).reshape(-1, group.stop - group.start).T
    for values, high in zip(samples, stats.highs):
        many = float(np.mean(values > _NEAR))
        if many > _FEW and not _is_noise(values, high):
            raise ValueError(
                f"{name} reaches {high:g}, and {100 * many:.0f} % of a channel's values are above 1, which becomes "
                f"white "
                f"in {dtype}. {_SCALE}"
            )


def _is_noise(values: Array, high: float) -> bool:
    """Whether values above 1 look like noise on white: most are close to 1, about as many as just below 1."""
    above, near = values[values > 1], (high - 1) / 4
    outer, inner = int((above > 1 + 2 * near).sum()), int((above <= 1 + near).sum())
    below = int(((values <= 1) & (values > 1 - near)).sum())
    return outer <= _OUTER * len(above) and inner <= _INNER * below


_SCALE = (
    "Give scale='white' (--scale) to stretch the image from black to white over the output's range, or the value that "
    "becomes white, for example scale=255 (--scale 255)."
)


class Writer:
    """Converts values from the image's scale, writes them into the output, and restores missing pixels.

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
            rows, columns, channels: where to write. Write the channels of a group in order.
            group: the channels that can only be missing together.
            values: float (rows, columns, channels). Overwritten, because allocating new memory takes time.
            to: the conversion.
            missing: bool (rows, columns), pixels that keep their original values; None for none.
        """
        if to.black:
            values -= to.black
        values *= to.factor
        values = _cast(values, self.target.dtype)
        nodata = self.source.nodata
        if nodata is not None and self.target.dtype.kind in "iu":
            # Avoid nodata in a valid pixel. Integer pixels look missing if all of their channels equal nodata.
            same = (values == nodata).all(axis=-1, keepdims=True) & (channels.stop == group.stop)
            before = self.target[rows, columns, group.start : channels.start]
            same &= (before == nodata).all(axis=-1, keepdims=True)
            values = np.where(same, values + (-1 if nodata > 0 else 1), values)
        if missing is not None:
            values = np.where(missing[..., None], self._kept(rows, columns, channels, to, missing), values)
        with np.errstate(over="ignore"):  # in masked pixels
            self.target[rows, columns, channels] = values

    def keep(self, rows: slice, channels: slice) -> None:
        """Copy channels, converted to the output's dtype: alpha."""
        values = self.source.pixels[rows, :, channels]
        if values.dtype == self.target.dtype:
            self.target[rows, :, channels] = values
            return
        values = values.astype("float64")
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
    """For integer dtypes, round the values and clip them to the range, in place."""
    if dtype.kind in "iu":
        ends = np.iinfo(dtype)
        top = values.dtype.type(ends.max)
        if float(top) > ends.max:  # float32 rounds 2³² − 1 up
            top = np.nextafter(top, values.dtype.type(0))
        np.rint(values, out=values)
        np.clip(values, ends.min, top, out=values)
    return values
