"""STL-10's binary layout: image after image, in each three channels one after another, in each column after column."""

from pathlib import Path

import numpy as np

from diffnet_tf import files
from diffnet_tf.base.types import Array, PathLike

SIZE = 96  # of STL-10's images, in pixels
NAME = "unlabeled_X.bin"  # the file that the paper uses
IMAGE_BYTES = 3 * SIZE * SIZE


def opened(path: PathLike) -> Array:
    """The images of a file as a read-only memory map, uint8 (n, 96, 96, 3).

    Raises:
        ValueError: if its length is not a multiple of that of one image.
    """
    path = Path(path)
    length = path.stat().st_size
    if length == 0 or length % IMAGE_BYTES:
        raise ValueError(
            f"{path} has {length} bytes; expected a positive multiple of {IMAGE_BYTES} (3×{SIZE}×{SIZE} for each "
            "image). It is truncated, or not an STL-10 binary: download it again."
        )
    stored = np.memmap(path, dtype="uint8", mode="r", shape=(length // IMAGE_BYTES, 3, SIZE, SIZE))
    return stored.transpose(0, 3, 2, 1)


def encoded(images: Array) -> Array:
    """Bring images, uint8 (n, 96, 96, 3), into the order of the bytes in a file: contiguous (n, 3, 96, 96).

    Raises:
        ValueError: for another dtype or shape.
    """
    if images.dtype != np.uint8 or images.shape[1:] != (SIZE, SIZE, 3):
        raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 (n, {SIZE}, {SIZE}, 3).")
    return np.ascontiguousarray(images.transpose(0, 3, 2, 1))


def write(path: PathLike, images: Array) -> None:
    """Write images, uint8 (n, 96, 96, 3), to a file that `opened` can read.

    Raises:
        ValueError: for another dtype or shape.
    """
    stored = encoded(images)
    files.write(path, lambda file: file.write(stored.data))
