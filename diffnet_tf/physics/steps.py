"""One time step of u_t = ∇·(γ∇u), eq. (2.1), explicit or implicit.

By default the discretisation is that of the authors' code: |∇u| from backward differences at each pixel, γ at the
pixels, γ averaged at the mid-points between pixels, and differences of the fluxes there. It is one-sided and therefore
*not* equivariant under flips and rotations: flip or rotate images before you diffuse them, never after.

The symmetric scheme differs in one point, and is equivariant under flips and rotations by 90°: along each axis, the
square of the derivative is the mean of the squared backward and forward differences. This mean sees all patterns, while
central differences would miss the checkerboard.
"""

import math
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics import neighbourhood
from diffnet_tf.physics.neighbourhood import no_flux

SCHEMES = ("one-sided", "symmetric")  # how |∇u| is computed

# ---- Images ----------------------------------------------------------------------------------------------------------


def as_batch(u: Tensor, channels: int | None = 1) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Check images and give them the shape (batch, height, width, channels).

    Args:
        u: images, (batch, height, width, channels) or (height, width), floating point.
        channels: the expected number; None for any number, then u may be (height, width, channels) too.

    Returns:
        (images as a tensor, a function that gives a result the original shape).

    Raises:
        ValueError: for another shape, and in arrays for values that are not finite.
        TypeError: if the images are not floating point.
    """
    if not keras.ops.is_tensor(u) and not isinstance(u, keras.KerasTensor):
        u = np.asarray(u)
        checks.float_dtype(u, "u")
        checks.finite(u, "u")
    u = ops.convert_to_tensor(u)
    dtype = keras.backend.standardize_dtype(u.dtype)
    if "float" not in dtype:
        raise checks.InputTypeError(f"u has dtype {dtype}; expected floating point. Divide 8-bit images by 255 first.")
    if 0 in u.shape:
        raise ValueError(f"u has shape {tuple(u.shape)}, which contains no pixels; expected at least one image.")
    if len(u.shape) == 2:
        return u[None, :, :, None], lambda v: v[0, :, :, 0]
    if len(u.shape) == 3 and channels is None:
        return u[None], lambda v: v[0]
    if len(u.shape) != 4 or (channels is not None and u.shape[-1] not in (channels, None)):
        advice = " Move the channels last with np.moveaxis(u, 1, -1)." if len(u.shape) == 4 and u.shape[1] == 1 else ""
        one = "(height, width)" if channels else "one image without the batch axis"
        expected = f"(batch, height, width, {channels or 'channels'}) or {one}"
        raise ValueError(f"u has shape {tuple(u.shape)}; expected {expected}.{advice}")
    return u, lambda v: v


def check_stability(dt: float, bound: float, what: str, implicit: bool = True) -> None:
    """Raise a ValueError if an explicit time step exceeds the stability bound.

    Args:
        dt: the time step in pixels².
        bound: the largest stable time step.
        what: the name of the diffusivity, for the message.
        implicit: whether there is an implicit scheme that the message can recommend.
    """
    if dt > bound * (1 + 1e-12):
        other = ", or method='implicit'" if implicit else ""
        raise ValueError(
            f"dt={dt:g} breaks the stability bound of the explicit scheme for {what}: dt ≤ 1/(4 max γ) = {bound:g}. "
            f"Take more, smaller steps{other}."
        )


# ---- Differences and fluxes ------------------------------------------------------------------------------------------


# Differences and fluxes are at the mid-points between pixels. With Neumann boundaries only those inside the image are
# computed, since no flux leaves it; with other boundaries also those between the border and the values outside.


def _pad(u: Tensor, axis: int, before: int, after: int) -> Tensor:
    return ops.pad(u, [(before, after) if i == axis else (0, 0) for i in range(4)])


def _extended(u: Tensor, axis: int, boundary: Boundary) -> Tensor:
    """u with one more pixel on both sides along the axis."""
    if isinstance(boundary, str) and boundary == "dirichlet":
        return _pad(u, axis, 1, 1)
    padded = neighbourhood.pad(u, boundary)
    return padded[:, :, 1:-1] if axis == 1 else padded[:, 1:-1]


def _outside(u: Tensor, axis: int, boundary: Boundary) -> Tensor:
    """u, extended along the axis if something flows through the border."""
    return u if no_flux(boundary) else _extended(u, axis, boundary)


def _ends(u: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The values on both sides of each mid-point: u without its first, and without its last pixel along the axis."""
    return (u[:, 1:], u[:, :-1]) if axis == 1 else (u[:, :, 1:], u[:, :, :-1])


def _difference(u: Tensor, axis: int) -> Tensor:
    after, before = _ends(u, axis)
    return after - before


def gradient(u: Tensor, boundary: Boundary = "neumann", scheme: str = "one-sided") -> tuple[Tensor, ...]:
    """∇u at the pixels, as components whose squares sum to |∇u|².

    Args:
        u: (batch, height, width, channels).
        boundary: the values outside the image, see `neighbourhood.pad`.
        scheme: "one-sided": the two backward differences u_ij − u_(i−1)j and u_ij − u_i(j−1). "symmetric": four
            components, the backward and the forward difference along each axis, all divided by √2.

    Returns:
        Tensors of u's shape, those along the columns first.
    """
    components = []
    for axis in (1, 2):
        difference = _difference(_outside(u, axis, boundary), axis)
        if no_flux(boundary):
            difference = _pad(difference, axis, 1, 1)
        forward, backward = _ends(difference, axis)
        components += [backward] if scheme == "one-sided" else [math.sqrt(0.5) * backward, math.sqrt(0.5) * forward]
    return tuple(components)


