"""Steps of any length for long diffusion times: AOS, FED and RKL2.

An explicit step is stable up to δt = 1/(4 max γ) only. The steps here are stable for every δt, and need γ once, at the
start of the step; so they need far fewer evaluations of the diffusivity. With A = L(γ) fixed, they compute

| name | step | order in δt |
|---|---|---|
| AOS | u⁺ = ½ Σ_l (Id − 2 δt A_l)⁻¹ u, with A_l the part of A along axis l | 1 |
| FED | n explicit steps of different lengths, in their stable form | 1 |
| RKL2 | n stages of a Runge–Kutta–Legendre method, with γ from the middle of the step (`diffusion.nonlinear`) | 2 |

AOS (additive operator splitting; Weickert, ter Haar Romeny & Viergever 1998) treats all axes alike, keeps the
gray values between their extremes and, without flux through the border, the mean. FED (fast explicit diffusion;
Grewenig, Weickert & Bruhn 2010) lets the explicit steps of a cycle exceed the bound, and together they are stable. With
n of them a cycle is up to τ (n² + n)/3 long, where τ is the bound. The result does not depend on their order, but
rounding errors do. So `fed_step` computes the cycle by a recursion with the same result and without large intermediate
values (FSI; Hafner, Ochs, Weickert, Reißel & Grewenig 2016). RKL2 (Meyer, Balsara & Aslam 2012) does nearly the same at
second order, up to τ (n² + n − 2)/4. FED and RKL2 are stable in the Euclidean norm, but gray values may overshoot a
little.

All are written in `keras.ops` and can be compiled and differentiated.
"""

import math
from collections.abc import Callable

import keras
from keras import ops

from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics import neighbourhood
from diffnet_tf.physics.steps import at_mid_points, divergence, divergence_along


def aos_step(u: Tensor, dt: float, gamma: Tensor, boundary: Boundary = "neumann", gamma_maximum: float = 1.0) -> Tensor:
    """u⁺ = ½ Σ_l (Id − 2 δt A_l)⁻¹ u: one implicit step along each axis, and their mean.

    Args:
        u: (batch, height, width, channels).
        dt: time step in pixels², above 0.
        gamma, boundary: see `steps.divergence`.
        gamma_maximum: an upper bound of γ.

    Returns:
        u⁺, of u's shape.
    """
    length = 2.0 * dt
    # The systems are solved for the change. So values outside enter the right-hand side only, and constants stay.
    changes = [
        _solve_along(length * divergence_along(u, axis, gamma, boundary), axis, length, gamma, boundary, gamma_maximum)
        for axis in (1, 2)
    ]
    return u + 0.5 * (changes[0] + changes[1])


def _solve_along(
    right: Tensor, axis: int, length: float, gamma: Tensor, boundary: Boundary, gamma_maximum: float
) -> Tensor:
    """Solve (Id − length A_l) x = right by parallel cyclic reduction.

    Each round eliminates the two neighbours of every pixel, and couples pixels at twice the distance instead. The
    coupling that is left after k rounds is below q^(2^k), where q = (√κ − 1)/(√κ + 1) with the condition number κ
    (Demko, Moss & Smith 1984). So the rounds end when it is below rounding error, for periodic boundaries too.
    """
    weights = length * at_mid_points(gamma, axis, boundary)
    if neighbourhood.no_flux(boundary):
        weights = ops.pad(weights, [(1, 1) if i == axis else (0, 0) for i in range(4)])
    before, after = (weights[:, :-1], weights[:, 1:]) if axis == 1 else (weights[:, :, :-1], weights[:, :, 1:])
    diagonal = 1.0 + before + after
    lower, upper, right = -before / diagonal, -after / diagonal, right / diagonal
    root = math.sqrt(1.0 + 4.0 * length * gamma_maximum)
    rounding = 1e-17 if keras.backend.standardize_dtype(right.dtype) == "float64" else 1e-9
    rounds = math.ceil(math.log2(max(2.0, math.log(rounding) / math.log((root - 1.0) / (root + 1.0)))))
    periodic = isinstance(boundary, str) and boundary == "periodic"
    if not periodic and right.shape[axis] is not None:
        rounds = min(rounds, math.ceil(math.log2(right.shape[axis])))
    for distance in (2**k for k in range(rounds)):
        (l_before, u_before, r_before), (l_after, u_after, r_after) = (
            [_shifted(values, axis, shift, periodic) for values in (lower, upper, right)]
            for shift in (distance, -distance)
        )
        diagonal = 1.0 - lower * u_before - upper * l_after
        right = (right - lower * r_before - upper * r_after) / diagonal
        lower, upper = -lower * l_before / diagonal, -upper * u_after / diagonal
    return right


