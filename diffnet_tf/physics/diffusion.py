"""Diffusion u_t = ∇·(γ∇u), eq. (2.1): Perona–Malik and similar, isotropic, tensor-valued, and a simple inverse.

These are pure functions in `keras.ops`: the same code makes training pairs inside `tf.data`, runs in a layer, and is
tested in float64. Images are (batch, height, width, 1), or (height, width) for a single one; `vector_valued` takes any
number of channels, with or without the batch axis. The result has the same shape and dtype. The distance between pixels
is 1, so times are in pixels². On JAX, float64 needs `jax_enable_x64`.

`physics.steps` explains the discretisation. By default it uses one-sided differences, so flip or rotate images before
you diffuse them, never after; `scheme="symmetric"` allows both.

Four steps of Perona–Malik diffusion, and their inverse by a fixed-point iteration:

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> diffused = dn.diffusion.perona_malik(image, steps=4, dt=0.1, contrast=0.2)
>>> undone = dn.diffusion.fixed_point_inverse(diffused, iterations=50)
>>> before, after = (float(dn.metrics.psnr(image, u)[0]) for u in (diffused, undone))
>>> print(f"{before:.0f} dB, {after:.0f} dB")
30 dB, 53 dB
"""

import numbers
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics import diffusivity as diffusivities
from diffnet_tf.physics.anisotropic import coherence_enhancing, edge_enhancing
from diffnet_tf.physics.diffusivity import Diffusivity
from diffnet_tf.physics.isotropic import ISOTROPIC_METHODS, heat_semigroup, isotropic
from diffnet_tf.physics.long_times import aos_step, fed_step, rkl2_step
from diffnet_tf.physics.neighbourhood import check_boundary
from diffnet_tf.physics.per_image import per_image
from diffnet_tf.physics.steps import (
    SCHEMES,
    as_batch,
    check_stability,
    divergence,
    explicit_step,
    gradient,
    implicit_step,
    squared_gradient,
)

__all__ = [
    "ISOTROPIC_METHODS",
    "METHODS",
    "SCHEMES",
    "as_batch",
    "coherence_enhancing",
    "divergence",
    "edge_enhancing",
    "explicit_step",
    "fixed_point_inverse",
    "gradient",
    "implicit_step",
    "isotropic",
    "nonlinear",
    "per_image",
    "perona_malik",
    "squared_gradient",
    "vector_valued",
]

METHODS = ("explicit", "implicit", "aos", "fed", "rkl2")


def nonlinear(
    u: Tensor,
    steps: int,
    dt: float,
    contrast: float | Tensor,
    diffusivity: str | Diffusivity = "perona_malik_1",
    boundary: Boundary = "neumann",
    method: str = "explicit",
    channels: int | None = 1,
    scheme: str = "one-sided",
    sigma: float = 0.0,
) -> Tensor:
    """Nonlinear diffusion u_t = ∇·(γ(|∇u|²)∇u), eq. (2.6), with γ computed from the image before each step.

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        steps: number of time steps, at least 0.
        dt: time step in pixels², above 0; at most 1/(4 max γ) for the explicit scheme.
        contrast: the contrast parameter λ in gray values per pixel, above 0: one number, or a tensor (batch, 1, 1, 1)
            with one for each image (only its shape is checked). "regularised_tv" takes one number only, since its
            stability bound depends on it.
        diffusivity: a name in `diffusivity.DIFFUSIVITIES`, or a `Diffusivity`.
        boundary: "neumann" (the paper), "dirichlet" (the authors' code), "periodic", or prescribed values outside the
            image: a number, or an image with a frame of them, see `stencil.pad`.
        method: "explicit" (2.10) or "implicit" (2.11) in u; γ is explicit in both. For long times: "aos" and "fed", of
            first order in δt like these, and "rkl2", of second order; see `physics.long_times`. All but "explicit"
            take any δt. "rkl2" evaluates γ twice in each step, the others once.
        channels: number of channels of the images; None for any number, see `vector_valued`.
        scheme: how |∇u| is computed. "one-sided": from backward differences, as in the authors' code. "symmetric": from
            differences to both sides, so that the diffusion is equivariant under flips and rotations by 90°.
        sigma: standard deviation, in pixels, of a Gaussian that smooths the image before |∇u| is computed; 0 for none.
            γ(|∇u_σ|) makes the continuous problem well posed (Catté, Lions, Morel & Coll 1992).

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: if the time step exceeds the stability bound (the message gives it), or an argument is out of range.
        TypeError: if the images are not floating point.
    """
    checks.count(steps, "steps", minimum=0)
    checks.positive(dt, "dt")
    check_boundary(boundary)
    checks.one_of(method, "method", METHODS)
    checks.one_of(scheme, "scheme", SCHEMES)
    checks.not_negative(sigma, "sigma")
    diffusivity = diffusivities.get(diffusivity)
    known = _known(contrast, diffusivity)
    if method == "explicit":
        check_stability(dt, diffusivity.stability_bound(known), diffusivity.name)
    given = u
    u, restore = as_batch(u, channels)
    if isinstance(given, np.ndarray) and given.max() > 100 and isinstance(contrast, numbers.Real) and contrast <= 1:
        raise ValueError(
            f"u reaches {given.max():g} while contrast={contrast:g}; expected both in the same units. "
            "Divide 8-bit images by 255, or give the contrast parameter in gray levels."
        )
    dt = float(dt)  # a NumPy number would widen float32 images on JAX
    contrast = float(contrast) if isinstance(contrast, numbers.Real) else _of_images(contrast, u)

    def gamma(u: Tensor) -> Tensor:
        smooth = heat_semigroup(u, float(sigma) ** 2 / 2.0, boundary) if sigma else u
        return diffusivity(squared_gradient(smooth, boundary, scheme), contrast)

    for _ in range(steps):
        if method == "explicit":
            u = explicit_step(u, dt, gamma(u), boundary)
            continue
        fixed = (boundary, diffusivity.maximum(known))
        if method == "rkl2":  # γ of the middle of the step makes it second order
            u = rkl2_step(u, dt, gamma(fed_step(u, dt / 2.0, gamma(u), *fixed)), *fixed)
        else:
            step = {"implicit": implicit_step, "aos": aos_step, "fed": fed_step}[method]
            u = step(u, dt, gamma(u), *fixed)
    return restore(u)


