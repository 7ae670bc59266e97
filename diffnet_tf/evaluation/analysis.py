"""Analyse a trained network as a numerical scheme, layer by layer: spectrum, conservation, symmetry, stability.

For one input image, each layer is a matrix Id + δt S, see `physics.operators`. The reference is Perona–Malik diffusion:
its S is symmetric, its rows sum to zero, its off-centre entries are γ ≥ 0, and the step is stable if δt · 4 max γ ≤ 1.
A layer that undoes diffusion should have the opposite sign: Id − δt S, up to O(δt²). `Layer` measures how far a learned
S is from this. All numbers are of the product δt S, because a factor may move between S and δt.

A stencil with weights ζ at the offsets k acts on a smooth image as S u ≈ (Σ ζ) u + b·∇u + D:∇²u, with the drift
b = Σ ζ k and the diffusion tensor D = ½ Σ ζ k kᵀ, see `diffusion_tensor`. A layer sharpens in directions in which D is
negative.

An example: the steps of a network trained to diffuse do not amplify, and its filters follow γ(|∇u|²), although γ was
not part of the training:

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> first = next(dn.analysis.layers(dn.from_preset("forward"), image))
>>> first.spectrum.highest < 1.01, first.pearson > 0.9
(True, True)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from scipy.sparse.linalg import ArpackNoConvergence, eigs, eigsh
from scipy.sparse.linalg import norm as sparse_norm

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, Boundary, Tensor
from diffnet_tf.networks.models import DiffNet, LinearDiffNet
from diffnet_tf.physics import diffusion, diffusivity, stencil
from diffnet_tf.physics.operators import StencilOperator
from diffnet_tf.restoration.tiles import Tiled

DENSE = 200  # pixels; for more, ARPACK computes only the extreme eigenvalues
_ARPACK: dict[str, Any] = {"k": 1, "ncv": 40, "tol": 1e-5, "maxiter": 3000, "return_eigenvectors": False}


@dataclass(frozen=True)
class Spectrum:
    """Extreme eigenvalues of Id + δt S; NaN if ARPACK did not converge.

    Attributes:
        lowest, highest: smallest and largest real part.
        radius: largest modulus.
        symmetric_lowest, symmetric_highest: extreme eigenvalues of the symmetric part. They enclose the real parts, and
            are equal to lowest and highest if S is symmetric.
    """

    lowest: float
    highest: float
    radius: float
    symmetric_lowest: float
    symmetric_highest: float


@dataclass(frozen=True)
class Layer:
    """The action of one layer of a network on one image.

    Attributes:
        number: number of the layer, from 1.
        state: input image of the layer, (height, width).
        operator: its update Id + δt S, without the reaction of layers that have one.
        action: δt L u, the change of the image by the mean-free part of S = L + αW, (height, width).
        smoothing: the diagonal of δt αW, the sum of each pixel's filters times δt, (height, width).
        diffusivity: see `estimated_diffusivity`, (height, width).
        reaction: δt ρ, the share by which a reaction moves each pixel towards the input of the network, in addition to
            `operator`, (height, width). None without a reaction. In the first layer it has no effect, because the state
            is the input.
        spectrum: extreme eigenvalues of Id + δt S.
        mean_sum, largest_sum: mean and largest modulus of `smoothing`; both 0 if the layer preserves constant images
            (and, if S is symmetric, the mean gray value).
        asymmetry: ‖S − Sᵀ‖ / ‖S‖ in the Frobenius norm, between 0 and 2: 0 for a divergence form ∇·(γ∇u).
        negative, positive, opposite: see `signs`.
        cfl_margin: 1 − δt max |centre filter|. For a diffusion, this is the CFL condition: if it is ≥ 0, each new value
            is a weighted mean of old ones, so the step keeps the range of the image. For other filters, it only
            measures the size of the step.
        radius_margin: 1 − ρ(Id + δt S), ρ the spectral radius. If it is negative, some images grow without bound when
            the step is repeated with these filters. This is necessary for a step that undoes diffusion.
        pearson, spearman: correlation of `diffusivity` with the Perona–Malik diffusivity of the state, over the
            interior: 1 for Perona–Malik diffusion, −1 for its inverse step. NaN if either is constant.
    """

    number: int
    state: Array
    operator: StencilOperator
    action: Array
    smoothing: Array
    diffusivity: Array
    reaction: Array | None
    spectrum: Spectrum
    mean_sum: float
    largest_sum: float
    asymmetry: float
    negative: float
    positive: float
    opposite: float
    cfl_margin: float
    radius_margin: float
    pearson: float
    spearman: float


def layers(
    model: DiffNet | LinearDiffNet, u: Tensor, contrast: float = 0.2, noise: float | str | None = None
) -> Iterator[Layer]:
    """Analyse all layers of a network applied to an image, one after the other.

    Args:
        model: a `models.DiffNet` or `models.LinearDiffNet` for gray images.
        u: one image, (height, width) or (1, height, width, 1), floating point, at least 3 pixels a side. Computing
            eigenvalues takes about a second per layer for 96×96 pixels, but minutes for 256×256.
        contrast: λ of the Perona–Malik diffusivity to compare the filters with, above 0.
        noise: only for a network with a noise map: σ of the noise in u, on the scale of u, or "auto" (also if it is
            None) to estimate it, as in `restore`.

    Yields:
        A `Layer` for each diffusion layer, in order.

    Raises:
        TypeError: if the model is not a DiffNet or LinearDiffNet, or u is not floating point.
        ValueError: if u has a wrong shape or contains NaN or infinity, if the network is not for gray images, if noise
            is out of range or not needed, or if u is too small to estimate it.
    """
    if not isinstance(model, (DiffNet, LinearDiffNet)):
        raise checks.InputTypeError(
            f"The model is a {type(model).__name__}; expected a DiffNet or LinearDiffNet, because only their layers "
            f"are "
            "stencils. Give such a network."
        )
    checks.positive(contrast, "contrast")
    first = model.diffusion_layers[0]
    if first.channels != 1 or getattr(first, "mixing", False):
        raise ValueError(
            f"The model takes {first.channels} channels; expected 1. Give a network for gray images, without mixing."
        )
    pixels = ops.convert_to_numpy(u)
    pixels = pixels[None, ..., None] if pixels.ndim == 2 else pixels
    checks.float_dtype(pixels, "u")
    checks.image_shape(pixels.shape, "u")
    checks.finite(pixels, "u")
    if len(pixels) != 1:
        raise ValueError(f"u has shape {pixels.shape}; expected one image. Analyse images one by one: u[i : i + 1].")
    tiled = Tiled(model, noise=noise)  # checks noise
    sigma = tiled.noise
    if isinstance(sigma, str):
        sigma = tiled.estimate(lambda *part: pixels[0, ..., 0][part], pixels.shape[1:3])
    return _layers(model, ops.convert_to_tensor(pixels), contrast, sigma)


def _layers(model: DiffNet | LinearDiffNet, u: Tensor, contrast: float, noise: float | None) -> Iterator[Layer]:
    data, noise_map = u, None if noise is None else ops.full_like(u, noise)
    for number, (layer, dt) in enumerate(zip(model.diffusion_layers, model.time_steps), 1):
        u = ops.cast(u, layer.time_step.dtype)  # as the layer does
        filters, rate = layer.coefficients(u, noise_map)
        yield _layer(number, u, filters, dt, layer.boundary, contrast, rate)
        u = layer.update(u, filters, rate=rate, data=data)


def _layer(
    number: int, u: Tensor, filters: Tensor, dt: float, boundary: Boundary, contrast: float, rate: Tensor | None
) -> Layer:
    operator = stencil.operator(filters, dt, boundary)
    mean_free, sums = stencil.split(filters)
    smoothing, estimate, eigenvalues = dt * _image(sums), estimated_diffusivity(operator), spectrum(operator)
    negative, positive, opposite = signs(operator)
    pearson, spearman = correlations(estimate, perona_malik_diffusivity(u, contrast, boundary))
    return Layer(
        number=number,
        state=_image(u),
        operator=operator,
        action=dt * _image(stencil.apply(u, mean_free, boundary)),
        smoothing=smoothing,
        diffusivity=estimate,
        reaction=None if rate is None else dt * _image(rate),
        spectrum=eigenvalues,
        mean_sum=float(smoothing.mean()),
        largest_sum=float(abs(smoothing).max()),
        asymmetry=asymmetry(operator),
        negative=negative,
        positive=positive,
        opposite=opposite,
        cfl_margin=1.0 - float(abs(dt * operator.filters[..., 0]).max()),
        radius_margin=1.0 - eigenvalues.radius,
        pearson=pearson,
        spearman=spearman,
    )


def _image(u: Tensor) -> Array:
    """(1, height, width, 1) as (height, width), in float64."""
    return ops.convert_to_numpy(u)[0, ..., 0].astype("float64")


# ---- Single measures -------------------------------------------------------------------------------------------------


def spectrum(operator: StencilOperator) -> Spectrum:
    """The extreme eigenvalues of Id + δt S: exact for a small matrix, by ARPACK (to 1e-5) for a large one."""
    matrix = operator.matrix
    symmetric = (matrix + matrix.T) / 2
    if operator.shape[0] <= DENSE:
        values = np.linalg.eigvals(matrix.toarray())
        bounds = np.linalg.eigvalsh(symmetric.toarray())
        return Spectrum(*map(float, (values.real.min(), values.real.max(), abs(values).max(), bounds[0], bounds[-1])))
    start = np.random.default_rng(0).standard_normal(operator.shape[0])  # fixed, so that results are reproducible

    def extreme(solver: Callable[..., Array], matrix: Any, which: str) -> complex:
        try:
            return solver(matrix, which=which, v0=start, **_ARPACK)[0]
        except ArpackNoConvergence:
            return np.nan

    return Spectrum(
        lowest=float(np.real(extreme(eigs, matrix, "SR"))),
        highest=float(np.real(extreme(eigs, matrix, "LR"))),
        radius=float(abs(extreme(eigs, matrix, "LM"))),
        symmetric_lowest=float(np.real(extreme(eigsh, symmetric, "SA"))),
        symmetric_highest=float(np.real(extreme(eigsh, symmetric, "LA"))),
    )


def asymmetry(operator: StencilOperator) -> float:
    """‖S − Sᵀ‖ / ‖S‖ in the Frobenius norm: 0 for a symmetric S, 2 for an antisymmetric one (and 0 for S = 0)."""
    s = operator.stencil_matrix
    size = float(sparse_norm(s))
    return float(sparse_norm(s - s.T)) / size if size else 0.0


def signs(operator: StencilOperator) -> tuple[float, float, float]:
    """The signs of filters, as shares of the interior pixels, whose neighbours all lie inside the image.

    Returns:
        (negative, positive, opposite), each in [0, 1]: the shares of the off-centre entries of δt S below and above 0
        (for a diffusion none are negative, for its inverse none are positive), and the share of pixels whose centre
        filter has the opposite sign of the sum of the others.
    """
    filters = operator.dt * _interior(operator.filters, stencil.reach(operator.filters.shape[-1]))
    centre, others = filters[..., 0], filters[..., 1:]
    shares = (others < 0).mean(), (others > 0).mean(), (centre * others.sum(axis=-1) < 0).mean()
    return float(shares[0]), float(shares[1]), float(shares[2])


def diffusion_tensor(operator: StencilOperator) -> Array:
    """δt D with D = ½ Σ ζ k kᵀ, the sum over the neighbours at offsets k: (height, width, 2, 2), in pixels².

    The axes are (down, right). For a unit vector n, n·Dn is the diffusivity in the direction n: positive where the
    layer smooths, negative where it sharpens. A stencil with 5 points has no entries off the diagonal.
    """
    offsets = np.array(stencil.OFFSETS[: operator.filters.shape[-1]], "float64")
    return operator.dt / 2 * np.einsum("ijk,ka,kb->ijab", operator.filters, offsets, offsets)


def estimated_diffusivity(operator: StencilOperator) -> Array:
    """The diffusivity δt n·Dn of each pixel, the mean over all directions n, (height, width): see `diffusion_tensor`.

    With 5 points, this is δt times the mean of the filters for the four neighbours: for a diffusion, δt γ averaged over
    the four mid-points around the pixel; for an inverse step, −δt γ. With 9 or 13 points, neighbours count by their
    squared distance.
    """
    return np.trace(diffusion_tensor(operator), axis1=-2, axis2=-1) / 2


def perona_malik_diffusivity(u: Tensor, contrast: float = 0.2, boundary: Boundary = "neumann") -> Array:
    """γ = 1/(1 + |∇u|²/λ²) of an image, averaged over the four mid-points around each pixel, to compare estimates with.

    Args:
        u: one image, (1, height, width, 1).
        contrast: λ, above 0.
        boundary: "neumann" or "dirichlet".

    Returns:
        (height, width), float64.
    """
    gamma = diffusivity.get("perona_malik_1")(diffusion.squared_gradient(u, boundary), contrast)
    filters = ops.convert_to_numpy(stencil.from_diffusivity(gamma, boundary))
    return filters[0, ..., 1:].astype("float64").mean(axis=-1)


def correlations(estimate: Array, truth: Array) -> tuple[float, float]:
    """The correlation of two images (height, width) over their interior, without a frame of one pixel.

    Returns:
        (Pearson's, Spearman's) correlation: of the values, and of their ranks. NaN if an image is constant.
    """
    a, b = _interior(estimate).ravel(), _interior(truth).ravel()
    return _correlation(a, b), _correlation(_ranks(a), _ranks(b))


def _correlation(a: Array, b: Array) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _ranks(values: Array) -> Array:
    """The rank of each value; equal values share their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def _interior(array: Array, frame: int = 1) -> Array:
    return array[frame:-frame, frame:-frame]
