"""Five-point stencils, a different one for every pixel; also of nine and thirteen points.

A network layer of the paper is the explicit update (4.6), u⁺ = (Id + δt S(ζ)) u, where the sparse sub-diagonal
matrix S (Def. 2.7) has one 5-point stencil (4.7) in every row. Networks never build S: its five diagonals are five
*filter images*, and `apply` multiplies them with shifted copies of the image. `operator` builds it, to look at.

Filters have shape (batch, height, width, 5) in the order of `ORDER`: the centre, stored with its sign (−ζ5), then the
weights of the pixel above, below, to the left and to the right. Larger stencils go on with the four diagonal pixels (9
points, the 3×3 square) and the four two pixels away (13 points, all within two steps); see `OFFSETS`.

Boundaries: "neumann" mirrors the image at its border (zero normal derivative, (4.5), the paper's), so that the pixel
outside equals the border pixel; "dirichlet" puts 0 there (the authors' released code).

One explicit step with δt = 0.5 towards the mean of the four neighbours:

>>> import numpy as np
>>> import diffnet_tf as dn
>>> u = np.zeros((1, 3, 3, 1), "float32")
>>> u[0, 1, 1] = 1.0
>>> filters = np.broadcast_to(np.float32([-1.0, 0.25, 0.25, 0.25, 0.25]), (1, 3, 3, 5))
>>> step = u + 0.5 * np.asarray(dn.stencil.apply(u, filters))
>>> step[0, ..., 0].tolist()
[[0.0, 0.125, 0.0], [0.125, 0.5, 0.125], [0.0, 0.125, 0.0]]

Reference: Arridge & Hauptmann, Networks for Nonlinear Diffusion Problems in Imaging, JMIV 62 (2020) 471–487.
"""

from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics.neighbourhood import BOUNDARIES, OFFSETS, ORDER, POINTS, neighbours, pad, reach
from diffnet_tf.physics.operators import StencilOperator

__all__ = [
    "BOUNDARIES",
    "OFFSETS",
    "ORDER",
    "POINTS",
    "StencilOperator",
    "apply",
    "apply_mixing",
    "from_diffusivity",
    "mean_free",
    "neighbours",
    "operator",
    "pad",
    "reach",
    "smoothing",
    "split",
    "with_centre",
]


def apply(u: Tensor, filters: Tensor, boundary: Boundary = "neumann") -> Tensor:
    """S u = Σ_k filters_k · (u shifted by k), with neither the identity nor the time step of (4.6).

    Args:
        u: images, (batch, height, width, channels); all channels share the filters.
        filters: (batch or 1, height, width, 5), ordered as `ORDER`; or 9 or 13 of them, as `OFFSETS`.
        boundary: what lies outside the image, "neumann" or "dirichlet".

    Returns:
        S u, of u's shape.

    Raises:
        ValueError: when u has no rank 4, filters have no 5, 9 or 13 channels, or they are of other images.
        InputTypeError: for a dtype that is not floating point.
    """
    for array, name in ((u, "u"), (filters, "filters")):
        if hasattr(array, "dtype"):
            checks.float_dtype(array, name)
    u, filters = ops.convert_to_tensor(u), ops.convert_to_tensor(filters)
    if len(u.shape) != 4:
        raise ValueError(f"u has shape {tuple(u.shape)}; expected (batch, height, width, channels).")
    if len(filters.shape) != 4 or filters.shape[-1] not in POINTS:
        raise ValueError(
            f"filters have shape {tuple(filters.shape)}; expected (batch, height, width, 5) in the order {ORDER}, or 9 "
            "or 13 of them."
        )
    one = filters.shape[0] == 1
    if checks.differ(u.shape[one:3], filters.shape[one:3]):
        raise ValueError(
            f"filters have shape {tuple(filters.shape)} and u has {tuple(u.shape)}; expected filters of the same "
            f"images, (batch or 1, height, width, {filters.shape[-1]})."
        )
    points = filters.shape[-1]
    shifted = (u, *neighbours(u, boundary, points))
    terms = [weights * v for weights, v in zip(ops.split(filters, points, axis=-1), shifted)]
    total = terms[0]
    for one_side, other_side in zip(terms[1::2], terms[2::2]):
        total = total + (one_side + other_side)
    return total


