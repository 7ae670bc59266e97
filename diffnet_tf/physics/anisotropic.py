"""Anisotropic diffusion u_t = ∇·(D∇u) with a diffusion tensor D: edge-enhancing and coherence-enhancing.

**Edge-enhancing** diffusion smooths along edges, and hardly across them. D has the eigenvectors ∇u_σ and its
perpendicular, with the eigenvalues g and 1,

    g(|∇u_σ|²) = 1 − exp(−3.31488 / (|∇u_σ|/λ)⁸),    D = Id − (1 − g) ∇u_σ ∇u_σᵀ / |∇u_σ|²,

where u_σ is the image after convolution with a Gaussian of standard deviation σ (Weickert, Anisotropic Diffusion in
Image Processing, 1998, Section 5.1).

**Coherence-enhancing** diffusion smooths along lines and stripes, so that it closes gaps in them (Weickert 1998,
Section 5.2; Coherence-Enhancing Diffusion Filtering, Int. J. Computer Vision 31, 1999, 111–127). The direction of the
stripes is that of the structure tensor J_ρ = K_ρ * (∇u_σ ∇u_σᵀ), the mean of ∇u_σ ∇u_σᵀ under a Gaussian of standard
deviation ρ. With its eigenvalues μ₁ ≥ μ₂, D has the same eigenvectors and the eigenvalues

    α across,    α + (1 − α) exp(−C / (μ₁ − μ₂)²) along the stripes,    C = λ⁴.

(μ₁ − μ₂)^½ is the typical gradient across the stripes, so λ is a contrast in gray values per pixel as everywhere here.

Both share the discretisation. D is computed at the centres of the cells between four pixels. The gradient there is the
mean of the two differences along each axis. The entries of D are a = D_rightright, b = D_rightdown and c = D_downdown.

The 9-point stencil is the non-negative one (Weickert 1998, Section 3.4.2), a member of the family of Schrader, Weickert
& Krause, Anisotropic Diffusion Stencils (arXiv:2309.05575). Each cell contributes weights (a − |b|)/2 to both of its
horizontal edges, (c − |b|)/2 to both vertical edges, and |b| to one diagonal, which the sign of b selects. With δ for
mean differences and v for the square of half the mixed difference, the energy of a cell is

    a δ_x² + 2b δ_x δ_y + c δ_y² + (a + c − 2|b|) v.

It is never negative and, since D ≤ Id, never larger than for the Laplacian. So for dt ≤ 1/4 an explicit step is stable
in the Euclidean norm, and the variance decreases. Gray values stay between their extremes where all weights are
non-negative (a and c at least |b|): where the smaller eigenvalue is at least 3 − 2√2 = 0.17 times the larger one, or
the edge is parallel to an axis or to a diagonal. At other edges they may overshoot.
"""

from collections.abc import Callable

from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics import diffusivity as diffusivities
from diffnet_tf.physics import steps as scheme
from diffnet_tf.physics.isotropic import gaussian, heat_semigroup
from diffnet_tf.physics.neighbourhood import check_boundary, no_flux, pad

STABILITY_BOUND = 0.25  # of the time step, for eigenvalues up to 1

Cells = tuple[Tensor, Tensor, Tensor]
"""The entries a, b, c of D in all cells, also those at the border: (batch, height + 1, width + 1, 1) each."""


def edge_enhancing(
    u: Tensor,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.1,
    sigma: float = 1.0,
    boundary: Boundary = "neumann",
) -> Tensor:
    """Edge-enhancing diffusion by explicit steps; D is computed from the image at each step.

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        steps: number of time steps, at least 0.
        dt: time step in pixels², above 0 and at most 1/4.
        contrast: λ, in gray values per pixel, above 0: edges of u_σ steeper than λ stop the diffusion across them.
        sigma: σ of the Gaussian before the gradient is computed, in pixels; 0 for none.
        boundary: "neumann", "dirichlet", "periodic", or prescribed values outside the image, see `stencil.pad`; an
            image of them needs `sigma=0`.

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: if the time step exceeds the stability bound, or an argument is out of range.
        TypeError: if the images are not floating point.
    """
    checks.positive(contrast, "contrast")
    checks.not_negative(sigma, "sigma")
    return _explicit(u, steps, dt, boundary, lambda u: diffusion_tensor(u, float(contrast), float(sigma), boundary))


