"""Periodic boundaries and prescribed values: laws, and independent solutions."""

import keras
import numpy as np
import pytest
import scipy.sparse as sp
from keras import ops
from scipy.sparse.linalg import spsolve

import diffnet_tf as dn
from diffnet_tf.base import backend
from diffnet_tf.evaluation import locality
from diffnet_tf.physics import diffusion, stencil
from diffnet_tf.restoration import tiles
from tests import oracle
from tests.conftest import mostly_slow, slow

SHAPE = (7, 9)
DT = {"explicit": 0.2, "implicit": 2.0, "aos": 2.0, "fed": 2.0, "rkl2": 2.0}
EVOLUTIONS = {
    **{
        f"{method}, {scheme}": lambda u, b, method=method, scheme=scheme: diffusion.perona_malik(
            u, 2, DT[method], 0.2, b, method, scheme
        )
        for method in diffusion.METHODS
        for scheme in diffusion.SCHEMES
    },
    "regularised": lambda u, b: diffusion.perona_malik(u, 2, 0.2, 0.2, b, sigma=0.8),
    "edge-enhancing": lambda u, b: diffusion.edge_enhancing(u, 2, 0.2, 0.1, 0.7, b),
    "coherence-enhancing": lambda u, b: diffusion.coherence_enhancing(u, 2, 0.2, 0.05, 0.5, 1.0, boundary=b),
    **{
        f"isotropic, {method}": lambda u, b, method=method: diffusion.isotropic(u, 0.4, 2, method, b)
        for method in diffusion.ISOTROPIC_METHODS
    },
}
FEW = (
    "explicit, symmetric",
    "aos, one-sided",
    "fed, symmetric",
    "edge-enhancing",
    "coherence-enhancing",
    "isotropic, fourier",
)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def around(u, rng):
    """An image with a random frame around u."""
    values = rng.random((u.shape[0] + 2, u.shape[1] + 2))
    values[1:-1, 1:-1] = 0.5  # ignored
    return values


# ---- Periodic --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", mostly_slow(EVOLUTIONS, *FEW))
def test_periodic_diffusion_keeps_the_mean_and_commutes_with_circular_shifts(float64, rng, name):
    u, shift = rng.random(SHAPE), (3, -2)
    result = numpy(EVOLUTIONS[name](u, "periodic"))
    np.testing.assert_allclose(result.mean(), u.mean(), atol=1e-14)
    shifted = numpy(EVOLUTIONS[name](np.roll(u, shift, (0, 1)), "periodic"))
    np.testing.assert_allclose(shifted, np.roll(result, shift, (0, 1)), atol=1e-13)
    at_border = numpy(EVOLUTIONS[name](np.roll(u, shift, (0, 1)), "neumann"))
    assert np.abs(at_border - np.roll(numpy(EVOLUTIONS[name](u, "neumann")), shift, (0, 1))).max() > 1e-3


@pytest.mark.parametrize("method", diffusion.ISOTROPIC_METHODS)
def test_periodic_isotropic_diffusion_multiplies_fourier_modes(float64, rng, method):
    u, time, steps = rng.random(SHAPE), 0.8, 4
    ky, kx = np.meshgrid(*(2 * np.pi * np.fft.fftfreq(n) for n in SHAPE), indexing="ij")
    symbol = 2 * np.cos(ky) + 2 * np.cos(kx) - 4
    factor = {
        "explicit": (1 + time / steps * symbol) ** steps,
        "implicit": (1 - time / steps * symbol) ** -steps,
        "fourier": np.exp(-time * (ky**2 + kx**2)),
    }[method]
    expected = np.fft.ifft2(factor * np.fft.fft2(u)).real
    np.testing.assert_allclose(numpy(diffusion.isotropic(u, time, steps, method, "periodic")), expected, atol=1e-12)


def test_a_periodic_network_layer_commutes_with_shifts_where_its_filters_do(rng):
    layer = dn.layers.DiffusionLayer(2, 4, boundary="periodic", points=13)
    u = ops.convert_to_tensor(rng.random((1, 8, 8, 1), "float32"))
    filters, shift = layer.filters(u), (3, -2)
    expected = ops.roll(layer.update(u, filters), shift, (1, 2))
    shifted = layer.update(ops.roll(u, shift, (1, 2)), ops.roll(filters, shift, (1, 2)))
    np.testing.assert_allclose(numpy(shifted), numpy(expected), atol=1e-6)


def test_a_periodic_network_gets_the_whole_image(rng):
    model = dn.models.DiffNet(1, 2, 4, boundary="periodic")
    image = rng.random((20, 30)).astype("float32")
    image[0, 0] = 1.0
    assert tiles.reach(model) is None and tiles.Tiled(model, tile=8).count(image.shape) == 1
    whole = numpy(model(image[None, ..., None]))[0, ..., 0]
    np.testing.assert_allclose(dn.restore(image, model), whole, atol=1e-6)


