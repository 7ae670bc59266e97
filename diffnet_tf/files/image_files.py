"""Image files of any size and depth: read without loading what can be mapped, written whole or not at all.

| format | samples | in memory |
|---|---|---|
| NPY, uncompressed TIFF | 8- and 16-bit, float32, float64 | mapped: any size |
| PNG, JPEG, compressed TIFF | as above, PNG and JPEG without float | decoded: up to `max_pixels` |

Pixels are (height, width, channels), upright: gray; gray and alpha; RGB; RGB and alpha; in TIFF also 2 and 4 channels
of which none is alpha. What a file is, its content says; its name says only what is to be written.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from diffnet_tf import files
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.files import reading
from diffnet_tf.files.images import kinds, raster, raster_metadata, tiff, tiff_metadata
from diffnet_tf.files.images.bounds import DTYPES, MAX_PIXELS, check_layout, check_pixels
from diffnet_tf.files.images.image import Image, Metadata
from diffnet_tf.files.images.kinds import JPEG, NPY, PNG, TIFF

__all__ = [
    "DTYPES",
    "MAX_PIXELS",
    "SUFFIXES",
    "Image",
    "Metadata",
    "check_writable",
    "lost",
    "open_image",
    "read",
    "suffix",
    "writing",
]

_KINDS = {".png": PNG, ".jpg": JPEG, ".jpeg": JPEG, ".tif": TIFF, ".tiff": TIFF, ".npy": NPY}
SUFFIXES = tuple(_KINDS)


def suffix(path: PathLike) -> str:
    """The format of a file by its name.

    Raises:
        ValueError: when it is none of `SUFFIXES`.
    """
    found = Path(path).suffix.lower()
    if found not in SUFFIXES:
        raise ValueError(f"{path} ends in {found or 'nothing'!r}; expected one of {', '.join(SUFFIXES)}.")
    return found


# ---- Reading ---------------------------------------------------------------------------------------------------------


def read(path: PathLike, max_pixels: int = MAX_PIXELS) -> Array:
    """The pixels of an image file, (height, width, channels): see `open_image`."""
    return open_image(path, max_pixels).pixels


def open_image(path: PathLike, max_pixels: int = MAX_PIXELS) -> Image:
    """Open an image file.

    Args:
        path: the file.
        max_pixels: the largest image that is decoded into memory; mapped files may be larger.

    Returns:
        The image with what the file says of it.

    Raises:
        FileNotFoundError: for a missing file.
        ValueError: naming the file, when it cannot be decoded, is too large or no single gray or colour image.
    """
    path = Path(path)
    suffix(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} {'is no file' if path.exists() else 'does not exist'}; expected an image file."
        )
    kind = ""
    try:
        kind = kinds.of(path)
        image = _READERS[kind](path, max_pixels)
        check_layout(image.pixels.shape, image.pixels.dtype)
        return dataclasses.replace(image, pixels=_finished(image.pixels, max_pixels))
    except OSError as error:
        if error.filename:  # it may not be read
            raise
        problem: Exception = error
    except reading.Refused as refusal:
        raise ValueError(f"{path} {refusal}") from None
    except Exception as error:  # every decoder has its own
        problem = error
    raise ValueError(
        f"{path} cannot be read as an image ({reading.reason(problem)}). {_advice(path, kind)}"
    ) from problem


def _finished(pixels: Array, max_pixels: int) -> Array:
    """(height, width, channels) in the byte order of this machine."""
    if not pixels.dtype.isnative:
        check_pixels(pixels.shape[0], pixels.shape[1], max_pixels)
        pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _advice(path: Path, kind: str) -> str:
    if kinds.truncated(path, kind):
        return "It is truncated: replace it."
    return f"It is a {kind} file, but damaged or of a rare kind: replace it, or save it anew as PNG or plain TIFF."


def _read_npy(path: Path, max_pixels: int) -> Image:
    pixels: Array = np.lib.format.open_memmap(path, mode="r")
    while pixels.ndim > 3 and 1 in (pixels.shape[0], pixels.shape[-1]):  # axes of one image, or of one channel
        pixels = pixels[0] if pixels.shape[0] == 1 else pixels[..., 0]
    if pixels.ndim == 3 and pixels.shape[0] == 1 and pixels.shape[2] > 4:
        pixels = pixels[0]
    maybe = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    return Image(pixels, alpha=maybe, alpha_is_sure=not maybe)


_READERS = {PNG: raster.read, JPEG: raster.read, TIFF: tiff.read, NPY: _read_npy}


# ---- Writing ---------------------------------------------------------------------------------------------------------


def check_writable(path: PathLike, dtype: DTypeLike, channels: int, like: Image | None = None) -> None:
    """Refuse, before any work is done, what a format cannot hold.

    Args:
        path: the file.
        dtype: of the samples.
        channels: their number.
        like: the image that it is made of; without one, the last of 2 and of 4 channels is alpha.

    Raises:
        ValueError: naming the file and what it can hold.
    """
    kind, dtype = _KINDS[suffix(path)], np.dtype(dtype).name
    if kind == JPEG and (dtype != "uint8" or channels in (2, 4)):
        raise ValueError(
            f"{path}: JPEG holds 8-bit gray or RGB, not {dtype} with {channels} channel(s); use PNG or TIFF."
        )
    if kind == PNG and dtype not in ("uint8", "uint16"):
        raise ValueError(f"{path}: PNG holds 8- or 16-bit samples, not {dtype}; use TIFF or NPY, or give a --depth.")
    if kind == PNG and dtype == "uint16" and channels > 1 and not raster.encodes_16():
        raise ValueError(f"{path}: a colour or alpha PNG of 16 bits takes TensorFlow; use TIFF.")
    if kind == PNG and like is not None and channels in (2, 4) and (fault := _no_alpha(like)):
        raise ValueError(f"{path}: the last of {channels} channels of a PNG is alpha; {fault}. Use TIFF.")


def _no_alpha(like: Image) -> str:
    """What keeps the last of 2 or 4 channels from being alpha as PNG and NPY have it; "" for nothing."""
    if like.pixels.shape[2] not in (2, 4):
        return ""
    if not like.alpha:
        return "that of the image is another channel"
    return "the image's colours are multiplied by its alpha" if like.metadata.extras[-1:] == (1,) else ""


def lost(image: Image, path: PathLike) -> str:
    """The line that says what of an image's metadata a file cannot hold; "" when it holds all.

    Args:
        image: as it was opened.
        path: the file to be written, with the image's metadata.
    """
    kind, metadata = _KINDS[suffix(path)], image.metadata
    colours = [name for name, _ in metadata.chunks if name in raster_metadata.COLOURS]
    facts = {  # whether the image has it and the file cannot hold it
        "ICC profile": metadata.icc and kind == NPY,
        "resolution": not raster_metadata.holds_resolution(metadata, kind),
        "Exif": metadata.exif and not raster_metadata.holds(metadata.exif, kind),
        "XMP": metadata.xmp and kind != TIFF and not raster_metadata.holds(metadata.xmp, kind),
        "comment": metadata.comment and kind != JPEG,
        "colour space": colours and kind != PNG,
        "texts": len(metadata.chunks) > len(colours) and kind != PNG,
        "word that its channels are no colours": kind != TIFF and image.bands,
        "word that the last channel is no alpha of its own": kind == NPY and _no_alpha(image),
    }
    names = [*metadata.dropped, *(name for name, is_lost in facts.items() if is_lost)]
    names += tiff_metadata.names(metadata) if kind != TIFF else []
    return f"{path}: {kind} cannot keep this of the input: {'; '.join(names)}." if names else ""


@contextlib.contextmanager
def writing(
    path: PathLike, shape: tuple[int, ...], dtype: DTypeLike, like: Image | None = None, rescaled: bool = False
) -> Iterator[Array]:
    """An array to be filled with an image, which becomes the file when the block ends, or nothing if it fails.

    Args:
        path: the file; an existing one is replaced.
        shape: (height, width, channels).
        dtype: of the samples.
        like: an image whose metadata and channels' meaning the file gets, where its format can hold them; without
            one, the last of 2 and of 4 channels is alpha.
        rescaled: whether the values are on another scale than that image's, of the same dtype: what its metadata says
            of them is left out then.

    Yields:
        An array (height, width, channels); for NPY and TIFF a memory map.
    """
    path = Path(path)
    check_writable(path, dtype, shape[2], like)
    kind = _KINDS[suffix(path)]
    like = like or Image(np.empty((0, 0, shape[2]), dtype), alpha=True)
    with files.replacing(path) as partial:
        if kind in (TIFF, NPY):
            mapped = (
                tiff.mapped(partial, shape, dtype, like, rescaled)
                if kind == TIFF
                else _mapped_npy(partial, shape, dtype)
            )
            _reserve(partial)
            yield mapped
            mapped.flush()
            del mapped
        else:
            array = np.empty(shape, dtype)
            yield array
            raster.encode(partial, kind, array, like)


def _mapped_npy(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> np.memmap:
    flat = shape if shape[2] > 1 else shape[:2]
    return np.lib.format.open_memmap(path, "w+", dtype=dtype, shape=flat).reshape(shape)  # type: ignore[return-value]


def _reserve(path: Path) -> None:
    """Have the disk keep room for all of a mapped file: where it is full, writing to the map kills the process."""
    if hasattr(os, "posix_fallocate"):  # not on Windows and macOS
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
