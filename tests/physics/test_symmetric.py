"""The symmetric scheme of nonlinear diffusion: equivariance, and what it shares with the one-sided one."""

import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from diffnet_tf.physics import diffusion, stencil
from tests import oracle
from tests.conftest import mostly_slow

DT = {"explicit": 0.2, "implicit": 2.0, "aos": 2.0, "fed": 2.0, "rkl2": 2.0}
SYMMETRIES = [lambda u, k=k, flip=flip: np.rot90(u[::-1] if flip else u, k) for k in range(4) for flip in (False, True)]


def image(shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def asymmetry(function, u):
    """The largest difference between transforming before and after, over flips and rotations by 90°."""
    result = numpy(function(u))
    return max(np.abs(numpy(function(g(u).copy())) - g(result)).max() for g in SYMMETRIES)


@pytest.mark.parametrize("boundary", [*stencil.BOUNDARIES, 0.5])
@pytest.mark.parametrize("method", mostly_slow(diffusion.METHODS, "explicit", "aos"))
def test_only_the_symmetric_scheme_commutes_with_flips_and_rotations(method, boundary):
    u = image((9, 12)).astype("float32")

    def diffused(scheme):
        return lambda u: diffusion.perona_malik(u, 4, DT[method], 0.2, boundary, method, scheme)

    assert asymmetry(diffused("symmetric"), u) < 1e-6
    assert asymmetry(diffused("one-sided"), u) > 1e-3


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
@pytest.mark.parametrize("method", mostly_slow(diffusion.METHODS, "explicit", "aos"))
def test_agrees_with_sparse_matrices(float64, method, boundary):
    u = image((7, 10))
    expected = oracle.nonlinear(u, 2, DT[method], 0.2, "weickert", boundary, method, "symmetric")
    result = diffusion.nonlinear(u, 2, DT[method], 0.2, "weickert", boundary, method, scheme="symmetric")
    np.testing.assert_allclose(numpy(result), expected, atol=1e-12)


def test_mean_is_kept_and_gray_values_stay_between_their_extremes(float64):
    u = np.round(image((15, 11)))
    v = u
    for _ in range(5):
        w = numpy(diffusion.perona_malik(v, 1, 0.25, 0.2, scheme="symmetric"))
        np.testing.assert_allclose(w.mean(), u.mean(), atol=1e-14)
        assert w.min() >= v.min() - 1e-14 and w.max() <= v.max() + 1e-14
        v = w
    with pytest.raises(ValueError, match=r"dt=0\.26 breaks the stability bound"):
        diffusion.perona_malik(u, dt=0.26, scheme="symmetric")


def test_symmetric_is_consistent_at_second_order_and_one_sided_at_first(float64):
    """∇·(γ∇u) of u = sin(x + 2y)/2 against its derivative by hand, on finer and finer periodic grids."""
    errors = {scheme: [] for scheme in diffusion.SCHEMES}
    for n in (32, 64, 128):
        h = 2 * np.pi / n
        x, y = np.meshgrid(h * np.arange(n), h * np.arange(n))
        s = 1.25 * np.cos(x + 2 * y) ** 2  # |∇u|²
        gamma, slope = 1 / (1 + s), -1 / (1 + s) ** 2
        flux = -2.5 * np.sin(x + 2 * y) * gamma  # γ Δu
        exact = flux + slope * (-2.5 * np.cos(x + 2 * y) * np.sin(x + 2 * y)) * 2.5 * np.cos(x + 2 * y)
        u = ops.convert_to_tensor((np.sin(x + 2 * y) / 2)[None, :, :, None])
        for scheme, found in errors.items():
            values = 1 / (1 + diffusion.squared_gradient(u, "periodic", scheme) / h**2)
            result = numpy(diffusion.divergence(u, values, "periodic"))[0, ..., 0] / h**2
            found.append(np.abs(result - exact).max())
    orders = {scheme: -np.diff(np.log2(found)) for scheme, found in errors.items()}
    assert orders["symmetric"][-1] > 1.9 and (orders["one-sided"] < 1.2).all(), errors


def test_it_sees_the_checkerboard():
    """Central differences would not: they vanish there, so that γ would be 1."""
    board = (-1.0) ** np.add.outer(np.arange(6), np.arange(6))
    squares = numpy(diffusion.squared_gradient(board[None, :, :, None], "periodic", "symmetric"))
    np.testing.assert_allclose(squares, 8.0)


def test_colours_share_their_edges(float64):
    u = image((1, 6, 7, 3))
    together = numpy(diffusion.vector_valued(u, scheme="symmetric"))
    assert asymmetry(lambda v: diffusion.vector_valued(v[None], scheme="symmetric")[0], u[0]) < 1e-14
    alone = numpy(diffusion.perona_malik(u[..., :1], scheme="symmetric"))
    assert np.abs(together[..., :1] - alone).max() > 1e-3
    regularised = numpy(diffusion.vector_valued(np.repeat(u[..., :1], 2, -1) / np.sqrt(2), sigma=1.0))
    expected = numpy(diffusion.perona_malik(u[..., :1], sigma=1.0)) / np.sqrt(2)
    np.testing.assert_allclose(regularised, np.repeat(expected, 2, -1), atol=1e-13)


def test_pairs_of_a_training_can_use_it():
    def degrade(u):
        return dn.diffusion.perona_malik(u, scheme="symmetric")

    inputs, targets = dn.data.paired_arrays("skimage", split="test", limit=2, degrade=degrade)
    np.testing.assert_allclose(inputs, numpy(degrade(targets)), atol=1e-6)
    assert np.abs(inputs - numpy(dn.diffusion.perona_malik(targets))).max() > 1e-3


@pytest.mark.parametrize("sigma", [0.7, 1.5])
def test_regularised_diffusivity_is_that_of_the_smoothed_image(float64, sigma):
    """γ(|∇u_σ|), with u_σ by the heat equation up to σ²/2."""
    u = image((8, 9))
    smooth = diffusion.isotropic(u, sigma**2 / 2, 1, "fourier")
    gamma = dn.diffusivity.get("perona_malik_1")(diffusion.squared_gradient(smooth[None, :, :, None]), 0.2)
    expected = numpy(diffusion.explicit_step(u[None, :, :, None], 0.2, gamma))[0, ..., 0]
    np.testing.assert_allclose(numpy(diffusion.perona_malik(u, 1, 0.2, sigma=sigma)), expected, atol=1e-13)
