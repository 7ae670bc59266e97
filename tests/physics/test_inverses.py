"""Classical inverses: the derivative and the solver against independent ones, and the laws of each method."""

import numpy as np
import pytest
from keras import ops
from scipy import ndimage, optimize

import diffnet_tf as dn
from diffnet_tf.base import backend
from diffnet_tf.evaluation import classical
from diffnet_tf.physics import diffusion, inverses, stencil
from tests import oracle
from tests.conftest import slow

SETTINGS = {"steps": 3, "dt": 0.1, "contrast": 0.2}


def image(shape=(4, 5), seed=0):
    return np.random.default_rng(seed).random(shape)


def batch(array):
    return ops.convert_to_tensor(array[None, :, :, None])


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def smooth(shape, seed=0):
    """An image like a photograph: what diffusion leaves of noise, with an edge."""
    u = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.0)
    u[:, shape[1] // 2 :] += 0.5
    return u


# ---- The derivative, and linear equations ----------------------------------------------------------------------------


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
def test_the_derivative_is_that_of_the_sparse_matrix_scheme(float64, boundary):
    """All columns of the Jacobian, against central differences of the independent implementation."""
    u, h = image(), 1e-5

    def scheme(v):
        return oracle.nonlinear(v, **SETTINGS, diffusivity="perona_malik_1", boundary=boundary, method="explicit")

    value, product = inverses.linearise(batch(u), boundary=boundary, **SETTINGS)
    np.testing.assert_allclose(numpy(value)[0, ..., 0], scheme(u), atol=1e-12)
    directions = np.eye(u.size).reshape(u.size, *u.shape)
    expected = [(scheme(u + h * d) - scheme(u - h * d)) / (2 * h) for d in directions]
    found = [numpy(product(batch(d)))[0, ..., 0] for d in directions]
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_the_solver_agrees_with_numpy(float64):
    """An unsymmetric matrix, another right-hand side in every image of a batch, one of them 0."""
    rng = np.random.default_rng(0)
    matrix = np.eye(20) + 0.1 * rng.standard_normal((20, 20))
    right = rng.standard_normal((3, 4, 5, 1)) * np.reshape([1.0, 0.0, 1e-3], (3, 1, 1, 1))
    product = ops.convert_to_tensor(matrix.T)

    def apply(v):
        return ops.reshape(ops.matmul(ops.reshape(v, (3, 20)), product), (3, 4, 5, 1))

    found = numpy(inverses.solve(apply, ops.convert_to_tensor(right), 40))
    expected = np.linalg.solve(matrix, right.reshape(3, 20).T).T.reshape(right.shape)
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, atol=1e-6 * np.abs(other).max())
    assert not found[1].any()


# ---- Inverses --------------------------------------------------------------------------------------------------------


@slow
def test_newton_converges_quadratically(float64):
    """Once near, every step doubles the number of digits: ‖e⁺‖ ≤ C ‖e‖²."""
    original = batch(smooth((12, 13)))
    diffused = diffusion.perona_malik(original)
    step = backend.compiled(lambda y: [inverses.newton_inverse(y, n, inner=30) for n in range(2, 8)])
    found = [numpy(u) for u in step(diffused)]
    errors = [float(np.abs(u - numpy(original)).max()) for u in found]
    assert errors[-1] < 1e-10
    near = [(e, after) for e, after in zip(errors, errors[1:]) if 1e-5 < e < 3e-2]
    assert len(near) >= 2 and all(after < 30 * e**2 for e, after in near), errors


@pytest.mark.slow
def test_without_noise_the_known_scheme_is_undone_nearly_exactly(photographs, monkeypatch):
    """In float32: Newton and step by step end at rounding, far beyond 200 iterations of the plain fixed point."""
    monkeypatch.setattr(classical, "BATCH", 2)
    crops = photographs[:2, 24:72, 24:72]
    diffused = numpy(diffusion.perona_malik(crops))
    whole = classical.methods(0.0)
    psnr = {
        name: np.min(dn.metrics.psnr(crops, classical.restored(m, diffused, m.combinations()[0])))
        for name, m in whole.items()
        if m.knows_diffusion
    }
    assert psnr["newton"] > 100 and psnr["stepwise"] > 100
    assert 50 < psnr["fixed_point"] < 90


