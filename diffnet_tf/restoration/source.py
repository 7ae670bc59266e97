"""An image as networks read it: which channels go together, which pixels are missing, and what stands in for those.

A missing pixel is masked, or has the value `nodata`. The network sees it filled from its neighbours: small gaps by
biharmonic interpolation, large ones by the nearest pixel. A tile is filled from what lies around it, which is as good
as the whole image, at any size: an output pixel depends on the pixels within the network's reach, so that the fills
that matter are those no further than that from a pixel that is not missing.
"""

import math

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array
from diffnet_tf.restoration.scale import LUMINANCE, Scale

SMALL = 3  # pixels from the middle of a gap to the next pixel that is not missing, up to which a gap is small
_BLOCK = 2**20  # values that are looked at at a time when the whole image is


class Source:
    """The pixels of an image, its channels and what is missing.

    Args:
        image: (height, width) or (height, width, channels), an array, a memory map or a masked array.
        alpha: whether the last channel is alpha; None for yes where there are two or four.
        nodata: the value of missing pixels, a number or NaN; None for none but those that are masked.
        bands: whether each channel is a gray image by itself; else the first three of three or more are RGB.

    Attributes:
        pixels: (height, width, channels), whatever is masked.
        colours: the number of channels without alpha.
        groups: the channels that share a scale: red, green and blue; every other channel by itself.
        flat: whether the image has no axis of channels.

    Raises:
        TypeError, ValueError: for a value of nodata that is no number, or alpha that there is not.
    """

    def __init__(
        self, image: Array, alpha: bool | None = None, nodata: float | None = None, bands: bool = False
    ) -> None:
        pixels, self.mask = image, _mask(image)
        if isinstance(image, np.ma.MaskedArray):
            pixels = image.data
        self.flat = pixels.ndim == 2
        self.pixels = pixels[..., None] if self.flat else pixels
        channels = self.pixels.shape[2]
        if alpha and channels not in (2, 4):
            raise ValueError(f"alpha=True with {channels} channel(s); expected 2 or 4, of which the last is alpha.")
        self.colours = channels - (channels in (2, 4) and alpha is not False)
        colour = [slice(0, 3)] if self.colours > 2 and not bands else []
        self.groups = [*colour, *(slice(k, k + 1) for k in range(3 if colour else 0, self.colours))]
        self.nodata = _in_dtype(nodata, pixels.dtype)
        # Zero, and whatever integers have, may be the value of a channel of a pixel that is not missing.
        self._all_channels = pixels.dtype.kind == "u" or self.nodata == 0

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def alpha(self) -> slice | None:
        """The channel of alpha, if there is one."""
        return slice(self.colours, self.colours + 1) if self.colours < self.pixels.shape[2] else None

    @property
    def whole(self) -> bool:
        """Whether no pixel can be missing."""
        return self.mask is None and self.nodata is None

    def blocks(self) -> list[slice]:
        """Rows to look at together: all of the image, a few million bytes at a time."""
        rows = max(1, _BLOCK // (self.pixels.shape[1] * self.pixels.shape[2]))
        return [slice(row, row + rows) for row in range(0, self.pixels.shape[0], rows)]

    def missing(self, rows: slice, columns: slice, group: slice) -> Array | None:
        """Which pixels of a group of channels are missing: bool (rows, columns); None when none is."""
        if self.whole:
            return None
        found: Array = np.zeros((), bool)
        if self.mask is not None:
            found = np.asarray(self.mask[rows, columns, group].any(axis=-1))
        if self.nodata is not None:
            same = self.is_nodata(self.pixels[rows, columns, group])
            found = found | (same.all(axis=-1) if self._all_channels else same.any(axis=-1))
        return found if found.any() else None

    def is_nodata(self, values: Array) -> Array:
        """Which values are those of missing pixels."""
        if self.nodata is None:
            return np.zeros(values.shape, bool)
        if math.isnan(self.nodata):
            return np.isnan(values)
        if values.dtype == np.float64 and math.isfinite(self.nodata):  # as exact as what is written in files
            return np.abs(values - self.nodata) <= 6e-8 * abs(self.nodata)
        return values == values.dtype.type(self.nodata)

    def valid(self, rows: slice, group: slice, luminance: bool, step: int = 1) -> Array:
        """The gray values, or the values of all channels, of the pixels that are not missing; every `step`-th of
        them."""
        values = self.pixels[rows, ::step, group]
        if luminance:
            with np.errstate(over="ignore", invalid="ignore"):
                values = values.astype("float32") @ LUMINANCE
        missing = self.missing(rows, slice(None, None, step), group)
        return values if missing is None else values[~missing]

    def count(self, group: slice, luminance: bool) -> int:
        """How many values there are, missing ones too."""
        return math.prod(self.shape) * (1 if luminance else group.stop - group.start)

    def sample(self, group: slice, luminance: bool, limit: int) -> Array:
        """The same of at most so many pixels, evenly from all of the image: an array of rank 1."""
        step = math.ceil(math.sqrt(max(1.0, math.prod(self.shape) / limit)))
        return self.valid(slice(None, None, step), group, luminance, step).reshape(-1)

    def gray(self, rows: slice, columns: slice, channels: slice, group: slice, scale: Scale, margin: int) -> Array:
        """What the network gets of a tile: float32 (rows, columns), black 0 and white 1, nothing missing.

        Args:
            rows, columns: of the tile.
            channels: of which the gray value is taken, one, or three for their luminance.
            group: the channels that they belong to: where those are missing, the pixel is.
            scale: black and white.
            margin: how far beyond the tile, in pixels, to look for pixels to fill missing ones from.
        """
        if self.missing(rows, columns, group) is None:
            return scale.limited(scale.gray(self.pixels[rows, columns, channels]))
        (rows, inner_rows), (columns, inner_columns) = (
            _widened(extent, margin, size) for extent, size in zip((rows, columns), self.shape)
        )
        missing = self.missing(rows, columns, group)
        assert missing is not None
        values = np.where(missing[..., None], self.pixels.dtype.type(0), self.pixels[rows, columns, channels])
        gray = fill(scale.limited(scale.gray(values)), missing)
        return gray[inner_rows, inner_columns]


def _mask(image: Array) -> Array | None:
    """What is masked, bool (height, width, channels); None where nothing is."""
    if not isinstance(image, np.ma.MaskedArray) or not np.any(image.mask):
        return None
    mask = np.asarray(image.mask)
    return mask[..., None] if image.ndim == 2 else mask


def _in_dtype(nodata: float | None, dtype: np.dtype) -> float | None:
    """The value of missing pixels, if the dtype can hold it: else none has it."""
    if nodata is None:
        return None
    if isinstance(nodata, bool) or not isinstance(nodata, (int, float, np.number)):
        raise checks.InputTypeError(f"nodata={nodata!r} is a {type(nodata).__name__}; expected a number or NaN.")
    nodata = float(nodata)
    return nodata if holds(dtype, nodata) else None


def holds(dtype: np.dtype, value: float) -> bool:
    """Whether a dtype can hold a number: integers exactly, floats to their precision."""
    if dtype.kind == "u":
        return math.isfinite(value) and value == int(value) and 0 <= value <= np.iinfo(dtype).max
    with np.errstate(over="ignore"):
        return not math.isfinite(value) or bool(np.isfinite(dtype.type(value)))


def _widened(extent: slice, margin: int, size: int) -> tuple[slice, slice]:
    """An extent with a margin, within the image; and where the extent is in it."""
    start, stop, _ = extent.indices(size)
    first, last = max(0, start - margin), min(size, stop + margin)
    return slice(first, last), slice(start - first, stop - first)


def fill_margin(reach: int) -> int:
    """How far beyond a tile to look for pixels to fill from, of a network of that reach.

    A missing pixel within reach of another that is not has one at most √2 times as far. What is small is decided within
    `SMALL` pixels and as many more, and interpolation hardly sees further.
    """
    return math.ceil(math.sqrt(2) * reach) + 4 * SMALL


def fill(values: Array, missing: Array) -> Array:
    """Put values of their neighbours in the place of missing pixels.

    Args:
        values: float32 (height, width).
        missing: bool (height, width).

    Returns:
        The same with the missing pixels filled; zeros where all are missing.
    """
    from scipy import ndimage
    from skimage.restoration import inpaint_biharmonic

    if missing.all():
        return np.zeros_like(values)
    distance, nearest = ndimage.distance_transform_edt(missing, return_indices=True)
    filled = values[tuple(nearest)]
    middle = distance > SMALL
    small = missing & (ndimage.distance_transform_edt(~middle) > SMALL + 1) if middle.any() else missing
    if small.any():
        around = 2 * SMALL + 1  # within the range of the pixels near by: where a tile ends changes nothing
        low, high = (of(filled, around)[small] for of in (ndimage.minimum_filter, ndimage.maximum_filter))
        filled[small] = np.clip(inpaint_biharmonic(filled, small)[small], low, high)
    return filled
