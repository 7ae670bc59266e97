"""Diffusion u_t = ∇·(γ∇u), eq. (2.1): explicit, implicit and spectral steps, Perona–Malik, and its plain inverse.

Pure functions in `keras.ops`: the same code makes training pairs inside `tf.data`, runs in a layer, and is tested in
float64. Images are (batch, height, width, 1), or (height, width) for a single one; the result has the same shape and
dtype. The distance between pixels is 1, so times are in pixels². On JAX, float64 needs `jax_enable_x64`.

The discretisation is that of the authors' code: |∇u| from backward differences at each pixel, γ at the pixels, γ
averaged to the mid-points between pixels, differences of the fluxes there. It is one-sided and therefore *not*
equivariant under flips and rotations: augment images before diffusing them, never after.

Four steps of Perona–Malik diffusion, and their inverse by the fixed-point iteration that knows them:

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> diffused = dn.diffusion.perona_malik(image, steps=4, dt=0.1, contrast=0.2)
>>> undone = dn.diffusion.fixed_point_inverse(diffused, iterations=50)
>>> before, after = (float(dn.metrics.psnr(image, u)[0]) for u in (diffused, undone))
>>> print(f"{before:.0f} dB, {after:.0f} dB")
30 dB, 53 dB
"""

import math
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from diffnet_tf import checks, stencil
from diffnet_tf import diffusivity as diffusivities
from diffnet_tf.diffusivity import Diffusivity
from diffnet_tf.types import Boundary, Tensor

ISOTROPIC_METHODS = ("explicit", "implicit", "fourier")
METHODS = ("explicit", "implicit")


# ---- One step of the scheme ------------------------------------------------------------------------------------------


# Differences and fluxes live at the mid-points between pixels. Under Neumann boundaries only those inside the image are
# computed, since no flux leaves it; under Dirichlet ones also those between the border and the zeros outside.


def _pad(u: Tensor, axis: int, before: int, after: int) -> Tensor:
    return ops.pad(u, [(before, after) if i == axis else (0, 0) for i in range(4)])


def _outside(u: Tensor, axis: int, boundary: Boundary) -> Tensor:
    """u with the zeros outside that a Dirichlet boundary puts there."""
    return u if boundary == "neumann" else _pad(u, axis, 1, 1)


