"""Looking into networks: known schemes, dense eigenvalues and loops over pixels are the oracles."""

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

import diffnet_tf as dn
from diffnet_tf.evaluation import analysis
from diffnet_tf.physics import stencil
from tests.conftest import mostly_slow

DT = 0.125


def perona_malik_network(image, sign=1.0, num_layers=3):
    """A network that is Perona–Malik diffusion (or, with sign −1, a step back from each of its states)."""
    model = dn.models.LinearDiffNet(
        image.shape, num_layers, filters_initializer="zeros", initial_time_step=DT, dtype="float64"
    )
    u = ops.convert_to_tensor(image[None, ..., None])
    for layer in model.diffusion_layers:
        gamma = dn.diffusivity.get("perona_malik_1")(dn.diffusion.squared_gradient(u), 0.2)
        layer.kernel.assign(sign * stencil.from_diffusivity(gamma)[0])
        u = layer(u)
    return model


def gamma_at_mid_points(u):
    """Perona and Malik's γ between each interior pixel and its four neighbours, a pixel at a time: (h−2, w−2, 4)."""

    def gamma(i, j):
        down = u[i, j] - u[i - 1, j] if i else 0.0
        right = u[i, j] - u[i, j - 1] if j else 0.0
        return 1 / (1 + (down**2 + right**2) / 0.2**2)

    around = ((-1, 0), (1, 0), (0, -1), (0, 1))
    height, width = u.shape
    return np.array(
        [
            [[(gamma(i, j) + gamma(i + a, j + b)) / 2 for a, b in around] for j in range(1, width - 1)]
            for i in range(1, height - 1)
        ]
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_network_that_is_perona_malik(float64, rng, sign):
    image = rng.random((9, 11))
    found = list(analysis.layers(perona_malik_network(image, sign), image))
    assert [layer.number for layer in found] == [1, 2, 3]
    u = image
    for layer in found:
        np.testing.assert_allclose(layer.state, u, atol=1e-12)
        gammas = gamma_at_mid_points(u)
        np.testing.assert_allclose(layer.diffusivity[1:-1, 1:-1], sign * DT * gammas.mean(axis=-1), atol=1e-12)
        assert layer.cfl_margin == pytest.approx(1 - DT * abs(layer.operator.filters[..., 0]).max(), rel=1e-12)
        assert 1 - 4 * DT <= layer.cfl_margin <= 1 - DT * gammas.sum(axis=-1).max() + 1e-12
        assert (layer.pearson, layer.spearman) == (pytest.approx(sign), pytest.approx(sign))
        assert max(abs(layer.mean_sum), layer.largest_sum, layer.asymmetry) < 1e-12
        shares = (layer.negative, layer.positive, layer.opposite)
        assert shares == ((0.0, 1.0, 1.0) if sign > 0 else (1.0, 0.0, 1.0))
        # The constant image has the eigenvalue 1; all others lie below it, and above for a step back.
        eigenvalues = np.linalg.eigvalsh(layer.operator.matrix.toarray())
        assert layer.spectrum.lowest == pytest.approx(eigenvalues[0]) and eigenvalues[0 if sign < 0 else -1] - 1 < 1e-12
        assert layer.radius_margin == pytest.approx(0 if sign > 0 else 1 - eigenvalues[-1], abs=1e-12)
        u = u + sign * (ops.convert_to_numpy(dn.diffusion.perona_malik(u, steps=1, dt=DT)) - u)


@pytest.mark.parametrize("shape", [(6, 7), (23, 29)])
def test_the_spectrum_of_the_laplacian(shape):
    """Neumann: −(2 − 2 cos(πk/n)) along each axis. The larger image goes to ARPACK, the smaller does not."""
    assert (np.prod(shape) > analysis.DENSE) == (shape[0] > 6)
    operator = stencil.operator(stencil.from_diffusivity(np.ones((1, *shape, 1), "float32")), 0.2)
    found = analysis.spectrum(operator)
    lowest = 1 - 0.2 * sum(2 - 2 * np.cos(np.pi * (n - 1) / n) for n in shape)
    for value, expected in ((found.lowest, lowest), (found.highest, 1), (found.radius, 1)):
        assert value == pytest.approx(expected, abs=2e-5)
    assert (found.symmetric_lowest, found.symmetric_highest) == (pytest.approx(lowest, abs=2e-5), pytest.approx(1))


@pytest.mark.parametrize("shape", [(5, 6), (21, 20)])
@pytest.mark.parametrize("shift", [0.0, -40.0])
def test_the_spectrum_is_that_of_the_dense_matrix(rng, shape, shift):
    """No symmetry, complex eigenvalues, and (shifted) the largest modulus on the left."""
    filters = rng.standard_normal((*shape, 5))
    filters[..., 0] += shift
    operator = stencil.operator(filters, DT)
    dense = operator.matrix.toarray()
    values, bounds = np.linalg.eigvals(dense), np.linalg.eigvalsh((dense + dense.T) / 2)
    found = analysis.spectrum(operator)
    assert found.lowest == pytest.approx(values.real.min(), abs=1e-4)
    assert found.highest == pytest.approx(values.real.max(), abs=1e-4)
    assert found.radius == pytest.approx(abs(values).max(), rel=1e-4)
    assert found.symmetric_lowest == pytest.approx(bounds[0], abs=1e-4)
    assert found.symmetric_highest == pytest.approx(bounds[-1], abs=1e-4)
    assert found.symmetric_lowest < found.lowest < found.highest < found.symmetric_highest


def test_the_identity_has_a_spectrum_too():
    found = analysis.spectrum(stencil.operator(np.zeros((25, 25, 5)), DT))
    assert (found.lowest, found.highest, found.radius) == (pytest.approx(1), pytest.approx(1), pytest.approx(1))


def test_numbers_of_random_filters(rng):
    operator = stencil.operator(rng.standard_normal((5, 6, 5)), -0.3)  # a negative step turns the signs
    s = operator.stencil_matrix.toarray()
    assert analysis.asymmetry(operator) == pytest.approx(np.linalg.norm(s - s.T) / np.linalg.norm(s))
    below = above = opposite = 0
    for i in range(1, 4):
        for j in range(1, 5):
            centre, *others = -0.3 * operator.filters[i, j]
            below += sum(value < 0 for value in others)
            above += sum(value > 0 for value in others)
            opposite += (centre > 0) != (sum(others) > 0)
    assert analysis.signs(operator) == (below / 48, above / 48, opposite / 12)


def test_correlations_are_those_of_scipy(rng):
    a = rng.random((7, 8))
    b = np.round(a + rng.random((7, 8)), 1)  # with ties
    inner = (slice(1, -1), slice(1, -1))
    a[0], b[0] = 100, -100  # the border does not count
    pearson, spearman = analysis.correlations(a, b)
    assert pearson == pytest.approx(scipy.stats.pearsonr(a[inner].ravel(), b[inner].ravel()).statistic)
    assert spearman == pytest.approx(scipy.stats.spearmanr(a[inner].ravel(), b[inner].ravel()).statistic)
    assert np.isnan(analysis.correlations(a, np.full((7, 8), 0.1))).all()


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
def test_layers_are_those_of_the_network(photographs, boundary):
    model = dn.models.DiffNet(num_layers=3, estimator_depth=2, width=4, boundary=boundary)
    image = photographs[:1, :16, :17]
    found = list(analysis.layers(model, image[0, ..., 0]))
    states = [image, *(ops.convert_to_numpy(state) for state in model.states(image))]
    for layer, before, after, filters in zip(found, states[:-1], states[1:], model.filters(image), strict=True):
        np.testing.assert_allclose(layer.state, before[0, ..., 0], atol=1e-6)
        np.testing.assert_allclose(layer.operator.filters, ops.convert_to_numpy(filters)[0], atol=1e-6)
        after = after[0, ..., 0]
        np.testing.assert_allclose((layer.operator @ layer.state.ravel()).reshape(after.shape), after, atol=1e-5)
        np.testing.assert_allclose(layer.state + layer.action + layer.smoothing * layer.state, after, atol=1e-5)
        sums = layer.operator.dt * layer.operator.filters.sum(axis=-1)
        assert layer.mean_sum == pytest.approx(sums.mean(), abs=1e-6)
        assert layer.largest_sum == pytest.approx(abs(sums).max(), abs=1e-6)


def test_layers_of_a_denoiser_are_those_of_the_network(photographs):
    """With a noise map, 13 points and a reaction, which stands beside the operator."""
    keras.utils.set_random_seed(0)
    model = dn.models.DiffNet(3, 2, 4, points=13, noise_map=True, reaction=True, relu=False)
    for layer in model.diffusion_layers:  # enough reaction to be seen
        bias = layer.estimator.convolutions[-1].bias
        bias.assign([0.0] * 13 + [0.5])
    image = photographs[:1, :16, :17]
    inputs = np.concatenate([image, np.full_like(image, 0.1)], axis=-1)
    states = [image, *(ops.convert_to_numpy(state) for state in model.states(inputs))]
    found = list(analysis.layers(model, image, noise=0.1))
    for layer, before, after in zip(found, states[:-1], states[1:], strict=True):
        np.testing.assert_allclose(layer.state, before[0, ..., 0], atol=1e-6)
        moved = (layer.operator @ layer.state.ravel()).reshape(layer.state.shape)
        moved = moved + layer.reaction * (image[0, ..., 0] - layer.state)
        np.testing.assert_allclose(moved, after[0, ..., 0], atol=1e-5)
    assert abs(found[1].reaction * (image[0, ..., 0] - found[1].state)).max() > 1e-3
    assert next(analysis.layers(dn.models.DiffNet(1, 1), image)).reaction is None


def test_the_noise_is_estimated_if_it_is_not_given(photographs, rng):
    model = dn.models.DiffNet(1, 1, 2, noise_map=True)
    image = photographs[0, ..., 0] + rng.normal(scale=0.1, size=(96, 96)).astype("float32")
    (given,) = analysis.layers(model, image, noise=dn.estimate_noise(image))
    for noise in (None, "auto"):
        (layer,) = analysis.layers(model, image, noise=noise)
        np.testing.assert_allclose(layer.operator.filters, given.operator.filters, atol=1e-6)
    with pytest.raises(ValueError, match="Give σ as a share of white"):
        analysis.layers(model, image[:8, :8])
    with pytest.raises(ValueError, match="noise=0.1 for a network without a noise map"):
        analysis.layers(dn.models.DiffNet(1, 1, 2), image, noise=0.1)


@pytest.mark.parametrize("points", stencil.POINTS)
def test_the_diffusion_tensor_acts_on_quadratic_images(rng, points):
    """S u = D:∇²u exactly, for stencils without mean and drift."""
    outer = np.repeat(rng.standard_normal((points - 1) // 2), 2)  # of opposite neighbours
    if points > 5:
        outer[4:8] = outer[[4, 6, 6, 4]]
    filters = np.broadcast_to([-outer.sum(), *outer], (9, 9, points))
    operator = stencil.operator(filters, DT)
    tensor = analysis.diffusion_tensor(operator)
    down, right = np.mgrid[-4:5, -4:5].astype("float64")
    for u, i, j in ((down**2, 0, 0), (right**2, 1, 1), (down * right, 0, 1)):
        moved = (operator.dt * operator.stencil_matrix @ u.ravel()).reshape(9, 9)
        np.testing.assert_allclose(moved[2:-2, 2:-2], 2 * tensor[2:-2, 2:-2, i, j], atol=1e-12)
    mean = (tensor[..., 0, 0] + tensor[..., 1, 1]) / 2
    np.testing.assert_allclose(analysis.estimated_diffusivity(operator), mean, atol=1e-14)
    if points == 5:
        np.testing.assert_allclose(mean, DT * filters[..., 1:].mean(axis=-1), atol=1e-14)


def test_what_the_presets_learned(photographs):
    """They were shown images only, never γ. The forward network needs four layers for four steps, and has five."""
    image = photographs[:1]
    forward = list(analysis.layers(dn.from_preset("forward"), image))
    used = [layer for layer in forward if abs(layer.operator.dt * layer.operator.filters).max() > 1e-6]
    assert len(forward) == 5 and len(used) == 4
    for layer in used:
        assert layer.pearson > 0.99 and layer.asymmetry < 0.03 and layer.largest_sum < 1e-3
        assert layer.negative == 0 and layer.opposite == 1 and layer.cfl_margin > 0 and layer.spectrum.highest < 1.002
    inverse = list(analysis.layers(dn.from_preset("inverse"), dn.diffusion.perona_malik(image)))
    for layer in inverse:
        assert layer.pearson < -0.6 and layer.asymmetry < 0.2 and layer.positive < 0.05 and layer.opposite > 0.99
        assert layer.spectrum.lowest > 0.95 and layer.radius_margin < -0.5


@pytest.mark.parametrize("dtype", mostly_slow(["float16", "float64"], "float64"))
def test_images_of_any_float_dtype(photographs, dtype):
    model, image = dn.models.DiffNet(num_layers=1, estimator_depth=1), photographs[0, :8, :8, 0].astype(dtype)
    (layer,) = analysis.layers(model, image)
    np.testing.assert_allclose(layer.state, image, atol=1e-6)


def test_what_cannot_be_looked_into_is_refused(photographs):
    model = dn.models.DiffNet(num_layers=1, estimator_depth=1)
    with pytest.raises(TypeError, match="The model is a ConvNet; expected a DiffNet or LinearDiffNet"):
        analysis.layers(dn.models.ConvNet(), photographs[:1])
    with pytest.raises(ValueError, match=r"u has shape \(2, 96, 96, 1\); expected one image"):
        analysis.layers(model, photographs[:2])
    with pytest.raises(TypeError, match="u have dtype uint8"):
        analysis.layers(model, np.zeros((8, 8), "uint8"))
    with pytest.raises(ValueError, match="at least 3 pixels"):
        analysis.layers(model, np.zeros((2, 8), "float32"))
    with pytest.raises(ValueError, match="u hold 64 value"):
        analysis.layers(model, np.full((8, 8), np.nan, "float32"))