def coherence_enhancing(
    u: Tensor,
    steps: int = 20,
    dt: float = 0.2,
    contrast: float = 0.004,
    sigma: float = 0.5,
    rho: float = 4.0,
    alpha: float = 0.001,
    boundary: Boundary = "neumann",
) -> Tensor:
    """Coherence-enhancing diffusion by explicit steps; D is computed from the image at each step.

    It joins interrupted lines, as in fingerprints, fabrics and hair. Where there is no direction, hardly anything
    changes.

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        steps: number of time steps, at least 0. Gaps of d pixels need a time `steps · dt` of about d².
        dt: time step in pixels², above 0 and at most 1/4.
        contrast: λ, in gray values per pixel, above 0: stripes with a steeper gradient are smoothed along their
            direction. C = λ⁴. Weickert's C = 1 for 8-bit images is λ = 1/255 for images in [0, 1].
        sigma: σ of the Gaussian before the gradient is computed, in pixels: about the size of the noise; 0 for none.
        rho: ρ of the Gaussian over which directions are averaged, in pixels; about the distance between stripes, and
            larger than the gaps. 0 for none.
        alpha: the eigenvalue across the stripes, above 0 and at most 1: how fast everything is smoothed.
        boundary: see `edge_enhancing`.

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: if the time step exceeds the stability bound, or an argument is out of range.
        TypeError: if the images are not floating point.
    """
    checks.positive(contrast, "contrast")
    checks.not_negative(sigma, "sigma")
    checks.not_negative(rho, "rho")
    checks.positive(alpha, "alpha")
    if alpha > 1:
        raise ValueError(f"alpha={alpha:g}; expected at most 1, the diffusivity along the stripes.")

    def tensor_of(u: Tensor) -> Cells:
        tensor = structure_tensor(u, float(sigma), float(rho), boundary)
        return coherence_tensor(tensor, float(contrast), float(alpha))

    return _explicit(u, steps, dt, boundary, tensor_of)


def _explicit(u: Tensor, steps: int, dt: float, boundary: Boundary, tensor_of: Callable[[Tensor], Cells]) -> Tensor:
    """Explicit steps of u_t = ∇·(D∇u), with D from the image at each step."""
    checks.count(steps, "steps", minimum=0)
    checks.positive(dt, "dt")
    check_boundary(boundary)
    scheme.check_stability(dt, STABILITY_BOUND, "eigenvalues up to 1", implicit=False)
    u, restore = scheme.as_batch(u)
    for _ in range(steps):
        u = u + float(dt) * divergence(u, tensor_of(u), boundary)
    return restore(u)


# ---- Diffusion tensors -----------------------------------------------------------------------------------------------


def gradient(u: Tensor, sigma: float, boundary: Boundary = "neumann") -> tuple[Tensor, Tensor]:
    """∇u_σ in every cell, (to the right, down), from images u (batch, height, width, 1)."""
    smooth = heat_semigroup(u, sigma**2 / 2, boundary) if sigma else u
    smooth = pad(smooth, boundary)
    upper, lower = smooth[:, :-1], smooth[:, 1:]
    right = 0.5 * (upper[:, :, 1:] - upper[:, :, :-1] + lower[:, :, 1:] - lower[:, :, :-1])
    down = 0.5 * (lower[:, :, :-1] - upper[:, :, :-1] + lower[:, :, 1:] - upper[:, :, 1:])
    return right, down


def diffusion_tensor(u: Tensor, contrast: float, sigma: float, boundary: Boundary = "neumann") -> Cells:
    """D of edge-enhancing diffusion in every cell, from images u (batch, height, width, 1)."""
    right, down = gradient(u, sigma, boundary)
    squared = right * right + down * down
    # (1 − g)/|∇u_σ|². Where the gradient vanishes, g is 1, and the lower bound avoids 0/0.
    factor = (1.0 - diffusivities.get("weickert")(squared, contrast)) / ops.maximum(squared, 1e-30)
    return 1.0 - factor * right * right, -factor * right * down, 1.0 - factor * down * down


