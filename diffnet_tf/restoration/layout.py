"""Which arrays are images, and where their channels are: on any axis outside, on the last one inside."""

import operator

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike

INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
IMAGE_DTYPES = (*INTEGERS, "float16", "float32", "float64")


def channels_last(image: Array, channel_axis: int | None, name: PathLike = "The image") -> Array:
    """A view of an image with its channels on the last axis.

    Args:
        image: (height, width), or three axes, one of which has the channels.
        channel_axis: the axis of the channels, counted from the end if negative; None for the image as it is.
        name: what messages call the image.

    Raises:
        TypeError: if channel_axis is not a whole number.
        ValueError: if the image has no such axis, or not three axes.
    """
    if channel_axis is None:
        return image
    try:
        axis = None if isinstance(channel_axis, (bool, np.bool_)) else operator.index(channel_axis)
    except TypeError:
        axis = None
    if axis is None:
        kind = type(channel_axis).__name__
        raise checks.InputTypeError(f"channel_axis={channel_axis!r} is a {kind}; expected None, or a whole number.")
    if image.ndim != 3:
        raise ValueError(
            f"{name} has shape {image.shape}, but channel_axis={axis}; expected height, width and channels. For a gray "
            "image, leave out channel_axis."
        )
    if not -3 <= axis < 3:
        raise ValueError(f"{name} has shape {image.shape}, but channel_axis={axis}; expected an axis from -3 to 2.")
    return np.moveaxis(image, axis, -1)


def check(pixels: Array, name: PathLike, any_channels: bool = False) -> None:
    """Refuse an array that is no image: its dtype, its shape, or, unless any_channels, its number of channels.

    Raises:
        TypeError, ValueError: naming the image.
    """
    if pixels.dtype.name not in IMAGE_DTYPES:
        why = " It has no gray values, only black and white." if pixels.dtype == bool else ""
        raise checks.InputTypeError(
            f"{name} has dtype {pixels.dtype}; expected integers or floats of at most 64 bits.{why} Convert it first, "
            "for example with image.astype('float32')."
        )
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and not 1 <= pixels.shape[2] <= 4 and not any_channels):
        raise ValueError(
            f"{name} has shape {pixels.shape}; expected (height, width) or (height, width, 1 to 4 channels). If the "
            "channels are on another axis, or more, give channel_axis."
        )
    if min(pixels.shape[:2]) < checks.MINIMUM_SIZE:
        raise ValueError(f"{name} has shape {pixels.shape}; expected at least {checks.MINIMUM_SIZE} pixels a side.")
