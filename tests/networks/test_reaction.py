"""TNRD against an independent implementation, and the functions that it learns."""

import keras
import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
from keras import ops

import diffnet_tf as dn
from diffnet_tf.evaluation import costs
from diffnet_tf.networks import convolution, influence, reaction
from diffnet_tf.restoration import tiles
from tests.conftest import BACKEND, slow


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def random_stage(rng, **arguments):
    layer = dn.layers.ReactionDiffusionLayer(**arguments)
    layer.build((None, None, None, 1))
    layer.set_weights([rng.normal(0, 1, w.shape) + (w.shape == ()) for w in layer.get_weights()])
    return layer


def gaussians(z, weights, gamma):
    """Σ_j w_j exp(−(z − c_j)²/2γ²), one centre after the other."""
    middle = (len(weights) - 1) / 2
    return sum(w * np.exp(-((z - gamma * (j - middle)) ** 2) / (2 * gamma**2)) for j, w in enumerate(weights))


def oracle(u, noisy, size, coefficients, weights, weight, gamma):
    """A stage on one image (height, width), on a piece of the plane that is mirrored far beyond the border."""
    frame = 2 * size
    plane = np.pad(u, frame, mode="symmetric")
    change = np.zeros_like(plane)
    basis = []
    for i, j in sorted(np.ndindex(size, size), key=lambda pair: (sum(pair), pair))[1:]:
        unit = np.zeros((size, size))
        unit[i, j] = 1
        basis.append(scipy.fft.idctn(unit, norm="ortho"))
    for c, w in zip(coefficients.T, weights.T):
        kernel = np.tensordot(c / np.linalg.norm(c), basis, 1)
        response = scipy.ndimage.correlate(plane, kernel, mode="constant")
        change += scipy.ndimage.convolve(gaussians(response, w, gamma) * gamma / size**2, kernel, mode="constant")
    return u - change[frame:-frame, frame:-frame] - weight * (u - noisy)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [({"size": 5}, (12, 9)), ({"size": 3, "filters": 3, "centres": 10, "gamma": 0.1}, (7, 8)), ({"size": 7}, (2, 1))],
)
def test_a_stage_is_that_of_an_independent_implementation(arguments, shape, rng):
    layer = random_stage(rng, **arguments)
    u, noisy = rng.random((2, 2, *shape, 1)).astype("float32")
    coefficients, weights, weight = (w.astype("float64") for w in layer.get_weights())
    expected = [
        oracle(a[..., 0].astype("float64"), b[..., 0], layer.size, coefficients, weights, weight, layer.gamma)
        for a, b in zip(u, noisy)
    ]
    np.testing.assert_allclose(numpy(layer(u, noisy))[..., 0], expected, atol=2e-5)
    np.testing.assert_allclose(numpy(layer(u)), numpy(layer(u, u)), atol=1e-6)
    z = np.linspace(-2, 2, 50)
    responses = np.repeat(z[:, None], layer.filters, 1)
    np.testing.assert_allclose(
        numpy(layer.influence(z)), gaussians(responses, weights, layer.gamma) * layer.gamma / layer.size**2, atol=1e-5
    )


def test_filters_have_mean_0_and_norm_1(rng):
    layer = random_stage(rng, size=5)
    assert layer.kernels.shape == (5, 5, 24)
    np.testing.assert_allclose(layer.kernels.mean((0, 1)), 0, atol=1e-7)
    np.testing.assert_allclose((layer.kernels**2).sum((0, 1)), 1, rtol=1e-5)
    fresh = dn.layers.ReactionDiffusionLayer(size=5).kernels.reshape(25, 24)
    np.testing.assert_allclose(fresh.T @ fresh, np.eye(24), atol=1e-6)
    np.testing.assert_allclose(numpy(layer(np.full((1, 9, 9, 1), 0.7, "float32"))), 0.7, atol=1e-6)


@pytest.mark.parametrize("number", [1, 2, 7, 20, 63])
def test_influence_functions_and_their_derivatives(number, rng):
    weights = rng.normal(0, 1, (number, 3)).astype("float32")
    z = np.concatenate([rng.normal(0, 12, (400, 3)), [[-1e4] * 3, [0] * 3, [1e4] * 3]]).astype("float32")
    inputs = [ops.convert_to_tensor(a) for a in (z, weights)]
    np.testing.assert_allclose(numpy(influence.evaluate(*inputs)), gaussians(z, weights, 1.0), atol=3e-5)
    h = 1e-4
    wide = z.astype("float64")
    slope = (gaussians(wide + h, weights, 1.0) - gaussians(wide - h, weights, 1.0)) / (2 * h)
    np.testing.assert_allclose(numpy(influence.derivative(*inputs)), slope, atol=3e-5)


