"""Identify images by their content: those of `stl10_real` in STL-10, and the image files that are made here.

This module does not need Keras, unlike `diffnet_tf.data`, so that figures can be drawn without it.
"""

import functools
import hashlib
from pathlib import Path

import numpy as np

from diffnet_tf import files
from diffnet_tf.files import reading

HASHES = Path(__file__).resolve().parent.parent / "data" / "stl10_real.sha256"


@functools.cache
def real():
    """SHA-256 of the gray pixels of each image of stl10_real, in the order of its file: a tuple of 123 texts."""
    with reading.decoding(HASHES, "list of hashes", "restore it: git checkout"):
        return tuple(HASHES.read_text(encoding="ascii").split())


def hashes(pixels):
    """SHA-256 of the gray pixels of each image.

    Args:
        pixels: uint8 (n, 96, 96), as `to_gray` makes them; their bytes are taken in C order.

    Returns:
        A list of n texts.
    """
    return [hashlib.sha256(np.ascontiguousarray(image).data).hexdigest() for image in pixels]


def places(pixels):
    """Find images of stl10_real among others.

    Args:
        pixels: (n, height, width), as in a source. In floats, none are found.

    Returns:
        A dict, number in stl10_real → number here (the first, if an image occurs twice), in the order of stl10_real.
    """
    here = {}
    for number, sha256 in enumerate(hashes(pixels)):
        here.setdefault(sha256, number)
    return {number: here[sha256] for number, sha256 in enumerate(real()) if sha256 in here}


def refuse_to_replace(out, force=False):
    """Make the folder OUT and return the path of the file to write. Refuse, before any work, to replace it unforced.

    Raises:
        FileExistsError, ValueError: the file is there, or the folder cannot be written to.
    """
    from diffnet_tf.data import binary

    path = Path(out) / binary.NAME
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists; give another OUT, or --force to replace it.")
    return files.check_writable(out, "OUT") / binary.NAME


def write_known(path, images, sha256, advice):
    """Write images in STL-10's binary layout, if their SHA-256 is the expected one.

    Args:
        path: path of the file.
        images: uint8 (n, 96, 96, 3).
        sha256: of the file's bytes.
        advice: what the message says after both hashes.

    Raises:
        ValueError: when their SHA-256 is another one. Then nothing is written.
    """
    from diffnet_tf.data import binary

    made = hashlib.sha256(binary.encoded(images).data).hexdigest()
    if made != sha256:
        raise ValueError(f"The images for {path} have SHA-256 {made}; expected {sha256}{advice}")
    binary.write(path, images)
    print(f"Wrote {path}: {len(images):,} images, SHA-256 {made}.")