# ---- Prescribed values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", mostly_slow(diffusion.METHODS, "explicit", "aos", "rkl2"))
@pytest.mark.parametrize("scheme", diffusion.SCHEMES)
def test_prescribed_values_agree_with_sparse_matrices(float64, rng, method, scheme):
    u = rng.random(SHAPE)
    boundary = around(u, rng)
    expected = oracle.nonlinear(u, 2, DT[method], 0.2, "perona_malik_1", boundary, method, scheme)
    result = diffusion.perona_malik(u, 2, DT[method], 0.2, boundary, method, scheme)
    np.testing.assert_allclose(numpy(result), expected, atol=1e-12)


def harmonic(boundary):
    """The image each of whose pixels is the mean of its four neighbours, pixel by pixel."""
    height, width = boundary.shape[0] - 2, boundary.shape[1] - 2
    matrix, right = sp.lil_matrix((height * width,) * 2), np.zeros(height * width)
    for i in range(height):
        for j in range(width):
            matrix[i * width + j, i * width + j] = 4
            for r, c in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if 0 <= r < height and 0 <= c < width:
                    matrix[i * width + j, r * width + c] = -1
                else:
                    right[i * width + j] += boundary[r + 1, c + 1]
    return spsolve(matrix.tocsr(), right).reshape(height, width)


@pytest.mark.parametrize("method", mostly_slow(("implicit", "fed", "rkl2")))
def test_the_steady_state_is_the_discrete_harmonic_function(float64, rng, method):
    u = rng.random((3, 4))
    boundary = around(u, rng)
    # Isotropic diffusion, or a diffusivity that is 1 for all gradients.
    evolve = {
        "implicit": lambda u: diffusion.isotropic(u, 80.0, 4, "implicit", boundary),
        "fed": lambda u: diffusion.nonlinear(u, 30, 2.0, 1e9, "charbonnier", boundary, "fed"),
        "rkl2": lambda u: diffusion.nonlinear(u, 30, 2.0, 1e9, "charbonnier", np.pad(boundary, 1), "rkl2"),
    }[method]
    steady = numpy(backend.compiled(evolve)(ops.convert_to_tensor(u)))
    expected = harmonic(boundary)
    np.testing.assert_allclose(steady, expected, atol=1e-9 if method == "fed" else 1e-5)
    assert np.abs(expected - u).max() > 0.1


@pytest.mark.parametrize("name", mostly_slow(EVOLUTIONS, *FEW))
def test_a_constant_image_stays_between_the_same_values(float64, rng, name):
    u = np.full(SHAPE, 0.3)
    np.testing.assert_allclose(numpy(EVOLUTIONS[name](u, 0.3)), u, atol=1e-14)
    above = numpy(EVOLUTIONS[name](u, 0.5))
    assert above.mean() > 0.3 + 1e-5 and above.max() < 0.5 and above[0, 4] > above[3, 4] + 1e-5


@pytest.mark.parametrize("name", [name for name in EVOLUTIONS if "fourier" not in name])
def test_a_number_is_an_image_of_this_number(float64, rng, name):
    u = rng.random(SHAPE)
    if name in ("regularised", "edge-enhancing", "coherence-enhancing"):
        with pytest.raises(ValueError, match="boundary is an image, but a Fourier transform needs one value"):
            EVOLUTIONS[name](u, np.full((9, 11), 0.4))
        return
    np.testing.assert_allclose(numpy(EVOLUTIONS[name](u, np.full((9, 11), 0.4))), numpy(EVOLUTIONS[name](u, 0.4)))


def test_tensors_without_smoothing_take_an_image_of_values(float64, rng):
    u = rng.random(SHAPE)
    boundary = around(u, rng)
    for function in (diffusion.edge_enhancing, diffusion.coherence_enhancing):
        constant = function(u, 2, 0.2, 0.1, sigma=0.0, boundary=0.4)
        same = function(u, 2, 0.2, 0.1, sigma=0.0, boundary=np.full((9, 11), 0.4))
        np.testing.assert_allclose(numpy(same), numpy(constant), atol=1e-14)
        other = numpy(function(u, 2, 0.2, 0.1, sigma=0.0, boundary=boundary))
        assert np.abs(other - numpy(constant))[0].max() > 1e-3


def test_zero_is_dirichlet_where_no_diffusivity_is_averaged(float64, rng):
    u, filters = rng.random((1, *SHAPE, 1)), rng.standard_normal((1, *SHAPE, 13))
    np.testing.assert_array_equal(stencil.apply(u, filters, 0.0), stencil.apply(u, filters, "dirichlet"))
    for method in diffusion.ISOTROPIC_METHODS:
        zero, dirichlet = (numpy(diffusion.isotropic(u, 0.4, 2, method, b)) for b in (0.0, "dirichlet"))
        np.testing.assert_allclose(zero, dirichlet, atol=1e-14)