def _ends(u: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The two values on both sides of each mid-point: u without its first and without its last pixel along the axis."""
    return (u[:, 1:], u[:, :-1]) if axis == 1 else (u[:, :, 1:], u[:, :, :-1])


def _difference(u: Tensor, axis: int) -> Tensor:
    after, before = _ends(u, axis)
    return after - before


def gradient(u: Tensor, boundary: Boundary = "neumann") -> tuple[Tensor, Tensor]:
    """∇u as backward differences at the pixels: u_ij − u_(i−1)j and u_ij − u_i(j−1), each (batch, height, width, 1)."""

    def backward(axis: int) -> Tensor:
        difference = _difference(_outside(u, axis, boundary), axis)
        return _pad(difference, axis, 1, 0) if boundary == "neumann" else _ends(difference, axis)[1]

    return backward(1), backward(2)


def squared_gradient(u: Tensor, boundary: Boundary = "neumann") -> Tensor:
    """|∇u|², from backward differences. u: (batch, height, width, 1)."""
    down, right = gradient(u, boundary)
    return down * down + right * right


def divergence(u: Tensor, gamma: Tensor | None = None, boundary: Boundary = "neumann") -> Tensor:
    """L(γ)u = ∇·(γ∇u), eq. (2.2), as differences of the fluxes through the mid-points between pixels.

    Args:
        u: (batch, height, width, 1).
        gamma: diffusivity at the pixels, of u's shape; None for γ = 1 everywhere (the Laplacian).
        boundary: "neumann": no flux leaves, so the mean is conserved; "dirichlet": u (and γ) are 0 outside.

    Returns:
        L(γ)u, of u's shape; equal to stencil.apply(u, stencil.from_diffusivity(gamma)).
    """
    total = 0.0
    for axis in (1, 2):
        flux = _difference(_outside(u, axis, boundary), axis)
        if gamma is not None:
            after, before = _ends(_outside(gamma, axis, boundary), axis)
            flux = 0.5 * (after + before) * flux
        total = total + _difference(_pad(flux, axis, 1, 1) if boundary == "neumann" else flux, axis)
    return total


def explicit_step(u: Tensor, dt: float, gamma: Tensor | None = None, boundary: Boundary = "neumann") -> Tensor:
    """u⁺ = (Id + δt L(γ)) u, eq. (2.10). Stable while δt · 4 max γ ≤ 1, which the caller checks."""
    return u + dt * divergence(u, gamma, boundary)


def implicit_step(
    u: Tensor, dt: float, gamma: Tensor | None = None, boundary: Boundary = "neumann", gamma_maximum: float = 1.0
) -> Tensor:
    """u⁺ = (Id − δt L(γ))⁻¹ u, eq. (2.11), unconditionally stable.

    The matrix is symmetric and positive definite with eigenvalues in [1, 1 + 8 δt max γ]: conjugate gradients, one
    run an image, reach rounding in a number of iterations that this condition number fixes beforehand.

    Args:
        u: (batch, height, width, 1).
        dt: time step, a positive number.
        gamma: as in `divergence`.
        boundary: as in `divergence`.
        gamma_maximum: an upper bound of γ.
    """
    condition = 1.0 + 8.0 * dt * gamma_maximum
    tolerance = 1e-15 if keras.backend.standardize_dtype(u.dtype) == "float64" else 1e-8
    rate = (math.sqrt(condition) - 1.0) / (math.sqrt(condition) + 1.0)
    iterations = 1 + math.ceil(math.log(tolerance / (2.0 * math.sqrt(condition))) / math.log(rate))

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return ops.sum(a * b, axis=(1, 2, 3), keepdims=True)

    def ratio(a: Tensor, b: Tensor) -> Tensor:  # an image that has converged (or is black) leaves 0/0
        return ops.where(b > 0, a / ops.where(b > 0, b, ops.ones_like(b)), ops.zeros_like(a))

    def iteration(_: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x, residual, direction, energy = state
        image = direction - dt * divergence(direction, gamma, boundary)
        length = ratio(energy, dot(direction, image))
        x, residual = x + length * direction, residual - length * image
        new_energy = dot(residual, residual)
        return x, residual, residual + ratio(new_energy, energy) * direction, new_energy

    residual = dt * divergence(u, gamma, boundary)  # of the first guess x = u
    state = (u, residual, residual, dot(residual, residual))
    return ops.fori_loop(0, iterations, iteration, state)[0]


# ---- Whole processes -------------------------------------------------------------------------------------------------


def as_batch(u: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Check images, make them (batch, height, width, 1), and return them with the function that undoes this."""
    if not keras.ops.is_tensor(u) and not isinstance(u, keras.KerasTensor):
        u = np.asarray(u)
        checks.float_dtype(u, "u")
        checks.finite(u, "u")
    u = ops.convert_to_tensor(u)
    dtype = keras.backend.standardize_dtype(u.dtype)
    if "float" not in dtype:
        raise checks.InputTypeError(f"u has dtype {dtype}; expected floating point. Divide 8-bit images by 255 first.")
    if 0 in u.shape:
        raise ValueError(f"u has shape {tuple(u.shape)}: there is no pixel in it; expected at least one image.")
    if len(u.shape) == 2:
        return u[None, :, :, None], lambda v: v[0, :, :, 0]
    if len(u.shape) != 4 or u.shape[-1] not in (1, None):
        advice = " Move the channels last with np.moveaxis(u, 1, -1)." if len(u.shape) == 4 and u.shape[1] == 1 else ""
        raise ValueError(
            f"u has shape {tuple(u.shape)}; expected (batch, height, width, 1) or (height, width).{advice}"
        )
    return u, lambda v: v


def _check_stability(dt: float, bound: float, what: str) -> None:
    if dt > bound * (1 + 1e-12):
        raise ValueError(
            f"dt={dt:g} breaks the stability bound of the explicit scheme for {what}: dt ≤ 1/(4 max γ) = {bound:g}. "
            "Take more, smaller steps, or method='implicit'."
        )


def nonlinear(
    u: Tensor,
    steps: int,
    dt: float,
    contrast: float,
    diffusivity: str | Diffusivity = "perona_malik_1",
    boundary: Boundary = "neumann",
    method: str = "explicit",
) -> Tensor:
    """Nonlinear diffusion u_t = ∇·(γ(|∇u|²)∇u), eq. (2.6), with γ taken from the image before each step.

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        steps: number of time steps, at least 0.
        dt: time step in pixels², above 0; at most 1/(4 max γ) for the explicit scheme.
        contrast: the contrast parameter λ in the units of the image, above 0.
        diffusivity: a name in `diffusivity.DIFFUSIVITIES`, or a `Diffusivity`.
        boundary: "neumann" (the paper) or "dirichlet" (the authors' code).
        method: "explicit" (2.10) or "implicit" (2.11) in u; γ is explicit in both.

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: for a step beyond the stability bound, which it names, or an argument out of range.
        TypeError: for integer images.
    """
    checks.count(steps, "steps", minimum=0)
    checks.positive(dt, "dt")
    checks.positive(contrast, "contrast")
    checks.one_of(boundary, "boundary", stencil.BOUNDARIES)
    checks.one_of(method, "method", METHODS)
    diffusivity = diffusivities.get(diffusivity)
    if method == "explicit":
        _check_stability(dt, diffusivity.stability_bound(contrast), diffusivity.name)
    given = u
    u, restore = as_batch(u)
    if isinstance(given, np.ndarray) and given.max() > 100 and contrast <= 1:
        raise ValueError(
            f"u reaches {given.max():g} while contrast={contrast:g}; expected both in the same units. "
            "Divide 8-bit images by 255, or give the contrast parameter in gray levels."
        )
    dt, contrast = float(dt), float(contrast)  # a NumPy number would widen float32 images on JAX
    for _ in range(steps):
        gamma = diffusivity(squared_gradient(u, boundary), contrast)
        if method == "explicit":
            u = explicit_step(u, dt, gamma, boundary)
        else:
            u = implicit_step(u, dt, gamma, boundary, diffusivity.maximum(contrast))
    return restore(u)


def perona_malik(
    u: Tensor,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.2,
    boundary: Boundary = "neumann",
    method: str = "explicit",
) -> Tensor:
    """Perona–Malik diffusion with γ = 1/(1 + |∇u|²/λ²) and the paper's settings: four explicit steps of 0.1, λ = 0.2.

    See `nonlinear` for the arguments, shapes and errors.
    """
    return nonlinear(u, steps, dt, contrast, "perona_malik_1", boundary, method)


def isotropic(u: Tensor, time: float, steps: int, method: str = "explicit", boundary: Boundary = "neumann") -> Tensor:
    """Isotropic diffusion γ = 1 up to a time: convolution with the Gaussian of variance 2·time, eq. (2.3).

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        time: T in pixels², above 0.
        steps: number of steps of length time/steps; "fourier" is exact in time, there it changes nothing.
        method: "explicit" (2.10), "implicit" (2.11), both with the 5-point Laplacian, or "fourier": the exact solution
            of the continuous equation, multiplication by exp(−|k|²T) in the cosine (Neumann) or sine (Dirichlet) basis.
        boundary: "neumann" or "dirichlet".

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: for an explicit step beyond the stability bound 1/4, or an argument out of range.
    """
    checks.positive(time, "time")
    checks.count(steps, "steps")
    checks.one_of(method, "method", ISOTROPIC_METHODS)
    checks.one_of(boundary, "boundary", stencil.BOUNDARIES)
    dt = float(time / steps)
    if method == "explicit":
        _check_stability(dt, 0.25, "γ = 1")
    u, restore = as_batch(u)
    if method == "fourier":
        return restore(_heat_semigroup(u, time, boundary))
    step = explicit_step if method == "explicit" else implicit_step
    for _ in range(steps):
        u = step(u, dt, None, boundary)
    return restore(u)


def _heat_semigroup(u: Tensor, time: float, boundary: Boundary) -> Tensor:
    """exp(T Δ) u by FFT of the image continued evenly (cosine transform) or oddly (sine transform)."""
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


# ---- The plain classical inverse -------------------------------------------------------------------------------------


def fixed_point_inverse(
    y: Tensor,
    iterations: int = 200,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.2,
    boundary: Boundary = "neumann",
    start: Tensor | None = None,
) -> Tensor:
    """Undo explicit Perona–Malik diffusion by the fixed-point iteration u ← u + (y − PM(u)), starting at u = y.

    It needs no training, but knows λ, δt, the number of steps and the boundary exactly, and costs one diffusion an
    iteration. Without noise it converges to the original; with noise it amplifies the noise, and stopping early is
    its only regularisation.

    Args:
        y: diffused images, (batch, height, width, 1) or (height, width), floating point.
        iterations: number of iterations, at least 0.
        steps, dt, contrast, boundary: the diffusion to undo, see `perona_malik`.
        start: where to start instead of y, of y's shape: an earlier result to go on from.

    Returns:
        The images before diffusion, as far as the iterations have come.
    """
    checks.count(iterations, "iterations", minimum=0)
    y, restore = as_batch(y)
    u = y if start is None else as_batch(start)[0]
    checks.same_shape(y.shape, u.shape, ("y", "start"))

    def iteration(_: Tensor, u: Tensor) -> Tensor:
        return u + (y - perona_malik(u, steps, dt, contrast, boundary))

    return restore(ops.fori_loop(0, iterations, iteration, u))
