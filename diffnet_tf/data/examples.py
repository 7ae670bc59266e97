"""The random part of training examples: which image, which crop, which flip, which noise and how much of it.

The k-th example of epoch e is a function of (seed, e, k) alone: each has its own stream of random bits, a hash of
these three numbers (SplitMix64: Steele, Lea & Flood, OOPSLA 2014). Batch size, number of threads and the place where
a run was stopped and resumed cannot change it. The same few lines run in NumPy and, without a call back into Python,
inside `tf.data`, and draw the same numbers; `Arrays` names what differs between the two.
"""

import functools
import math
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Tensor
from diffnet_tf.data import ranges
from diffnet_tf.data.gray import GrayImages

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: SplitMix64's increment
# Streams for the order of an epoch and for its examples: crop, flip and noise; σ; the parameter.
_ORDER, _EXAMPLE, _LEVEL, _PARAMETER = 1, 2, 3, 4


class Arrays(SimpleNamespace):
    """The functions of an array library that drawing needs: `NUMPY` has them all.

    array: (number or array, dtype) → array of that dtype; take: (array, indices along its first axis).
    """


NUMPY = Arrays(
    array=lambda x, dtype: np.asarray(x).astype(dtype),
    arange=np.arange,
    xor=np.bitwise_xor,
    shift_right=np.right_shift,
    argsort=lambda x: np.argsort(x, kind="stable"),
    where=np.where,
    take=lambda x, indices: x[indices],
    reshape=np.reshape,
    log=np.log,
    sqrt=np.sqrt,
    cos=np.cos,
)


def tensorflow_arrays() -> Arrays:
    """The same for TensorFlow."""
    import tensorflow as tf

    return Arrays(
        array=lambda x, dtype: tf.cast(x, dtype) if tf.is_tensor(x) else tf.constant(x, dtype),
        arange=tf.range,
        xor=tf.bitwise.bitwise_xor,
        shift_right=tf.bitwise.right_shift,
        argsort=lambda x: tf.argsort(x, stable=True),
        where=tf.where,
        take=tf.gather,
        reshape=tf.reshape,
        log=tf.math.log,
        sqrt=tf.sqrt,
        cos=tf.cos,
    )


