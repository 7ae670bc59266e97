"""Checks on what callers hand in: refused here, by name, before any work is done.

Every message says what came, what was expected and what to do. NumPy only.
"""

import numbers
from collections.abc import Iterable, Sequence

import numpy as np

from diffnet_tf.types import Array

MINIMUM_SIZE = 3  # a 5-point stencil needs one pixel with four neighbours


def _where(bad: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(bad)[0])


def float_dtype(array: Array, name: str = "images") -> None:
    """Refuse integer, boolean, complex and object arrays."""
    dtype = np.dtype(array.dtype)
    if dtype.kind != "f" and dtype.name != "bfloat16":
        raise TypeError(
            f"{name} have dtype {dtype.name}; expected floating point in [0, 1]. "
            "Divide 8-bit images by 255 (or each by its own maximum) first."
        )


def finite(array: Array, name: str = "images") -> None:
    """Refuse NaN and infinity, with their number and the first place."""
    bad = ~np.isfinite(array)
    if bad.any():
        raise ValueError(
            f"{name} hold {int(bad.sum())} value(s) that are NaN or infinite, the first at index "
            f"{_where(bad)}; expected finite values. Remove or replace them."
        )


def image_shape(shape: Iterable[int], name: str = "images") -> None:
    """Refuse shapes other than (batch, height, width, 1) with both sides at least 3."""
    shape = tuple(shape)
    if len(shape) != 4:
        raise ValueError(
            f"{name} have shape {shape} of rank {len(shape)}; expected (batch, height, width, 1). "
            "Add the missing axes with array[None, ..., None]."
        )
    if shape[-1] != 1:
        advice = "Convert colour to gray first."
        if shape[1] in (1, 3):
            advice = "This looks like channels first: move the channels with np.moveaxis(images, 1, -1)."
        raise ValueError(
            f"{name} have shape {shape} with {shape[-1]} channels last; expected (batch, height, width, 1). {advice}"
        )
    if shape[0] == 0:
        raise ValueError(f"{name} have shape {shape}: there is no image in them; expected at least one.")
    if min(shape[1:3]) < MINIMUM_SIZE:
        raise ValueError(f"{name} have shape {shape}; expected a height and width of at least {MINIMUM_SIZE} pixels.")


def unit_range(array: Array, name: str = "images") -> None:
    """Refuse values outside [0, 1] and black images."""
    low, high = float(array.min()), float(array.max())
    if low < 0.0 or high > 1.0 + 1e-6:
        raise ValueError(
            f"{name} range from {low:g} to {high:g}; expected values in [0, 1]. "
            "Divide 8-bit images by 255 (or each by its own maximum) first."
        )
    not_black(array, name)


def not_black(array: Array, name: str = "images") -> None:
    """Refuse images that are zero everywhere: they have no maximum to be scaled by."""
    black = array.reshape(len(array), -1).max(axis=1) <= 0
    if black.any():
        raise ValueError(
            f"{name} hold {int(black.sum())} black image(s), the first at index {_where(black)[0]}; "
            "expected a positive maximum, since each image is scaled by its own. Remove them."
        )


def images(array: Array, name: str = "images") -> Array:
    """All of the above for gray images as a NumPy array: (batch, height, width, 1) in [0, 1].

    Returns:
        The array as float32.

    Raises:
        TypeError: for a dtype that is not floating point.
        ValueError: for a wrong shape, NaN, infinity, a wrong range or a black image.
    """
    array = np.asarray(array)
    float_dtype(array, name)
    image_shape(array.shape, name)
    finite(array, name)
    unit_range(array, name)
    return array.astype("float32", copy=False)


def positive(value: float, name: str) -> None:
    """Refuse anything but a finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a number above 0.")
    if not np.isfinite(value) or value <= 0:
        raise ValueError(f"{name}={value!r}; expected a finite number above 0.")


def not_negative(value: float, name: str) -> None:
    """Refuse anything but a finite number of at least zero."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a number of at least 0.")
    if not np.isfinite(value) or value < 0:
        raise ValueError(f"{name}={value!r}; expected a finite number of at least 0.")


def count(value: int, name: str, minimum: int = 1) -> None:
    """Refuse anything but a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a whole number.")
    if value < minimum:
        raise ValueError(f"{name}={value!r}; expected a whole number of at least {minimum}.")


def one_of(value: str, name: str, choices: Sequence[str]) -> None:
    """Refuse anything but one of the named choices."""
    if value not in choices:
        raise ValueError(f"{name}={value!r}; expected one of {', '.join(map(repr, choices))}.")
