"""Edge-enhancing anisotropic diffusion u_t = ∇·(D(∇u_σ)∇u): smooths along edges, and hardly across them.

The diffusion tensor D has the eigenvectors ∇u_σ and its perpendicular, with the eigenvalues g and 1,

    g(|∇u_σ|²) = 1 − exp(−3.31488 / (|∇u_σ|/λ)⁸),    D = Id − (1 − g) ∇u_σ ∇u_σᵀ / |∇u_σ|²,

where u_σ is the image after convolution with a Gaussian of standard deviation σ (Weickert, Anisotropic Diffusion in
Image Processing, 1998, Section 5.1). D is computed at the centres of the cells between four pixels. The gradient there
is the mean of the two differences along each axis. The entries of D are a = D_rightright, b = D_rightdown and
c = D_downdown.

The 9-point stencil is the non-negative one (Weickert 1998, Section 3.4.2), a member of the family of Schrader, Weickert
& Krause, Anisotropic Diffusion Stencils (arXiv:2309.05575). Each cell contributes weights (a − |b|)/2 to both of its
horizontal edges, (c − |b|)/2 to both vertical edges, and |b| to one diagonal, which the sign of b selects. With δ for
mean differences and v for the square of half the mixed difference, the energy of a cell is

    a δ_x² + 2b δ_x δ_y + c δ_y² + (a + c − 2|b|) v.

It is never negative and, since D ≤ Id, never larger than for the Laplacian. So for dt ≤ 1/4 an explicit step is stable
in the Euclidean norm, and the variance decreases. Gray values stay between their extremes where all weights are
non-negative (a and c at least |b|): where g ≥ 3 − 2√2 = 0.17, or the edge is parallel to an axis. At steeper oblique
edges they may overshoot.
"""

from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Tensor
from diffnet_tf.physics import diffusivity as diffusivities
from diffnet_tf.physics import stencil
from diffnet_tf.physics import steps as scheme
from diffnet_tf.physics.isotropic import isotropic

STABILITY_BOUND = 0.25  # of the time step, for eigenvalues up to 1


def edge_enhancing(u: Tensor, steps: int = 4, dt: float = 0.1, contrast: float = 0.1, sigma: float = 1.0) -> Tensor:
    """Edge-enhancing diffusion by explicit steps with Neumann boundaries; D is computed from the image at each step.

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        steps: number of time steps, at least 0.
        dt: time step in pixels², above 0 and at most 1/4.
        contrast: λ, in gray values per pixel, above 0: edges of u_σ steeper than λ stop the diffusion across them.
        sigma: σ of the Gaussian before the gradient is computed, in pixels; 0 for none.

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: if the time step exceeds the stability bound, or an argument is out of range.
        TypeError: if the images are not floating point.
    """
    checks.count(steps, "steps", minimum=0)
    checks.positive(dt, "dt")
    checks.positive(contrast, "contrast")
    checks.not_negative(sigma, "sigma")
    scheme.check_stability(dt, STABILITY_BOUND, "eigenvalues up to 1", implicit=False)
    u, restore = scheme.as_batch(u)
    for _ in range(steps):
        u = u + float(dt) * divergence(u, diffusion_tensor(u, float(contrast), float(sigma)))
    return restore(u)


Cells = tuple[Tensor, Tensor, Tensor]
"""The entries a, b, c of D in all cells, also those at the border: (batch, height + 1, width + 1, 1) each."""


def diffusion_tensor(u: Tensor, contrast: float, sigma: float) -> Cells:
    """D in every cell, from images u (batch, height, width, 1)."""
    smooth = isotropic(u, sigma**2 / 2, 1, "fourier") if sigma else u
    smooth = stencil.pad(smooth)
    upper, lower = smooth[:, :-1], smooth[:, 1:]
    right = 0.5 * (upper[:, :, 1:] - upper[:, :, :-1] + lower[:, :, 1:] - lower[:, :, :-1])
    down = 0.5 * (lower[:, :, :-1] - upper[:, :, :-1] + lower[:, :, 1:] - upper[:, :, 1:])
    squared = right * right + down * down
    # (1 − g)/|∇u_σ|². Where the gradient vanishes, g is 1, and the lower bound avoids 0/0.
    factor = (1.0 - diffusivities.get("weickert")(squared, contrast)) / ops.maximum(squared, 1e-30)
    return 1.0 - factor * right * right, -factor * right * down, 1.0 - factor * down * down


def divergence(u: Tensor, tensor: Cells) -> Tensor:
    """∇·(D∇u) by the non-negative 9-point stencil, without flux through the border of the image.

    Args:
        u: (batch, height, width, 1).
        tensor: the entries of D in every cell.

    Returns:
        Of u's shape.
    """
    a, b, c = tensor
    oblique = ops.abs(b)
    # The sum over the two cells on both sides of every edge.
    across, along = 0.5 * (a - oblique), 0.5 * (c - oblique)
    horizontal = (across[:, :-1] + across[:, 1:])[:, :, 1:-1] * (u[:, :, 1:] - u[:, :, :-1])
    vertical = (along[:, :, :-1] + along[:, :, 1:])[:, 1:-1] * (u[:, 1:] - u[:, :-1])
    # A diagonal lies in one cell. Cells at the border have none: their gradient is parallel to it.
    b, oblique = b[:, 1:-1, 1:-1], oblique[:, 1:-1, 1:-1]
    falling = 0.5 * (oblique + b) * (u[:, 1:, 1:] - u[:, :-1, :-1])
    rising = 0.5 * (oblique - b) * (u[:, :-1, 1:] - u[:, 1:, :-1])
    return (
        _between(horizontal, (0, 0), (0, 1))
        + _between(vertical, (0, 1), (0, 0))
        + _between(falling, (0, 1), (0, 1))
        + _between(rising, (1, 0), (0, 1))
    )


def _between(flux: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    """Add a flux between two pixels to the first and subtract it from the second; the pads give their distance."""
    first = ops.pad(flux, [(0, 0), rows, columns, (0, 0)])
    second = ops.pad(flux, [(0, 0), rows[::-1], columns[::-1], (0, 0)])
    return first - second
