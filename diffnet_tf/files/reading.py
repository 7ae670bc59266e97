"""Reading of files that may be damaged or malicious: a ValueError names the file and what is wrong with it.

The libraries that decode files raise errors of all kinds, allocate as much memory as a header asks for, and unpack
whatever was compressed a thousandfold. Here errors have one form, and memory a bound. NumPy only.

JSON is read strictly. Python's reader also takes NaN, turns 1e999 into infinity, and keeps the last of two equal keys,
so that two readers may see different values.
"""

import contextlib
import io
import json
import math
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array, PathLike

DEFLATED = 1032  # the largest ratio of compression that deflate can reach
UNPACKED = 2**29  # the most bytes that are unpacked from one file of compressed arrays
_STORED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes


class Refused(Exception):
    """A file was decoded, but is not what was expected. The message continues a sentence that starts with its name."""


def reason(error: BaseException) -> str:
    """The first line of an error's message without a full stop; the type of the error if it has no message."""
    lines = str(error).encode(errors="backslashreplace").decode().splitlines()
    return lines[0][:300].rstrip(". ") if lines else type(error).__name__


@contextlib.contextmanager
def decoding(path: PathLike, what: str, advice: str = "replace it") -> Iterator[None]:
    """A block that decodes a file, and turns every error into a ValueError with the name of the file.

    Args:
        path: the file.
        what: what it is read as, with an article: for the message.
        advice: what to do if it was truncated: for the message.

    Raises:
        ValueError: if the block raises anything.
    """
    try:
        yield
    except Refused as refusal:
        raise ValueError(f"{path} {refusal}") from None
    except Exception as error:  # every decoder has its own kinds
        raise ValueError(
            f"{path} cannot be read as {what} ({reason(error)}). It may be truncated: {advice}."
        ) from error


def regular(path: PathLike, most: int, advice: str = "replace it") -> bytes:
    """Read a file of bounded length. Devices and pipes, which may never end, are not opened.

    Args:
        path: the file.
        most: its largest length in bytes.
        advice: what to do if it is something else: for the message.

    Raises:
        OSError: if there is no such file, or no permission to read it.
        ValueError: if it is not a regular file, or is longer.
    """
    length = check_regular(path, most, advice)
    with open(path, "rb") as file:
        return file.read(length)


def check_regular(path: PathLike, most: int, advice: str = "replace it") -> int:
    """The length of a file in bytes; raises the errors of `regular`."""
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is not a regular file: {advice}.")
    if status.st_size > most:
        raise ValueError(f"{path} has {status.st_size:,} bytes; expected at most {most:,}: {advice}.")
    return status.st_size


def json_value(text: str) -> Any:
    """Decode JSON. Refuses NaN, numbers beyond the range of a float, and objects that hold a key twice.

    Raises:
        Refused, ValueError, RecursionError: if the text is not such JSON. Use it in a block of `decoding`.
    """
    return json.loads(text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_object)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Refused(f"holds the number {text[:30]}; expected finite numbers.")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise Refused(f"holds {key[:30]!r} twice; expected each name once.")
        values[key] = value
    return values


def json_object(path: PathLike, advice: str = "replace it") -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        OSError: if there is no such file, or no permission to read it.
        ValueError: if it cannot be decoded, or does not hold an object.
    """
    content = Path(path).read_bytes()
    with decoding(path, "JSON", advice):
        values = json_value(content.decode())
        if not isinstance(values, dict):
            raise Refused(f"holds a {type(values).__name__}; expected an object of named values: {advice}.")
        return values


def array(path: PathLike, advice: str = "replace it") -> Array:
    """Open an NPY file as a memory map.

    Raises:
        ValueError: if it cannot be read, or is shorter than its header says.
    """
    with decoding(path, "an array", advice):
        return np.lib.format.open_memmap(path, mode="r")


def arrays(
    path: PathLike, content: bytes | None = None, advice: str = "replace it", most: int | None = None
) -> dict[str, Array]:
    """Read all arrays of an NPZ file into memory, by name.

    Args:
        path: the file.
        content: its bytes, if they have been read already.
        advice: what to do if it was truncated: for the message.
        most: the most bytes that are unpacked, if less than `UNPACKED`.

    Raises:
        OSError: if there is no such file, or no permission to read it.
        ValueError: if it cannot be decoded, holds something other than arrays, or needs more memory than the length of
            the file (uncompressed) or `UNPACKED` (compressed).
    """
    content = Path(path).read_bytes() if content is None else content
    with decoding(path, "arrays", advice), zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_sizes(archive.infolist(), len(content), min(UNPACKED, UNPACKED if most is None else most))
        return {info.filename.removesuffix(".npy"): _member(archive, info) for info in archive.infolist()}


def _check_sizes(members: list[zipfile.ZipInfo], length: int, most: int) -> None:
    for info in members:
        if info.compress_type not in _STORED:
            raise Refused(
                f"compresses {info.filename} by method {info.compress_type}; expected deflate. Save it again."
            )
    stored = sum(info.file_size for info in members if info.compress_type == zipfile.ZIP_STORED)
    packed = sum(info.file_size for info in members) - stored
    if stored > length or packed > min(most, DEFLATED * length):
        raise Refused(
            f"says that it holds {stored + packed:,} bytes; expected no more than its own {length:,}, or "
            f"{most:,} if they are compressed. Save it again without compression."
        )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    data = archive.read(info)
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    wanted = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and len(data) - file.tell() != wanted:  # checked before memory is allocated
        raise ValueError(f"{info.filename} has {len(data) - file.tell()} bytes, not the {wanted} of its shape {shape}")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
