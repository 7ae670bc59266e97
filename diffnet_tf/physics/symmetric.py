"""Symmetric stencils, made of diffusivities between neighbouring pixels: ∇·(γ∇u) on the grid.

What flows from one pixel to another is lost by the first and gained by the second. So the mean of an image is kept.
"""

from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics.neighbourhood import check_boundary, neighbours, no_flux, of_diffusivity, pad

CLOSED = ("neumann", "periodic")  # boundaries through which nothing leaves


def with_centre(outer: Tensor) -> Tensor:
    """Add the centre in front of the weights of neighbours (..., points − 1), so that each pixel's filters sum to 0."""
    return ops.concatenate([-ops.sum(outer, axis=-1, keepdims=True), outer], axis=-1)


def from_diffusivity(gamma: Tensor, boundary: Boundary = "neumann") -> Tensor:
    """The stencil (4.4) of L(γ)u = ∇·(γ∇u): γ averaged at the mid-points between pixels; the centre is minus their sum.

    Args:
        gamma: diffusivity at the pixels, (batch, height, width, 1).
        boundary: "neumann": no flux leaves the image; "dirichlet": γ and u are 0 outside; "periodic"; or prescribed
            values of u, beside which γ repeats its border.

    Returns:
        (batch, height, width, 5). With "neumann", weights of pixels outside the image are zero.
    """
    check_boundary(boundary)
    padded = pad(gamma, "dirichlet" if no_flux(boundary) else of_diffusivity(boundary))
    down, right = (padded[:, 1:] + padded[:, :-1])[:, :, 1:-1] / 2, (padded[:, :, 1:] + padded[:, :, :-1])[:, 1:-1] / 2
    if no_flux(boundary):
        down, right = _without_ends(down[:, 1:], right[:, :, 1:])
    return _of_mid_points(down, right)


def from_edges(edges: Tensor, boundary: Boundary = "neumann") -> Tensor:
    """The stencil of u ↦ ∇·(g ∇u) for diffusivities g on the edges between neighbouring pixels; it is symmetric.

    Args:
        edges: (batch, height, width, 2): g between each pixel and the one below, and between it and the one to its
            right.
        boundary: "neumann": no flux leaves the image, and the edges at its lower and right border are ignored;
            "periodic": they lead to the opposite side.

    Returns:
        (batch, height, width, 5); the filters of each pixel sum to 0.

    Raises:
        ValueError: for another number of channels, or another boundary, where S would not be symmetric.
    """
    check_closed(boundary)
    if len(edges.shape) != 4 or edges.shape[-1] != 2:
        raise ValueError(f"edges have shape {tuple(edges.shape)}; expected (batch, height, width, 2).")
    down, right = edges[..., :1], edges[..., 1:]
    if no_flux(boundary):
        down, right = _without_ends(down, right)
    else:
        down = ops.concatenate([down[:, -1:], down], axis=1)
        right = ops.concatenate([right[:, :, -1:], right], axis=2)
    return _of_mid_points(down, right)


def _without_ends(down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """γ at the mid-points below and to the right of each pixel → at all mid-points, with 0 at the image's border."""
    down = ops.pad(down[:, :-1], [[0, 0], [1, 1], [0, 0], [0, 0]])
    return down, ops.pad(right[:, :, :-1], [[0, 0], [0, 0], [1, 1], [0, 0]])


def _of_mid_points(down: Tensor, right: Tensor) -> Tensor:
    """The stencil for γ at all mid-points along the columns (height + 1 of them) and along the rows (width + 1)."""
    return with_centre(ops.concatenate([down[:, :-1], down[:, 1:], right[:, :, :-1], right[:, :, 1:]], axis=-1))


def check_closed(boundary: Boundary) -> None:
    """Refuse boundaries through which something flows.

    Raises:
        ValueError: for these.
    """
    if not isinstance(boundary, str) or boundary not in CLOSED:
        raise ValueError(f"boundary={boundary!r:.50}; expected one of {', '.join(map(repr, CLOSED))} here.")


def within_cfl(filters: Tensor, dt: Tensor, boundary: Boundary = "neumann", courant: float = 1.0) -> Tensor:
    """A symmetric stencil, reduced where the explicit step would break the CFL bound δt Σ_k ζ_k ≤ 1 of a pixel.

    The weight between two pixels is divided by δt times the larger of their sums, where that is above 1. So the stencil
    stays symmetric, and it changes only near the pixels that break the bound. Then each new value is an average of old
    values: the discrete maximum–minimum principle holds, and no eigenvalue of Id + δt S is outside [−1, 1].

    Args:
        filters: (batch, height, width, points), mean-free, with weights of neighbours of at least 0; see `from_edges`.
        dt: the time step, at least 0.
        boundary: "neumann" or "periodic".
        courant: the largest δt Σ_k ζ_k, above 0 and at most 1. No eigenvalue is below 1 − 2 courant. So with a number
            below 1/2, Id + δt S can be inverted.

    Returns:
        The filters, (batch, height, width, points).

    Raises:
        ValueError: for a number out of range, or another boundary.
    """
    check_closed(boundary)
    checks.share(courant, "courant")
    if not ops.is_tensor(dt):
        checks.not_negative(dt, "dt")
    outer = filters[..., 1:]
    total = ops.sum(outer, axis=-1, keepdims=True)
    largest = ops.maximum(total, ops.concatenate(neighbours(total, boundary, filters.shape[-1]), axis=-1))
    return with_centre(outer / ops.maximum(dt * largest / courant, 1.0))


def apply_differences(u: Tensor, filters: Tensor, boundary: Boundary = "neumann") -> Tensor:
    """S u of a mean-free stencil as Σ_k filters_k · (u_k − u), where u_k is u shifted by k.

    Without rounding this is `apply`. With it, a constant image gives exactly 0, and what flows from one pixel to
    another is exactly what the other one receives if both have the same weight for each other.

    Args:
        u: images, (batch, height, width, channels); all channels share the filters.
        filters: (batch or 1, height, width, points). The centre is ignored.
        boundary: the values outside the image, see `pad`.

    Returns:
        S u, of u's shape.
    """
    u, filters = ops.convert_to_tensor(u), ops.convert_to_tensor(filters)
    points = filters.shape[-1]
    shifted = neighbours(u, boundary, points)
    fluxes = [filters[..., k : k + 1] * (shifted[k - 1] - u) for k in range(1, points)]
    return sum((one + other for one, other in zip(fluxes[2::2], fluxes[3::2])), start=fluxes[0] + fluxes[1])
