"""The metadata of TIFF files: read, and passed to tifffile."""

import io
import re
import sys
from fractions import Fraction
from typing import Any

import numpy as np

from diffnet_tf.files.images.image import NO_UNIT, ORIENTATION, TURNED, Metadata, xmp_orientation, xmp_upright

ALPHA = (1, 2)  # values of the tag ExtraSamples
DESCRIPTION, X_RESOLUTION, Y_RESOLUTION, UNIT, XMP, ICC = 270, 282, 283, 296, 700, 34675
GDAL, NODATA = 42112, 42113
IMAGEJ = (50838, 50839)
MAP = (33550, 33922, 34264, 34735, 34736, 34737)  # GeoTIFF: the rows and columns in map coordinates
POSITION = (286, 287)  # of the image on a printed page
COLORIMETRY = (318, 319)
TEXTS = (269, 271, 272, 285, 315, 316, 33432, 33723)  # Names of document, camera, page, artist; copyright; IPTC
KEPT = (DESCRIPTION, *TEXTS, *COLORIMETRY, *POSITION, *MAP, GDAL, NODATA)

# Not copied as tags: those that are read elsewhere, and those that describe the encoding or the program that wrote it.
_READ = (ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT, XMP, ICC, *IMAGEJ)
_LAYOUT = {
    254,
    255,
    *range(256, 267),
    273,
    *range(277, 282),
    284,
    *range(288, 294),
    297,
    305,
    306,
    317,
    *range(320, 331),
}
_LAYOUT |= {338, 339, 340, 341, 347, *range(512, 533), 32995, 32996, 32997, 32998, 50674}
Entry = tuple[int, int, int, object]  # number, type, count and value of a tag
ASCII = 2
_RAW_TYPES = (1, ASCII, 6, 7)  # of single bytes, so that the byte order does not matter


def orientation(page: Any) -> int:
    """The orientation of a page, 1 to 8: where its first row and column are."""
    tag = page.tags.get(ORIENTATION)
    if tag:
        return int(tag.value) if isinstance(tag.value, int) else 1
    xmp = page.tags.get(XMP)
    return xmp_orientation(_raw(xmp)) if xmp else 1


def nodata(page: Any, dtype: np.dtype[Any]) -> float | None:
    """The value of GDAL_NODATA, rounded to the dtype of the pixels if that is a float; None if there is none."""
    tag = page.tags.get(NODATA)
    try:
        value = float(str(tag.value).strip(" \0")) if tag else None
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        return float(np.array(value, dtype)) if value is not None and dtype.kind == "f" else value


def read(page: Any, turned: int) -> Metadata:
    """The metadata of a page whose image was turned upright from the orientation `turned`, 1 to 8."""
    tags: list[Entry] = []
    dropped = []
    for tag in page.tags.values():
        if tag.code in _LAYOUT or tag.code in _READ:
            continue
        if tag.code == DESCRIPTION and _raw(tag).startswith(b'{"shape":'):  # tifffile's own note
            continue
        if tag.code in (*MAP, *POSITION) and turned != 1:
            dropped.append("map coordinates, since the image was turned" if tag.code in MAP else tag.name)
        elif tag.code == DESCRIPTION and turned in TURNED and _is_ome(_raw(tag)):
            dropped.append("OME-XML, since the image was turned")
        elif tag.code in KEPT and (tag.code != DESCRIPTION or int(tag.dtype) == ASCII):
            tags.append(_entry(tag))
        else:
            dropped.append(f"tag {tag.code}")
    tags = sorted([*tags, *_imagej(page)], key=lambda entry: entry[0])
    kept = _writable(tags) or tuple(entry for entry in tags if _writable([entry]))
    dropped += [f"tag {entry[0]}" for entry in tags if entry not in kept]
    xmp, icc = page.tags.get(XMP), page.tags.get(ICC)
    resolution, unit = _resolution(page, turned)
    return Metadata(
        icc=_raw(icc) if icc else None,
        resolution=resolution,
        unit=unit,
        xmp=xmp_upright(_raw(xmp)) if xmp else None,
        tags=kept,
        dropped=tuple(dict.fromkeys(dropped)),
    )


def _imagej(page: Any) -> list[Entry]:
    """ImageJ's labels, lookup tables and overlays, in the byte order of this machine."""
    import tifffile

    tag = page.tags.get(IMAGEJ[1])
    if not tag or not isinstance(tag.value, dict):
        return []
    order = "<" if sys.byteorder == "little" else ">"
    try:
        entries = [entry[:4] for entry in tifffile.tifffile.imagej_metadata_tag(tag.value, order)]
        counts = next(value for code, _, _, value in entries if code == IMAGEJ[0])
        numbers = tuple(int(number) for number in np.frombuffer(counts, "uint32"))
        lengths = numbers if len(numbers) > 1 else numbers[0]
        return [(*entry[:3], lengths if entry[0] == IMAGEJ[0] else entry[3]) for entry in entries]
    except Exception:  # values that it can read but not write
        return [(IMAGEJ[1], 0, 0, None)]


def _raw(tag: Any) -> bytes:
    """The bytes of a tag in the file."""
    file = tag.parent.filehandle
    with file.lock:
        file.seek(tag.valueoffset)
        data: bytes = file.read(tag.valuebytecount)
    return data


