"""Whole numbers of 64 bits as two of 32, for JAX, which leaves 64 bits off by default: random bits made on the device.

`Halves` holds what SplitMix64 needs of them. `jax_arrays` gives `data.examples` the functions to draw with. Crops and
flips are the host's, bit for bit. What is float64 there is float32 here: noise, σ and parameter differ by its rounding
alone, since what would lose more, 1 − u near 1 or an angle, is taken of whole numbers.
"""

import dataclasses
import math
from typing import Any, Self

import numpy as np

from diffnet_tf.base.types import Tensor
from diffnet_tf.data.examples import Arrays

LARGEST_DIVISOR = 2**16


def _times(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The product of two uint32 as (high, low), from the products of their halves of 16 bits."""
    a_high, a_low, b_high, b_low = a >> 16, a & 0xFFFF, b >> 16, b & 0xFFFF
    cross = a_low * b_high + (a_low * b_low >> 16)  # at most 2^32 − 2^16: no carry
    other = a_high * b_low + (cross & 0xFFFF)
    return a_high * b_high + (cross >> 16) + (other >> 16), a * b


@dataclasses.dataclass(frozen=True, eq=False)
class Halves:
    """An array of whole numbers high · 2^32 + low, modulo 2^64.

    Both are uint32 arrays of NumPy or of JAX, of shapes that broadcast to each other as those of two arrays do.
    """

    high: Tensor
    low: Tensor

    @classmethod
    def of(cls, x: Any) -> Self:
        """From Python's or NumPy's numbers of at most 64 bits, or from JAX's, of at most 32; none is negative."""
        if isinstance(x, (int, list, tuple, np.generic, np.ndarray)):
            wide = np.atleast_1d(np.asarray(x)).astype("uint64")  # NumPy warns when a number alone overflows
            return cls((wide >> np.uint64(32)).astype("uint32"), wide.astype("uint32"))
        return cls(np.zeros((1,) * x.ndim, "uint32"), x.astype("uint32"))

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.high.shape, self.low.shape)

    def __getitem__(self, where: Any) -> "Halves":
        return Halves(self.high[where], self.low[where])

    def __add__(self, other: "Halves") -> "Halves":
        low = self.low + other.low
        return Halves(self.high + other.high + (low < other.low).astype("uint32"), low)

    def __mul__(self, other: "Halves") -> "Halves":
        carried, low = _times(self.low, other.low)
        return Halves(carried + self.low * other.high + self.high * other.low, low)

    def __xor__(self, other: "Halves") -> "Halves":
        return Halves(self.high ^ other.high, self.low ^ other.low)

    def __rshift__(self, by: int) -> "Halves":
        """By 1 to 31 bits."""
        return Halves(self.high >> by, self.low >> by | self.high << 32 - by)

    def __mod__(self, divisor: int | Tensor) -> Tensor:
        """The remainder by numbers from 1 to `LARGEST_DIVISOR`, uint32: by hand, in digits of 16 bits."""
        rest = self.high % divisor
        for digit in (self.low >> 16, self.low & 0xFFFF):
            rest = (rest << 16 | digit) % divisor
        return rest

    def float32(self) -> Tensor:
        """Rounded to 24 bits."""
        return self.high.astype("float32") * 2.0**32 + self.low.astype("float32")


def log_rest(random_bits: Halves) -> Tensor:
    """log(1 − u), float32, of u = the upper 53 bits / 2^53.

    Near 1, u itself has no bits left for 1 − u, and near 0, 1 − u has none for u: each is taken where it is small.
    """
    import jax.numpy as jnp

    u = random_bits >> 11
    rest = Halves(2**21 - u.high - (u.low > 0).astype("uint32"), 0 - u.low)  # 2^53 − u, at least 1
    scale = 2.0**-53
    return jnp.where(u.high < 2**20, jnp.log1p(-scale * u.float32()), jnp.log(scale * rest.float32()))


def cos_turn(random_bits: Halves) -> Tensor:
    """cos(2πu), float32, to 2e-7.

    The cosine is the sine of what is left to a quarter of a turn. Its whole number of 2^-32 turns is exact, so that
    the rounding is relative to it. The lower half would change 1e-9.
    """
    import jax.numpy as jnp

    left = 2**30 - jnp.abs(random_bits.high.astype("int32"))  # of −1/2 to 1/2 a turn
    # |−2^31| is −2^31 again, and 2^30 + 2^31 is −2^30 modulo 2^32: right, too.
    return jnp.sin((2.0 * math.pi * 2.0**-32) * left.astype("float32"))


def jax_arrays() -> Arrays:
    """For JAX, as `examples.NUMPY`, with uint64 as `Halves`, float64 as float32 and int64 as int32.

    It sorts nothing. The order of an epoch is the host's: a sort of all images, once an epoch, costs NumPy less than a
    step of training, while a compiled step would have to hold it, and sort in every step anew.
    """
    import jax
    import jax.numpy as jnp

    def array(x: Any, dtype: str) -> Any:
        if dtype == "uint64":
            return Halves.of(x)
        if isinstance(x, Halves):
            return x.float32() if dtype == "float64" else x.low.astype("int32")
        return jnp.asarray(x).astype({"int64": "int32", "float64": "float32"}.get(dtype, dtype))

    def take(x: Tensor, indices: Tensor) -> Tensor:
        return x.at[indices].get(mode="promise_in_bounds")

    def divide(x: Tensor, by: Tensor) -> Tensor:  # which XLA would make a product with the rounded reciprocal
        return x / jax.lax.optimization_barrier(jnp.broadcast_to(by, x.shape))

    return Arrays(
        array=array,
        arange=np.arange,
        xor=lambda a, b: a ^ b,
        shift_right=lambda a, by: a >> by,
        remainder=lambda a, by: (a % (by if isinstance(by, int) else by.astype("uint32"))).astype("int32"),
        where=jnp.where,
        divide=divide,
        take=take,
        reshape=jnp.reshape,
        sqrt=jnp.sqrt,
        log_rest=log_rest,
        cos_turn=cos_turn,
    )
