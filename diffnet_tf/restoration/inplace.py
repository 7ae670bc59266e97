"""An output that shares memory with the image: what is written must not be read again.

Where both are the very same pixels, tiles are written late, when no later tile sees them any more: so many rows of the
output are kept as two or three rows of tiles have. Any other overlap takes a copy of the image.
"""

import mmap
import os
from collections import deque
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

import numpy as np

from diffnet_tf.base.types import Array, PathLike


class Tile(NamedTuple):
    """What the network made of a tile: of which part of the channels, where, and the gray values."""

    part: int
    rows: slice
    columns: slice
    output: Array


def _place(array: Array) -> tuple[Any, int]:
    """Where an array's first element lies: (the file's identity, position) if it is mapped, else (None, address)."""
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
    """The same for a file under whatever name: links, relative paths, text and `Path`."""
    try:
        found = os.stat(path)
    except OSError:  # it was removed or renamed
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def overlap(image: Array, out: Array) -> bool:
    """Whether two arrays may share memory, or a file that both are mapped to."""
    file = _place(image)[0]
    return np.may_share_memory(image, out) or (file is not None and file == _place(out)[0])


def same(image: Array, out: Array) -> bool:
    """Whether two arrays have the very same pixels: each where the other has it."""
    return (
        image.shape == out.shape
        and image.strides == out.strides
        and image.itemsize == out.itemsize
        and _place(image) == _place(out)
    )


def late(tiles: Iterable[Tile], margin: int) -> Generator[Tile, None, None]:
    """Tiles, row by row of each part, each when those that come later see none of its pixels.

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