def gradients(layer, u, noisy, target):
    """Those of the mean squared error, by the backend."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(layer(u, noisy) - target))
        return [numpy(g) for g in tape.gradient(loss, layer.trainable_variables)]
    if BACKEND == "jax":
        import jax

        def of_weights(values):
            return ops.mean(ops.square(layer.stateless_call(values, [], u, noisy)[0] - target))

        return [numpy(g) for g in jax.grad(of_weights)([v.value for v in layer.trainable_variables])]
    loss = ops.mean(ops.square(layer(u, noisy) - target))
    loss.backward()
    return [numpy(v.value.grad) for v in layer.trainable_variables]


def test_gradients_are_differences(float64, rng):
    layer = random_stage(rng, size=3, filters=2, centres=9, gamma=0.2, dtype="float64")
    u, noisy, target = rng.random((3, 2, 6, 5, 1))
    found, values = gradients(layer, u, noisy, ops.convert_to_tensor(target)), layer.get_weights()

    def loss(values):
        layer.set_weights(values)
        return float(np.mean((numpy(layer(u, noisy)) - target) ** 2))

    h = 1e-5
    for i, gradient in enumerate(found):
        for place in np.ndindex(gradient.shape):
            changed = [[np.array(value) for value in values] for _ in range(2)]
            changed[0][i][place] += h
            changed[1][i][place] -= h
            expected = (loss(changed[0]) - loss(changed[1])) / (2 * h)
            np.testing.assert_allclose(gradient[place], expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(("size", "parameters"), [(7, 26_645), (5, 10_445)])
def test_the_networks_of_the_paper(size, parameters):
    model = dn.models.ReactionDiffusionNet(size=size)
    assert len(model.stages) == 5 and model.stages[0].filters == size**2 - 1
    assert model.count_params() == parameters
    weights = size**2 * 4 + 2 * 63
    assert costs.flops(model, 10, 20) == 5 * 200 * (size**2 - 1) * weights


@pytest.mark.parametrize("sigma", [15 / 255, 25 / 255, 50 / 255])
def test_an_untrained_network_removes_noise(photographs, sigma, rng):
    noisy = (photographs + rng.normal(0, sigma, photographs.shape)).astype("float32")
    restored = dn.models.ReactionDiffusionNet(size=5)(noisy)
    before, after = (numpy(dn.metrics.psnr(photographs, u)) for u in (noisy, restored))
    assert (after > before + 0.5).all() and after.mean() > before.mean() + 2


def test_an_output_pixel_depends_on_its_reach_and_no_further(rng):
    model = dn.models.ReactionDiffusionNet(stages=2, size=3)
    assert tiles.reach(model) == model.reach == 4
    u = rng.random((1, 15, 15, 1)).astype("float32")
    other = u.copy()
    other[0, 7, 7] += 0.1
    changed = np.argwhere(np.abs(numpy(model(u)) - numpy(model(other)))[0, ..., 0] > 0) - 7
    assert np.abs(changed).max() == 4


def test_tiles_give_what_the_whole_image_gives(rng):
    model = dn.models.ReactionDiffusionNet(stages=2, size=3)
    image = rng.random((40, 33)).astype("float32")
    image[3, 3] = 1
    shown = []
    tiled = dn.restore(image, model, tile=16, progress=lambda *n: shown.append(n))
    np.testing.assert_allclose(tiled, numpy(model(image[None, ..., None]))[0, ..., 0], atol=1e-5)
    assert len(shown) > 1


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (17, 5)])
def test_any_image_size(shape, rng):
    model = dn.models.ReactionDiffusionNet(stages=1)
    u = rng.random((2, *shape, 1)).astype("float32")
    np.testing.assert_allclose(model.predict(u, verbose=0), numpy(model(u)), atol=1e-5)
    padded = np.pad(u, ((0, 0), (9, 9), (9, 9), (0, 0)), mode="symmetric")
    np.testing.assert_allclose(numpy(model(padded))[:, 9:-9, 9:-9], numpy(model(u)), atol=1e-5)


def test_arguments_out_of_range():
    for arguments, message in [
        ({"size": 4}, "size=4; expected an odd number"),
        ({"size": 1}, "size=1; expected a whole number of at least 3"),
        ({"size": 3, "filters": 9}, "filters=9; expected at most size² − 1 = 8"),
        ({"centres": 0}, "centres=0"),
        ({"gamma": 0.0}, "gamma=0.0"),
        ({"initial_reaction": -1.0}, "initial_reaction=-1.0"),
    ]:
        with pytest.raises(ValueError, match=message):
            dn.layers.ReactionDiffusionLayer(**arguments)
    with pytest.raises(ValueError, match="stages=0"):
        dn.models.ReactionDiffusionNet(0)
    with pytest.raises(ValueError, match="with 3 channels last"):
        dn.layers.ReactionDiffusionLayer()(np.zeros((1, 9, 9, 3), "float32"))


def test_it_is_protected_from_tf32(rng, monkeypatch):
    """The image is given to the convolution in two parts, of which TF32 does not round the first."""
    layer, u = random_stage(rng, size=3), rng.random((1, 9, 8, 1)).astype("float32")
    expected, seen, conv = numpy(layer(u)), [], ops.conv
    monkeypatch.setattr(reaction.ops, "conv", lambda x, *a, **k: seen.append(x) or conv(x, *a, **k))
    monkeypatch.setattr(reaction, "narrows_float32", lambda: True)
    np.testing.assert_allclose(numpy(layer(u)), expected, atol=1e-5)
    (image,) = seen
    np.testing.assert_array_equal(numpy(image), numpy(convolution.tf32_parts(reaction.mirrored(u, 2), -1)))


@slow
def test_training_denoises_better(photographs, tmp_path):
    keras.utils.set_random_seed(0)
    model = dn.models.ReactionDiffusionNet(stages=2, size=3)
    noisy = (photographs + np.random.default_rng(1).normal(0, 0.1, photographs.shape)).astype("float32")

    def quality():
        return float(numpy(dn.metrics.psnr(photographs, model(noisy))).mean())

    before = quality()
    recipe = dn.recipes.Recipe(8, 32, True, "mse", learning_rate=1e-2, schedule="cosine")
    dn.training.fit(model, photographs, recipe, steps=100, noise=0.1, degrade=lambda u: u, verbose=False)
    assert quality() > before + 1
    model.save(tmp_path / "tnrd.keras")
    again = keras.models.load_model(tmp_path / "tnrd.keras")
    np.testing.assert_array_equal(again.predict(noisy, verbose=0), model.predict(noisy, verbose=0))
