"""Isotropic diffusion u_t = Δu, eq. (2.3): explicit, implicit, or exact in time by FFT."""

import numpy as np
from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics import stencil
from diffnet_tf.physics import steps as scheme

ISOTROPIC_METHODS = ("explicit", "implicit", "fourier")


def isotropic(u: Tensor, time: float, steps: int, method: str = "explicit", boundary: Boundary = "neumann") -> Tensor:
    """Isotropic diffusion (γ = 1): convolution with a Gaussian of variance 2·time, eq. (2.3).

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        time: T in pixels², above 0.
        steps: number of steps of length time/steps, at least 1. "fourier" is exact in time and ignores it.
        method: "explicit" (2.10), "implicit" (2.11), both with the 5-point Laplacian, or "fourier": the exact solution
            of the continuous equation, multiplication by exp(−|k|²T) in the cosine (Neumann) or sine (Dirichlet) basis.
        boundary: "neumann" or "dirichlet".

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: if an explicit step exceeds the stability bound 1/4, or an argument is out of range.
        TypeError: if the images are not floating point.
    """
    checks.positive(time, "time")
    checks.count(steps, "steps")
    checks.one_of(method, "method", ISOTROPIC_METHODS)
    checks.one_of(boundary, "boundary", stencil.BOUNDARIES)
    dt = float(time / steps)
    if method == "explicit":
        scheme.check_stability(dt, 0.25, "γ = 1")
    u, restore = scheme.as_batch(u)
    if method == "fourier":
        return restore(_heat_semigroup(u, time, boundary))
    step = scheme.explicit_step if method == "explicit" else scheme.implicit_step
    for _ in range(steps):
        u = step(u, dt, None, boundary)
    return restore(u)


def _heat_semigroup(u: Tensor, time: float, boundary: Boundary) -> Tensor:
    """exp(T Δ) u by FFT of the image's even (cosine transform) or odd (sine transform) extension."""
    height, width = u.shape[1:3]
    if boundary == "neumann":  # even about the border between the last pixel and its copy outside
        extended = ops.concatenate([u, ops.flip(u, axis=1)], axis=1)
        extended = ops.concatenate([extended, ops.flip(extended, axis=2)], axis=2)
        first = 0
    else:  # odd about the zero pixel outside
        row = ops.zeros_like(u[:, :1])
        extended = ops.concatenate([row, u, row, -ops.flip(u, axis=1)], axis=1)
        column = ops.zeros_like(extended[:, :, :1])
        extended = ops.concatenate([column, extended, column, -ops.flip(extended, axis=2)], axis=2)
        first = 1
    ky, kx = (2 * np.pi * np.fft.fftfreq(n) for n in extended.shape[1:3])
    factor = ops.cast(np.exp(-time * (ky[:, None] ** 2 + kx[None, :] ** 2)), u.dtype)
    plane = extended[..., 0]
    real, imaginary = ops.fft2((plane, ops.zeros_like(plane)))
    real, _ = ops.ifft2((real * factor, imaginary * factor))
    return real[:, first : first + height, first : first + width, None]
