"""PNG and JPEG: decoded and encoded by Pillow, or by TensorFlow for 16-bit PNGs with colour or alpha."""

import contextlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.files import reading
from diffnet_tf.files.images import kinds, raster_metadata, switches
from diffnet_tf.files.images.bounds import check_length, check_pixels
from diffnet_tf.files.images.image import Image, upright
from diffnet_tf.files.reading import Refused

QUALITY = 95  # of JPEG
_JPEG_PIXELS = 512  # at most, in a byte: every block of 8×8 pixels takes at least one bit
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # PNG's colour type → number of channels
_GRAY, _RGB = 0, 2


def read(path: Path, max_pixels: int) -> Image:
    """Open a PNG or JPEG; see `image_files.open_image`."""
    from PIL import Image as pillow

    with _own_limit(pillow), pillow.open(path, formats=("PNG", "JPEG")) as image:  # reads the header only
        check_pixels(image.height, image.width, max_pixels)
        read_pixels = _png if image.format == "PNG" else _jpeg
        pixels = read_pixels(path, image)
        metadata, turned = raster_metadata.read(path, image)
    return Image(upright(pixels, turned), alpha=pixels.ndim == 3 and pixels.shape[2] in (2, 4), metadata=metadata)


def _own_limit(pillow: Any) -> contextlib.AbstractContextManager[None]:
    """Switch off Pillow's own limit of an image's size, since `max_pixels` is the limit here."""
    return switches.held(pillow, "MAX_IMAGE_PIXELS", None)


def _jpeg(path: Path, image: Any) -> Array:
    check_length(path, image.height, image.width, image.height * image.width / _JPEG_PIXELS)
    return _of_mode(image, ("L", "RGB"))


def _of_mode(image: Any, modes: tuple[str, ...]) -> Array:
    if image.mode not in modes:
        raise Refused(f"has colours of mode {image.mode}; expected gray or RGB. Convert it.")
    return np.asarray(image)


# ---- PNG -------------------------------------------------------------------------------------------------------------


def _png(path: Path, image: Any) -> Array:
    depth, kind = _header(path)
    channels = _CHANNELS[kind]
    row = 1 + image.width * channels * depth / 8
    check_length(path, image.height, image.width, image.height * row / reading.DEFLATED)
    if depth == 16 and channels > 1:
        pixels = _decoded_16(path)  # Pillow would drop the lower eight bits
    elif image.mode in ("P", "PA"):
        pixels = np.asarray(image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB"))
    elif image.mode.startswith("I"):
        pixels = np.asarray(image).astype("uint16")
    else:
        pixels = _of_mode(image.convert("L") if image.mode == "1" else image, ("L", "LA", "RGB", "RGBA"))
    return _with_alpha(path, pixels, depth) if kind in (_GRAY, _RGB) else pixels


def _header(path: Path) -> tuple[int, int]:
    """(bits of a sample, colour type), from bytes 24 and 25."""
    with open(path, "rb") as file:
        header = file.read(26)
    return header[24], header[25]


def _with_alpha(path: Path, pixels: Array, depth: int) -> Array:
    """Turn a transparent colour of a PNG into an alpha channel: a restored image may have that colour elsewhere."""
    named = raster_metadata.chunks(path, (b"tRNS",))
    if not named:
        return pixels
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    channels = pixels.shape[2]
    colour = np.frombuffer(named[0][1][: 2 * channels], ">u2") & (2**depth - 1)
    if len(colour) != channels:
        raise Refused("has a transparent colour with the wrong number of channels. It is damaged: replace it.")
    top = np.iinfo(pixels.dtype).max
    scaled = colour.astype("int64") * (top // (2**depth - 1))  # samples of less than 8 bits are scaled to 8
    opaque = (pixels != scaled).any(axis=2, keepdims=True)
    return np.concatenate([pixels, opaque.astype(pixels.dtype) * pixels.dtype.type(top)], axis=2)


def _decoded_16(path: Path) -> Array:
    try:
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise Refused(
            "is a 16-bit PNG with colour or alpha, which needs TensorFlow. Install it, or use TIFF."
        ) from error
    pixels: Array = tf.io.decode_png(path.read_bytes(), dtype="uint16").numpy()
    return pixels


def encodes_16() -> bool:
    """Whether 16-bit PNGs with colour or alpha can be written."""
    return importlib.util.find_spec("tensorflow") is not None


# ---- Writing ---------------------------------------------------------------------------------------------------------


def encode(path: Path, kind: str, pixels: Array, like: Image) -> None:
    """Write pixels (height, width, channels) as PNG or JPEG, with the metadata of another image."""
    from PIL import Image as pillow

    if kind == kinds.PNG and pixels.dtype == np.uint16 and pixels.shape[2] > 1:
        import tensorflow as tf

        content = tf.io.encode_png(pixels).numpy()
    else:
        buffer = io.BytesIO()
        image = pillow.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        options = {"quality": QUALITY, **raster_metadata.jpeg_options(like.metadata)} if kind == kinds.JPEG else {}
        image.save(buffer, kind, **options)
        content = buffer.getvalue()
    if kind == kinds.PNG:
        content = raster_metadata.with_chunks(content, raster_metadata.png_chunks(like.metadata))
    path.write_bytes(content)
