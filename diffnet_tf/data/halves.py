"""64-bit integers as pairs of 32-bit integers, to draw random bits on the device with JAX (64 bits are off by default).

`Halves` has the operations that SplitMix64 needs. `jax_arrays` gives `data.examples` its functions. Crops and flips are
the same as with NumPy, bit for bit. Float64 becomes float32, so noise, σ and parameter differ by its rounding only:
where more would be lost (1 − u for u near 1, and angles), integers are used.
"""

import dataclasses
import math
from typing import Any, Self

import numpy as np

from diffnet_tf.base.types import Tensor
from diffnet_tf.data.examples import Arrays

LARGEST_DIVISOR = 2**16


def _times(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The product of two uint32 as (high, low), computed from the products of their 16-bit halves."""
    a_high, a_low, b_high, b_low = a >> 16, a & 0xFFFF, b >> 16, b & 0xFFFF
    cross = a_low * b_high + (a_low * b_low >> 16)  # at most 2^32 − 2^16: no carry
    other = a_high * b_low + (cross & 0xFFFF)
    return a_high * b_high + (cross >> 16) + (other >> 16), a * b


@dataclasses.dataclass(frozen=True, eq=False)
class Halves:
    """An array of integers high · 2^32 + low, modulo 2^64.

    Both are uint32 arrays of NumPy or JAX, whose shapes can be broadcast to each other.
    """

    high: Tensor
    low: Tensor

    @classmethod
    def of(cls, x: Any) -> Self:
        """From numbers of Python or NumPy with at most 64 bits, or of JAX with at most 32 bits; not negative."""
        if isinstance(x, (int, list, tuple, np.generic, np.ndarray)):
            wide = np.atleast_1d(np.asarray(x)).astype("uint64")  # for scalars, NumPy would warn of overflow
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
        """Shift right by 1 to 31 bits."""
        return Halves(self.high >> by, self.low >> by | self.high << 32 - by)

    def __mod__(self, divisor: int | Tensor) -> Tensor:
        """The remainder, uint32, for divisors from 1 to `LARGEST_DIVISOR`: long division in digits of 16 bits."""
        rest = self.high % divisor
        for digit in (self.low >> 16, self.low & 0xFFFF):
            rest = (rest << 16 | digit) % divisor
        return rest

    def float32(self) -> Tensor:
        """The numbers as float32, rounded to 24 bits."""
        return self.high.astype("float32") * 2.0**32 + self.low.astype("float32")


def log_rest(random_bits: Halves) -> Tensor:
    """log(1 − u) in float32, where u = the upper 53 bits / 2^53.

    In float32, 1 − u is inaccurate for u near 1, and so is log(1 − u) from a rounded 1 − u for u near 0. So u is used
    where u is small, and an exact 1 − u where that is small.
    """
    import jax.numpy as jnp

    u = random_bits >> 11
    rest = Halves(2**21 - u.high - (u.low > 0).astype("uint32"), 0 - u.low)  # 2^53 − u, at least 1
    scale = 2.0**-53
    return jnp.where(u.high < 2**20, jnp.log1p(-scale * u.float32()), jnp.log(scale * rest.float32()))


def cos_turn(random_bits: Halves) -> Tensor:
    """cos(2πu), float32, to 2e-7.

    The cosine is the sine of the rest of a quarter turn. This rest is an exact integer in units of 2^-32 turns, so that
    the rounding error is relative to it. The lower 32 bits would change the result by 1e-9.
    """
    import jax.numpy as jnp

    left = 2**30 - jnp.abs(random_bits.high.astype("int32"))  # from angles of −1/2 to 1/2 turn
    # In int32, |−2^31| is −2^31, and 2^30 + 2^31 overflows to −2^30, which is correct.
    return jnp.sin((2.0 * math.pi * 2.0**-32) * left.astype("float32"))


def jax_arrays() -> Arrays:
    """The functions of `examples.NUMPY` for JAX, with uint64 as `Halves`, float64 as float32 and int64 as int32.

    There is no argsort. NumPy sorts the images on the host, once in each epoch, in less time than a training step; a
    compiled step would have to sort them in every step.
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

    def divide(x: Tensor, by: Tensor) -> Tensor:  # the barrier stops XLA from multiplying by a rounded reciprocal
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
        stack=lambda columns: jnp.stack(columns, -1),
        sqrt=jnp.sqrt,
        exp=jnp.exp,
        log_rest=log_rest,
        cos_turn=cos_turn,
    )