def test_lavrentiev_solves_its_equation(float64):
    """PM(u) + α(u − y) = y, against SciPy's root finder on the independent implementation."""
    y, alpha = smooth((5, 4), 3), 0.3
    noisy = y + 0.02 * np.random.default_rng(1).standard_normal(y.shape)

    def residual(v):
        u = v.reshape(y.shape)
        diffused = oracle.nonlinear(u, 4, 0.1, 0.2, "perona_malik_1", "neumann", "explicit")
        return (diffused + alpha * (u - noisy) - noisy).ravel()

    expected = optimize.root(residual, noisy.ravel(), tol=1e-12).x.reshape(y.shape)
    newton = backend.compiled(lambda y, alpha: inverses.newton_inverse(y, 8, 20, alpha))
    found = newton(noisy, np.asarray(alpha))
    assert found.shape == noisy.shape
    np.testing.assert_allclose(numpy(found), expected, atol=1e-8)
    stiff = newton(noisy, np.asarray(1e6))
    np.testing.assert_allclose(numpy(stiff), noisy, atol=1e-5)


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
def test_step_by_step_undoes_every_step(float64, boundary):
    u = smooth((9, 8))
    diffused = diffusion.perona_malik(u, boundary=boundary)
    inverse = backend.compiled(lambda y: inverses.stepwise_inverse(y, 150, boundary=boundary))
    np.testing.assert_allclose(numpy(inverse(diffused)), u, atol=1e-10)
    one = inverses.stepwise_inverse(diffused, 7, steps=1)
    np.testing.assert_array_equal(numpy(one), numpy(diffusion.fixed_point_inverse(diffused, 7, steps=1)))


def test_plug_and_play_with_nothing_plugged_in_is_the_fixed_point(float64):
    y = image((6, 7))[None, ..., None]
    found = inverses.plug_and_play(y, lambda u: u, 5)
    np.testing.assert_allclose(found, numpy(diffusion.fixed_point_inverse(y, 5)), atol=1e-13)
    half = inverses.plug_and_play(y, lambda u: 0.5 * u, 2)
    again = inverses.plug_and_play(y, lambda u: 0.5 * u, 1, start=inverses.plug_and_play(y, lambda u: 0.5 * u, 1))
    np.testing.assert_allclose(half, again, atol=1e-13)
    np.testing.assert_allclose(
        inverses.plug_and_play(y, lambda u: 0.5 * u, 1), 0.5 * numpy(diffusion.fixed_point_inverse(y, 1)), atol=1e-13
    )


def test_the_diffusion_can_be_given_by_place(float64):
    """steps, dt, contrast and boundary, in the order of `perona_malik`; what the other places mean stays."""
    y, scheme = image((6, 7)), {"steps": 2, "dt": 0.05, "contrast": 0.3, "boundary": "dirichlet"}
    for function, arguments in (
        (inverses.stepwise_inverse, (y, 3)),
        (inverses.newton_inverse, (y, 2, 4, 0.1)),
        (inverses.plug_and_play, (y, lambda u: 0.5 * u, 2)),
    ):
        named = numpy(function(*arguments, **scheme))
        np.testing.assert_array_equal(numpy(function(*arguments, *scheme.values())), named)
        assert np.abs(named - numpy(function(*arguments))).max() > 1e-3


