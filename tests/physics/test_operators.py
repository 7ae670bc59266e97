"""The update of a layer as a sparse matrix: the networks' own stencils and the known scheme are its oracles."""

import numpy as np
import pytest
from keras import ops
from scipy.sparse.linalg import LinearOperator

import diffnet_tf as dn
from diffnet_tf.physics import diffusion, stencil

SHAPES = [(3, 3), (5, 8), (7, 4), (1, 6), (6, 1)]
DT = 0.15


def random_filters(rng, shape):
    return rng.standard_normal((*shape, 5))


def perona_malik(u, boundary):
    """The filters of one Perona–Malik step from u (height, width)."""
    u = ops.convert_to_tensor(u[None, ..., None])
    gamma = dn.diffusivity.get("perona_malik_1")(diffusion.squared_gradient(u, boundary), 0.2)
    return stencil.from_diffusivity(gamma, boundary)


def from_fluxes(gamma):
    """∇·(γ∇u) without flux through the border, pair of neighbours by pair: −Dᵀ diag(γ at mid-points) D."""
    height, width = gamma.shape
    numbers = np.arange(gamma.size).reshape(gamma.shape)
    pairs = [*zip(numbers[1:].ravel(), numbers[:-1].ravel()), *zip(numbers[:, 1:].ravel(), numbers[:, :-1].ravel())]
    difference = np.zeros((len(pairs), gamma.size))
    for row, (after, before) in enumerate(pairs):
        difference[row, [after, before]] = 1, -1
    at_mid_points = [(gamma.flat[after] + gamma.flat[before]) / 2 for after, before in pairs]
    return -difference.T @ np.diag(at_mid_points) @ difference


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_update_of_a_layer(float64, rng, shape, boundary):
    filters, u = random_filters(rng, shape), rng.standard_normal((3, *shape))
    operator = stencil.operator(filters[None], DT, boundary)
    applied = ops.convert_to_numpy(stencil.apply(u[..., None], filters[None], boundary))[..., 0]
    for image, change in zip(u, applied):
        expected = (image + DT * change).ravel()
        np.testing.assert_allclose(operator.matvec(image.ravel()), expected, atol=1e-12)
        np.testing.assert_allclose(operator.stencil_matrix @ image.ravel(), change.ravel(), atol=1e-12)
    together = operator @ u.reshape(3, -1).T  # several images, a column each
    np.testing.assert_allclose(together, (u + DT * applied).reshape(3, -1).T, atol=1e-12)


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_adjoint(rng, shape, boundary):
    operator = stencil.operator(random_filters(rng, shape), DT, boundary)
    x, y = rng.standard_normal((2, operator.shape[0], 2))
    assert operator.matvec(x[:, 0]) @ y[:, 0] == pytest.approx(x[:, 0] @ operator.rmatvec(y[:, 0]), rel=1e-12)
    np.testing.assert_allclose((operator @ x).T @ y, x.T @ (operator.H @ y), atol=1e-12)
    np.testing.assert_allclose(operator.H.matvec(y[:, 0]), operator.matrix.toarray().T @ y[:, 0], atol=1e-12)


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])  # periodic neighbours are across the image
@pytest.mark.parametrize("shape", SHAPES)
def test_all_non_zeros_lie_on_the_sub_diagonals_of_the_neighbourhood(rng, shape, boundary):
    """Definition 2.7, and of neighbours only: the last pixel of a row is no neighbour of the first of the next."""
    operator = stencil.operator(random_filters(rng, shape), DT, boundary)
    for matrix in (operator.matrix, operator.stencil_matrix):
        entries = matrix.tocoo()
        assert set(entries.col - entries.row) <= {0, 1, -1, shape[1], -shape[1]}
        (r, c), (s, d) = np.unravel_index(entries.row, shape), np.unravel_index(entries.col, shape)
        assert (abs(r - s) + abs(c - d) <= 1).all()
        height, width = shape
        assert matrix.nnz == height * width + 2 * ((height - 1) * width + height * (width - 1))


def test_perona_malik_is_the_known_scheme(float64, rng):
    u = rng.random((7, 6))
    operator = stencil.operator(perona_malik(u, "neumann"), 0.1)
    step = ops.convert_to_numpy(diffusion.perona_malik(u, steps=1, dt=0.1, contrast=0.2))
    np.testing.assert_allclose((operator @ u.ravel()).reshape(u.shape), step, atol=1e-12)
    gradient = np.zeros_like(u)
    gradient[1:] += (u[1:] - u[:-1]) ** 2
    gradient[:, 1:] += (u[:, 1:] - u[:, :-1]) ** 2
    s = operator.stencil_matrix.toarray()
    np.testing.assert_allclose(s, from_fluxes(1 / (1 + gradient / 0.04)), atol=1e-12)
    np.testing.assert_array_equal(s, s.T)
    np.testing.assert_allclose(s.sum(axis=1), 0, atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(s)
    assert -8 <= eigenvalues[0] < -1 and abs(eigenvalues[-1]) < 1e-12 and eigenvalues[-2] < -1e-3


def test_perona_malik_between_zeros(float64, rng):
    """Dirichlet: symmetric, and all eigenvalues below zero, since flux leaves through the border."""
    u = rng.random((5, 7))
    operator = stencil.operator(perona_malik(u, "dirichlet"), 0.1, "dirichlet")
    step = ops.convert_to_numpy(diffusion.perona_malik(u, steps=1, boundary="dirichlet"))
    np.testing.assert_allclose((operator @ u.ravel()).reshape(u.shape), step, atol=1e-12)
    s = operator.stencil_matrix.toarray()
    np.testing.assert_array_equal(s, s.T)
    assert np.linalg.eigvalsh(s)[-1] < -1e-3


def test_it_is_an_operator_of_scipy_in_float64(rng):
    filters = random_filters(rng, (4, 5)).astype("float32")
    operator = stencil.operator(ops.convert_to_tensor(filters), np.float32(0.25))
    assert isinstance(operator, LinearOperator) and isinstance(operator, dn.stencil.StencilOperator)
    assert operator.dtype == operator.matrix.dtype == operator.filters.dtype == np.float64
    assert (operator.shape, operator.image_shape, operator.dt) == ((20, 20), (4, 5), 0.25)
    twice = operator @ operator  # what SciPy makes of operators
    np.testing.assert_allclose(twice @ np.ones(20), operator.matrix @ (operator.matrix @ np.ones(20)))


@pytest.mark.parametrize(
    ("filters", "dt", "boundary", "message"),
    [
        (np.zeros((2, 4, 4, 5)), 0.1, "neumann", r"filters have shape \(2, 4, 4, 5\); expected those of one image"),
        (np.zeros((4, 4, 4)), 0.1, "neumann", r"filters have shape \(4, 4, 4\); expected those of one image"),
        (np.zeros((0, 4, 5)), 0.1, "neumann", r"filters have shape \(0, 4, 5\)"),
        (np.full((4, 4, 5), np.nan), 0.1, "neumann", r"filters hold 80 value\(s\) that are NaN or infinite"),
        (np.zeros((4, 4, 5)), np.inf, "neumann", r"dt=inf; expected a finite number"),
        (np.zeros((4, 4, 5)), 0.1, "wrap", r"boundary='wrap'; expected one of 'neumann', 'dirichlet'"),
    ],
)
def test_wrong_arguments_are_refused(filters, dt, boundary, message):
    with pytest.raises(ValueError, match=message):
        stencil.operator(filters, dt, boundary)
