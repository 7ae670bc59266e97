"""TIFF: memory-mapped if uncompressed, otherwise decoded by a library that keeps all bits of its samples.

| samples | decoded by |
|---|---|
| 1, 8, 16, 32 and 64 bits, uncompressed or with deflate, LZMA or PackBits | tifffile |
| those of `_pillow_keeps` | Pillow |
| all others | tifffile with the optional package imagecodecs |
"""

import contextlib
import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from diffnet_tf.base.types import Array
from diffnet_tf.files.images import switches, tiff_metadata
from diffnet_tf.files.images.bounds import check_layout, check_length, check_pixels
from diffnet_tf.files.images.image import INVERSE, Image, upright
from diffnet_tf.files.reading import Refused

WHITE_IS_ZERO, GRAY, RGB, MASK, YCBCR = 0, 1, 2, 4, 6  # photometric
NONE, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE, LZMA, ZSTD = 1, 5, 7, 8, 32773, 32946, 34925, 50000  # compression
UNSIGNED = 1  # sample format
SEPARATE = 2  # planar configuration: channels first
REDUCED, MASKS = 1, 4  # bits of the tag NewSubfileType
FAX = (2, 3, 4)  # compression
MANY = 64  # pages: more than the smaller copies of one image
_NATIVE = "<" if np.little_endian else ">"
SCALES = {1: 255, 2: 85, 4: 17}  # bits of a sample → factor that scales it to 8 bits

# The most bytes that are decoded from one. For compressions that are not listed there is no bound but `max_pixels`.
_PACKED = {NONE: 1, **dict.fromkeys((LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE, LZMA, ZSTD), 2**15)}


def read(path: Path, max_pixels: int) -> Image:
    """Open a TIFF; see `image_files.open_image`."""
    import tifffile

    with _quiet(), tifffile.TiffFile(path) as file:
        page = _only_page(file)
        extras = _check_channels(page)
        orientation = tiff_metadata.orientation(page)
        pixels = _pixels(path, page, orientation, max_pixels)
        alpha = bool(extras) and extras[-1] in tiff_metadata.ALPHA
        metadata = tiff_metadata.read(page, orientation)
        kind = GRAY if page.samplesperpixel - len(extras) == 1 else RGB
        metadata = dataclasses.replace(metadata, photometric=kind, extras=extras)
        return Image(upright(pixels, orientation), alpha, tiff_metadata.nodata(page, pixels.dtype), metadata)


def _quiet() -> contextlib.AbstractContextManager[None]:
    """Stop tifffile from logging tags that it cannot interpret, such as a negative GDAL_NODATA of unsigned samples."""
    return switches.held(logging.getLogger("tifffile"), "disabled", True)


def _only_page(file: Any) -> Any:
    """The one image of a file, at full size; smaller copies of it are ignored."""
    if not len(file.pages):
        raise ValueError("no page can be read")
    if len(file.pages) > MANY:
        raise Refused(f"holds {len(file.pages)} pages; expected a single image.")
    pages = [page for page in file.pages if not _subfile(page) & REDUCED]
    if any(_subfile(page) & MASKS for page in file.pages):
        raise Refused(
            "has a mask in a page of its own, which is not supported. Mark the pixels by NaN or by GDAL_NODATA instead."
        )
    number = len(pages)
    if number == 1 and (file.is_imagej or file.is_shaped):  # these may hold a stack of images in one page
        number = file.series[0].size // max(1, pages[0].size)
    if number != 1 or pages[0].imagedepth != 1:
        raise Refused(f"holds {max(number, pages[0].imagedepth) if pages else 0} pages; expected a single image.")
    return pages[0]


def _subfile(page: Any) -> int:
    tag = page.tags.get(254)
    return tag.value if tag and isinstance(tag.value, int) else 0


