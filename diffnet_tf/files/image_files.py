"""Image files of any size and depth: read without loading what can be mapped, written whole or not at all.

| format | samples | in memory |
|---|---|---|
| NPY, uncompressed TIFF | 8- and 16-bit, float32, float64 | mapped: any size |
| PNG, JPEG, compressed TIFF | as above, PNG and JPEG without float | decoded: up to `max_pixels` |

Pixels are (height, width, channels): gray; gray and alpha; RGB; RGB and alpha.
"""

import contextlib
import dataclasses
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from diffnet_tf import files
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.files import reading
from diffnet_tf.files.reading import Refused

PNG, JPEG, TIFF, NPY = (".png",), (".jpg", ".jpeg"), (".tif", ".tiff"), (".npy",)
SUFFIXES = (*PNG, *JPEG, *TIFF, *NPY)
MAX_PIXELS = 100_000_000
DTYPES = ("uint8", "uint16", "float32", "float64")


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What an image file says beside its pixels, to be written with what is made of it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Image:
    """An image file that was opened.

    Attributes:
        pixels: (height, width, channels), an array or a memory map, of a dtype in `DTYPES`.
        alpha: whether the last channel is alpha, by what the file says.
        nodata: the value that stands for "nothing was measured here", of the TIFF tag GDAL_NODATA; None without it.
        metadata: what `writing` keeps.
    """

    pixels: Array
    alpha: bool
    nodata: float | None = None
    metadata: Metadata = Metadata()


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
    path, kind = Path(path), suffix(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} {'is no file' if path.exists() else 'does not exist'}; expected an image file."
        )
    reader = _read_npy if kind in NPY else _read_tiff if kind in TIFF else _read_with_pillow
    with reading.decoding(path, "an image"):
        pixels = reader(path, max_pixels)
        _check_layout(pixels.shape, pixels.dtype)
        if not pixels.dtype.isnative:
            _check_pixels(pixels.shape[0], pixels.shape[1], max_pixels)
            pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return Image(pixels, alpha=pixels.shape[2] in (2, 4))


# Checks of what a header says, before memory is taken for it.


def _check_layout(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) not in (2, 3) or not 1 <= channels <= 4 or dtype.name not in DTYPES or 0 in shape:
        raise Refused(
            f"has shape {shape} and dtype {dtype}; expected one image (height, width) or (height, width, 1 to 4) of "
            f"{', '.join(DTYPES)}."
        )


