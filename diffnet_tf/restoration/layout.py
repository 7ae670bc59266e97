"""Where the channels of an image are: on any axis outside, on the last one inside."""

import operator

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike


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
