"""Gray images in memory: stored as bytes if the source has bytes, and converted to float32 when they are used."""

import copy
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from diffnet_tf import files
from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike, Tensor
from diffnet_tf.data import light

GRAY_NAME = "gray.npy"
Convert = Callable[[Array], Array]  # `to_gray` or `to_colour`


class GrayImages:
    """Gray images of one size. The stored values do not change; each image is scaled by its maximum when it is used.

    As bytes, 90,000 images of STL-10 take 830 MB; as float32 they would take 3.3 GB.

    Args:
        pixels: (n, height, width), uint8 or float32, not negative.
        name: the source, for messages.
        scaled: divide each image by its own maximum. False keeps float32 pixels in [0, 1] unchanged, for images whose
            contrast carries information.

    Raises:
        TypeError, ValueError: for another dtype or shape, negative, infinite or NaN values, or a black image.
    """

    scale = "maximum"  # what each image is divided by; "white" after `in_white`

    def __init__(self, pixels: Array, name: str = "images", scaled: bool = True) -> None:
        checks.image_shape((*pixels.shape, 1), name)
        if pixels.dtype != np.uint8:
            checks.float_dtype(pixels, name)
            check_values(pixels, name)
        checks.not_black(pixels, name)
        maxima = pixels.reshape(len(pixels), -1).max(axis=1).astype("float32")
        if not scaled and (pixels.dtype == np.uint8 or maxima.max() > 1):
            raise ValueError(
                f"{name} are {pixels.dtype} up to {maxima.max():g}; expected float32 in [0, 1] with scaled=False."
            )
        self.pixels, self.name = pixels, name
        self.maxima = maxima if scaled else np.ones_like(maxima)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, where: slice | Array) -> Self:
        """A subset of the images, by a slice or an array of their numbers. Each keeps its scale."""
        some = copy.copy(self)
        some.pixels, some.maxima = self.pixels[where], self.maxima[where]
        return some

    def in_white(self) -> Self:
        """The same images, divided by white and not by their own maxima: by 255 for bytes, by 1 for floats.

        Raises:
            ValueError: if floats are above 1.
        """
        some = copy.copy(self)
        white = np.float32(255 if self.pixels.dtype == np.uint8 else 1)
        if len(self) and (highest := float(self.maxima.max())) > white:
            raise ValueError(f"{self.name} reach {highest:g}; expected floats in [0, 1] with scale='white'.")
        some.maxima, some.scale = np.full_like(self.maxima, white), "white"
        return some

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, height, width, 1)."""
        return (*self.pixels.shape, 1)

    @property
    def sizes(self) -> Array:
        """Height and width of each image, (n, 2)."""
        return np.tile(np.array(self.shape[1:3]), (len(self), 1))

    def image(self, number: int) -> Array:
        """The stored pixels of one image: (height, width), or (height, width, 3)."""
        return self.pixels[number]

    def layout(self, index: Tensor, xp: Any) -> tuple[Tensor, Tensor, Tensor]:
        """(height, width, position of the first pixel among all pixels) of images; (n, 1, 1) for values that differ.

        Args:
            index: numbers of images, (n,).
            xp: the array library, an `examples.Arrays`.
        """
        _, height, width, _ = self.shape
        return height, width, index[:, None, None] * (height * width)

    def fingerprint(self) -> list[int]:
        """A list of numbers that identifies the images: shape and checksum."""
        return [*(side or 0 for side in self.shape), zlib.crc32(np.ascontiguousarray(self.pixels).data)]

    def tiles(self, side: int) -> Self:
        """Cut every image into disjoint squares, row by row. The rest at the right and lower border is dropped.

        Args:
            side: side of the squares, in pixels.

        Returns:
            The squares; each keeps the scale of its image.

        Raises:
            ValueError: if the images are smaller than a square, or differ in size.
        """
        checks.count(side, "side", minimum=checks.MINIMUM_SIZE)
        number, height, width, _ = self.shape
        if height is None or min(height, width) < side:
            sizes = "differ in size" if height is None else f"have {height}×{width} pixels"
            raise ValueError(f"side={side} and {self.name} {sizes}; expected images of one size, at least side×side.")
        rows, columns = height // side, width // side
        cut = self.pixels[:, : rows * side, : columns * side]
        cut = cut.reshape(number, rows, side, columns, side, *self.pixels.shape[3:]).swapaxes(2, 3)
        some = copy.copy(self)
        some.pixels = np.ascontiguousarray(cut.reshape(-1, side, side, *self.pixels.shape[3:]))
        some.maxima = np.repeat(self.maxima, rows * columns)
        return some

    def save(self, directory: PathLike) -> None:
        """Write the stored pixels to `gray.npy` in a folder, to be read as the source "npy"."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        files.write(directory / GRAY_NAME, lambda file: np.save(file, self.pixels))

    def take(self, indices: Array, rows: slice = slice(None), columns: slice = slice(None)) -> Array:
        """Images, or the same part of each, as float32 in [0, 1]: (len(indices), height, width, channels).

        Args:
            indices: numbers of images.
            rows, columns: the part, by default the whole image.
        """
        part = self.pixels[indices, rows, columns].astype("float32")
        part = part if part.ndim == 4 else part[..., None]
        return part / self.maxima[indices, None, None, None]


def check_values(image: Array, name: PathLike) -> None:
    """Raise a ValueError for values that cannot be light: NaN, infinite, or below 0."""
    light.check_possible(image, name)
    if image.min() < 0:
        raise ValueError(f"{name}: the minimum is {image.min():g}; expected no values below 0, which is black.")


def check_light(image: Array, name: PathLike) -> None:
    """Raise a ValueError for such values, and for a black image, which cannot be scaled by its maximum."""
    check_values(image, name)
    if image.max() <= 0:
        raise ValueError(f"{name} is black everywhere; expected a positive maximum to scale it by. Remove it.")


def to_gray(array: Array) -> Array:
    """Convert any image to gray: luminance as in MATLAB's rgb2gray, 0.2989 R + 0.5870 G + 0.1140 B.

    Args:
        array: (..., height, width) gray, or (..., height, width, 1 to 4): gray, gray and alpha, RGB or RGBA. Alpha is
            dropped.

    Returns:
        (..., height, width), uint8 (rounded) for uint8, and float32 otherwise.
    """
    if array.shape[-1] in (3, 4) and array.ndim >= 3:
        red, green, blue = (array[..., k].astype("float32") for k in range(3))
        gray = 0.2989 * red + 0.5870 * green + 0.1140 * blue
        return np.rint(gray).astype("uint8") if array.dtype == np.uint8 else gray
    if array.shape[-1] in (1, 2) and array.ndim >= 3:
        array = array[..., 0]
    return array if array.dtype == np.uint8 else array.astype("float32")