def structure_tensor(u: Tensor, sigma: float, rho: float, boundary: Boundary = "neumann") -> Cells:
    """The entries of J_ρ in every cell, in the order of `Cells`, from images u (batch, height, width, 1)."""
    right, down = gradient(u, sigma, boundary)
    products = ((right * right, 1.0), (right * down, -1.0), (down * down, 1.0))
    if not rho:
        return products[0][0], products[1][0], products[2][0]
    a, b, c = (_mean(values, rho, boundary, parity) for values, parity in products)
    return a, b, c


def _mean(values: Tensor, rho: float, boundary: Boundary, parity: float) -> Tensor:
    """Convolve values in cells with a Gaussian. Outside they continue as those of the image do, even or odd (−1)."""
    height, width = values.shape[1:3]
    if isinstance(boundary, str) and boundary == "periodic":  # the last cells are the first ones
        smooth = gaussian(values[:, :-1, :-1], rho**2 / 2)
        smooth = ops.concatenate([smooth, smooth[:, :1]], axis=1)
        return ops.concatenate([smooth, smooth[:, :, :1]], axis=2)
    # The image is mirrored at the centres of the border's cells (Neumann), or at the pixels outside, which are 0.
    inner = slice(1, -1) if no_flux(boundary) else slice(None)
    period = ops.concatenate([values, parity * ops.flip(values[:, inner], 1)], axis=1)
    period = ops.concatenate([period, parity * ops.flip(period[:, :, inner], 2)], axis=2)
    return gaussian(period, rho**2 / 2)[:, :height, :width]


def coherence_tensor(structure: Cells, contrast: float, alpha: float) -> Cells:
    """D of coherence-enhancing diffusion in every cell, from the structure tensor."""
    a, b, c = structure
    # (μ₁ − μ₂)². The lower bound avoids 0/0, also in derivatives; D is α Id there.
    squared = ops.maximum((a - c) * (a - c) + 4.0 * b * b, 1e-30)
    along = (1.0 - alpha) * ops.exp(-(contrast**4) / squared)
    # D = α Id + along · P, where P = (Id − (J − trace/2)/((μ₁ − μ₂)/2))/2 projects on the direction of the stripes.
    cosine, sine = ((v / ops.sqrt(squared)) for v in (a - c, 2.0 * b))
    return alpha + 0.5 * along * (1.0 - cosine), -0.5 * along * sine, alpha + 0.5 * along * (1.0 + cosine)


# ---- Discretisation --------------------------------------------------------------------------------------------------


def divergence(u: Tensor, tensor: Cells, boundary: Boundary = "neumann") -> Tensor:
    """∇·(D∇u) by the non-negative 9-point stencil.

    Args:
        u: (batch, height, width, 1).
        tensor: the entries of D in every cell.
        boundary: the values outside the image, see `stencil.pad`. Nothing flows through a Neumann border if D is
            diagonal in its cells, as it is for a mirrored image.

    Returns:
        Of u's shape.
    """
    a, b, c = tensor
    u = pad(u, boundary)
    oblique = ops.abs(b)
    # The sum over the two cells on both sides of every edge.
    across, along = 0.5 * (a - oblique), 0.5 * (c - oblique)
    horizontal = (across[:, :-1] + across[:, 1:]) * (u[:, 1:-1, 1:] - u[:, 1:-1, :-1])
    vertical = (along[:, :, :-1] + along[:, :, 1:]) * (u[:, 1:, 1:-1] - u[:, :-1, 1:-1])
    # A diagonal lies in one cell.
    falling = 0.5 * (oblique + b) * (u[:, 1:, 1:] - u[:, :-1, :-1])
    rising = 0.5 * (oblique - b) * (u[:, :-1, 1:] - u[:, 1:, :-1])
    return (
        (horizontal[:, :, 1:] - horizontal[:, :, :-1])
        + (vertical[:, 1:] - vertical[:, :-1])
        + (falling[:, 1:, 1:] - falling[:, :-1, :-1])
        + (rising[:, :-1, 1:] - rising[:, 1:, :-1])
    )
