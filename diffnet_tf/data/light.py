"""Values of images to train on: what cannot be light is refused; the noise below 0 is not.

Black is 0. An image with noise has values below it where it is dark: they become 0. Everything else
below 0, and what stands for "nothing was measured here", would be learned as if it were light.
"""

import math

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.files.image_files import Image

BEYOND = 1e30  # marks missing pixels: 9.97e36 of NetCDF, ±3.4e38 of GDAL
NEGATIVE, DEEP, SHARE = 0.5, 0.1, 0.01  # of the maximum: how far noise reaches; and what hardly any of it is below
FEW, FEW_SHARE = 4, 1e-4  # equal values that may be chance
CLEAR = 10  # times as much as all other values: what many equal values alone above them are at least
TONES = 16  # of at most so many values are drawings and phantoms, not measured images


def check_possible(values: Array, name: PathLike) -> None:
    """Refuse NaN, infinity and values that only mark missing pixels.

    Raises:
        ValueError: naming the image and the first such value.
    """
    if values.dtype.kind != "f":
        return
    checks.finite(values, str(name))
    beyond = np.abs(values) >= BEYOND
    if beyond.any():
        raise ValueError(
            f"{name} holds {int(beyond.sum())} value(s) beyond ±{BEYOND:g}, the first {values[beyond][0]:g}: they mark "
            "missing pixels. Crop the image to what was measured, or remove it."
        )


def pixels(image: Image, name: PathLike) -> Array:
    """The gray or RGB values of an image file, which training can take for light.

    Args:
        image: as it was opened.
        name: of the file, for messages.

    Returns:
        (height, width, 1 or 3), in the dtype of the file, at least 0, without alpha.

    Raises:
        ValueError: naming the file, for other channels, missing pixels (of GDAL_NODATA, NaN, beyond ±1e30, or many
            equal values far from all others), and values below 0 that are no noise.
    """
    found = image.pixels[..., : image.pixels.shape[2] - image.alpha]
    channels = found.shape[2]
    if channels not in (1, 3) or (channels == 3 and image.metadata.photometric == 1):
        raise ValueError(
            f"{name} has {channels} channels that are not colours; expected gray or RGB. Save each channel that is to "
            "be learned from as a file of its own."
        )
    missing = _missing(found, image.nodata)
    if missing:
        raise ValueError(
            f"{name} has {missing} pixel(s) of {image.nodata:g}, which it names as its value of missing ones "
            "(GDAL_NODATA). Crop the image to what was measured, or remove it."
        )
    check_possible(found, name)
    if found.dtype != np.uint8:
        for channel in range(channels):
            _check_fill(found[..., channel], name)
    if found.dtype.kind == "u" or found.min() >= 0:
        return found
    for channel in range(channels):
        _check_noise(found[..., channel], float(found.max()), name)
    return np.maximum(found, 0)


def _missing(values: Array, nodata: float | None) -> int:
    """How many pixels have the value of missing ones: in integers, and of 0, in all channels."""
    if nodata is None:
        return 0
    same = np.isnan(values) if math.isnan(nodata) else np.isclose(values, nodata, rtol=6e-8, atol=0)
    return int((same.all(axis=-1) if values.dtype.kind == "u" or nodata == 0 else same.any(axis=-1)).sum())


def _check_fill(values: Array, name: PathLike) -> None:
    """Refuse many equal values that are alone at an end: far above all others, or the only ones below 0."""
    few = max(FEW, FEW_SHARE * values.size)
    low, high = values.min(), values.max()
    rest = values[values < high]
    above = rest.size > 0 and 0 < CLEAR * float(rest.max()) <= float(high) and np.unique(rest).size > TONES
    for end, alone in ((high, above), (low, bool(low < 0) and bool((values[values < 0] == low).all()))):
        number = int((values == end).sum()) if alone else 0
        if number > few:
            raise ValueError(
                f"{name} holds {number} values of {end:g}, far from all others: they seem to mark missing pixels. "
                "Crop the image to what was measured, or remove it."
            )


def _check_noise(values: Array, maximum: float, name: PathLike) -> None:
    """Refuse values below 0 that go too deep, or too often, to be noise."""
    low = float(values.min())
    if low < -NEGATIVE * maximum or (values < -DEEP * maximum).mean() > SHARE:
        raise ValueError(
            f"{name} has a minimum of {low:g} and a maximum of {maximum:g}; expected none below 0 but for noise: black "
            "is 0. Save it with the value of black subtracted, or remove it."
        )
