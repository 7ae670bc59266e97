"""Isotropic diffusion u_t = Δu, eq. (2.3): explicit, implicit, or exact in time by FFT."""

import numbers

import numpy as np
from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics import steps as scheme
from diffnet_tf.physics.neighbourhood import check_boundary, is_prescribed

ISOTROPIC_METHODS = ("explicit", "implicit", "fourier")


def isotropic(u: Tensor, time: float, steps: int, method: str = "explicit", boundary: Boundary = "neumann") -> Tensor:
    """Isotropic diffusion (γ = 1): convolution with a Gaussian of variance 2·time, eq. (2.3).

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        time: T in pixels², above 0.
        steps: number of steps of length time/steps, at least 1. "fourier" is exact in time and ignores it.
        method: "explicit" (2.10), "implicit" (2.11), both with the 5-point Laplacian, or "fourier": the exact solution
            of the continuous equation, multiplication by exp(−|k|²T) in the cosine (Neumann), sine (Dirichlet) or
            Fourier basis (periodic).
        boundary: "neumann", "dirichlet", "periodic", or prescribed values outside the image, see `stencil.pad`:
            "fourier" takes one number, the other methods also take an image.

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: if an explicit step exceeds the stability bound 1/4, or an argument is out of range.
        TypeError: if the images are not floating point.
    """
    checks.positive(time, "time")
    checks.count(steps, "steps")
    checks.one_of(method, "method", ISOTROPIC_METHODS)
    check_boundary(boundary)
    dt = float(time / steps)
    if method == "explicit":
        scheme.check_stability(dt, 0.25, "γ = 1")
    u, restore = scheme.as_batch(u)
    if method == "fourier":
        return restore(heat_semigroup(u, time, boundary))
    step = scheme.explicit_step if method == "explicit" else scheme.implicit_step
    for _ in range(steps):
        u = step(u, dt, None, boundary)
    return restore(u)


def heat_semigroup(u: Tensor, time: float, boundary: Boundary) -> Tensor:
    """exp(T Δ) u by FFT over a period of the image, which the boundary continues by symmetry.

    Args:
        u: (batch, height, width, channels).
        time: T in pixels², at least 0.
        boundary: a name, or a number.

    Raises:
        ValueError: if the boundary is an image.
    """
    if is_prescribed(boundary):
        if not isinstance(boundary, numbers.Real):
            raise ValueError(
                "boundary is an image, but a Fourier transform needs one value for the whole border. Give a number; or "
                "use method='explicit' or 'implicit', and sigma=0 where there is a sigma."
            )
        # The difference from a constant image has zeros outside.
        return float(boundary) + heat_semigroup(u - float(boundary), time, "dirichlet")
    height, width = u.shape[1:3]
    first = 0
    if boundary == "neumann":  # even about the border between the last pixel and its copy outside
        extended = ops.concatenate([u, ops.flip(u, axis=1)], axis=1)
        extended = ops.concatenate([extended, ops.flip(extended, axis=2)], axis=2)
    elif boundary == "periodic":
        extended = u
    else:  # odd about the zero pixel outside
        row = ops.zeros_like(u[:, :1])
        extended = ops.concatenate([row, u, row, -ops.flip(u, axis=1)], axis=1)
        column = ops.zeros_like(extended[:, :, :1])
        extended = ops.concatenate([column, extended, column, -ops.flip(extended, axis=2)], axis=2)
        first = 1
    return gaussian(extended, time)[:, first : first + height, first : first + width]


def gaussian(period: Tensor, time: float) -> Tensor:
    """exp(T Δ) of periodic images, of whose period (batch, height, width, channels) are the pixels; of that shape."""
    ky, kx = (2 * np.pi * np.fft.fftfreq(n) for n in period.shape[1:3])
    factor = ops.cast(np.exp(-time * (ky[:, None] ** 2 + kx[None, :] ** 2)), period.dtype)
    planes = ops.transpose(period, (0, 3, 1, 2))
    real, imaginary = ops.fft2((planes, ops.zeros_like(planes)))
    real, _ = ops.ifft2((real * factor, imaginary * factor))
    return ops.transpose(real, (0, 2, 3, 1))