def _check_channels(page: Any) -> tuple[int, ...]:
    """Refuse pages that are neither gray nor RGB; return the meaning of each channel after these."""
    kind, packing = page.photometric, page.compression
    if kind == WHITE_IS_ZERO:
        raise Refused("is a TIFF in which zero is white; expected zero to be black. Convert it.")
    if kind not in (GRAY, RGB) and not (kind == YCBCR and packing == JPEG):
        raise Refused(f"is a {_name(kind)} TIFF; expected gray or RGB. Convert it.")
    colours = 1 if kind == GRAY else 3
    number = page.samplesperpixel - colours
    if number < 0 and kind == YCBCR:
        colours, number = 1, page.samplesperpixel - 1
    if number < 0:
        raise Refused(f"is an RGB TIFF of {page.samplesperpixel} channel(s); expected 3 or 4. Convert it.")
    given = tuple(int(extra) for extra in page.extrasamples)[-number:] if number else ()
    given = tuple(extra if extra in (0, *tiff_metadata.ALPHA) else 0 for extra in given)
    extras = (0,) * (number - len(given)) + given
    has_alpha = [extra in tiff_metadata.ALPHA for extra in extras]
    if page.samplesperpixel <= 4 and any(has_alpha) and (sum(has_alpha) > 1 or not has_alpha[-1] or number == 2):
        raise Refused(f"has ExtraSamples {extras}; expected alpha as the last of 2 or 4 channels. Convert it.")
    if page.samplesperpixel > 1 and page.planarconfig not in (1, SEPARATE):
        raise Refused(f"has PlanarConfiguration {page.planarconfig}; expected 1 or 2. It is damaged: replace it.")
    if not isinstance(page.bitspersample, int):
        raise Refused(f"has channels of {page.bitspersample} bits; expected the same for all. Convert it.")
    return extras


def _name(number: Any) -> str:
    """The name of a value if the format defines one, otherwise the number."""
    return getattr(number, "name", str(number))


# ---- Pixels ----------------------------------------------------------------------------------------------------------


def _pixels(path: Path, page: Any, orientation: int, max_pixels: int) -> Array:
    """The pixels of a page as they are stored, (height, width) or (height, width, channels)."""
    bits, height, width = page.bitspersample, page.imagelength, page.imagewidth
    bilevel = bits == 1 and page.sampleformat == UNSIGNED
    separate = page.samplesperpixel > 1 and page.planarconfig == SEPARATE
    shape = (*page.shape[1:], page.shape[0]) if separate else page.shape
    check_layout(shape, np.dtype("uint8" if bilevel else page.dtype))
    if bits < 8 and bits not in SCALES:
        raise Refused(f"has samples of {bits} bits; expected 1, 2, 4, or 8 and more. Convert it.")
    _check_segments(path, page)
    if page.is_memmappable and (bits == 8 or page.parent.byteorder == _NATIVE):
        mapped: Array = np.memmap(path, page.dtype, "r", page.dataoffsets[0], page.shape)
        return np.moveaxis(mapped, 0, -1) if separate else mapped
    check_pixels(height, width, max_pixels)
    if page.is_tiled:  # a tile is decoded whole
        check_pixels(page.tilelength, page.tilewidth * max(1, page.tiledepth), max_pixels)
    pixels = _decoded(path, page, orientation, separate)
    if pixels.shape != shape:
        raise ValueError(f"{pixels.shape} pixels were decoded, not {shape}")
    return pixels


def _check_segments(path: Path, page: Any) -> None:
    """Refuse a page if its strips or tiles are not all in the file, or cannot hold its pixels."""
    length = path.stat().st_size
    segments = [(start, size) for start, size in zip(page.dataoffsets, page.databytecounts) if size]
    if page.is_contiguous and segments:  # files do not always give their sizes
        segments = [(page.dataoffsets[0], page.nbytes)]
    end = max((start + size for start, size in segments), default=0)
    if end > length:
        raise Refused(
            f"cannot be read as an image (its pixels reach to byte {end:,} of {length:,}). It is truncated: replace it."
        )
    packed = _PACKED.get(page.compression)
    if packed and not page.is_contiguous:  # files may leave out tiles without data
        bits = page.imagelength * page.imagewidth * page.samplesperpixel * page.bitspersample
        share = len(segments) / max(1, len(page.dataoffsets))
        check_length(path, page.imagelength, page.imagewidth, bits / 8 * share / packed)


