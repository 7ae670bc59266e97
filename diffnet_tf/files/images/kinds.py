"""The format of a file, from its content and not its name, and whether the file is truncated."""

import math
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diffnet_tf.files.reading import Refused

PNG, JPEG, TIFF, NPY = "PNG", "JPEG", "TIFF", "NPY"
_READ = {
    b"\x89PNG\r\n\x1a\n": PNG,
    b"\xff\xd8\xff": JPEG,
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"II+\0": TIFF,
    b"MM\0+": TIFF,
    b"\x93NUMPY": NPY,
}
_OTHERS = {  # (position, bytes): the name of the format
    (0, b"GIF8"): "a GIF",
    (0, b"BM"): "a BMP",
    (8, b"WEBP"): "a WebP",
    (4, b"ftyp"): "a HEIC, AVIF or video",
    (0, b"\0\0\0\x0cjP  "): "a JPEG 2000",
    (0, b"\xff\x4f\xff\x51"): "a JPEG 2000",
    (0, b"\0\0\0\x0cJXL "): "a JPEG XL",
    (0, b"8BPS"): "a Photoshop",
    (0, b"v/1\x01"): "an OpenEXR",
    (0, b"#?RADIANCE"): "a Radiance HDR",
    (0, b"P5"): "a PGM",
    (0, b"P6"): "a PPM",
    (0, b"SIMPLE  ="): "a FITS",
    (128, b"DICM"): "a DICOM",
    (0, b"\x89HDF"): "an HDF5",
    (0, b"CDF"): "a NetCDF",
    (0, b"MATLAB 5"): "a MATLAB",
    (0, b"%PDF"): "a PDF",
    (0, b"PK\3\4"): "a ZIP (perhaps NPZ)",
    (0, b"\x1f\x8b"): "a gzip",
    (0, b"version https://git-lfs"): "a Git LFS pointer",
    (0, b"<"): "an XML or HTML",
}


def of(path: Path) -> str:
    """`PNG`, `JPEG`, `TIFF` or `NPY`, from a file's first bytes.

    Raises:
        Refused: if it is of another format, which is named if it is a common one.
    """
    with open(path, "rb") as file:
        start = file.read(132)
    if not start:
        raise Refused("cannot be read as an image (it is empty). It is truncated: replace it.")
    for magic, kind in _READ.items():
        if start.startswith(magic):
            return kind
    for (place, magic), kind in _OTHERS.items():
        if start[place:].startswith(magic):
            raise Refused(f"is {kind} file; expected PNG, JPEG, TIFF or NPY. Convert it, or replace it by the image.")
    raise Refused(
        f"cannot be read as an image (it begins with {start[:8]!r}; PNG, JPEG, TIFF and NPY files do not). "
        "Convert it, or replace it."
    )


def png_chunks(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """(type, position of the data, length of the data) of every chunk of a PNG.

    Raises:
        EOFError: if the file ends within a chunk, or before the last one.
    """
    end, place, name = path.stat().st_size, 8, b""
    with open(path, "rb") as file:
        while name != b"IEND":
            file.seek(place)
            head = file.read(8)
            size, name = int.from_bytes(head[:4], "big"), head[4:]
            if len(head) < 8 or place + 12 + size > end:
                raise EOFError
            yield name, place + 8, size
            place += 12 + size


def truncated(path: Path, kind: str) -> bool:
    """Whether a file ends before it should. (The pixels of a TIFF are checked when they are read.)"""
    try:
        match kind:
            case "PNG":
                return not list(png_chunks(path))
            case "JPEG":
                return b"\xff\xd9" not in _scans(path.read_bytes())
            case "TIFF":
                return _directory_end(path) > path.stat().st_size
            case "NPY":
                return _array_end(path) > path.stat().st_size
    except (EOFError, struct.error, IndexError):
        return True
    except Exception as error:  # NumPy's reader of headers raises many kinds
        return "EOF" in str(error)
    return False


def _directory_end(path: Path) -> int:
    """The position after the first directory of a TIFF."""
    with open(path, "rb") as file:
        order = "<" if file.read(2) == b"II" else ">"
        big = struct.unpack(order + "H", file.read(2))[0] == 43
        file.seek(8 if big else 4)
        (place,) = struct.unpack(order + ("Q" if big else "I"), file.read(8 if big else 4))
        file.seek(min(place, 2**62))
        (number,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    return int(place + (8 + 20 * number if big else 2 + 12 * number))


def _array_end(path: Path) -> int:
    """The position after the array of an NPY file."""
    with open(path, "rb") as file:
        first = np.lib.format.read_magic(file) == (1, 0)
        shape, _, dtype = (np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0)(file)
        return file.tell() + math.prod(shape) * dtype.itemsize


def _scans(content: bytes) -> bytes:
    """The part of a JPEG after its segments: pictures inside those have end markers of their own."""
    place = 2
    while content[place + 1] != 0xDA:
        place += 2 + struct.unpack(">H", content[place + 2 : place + 4])[0]
    return content[place:]
