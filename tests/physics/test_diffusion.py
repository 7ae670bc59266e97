"""Diffusion against an independent implementation, and the laws that it obeys."""

import keras
import numpy as np
import pytest
from keras import ops

from diffnet_tf.physics import diffusion, diffusivity, stencil
from tests import oracle
from tests.conftest import mostly_slow, slow_on_jax

SHAPES = [(3, 3), (9, 9), (8, 13)]
SHORT = ("explicit", "implicit")  # the others: test_long_times.py
# An explicit step below each bound, and an implicit one: for regularised TV the bound is ε/4.
STEPS = {"regularised_tv": 0.02}


def image(shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def batch(array):
    return ops.convert_to_tensor(array[None, :, :, None])


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("method", SHORT)
@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
@pytest.mark.parametrize("name", diffusivity.DIFFUSIVITIES)
@pytest.mark.parametrize(("shape",), slow_on_jax([(shape,) for shape in SHAPES], (SHAPES[-1],)))
def test_nonlinear_agrees_with_sparse_matrices(float64, shape, name, boundary, method):
    dt = 0.25 if method == "implicit" else STEPS.get(name, 0.2)
    settings = {"steps": 2, "dt": dt, "contrast": 0.2, "diffusivity": name, "boundary": boundary, "method": method}
    u = image(shape)
    expected = oracle.nonlinear(u, **settings)
    result = diffusion.nonlinear(u, **settings)
    assert keras.backend.standardize_dtype(result.dtype) == "float64"
    np.testing.assert_allclose(numpy(result), expected, atol=1e-12, rtol=0)
    single = diffusion.nonlinear(u.astype("float32"), **settings)
    assert keras.backend.standardize_dtype(single.dtype) == "float32"
    np.testing.assert_allclose(numpy(single), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", SHORT)
@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
@pytest.mark.parametrize(("shape",), slow_on_jax([(shape,) for shape in SHAPES], (SHAPES[-1],)))
def test_isotropic_agrees_with_sparse_matrices(float64, shape, boundary, method):
    u = image(shape)
    expected = oracle.isotropic(u, 1.0, 5, boundary, method)
    result = diffusion.isotropic(u, 1.0, 5, method, boundary)
    np.testing.assert_allclose(numpy(result), expected, atol=1e-12, rtol=0)
    single = diffusion.isotropic(u.astype("float32"), 1.0, 5, method, boundary)
    np.testing.assert_allclose(numpy(single), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
def test_fourier_is_the_limit_of_fine_grids(float64, boundary):
    """The exact heat semigroup: refined explicit diffusion of one smooth image converges to it at second order in h."""
    errors = []
    for n in (8, 16, 24):
        # Where the first pixel lies, and the width of the domain, in pixels; a period is two half waves.
        first, width, wave = {
            "neumann": (0.5, n, np.cos),
            "dirichlet": (1.0, n + 1, np.sin),
            "periodic": (0.0, n / 2, np.sin),
        }[boundary]
        x = (np.arange(n) + first) / width * np.pi
        u = wave(x)[:, None] * wave(2 * x)[None, :]
        time = 0.01 * width**2
        fine = diffusion.isotropic(u, time, n**2, "explicit", boundary)
        exact = diffusion.isotropic(u, time, 1, "fourier", boundary)
        errors.append(np.abs(numpy(fine) - numpy(exact)).max())
    orders = np.log(np.array(errors[:-1]) / errors[1:]) / np.log([2, 1.5])
    assert (orders > 1.7).all(), (errors, orders)


def test_fourier_is_a_semigroup_and_conserves_the_mean(float64):
    u = image((7, 12))
    twice = diffusion.isotropic(diffusion.isotropic(u, 0.3, 1, "fourier"), 0.7, 1, "fourier")
    once = numpy(diffusion.isotropic(u, 1.0, 1, "fourier"))
    np.testing.assert_allclose(numpy(twice), once, atol=1e-13)
    np.testing.assert_allclose(once.mean(), u.mean(), atol=1e-14)


def test_fourier_is_convolution_with_the_gaussian_of_variance_2t(float64):
    """Eq. (2.3), far from the boundary, against SciPy's Gaussian filter."""
    from scipy.ndimage import gaussian_filter

    u = np.zeros((41, 41))
    u[15:26, 15:26] = image((11, 11))
    u = gaussian_filter(u, 1.5)  # resolved by the grid, so that sampling the Gaussian is exact
    expected = gaussian_filter(u, np.sqrt(2 * 2.0), truncate=9)
    np.testing.assert_allclose(numpy(diffusion.isotropic(u, 2.0, 1, "fourier")), expected, atol=1e-8)


@pytest.mark.parametrize("method", diffusion.METHODS)
@pytest.mark.parametrize("name", slow_on_jax(diffusivity.DIFFUSIVITIES, "charbonnier"))
def test_mass_is_conserved_under_neumann_only(float64, name, method):
    u = image((9, 7))
    dt = STEPS.get(name, 0.2)
    kept = diffusion.nonlinear(u, 3, dt, 0.2, name, "neumann", method)
    np.testing.assert_allclose(numpy(kept).sum(), u.sum(), rtol=1e-13)
    lost = diffusion.nonlinear(u, 3, dt, 0.2, name, "dirichlet", method)
    assert numpy(lost).sum() < 0.999 * u.sum()


@pytest.mark.parametrize("name", diffusivity.DIFFUSIVITIES)
def test_maximum_principle_at_the_stability_bound(float64, name):
    u = np.round(image((15, 15), 3))  # zeros and ones: the steepest image there is
    bound = diffusivity.get(name).stability_bound(0.2)
    for _ in range(5):
        v = numpy(diffusion.nonlinear(u, 1, bound, 0.2, name))
        assert v.min() >= u.min() - 1e-14
        assert v.max() <= u.max() + 1e-14
        u = v


def test_beyond_the_bound_the_checkerboard_grows(float64):
    """The bound 1/4 is sharp: the step that is refused amplifies the checkerboard, the one at the bound does not."""
    u = 0.5 + 0.5 * (-1.0) ** np.add.outer(np.arange(16), np.arange(16))

    def amplitude(dt):
        v = batch(u)
        for _ in range(20):
            v = diffusion.explicit_step(v, dt)
        return np.abs(numpy(v) - 0.5).max()

    assert amplitude(0.25) <= 0.5 + 1e-12
    assert amplitude(0.27) > 5
    with pytest.raises(ValueError, match=r"dt=0\.27 breaks the stability bound.*0\.25"):
        diffusion.perona_malik(u, dt=0.27)
    assert np.isfinite(numpy(diffusion.perona_malik(u, dt=5.0, method="implicit"))).all()


@pytest.mark.parametrize("name", diffusivity.DIFFUSIVITIES)
def test_each_diffusivity_has_its_own_bound(name):
    d, gradients = diffusivity.get(name), np.linspace(0, 2, 1001) ** 2
    gamma = numpy(d(ops.convert_to_tensor(gradients), 0.3))
    assert np.all(np.diff(gamma) <= 0)
    np.testing.assert_allclose(gamma[0], d.maximum(0.3), rtol=1e-6)
    bound = d.stability_bound(0.3)
    np.testing.assert_allclose(bound, 0.3 / 4 if name == "regularised_tv" else 0.25)
    u = np.zeros((4, 4), "float32")
    diffusion.nonlinear(u, 1, bound, 0.3, name)
    with pytest.raises(ValueError, match=f"{bound:g}"):
        diffusion.nonlinear(u, 1, 1.01 * bound, 0.3, name)


def order(steps, errors):
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


@pytest.mark.parametrize("method", slow_on_jax(SHORT, "explicit"))
def test_first_order_in_dt(float64, method):
    """Against the same grid in time refined: the error at T = 0.4 falls like δt."""
    u = image((10, 10))
    reference = numpy(diffusion.nonlinear(u, 512, 0.4 / 512, 0.2, method="explicit"))
    counts = np.array([4, 8, 16])
    errors = [np.abs(numpy(diffusion.nonlinear(u, n, 0.4 / n, 0.2, method=method)) - reference).max() for n in counts]
    assert 0.9 < order(0.4 / counts, errors) < 1.15


def test_explicit_and_implicit_agree_to_second_order(float64):
    u = batch(image((10, 10)))
    gamma = 1 / (1 + diffusion.squared_gradient(u) / 0.04)
    dts = np.array([0.02, 0.01, 0.005, 0.0025])
    differences = [
        np.abs(numpy(diffusion.explicit_step(u, dt, gamma) - diffusion.implicit_step(u, dt, gamma))).max() for dt in dts
    ]
    assert 1.9 < order(dts, differences) < 2.05


def test_neumann_series(float64):
    """(Id − δt L)⁻¹ = Σ (δt L)ⁿ while δt ‖L‖ < 1: each term shrinks the error by that factor."""
    u, dt = batch(image((10, 10))), 0.1
    gamma = 1 / (1 + diffusion.squared_gradient(u) / 0.04)
    implicit, term, partial, errors = diffusion.implicit_step(u, dt, gamma), u, u, []
    for _ in range(12):
        term = dt * diffusion.divergence(term, gamma)
        partial = partial + term
        errors.append(np.linalg.norm(numpy(partial - implicit)))
    assert np.all(np.array(errors[1:]) < 0.8 * np.array(errors[:-1]))
    assert errors[-1] < 1e-4 * errors[0] + 1e-13


def cosine(n, k):
    return np.cos(np.pi * k * (np.arange(n) + 0.5) / n)[:, None] * np.ones((1, n))


def test_lemma_2_4_one_small_step_is_a_gaussian_convolution(float64):
    """With the Laplacian taken in Fourier space, Id + δt Δ and the Gaussian of variance 2δt differ by O(δt²)."""
    n, k = 32, 7
    u, dts = cosine(n, k), np.array([0.1, 0.05, 0.025, 0.0125])
    spectral = -((np.pi * k / n) ** 2) * u  # Δ of a cosine
    errors = [np.abs(numpy(diffusion.isotropic(u, dt, 1, "fourier")) - (u + dt * spectral)).max() for dt in dts]
    assert 1.95 < order(dts, errors) < 2.02


def test_five_point_step_differs_from_the_gaussian_by_dt_h2(float64):
    dts = np.array([1e-3, 5e-4, 2.5e-4])

    def difference(n, dt):  # one wave on a grid of n pixels: h = 1/n in units of the wave
        u = cosine(n, 2)
        explicit, gaussian = (diffusion.isotropic(u, dt * n**2, 1, m) for m in ("explicit", "fourier"))
        return np.abs(numpy(explicit) - numpy(gaussian)).max()

    in_dt = [difference(12, dt / 144) for dt in dts]
    assert 0.95 < order(dts, in_dt) < 1.1
    sizes = np.array([16, 32, 64])
    in_h = [difference(n, 1e-8) for n in sizes]
    assert 1.9 < order(1 / sizes, in_h) < 2.05


@pytest.mark.parametrize("boundary", mostly_slow(stencil.BOUNDARIES, "neumann"))
def test_fixed_point_inverse_undoes_perona_malik(float64, photographs, boundary):
    u = photographs[:1, 20:36, 30:46].astype("float64")
    y = diffusion.perona_malik(u, boundary=boundary)
    errors = []
    v = y
    for _ in range(3):
        errors.append(np.abs(numpy(v) - u).max())
        v = diffusion.fixed_point_inverse(y, 40, boundary=boundary, start=v)
    errors.append(np.abs(numpy(v) - u).max())
    assert errors[-1] < 0.1 * errors[0]
    assert np.all(np.diff(errors) < 0)
    # Going on from a result is the same as not having stopped.
    np.testing.assert_allclose(numpy(diffusion.fixed_point_inverse(y, 120, boundary=boundary)), numpy(v), atol=1e-14)


def test_a_single_image_is_the_same_as_a_batch():
    u = image((6, 9)).astype("float32")
    for function in (
        diffusion.perona_malik,
        lambda v: diffusion.isotropic(v, 0.5, 4),
        lambda v: diffusion.fixed_point_inverse(v, 3),
    ):
        single = numpy(function(u))
        assert single.shape == (6, 9)
        np.testing.assert_array_equal(single, numpy(function(u[None, :, :, None]))[0, :, :, 0])


def test_a_single_image_of_several_channels_is_the_same_as_a_batch():
    u = np.stack([image((6, 9), k) for k in range(4)], axis=-1).astype("float32")
    single = numpy(diffusion.vector_valued(u))
    np.testing.assert_array_equal(single, numpy(diffusion.vector_valued(u[None]))[0])
    assert np.abs(single[..., :1] - numpy(diffusion.perona_malik(u[None, ..., :1]))[0]).max() > 1e-3  # one γ for all
    np.testing.assert_array_equal(numpy(diffusion.vector_valued(u[..., 0])), numpy(diffusion.perona_malik(u[..., 0])))
    with pytest.raises(ValueError, match="or one image without the batch axis"):
        diffusion.vector_valued(u[None, None])


def test_images_of_a_batch_do_not_mix():
    u = np.stack([image((8, 8), i) for i in range(3)]).astype("float32")[..., None]
    for method in diffusion.METHODS:
        together = numpy(diffusion.perona_malik(u, method=method))
        alone = np.concatenate([numpy(diffusion.perona_malik(u[i : i + 1], method=method)) for i in range(3)])
        np.testing.assert_allclose(together, alone, atol=1e-6)


def test_black_and_constant_images_stay():
    for value in (0.0, 0.7):
        u = np.full((1, 5, 5, 1), value, "float32")
        for method in diffusion.METHODS:
            np.testing.assert_allclose(numpy(diffusion.perona_malik(u, method=method)), u, atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dt": 0.0}, "dt=0.0; expected a finite number above 0"),
        ({"dt": float("nan")}, "dt=nan"),
        ({"contrast": -0.2}, "contrast=-0.2"),
        ({"steps": -1}, "steps=-1; expected a whole number of at least 0"),
        ({"boundary": "wrap"}, "boundary='wrap'; expected one of 'neumann', 'dirichlet', 'periodic'"),
        ({"scheme": "central"}, "scheme='central'; expected one of 'one-sided', 'symmetric'"),
        ({"sigma": -1.0}, "sigma=-1.0; expected a finite number of at least 0"),
        ({"method": "magic"}, "method='magic'; expected one of 'explicit', 'implicit'"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        diffusion.perona_malik(np.zeros((4, 4), "float32"), **arguments)


@pytest.mark.parametrize(
    ("u", "error", "message"),
    [
        (np.zeros((4, 4), "uint8"), TypeError, "dtype uint8.*Divide 8-bit images by 255"),
        (np.full((4, 4), np.nan), ValueError, r"16 value\(s\) that are NaN or infinite, the first at index \(0, 0\)"),
        (np.linspace(0, 255, 16).reshape(4, 4), ValueError, "u reaches 255 while contrast=0.2.*Divide 8-bit images"),
        (np.zeros((4, 4, 1)), ValueError, r"shape \(4, 4, 1\); expected \(batch, height, width, 1\) or"),
        (np.zeros((2, 1, 8, 8)), ValueError, "channels last"),
    ],
)
def test_bad_images_are_refused(u, error, message):
    with pytest.raises(error, match=message):
        diffusion.perona_malik(u)
