"""Checks of an image's header, before memory is allocated for its pixels."""

from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.files.reading import Refused

MAX_PIXELS = 100_000_000
DTYPES = ("uint8", "uint16", "float32", "float64")


def check_layout(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse anything other than one gray or colour image of a supported dtype."""
    if dtype.name not in DTYPES:
        raise Refused(f"has samples of {dtype}; expected {', '.join(DTYPES)}. Save the same values as float32.")
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) not in (2, 3) or not 1 <= channels <= 4 or 0 in shape:
        raise Refused(
            f"has shape {shape}; expected one image (height, width) or (height, width, 1 to 4). Save one image only."
        )


def check_pixels(height: int, width: int, max_pixels: int) -> None:
    """Refuse more pixels than `max_pixels`, the most that are decoded into memory."""
    if height * width > max_pixels:
        raise Refused(
            f"has {height:,}×{width:,} pixels, more than the {max_pixels:,} that are decoded into memory. Make it "
            "smaller, raise --max-pixels of the command restore, or convert it to an uncompressed TIFF or NPY, which "
            "is read piece by piece at any size."
        )


def check_length(path: Path, height: int, width: int, packed: float) -> None:
    """Refuse more pixels than the file can hold: `packed` is their number of bytes at the best compression."""
    length = path.stat().st_size
    if packed > length:
        raise Refused(
            f"has {height:,}×{width:,} pixels, which its {length:,} bytes cannot hold. It is damaged: replace it."
        )
