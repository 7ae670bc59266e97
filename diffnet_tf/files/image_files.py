"""Image files of any size and depth: memory-mapped where possible, written completely or not at all.

| format | samples | in memory |
|---|---|---|
| NPY, uncompressed TIFF | 8- and 16-bit, float32, float64 | mapped: any size |
| PNG, JPEG, compressed TIFF | as above, PNG and JPEG without float | decoded: up to `max_pixels` |

Pixels are (height, width, channels), turned upright. The channels are gray; gray and alpha; RGB; RGB and alpha; in TIFF
also 2 or 4 channels without alpha. The content of a file determines its format when it is read, its name when it is
written.
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
    """The suffix of a file name, in lower case.

    Raises:
        ValueError: if it is not one of `SUFFIXES`.
    """
    ending = Path(path).suffix.lower()
    if ending not in SUFFIXES:
        raise ValueError(f"{path} ends in {ending or 'nothing'!r}; expected one of {', '.join(SUFFIXES)}.")
    return ending


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
        The image and its metadata.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file cannot be decoded, is too large, or is not a single gray or colour image. It names the
            file.
    """
    path = Path(path)
    suffix(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} {'is not a file' if path.exists() else 'does not exist'}; expected an image file."
        )
    kind = ""
    try:
        kind = kinds.of(path)
        image = _READERS[kind](path, max_pixels)
        check_layout(image.pixels.shape, image.pixels.dtype)
        return dataclasses.replace(image, pixels=_finished(image.pixels, max_pixels))
    except OSError as error:
        if error.filename:  # no permission to read it
            raise
        problem: Exception = error
    except reading.Refused as refusal:
        raise ValueError(f"{path} {refusal}") from None
    except Exception as error:  # every decoder has its own kinds
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
    return f"It is a {kind} file, but damaged or of a rare kind: replace it, or save it again as PNG or plain TIFF."


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
    """Check, before any work is done, that the format of a file can hold an image.

    Args:
        path: the file; its name determines the format.
        dtype: dtype of the samples.
        channels: their number.
        like: the image from which this one is made. Without it, the last of 2 or 4 channels is taken to be alpha.

    Raises:
        ValueError: if the format cannot hold the image. It names the file and what the format can hold.
    """
    kind, dtype = _KINDS[suffix(path)], np.dtype(dtype).name
    if kind == JPEG and (dtype != "uint8" or channels in (2, 4)):
        raise ValueError(
            f"{path}: JPEG holds 8-bit gray or RGB, not {dtype} with {channels} channel(s); use PNG or TIFF."
        )
    if kind == PNG and dtype not in ("uint8", "uint16"):
        raise ValueError(f"{path}: PNG holds 8- or 16-bit samples, not {dtype}; use TIFF or NPY, or give a --depth.")
    if kind == PNG and dtype == "uint16" and channels > 1 and not raster.encodes_16():
        raise ValueError(f"{path}: a 16-bit PNG with colour or alpha needs TensorFlow; install it, or use TIFF.")
    if kind == PNG and like is not None and channels in (2, 4) and (fault := _no_alpha(like)):
        raise ValueError(f"{path}: the last of {channels} channels of a PNG is alpha; {fault}. Use TIFF.")


def _no_alpha(like: Image) -> str:
    """Why the last of 2 or 4 channels is not alpha in the sense of PNG and NPY; "" if it is."""
    if like.pixels.shape[2] not in (2, 4):
        return ""
    if not like.alpha:
        return "that of the image is not"
    return "the image's colours are multiplied by its alpha" if like.metadata.extras[-1:] == (1,) else ""


def lost(image: Image, path: PathLike) -> str:
    """A line that names the metadata of an image that a file cannot hold; "" if it can hold everything.

    Args:
        image: as it was opened.
        path: the file to be written; its name determines the format.
    """
    kind, metadata = _KINDS[suffix(path)], image.metadata
    colours = [name for name, _ in metadata.chunks if name in raster_metadata.COLOURS]
    facts = {  # true if the image has it and the file cannot hold it
        "ICC profile": metadata.icc and kind == NPY,
        "resolution": not raster_metadata.holds_resolution(metadata, kind),
        "Exif": metadata.exif and not raster_metadata.holds(metadata.exif, kind),
        "XMP": metadata.xmp and kind != TIFF and not raster_metadata.holds(metadata.xmp, kind),
        "comment": metadata.comment and kind != JPEG,
        "colour space": colours and kind != PNG,
        "texts": len(metadata.chunks) > len(colours) and kind != PNG,
        "that its channels are not colours": kind != TIFF and image.bands,
        "that its last channel is not plain alpha": kind == NPY and _no_alpha(image),
    }
    names = [*metadata.dropped, *(name for name, is_lost in facts.items() if is_lost)]
    names += tiff_metadata.names(metadata) if kind != TIFF else []
    return f"{path}: {kind} cannot keep these facts of the input: {'; '.join(names)}." if names else ""


@contextlib.contextmanager
def writing(
    path: PathLike, shape: tuple[int, ...], dtype: DTypeLike, like: Image | None = None, rescaled: bool = False
) -> Iterator[Array]:
    """A block that gives an array to fill, and writes it to a file when the block ends; if it fails, nothing changes.

    Args:
        path: the file; an existing one is replaced.
        shape: (height, width, channels).
        dtype: dtype of the samples.
        like: an image from which the file gets its metadata and the meaning of its channels, where the format can hold
            them. Without it, the last of 2 or 4 channels is alpha.
        rescaled: whether the values are on another scale than those of `like`, although the dtype is the same. If so,
            metadata about the values is left out.

    Yields:
        An array (height, width, channels); for NPY and TIFF a memory map.

    Raises:
        ValueError: if the format cannot hold the image; see `check_writable`.
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
    """Reserve disk space for a whole mapped file: on a full disk, writing to the map would kill the process."""
    if hasattr(os, "posix_fallocate"):  # not on Windows and macOS
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
