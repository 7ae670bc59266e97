"""What the tests of bad input share: messages, images, and files that are not what they seem."""

import io
import json
import re
import struct
import zipfile
import zlib

import numpy as np

RNG = np.random.default_rng(0)
GRAY = RNG.uniform(0.1, 1, (4, 12, 12, 1)).astype("float32")


def check(error, kind, words, folder=""):
    """Whether what was raised (or said) is of a type and has the decisive words, in their order."""
    said = error if isinstance(error, str) else error.value
    assert type(said) is kind
    parts = (re.escape(part) for part in words.replace("{folder}", str(folder)).split(" … "))
    assert re.search(".*".join(parts), str(said), re.DOTALL), str(said)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zeros_packed(count):
    """A zlib stream of many zeros, made of the same block again and again: a thousandth of them."""
    packer, last = (zlib.compressobj(9, zlib.DEFLATED, -15) for _ in range(2))
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks, rest = divmod(count, 2**20)
    checksum = struct.pack(">I", (count % 65_521) << 16 | 1)
    return b"\x78\xda" + blocks * block + last.compress(bytes(rest)) + last.flush() + checksum


def png_bomb(side=30_000):
    """A PNG of 900 million pixels in 900 kB: whole, and all zero."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zeros_packed(side * (side + 1))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def rewritten(source, target, **metadata):
    """A copy of a .keras file with other metadata."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps(json.loads(content) | metadata).encode()
            new.writestr(name, content)


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
