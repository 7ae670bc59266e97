"""Checks of the values of training images: values that cannot be light are refused, noise below 0 becomes 0.

Black is 0. In an image with noise, dark places have values slightly below 0, which are set to 0. Other values below 0,
and values that mark missing pixels, are refused: the network would learn them as if they were light.
"""

import math

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.files.image_files import Image

BEYOND = 1e30  # marks missing pixels: 9.97e36 of NetCDF, ±3.4e38 of GDAL
# Noise is never below −NEGATIVE times the maximum, and at most the share SHARE of pixels is below −DEEP times it.
NEGATIVE, DEEP, SHARE = 0.5, 0.1, 0.01
FEW, FEW_SHARE = 4, 1e-4  # number and share of equal values that may be equal by chance
CLEAR = 10  # many equal values that are this many times as large as all others mark missing pixels
TONES = 16  # images with at most so many different values are drawings and phantoms, not measurements


def check_possible(values: Array, name: PathLike) -> None:
    """Raise a ValueError for NaN, infinity, and values beyond ±1e30, which mark missing pixels.

    Integers always pass. The message names the image and the first such value.
    """
    if values.dtype.kind != "f":
        return
    checks.finite(values, str(name))
    beyond = np.abs(values) >= BEYOND
    if beyond.any():
        raise ValueError(
            f"{name} holds {int(beyond.sum())} value(s) beyond ±{BEYOND:g}, the first {values[beyond][0]:g}. Such "
            "values mark missing pixels. Crop the image to what was measured, or remove it."
        )


def pixels(image: Image, name: PathLike) -> Array:
    """The gray or RGB values of an image file for training, with noise below 0 set to 0.

    Args:
        image: as it was opened.
        name: name of the file, for messages.

    Returns:
        (height, width, 1 or 3), in the dtype of the file, at least 0, without alpha.

    Raises:
        ValueError: for other channels, missing pixels (GDAL_NODATA, NaN, beyond ±1e30, or many equal values far from
            all others), and values too far below 0 to be noise. The message names the file.
    """
    values = image.pixels[..., : image.pixels.shape[2] - image.alpha]
    channels = values.shape[2]
    if channels not in (1, 3) or (channels == 3 and image.metadata.photometric == 1):
        raise ValueError(
            f"{name} has {channels} channels that are not colours; expected gray or RGB. Save each channel that you "
            "want to train on as a separate file."
        )
    missing = _missing(values, image.nodata)
    if missing:
        raise ValueError(
            f"{name} has {missing} missing pixel(s), marked by the value {image.nodata:g} (GDAL_NODATA). "
            "Crop the image to what was measured, or remove it."
        )
    check_possible(values, name)
    if values.dtype != np.uint8:
        for channel in range(channels):
            _check_fill(values[..., channel], name)
    if values.dtype.kind == "u" or values.min() >= 0:
        return values
    for channel in range(channels):
        _check_noise(values[..., channel], float(values.max()), name)
    return np.maximum(values, 0)


def _missing(values: Array, nodata: float | None) -> int:
    """The number of missing pixels. For integers, and for nodata = 0, all channels must have the value."""
    if nodata is None:
        return 0
    same = np.isnan(values) if math.isnan(nodata) else np.isclose(values, nodata, rtol=6e-8, atol=0)
    return int((same.all(axis=-1) if values.dtype.kind == "u" or nodata == 0 else same.any(axis=-1)).sum())


def _check_fill(values: Array, name: PathLike) -> None:
    """Refuse many equal values that are far above all others, or are the only values below 0."""
    few = max(FEW, FEW_SHARE * values.size)
    low, high = values.min(), values.max()
    rest = values[values < high]
    above = rest.size > 0 and 0 < CLEAR * float(rest.max()) <= float(high) and np.unique(rest).size > TONES
    for end, alone in ((high, above), (low, bool(low < 0) and bool((values[values < 0] == low).all()))):
        number = int((values == end).sum()) if alone else 0
        if number > few:
            raise ValueError(
                f"{name} holds {number} values of {end:g}, far from all others; they seem to mark missing pixels. "
                "Crop the image to what was measured, or remove it."
            )


def _check_noise(values: Array, maximum: float, name: PathLike) -> None:
    """Refuse values that are too far, or too often, below 0 to be noise."""
    low = float(values.min())
    if low < -NEGATIVE * maximum or (values < -DEEP * maximum).mean() > SHARE:
        raise ValueError(
            f"{name} has a minimum of {low:g} and a maximum of {maximum:g}; expected black to be 0, with only noise "
            "below it. Subtract the value of black and save the image again, or remove it."
        )