def _shifted(values: Tensor, axis: int, shift: int, periodic: bool) -> Tensor:
    """The value `shift` pixels before each pixel along the axis; 0 outside, or from the opposite side."""
    if periodic:
        return ops.roll(values, shift, axis)
    width = abs(shift)
    padded = ops.pad(values, [((width, 0) if shift > 0 else (0, width)) if i == axis else (0, 0) for i in range(4)])
    kept = slice(None, -width) if shift > 0 else slice(width, None)
    return padded[:, kept] if axis == 1 else padded[:, :, kept]


def fed_step(u: Tensor, dt: float, gamma: Tensor, boundary: Boundary = "neumann", gamma_maximum: float = 1.0) -> Tensor:
    """A cycle of fast explicit diffusion of length δt with a fixed γ.

    The result is that of n explicit steps τ/(2 cos²(π (2i + 1)/(4n + 2))), i = 0 … n − 1 (Grewenig
    et al. 2010). n is the smallest number for which τ = 3 δt/(n² + n) does not exceed the stability bound.

    Args:
        u, dt, gamma, boundary, gamma_maximum: see `aos_step`.

    Returns:
        u⁺, of u's shape.
    """
    n = _stages(lambda n: (n * n + n) / 3.0, dt, gamma_maximum, 1)
    tau = 3.0 * dt / (n * n + n)
    previous = u
    for k in range(n):
        weight = (4.0 * k + 2.0) / (2.0 * k + 3.0)  # Hafner et al. 2016
        onward = u + tau * divergence(u, gamma, boundary)
        previous, u = u, previous + weight * (onward - previous)
    return u


def rkl2_step(
    u: Tensor, dt: float, gamma: Tensor, boundary: Boundary = "neumann", gamma_maximum: float = 1.0
) -> Tensor:
    """A step of the Runge–Kutta–Legendre method RKL2 (Meyer, Balsara & Aslam 2012) with a fixed γ.

    Args:
        u, dt, gamma, boundary, gamma_maximum: see `aos_step`.

    Returns:
        u⁺, of u's shape; for the linear equation u_t = L(γ)u at second order in δt.
    """
    n = _stages(lambda n: (n * n + n - 2) / 4.0, dt, gamma_maximum, 3)
    b = [1.0 / 3.0] * 3 + [(j * j + j - 2) / (2.0 * j * (j + 1)) for j in range(3, n + 1)]
    w = 4.0 / (n * n + n - 2)
    slope = divergence(u, gamma, boundary)
    start, previous, u = u, u, u + b[1] * w * dt * slope
    for j in range(2, n + 1):
        mu, nu = (2 * j - 1) / j * b[j] / b[j - 1], -(j - 1) / j * b[j] / b[j - 2]
        change = mu * w * dt * (divergence(u, gamma, boundary) - (1.0 - b[j - 1]) * slope)
        # The differences from the start are small, so their rounding errors are, too; and constants stay exactly.
        previous, u = u, start + mu * (u - start) + nu * (previous - start) + change
    return u


def _stages(reaches: Callable[[int], float], dt: float, gamma_maximum: float, least: int) -> int:
    """The smallest number of stages whose stable length, in units of the bound, is at least δt."""
    n, needed = least, dt * 4.0 * gamma_maximum * (1.0 - 1e-12)
    while reaches(n) < needed:
        n += 1
    return n
