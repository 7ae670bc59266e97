"""Outputs that share memory with the image: pixels must not be overwritten before they have been read.

If the output is the image itself, a tile is written only when no later tile needs its pixels. Two or three rows of
tiles are then kept in memory. For any other overlap, the image is copied.
"""

import mmap
import os
from collections import deque
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

import numpy as np

from diffnet_tf.base.types import Array, PathLike


class Tile(NamedTuple):
    """The output of the network for a tile: the number of the part, the position, and the gray values."""

    part: int
    rows: slice
    columns: slice
    output: Array


def _place(array: Array) -> tuple[Any, int]:
    """The place of an array's first element: (identity of the file, position) if it is mapped, or (None, address)."""
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
    """The identity of a file, which does not depend on its name: links, relative paths, text and `Path`."""
    try:
        status = os.stat(path)
    except OSError:  # it was removed or renamed
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def overlap(image: Array, out: Array) -> bool:
    """Whether two arrays may share memory, or are mapped to the same file."""
    file = _place(image)[0]
    return np.may_share_memory(image, out) or (file is not None and file == _place(out)[0])


def same(image: Array, out: Array) -> bool:
    """Whether two arrays are the same pixels at the same places in memory."""
    return (
        image.shape == out.shape
        and image.strides == out.strides
        and image.itemsize == out.itemsize
        and _place(image) == _place(out)
    )


def late(tiles: Iterable[Tile], margin: int) -> Generator[Tile, None, None]:
    """Yield tiles, row by row of each part, each when no later tile needs its pixels.

    Args:
        tiles: in the order in which they were read.
        margin: how far beyond its border a tile is read, in pixels.
    """
    held: deque[Tile] = deque()
    for tile in tiles:
        held.append(tile)
        while held and (held[0].part != tile.part or held[0].rows.stop + margin <= tile.rows.start):
            yield held.popleft()
    yield from held