def apply_mixing(u: Tensor, filters: Tensor, boundary: Boundary = "neumann") -> Tensor:
    """(S u)_c = Σ_d S_cd u_d: every channel of the result gets a stencil of its own from every channel (Remark 4.2).

    Args:
        u: images, (batch, height, width, channels).
        filters: (batch, height, width, channels, channels, points): [..., c, d, :] weighs channel d for channel c.
        boundary: what lies outside the image, "neumann" or "dirichlet".

    Returns:
        S u, of u's shape.
    """
    points, channels = filters.shape[-1], u.shape[-1]
    checks.same_shape(filters.shape[-3:-1], (channels, channels), ("the channels of the filters", "those of u"))
    shifted = ops.stack((u, *neighbours(u, boundary, points)), axis=-1)
    return ops.einsum("bhwdp,bhwcdp->bhwc", shifted, filters)


def smoothing(filters: Tensor) -> Tensor:
    """The diagonal of αW in S = L + αW: the sum of each pixel's filters (drawn in Fig. 11).

    It is what S makes of a constant image of ones under Neumann boundaries; zero means that S is mean-free.

    Args:
        filters: (..., points).

    Returns:
        (..., 1).
    """
    return ops.sum(filters, axis=-1, keepdims=True)


def with_centre(outer: Tensor) -> Tensor:
    """Neighbours (..., points − 1) with the centre in front that makes each pixel's filters sum to zero."""
    return ops.concatenate([-ops.sum(outer, axis=-1, keepdims=True), outer], axis=-1)


def mean_free(filters: Tensor) -> Tensor:
    """The filters of L in S = L + αW: the same neighbours, the centre chosen so that a constant image goes to zero.

    Args:
        filters: (..., points).

    Returns:
        (..., points), each pixel's filters summing to zero.
    """
    return with_centre(filters[..., 1:])


def split(filters: Tensor) -> tuple[Tensor, Tensor]:
    """Split S = L + αW (Def. 2.7) into its differentiating and its smoothing part.

    Args:
        filters: (batch, height, width, points).

    Returns:
        (L, αW): mean-free filters (batch, height, width, points) and the diagonal of αW (batch, height, width, 1), with
        apply(u, filters) = apply(u, L) + αW·u.
    """
    return mean_free(filters), smoothing(filters)


def from_diffusivity(gamma: Tensor, boundary: Boundary = "neumann") -> Tensor:
    """The stencil (4.4) of L(γ)u = ∇·(γ∇u): γ averaged to the mid-points between pixels, the centre minus their sum.

    Args:
        gamma: diffusivity at the pixels, (batch, height, width, 1).
        boundary: "neumann": no flux leaves the image; "dirichlet": γ is 0 outside, and so is u.

    Returns:
        (batch, height, width, 5). Under "neumann" the filters that would reach outside are zero.
    """
    checks.one_of(boundary, "boundary", BOUNDARIES)
    padded = pad(gamma, "dirichlet")
    down, right = (padded[:, 1:] + padded[:, :-1])[:, :, 1:-1] / 2, (padded[:, :, 1:] + padded[:, :, :-1])[:, 1:-1] / 2
    if boundary == "neumann":
        down = ops.pad(down[:, 1:-1], [[0, 0], [1, 1], [0, 0], [0, 0]])
        right = ops.pad(right[:, :, 1:-1], [[0, 0], [0, 0], [1, 1], [0, 0]])
    return with_centre(ops.concatenate([down[:, :-1], down[:, 1:], right[:, :, :-1], right[:, :, 1:]], axis=-1))


def operator(filters: Tensor, dt: float, boundary: Boundary = "neumann") -> StencilOperator:
    """The update Id + δt S(ζ), eq. (4.6), of one image as a SciPy `LinearOperator` with its sparse matrix.

    Args:
        filters: (height, width, 5) or (1, height, width, 5), ordered as `ORDER`; or 9 or 13 of them.
        dt: time step.
        boundary: what lies outside the image, "neumann" or "dirichlet".

    Returns:
        A `physics.operators.StencilOperator`: acts on `u.ravel()` in float64, knows its adjoint (`rmatvec`, `.H`), and
        has Id + δt S as `matrix` and S as `stencil_matrix`, both CSR.

    Raises:
        ValueError: for filters of several images or of another shape, or values that are not finite.
    """
    return StencilOperator(ops.convert_to_numpy(filters), dt, boundary)
