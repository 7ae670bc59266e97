"""The random part of training examples: which image, which crop, which flip, which noise.

The k-th example of epoch e is a function of (seed, e, k) alone: each has its own stream of random bits, a hash of
these three numbers (SplitMix64: Steele, Lea & Flood, OOPSLA 2014). Batch size, number of threads and the place where
a run was stopped and resumed cannot change it. The same few lines run in NumPy and, without a call back into Python,
inside `tf.data`, and draw the same numbers; `Arrays` names what differs between the two.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffnet_tf import checks

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: SplitMix64's increment
_ORDER, _EXAMPLE = 1, 2  # streams for the order of an epoch and for its examples


@dataclass(frozen=True)
class Arrays:
    """The functions of an array library that drawing needs."""

    array: Callable  # (number or array, dtype) → array of that dtype
    arange: Callable
    xor: Callable
    shift_right: Callable
    argsort: Callable
    where: Callable
    transpose: Callable
    reshape: Callable
    log: Callable
    sqrt: Callable
    cos: Callable


NUMPY = Arrays(
    array=lambda x, dtype: np.asarray(x).astype(dtype),
    arange=np.arange,
    xor=np.bitwise_xor,
    shift_right=np.right_shift,
    argsort=lambda x: np.argsort(x, kind="stable"),
    where=np.where,
    transpose=np.transpose,
    reshape=np.reshape,
    log=np.log,
    sqrt=np.sqrt,
    cos=np.cos,
)


def tensorflow_arrays():
    """The same for TensorFlow."""
    import tensorflow as tf

    return Arrays(
        array=lambda x, dtype: tf.cast(x, dtype) if tf.is_tensor(x) else tf.constant(x, dtype),
        arange=tf.range,
        xor=tf.bitwise.bitwise_xor,
        shift_right=tf.bitwise.right_shift,
        argsort=lambda x: tf.argsort(x, stable=True),
        where=tf.where,
        transpose=tf.transpose,
        reshape=tf.reshape,
        log=tf.math.log,
        sqrt=tf.sqrt,
        cos=tf.cos,
    )


def _mix(z, xp):
    """SplitMix64's scrambling of 64 bits: every input bit reaches every output bit."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        z = xp.xor(z, xp.shift_right(z, xp.array([shift], "uint64"))) * xp.array([factor], "uint64")
    return z


def bits(xp, count, *key):
    """`count` random 64-bit numbers that depend on the key (whole numbers of at least 0) alone: uint64 (count,)."""
    state = xp.array([0], "uint64")
    for number in key:
        state = _mix(state + xp.array(number, "uint64") + xp.array([_GOLDEN], "uint64"), xp)
    counter = xp.array(xp.arange(1, count + 1), "uint64")
    return _mix(state + counter * xp.array([_GOLDEN], "uint64"), xp)


def normal(xp, random_bits):
    """Standard normal numbers by the transform of Box & Muller: (2n,) uint64 → (n,) float64."""
    # 53 bits make a float64 in [0, 1); 1 − that is never 0.
    uniform = xp.array(xp.shift_right(random_bits, xp.array([11], "uint64")), "float64") * 2.0**-53
    half = random_bits.shape[0] // 2
    return xp.sqrt(-2.0 * xp.log(1.0 - uniform[:half])) * xp.cos((2.0 * math.pi) * uniform[half:])


class Examples:
    """An endless sequence of clean crops and noise: example i is the k-th of epoch e with (e, k) = divmod(i, images).

    Args:
        images: a `gray.GrayImages`.
        crop: side of the square crops in pixels; None for whole images.
        augment: flip and (if square) transpose each crop at random, one of 8 (4) ways alike.
        shuffle: take the images of each epoch in a random order.
        noise: standard deviation σ of the noise images.
        seed: a whole number of at least 0.
    """

    def __init__(self, images, crop=None, augment=False, shuffle=True, noise=0.0, seed=0):
        _, height, width, _ = images.shape
        checks.not_negative(noise, "noise")
        checks.count(seed, "seed", minimum=0)
        if crop is not None:
            checks.count(crop, "crop", minimum=checks.MINIMUM_SIZE)
            if crop > min(height, width):
                raise ValueError(f"crop={crop}; expected at most {min(height, width)}, the shorter side of the images.")
        self.images, self.augment, self.shuffle = images, augment, shuffle
        self.noise, self.seed = float(noise), seed
        self.shape = (crop, crop, 1) if crop else (height, width, 1)
        self._cached_order = functools.lru_cache(maxsize=3)(self.order)  # threads may share it

    def __len__(self):
        """Examples in an epoch: one for each image."""
        return len(self.images)

    def order(self, epoch, xp=NUMPY):
        """The numbers of the images in the order of an epoch: int (images,)."""
        if not self.shuffle:
            return xp.array(xp.arange(len(self)), "int64")
        keys = bits(xp, len(self), self.seed, _ORDER, epoch)
        return xp.array(xp.argsort(xp.array(xp.shift_right(keys, xp.array([1], "uint64")), "int64")), "int64")

    def make(self, epoch, k, index, pixels, maxima, xp=NUMPY):
        """The k-th example of an epoch, which is of image `index`.

        Args:
            epoch, k, index: whole numbers, or 0-d tensors.
            pixels, maxima: those of the images, as arrays of the library in `xp`.

        Returns:
            (clean, noise), float32 of shape `self.shape`; noise is zero for σ = 0.
        """
        height, width, _ = self.shape
        _, full_height, full_width, _ = self.images.shape
        random_bits = bits(xp, 4 + (2 * height * width if self.noise else 0), self.seed, _EXAMPLE, epoch, k)

        def choice(which, number):  # the remainder's bias is number / 2^64
            return xp.array((random_bits[which : which + 1] % xp.array([number], "uint64"))[0], "int64")

        top, left = choice(0, full_height - height + 1), choice(1, full_width - width + 1)
        clean = pixels[index, top : top + height, left : left + width]
        clean = xp.array(clean, "float32") / maxima[index]
        if self.augment:
            which = choice(2, 8)
            clean = xp.where(which % 2 > 0, clean[::-1], clean)
            clean = xp.where(which // 2 % 2 > 0, clean[:, ::-1], clean)
            if height == width:
                clean = xp.where(which // 4 > 0, xp.transpose(clean), clean)
        noise = 0.0 * clean
        if self.noise:
            noise = xp.array(self.noise * normal(xp, random_bits[4:]), "float32")
        return xp.reshape(clean, self.shape), xp.reshape(noise, self.shape)

    def batch(self, first, count):
        """Examples first, …, first + count − 1 in NumPy, stacked: (clean, noise), float32 (count, …)."""
        made = []
        for i in range(first, first + count):
            epoch, k = divmod(i, len(self))
            index = self._cached_order(epoch)[k]
            made.append(self.make(epoch, k, index, self.images.pixels, self.images.maxima))
        return tuple(np.stack(part) for part in zip(*made))
