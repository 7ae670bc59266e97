"""How local is the inverse of diffusion? This tests Conjecture 2.5 of the paper on given images, without learning.

The explicit scheme computes γ from the image before each step; with γ fixed, the step is linear. So for one image u,
K steps are one sparse matrix A = Π (Id + δt L(γ_k)) with A u = PM(u). Filters that undo the diffusion therefore exist
for each pixel: the rows of A⁻¹. They extend over the whole image, with entries that grow with time. The conjecture says
that a few pixels are enough. This module computes the best filters within a given radius: for each pixel, those with
the least mean squared error for images with the power spectrum 1/|k|² of photographs.

An example: with more points, the restored image gets closer to the original:

>>> import numpy as np
>>> import diffnet_tf as dn
>>> from diffnet_tf.evaluation import locality
>>> image = dn.data.load_images("skimage", split="test", limit=1)[0, 32:56, 32:56, 0]
>>> matrix = locality.diffusion_matrix(image)
>>> results = [locality.local_inverse(matrix, image.shape, r) @ (matrix @ image.ravel()) for r in (1, 2, 4)]
>>> errors = [np.abs(result - image.ravel()).mean() for result in results]
>>> errors == sorted(errors, reverse=True)
True
"""

import functools

import numpy as np
from keras import ops
from scipy import sparse

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, Boundary
from diffnet_tf.physics import diffusivity, stencil
from diffnet_tf.physics.diffusion import squared_gradient
from diffnet_tf.physics.neighbourhood import check_boundary


def diffusion_matrix(
    u: Array, steps: int = 4, dt: float = 0.1, contrast: float = 0.2, boundary: Boundary = "neumann"
) -> sparse.csr_array:
    """The matrix A of Perona–Malik diffusion for one image, A u = PM(u).

    Args:
        u: one image, (height, width), floating point, at least 3 pixels a side.
        steps, dt, contrast, boundary: see `diffusion.perona_malik`.

    Returns:
        A CSR array (height·width, height·width), float64, for pixels numbered row by row.

    Raises:
        TypeError, ValueError: if u has a wrong dtype or shape, or an argument is out of range.
    """
    checks.count(steps, "steps", minimum=0)
    checks.positive(dt, "dt")
    check_boundary(boundary, number=False, image=False)  # with prescribed values, the update is not linear
    pixels = np.asarray(u)
    checks.float_dtype(pixels, "u")
    checks.image_shape((1, *pixels.shape, 1), "u")
    gamma_of = diffusivity.get("perona_malik_1")
    state = pixels.astype("float64").ravel()
    whole = sparse.eye_array(state.size, format="csr")
    for _ in range(steps):
        image = ops.convert_to_tensor(state.reshape(1, *pixels.shape, 1).astype(pixels.dtype))
        filters = stencil.from_diffusivity(gamma_of(squared_gradient(image, boundary), contrast), boundary)
        step = stencil.operator(filters, dt, boundary).matrix
        state, whole = step @ state, step @ whole
    return whole


def points_within(radius_squared: int) -> int:
    """The number of pixels within a radius: 5, 9, 13, 21, 25 for squared radii 1, 2, 4, 5, 8."""
    reach = np.arange(-radius_squared, radius_squared + 1)
    return int((reach[:, None] ** 2 + reach**2 <= radius_squared).sum())


def local_inverse(matrix: sparse.csr_array, image_shape: tuple[int, int], radius_squared: int) -> sparse.csr_array:
    """The best inverse whose rows are limited to a radius: argmin_F E|F A u − u|² for random images u, see above.

    Row i is C_uy C_yy⁻¹ over the pixels y_j near i, with C the covariance of u, (Id/L² − Δ)⁻¹ under Neumann boundaries
    (L the longer side), C_yy = A C Aᵀ and C_uy = C Aᵀ.

    Args:
        matrix: A, (height·width, height·width), for pixels numbered row by row; up to a few thousand pixels.
        image_shape: (height, width).
        radius_squared: squared radius in pixels²; 1, 2 and 4 give 5, 9 and 13 points, see `points_within`.

    Returns:
        F, a CSR array with the shape of `matrix`.
    """
    height, width = image_shape
    covariance = _covariance(image_shape)
    of_u_and_y = (matrix @ covariance).T
    of_y = matrix @ of_u_and_y
    rows, columns = (places.ravel() for places in np.mgrid[:height, :width])
    sources, targets, values = [], [], []
    for pixel in range(height * width):
        distance = (rows - rows[pixel]) ** 2 + (columns - columns[pixel]) ** 2
        near = np.flatnonzero(distance <= radius_squared)
        values.append(np.linalg.solve(of_y[np.ix_(near, near)], of_u_and_y[pixel, near]))
        sources.append(np.full(len(near), pixel))
        targets.append(near)
    entries = (np.concatenate(values), (np.concatenate(sources), np.concatenate(targets)))
    return sparse.coo_array(entries, shape=matrix.shape).tocsr()


@functools.lru_cache(maxsize=2)
def _covariance(image_shape: tuple[int, int]) -> Array:
    """The covariance of images whose power spectrum decreases as 1/|k|²."""
    laplacian = stencil.operator(stencil.from_diffusivity(ops.ones((1, *image_shape, 1))), 1.0).stencil_matrix
    precision = sparse.eye_array(laplacian.shape[0]) / max(image_shape) ** 2 - laplacian
    return np.linalg.inv(precision.toarray())
