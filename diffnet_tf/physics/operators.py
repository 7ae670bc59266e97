"""The update of one layer as a SciPy linear operator, with its sparse matrix.

Networks apply Id + δt S(ζ), eq. (4.6), as products with shifted images. This module builds the matrix S itself, the
sparse sub-diagonal matrix of Def. 2.7, in float64 from the filters of one image, so that you can study its spectrum,
its symmetry, or its effect on a constant. Pixels are numbered row by row, so a neighbour is 1 or `width` columns off
the diagonal. With "neumann" boundaries, the weight of a pixel outside the image is added to that of its mirror image
inside (for a 5-point stencil, the border pixel itself, on the diagonal), with "periodic" boundaries to that of the
pixel at the opposite side. With "dirichlet" boundaries it is dropped. With prescribed values it is dropped as well, and
the update is not linear but affine: its constant part is `offset`.

A step of diffusion with γ = 1, and its inverse:

>>> import numpy as np
>>> import diffnet_tf as dn
>>> filters = dn.stencil.from_diffusivity(np.ones((1, 16, 16, 1)))
>>> step = dn.stencil.operator(filters, dt=0.2)
>>> step.shape, step.matrix.format, float(abs(step.stencil_matrix - step.stencil_matrix.T).max())
((256, 256), 'csr', 0.0)
>>> from scipy.sparse.linalg import spsolve
>>> u = np.random.default_rng(0).random((16, 16))
>>> back = spsolve(step.matrix, step @ u.ravel()).reshape(u.shape)
>>> bool(np.allclose(back, u))
True
"""

import functools

import numpy as np
from keras import ops
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, Boundary
from diffnet_tf.physics.neighbourhood import (
    OFFSETS,
    ORDER,
    POINTS,
    check_boundary,
    is_prescribed,
    pad,
    reach,
)


class StencilOperator(LinearOperator):
    """Id + δt S(ζ) on the pixels of one image, row by row: `operator @ u.ravel()`; `operator.H` is its adjoint.

    Args:
        filters: (height, width, points) or (1, height, width, points) with 5, 9 or 13 points, ordered as
            `stencil.OFFSETS`.
        dt: time step δt.
        boundary: the values outside the image, see `stencil.pad`.

    Attributes:
        filters: (height, width, points), float64.
        dt: a float.
        boundary: as given.
        image_shape: (height, width).
        stencil_matrix: S(ζ), a CSR array of shape (height·width, height·width), float64.
        matrix: Id + δt S(ζ), the same kind of array.
        offset: δt times what prescribed values outside add to each pixel, (height·width,); otherwise zeros. The update
            of an image is `operator @ u.ravel() + operator.offset`.

    Raises:
        ValueError: if the filters have another shape, or a value is not finite.
    """

    def __init__(self, filters: Array, dt: float, boundary: Boundary = "neumann") -> None:
        filters = np.asarray(filters)
        one = filters[0] if filters.ndim == 4 and len(filters) == 1 else filters
        if one.ndim != 3 or one.shape[-1] not in POINTS or not one.size:
            raise ValueError(
                f"filters have shape {filters.shape}; expected those of one image, (height, width, 5) or "
                f"(1, height, width, 5) in the order {ORDER}, or 9 or 13 filters. For image i of a batch, give "
                "filters[i]."
            )
        checks.finite(one, "filters")
        check_boundary(boundary)
        if not np.isfinite(dt):
            raise ValueError(f"dt={dt!r}; expected a finite number.")
        self.filters, self.dt, self.boundary = one.astype("float64"), float(dt), boundary
        self.image_shape = one.shape[:2]
        super().__init__(np.dtype("float64"), (self.filters[..., 0].size,) * 2)

    # The matrices are built when they are used: many questions only need the filters.

    @functools.cached_property
    def stencil_matrix(self) -> sparse.csr_array:
        return _matrix(self.filters, self.boundary)

    @functools.cached_property
    def matrix(self) -> sparse.csr_array:
        return sparse.eye_array(self.shape[0], format="csr") + self.dt * self.stencil_matrix

    @functools.cached_property
    def offset(self) -> Array:
        return self.dt * _offset(self.filters, self.boundary)

    def _matvec(self, x: Array) -> Array:
        return self.matrix @ x

    def _rmatvec(self, x: Array) -> Array:
        return self.matrix.T @ x

    _matmat, _rmatmat = _matvec, _rmatvec


def _matrix(filters: Array, boundary: Boundary) -> sparse.csr_array:
    """S(ζ) with the filters of pixel i in row i; entries at the same position are summed."""
    height, width, points = filters.shape
    drops = is_prescribed(boundary) or boundary == "dirichlet"
    inside = _mirrored if drops or boundary == "neumann" else np.remainder
    rows, columns = np.mgrid[:height, :width]
    values, sources, targets = [], [], []
    for k, (down, right) in enumerate(OFFSETS[:points]):
        row, column = (inside(places, n) for places, n in ((rows + down, height), (columns + right, width)))
        kept = np.full((height, width), True)
        if drops:
            kept = (row == rows + down) & (column == columns + right)
        values.append(filters[..., k][kept])
        sources.append((rows * width + columns)[kept])
        targets.append((row * width + column)[kept])
    entries = (np.concatenate(values), (np.concatenate(sources), np.concatenate(targets)))
    return sparse.coo_array(entries, shape=(height * width,) * 2).tocsr()


def _mirrored(places: Array, length: int) -> Array:
    """Reflect positions outside 0 … length − 1 at the border: −1 becomes 0, −2 becomes 1."""
    places = np.where(places < 0, -1 - places, places)
    return np.where(places >= length, 2 * length - 1 - places, places)


def _offset(filters: Array, boundary: Boundary) -> Array:
    """S applied to an image of zeros between the values outside."""
    height, width, points = filters.shape
    if not is_prescribed(boundary):
        return np.zeros(height * width)
    frame = reach(points)
    padded = ops.convert_to_numpy(pad(ops.zeros((1, height, width, 1), "float64"), boundary, frame))[0, ..., 0]
    shifted = [padded[frame + r : frame + r + height, frame + c : frame + c + width] for r, c in OFFSETS[:points]]
    return (filters * np.stack(shifted, axis=-1)).sum(axis=-1).ravel()