def _check_pixels(height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        raise Refused(
            f"has {height:,}×{width:,} pixels, more than the {max_pixels:,} that are decoded into memory. Make it "
            "smaller, raise --max-pixels of the command restore, or convert it to an uncompressed TIFF or NPY, which "
            "are read piece by piece at any size."
        )


def _check_length(path: Path, height: int, width: int, packed: float) -> None:
    """Refuse more pixels than a file of this length can hold, however well they are packed."""
    length = path.stat().st_size
    if packed > length:
        raise Refused(
            f"has {height:,}×{width:,} pixels, which its {length:,} bytes cannot hold. It is truncated: replace it."
        )


def _read_npy(path: Path, max_pixels: int) -> Array:
    return np.lib.format.open_memmap(path, mode="r")


def _read_tiff(path: Path, max_pixels: int) -> Array:
    import tifffile

    with tifffile.TiffFile(path) as file:
        if len(file.pages) != 1:
            raise Refused(f"holds {len(file.pages)} pages; expected a single image.")
        page = file.pages[0]
        if page.photometric not in _PHOTOMETRIC:
            raise Refused(f"is a {_name(page.photometric)} TIFF; expected gray or RGB. Convert it.")
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            raise Refused("is a TIFF whose zero is white; expected zero to be black. Convert it.")
        separate = page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
        _check_layout((*page.shape[1:], page.shape[0]) if separate else page.shape, np.dtype(page.dtype))
        if page.is_memmappable and page.dtype.byteorder in ("=", "|", _NATIVE):
            pixels = tifffile.memmap(path, mode="r")
        else:
            height, width = page.imagelength, page.imagewidth
            _check_pixels(height, width, max_pixels)
            packing = _RAW if page.compression == tifffile.COMPRESSION.NONE else _PACKED
            _check_length(path, height, width, page.nbytes / packing)
            pixels = page.asarray()
    return np.moveaxis(pixels, 0, -1) if separate else pixels


def _name(number: Any) -> str:
    """Of a value that the format defines, or the number that a file has in its place."""
    return getattr(number, "name", str(number))


_PHOTOMETRIC = (0, 1, 2)  # white is zero (refused with advice), black is zero, RGB
_NATIVE = "<" if np.little_endian else ">"
_RAW, _PACKED = 8, 2**15  # bytes decoded from one: bits become bytes; the most is that of Zstandard


def _read_with_pillow(path: Path, max_pixels: int) -> Array:
    from PIL import Image, ImageOps

    with _own_limit(Image), Image.open(path, formats=("PNG", "JPEG")) as image:  # reads the header only
        _check_pixels(image.height, image.width, max_pixels)
        if image.format == "PNG":
            depth, channels = _png_samples(path)
            row = 1 + image.width * channels * depth / 8
            _check_length(path, image.height, image.width, image.height * row / reading.DEFLATED)
            if depth == 16 and channels > 1:
                return _read_png_16(path)  # Pillow would drop the lower eight bits
        else:
            _check_length(path, image.height, image.width, image.height * image.width / _JPEG_PIXELS)
        image = ImageOps.exif_transpose(image)
        if image.mode in ("1", "P", "PA"):
            image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
        if image.mode.startswith("I"):
            return np.asarray(image).astype("uint16")
        if image.mode not in ("L", "LA", "RGB", "RGBA"):
            raise Refused(f"has colours of mode {image.mode}; expected gray or RGB. Convert it.")
        return np.asarray(image)


_JPEG_PIXELS = 512  # in a byte: every block of 8×8 pixels takes at least one bit


@contextlib.contextmanager
def _own_limit(pillow: Any) -> Iterator[None]:
    """Pillow warns of large images and refuses larger ones, whatever `max_pixels` is."""
    before, pillow.MAX_IMAGE_PIXELS = pillow.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        pillow.MAX_IMAGE_PIXELS = before


def _png_samples(path: Path) -> tuple[int, int]:
    """(bits of a sample, samples of a pixel), by the header: PNG's depth is byte 24, its colour type byte 25."""
    with open(path, "rb") as file:
        header = file.read(26)
    return header[24], {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[header[25]]


def _read_png_16(path: Path) -> Array:
    try:
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise Refused("is a colour or alpha PNG of 16 bits, which takes TensorFlow. Use TIFF.") from error
    return tf.io.decode_png(path.read_bytes(), dtype="uint16").numpy()


# ---- Writing ---------------------------------------------------------------------------------------------------------


def check_writable(path: PathLike, dtype: DTypeLike, channels: int) -> None:
    """Refuse, before any work is done, what a format cannot hold.

    Raises:
        ValueError: naming the file and what it can hold.
    """
    kind, dtype = suffix(path), np.dtype(dtype).name
    if kind in JPEG and (dtype != "uint8" or channels in (2, 4)):
        raise ValueError(
            f"{path}: JPEG holds 8-bit gray or RGB, not {dtype} with {channels} channel(s); use PNG or TIFF."
        )
    if kind in PNG and dtype not in ("uint8", "uint16"):
        raise ValueError(f"{path}: PNG holds 8- or 16-bit samples, not {dtype}; use TIFF or NPY, or give a --depth.")
    if kind in PNG and dtype == "uint16" and channels > 1 and importlib.util.find_spec("tensorflow") is None:
        raise ValueError(f"{path}: a colour or alpha PNG of 16 bits takes TensorFlow; use TIFF.")


def lost(image: Image, path: PathLike) -> str:
    """The line that says what of an image's metadata a file cannot hold; "" when it holds all."""
    return ""


@contextlib.contextmanager
def writing(path: PathLike, shape: tuple[int, ...], dtype: DTypeLike, like: Image | None = None) -> Iterator[Array]:
    """An array to be filled with an image, which becomes the file when the block ends, or nothing if it fails.

    Args:
        path: the file; an existing one is replaced.
        shape: (height, width, channels).
        dtype: of the samples.
        like: an image whose metadata and channels' meaning the file gets, where its format can hold them.

    Yields:
        An array (height, width, channels); for NPY and TIFF a memory map.
    """
    path = Path(path)
    check_writable(path, dtype, shape[2])
    kind = suffix(path)
    with files.replacing(path) as partial:
        if kind in TIFF + NPY:
            mapped = _mapped(partial, kind, shape, dtype)
            yield mapped
            mapped.flush()
            del mapped
        else:
            array = np.empty(shape, dtype)
            yield array
            _encode(partial, kind, array)


def _mapped(path: Path, kind: str, shape: tuple[int, ...], dtype: DTypeLike) -> np.memmap:
    flat = shape if shape[2] > 1 else shape[:2]
    if kind in NPY:
        mapped = np.lib.format.open_memmap(path, "w+", dtype=dtype, shape=flat)
    else:
        import tifffile

        mapped = tifffile.memmap(
            path,
            shape=flat,
            dtype=dtype,
            photometric="rgb" if shape[2] > 2 else "minisblack",
            planarconfig="contig" if shape[2] > 1 else None,
            extrasamples=["unassalpha"] if shape[2] in (2, 4) else None,
            bigtiff=np.prod(shape) * np.dtype(dtype).itemsize > 2**31,
            metadata=None,
        )
    _reserve(path)
    return mapped.reshape(shape)  # type: ignore[return-value]


def _reserve(path: Path) -> None:
    """Have the disk keep room for all of a mapped file: where it is full, writing to the map kills the process."""
    if hasattr(os, "posix_fallocate"):  # not on Windows and macOS
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)


def _encode(path: Path, kind: str, pixels: Array) -> None:
    if kind in PNG and pixels.dtype == np.uint16 and pixels.shape[2] > 1:
        import tensorflow as tf

        path.write_bytes(tf.io.encode_png(pixels).numpy())
        return
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.save(path, **({"quality": 95} if kind in JPEG else {}))
