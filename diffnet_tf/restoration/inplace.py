"""Handle an output that shares memory with the image: pixels must not be overwritten before they are read.

If image and output are the same pixels, each tile is written only when no later tile reads its pixels. This keeps the
output of two or three rows of tiles in memory. For any other overlap, the image is copied.
"""

import mmap
import os
from collections import deque
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

import numpy as np

from diffnet_tf.base.types import Array, PathLike


class Tile(NamedTuple):
    """The network's output for a tile: number of the part, position, and gray or colour values."""

    part: int
    rows: slice
    columns: slice
    output: Array


def _place(array: Array) -> tuple[Any, int]:
    """The position of an array's first element: (file identity, offset) if memory-mapped, else (None, address)."""
    address = array.__array_interface__["data"][0]
    base: Any = array
    while base is not None:
        if isinstance(base, np.memmap) and getattr(base, "_mmap", None) is not None and base.filename:
            start = np.frombuffer(base._mmap, "uint8").__array_interface__["data"][0]  # type: ignore[attr-defined]
            first = base.offset - base.offset % mmap.ALLOCATIONGRANULARITY
            return _identity(base.filename), address - start + first
        base = getattr(base, "base", None)
    return None, address


def _identity(path: PathLike) -> tuple[int, int] | str:
    """An identity of a file that does not depend on its name: links and relative paths give the same."""
    try:
        status = os.stat(path)
    except OSError:  # removed or renamed
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def overlap(image: Array, out: Array) -> bool:
    """Whether two arrays may share memory, or are mapped to the same file."""
    file = _place(image)[0]
    return np.may_share_memory(image, out) or (file is not None and file == _place(out)[0])


def same(image: Array, out: Array) -> bool:
    """Whether two arrays are the same pixels in memory, in the same order."""
    return (
        image.shape == out.shape
        and image.strides == out.strides
        and image.itemsize == out.itemsize
        and _place(image) == _place(out)
    )


def late(tiles: Iterable[Tile], margin: int) -> Generator[Tile, None, None]:
    """Delay tiles: yield each one as soon as no later tile reads any of its pixels.

    Args:
        tiles: in the order in which they were read, row by row for each part.
        margin: how far beyond its border a tile reads, in pixels.

    Yields:
        The tiles, in the same order.
    """
    held: deque[Tile] = deque()
    for tile in tiles:
        held.append(tile)
        while held and (held[0].part != tile.part or held[0].rows.stop + margin <= tile.rows.start):
            yield held.popleft()
    yield from held