def test_what_is_refused():
    y = image().astype("float32")
    with pytest.raises(ValueError, match="alpha=-1"):
        inverses.newton_inverse(y, alpha=-1)
    with pytest.raises(ValueError, match="iterations=-1"):
        inverses.plug_and_play(y, lambda u: u, -1)
    with pytest.raises(TypeError, match="u has dtype|expected floating point"):
        inverses.newton_inverse(np.ones((4, 4), "uint8"))
    for arguments in ({"boundary": "neuman"}, {"dt": 0.3}, {"contrast": -1}, {"steps": -3}):
        (name,) = arguments
        for function in (inverses.newton_inverse, inverses.stepwise_inverse):
            with pytest.raises(ValueError, match=name):
                function(y, **arguments)


# ---- What is not told the diffusion ----------------------------------------------------------------------------------


def test_the_unsharp_mask_adds_what_a_gaussian_takes():
    u = image((20, 21))
    expected = u + 1.5 * (u - ndimage.gaussian_filter(u, 0.8, mode="reflect", truncate=4))
    found = classical.unsharp_mask(u[None, ..., None], 0.8, 1.5)
    inside = (slice(5, -5), slice(5, -5))
    np.testing.assert_allclose(found[0, ..., 0][inside], expected[inside], atol=1e-3)
    assert found.max() > 1.05  # nothing is clipped


def test_wiener_finds_a_linear_filter_and_is_the_best_one():
    """Diffusion with γ = 1 is a filter in the cosine basis: undone exactly. With noise no other factor does better."""
    rng = np.random.default_rng(0)
    x = rng.random((6, 8, 9, 1))
    y = numpy(diffusion.isotropic(x, 0.3, 2))
    np.testing.assert_allclose(classical.Wiener(y, x)(y), x, atol=1e-9)
    noisy = y + 0.1 * rng.standard_normal(y.shape)
    wiener = classical.Wiener(noisy, x)
    best = np.mean((wiener(noisy) - x) ** 2)
    for _ in range(5):
        other = classical.Wiener(noisy, x)
        other.factors = wiener.factors + 0.05 * rng.standard_normal(wiener.factors.shape)
        assert np.mean((other(noisy) - x) ** 2) > best
    with pytest.raises(ValueError, match="images"):
        wiener(np.ones((1, 4, 4, 1)))


def test_parameters_are_those_that_did_best():
    def results(inputs, factor):
        u = inputs
        while True:
            u = u * factor
            yield u

    method = classical.Method("scaled", results, {"factor": (0.5, 2.0, 3.0)}, most=4)
    inputs = np.full((2, 3, 3, 1), 0.1, "float32")
    choice, tried = classical.tune(method, inputs, 0.39 + 0 * inputs)
    assert choice == {"factor": 2.0, "iterations": 2} and len(tried) == 12
    np.testing.assert_allclose(classical.restored(method, inputs, choice), 0.4, rtol=1e-6)
    once = classical.Method("once", lambda inputs, iterations: iter([inputs * iterations]), {"iterations": (3,)})
    np.testing.assert_allclose(classical.restored(once, inputs, {"iterations": 3}), 0.3, rtol=1e-6)
    assert method.tuned and not once.tuned


def test_batches_are_filled_up_and_cut_again():
    """17 images and one give what each gives alone."""
    images = np.random.default_rng(0).random((17, 6, 6, 1)).astype("float32")
    method = classical.methods(0.01)["fixed_point"]
    whole = classical.restored(method, images, {"iterations": 2})
    alone = numpy(diffusion.fixed_point_inverse(images[16:], 2))
    assert whole.shape == images.shape
    np.testing.assert_allclose(whole[16:], alone, atol=1e-6)


def test_denoisers_remove_noise(photographs):
    clean = photographs[:2]
    noisy = clean + 0.03 * np.random.default_rng(0).standard_normal(clean.shape).astype("float32")
    before = np.mean(dn.metrics.psnr(clean, noisy))
    for strength, denoise in ((0.02, classical.total_variation), (0.03, classical.wavelets)):
        assert np.mean(dn.metrics.psnr(clean, denoise(noisy, strength))) > before + 1
    assert np.mean(dn.metrics.psnr(clean, classical.nonlocal_means(noisy, 0.03))) > before + 1
