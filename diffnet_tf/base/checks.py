"""Checks of arguments. They raise an error that names the argument, before any work is done.

Each message says what was given, what was expected and what to do. NumPy only.
"""

import difflib
import numbers
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array, PathLike, Tensor

MINIMUM_SIZE = 3  # a 5-point stencil needs one pixel with four neighbours
FULL_RANGE = 10.0  # more than [0, 1] with noise ever reaches, less than the maximum of all but the darkest 8-bit images


class InputTypeError(TypeError):
    """An argument has the wrong type. (A plain TypeError is a bug in this package.)"""


def _where(bad: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(bad)[0])


def float_dtype(array: Tensor, name: str = "images") -> None:
    """Raise an InputTypeError unless an array or tensor, of any framework, is of floating point."""
    dtype = str(getattr(array.dtype, "name", array.dtype)).removeprefix("torch.")
    if "float" not in dtype:
        raise InputTypeError(
            f"{name} have dtype {dtype}; expected floating point in [0, 1]. "
            "Divide 8-bit images by 255 (or each by its own maximum) first."
        )


def finite(array: Array, name: str = "images") -> None:
    """Raise a ValueError for NaN and infinity, with their number and the first index."""
    bad = ~np.isfinite(array)
    if bad.any():
        raise ValueError(
            f"{name} hold {int(bad.sum())} value(s) that are NaN or infinite, the first at index "
            f"{_where(bad)}; expected finite values. Remove or replace them."
        )


def image_channels(shape: Iterable[int | None], channels: int, name: str = "images") -> None:
    """Raise a ValueError unless a shape is (batch, height, width, channels); None stands for an unknown size."""
    shape = tuple(shape)
    if channels == 1:
        gray(shape, name)
    elif len(shape) != 4 or shape[-1] not in (channels, None):
        raise ValueError(f"{name} have shape {shape}; expected (batch, height, width, {channels}), channels last.")


def gray(shape: Iterable[int | None], name: str = "images") -> None:
    """Raise a ValueError unless a shape is (batch, height, width, 1); None stands for an unknown size."""
    shape = tuple(shape)
    if len(shape) != 4:
        raise ValueError(
            f"{name} have shape {shape} of rank {len(shape)}; expected (batch, height, width, 1). "
            "Add the missing axes with array[None, ..., None]."
        )
    if shape[-1] not in (1, None):
        advice = "Convert colour to gray first."
        if shape[1] in (1, 3):
            advice = "This looks like channels first: move the channels with np.moveaxis(images, 1, -1)."
        raise ValueError(
            f"{name} have shape {shape} with {shape[-1]} channels last; expected (batch, height, width, 1). {advice}"
        )


def image_shape(shape: Iterable[int], name: str = "images") -> None:
    """Raise a ValueError unless a shape is (batch, height, width, 1) with at least one image of 3×3 pixels or more."""
    shape = tuple(shape)
    gray(shape, name)
    if shape[0] == 0:
        raise ValueError(f"{name} have shape {shape}, which contains no images; expected at least one.")
    if min(shape[1:3]) < MINIMUM_SIZE:
        raise ValueError(f"{name} have shape {shape}; expected a height and width of at least {MINIMUM_SIZE} pixels.")


def differ(one: Iterable[int | None], other: Iterable[int | None]) -> bool:
    """Whether two shapes differ where both are known."""
    one, other = tuple(one), tuple(other)
    return len(one) != len(other) or any(a != b for a, b in zip(one, other) if None not in (a, b))


def same_shape(one: Iterable[int | None], other: Iterable[int | None], names: tuple[str, str]) -> None:
    """Raise a ValueError if two shapes differ: broadcasting would silently give a wrong result."""
    if differ(one, other):
        raise ValueError(f"{names[0]} has shape {tuple(one)} and {names[1]} {tuple(other)}; expected the same shape.")


def unit_range(array: Array, name: str = "images") -> None:
    """Raise a ValueError for values outside [0, 1] and for black images."""
    low, high = float(array.min()), float(array.max())
    if low < 0.0 or high > 1.0 + 1e-6:
        raise ValueError(
            f"{name} range from {low:g} to {high:g}; expected values in [0, 1]. "
            "Divide 8-bit images by 255 (or each by its own maximum) first."
        )
    not_black(array, name)


def not_black(array: Array, name: str = "images") -> None:
    """Raise a ValueError for images that are zero everywhere: they cannot be scaled by their maximum."""
    black = array.reshape(len(array), -1).max(axis=1) <= 0
    if black.any():
        raise ValueError(
            f"{name} hold {int(black.sum())} black image(s), the first at index {_where(black)[0]}; "
            "expected a positive maximum, because each image is divided by its maximum. Remove them."
        )


def images(array: Array, name: str = "images") -> Array:
    """Run all checks above on gray images: a floating-point array (batch, height, width, 1) in [0, 1].

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


def _number(value: float, name: str, expected: str, fits: Callable[[float], bool]) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InputTypeError(f"{name}={value!r} is a {type(value).__name__}; expected a number {expected}.")
    if not np.isfinite(value) or not fits(value):
        raise ValueError(f"{name}={value!r}; expected a finite number {expected}.")


def positive(value: float, name: str) -> None:
    """Raise an error unless the value is a finite number above zero."""
    _number(value, name, "above 0", lambda number: number > 0)


def not_negative(value: float, name: str) -> None:
    """Raise an error unless the value is a finite number of at least zero."""
    _number(value, name, "of at least 0", lambda number: number >= 0)


def share(value: float, name: str) -> None:
    """Raise an error unless the value is a number above zero and at most one."""
    _number(value, name, "above 0 and at most 1", lambda number: 0 < number <= 1)


def noise_level(value: float, name: str) -> None:
    """Raise an error unless the value is a σ in [0, 1), as a share of white. More was meant as per cent."""
    not_negative(value, name)
    if value >= 1:
        raise ValueError(
            f"{name}={value:g}; expected σ as a fraction of white, below 1. For 3 %, give 0.03; for 25 of 255, 25/255."
        )


def count(value: int, name: str, minimum: int = 1) -> None:
    """Raise an error unless the value is a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise InputTypeError(f"{name}={value!r} is a {type(value).__name__}; expected a whole number.")
    if value < minimum:
        raise ValueError(f"{name}={value!r}; expected a whole number of at least {minimum}.")


def one_of(value: str, name: str, choices: Sequence[str]) -> None:
    """Raise a ValueError unless the value is one of the choices. The message names the nearest one."""
    if value not in choices:
        expected = ", ".join(map(repr, choices))
        raise ValueError(f"{name}={value!r}; expected one of {expected}.{did_you_mean(value, choices)}")


def did_you_mean(value: Any, choices: Iterable[str]) -> str:
    """A sentence that suggests the choice nearest to a misspelt one; empty if none is near."""
    nearest = difflib.get_close_matches(value, list(choices), 1) if isinstance(value, str) else []
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def can_be_written(path: PathLike, force: bool = True) -> None:
    """Raise an error if a file cannot be written here, or exists and `force` is False. Creates nothing."""
    path = Path(path)
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists; give another name, or --force to replace it.")
    there = next(folder for folder in path.parents if folder.exists())
    if not there.is_dir():
        raise ValueError(f"{path} cannot be written: {there} is not a folder. Give another name.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"{path} cannot be written: no permission to write to {there}. Give another name.")
