"""AOS, FED and RKL2 against SciPy, and what they promise: stability at every time step, and their orders."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.linalg import solve_banded

import diffnet_tf as dn
from diffnet_tf.base import backend
from diffnet_tf.physics import diffusion, long_times, stencil
from tests import oracle
from tests.conftest import BACKEND, mostly_slow, slow, slow_on_jax

LONG = ("aos", "fed", "rkl2")


def image(shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("method", LONG)
@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
@pytest.mark.parametrize(
    ("shape", "dt", "name"), slow_on_jax([((8, 13), 3.0, "perona_malik_1"), ((3, 4), 0.4, "regularised_tv")])
)
def test_agrees_with_eigenvalues_of_sparse_matrices(float64, shape, dt, name, boundary, method):
    settings = {"steps": 2, "dt": dt, "contrast": 0.2, "diffusivity": name, "boundary": boundary, "method": method}
    u = image(shape)
    expected = oracle.nonlinear(u, **settings)
    np.testing.assert_allclose(numpy(diffusion.nonlinear(u, **settings)), expected, atol=1e-12)
    single = diffusion.nonlinear(u.astype("float32"), **settings)
    assert keras.backend.standardize_dtype(single.dtype) == "float32"
    np.testing.assert_allclose(numpy(single), expected, atol=2e-6)


@pytest.mark.parametrize("dt", [0.1, 30.0, 1e5])
@pytest.mark.parametrize("n", [1, 2, 9, 40])
def test_cyclic_reduction_is_scipys_banded_solver(float64, rng, n, dt):
    """Also where a pixel exchanges next to nothing with its neighbours."""
    gamma, right = rng.random((2, 3, n)) ** 4, rng.standard_normal((3, n))
    gamma = gamma[0]
    result = long_times._solve_along(
        *(right[None, ..., None], 2, dt), ops.convert_to_tensor(gamma[None, ..., None]), "neumann", 1.0
    )
    for row, values, solved in zip(right, gamma, numpy(result)[0, ..., 0]):
        weights = dt * (values[1:] + values[:-1]) / 2
        bands = np.ones((3, n))
        bands[1, :-1] += weights
        bands[1, 1:] += weights
        bands[0, 1:], bands[2, :-1] = -weights, -weights
        np.testing.assert_allclose(solved, solve_banded((1, 1), bands, row), atol=1e-11 * abs(row).max())


@pytest.mark.parametrize("method", LONG)
def test_any_time_step_is_stable_and_keeps_the_mean(float64, method):
    u = np.round(image((16, 12)))
    for dt in (0.01, 1.0, 100.0):
        v = u
        for _ in range(3):
            w = numpy(diffusion.perona_malik(v, 1, dt, 0.2, method=method))
            np.testing.assert_allclose(w.mean(), u.mean(), atol=1e-13)
            assert w.var() < v.var()
            v = w
        if method == "aos":
            assert v.min() >= 0 and v.max() <= 1


def test_aos_treats_both_axes_alike(float64):
    u = image((9, 7))
    options = {"steps": 2, "dt": 3.0, "method": "aos", "scheme": "symmetric"}
    np.testing.assert_allclose(
        numpy(diffusion.perona_malik(u.T, **options)), numpy(diffusion.perona_malik(u, **options)).T, atol=1e-14
    )


def smooth():
    """An image that the grid resolves, so that the asymptotic orders show at moderate time steps."""
    x, y = np.meshgrid(np.arange(12) / 12, np.arange(10) / 10)
    return np.sin(2 * np.pi * x) * np.cos(3 * y) + 0.3 * np.cos(5 * x * y)


@pytest.mark.parametrize(("method", "order"), mostly_slow([("aos", 1), ("fed", 1), ("rkl2", 2)], ("rkl2", 2)))
def test_order_in_dt(float64, method, order):
    u, time = smooth(), 4.0
    reference = oracle.nonlinear(u, 64, time / 64, 0.5, "perona_malik_1", "neumann", "rkl2")
    counts = np.array([2, 4, 8, 16] if order == 1 else [4, 8, 16])
    errors = [
        np.abs(numpy(diffusion.perona_malik(u, n, time / n, 0.5, method=method)) - reference).max() for n in counts
    ]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert order - 0.25 < slope < order + 0.5, errors


def test_evaluations_of_the_diffusivity():
    calls = []

    def gamma(s2, contrast):
        calls.append(1)
        return 1 / (1 + s2 / contrast**2)

    counting = dn.diffusivity.Diffusivity("counting", gamma, lambda contrast: 1.0)
    for method, each in {"explicit": 1, "implicit": 1, "aos": 1, "fed": 1, "rkl2": 2}.items():
        calls.clear()
        diffusion.nonlinear(image((5, 5)), 3, 0.2, 0.2, counting, method=method)
        assert len(calls) == 3 * each


@slow
def test_a_fifth_of_the_evaluations_of_explicit_steps_gives_no_larger_error_in_the_median(float64, photographs):
    """T = 20 on photographs, against explicit steps of 0.01."""
    u = photographs[[0, 1, 3, 4, 5], 16:64, 16:64].astype("float64")
    step = backend.compiled(lambda u: diffusion.perona_malik(u, 20, 0.01), fused=True)
    reference = ops.convert_to_tensor(u)
    for _ in range(100):
        reference = step(reference)
    explicit = diffusion.perona_malik(u, 200, 0.1)
    faster = diffusion.perona_malik(u, 20, 1.0, method="rkl2")  # 40 evaluations
    errors = [np.sqrt(((numpy(v) - numpy(reference)) ** 2).mean(axis=(1, 2, 3))) for v in (explicit, faster)]
    assert np.median(errors[1] / errors[0]) < 1 and errors[0].min() > 1e-6, errors


@pytest.mark.parametrize("method", LONG)
def test_compiled_is_the_same_and_derivatives_are_those_of_finite_differences(float64, rng, method):
    u, direction = image((2, 7, 8, 1)), rng.standard_normal((2, 7, 8, 1))

    def diffused(v):
        return diffusion.perona_malik(v, 2, 2.0, method=method, scheme="symmetric")

    def total(v):
        return ops.sum(diffused(v) ** 2)

    fused = backend.compiled(diffused, fused=True)(ops.convert_to_tensor(u))
    np.testing.assert_allclose(numpy(fused), numpy(diffused(u)), atol=1e-12)
    if BACKEND == "jax":
        import jax

        slope = numpy(jax.grad(total)(ops.convert_to_tensor(u)))
    elif BACKEND == "tensorflow":
        import tensorflow as tf

        given = tf.constant(u)
        with tf.GradientTape() as tape:
            tape.watch(given)
            value = total(given)
        slope = numpy(tape.gradient(value, given))
    else:
        pytest.skip("no derivative by this backend here")
    h = 1e-5
    expected = float(total(u + h * direction) - total(u - h * direction)) / (2 * h)
    np.testing.assert_allclose((slope * direction).sum(), expected, rtol=1e-6)
