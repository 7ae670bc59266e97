"""Images of different sizes, whole and at their own resolution. Training examples are crops of these images."""

import copy
import math
import tempfile
import zlib
from collections.abc import Iterable
from typing import IO, Any, Self

import numpy as np

from diffnet_tf.base.types import Array, PathLike, Tensor
from diffnet_tf.data.colour import ColourImages
from diffnet_tf.data.examples import Arrays
from diffnet_tf.data.gray import GrayImages, check_light

IN_MEMORY = 2**29  # bytes; larger sets are kept in a temporary file
SQUARES = 64  # the least number of squares for validation, if the images have so many


class MixedImages(GrayImages):
    """Images of different sizes, for every function that takes a `GrayImages` and crops it.

    The pixels of all images are stored one after another: as bytes if all images have 8 bits, otherwise as float32.
    More than `IN_MEMORY` bytes are stored in a temporary file and memory-mapped. TMPDIR sets the folder of that file.

    Args:
        images: (name, pixels) of each image, read one at a time. Pixels are (height, width) or (height, width, 3),
            uint8 or float32, finite, not negative, not black.
        name: the source, for messages.

    Raises:
        ValueError: for other values. The message names the image.
    """

    def __init__(self, images: Iterable[tuple[PathLike, Array]], name: str = "images") -> None:
        store, sizes, maxima, names = _Store(), [], [], []
        for each, pixels in images:
            check_light(pixels, each)
            store.add(pixels)
            sizes.append(pixels.shape[:2])
            maxima.append(pixels.max())
            names.append(str(each))
        self.pixels, self.name, self.names = store.pixels(), name, np.array(names)
        self.maxima, self._sizes = np.array(maxima, "float32"), np.array(sizes, "int64")
        self._first = np.concatenate([[0], np.cumsum(self._sizes.prod(axis=1))[:-1]])

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, where: slice | Array) -> Self:
        some = copy.copy(self)
        for part in ("names", "maxima", "_sizes", "_first"):
            setattr(some, part, getattr(self, part)[where])
        return some

    @property
    def shape(self) -> tuple[int, None, None, int]:  # type: ignore[override]
        """(n, None, None, channels)."""
        return len(self), None, None, self.pixels.shape[1] if self.pixels.ndim == 2 else 1

    @property
    def sizes(self) -> Array:
        return self._sizes

    def image(self, number: int) -> Array:
        height, width = self._sizes[number]
        first = self._first[number]
        return self.pixels[first : first + height * width].reshape(height, width, *self.pixels.shape[1:])

    def layout(self, index: Tensor, xp: Arrays) -> tuple[Tensor, Tensor, Tensor]:
        def of_each(numbers: Array) -> Tensor:
            return xp.take(xp.array(numbers, "int64"), index)[:, None, None]

        return of_each(self._sizes[:, 0]), of_each(self._sizes[:, 1]), of_each(self._first)

    def fingerprint(self) -> list[int]:
        checksum = 0  # of the pixels of all images, one after another
        for number in range(len(self)):
            checksum = zlib.crc32(np.ascontiguousarray(self.image(number)).data, checksum)
        return [*(side or 0 for side in self.shape), checksum, *map(int, self._sizes.ravel())]

    def take(self, indices: Array, rows: slice = slice(None), columns: slice = slice(None)) -> Array:
        """Not possible for images of different sizes.

        Raises:
            ValueError: always.
        """
        other = int(np.argmax((self._sizes != self._sizes[0]).any(axis=1)))
        shapes = [tuple(map(int, self._sizes[number])) for number in (other, 0)]
        raise ValueError(
            f"{self.names[other]} has {shapes[0]} pixels but {self.names[0]} has {shapes[1]}; expected one size for "
            "all. Use open_images, which keeps their sizes, or give size=96 to crop and reduce them to squares."
        )

    def save(self, directory: PathLike) -> None:
        """Not possible: the source "npy" holds images of one size only.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{self.name} differ in size, which the source 'npy' cannot hold; expected images of one size."
        )

    def of_one_size(self) -> GrayImages:
        """The images as a `GrayImages` or `ColourImages` if all have the same size; otherwise this object."""
        if (self._sizes != self._sizes[0]).any():
            return self
        kind: type[GrayImages] = GrayImages if self.shape[-1] == 1 else ColourImages
        same = kind.__new__(kind)  # without __init__: the checks are done, and the images may not fit into memory
        same.maxima, same.name = self.maxima, self.name
        same.pixels = self.pixels.reshape(len(self), *self._sizes[0], *self.pixels.shape[1:])
        return same


def at_least(images: GrayImages, side: int) -> GrayImages:
    """The images whose height and width are at least `side` pixels."""
    return images[np.flatnonzero(images.sizes.min(axis=1) >= side)]


def squares(images: GrayImages, side: int) -> GrayImages:
    """Cut squares at the images' own resolution, for validation. If there are few images, each gives several squares.

    Args:
        images: images of any sizes, at least `side` pixels wide and high.
        side: side of the squares, in pixels.

    Returns:
        A `GrayImages` or `ColourImages`; each square keeps the scale of its image. Black squares are left out.
    """
    each = math.ceil(SQUARES / len(images))
    cut = []
    for number, (height, width) in enumerate(images.sizes):
        whole, maximum = images.image(number), images.maxima[number]
        rows = min(height // side, max(math.isqrt(each - 1) + 1, math.ceil(each / (width // side))))
        columns = min(width // side, math.ceil(each / rows))
        for top in _spread(height - side, rows):
            for left in _spread(width - side, columns):
                cut.append(whole[top : top + side, left : left + side].astype("float32") / maximum)
    lit = np.stack([square for square in cut if square.max() > 0])
    return (GrayImages if lit.ndim == 3 else ColourImages)(lit, images.name, scaled=False)


def _spread(room: int, number: int) -> list[int]:
    """A number of equally spaced positions from 0 to `room`; a single one is in the middle."""
    return [room // 2] if number == 1 else np.linspace(0, room, number).astype(int).tolist()


class _Store:
    """Pixels one after another, in memory or in a file."""

    def __init__(self) -> None:
        self._parts: list[Array] = []
        self._file: IO[bytes] | None = None
        self._dtype: np.dtype = np.dtype("uint8")
        self._tail: tuple[int, ...] = ()
        self._count = 0

    def add(self, pixels: Array) -> None:
        if pixels.dtype != np.uint8 and self._dtype == np.uint8:
            self._widen()
        self._tail = pixels.shape[2:]
        flat = pixels.reshape(-1, *self._tail).astype(self._dtype)
        self._count += len(flat)
        if self._file is None:
            self._parts.append(flat)
            if sum(part.nbytes for part in self._parts) > IN_MEMORY:
                self._file = _written(self._parts)
                self._parts = []
        else:
            self._file.write(flat.tobytes())

    def _widen(self) -> None:
        """Convert the stored bytes to float32, for a first image with more than 8 bits."""
        before, self._dtype = self.pixels() if self._count else None, np.dtype("float32")
        if before is None:
            return
        step = IN_MEMORY // 16
        parts = (before[start : start + step].astype("float32") for start in range(0, len(before), step))
        if self._file is None:
            self._parts = list(parts)
        else:
            self._file = _written(parts)

    def pixels(self) -> Array:
        """(pixels,) or (pixels, 3)."""
        if self._file is None:
            return np.concatenate(self._parts)
        self._file.flush()
        return np.memmap(self._file, self._dtype, "r", shape=(self._count, *self._tail))


def _written(parts: Iterable[Array]) -> Any:
    file = tempfile.TemporaryFile()  # noqa: SIM115  (deleted with the last array that maps it)
    for part in parts:
        file.write(part.tobytes())
    return file