@pytest.mark.parametrize("points", stencil.POINTS)
def test_the_operator_and_its_offset_are_the_update(float64, rng, points):
    u, filters = rng.random(SHAPE), rng.standard_normal((1, *SHAPE, points))
    for boundary in (0.7, rng.random((11, 13)), rng.random((1, 13, 15, 1))):
        operator = stencil.operator(filters, 0.3, boundary)
        applied = numpy(stencil.apply(u[None, ..., None], filters, boundary))
        update = operator @ u.ravel() + operator.offset
        np.testing.assert_allclose(update, (u + 0.3 * applied[0, ..., 0]).ravel(), atol=1e-13)
    assert not stencil.operator(filters, 0.3, "periodic").offset.any() and operator.offset.any()


def test_gray_values_stay_between_those_of_image_and_boundary(float64, rng):
    u = np.round(rng.random((9, 9)))
    boundary = 3 * around(u, rng) - 1
    for scheme in diffusion.SCHEMES:
        result = numpy(diffusion.perona_malik(u, 20, 0.25, 0.2, boundary, scheme=scheme))
        assert boundary.min() <= result.min() and result.max() <= boundary.max()


@slow
@pytest.mark.parametrize("boundary", ["periodic", 0.3])
@pytest.mark.parametrize("scheme", diffusion.SCHEMES)
def test_inverses_undo_it(float64, photographs, boundary, scheme):
    u = photographs[:1, 20:32, 30:40].astype("float64")
    y = diffusion.perona_malik(u, boundary=boundary, scheme=scheme)
    assert np.abs(numpy(y) - u).max() > 0.05
    inverse = dn.inverses.stepwise_inverse(y, 150, boundary=boundary, scheme=scheme)
    np.testing.assert_allclose(numpy(inverse), u, atol=1e-6)
    newton = dn.inverses.newton_inverse(y, 8, 40, boundary=boundary, scheme=scheme)
    np.testing.assert_allclose(numpy(newton), u, atol=1e-8)


def test_the_derivative_between_prescribed_values_is_that_of_finite_differences(float64, rng):
    u, direction = rng.random((2, 1, *SHAPE, 1))
    for boundary in ("periodic", around(u[0, ..., 0], rng)):
        for scheme in diffusion.SCHEMES:
            settings = {"boundary": boundary, "scheme": scheme}
            _, product = dn.inverses.linearise(ops.convert_to_tensor(u), **settings)
            h = 1e-6
            up, down = (diffusion.perona_malik(u + sign * h * direction, **settings) for sign in (1, -1))
            np.testing.assert_allclose(numpy(product(direction)), numpy(up - down) / (2 * h), atol=1e-7)


# ---- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boundary", "error", "message"),
    [
        ("perodic", ValueError, "boundary='perodic'; expected .* Did you mean 'periodic'"),
        (np.inf, ValueError, "boundary=inf; expected a finite number"),
        (
            None,
            TypeError,
            "boundary is a NoneType; expected one of 'neumann', 'dirichlet', 'periodic', a number, an image",
        ),
        (True, TypeError, "boundary is a bool"),
        (np.full((9, 11), np.nan), ValueError, "boundary hold 99 value"),
        (np.zeros((7, 9)), ValueError, r"boundary has shape \(7, 9\) .* a frame of at least 1 pixel"),
        (np.zeros((9, 13)), ValueError, r"boundary has shape \(9, 13\)"),
        (np.zeros((2, 9, 11, 1)), ValueError, "as many images in both"),
    ],
)
def test_bad_boundaries_are_refused(boundary, error, message):
    with pytest.raises(error, match=message):
        diffusion.perona_malik(np.zeros((1, *SHAPE, 1), "float32"), boundary=boundary)


def test_where_only_some_boundaries_work_the_message_says_so(rng):
    with pytest.raises(TypeError, match="expected one of 'neumann', 'dirichlet', 'periodic', a number here"):
        dn.layers.DiffusionLayer(boundary=np.zeros((9, 11)))
    with pytest.raises(TypeError, match="boundary is a float; expected one of 'neumann', 'dirichlet', 'periodic' here"):
        locality.diffusion_matrix(rng.random(SHAPE), boundary=0.5)
    with pytest.raises(ValueError, match="expected at least 2 pixels a side"):
        stencil.apply(np.zeros((1, 1, 4, 1)), np.zeros((1, 1, 4, 13)), "periodic")


@pytest.mark.parametrize("boundary", ["periodic", 0.25])
def test_networks_with_these_boundaries_are_saved(tmp_path, rng, boundary):
    model = dn.models.DiffNet(1, 2, 4, boundary=boundary)
    u = rng.random((1, 8, 9, 1), "float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.diffusion_layers[0].boundary == boundary
    np.testing.assert_array_equal(numpy(loaded(u)), numpy(model(u)))