def _mix(z: Tensor, xp: Arrays) -> Tensor:
    """SplitMix64's scrambling of 64 bits: every input bit reaches every output bit."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        z = xp.xor(z, xp.shift_right(z, xp.array([shift], "uint64"))) * xp.array([factor], "uint64")
    return z


def bits(xp: Arrays, count: int, *key: int | Tensor) -> Tensor:
    """Random 64-bit numbers that depend on their key alone.

    Args:
        count: how many for each key.
        key: whole numbers of at least 0, or arrays (n,) of them.

    Returns:
        uint64 (n, count), or (1, count) for a key without arrays.
    """
    state = xp.array([0], "uint64")
    for number in key:
        state = _mix(state + xp.array(number, "uint64") + xp.array([_GOLDEN], "uint64"), xp)
    counter = xp.array(xp.arange(1, count + 1), "uint64")
    return _mix(state[:, None] + counter * xp.array([_GOLDEN], "uint64"), xp)


def uniform(xp: Arrays, random_bits: Tensor) -> Tensor:
    """Numbers in [0, 1): uint64 → float64, which holds 53 of the bits."""
    return xp.array(xp.shift_right(random_bits, xp.array([11], "uint64")), "float64") * 2.0**-53


def normal(xp: Arrays, random_bits: Tensor) -> Tensor:
    """Standard normal numbers by the transform of Box & Muller: (n, 2m) uint64 → (n, m) float64."""
    numbers, half = uniform(xp, random_bits), random_bits.shape[-1] // 2  # 1 − these is never 0
    return xp.sqrt(-2.0 * xp.log(1.0 - numbers[:, :half])) * xp.cos((2.0 * math.pi) * numbers[:, half:])


class Drawn(NamedTuple):
    """Examples: clean and noise (n, height, width, channels), sigma and parameter (n, 1, 1, 1), float32; else 0."""

    clean: Tensor
    noise: Tensor
    sigma: Tensor
    parameter: Tensor


class Examples:
    """An endless sequence of clean crops and noise: example i is the k-th of epoch e with (e, k) = divmod(i, images).

    Args:
        images: a `data.GrayImages` or `data.ColourImages`.
        crop: side of the square crops in pixels; None for whole images.
        augment: flip and (if square) transpose each crop at random, one of 8 (4) ways alike.
        shuffle: take the images of each epoch in a random order.
        noise: standard deviation σ of the noise images, or (low, high): see `data.ranges`.
        seed: a whole number of at least 0.
        parameter: (low, high) of a number that is drawn for each example.
    """

    def __init__(
        self,
        images: GrayImages,
        crop: int | None = None,
        augment: bool = False,
        shuffle: bool = True,
        noise: ranges.Range = 0.0,
        seed: int = 0,
        parameter: tuple[float, float] | None = None,
    ) -> None:
        _, height, width, channels = images.shape
        self.noise = ranges.of_noise(noise)
        self.parameter = None if parameter is None else ranges.of_parameter(parameter)
        checks.count(seed, "seed", minimum=0)
        if crop is not None:
            checks.count(crop, "crop", minimum=checks.MINIMUM_SIZE)
            if crop > min(height, width):
                raise ValueError(f"crop={crop}; expected at most {min(height, width)}, the shorter side of the images.")
        self.images, self.augment, self.shuffle, self.seed = images, augment, shuffle, seed
        self.shape = (crop, crop, channels) if crop else (height, width, channels)
        self._cached_order = functools.lru_cache(maxsize=3)(self.order)  # threads may share it

    def __len__(self) -> int:
        """Examples in an epoch: one for each image."""
        return len(self.images)

    def order(self, epoch: int | Tensor, xp: Arrays = NUMPY) -> Tensor:
        """The numbers of the images in the order of an epoch: int (images,)."""
        if not self.shuffle:
            return xp.array(xp.arange(len(self)), "int64")
        keys = bits(xp, len(self), self.seed, _ORDER, epoch)[0]
        return xp.array(xp.argsort(xp.array(xp.shift_right(keys, xp.array([1], "uint64")), "int64")), "int64")

    def make(
        self, epoch: Tensor, k: Tensor, index: Tensor, pixels: Tensor, maxima: Tensor, xp: Arrays = NUMPY
    ) -> Drawn:
        """Examples: of each the k-th of its epoch, which is of image `index`.

        Args:
            epoch, k, index: whole numbers, (n,).
            pixels, maxima: those of the images, as arrays of the library in `xp`.
        """
        height, width, channels = self.shape
        noisy = self.noise[1] > 0
        random_bits = bits(xp, 4 + (2 * height * width * channels if noisy else 0), self.seed, _EXAMPLE, epoch, k)
        if self.shape == self.images.shape[1:] and not self.augment:
            clean = xp.take(pixels, index)
        else:
            clean = xp.take(xp.reshape(pixels, (-1, channels)), self._places(index, random_bits[:, :4], xp))
        clean = xp.reshape(xp.array(clean, "float32"), (-1, *self.shape))
        clean = clean / xp.take(maxima, index)[:, None, None, None]
        noise, sigma, parameter = 0.0 * clean, self._sigma(epoch, k, xp), xp.array(0 * k, "float64")
        if noisy:
            noise = xp.array(sigma[:, None] * normal(xp, random_bits[:, 4:]), "float32")
        if self.parameter:
            low, high = self.parameter
            parameter = low + (high - low) * self._uniform(_PARAMETER, epoch, k, xp)
        numbers = [xp.reshape(xp.array(number, "float32"), (-1, 1, 1, 1)) for number in (sigma, parameter)]
        return Drawn(clean, xp.reshape(noise, (-1, *self.shape)), *numbers)

    def _sigma(self, epoch: Tensor, k: Tensor, xp: Arrays) -> Tensor:
        """σ of each example, float64 (n,): the same for all, or uniform in √σ."""
        low, high = self.noise
        if low == high:
            return low + xp.array(0 * k, "float64")
        root = math.sqrt(low) + (math.sqrt(high) - math.sqrt(low)) * self._uniform(_LEVEL, epoch, k, xp)
        return root * root

    def _uniform(self, stream: int, epoch: Tensor, k: Tensor, xp: Arrays) -> Tensor:
        """A number in [0, 1) of each example, float64 (n,)."""
        return uniform(xp, bits(xp, 1, self.seed, stream, epoch, k))[:, 0]

    def _places(self, index: Tensor, random_bits: Tensor, xp: Arrays) -> Tensor:
        """Where the pixels of a cut, flipped and transposed image are among all pixels: int64 (n, height, width)."""
        height, width, _ = self.shape
        _, full_height, full_width, _ = self.images.shape

        def choice(which: int, number: int) -> Tensor:  # the remainder's bias is number / 2^64
            chosen = random_bits[:, which, None, None] % xp.array([number], "uint64")
            return xp.array(chosen, "int64")

        top, left = choice(0, full_height - height + 1), choice(1, full_width - width + 1)
        row, column = xp.array(xp.arange(height), "int64")[:, None], xp.array(xp.arange(width), "int64")
        if self.augment:
            way = choice(2, 8)
            if height == width:
                row, column = xp.where(way // 4 > 0, column, row), xp.where(way // 4 > 0, row, column)
            row = xp.where(way % 2 > 0, height - 1 - row, row)
            column = xp.where(way // 2 % 2 > 0, width - 1 - column, column)
        return (index[:, None, None] * full_height + top + row) * full_width + left + column

    def batch(self, first: int, count: int) -> Drawn:
        """Examples first, …, first + count − 1 in NumPy."""
        epoch, k = np.divmod(np.arange(first, first + count), len(self))
        index = np.concatenate([self._cached_order(e)[k[epoch == e]] for e in np.unique(epoch)])
        return self.make(epoch, k, index, self.images.pixels, self.images.maxima)
