"""The metadata of PNG and JPEG files: read, and passed to the encoders."""

import contextlib
import io
import struct
import warnings
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

from diffnet_tf.files.images import kinds
from diffnet_tf.files.images.image import (
    CENTIMETRE,
    INCH,
    NO_UNIT,
    ORIENTATION,
    TURNED,
    Metadata,
    xmp_upright,
)

TEXTS = (b"tEXt", b"zTXt", b"iTXt")
COLOURS = (b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI")
_ELSEWHERE = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")  # starts of texts that hold XMP and Exif
_SIZES = (0xA002, 0xA003)  # Exif's width and height
_SEGMENT = 65_500  # the most bytes of Exif, of XMP or of a comment in a JPEG


def holds(value: bytes, kind: str) -> bool:
    """Whether a format can hold Exif or XMP of this length. (TIFF keeps Exif in its own tags.)"""
    return kind == kinds.PNG or (kind == kinds.JPEG and len(value) < _SEGMENT)


def holds_resolution(metadata: Metadata, kind: str) -> bool:
    """Whether a format can hold an image's resolution."""
    if kind == kinds.TIFF or metadata.resolution is None:
        return True
    x, y = metadata.resolution
    if metadata.unit == NO_UNIT:
        return kind == kinds.PNG and _is_aspect(metadata)
    return kind in (kinds.PNG, kinds.JPEG)


def _is_aspect(metadata: Metadata) -> bool:
    """Whether a resolution gives only the ratio of width to height of a pixel."""
    x, y = metadata.resolution or (1, 1)
    return metadata.unit == NO_UNIT and x != y and x.denominator == y.denominator == 1


def read(path: Path, image: Any) -> tuple[Metadata, int]:
    """The metadata of a Pillow image after it is turned upright, and the orientation that it has before, 1 to 8."""
    exif, damaged = _parsed(image)
    turned = exif.get(ORIENTATION, 1)
    turned = turned if turned in range(1, 9) else 1
    kept = _upright(exif, turned)
    dropped: tuple[str, ...] = ("Exif, which is damaged",) if damaged or (kept is None and len(exif)) else ()
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        dropped += (f"{frames - 1} further picture(s)",)
    xmp, comment = image.info.get("xmp"), image.info.get("comment")
    resolution, unit = _png_resolution(path) if image.format == "PNG" else _jpeg_resolution(image)
    if turned in TURNED and resolution:
        resolution = resolution[::-1]
    metadata = Metadata(
        icc=image.info.get("icc_profile") or None,
        resolution=resolution,
        unit=unit,
        exif=kept,
        xmp=xmp_upright(xmp) if isinstance(xmp, bytes) and xmp else None,
        comment=comment if isinstance(comment, bytes) else None,
        chunks=_kept_chunks(path) if image.format == "PNG" else (),
        dropped=dropped,
    )
    return metadata, turned


def _parsed(image: Any) -> tuple[Any, bool]:
    """Exif (with the orientation from XMP if it has none), and whether it is damaged. Damage is not an error."""
    from PIL import Image as pillow

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            return image.getexif(), bool(warned)
        except Exception:  # Pillow raises errors of many kinds
            return pillow.Exif(), True


def _upright(exif: Any, turned: int) -> bytes | None:
    """Exif without its orientation and preview; None if nothing is left, or it cannot be written."""
    try:
        exif.pop(ORIENTATION, None)
        inner = exif.get_ifd(0x8769)
        if turned in TURNED and all(size in inner for size in _SIZES):
            inner[_SIZES[0]], inner[_SIZES[1]] = inner[_SIZES[1]], inner[_SIZES[0]]
        content: bytes = exif.tobytes()
        return content.removeprefix(b"Exif\0\0") if len(exif) else None
    except Exception:
        return None


def _jpeg_resolution(image: Any) -> tuple[tuple[Fraction, Fraction] | None, int]:
    unit = {1: INCH, 2: CENTIMETRE}.get(image.info.get("jfif_unit"), NO_UNIT)
    density = image.info.get("jfif_density") if unit != NO_UNIT else image.info.get("dpi")
    with contextlib.suppress(TypeError, ValueError, OverflowError, ZeroDivisionError):
        x, y = (Fraction(value).limit_denominator(10_000) for value in density)
        if x > 0 and y > 0:
            return (x, y), unit if unit != NO_UNIT else INCH
    return None, NO_UNIT


# ---- PNG -------------------------------------------------------------------------------------------------------------


def chunks(path: Path, names: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    """(type, data) of the chunks of some types in a PNG, up to the place where it is truncated."""
    chosen = []
    with open(path, "rb") as file, contextlib.suppress(EOFError):
        for name, place, size in kinds.png_chunks(path):
            if name in names:
                file.seek(place)
                chosen.append((name, file.read(size)))
    return chosen


def _kept_chunks(path: Path) -> tuple[tuple[bytes, bytes], ...]:
    """Colour spaces and texts, without those with which Pillow could not read the written file."""
    kept = chunks(path, COLOURS)
    kept += [text for text in chunks(path, TEXTS) if not text[1].startswith(_ELSEWHERE)]
    return tuple(kept) if not kept or _readable(kept) else tuple(chunk for chunk in kept if _readable([chunk]))


def _readable(added: list[tuple[bytes, bytes]]) -> bool:
    from PIL import Image as pillow

    buffer = io.BytesIO()
    pillow.new("L", (1, 1)).save(buffer, "PNG")
    try:
        with pillow.open(io.BytesIO(with_chunks(buffer.getvalue(), added))) as image:
            image.load()
    except Exception:  # each type of chunk raises its own kinds
        return False
    return True


def _png_resolution(path: Path) -> tuple[tuple[Fraction, Fraction] | None, int]:
    for _, data in chunks(path, (b"pHYs",)):
        if len(data) == 9:
            x, y, unit = struct.unpack(">IIB", data)
            if x and y and (unit or x != y):
                scale = 100 if unit else 1
                return (Fraction(x, scale), Fraction(y, scale)), CENTIMETRE if unit else NO_UNIT
    return None, NO_UNIT


def png_chunks(metadata: Metadata) -> list[tuple[bytes, bytes]]:
    """Metadata as chunks of a PNG, (type, data)."""
    made = [chunk for chunk in metadata.chunks if chunk[0] in COLOURS]
    if metadata.icc:
        made.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    per_metre = [round(100 * value) for value in metadata.per_centimetre() or ()]
    if metadata.resolution and _is_aspect(metadata):
        made.append((b"pHYs", struct.pack(">IIB", *(value.numerator for value in metadata.resolution), 0)))
    elif per_metre and all(0 < value < 2**31 for value in per_metre):
        made.append((b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if metadata.exif:
        made.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        made.append((b"iTXt", _ELSEWHERE[0] + bytes(4) + metadata.xmp))
    return made + [chunk for chunk in metadata.chunks if chunk[0] in TEXTS]


def with_chunks(content: bytes, added: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG with chunks added after its header."""
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in added
    )
    return content[:33] + body + content[33:]


# ---- JPEG ------------------------------------------------------------------------------------------------------------


def jpeg_options(metadata: Metadata) -> dict[str, Any]:
    """Metadata as options of Pillow's JPEG encoder."""
    options: dict[str, Any] = {}
    if metadata.icc:
        options["icc_profile"] = metadata.icc
    if resolution := metadata.per_centimetre():
        dpi = tuple(round(float(value * Fraction(254, 100))) for value in resolution)
        if all(0 < value < 2**16 for value in dpi):
            options["dpi"] = dpi
    for name, prefix in (("exif", b"Exif\0\0"), ("xmp", b""), ("comment", b"")):
        value = getattr(metadata, name)
        if value and len(value) < _SEGMENT:
            options[name] = prefix + value
    return options