def vector_valued(
    u: Tensor,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float | Tensor = 0.2,
    diffusivity: str | Diffusivity = "perona_malik_1",
    boundary: Boundary = "neumann",
    method: str = "explicit",
    scheme: str = "one-sided",
    sigma: float = 0.0,
) -> Tensor:
    """Nonlinear diffusion of images with several channels, such as colours, that share γ(Σ_c |∇u_c|²).

    An edge in one channel stops the diffusion in all channels, so that their edges stay aligned (Gerig et al. 1992;
    Whitaker & Gerig 1994). For images with one channel the result is that of `nonlinear`.

    Args:
        u: images, (batch, height, width, channels), or one image, (height, width, channels), floating point.
        steps, dt, contrast, diffusivity, boundary, method, scheme, sigma: see `nonlinear`; the stability bound is the
            same.

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError, TypeError: see `nonlinear`.
    """
    return nonlinear(u, steps, dt, contrast, diffusivity, boundary, method, None, scheme, sigma)


def _known(contrast: float | Tensor, diffusivity: Diffusivity) -> float:
    """A contrast parameter from which the maximum of γ can be computed."""
    number: Any = contrast
    if not hasattr(contrast, "shape") or isinstance(contrast, numbers.Real):  # NumPy numbers have a shape, too
        checks.positive(number, "contrast")
        return float(number)
    if diffusivity.maximum(1.0) != diffusivity.maximum(2.0):
        raise ValueError(
            f"contrast is a tensor with diffusivity={diffusivity.name!r}, whose stability bound depends on it; "
            "expected one number. Call the function once for each image."
        )
    return 1.0


def _of_images(contrast: Tensor, u: Tensor) -> Tensor:
    """The contrast parameters (batch, 1, 1, 1) in u's dtype."""
    contrast = ops.cast(ops.convert_to_tensor(contrast), keras.backend.standardize_dtype(u.dtype))
    if tuple(contrast.shape[1:]) != (1, 1, 1) or checks.differ(contrast.shape[:1], u.shape[:1]):
        raise ValueError(
            f"contrast has shape {tuple(contrast.shape)} and u {tuple(u.shape)}; expected one number, or one for each "
            "image, (batch, 1, 1, 1)."
        )
    return contrast


def perona_malik(
    u: Tensor,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float | Tensor = 0.2,
    boundary: Boundary = "neumann",
    method: str = "explicit",
    scheme: str = "one-sided",
    sigma: float = 0.0,
) -> Tensor:
    """Perona–Malik diffusion with γ = 1/(1 + |∇u|²/λ²) and the paper's settings: four explicit steps of 0.1, λ = 0.2.

    See `nonlinear` for the arguments, shapes and errors.
    """
    return nonlinear(u, steps, dt, contrast, "perona_malik_1", boundary, method, 1, scheme, sigma)


def fixed_point_inverse(
    y: Tensor,
    iterations: int = 200,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.2,
    boundary: Boundary = "neumann",
    start: Tensor | None = None,
    scheme: str = "one-sided",
) -> Tensor:
    """Undo explicit Perona–Malik diffusion by the fixed-point iteration u ← u + (y − PM(u)), starting at u = y.

    It does not need training, but it needs the exact λ, δt, number of steps and boundary. Each iteration costs one
    diffusion. Without noise it converges to the original. Noise is amplified, and the only regularisation is to stop
    early.

    Args:
        y: diffused images, (batch, height, width, 1) or (height, width), floating point.
        iterations: number of iterations, at least 0.
        steps, dt, contrast, boundary: settings of the diffusion to undo, see `perona_malik`.
        start: images of y's shape to start from instead of y, such as an earlier result.
        scheme: of the diffusion to undo, see `nonlinear`.

    Returns:
        An estimate of the images before diffusion, of y's shape and dtype.

    Raises:
        ValueError, TypeError: see `nonlinear`; also if `start` has another shape than y.
    """
    checks.count(iterations, "iterations", minimum=0)
    y, restore = as_batch(y)
    u = y if start is None else as_batch(start)[0]
    checks.same_shape(y.shape, u.shape, ("y", "start"))

    def iteration(_: Tensor, u: Tensor) -> Tensor:
        return u + (y - perona_malik(u, steps, dt, contrast, boundary, scheme=scheme))

    return restore(ops.fori_loop(0, iterations, iteration, u))
