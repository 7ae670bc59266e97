"""The networks of the paper: their sizes, and any image size."""

import keras
import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from tests.conftest import BACKEND, slow, slow_on_jax


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (lambda: dn.layers.FilterEstimator(4), 20_261),
        (lambda: dn.layers.FilterEstimator(5), 29_509),
        (lambda: dn.models.DiffNet(num_layers=5, estimator_depth=4, width=32), 101_310),
        pytest.param(dn.models.UNet, 34_512_705, marks=slow if BACKEND == "jax" else ()),
        (lambda: dn.models.LinearDiffNet((8, 8), 3), 3 * (5 * 64 + 1)),
        (lambda: dn.models.LinearDiffNet((8, 8), 3, generalised=False), 3 * (4 * 64 + 1)),
    ],
)
def test_parameter_counts_of_the_paper(make, parameters):
    made = make()
    if not made.built:
        made.build((None, 8, 8, 1))
    assert made.count_params() == parameters


def test_convnet_and_resnet_are_those_of_section_3():
    assert dn.models.ConvNet(3, 32).count_params() == (9 + 1) * 32 + (9 * 32 + 1) * 32 + 9 * 32 + 1
    assert dn.models.ResNet(2, 16).count_params() == (9 + 1) * 16 + 4 * (9 * 16 + 1) * 16 + 9 * 16 + 1


@pytest.mark.parametrize("size", slow_on_jax([3, 17, 31], 17))
@pytest.mark.parametrize(
    "make", [dn.models.DiffNet, lambda: dn.models.UNet((2, 3, 4)), dn.models.ConvNet, dn.models.ResNet]
)
def test_any_height_and_width(make, size, rng):
    model, size = make(), (size, {3: 3, 17: 5, 31: 33}[size])
    assert model(rng.random((2, *size, 1)).astype("float32")).shape == (2, *size, 1)
    assert model.predict(rng.random((2, *size, 1)).astype("float32"), verbose=0).shape == (2, *size, 1)


def test_states_and_filters_explain_the_output(rng):
    """Each state is the one before plus δt S(ζ) applied to it; ReLU of the last is the output."""
    model = dn.models.DiffNet(3, 2, 8, initial_time_step=0.1)
    u = rng.random((2, 12, 10, 1)).astype("float32")
    states, filters = model.states(u), model.filters(u)
    assert len(states) == len(filters) == len(model.time_steps) == 3
    before = u
    for state, filters_of_layer, dt in zip(states, filters, model.time_steps):
        np.testing.assert_allclose(state, before + dt * dn.stencil.apply(before, filters_of_layer), atol=1e-6)
        before = state
    np.testing.assert_allclose(model(u), ops.relu(states[-1]), atol=1e-6)


FURTHER = {
    "9 points": {"points": 9},
    "13 points": {"points": 13},
    "colour": {"channels": 3},
    "mixing": {"channels": 3, "mixing": True, "points": 9},
    "noise map": {"noise_map": True},
    "colour and noise map": {"channels": 3, "noise_map": True},
}


@pytest.mark.parametrize("name", slow_on_jax(FURTHER, "mixing", "colour and noise map"))
def test_stencils_colour_and_noise_maps_explain_the_output_too(name, rng, tmp_path):
    arguments = FURTHER[name]
    model = dn.models.DiffNet(2, 2, 8, **arguments)
    channels = arguments.get("channels", 1)
    inputs = rng.random((2, 9, 8, model.input_channels)).astype("float32")
    apply = dn.stencil.apply_mixing if "mixing" in arguments else dn.stencil.apply
    before = inputs[..., :channels]
    for state, filters, dt in zip(model.states(inputs), model.filters(inputs), model.time_steps):
        np.testing.assert_allclose(state, before + dt * apply(before, filters), atol=1e-6)
        before = state
    output = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(output, ops.relu(before), atol=1e-6)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras").predict(inputs, verbose=0), output)


def test_colour_shares_one_diffusivity_and_mixing_does_not(rng):
    """With shared filters a channel that is zero stays so; a network that mixes puts others' values there."""
    u = rng.random((1, 8, 8, 3)).astype("float32")
    u[..., 1] = 0
    for mixing in (False, True):
        state = dn.models.DiffNet(1, 2, 8, channels=3, mixing=mixing).states(u)[0]
        assert (np.abs(ops.convert_to_numpy(state)[..., 1]).max() > 0) == mixing


def test_the_noise_map_reaches_every_layer(rng):
    model = dn.models.DiffNet(3, 2, 8, noise_map=True)
    u = rng.random((1, 8, 8, 1)).astype("float32")
    quiet, loud = (np.concatenate([u, np.full_like(u, level)], axis=-1) for level in (0, 1))
    for layer, one, other in zip(model.diffusion_layers, model.filters(quiet), model.filters(loud)):
        assert np.abs(ops.convert_to_numpy(one - other)).max() > 1e-3
        np.testing.assert_allclose(
            layer.filters(u, 0.09 * u), layer.estimator(np.concatenate([u, 0.3 * u**0.5], -1)), atol=1e-6
        )
        with pytest.raises(ValueError, match="A layer with noise_map=True takes two arguments, image and noise map"):
            layer(u)
    with pytest.raises(ValueError, match=r"expected \(batch, height, width, 2\), channels last"):
        model(u)


def test_unet_starts_as_a_correction_of_its_input(rng):
    """The residual connection: with a zero last convolution the output is the input."""
    model = dn.models.UNet((2, 4))
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    u = rng.random((1, 7, 9, 1)).astype("float32")
    np.testing.assert_array_equal(model(u), u)


def test_global_dtype_policy_is_respected(rng):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = dn.models.DiffNet(2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.diffusion_layers[0].estimator.convolutions[0].compute_dtype == "bfloat16"
    assert keras.backend.standardize_dtype(model(rng.random((1, 5, 5, 1)).astype("float32")).dtype) == "float32"


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="num_layers=0"):
        dn.models.DiffNet(0)
    with pytest.raises(ValueError, match="boundary='wrap'"):
        dn.models.DiffNet(boundary="wrap")
    with pytest.raises(ValueError, match="with 3 channels last; expected"):
        dn.models.DiffNet()(np.zeros((1, 8, 8, 3), "float32"))