def _decoded(path: Path, page: Any, orientation: int, separate: bool) -> Array:
    """Decode the pixels of a page. `separate` says that its channels are stored one after another."""
    if not _needs_no_other(page):
        if _pillow_keeps(page):
            return upright(_with_pillow(path, page.index), INVERSE.get(orientation, orientation))
        if not _has_imagecodecs():
            raise Refused(
                f"is a TIFF of {page.samplesperpixel} channel(s) of {page.bitspersample} bits, compression "
                f"{_name(page.compression)}, predictor {_name(page.predictor)}, which needs the package imagecodecs. "
                "Install it (pip install imagecodecs, our extra 'codecs'), or save the image without compression."
            )
    pixels: Array = np.moveaxis(page.asarray(), 0, -1) if separate else page.asarray()
    scale = SCALES.get(page.bitspersample)
    return pixels.astype("uint8") * np.uint8(scale) if scale else pixels


def _needs_no_other(page: Any) -> bool:
    """Whether tifffile can decode a page without imagecodecs."""
    packings = (NONE, DEFLATE, OLD_DEFLATE, LZMA, PACKBITS)
    return page.compression in packings and page.predictor in (1, 2) and page.bitspersample in (1, 8, 16, 32, 64)


def _pillow_keeps(page: Any) -> bool:
    """Whether Pillow keeps all bits of the samples. (It drops the lower byte of 16-bit RGB.)"""
    packings = (NONE, *FAX, LZW, JPEG, DEFLATE, OLD_DEFLATE, LZMA, ZSTD)
    if page.compression not in packings or page.fillorder != 1 or (page.compression == NONE and page.predictor != 1):
        return False
    if 0 in page.databytecounts:  # tiles without data were left out
        return False
    number, extras = page.samplesperpixel, tuple(page.extrasamples)
    match page.sampleformat, page.bitspersample:
        case 1, 8:  # unsigned; Pillow reads only the first of two separate planes
            separate = number > 1 and page.planarconfig == SEPARATE
            return number in (1, 3) and not extras or extras == (2,) and (number == 4 or number == 2 and not separate)
        case 1, 1 | 2 | 4 | 16:
            return number == 1
        case 1, 12:  # Pillow cannot read these in big-endian files
            return number == 1 and page.compression == NONE and page.parent.byteorder == "<"
        case 3, 32:  # Pillow swaps the bytes of floats in big-endian files twice
            return number == 1 and page.parent.byteorder == "<"
    return False


def _with_pillow(path: Path, page: int) -> Array:
    """The pixels of a page, which Pillow turns upright."""
    from PIL import Image as pillow

    with pillow.open(path, formats=("TIFF",)) as image:
        image.seek(page)
        if image.mode not in ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16B", "F"):
            raise Refused(f"is a TIFF of Pillow's mode {image.mode}; expected gray or RGB. Convert it.")
        pixels: Array = np.asarray(image.convert("L") if image.mode == "1" else image)
    return pixels


def _has_imagecodecs() -> bool:
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        return False
    return True


# ---- Writing ---------------------------------------------------------------------------------------------------------


def mapped(path: Path, shape: tuple[int, ...], dtype: DTypeLike, like: Image, rescaled: bool) -> np.memmap:
    """Make a TIFF for an image (height, width, channels), and map it into memory to be filled.

    The file gets the metadata of `like`; `rescaled` says that the values are on another scale than those of `like`.
    """
    import tifffile

    array = tifffile.memmap(
        path,
        shape=shape if shape[2] > 1 else shape[:2],
        dtype=dtype,
        planarconfig="contig" if shape[2] > 1 else None,
        bigtiff=np.prod(shape) * np.dtype(dtype).itemsize > 2**31,
        metadata=None,
        **_roles(shape[2], like),
        **tiff_metadata.options(like.metadata, np.dtype(dtype), rescaled or dtype != like.pixels.dtype),
    )
    return array.reshape(shape)


def _roles(channels: int, like: Image) -> dict[str, Any]:
    """The meaning of the channels as tifffile takes it: that of `like` if it is a TIFF with the same number."""
    metadata = like.metadata
    colours = {GRAY: 1, RGB: 3}.get(metadata.photometric, 0)
    if colours + len(metadata.extras) == channels:
        return {"photometric": metadata.photometric, "extrasamples": metadata.extras or None}
    extras = () if channels in (1, 3) else (2,) if like.alpha else (0,)
    return {"photometric": RGB if channels > 2 else GRAY, "extrasamples": extras or None}
