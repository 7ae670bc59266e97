"""Functions of one variable that are learned: weighted sums of Gaussians at equidistant centres.

    φ(z) = Σ_j w_j exp(−(z − c_j)²/2),   c_j = j − (n − 1)/2,   j = 0, …, n − 1

The distance between neighbouring centres is the standard deviation of the Gaussians, and the unit of z.

A sum over 63 centres would need 63 exponentials for every value. Here the centres are taken in blocks of seven. Inside
a block with its middle at b, and with y = z − b,

    exp(−(y − m)²/2) = exp(−y²/2) exp(y)^m exp(−m²/2),   m = −3, …, 3,

so the sum over the block is a polynomial in exp(y), and a block needs two exponentials. Far from the block, y is
clipped so that nothing overflows: there the Gaussians are below 10⁻⁹.

The gradient is written by hand: the backends would keep an array of the size of z for every centre.
"""

import math
from typing import Any

from keras import ops

from diffnet_tf.base.types import Tensor

_SIDE = 3  # centres on each side of the middle of a block
_BLOCK = 2 * _SIDE + 1
_FAR = 9.5  # exp(−(9.5 − 3)²/2) < 10⁻⁹
_POWERS = range(-_SIDE, _SIDE + 1)


def centres(number: int) -> list[float]:
    """The positions of the centres: equidistant with distance 1, with their middle at 0."""
    return [j - (number - 1) / 2 for j in range(number)]


def _blocks(z: Tensor, weights: Tensor) -> list[tuple[Tensor, Tensor, Tensor, list[Tensor]]]:
    """Of each block: y, exp(y), exp(−y²/2) exp(y)^−3, and the coefficients of the polynomial in exp(y)."""
    number = weights.shape[0]
    blocks = []
    for first in range(0, number, _BLOCK):
        y = ops.clip(z - (centres(number)[first] + _SIDE), -_FAR, _FAR)
        members = zip(range(first, min(first + _BLOCK, number)), _POWERS)
        coefficients = [weights[j] * math.exp(-0.5 * m**2) for j, m in members]
        blocks.append((y, ops.exp(y), ops.exp(-y * (0.5 * y + _SIDE)), coefficients))
    return blocks


def _polynomial(x: Tensor, coefficients: list[Tensor]) -> Tensor:
    """Σ_i a_i x^i by Horner's rule."""
    *others, value = coefficients
    for coefficient in reversed(others):
        value = value * x + coefficient
    return value


def _values(z: Tensor, weights: Tensor) -> Tensor:
    return sum(_polynomial(e, coefficients) * factor for _, e, factor, coefficients in _blocks(z, weights))


def derivative(z: Tensor, weights: Tensor) -> Tensor:
    """φ′(z), with arguments as in `evaluate`."""
    total: Any = 0.0
    for y, e, factor, coefficients in _blocks(z, weights):
        moments = [m * coefficient for m, coefficient in zip(_POWERS, coefficients)]
        total = total + (_polynomial(e, moments) - y * _polynomial(e, coefficients)) * factor
    return total


def _of_weights(z: Tensor, weights: Tensor, upstream: Tensor) -> Tensor:
    """The gradient with respect to the weights. (Blocks would be slower here: their powers of exp(y) would be kept.)"""
    axes = tuple(range(len(z.shape) - 1))
    sums = [ops.sum(upstream * ops.exp(-0.5 * ops.square(z - c)), axes) for c in centres(weights.shape[0])]
    return ops.stack(sums)


@ops.custom_gradient  # type: ignore[untyped-decorator]
def evaluate(z: Tensor, weights: Tensor) -> Any:
    """φ(z), a function for every channel.

    Args:
        z: (…, channels), in units of the distance between centres.
        weights: (centres, channels).

    Returns:
        A tensor of z's shape.
    """

    def gradient(*arguments: Tensor, upstream: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if upstream is None:  # TensorFlow and JAX pass it alone, PyTorch after the arguments of `evaluate`
            (upstream,) = arguments
        # φ′(z), of the mirrored function. Written as derivative(z, weights), it would share its exponentials with φ(z),
        # and XLA would keep them, 36 arrays of the size of z, from the forward to the backward pass.
        slope = -derivative(-z, ops.flip(weights, 0))
        return upstream * slope, _of_weights(z, weights, upstream)

    return _values(z, weights), gradient
