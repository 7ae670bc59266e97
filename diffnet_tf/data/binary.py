"""STL-10's binary layout: a byte a colour value, image after image; of each three channels, each column by column."""

from pathlib import Path

import numpy as np

from diffnet_tf import files
from diffnet_tf.base.types import Array, PathLike

SIZE = 96  # of STL-10's images
NAME = "unlabeled_X.bin"  # of the file that the paper took
IMAGE_BYTES = 3 * SIZE * SIZE


def opened(path: PathLike) -> Array:
    """The images of a file, mapped into memory: read-only uint8 (n, 96, 96, 3).

    Raises:
        ValueError: when its length is not that of whole images.
    """
    path = Path(path)
    length = path.stat().st_size
    if length == 0 or length % IMAGE_BYTES:
        raise ValueError(
            f"{path} has {length} bytes; expected a positive multiple of {IMAGE_BYTES} (an image of 3×{SIZE}×{SIZE}). "
            "It is truncated or no STL-10 binary: fetch it again."
        )
    stored = np.memmap(path, dtype="uint8", mode="r", shape=(length // IMAGE_BYTES, 3, SIZE, SIZE))
    return stored.transpose(0, 3, 2, 1)


def encoded(images: Array) -> Array:
    """Images, uint8 (n, 96, 96, 3), in the order of a file's bytes: contiguous (n, 3, 96, 96).

    Raises:
        ValueError: for another dtype or shape.
    """
    if images.dtype != np.uint8 or images.shape[1:] != (SIZE, SIZE, 3):
        raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 (n, {SIZE}, {SIZE}, 3).")
    return np.ascontiguousarray(images.transpose(0, 3, 2, 1))


def write(path: PathLike, images: Array) -> None:
    """Write images, uint8 (n, 96, 96, 3), to a file that `opened` reads, whole or not at all."""
    stored = encoded(images)
    files.write(path, lambda file: file.write(stored.data))
