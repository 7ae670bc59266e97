"""The random part of training examples: the image, the crop, the flip, the noise and its level.

The k-th example of epoch e depends only on (seed, e, k): each example has its own stream of random bits, a hash of
these three numbers (SplitMix64: Steele, Lea & Flood, OOPSLA 2014). The batch size, the number of threads, or stopping
and resuming a training do not change it. The same code runs in NumPy, inside `tf.data` and inside a training step of
JAX (without calls back into Python), and draws the same numbers. `Arrays` holds the functions that differ.
"""

import functools
import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, Tensor
from diffnet_tf.data import ranges
from diffnet_tf.data.gray import GrayImages

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: SplitMix64's increment
# Streams for the order of an epoch and for its examples: crop, flip and noise; σ; the parameters.
_ORDER, _EXAMPLE, _LEVEL, _PARAMETER = 1, 2, 3, 4


class Arrays(SimpleNamespace):
    """The functions of an array library that drawing needs; `NUMPY` shows all of them.

    array: (number or array, dtype) → array of that dtype; take: (array, indices along its first axis); stack: arrays
    (n,) → (n, number of arrays);
    shift_right: (uint64, number of bits); remainder: (uint64, divisor or int64 array of divisors) → int64; log_rest and
    cos_turn: from uint64 to log(1 − u) and cos(2πu), where u = `uniform` of the argument.
    """


def uniform(xp: Arrays, random_bits: Tensor) -> Tensor:
    """Numbers in [0, 1) from random bits: uint64 → float64, which holds 53 bits."""
    return xp.array(xp.shift_right(random_bits, 11), "float64") * 2.0**-53


NUMPY: Arrays = Arrays(
    array=lambda x, dtype: np.asarray(x).astype(dtype),
    arange=np.arange,
    xor=np.bitwise_xor,
    shift_right=np.right_shift,
    remainder=lambda x, divisor: (x % np.asarray(divisor).astype("uint64")).astype("int64"),
    argsort=lambda x: np.argsort(x, kind="stable"),
    where=np.where,
    divide=np.divide,
    take=lambda x, indices: x[indices],
    reshape=np.reshape,
    stack=lambda columns: np.stack(columns, -1),
    sqrt=np.sqrt,
    exp=np.exp,
    log_rest=lambda x: np.log(1.0 - uniform(NUMPY, x)),  # 1 − u is never 0
    cos_turn=lambda x: np.cos((2.0 * math.pi) * uniform(NUMPY, x)),
)


def tensorflow_arrays() -> Arrays:
    """The same for TensorFlow. From a memory map, `take` reads only the images that it needs."""
    import tensorflow as tf

    def mapped(x: Array, indices: Tensor) -> Tensor:
        taken = tf.numpy_function(lambda numbers: np.asarray(x[numbers]), [indices], x.dtype)
        taken.set_shape((*indices.shape, *x.shape[1:]))
        return taken

    xp: Arrays = Arrays(
        array=lambda x, dtype: tf.cast(x, dtype) if tf.is_tensor(x) else tf.constant(x, dtype),
        arange=tf.range,
        xor=tf.bitwise.bitwise_xor,
        shift_right=lambda x, number: tf.bitwise.right_shift(x, tf.constant([number], "uint64")),
        remainder=lambda x, divisor: tf.cast(x % tf.cast(divisor, "uint64"), "int64"),
        argsort=lambda x: tf.argsort(x, stable=True),
        where=tf.where,
        divide=tf.divide,
        take=lambda x, indices: tf.gather(x, indices) if tf.is_tensor(x) else mapped(x, indices),
        reshape=lambda x, shape: (tf if tf.is_tensor(x) else np).reshape(x, shape),
        stack=lambda columns: tf.stack(columns, -1),
        sqrt=tf.sqrt,
        exp=tf.exp,
        log_rest=lambda x: tf.math.log(1.0 - uniform(xp, x)),
        cos_turn=lambda x: tf.cos((2.0 * math.pi) * uniform(xp, x)),
    )
    return xp