def gradient_product(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> Tensor:
    """∇u·∇v from the components of `gradient`."""
    products = [a * b for a, b in zip(one, other)]
    # Both components of an axis first: this makes the symmetric scheme equivariant to the last bit.
    if len(products) == 2:
        return products[0] + products[1]
    return (products[0] + products[1]) + (products[2] + products[3])


def squared_gradient(u: Tensor, boundary: Boundary = "neumann", scheme: str = "one-sided") -> Tensor:
    """|∇u|² from the differences of `gradient`, summed over the channels: (batch, height, width, 1)."""
    components = gradient(u, boundary, scheme)
    squares = gradient_product(components, components)
    return squares if u.shape[-1] == 1 else ops.sum(squares, axis=-1, keepdims=True)


def at_mid_points(gamma: Tensor, axis: int, boundary: Boundary = "neumann") -> Tensor:
    """γ averaged at the mid-points between pixels along an axis; at the border too, if something flows through it."""
    wide = gamma if no_flux(boundary) else _extended(gamma, axis, neighbourhood.of_diffusivity(boundary))
    after, before = _ends(wide, axis)
    return 0.5 * (after + before)


def divergence_along(u: Tensor, axis: int, gamma: Tensor | None = None, boundary: Boundary = "neumann") -> Tensor:
    """∂(γ ∂u) along axis 1 (down) or 2 (right); see `divergence`."""
    flux = _difference(_outside(u, axis, boundary), axis)
    if gamma is not None:
        flux = at_mid_points(gamma, axis, boundary) * flux
    return _difference(_pad(flux, axis, 1, 1) if no_flux(boundary) else flux, axis)


def divergence(u: Tensor, gamma: Tensor | None = None, boundary: Boundary = "neumann") -> Tensor:
    """L(γ)u = ∇·(γ∇u), eq. (2.2), as differences of the fluxes through the mid-points between pixels.

    Args:
        u: (batch, height, width, channels).
        gamma: diffusivity at the pixels, (batch, height, width, 1), the same for all channels;
            None for γ = 1 everywhere (the Laplacian).
        boundary: "neumann": no flux leaves the image, so its mean is conserved; "periodic" conserves it, too;
            "dirichlet": u and γ are 0 outside; or prescribed values of u, see `neighbourhood.pad`.

    Returns:
        L(γ)u, of u's shape; equal to stencil.apply(u, stencil.from_diffusivity(gamma, boundary), boundary).
    """
    return divergence_along(u, 1, gamma, boundary) + divergence_along(u, 2, gamma, boundary)


def explicit_step(u: Tensor, dt: float | Tensor, gamma: Tensor | None = None, boundary: Boundary = "neumann") -> Tensor:
    """u⁺ = (Id + δt L(γ)) u, eq. (2.10). Stable if δt · 4 max γ ≤ 1, which the caller must check.

    Args:
        u: (batch, height, width, channels).
        dt: time step in pixels², or one for each image, (batch, 1, 1, 1).
        gamma, boundary: see `divergence`.

    Returns:
        u⁺, of u's shape.
    """
    return u + dt * divergence(u, gamma, boundary)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """The scalar products of images a and b, pair by pair: (batch, 1, 1, 1)."""
    return ops.sum(a * b, axis=(1, 2, 3), keepdims=True)


def ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, or 0 where b is 0: for images that have converged or are black, both are 0."""
    return ops.where(b != 0, a / ops.where(b != 0, b, ops.ones_like(b)), ops.zeros_like(a))


def implicit_step(
    u: Tensor, dt: float, gamma: Tensor | None = None, boundary: Boundary = "neumann", gamma_maximum: float = 1.0
) -> Tensor:
    """u⁺ = (Id − δt L(γ))⁻¹ u, eq. (2.11), unconditionally stable.

    The matrix is symmetric and positive definite with eigenvalues in [1, 1 + 8 δt max γ]. This bounds the condition
    number, and so the number of iterations that conjugate gradients need to reach rounding error. Each image is solved
    independently.

    Args:
        u: (batch, height, width, channels).
        dt: time step in pixels², above 0.
        gamma, boundary: see `divergence`.
        gamma_maximum: an upper bound of γ.

    Returns:
        u⁺, of u's shape.
    """
    condition = 1.0 + 8.0 * dt * gamma_maximum
    tolerance = 1e-15 if keras.backend.standardize_dtype(u.dtype) == "float64" else 1e-8
    rate = (math.sqrt(condition) - 1.0) / (math.sqrt(condition) + 1.0)
    iterations = 1 + math.ceil(math.log(tolerance / (2.0 * math.sqrt(condition))) / math.log(rate))

    def iteration(_: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x, residual, direction, energy = state
        image = direction - dt * divergence(direction, gamma, neighbourhood.of_differences(boundary))
        length = ratio(energy, dot(direction, image))
        x, residual = x + length * direction, residual - length * image
        new_energy = dot(residual, residual)
        return x, residual, residual + ratio(new_energy, energy) * direction, new_energy

    residual = dt * divergence(u, gamma, boundary)  # of the initial guess x = u
    state = (u, residual, residual, dot(residual, residual))
    return ops.fori_loop(0, iterations, iteration, state)[0]