def _entry(tag: Any) -> Entry:
    """A tag as tifffile takes it."""
    kind = int(tag.dtype)
    if kind in _RAW_TYPES:
        data = _raw(tag)
        data = data.split(b"\0")[0] + b"\0" if kind == ASCII else data
        return tag.code, kind, len(data), data
    return tag.code, kind, tag.count, tag.value


def _writable(entries: list[Entry]) -> tuple[Entry, ...]:
    """The entries if tifffile writes all of them unchanged, otherwise none. Tested now, before the network runs."""
    import tifffile

    file = io.BytesIO()
    try:
        options = {"metadata": None, "extratags": [(*entry, True) for entry in entries]}
        tifffile.imwrite(file, np.zeros((1, 1), "uint8"), **options)
        file.seek(0)
        with tifffile.TiffFile(file) as written:
            tags = {tag.code: tag for tag in written.pages[0].tags.values()}
            return tuple(entries) if all(_entry(tags[entry[0]]) == entry for entry in entries) else ()
    except Exception:  # tifffile rejects a type, number or value
        return ()


def _resolution(page: Any, turned: int) -> tuple[tuple[Fraction, Fraction] | None, int]:
    values = []
    for code in (X_RESOLUTION, Y_RESOLUTION):
        tag = page.tags.get(code)
        value = tag.value if tag else None
        if not isinstance(value, tuple) or len(value) != 2 or not all(isinstance(v, int) and v > 0 for v in value):
            return None, NO_UNIT
        values.append(Fraction(*value))
    unit = page.tags.get(UNIT)
    unit = unit.value if unit else 2
    unit = int(unit) if unit in (1, 2, 3) else NO_UNIT
    if unit == NO_UNIT and values == [1, 1]:  # says only that pixels are square
        return None, NO_UNIT
    x, y = reversed(values) if turned in TURNED else values
    return (x, y), unit


# ---- Writing ---------------------------------------------------------------------------------------------------------


def options(metadata: Metadata, dtype: np.dtype[Any], rescaled: bool) -> dict[str, Any]:
    """Metadata as options of `tifffile.imwrite`.

    Args:
        metadata: metadata of the image that was read.
        dtype: dtype of the samples to be written.
        rescaled: whether their values are on another scale than those that were read.
    """
    chosen: dict[str, Any] = {}
    if metadata.icc:
        chosen["iccprofile"] = metadata.icc
    if metadata.resolution:
        chosen["resolution"] = tuple((r.numerator, r.denominator) for r in metadata.resolution)
        chosen["resolutionunit"] = metadata.unit
    entries = [_without_statistics(entry) if rescaled else entry for entry in metadata.tags]
    tags = [(*entry, True) for entry in entries if entry[0] != DESCRIPTION]
    if metadata.xmp:
        tags.append((XMP, 1, len(metadata.xmp), metadata.xmp, True))
    for code, _, _, value in metadata.tags:
        if code == DESCRIPTION and isinstance(value, bytes):
            chosen["description"] = _described(value.rstrip(b"\0"), dtype, rescaled)
    return {**chosen, "extratags": tags}


OME_TYPES = {"uint8": "uint8", "uint16": "uint16", "float32": "float", "float64": "double"}


def _is_ome(description: bytes) -> bool:
    return b"<OME" in description or b":OME" in description


def _described(description: bytes, dtype: np.dtype[Any], rescaled: bool) -> bytes:
    """A description that is correct for samples of a dtype and scale."""
    if not rescaled:
        return description
    if _is_ome(description):
        kind = OME_TYPES[dtype.name].encode()
        description = re.sub(rb'(<(?:\w+:)?Pixels\b[^>]*\bType=")[^"]*', rb"\g<1>" + kind, description)
        return re.sub(rb'\sSignificantBits="\d+"', b"", description)
    if description.startswith(b"ImageJ="):  # its min and max are black and white on the screen
        return re.sub(rb"(?m)^(min|max)=.*\n?", b"", description)
    return description


_OF_VALUES = rb"STATISTICS_\w+|SCALE|OFFSET"  # in GDAL's metadata
_ITEM = re.compile(rb"""<Item\b[^>]*\bname=["'](?:%s)["'][^>]*(?:/>|>[^<]*</Item>)\s*""" % _OF_VALUES)


def _without_statistics(entry: Entry) -> Entry:
    """GDAL's metadata without statistics, scale and offset of the values."""
    value = entry[3]
    if entry[0] != GDAL or not isinstance(value, bytes):
        return entry
    value = _ITEM.sub(b"", value)
    return GDAL, ASCII, len(value), value


def names(metadata: Metadata) -> list[str]:
    """The names of the metadata that only TIFF can hold."""
    words = []
    for code, _, _, value in metadata.tags:
        if code == DESCRIPTION and isinstance(value, bytes):
            kind = "ImageJ's " if value.startswith(b"ImageJ=") else "OME's " if _is_ome(value) else "the "
            words.append(f"{kind}description")
        elif code in MAP:
            words.append("map coordinates (GeoTIFF)")
        elif code in (GDAL, NODATA):
            words.append("GDAL's tags")
        elif code in IMAGEJ:
            words.append("ImageJ's description")
        else:
            words.append(f"tag {code}")
    return list(dict.fromkeys(words))