def _mix(z: Tensor, xp: Arrays) -> Tensor:
    """SplitMix64's scrambling of 64 bits: every input bit reaches every output bit."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        z = xp.xor(z, xp.shift_right(z, shift)) * xp.array([factor], "uint64")
    return z


def bits(xp: Arrays, count: int, *key: int | Tensor, first: int = 0) -> Tensor:
    """Random 64-bit numbers that depend only on a key.

    Args:
        xp: the array library.
        count: how many numbers for each key.
        key: whole numbers of at least 0, or arrays (n,) of whole numbers.
        first: how many numbers of each key to skip.

    Returns:
        uint64 (n, count), or (1, count) for a key without arrays.
    """
    state = xp.array([0], "uint64")
    for number in key:
        state = _mix(state + xp.array(number, "uint64") + xp.array([_GOLDEN], "uint64"), xp)
    counter = xp.array(xp.arange(first + 1, first + count + 1), "uint64")
    return _mix(state[:, None] + counter * xp.array([_GOLDEN], "uint64"), xp)


def normal(xp: Arrays, lengths: Tensor, angles: Tensor) -> Tensor:
    """Standard normal numbers by the Box–Muller transform: from two uint64 arrays to float64 of the same shape."""
    return xp.sqrt(-2.0 * xp.log_rest(lengths)) * xp.cos_turn(angles)


class Drawn(NamedTuple):
    """Examples, float32: clean and noise (n, height, width, channels), sigma (n, 1, 1, 1), 0 without noise, and
    parameter (n, 1, 1, number of parameters), 0 without any."""

    clean: Tensor
    noise: Tensor
    sigma: Tensor
    parameter: Tensor


class Examples:
    """An endless sequence of clean crops and noise. Example i is the k-th of epoch e, with (e, k) = divmod(i, images).

    Args:
        images: a `data.GrayImages` or `data.ColourImages`.
        crop: side of the square crops in pixels; None for whole images.
        augment: flip and (if square) transpose each crop at random: 8 (or 4) equally likely ways.
        shuffle: use the images of each epoch in a random order.
        noise: standard deviation σ of the noise images, or a range: see `data.ranges`.
        seed: a whole number of at least 0.
        parameter: the range of a number that is drawn for each example, or a dict of ranges.
        redraw: draw new crops, flips, noise, σ and parameters in each epoch; False draws them once for each image, as
            if the examples had been stored.

    Raises:
        ValueError: for a crop that is larger than an image, or another argument out of range.
    """

    def __init__(
        self,
        images: GrayImages,
        crop: int | None = None,
        augment: bool = False,
        shuffle: bool = True,
        noise: ranges.Range = 0.0,
        seed: int = 0,
        parameter: ranges.Range | Mapping[str, ranges.Range] | None = None,
        redraw: bool = True,
    ) -> None:
        _, height, width, channels = images.shape
        if crop is None and height is None:
            raise ValueError(
                "crop=None with images that differ in size; expected a crop in pixels. For fit, give "
                "dataclasses.replace(recipe, crop=48)."
            )
        self.noise = ranges.of_noise(noise)
        self.parameters = {} if parameter is None else ranges.of_parameters(parameter)
        checks.count(seed, "seed", minimum=0)
        if crop is not None:
            checks.count(crop, "crop", minimum=checks.MINIMUM_SIZE)
            _check_crop(crop, images)
        self.images, self.augment, self.shuffle, self.seed, self.redraw = images, augment, shuffle, seed, redraw
        self.shape = (crop, crop, channels) if crop else (height, width, channels)
        self._cached_order = functools.lru_cache(maxsize=3)(self.order)  # safe in several threads

    def __len__(self) -> int:
        """The number of examples in an epoch: one for each image."""
        return len(self.images)

    def order(self, epoch: int | Tensor, xp: Arrays = NUMPY) -> Tensor:
        """The numbers of the images in the order of an epoch: int64 (images,)."""
        if not self.shuffle:
            return xp.array(xp.arange(len(self)), "int64")
        keys = bits(xp, len(self), self.seed, _ORDER, epoch)[0]
        return xp.array(xp.argsort(xp.array(xp.shift_right(keys, 1), "int64")), "int64")

    def make(
        self, epoch: Tensor, k: Tensor, index: Tensor, pixels: Tensor, maxima: Tensor, xp: Arrays = NUMPY
    ) -> Drawn:
        """Make the k-th examples of epochs, from the images with the numbers `index`.

        Args:
            epoch, k, index: whole numbers, (n,).
            pixels, maxima: those of the images, as arrays of the library in `xp`.
            xp: the array library.
        """

        if not self.redraw:  # the example of an image does not depend on the epoch
            epoch, k = 0 * k, index

        def random_bits(first: int, count: int) -> Tensor:
            return bits(xp, count, self.seed, _EXAMPLE, epoch, k, first=first)

        channels, size = self.shape[-1], math.prod(self.shape)
        if self.shape == self.images.shape[1:] and not self.augment:
            clean = xp.take(pixels, index)
        else:
            clean = xp.take(xp.reshape(pixels, (-1, channels)), self._places(index, random_bits(0, 4), xp))
        clean = xp.reshape(xp.array(clean, "float32"), (-1, *self.shape))
        clean = xp.divide(clean, xp.take(maxima, index)[:, None, None, None])
        level = bits(xp, 1, self.seed, _LEVEL, epoch, k)[:, 0]
        noise, sigma, parameter = 0.0 * clean, _drawn(self.noise, level, xp), xp.array(0 * k, "float64")
        if self.noise.high > 0:
            # Drawn separately: XLA takes four times as long for slices of one array.
            lengths, angles = random_bits(4, size), random_bits(4 + size, size)
            noise = xp.array(sigma[:, None] * normal(xp, lengths, angles), "float32")
        if self.parameters:
            each = bits(xp, len(self.parameters), self.seed, _PARAMETER, epoch, k)
            drawn = [_drawn(spread, each[:, i], xp) for i, spread in enumerate(self.parameters.values())]
            parameter = xp.stack(drawn)
        shapes = (sigma, 1), (parameter, max(1, len(self.parameters)))
        numbers = [xp.reshape(xp.array(values, "float32"), (-1, 1, 1, last)) for values, last in shapes]
        return Drawn(clean, xp.reshape(noise, (-1, *self.shape)), *numbers)

    def _places(self, index: Tensor, random_bits: Tensor, xp: Arrays) -> Tensor:
        """The positions of the pixels of each cropped, flipped and transposed image: int64 (n, height, width)."""
        height, width, _ = self.shape
        full_height, full_width, first = self.images.layout(index, xp)

        def choice(which: int, number: int | Tensor) -> Tensor:  # the bias of the remainder is number / 2^64
            return xp.remainder(random_bits[:, which, None, None], number)

        top, left = choice(0, full_height - height + 1), choice(1, full_width - width + 1)
        row, column = xp.array(xp.arange(height), "int64")[:, None], xp.array(xp.arange(width), "int64")
        if self.augment:
            way = choice(2, 8)
            if height == width:
                row, column = xp.where(way // 4 > 0, column, row), xp.where(way // 4 > 0, row, column)
            row = xp.where(way % 2 > 0, height - 1 - row, row)
            column = xp.where(way // 2 % 2 > 0, width - 1 - column, column)
        return first + (top + row) * full_width + left + column

    def numbers(self, first: int, count: int) -> tuple[Array, Array, Array]:
        """(epoch, k, index) of the examples first, …, first + count − 1, see `make`: int64 (count,) each."""
        epoch, k = np.divmod(np.arange(first, first + count), len(self))
        return epoch, k, np.concatenate([self._cached_order(e)[k[epoch == e]] for e in np.unique(epoch)])

    def batch(self, first: int, count: int) -> Drawn:
        """Examples first, …, first + count − 1 in NumPy."""
        return self.make(*self.numbers(first, count), self.images.pixels, self.images.maxima)


def _drawn(spread: ranges.Spread, random_bits: Tensor, xp: Arrays) -> Tensor:
    """A number in a range from random bits: uint64 (n,) → float64 (n,)."""
    low, high = spread.low, spread.high
    if spread.way == "step":  # by integers, so that no rounding of a library leads to another value
        step = (high - low) / max(1, spread.values - 1)
        return low + step * xp.array(xp.remainder(random_bits, spread.values), "float64")
    u = uniform(xp, random_bits)
    if low == high:
        return low + 0.0 * u
    if spread.way == "log":
        return xp.exp(math.log(low) + math.log(high / low) * u)
    if spread.way == "root":
        root = math.sqrt(low) + (math.sqrt(high) - math.sqrt(low)) * u
        return root * root
    return low + (high - low) * u


def _check_crop(crop: int, images: GrayImages) -> None:
    """Raise a ValueError for crops that are larger than an image."""
    sides = images.sizes.min(axis=1)
    if crop <= sides.min():
        return
    if sides.max() == sides.min():
        which = f"{sides.min()}, the shorter side of the images"
    else:
        small = int((sides < crop).sum())
        name = getattr(images, "names", ["number 0"])[int(np.argmax(sides < crop))]
        which = f"{sides.min()}, since {small} of the {len(sides)} images are smaller, the first {name}"
    raise ValueError(
        f"crop={crop}; expected at most {which}. For fit, give dataclasses.replace(recipe, crop={sides.min()}), or "
        f"leave small images out with data.at_least(images, {crop})."
    )
