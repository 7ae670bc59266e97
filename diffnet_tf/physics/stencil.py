"""Stencils with 5, 9 or 13 points, a different one for every pixel.

A network layer of the paper is the explicit update (4.6), u⁺ = (Id + δt S(ζ)) u, where the sparse sub-diagonal
matrix S (Def. 2.7) has one 5-point stencil (4.7) in every row. Networks never build S: its five diagonals are five
*filter images*, and `apply` multiplies them with shifted copies of the image. `operator` builds S for analysis.

Filters have shape (batch, height, width, 5) in the order of `ORDER`: the centre, stored with its sign (−ζ5), then the
weights of the pixels above, below, to the left and to the right. Stencils with 9 points add the four diagonal pixels
(the 3×3 square), those with 13 points also the four pixels at distance 2 along the axes; see `OFFSETS`.

Boundaries: "neumann" mirrors the image at its border (zero normal derivative, (4.5), as in the paper), so that the
pixel outside equals the border pixel. "dirichlet" sets it to 0 (as in the authors' released code). "periodic" continues
with the opposite side of the image. A number or an image prescribes the values outside; see `pad`.

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
from diffnet_tf.physics.neighbourhood import (
    BOUNDARIES,
    OFFSETS,
    ORDER,
    POINTS,
    neighbours,
    pad,
    reach,
)
from diffnet_tf.physics.operators import StencilOperator
from diffnet_tf.physics.symmetric import apply_differences, from_diffusivity, from_edges, with_centre, within_cfl

__all__ = [
    "BOUNDARIES",
    "OFFSETS",
    "ORDER",
    "POINTS",
    "StencilOperator",
    "apply",
    "apply_differences",
    "apply_mixing",
    "from_diffusivity",
    "from_edges",
    "mean_free",
    "neighbours",
    "operator",
    "pad",
    "reach",
    "smoothing",
    "split",
    "with_centre",
    "within_cfl",
]


def apply(u: Tensor, filters: Tensor, boundary: Boundary = "neumann") -> Tensor:
    """S u = Σ_k filters_k · (u shifted by k), without the identity and the time step of (4.6).

    Args:
        u: images, (batch, height, width, channels); all channels share the filters.
        filters: (batch or 1, height, width, points) with 5, 9 or 13 points, ordered as `OFFSETS`.
        boundary: the values outside the image, see `pad`.

    Returns:
        S u, of u's shape.

    Raises:
        ValueError: if the shapes are not as above, or those of u and the filters do not match.
        TypeError: if u or the filters are not floating point.
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
            "or 13 filters."
        )
    one = filters.shape[0] == 1
    if checks.differ(u.shape[one:3], filters.shape[one:3]):
        raise ValueError(
            f"filters have shape {tuple(filters.shape)} and u has {tuple(u.shape)}; expected filters for the same "
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
    """(S u)_c = Σ_d S_cd u_d: a separate stencil from every channel d to every channel c (Remark 4.2).

    Args:
        u: images, (batch, height, width, channels).
        filters: (batch, height, width, channels, channels, points); [..., c, d, :] is the stencil from d to c.
        boundary: the values outside the image, see `pad`.

    Returns:
        S u, of u's shape.

    Raises:
        ValueError: if the numbers of channels differ.
    """
    points, channels = filters.shape[-1], u.shape[-1]
    checks.same_shape(filters.shape[-3:-1], (channels, channels), ("the channels of the filters", "those of u"))
    shifted = ops.stack((u, *neighbours(u, boundary, points)), axis=-1)
    return ops.einsum("bhwdp,bhwcdp->bhwc", shifted, filters)


def smoothing(filters: Tensor) -> Tensor:
    """The diagonal of αW in S = L + αW: the sum of each pixel's filters (shown in Fig. 11).

    With Neumann boundaries this is S applied to a constant image of ones; it is zero if S is mean-free.

    Args:
        filters: (..., points).

    Returns:
        (..., 1).
    """
    return ops.sum(filters, axis=-1, keepdims=True)


def mean_free(filters: Tensor) -> Tensor:
    """The filters of L in S = L + αW: the same neighbours, and the centre for which L of a constant image is zero.

    Args:
        filters: (..., points).

    Returns:
        (..., points); the filters of each pixel sum to zero.
    """
    return with_centre(filters[..., 1:])


def split(filters: Tensor) -> tuple[Tensor, Tensor]:
    """Split S = L + αW (Def. 2.7) into a differentiating part L and a smoothing part αW.

    Args:
        filters: (batch, height, width, points).

    Returns:
        (L, αW): mean-free filters (batch, height, width, points) and the diagonal of αW (batch, height, width, 1), with
        apply(u, filters) = apply(u, L) + αW·u.
    """
    return mean_free(filters), smoothing(filters)


def operator(filters: Tensor, dt: float, boundary: Boundary = "neumann") -> StencilOperator:
    """The update Id + δt S(ζ), eq. (4.6), of one image as a SciPy `LinearOperator` with its sparse matrix.

    Args:
        filters: (height, width, points) or (1, height, width, points) with 5, 9 or 13 points, ordered as `OFFSETS`.
        dt: time step.
        boundary: the values outside the image, see `pad`.

    Returns:
        A `physics.operators.StencilOperator`. It acts on `u.ravel()` in float64 and has an adjoint (`rmatvec`, `.H`),
        Id + δt S as `matrix` and S as `stencil_matrix`, both CSR. With prescribed values, the update is
        `operator @ u.ravel() + operator.offset`.

    Raises:
        ValueError: if the filters have another shape, or a value is not finite.
    """
    return StencilOperator(ops.convert_to_numpy(filters), dt, boundary)
