"""PNGs as the format defines them, of any depth: written without the libraries that read them."""

import struct
import zlib

import numpy as np

from diffnet_tf.base.types import Array


def deep_png(pixels: Array, chunks: list[tuple[bytes, bytes]] = ()) -> bytes:
    """A PNG of 8 or 16 bits of (height, width, channels), with chunks after its header."""
    height, width, channels = pixels.shape
    depth = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">"))).view("uint8").reshape(height, -1)
    data = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    body = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in body
    )
