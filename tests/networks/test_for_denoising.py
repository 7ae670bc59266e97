"""What DiffNet and ConvNet have for denoising: dilations, a reaction, shared layers, values below 0, a skip."""

import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from diffnet_tf.networks import plain
from diffnet_tf.restoration import tiles


def image(height=16, width=16, channels=1, seed=0):
    return np.random.default_rng(seed).random((1, height, width, channels)).astype("float32")


def copied(model, other):
    other.set_weights(model.get_weights())
    return other


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_a_dilated_estimator_sees_every_second_pixel():
    """On the even pixels it is the undilated estimator of the image of the even pixels."""
    u = image(20, 24)
    dense, dilated = dn.layers.FilterEstimator(3, 4), dn.layers.FilterEstimator(3, 4, dilations=(2, 2, 2))
    expected = array(dense(u[:, ::2, ::2]))
    dilated.build(u.shape)
    copied(dense, dilated)
    np.testing.assert_allclose(array(dilated(u))[:, ::2, ::2], expected, atol=1e-5)
    assert dense.reach == 3 and dilated.reach == 6


@pytest.mark.parametrize("options", [{"dilations": (1, 3)}, {"points": 13, "reaction": True}, {"shared": True}])
def test_a_pixel_depends_on_others_within_the_reach(options):
    model = dn.models.DiffNet(2, 2, 6, relu=False, **options)
    u = image(41, 41)
    changed = u.copy()
    changed[0, 20, 20] += 0.5
    rows, columns = np.nonzero(array(model(changed))[0, ..., 0] != array(model(u))[0, ..., 0])
    reach = max(abs(rows - 20).max(), abs(columns - 20).max())
    assert reach == tiles.reach(model) == (8 if "dilations" in options else 4)


def with_constants(layer, u, filters, rate):
    """A layer whose estimator gives these filters and this rate everywhere."""
    layer.build(u.shape)
    last = layer.estimator.convolutions[-1]
    last.kernel.assign(np.zeros(last.kernel.shape))
    last.bias.assign([*filters, rate])
    return layer


def test_a_reaction_with_rate_one_over_the_time_step_returns_to_the_data():
    u, data = image(), image(seed=1)
    layer = with_constants(dn.layers.DiffusionLayer(2, 4, reaction=True, initial_time_step=0.25), u, [0] * 5, 4.0)
    np.testing.assert_allclose(array(layer(u, data=data)), data, atol=1e-6)
    half = with_constants(dn.layers.DiffusionLayer(2, 4, reaction=True, initial_time_step=0.25), u, [0] * 5, 2.0)
    np.testing.assert_allclose(array(half(u, data=data)), (u + data) / 2, atol=1e-6)


def test_without_a_rate_it_is_the_diffusion_layer():
    u, filters = image(), [-4.0, 1, 1, 1, 1]
    layer = with_constants(dn.layers.DiffusionLayer(2, 4, reaction=True), u, filters, 0.0)
    everywhere = np.broadcast_to(np.float32(filters), (*u.shape[:3], 5))
    expected = u + 0.2 * array(dn.stencil.apply(u, everywhere))
    np.testing.assert_allclose(array(layer(u, data=image(seed=1))), expected, atol=1e-6)


def test_the_data_of_the_reaction_is_the_input_of_the_network():
    model, u = dn.models.DiffNet(3, 2, 4, reaction=True, noise_map=True, relu=False), image(channels=2)
    v = u[..., :1]
    for layer in model.diffusion_layers:
        v = layer(v, u[..., 1:], data=u[..., :1])
    np.testing.assert_allclose(array(model(u)), array(v), atol=1e-6)
    np.testing.assert_allclose(array(model.states(u)[-1]), array(v), atol=1e-6)
    filters, rate = model.diffusion_layers[0].coefficients(u[..., :1], u[..., 1:])
    assert tuple(rate.shape) == (1, 16, 16, 1)
    np.testing.assert_allclose(array(model.filters(u)[0]), array(filters))


def test_a_reaction_needs_the_data():
    with pytest.raises(ValueError, match="third argument"):
        dn.layers.DiffusionLayer(2, 4, reaction=True)(image())


def test_a_shared_layer_is_applied_again_and_again():
    model, u = dn.models.DiffNet(3, 2, 4, shared=True), image()
    (layer,) = set(model.diffusion_layers)
    v = u
    for _ in range(3):
        v = layer(v)
    np.testing.assert_allclose(array(model(u)), np.maximum(array(v), 0), atol=1e-6)
    assert model.count_params() == layer.count_params() and len(model.states(u)) == len(model.time_steps) == 3


def test_values_below_zero_pass_without_the_relu():
    u = image() - 0.5
    assert array(dn.models.DiffNet(1, 2, 4, initial_scale=1e-6, relu=False)(u)).min() < -0.4
    assert array(dn.models.DiffNet(1, 2, 4, initial_scale=1e-6)(u)).min() == 0


def test_a_convnet_with_a_skip_adds_its_input():
    model, u = dn.models.ConvNet(3, 4, noise_map=True, skip=True), image(channels=2)
    last = [layer for layer in model.layers if layer.weights][-1]
    before = array(model(u))
    louder = u * np.float32([1, 4])
    assert np.abs(array(model(louder)) - before).max() > 1e-4  # it sees σ
    last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    np.testing.assert_array_equal(array(model(u)), u[..., :1])


NETWORKS = {
    "diffnet": lambda: dn.models.DiffNet(2, 3, 4, points=9, dilations=(1, 2, 1), reaction=True, relu=False),
    "shared": lambda: dn.models.DiffNet(3, 2, 4, shared=True, noise_map=True),
    "convnet": lambda: dn.models.ConvNet(3, 4, noise_map=True, skip=True),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_saved_and_described(name, tmp_path):
    import keras

    model = NETWORKS[name]()
    u = image(channels=model.input_channels)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(u)), array(model(u)))
    described = plain.describe(model)
    assert plain.parameters(described) == model.count_params()
    np.testing.assert_allclose(array(copied(model, plain.make(described))(u)), array(model(u)), atol=1e-6)


def test_configurations_without_them_are_those_of_older_files():
    assert not {"dilations", "reaction", "shared", "relu"} & dn.models.DiffNet(1, 1, 1).get_config().keys()
    assert not {"noise_map", "skip"} & dn.models.ConvNet(2, 2).get_config().keys()


@pytest.mark.parametrize("dilations", [(1, 2), (1, 0, 1), (1, 1.5, 1), "111", 2])
def test_dilations_out_of_range_are_refused(dilations):
    with pytest.raises((ValueError, TypeError), match="dilations"):
        dn.models.DiffNet(1, 3, 4, dilations=dilations)
