"""Prepare an image for a network: group its channels, find missing pixels, and fill them.

A pixel is missing if it is masked or has the value `nodata`. For the network, it is filled from its neighbours: small
gaps by biharmonic interpolation, large ones with the nearest valid pixel. Filling a tile from its surroundings gives
the same result as filling the whole image: a valid output pixel depends only on pixels within the network's reach, and
the values that fill those come from nearby.
"""

import math

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array
from diffnet_tf.restoration.scale import LUMINANCE, Scale

SMALL = 3  # largest distance, in pixels, from the middle of a small gap to the nearest valid pixel
_BLOCK = 2**20  # values per block in a pass over the whole image


class Source:
    """The pixels of an image, its groups of channels, and its missing pixels.

    Args:
        image: (height, width) or (height, width, channels), an array, a memory map or a masked array.
        alpha: whether the last channel is alpha. None: yes if there are two or four channels.
        nodata: the value that marks missing pixels, a number or NaN. None: only masked pixels are missing.
        bands: whether each channel is a separate gray image; otherwise the first three of three or more are RGB.

    Attributes:
        pixels: (height, width, channels), masked pixels included.
        colours: number of channels, not counting alpha.
        groups: channels that share a scale: RGB together, every other channel separately.
        flat: whether the image has no channel axis.

    Raises:
        TypeError, ValueError: if nodata is not a number, or alpha is True for one or three channels.
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
            raise ValueError(
                f"alpha=True with {channels} channel(s); expected 2 or 4, the last of which is alpha. Leave out alpha."
            )
        self.colours = channels - (channels in (2, 4) and alpha is not False)
        colour = [slice(0, 3)] if self.colours > 2 and not bands else []
        self.groups = [*colour, *(slice(k, k + 1) for k in range(3 if colour else 0, self.colours))]
        self.nodata = _in_dtype(nodata, pixels.dtype)
        # A valid pixel may have the value 0, or any integer, in one of its channels.
        self._all_channels = pixels.dtype.kind in "iu" or self.nodata == 0

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def alpha(self) -> slice | None:
        """The alpha channel; None if there is none."""
        return slice(self.colours, self.colours + 1) if self.colours < self.pixels.shape[2] else None

    @property
    def whole(self) -> bool:
        """Whether no pixels can be missing."""
        return self.mask is None and self.nodata is None

    def blocks(self) -> list[slice]:
        """Split the image into blocks of rows, a few million bytes each."""
        rows = max(1, _BLOCK // (self.pixels.shape[1] * self.pixels.shape[2]))
        return [slice(row, row + rows) for row in range(0, self.pixels.shape[0], rows)]

    def missing(self, rows: slice, columns: slice, group: slice) -> Array | None:
        """Which pixels of a group of channels are missing: bool (rows, columns), or None if there are none."""
        if self.whole:
            return None
        missing: Array = np.zeros((), bool)
        if self.mask is not None:
            missing = np.asarray(self.mask[rows, columns, group].any(axis=-1))
        if self.nodata is not None:
            same = self.is_nodata(self.pixels[rows, columns, group])
            missing = missing | (same.all(axis=-1) if self._all_channels else same.any(axis=-1))
        return missing if missing.any() else None

    def is_nodata(self, values: Array) -> Array:
        """Which values equal nodata: a bool array of the same shape."""
        if self.nodata is None:
            return np.zeros(values.shape, bool)
        if math.isnan(self.nodata):
            return np.isnan(values)
        if values.dtype == np.float64 and math.isfinite(self.nodata):  # files store nodata with limited precision
            return np.abs(values - self.nodata) <= 6e-8 * abs(self.nodata)
        return values == values.dtype.type(self.nodata)

    def valid(self, rows: slice, group: slice, luminance: bool, step: int = 1) -> Array:
        """The values of valid pixels in every `step`-th column: luminance (n,), or all channels (n, channels).

        If no pixels are missing, the array keeps its shape (rows, columns) or (rows, columns, channels).
        """
        values = self.pixels[rows, ::step, group]
        if luminance:
            with np.errstate(over="ignore", invalid="ignore"):
                values = values.astype("float32") @ LUMINANCE
        missing = self.missing(rows, slice(None, None, step), group)
        return values if missing is None else values[~missing]

    def count(self, group: slice, luminance: bool) -> int:
        """The number of values, including missing ones."""
        return math.prod(self.shape) * (1 if luminance else group.stop - group.start)

    def sample(self, group: slice, luminance: bool, limit: int) -> Array:
        """Values of about `limit` or fewer valid pixels, spread evenly over the image: an array of rank 1."""
        step = math.ceil(math.sqrt(max(1.0, math.prod(self.shape) / limit)))
        return self.valid(slice(None, None, step), group, luminance, step).reshape(-1)

    def gray(self, rows: slice, columns: slice, channels: slice, group: slice, scale: Scale, margin: int) -> Array:
        """A tile as the network sees it: float32 (rows, columns), black 0 and white 1, missing pixels filled.

        Args:
            rows, columns: position of the tile.
            channels: one channel, or three for their luminance.
            group: the group of these channels; it determines which pixels are missing.
            scale: black and white.
            margin: how far beyond the tile, in pixels, to search for valid pixels to fill from.
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
    """The mask of an image, bool (height, width, channels); None if no pixels are masked."""
    if not isinstance(image, np.ma.MaskedArray) or not np.any(image.mask):
        return None
    mask = np.asarray(image.mask)
    return mask[..., None] if image.ndim == 2 else mask


def _in_dtype(nodata: float | None, dtype: np.dtype) -> float | None:
    """nodata as a float; None if the dtype cannot hold it, because then no pixel can have this value."""
    if nodata is None:
        return None
    if isinstance(nodata, bool) or not isinstance(nodata, (int, float, np.number)):
        raise checks.InputTypeError(f"nodata={nodata!r} is a {type(nodata).__name__}; expected a number or NaN.")
    nodata = float(nodata)
    return nodata if holds(dtype, nodata) else None


def holds(dtype: np.dtype, value: float) -> bool:
    """Whether a dtype can hold a number: exactly for integers, rounded for floats."""
    if dtype.kind in "iu":
        ends = np.iinfo(dtype)
        return math.isfinite(value) and value == int(value) and ends.min <= value <= ends.max
    with np.errstate(over="ignore"):
        return not math.isfinite(value) or bool(np.isfinite(dtype.type(value)))


def _widened(extent: slice, margin: int, size: int) -> tuple[slice, slice]:
    """A slice widened by a margin within the image, and the position of the original slice in it."""
    start, stop, _ = extent.indices(size)
    first, last = max(0, start - margin), min(size, stop + margin)
    return slice(first, last), slice(start - first, stop - first)


def fill_margin(reach: int) -> int:
    """How far beyond a tile, in pixels, to search for valid pixels to fill from, for a network with this reach.

    A missing pixel that affects a valid one is at most √2 reach away from it. Finding small gaps and interpolating them
    needs about 4 `SMALL` pixels more.
    """
    return math.ceil(math.sqrt(2) * reach) + 4 * SMALL


def fill(values: Array, missing: Array) -> Array:
    """Fill missing pixels from their neighbours.

    Args:
        values: float32 (height, width).
        missing: bool (height, width).

    Returns:
        float32 (height, width) with missing pixels filled; zeros if all pixels are missing.
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
        around = 2 * SMALL + 1  # limit to the range of nearby pixels, so that tile borders have no effect
        low, high = (of(filled, around)[small] for of in (ndimage.minimum_filter, ndimage.maximum_filter))
        filled[small] = np.clip(inpaint_biharmonic(filled, small)[small], low, high)
    return filled
