"""Files that are read, whoever wrote them: each is what it should be, or a ValueError says which is not, and why.

Files get truncated, overwritten and made up. The libraries that decode them raise what they like, allocate what a
header asks for, and unpack what was packed a thousandfold; here that has one form and a bound. NumPy only.
"""

import contextlib
import io
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array, PathLike

DEFLATED = 1032  # bytes that deflate makes of one, at most
UNPACKED = 2**29  # bytes of packed arrays that are unpacked from one file
_STORED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes


class Refused(Exception):
    """What is wrong with a file that was understood: the rest of a sentence that begins with its name."""


def reason(error: BaseException) -> str:
    """The first line of an error's message, or its kind when it has none, without a full stop."""
    lines = str(error).encode(errors="backslashreplace").decode().splitlines()
    return lines[0][:300].rstrip(". ") if lines else type(error).__name__


@contextlib.contextmanager
def decoding(path: PathLike, what: str, advice: str = "replace it") -> Iterator[None]:
    """A block that decodes a file; what it raises becomes a ValueError with the name of the file.

    Args:
        path: the file.
        what: it is read as, with its article.
        advice: what to do when it was truncated.
    """
    try:
        yield
    except Refused as refusal:
        raise ValueError(f"{path} {refusal}") from None
    except Exception as error:  # every decoder has its own
        raise ValueError(
            f"{path} cannot be read as {what} ({reason(error)}). It may be truncated: {advice}."
        ) from error


def json_object(path: PathLike, advice: str = "replace it") -> dict[str, Any]:
    """A JSON file that holds an object.

    Raises:
        OSError: when there is no such file, or it must not be read.
        ValueError: naming the file, when it cannot be decoded or holds something else.
    """
    content = Path(path).read_bytes()
    with decoding(path, "JSON", advice):
        values = json.loads(content.decode())
        if not isinstance(values, dict):
            raise Refused(f"holds a {type(values).__name__}; expected an object of named values. It is another file.")
        return values


def array(path: PathLike, advice: str = "replace it") -> Array:
    """An NPY file, memory-mapped.

    Raises:
        ValueError: naming the file, when it cannot be read or is shorter than its header says.
    """
    with decoding(path, "an array", advice):
        return np.lib.format.open_memmap(path, mode="r")


def arrays(path: PathLike, content: bytes | None = None, advice: str = "replace it") -> dict[str, Array]:
    """All arrays of an NPZ file by name, in memory.

    Args:
        path: the file.
        content: what it holds, if it has been read.
        advice: what to do when it was truncated.

    Raises:
        OSError: when there is no such file, or it must not be read.
        ValueError: naming the file, when it cannot be decoded, holds anything but arrays, or asks for more memory than
            its length allows (stored) or than `UNPACKED` (packed).
    """
    content = Path(path).read_bytes() if content is None else content
    with decoding(path, "arrays", advice), zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_sizes(archive.infolist(), len(content))
        return {info.filename.removesuffix(".npy"): _member(archive, info) for info in archive.infolist()}


def _check_sizes(members: list[zipfile.ZipInfo], length: int) -> None:
    for info in members:
        if info.compress_type not in _STORED:
            raise Refused(f"packs {info.filename} by method {info.compress_type}; expected deflate. Save it again.")
    stored = sum(info.file_size for info in members if info.compress_type == zipfile.ZIP_STORED)
    packed = sum(info.file_size for info in members) - stored
    if stored > length or packed > min(UNPACKED, DEFLATED * length):
        raise Refused(
            f"says that it holds {stored + packed:,} bytes; expected no more than its own {length:,}, or "
            f"{UNPACKED:,} when they are packed. Save it again without compression."
        )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    data = archive.read(info)
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    wanted = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and len(data) - file.tell() != wanted:  # before it is allocated
        raise ValueError(f"{info.filename} has {len(data) - file.tell()} bytes, not the {wanted} of its shape {shape}")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
