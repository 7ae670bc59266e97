"""Values on one dtype's scale written in another: the full range of integers for that of others, 0 to 1 for floats.

Where that would lose the image — white where it is not, or all but black — it is refused, unless a scale is asked for.
"""

import dataclasses

import numpy as np

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.restoration.fills import SAMPLES
from diffnet_tf.restoration.scale import Level, Scale
from diffnet_tf.restoration.source import Source, holds
from diffnet_tf.restoration.values import Survey

LEVELS = 64  # gray levels that an image should have left
ABOVE_WHITE = 1.5  # what noise and networks make of floats up to 1
_NEAR, _FEW = 1.05, 0.01  # what is hardly above white; how many values may be more than that, unless it is noise
_OUTER, _INNER = 0.2, 1.2  # see `_is_noise`


def full(dtype: np.dtype) -> float:
    """White: the largest integer of a dtype, or 1."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


@dataclasses.dataclass(frozen=True)
class Range:
    """How values become those of the output: (value − black) × factor."""

    black: float
    factor: float


def chosen(
    source: Source, group: slice, scale: Scale, found: Survey, dtype: np.dtype, white: Level | None, name: PathLike
) -> Range:
    """How the values of a group of channels are written.

    Args:
        source: the image.
        group: the channels.
        scale, found: of the group.
        dtype: of the output.
        white: the value that becomes the output's white, or "white" for that of the network; black becomes 0 then.
            None where the dtypes' full ranges stand for one another.
        name: of the image, for messages.

    Raises:
        ValueError: when the output would lose the image, or cannot hold the value of missing pixels.
    """
    own = source.pixels.dtype
    if white is not None:
        top = scale.white if white == "white" else float(white)
        if not top > scale.black and found.count:
            raise ValueError(f"scale={top:g} is not above black, {scale.black:g}; expected the value that is white.")
        return Range(scale.black, full(dtype) / ((top - scale.black) or 1.0))
    if own != dtype and found.count:
        _check(own, dtype, scale.white if scale.limits else max(found.highs), f"{name} reaches", _SCALE)
        if dtype.kind == "u" and own.kind == "f" and not scale.limits:
            _check_above_white(source, group, found, dtype, name)
        if dtype.kind == "u" and scale.black < 0:
            raise ValueError(f"{name} has black at {scale.black:g}, below what {dtype} holds. {_SCALE}")
    return Range(0.0, full(dtype) / full(own))


def check_alpha(source: Source, dtype: np.dtype, name: PathLike) -> None:
    """Refuse alpha that is not finite, or that the output would lose.

    Raises:
        ValueError: saying what it is.
    """
    own = source.pixels.dtype
    if source.alpha is None or (own.kind == "u" and own == dtype):
        return
    top = max(float(source.pixels[rows, :, source.alpha].max()) for rows in source.blocks())
    if not np.isfinite(top):
        raise ValueError(f"The alpha of {name} holds NaN or infinity; expected finite values. Replace them.")
    if own != dtype and top > 0:
        _check(own, dtype, top, f"The alpha of {name} reaches", "Scale it to that, or leave it out.")


def check_missing(source: Source, missing: bool, dtype: np.dtype) -> None:
    """Refuse an output that cannot hold the value of missing pixels.

    Raises:
        ValueError: naming both.
    """
    if missing and source.nodata is not None and not holds(dtype, source.nodata):
        raise ValueError(
            f"nodata={source.nodata:.9g} does not fit into {dtype}; expected an output that holds it. Write float32 "
            "(--depth float), or keep the input's dtype."
        )


def _check(own: np.dtype, dtype: np.dtype, top: float, reaches: str, advice: str) -> None:
    white, levels = full(own), top / full(own) * full(dtype)
    if dtype.kind == "u" and own.kind == "f" and top > ABOVE_WHITE:
        raise ValueError(f"{reaches} {top:g}; expected floats up to 1, which {dtype} has as white. {advice}")
    if dtype.kind == "u" and 0 < levels < LEVELS:
        raise ValueError(
            f"{reaches} {top:g} where {own} has white at {white:g}: {dtype} would keep {levels:.0f} gray levels, near "
            f"black. {advice}"
        )
    if dtype == np.float16 and levels > float(np.finfo("float16").max):
        raise ValueError(f"{reaches} {top:g}, above what float16 holds. Write float32. {advice}")


def _check_above_white(source: Source, group: slice, found: Survey, dtype: np.dtype, name: PathLike) -> None:
    """Refuse floats that are more than white in many pixels of a channel, if that is not noise."""
    if max(found.highs) <= _NEAR:
        return
    samples = source.sample(group, False, SAMPLES).reshape(-1, group.stop - group.start).T
    for values, high in zip(samples, found.highs):
        many = float(np.mean(values > _NEAR))
        if many > _FEW and not _is_noise(values, high):
            raise ValueError(
                f"{name} reaches {high:g}, and {100 * many:.0f} % of a channel's values are above 1, which {dtype} has "
                f"as white. {_SCALE}"
            )


def _is_noise(values: Array, high: float) -> bool:
    """Whether values above 1 are those of noise on white: most are near to 1, and as many as are just below it."""
    above, near = values[values > 1], (high - 1) / 4
    outer, inner = int((above > 1 + 2 * near).sum()), int((above <= 1 + near).sum())
    below = int(((values <= 1) & (values > 1 - near)).sum())
    return outer <= _OUTER * len(above) and inner <= _INNER * below


_SCALE = (
    "Give scale='white' (--scale) for the image's black and white at the ends of the output's range, or the value that "
    "becomes white, as scale=255 (--scale 255)."
)


class Writer:
    """Puts values that are on the image's scale into the output, and missing pixels back.

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
            rows, columns, channels: where; those of a group one after the other.
            group: the channels that are missing together.
            values: float (rows, columns, channels); they are overwritten, which spares the time that new memory takes.
            to: how they are written.
            missing: bool (rows, columns), the pixels that are put back as they were; None for none.
        """
        if to.black:
            values -= to.black
        values *= to.factor
        values = _cast(values, self.target.dtype)
        nodata = self.source.nodata
        if nodata is not None and self.target.dtype.kind == "u":
            # A pixel that is not missing may not look as if it were, which is so where all of its channels do.
            same = (values == nodata).all(axis=-1, keepdims=True) & (channels.stop == group.stop)
            before = self.target[rows, columns, group.start : channels.start]
            same &= (before == nodata).all(axis=-1, keepdims=True)
            values = np.where(same, values + (-1 if nodata > 0 else 1), values)
        if missing is not None:
            values = np.where(missing[..., None], self._kept(rows, columns, channels, to, missing), values)
        with np.errstate(over="ignore"):  # of what is masked
            self.target[rows, columns, channels] = values

    def keep(self, rows: slice, channels: slice) -> None:
        """Write channels as they are: alpha."""
        values = self.source.pixels[rows, :, channels].astype("float64")
        factor = full(self.target.dtype) / full(self.source.pixels.dtype)
        self.target[rows, :, channels] = _cast(values * factor, self.target.dtype)

    def _kept(self, rows: slice, columns: slice, channels: slice, to: Range, missing: Array) -> Array:
        """What missing pixels had: the very value if it is of nodata, under a mask on the output's scale."""
        original, dtype = self.source.pixels[rows, columns, channels], self.target.dtype
        kept = original
        if original.dtype != dtype or to != Range(0.0, 1.0):
            kept = _cast(np.nan_to_num((original.astype("float64") - to.black) * to.factor), dtype)
        return np.where(self.source.is_nodata(original), original, kept)


def _cast(values: Array, dtype: np.dtype) -> Array:
    """Values for integers are rounded and kept in their range, in place."""
    if dtype.kind == "u":
        np.rint(values, out=values)
        np.clip(values, 0, np.iinfo(dtype).max, out=values)
    return values
