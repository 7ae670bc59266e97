"""A DiffNet that is given the diffusion to undo."""

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.files import reading
from diffnet_tf.networks import plain
from diffnet_tf.networks.conditioned import DiffusionResidual
from tests.conftest import slow

Net = dn.models.ConditionedDiffNet
TWO = ["perona_malik_1", "charbonnier"]
WAYS = {
    "maps": {},
    "residual": {"residual": True},
    "correction": {"correction": True},
    "all": {"residual": True, "correction": True, "start": 2, "diffusivities": TWO},
    "shared": {"correction": True, "shared": True, "relu": False},
}


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def loud(model, seed=0):
    """The model with random weights, also where they begin as zeros."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.15, weight.shape).astype("float32") for weight in model.get_weights()])
    return model


def made(way, **changes):
    return loud(Net(**{"num_layers": 3, "estimator_depth": 2, "width": 6, **WAYS[way], **changes}))


@pytest.fixture
def images(photographs):
    return photographs[:2, :32, :28]


@pytest.mark.parametrize("way", WAYS)
def test_its_states_and_filters_are_those_of_its_call(images, way):
    model = made(way)
    inputs = model.inputs_of(images, 0.01, 0.15, 0.6)
    output = array(model(inputs))
    last = array(model.states(inputs)[-1])
    np.testing.assert_allclose(output, last if way == "shared" else np.maximum(last, 0), atol=1e-6)
    filters = model.filters(inputs)
    assert [tuple(each.shape) for each in filters] == [(2, 32, 28, 5)] * 3
    layer, (u, given) = model.diffusion_layers[0], model._begin(keras.ops.convert_to_tensor(inputs))
    expected = layer.update(u, filters[0], rate=layer.coefficients(u, given(u)["noise_map"])[1], **_data(given(u)))
    np.testing.assert_allclose(array(model.states(inputs)[0]), array(expected), atol=1e-6)


def _data(given):
    return {"data": given["data"]} if "data" in given else {}


@pytest.mark.parametrize("way", WAYS)
def test_it_sees_every_condition(images, way):
    """With any other σ, λ, T or diffusivity, the result is another one."""
    model = made(way)
    given = {"noise": 0.01, "contrast": 0.15, "time": 0.6}
    before = array(model(model.inputs_of(images, **given)))
    changes = [{"noise": 0.02}, {"contrast": 0.3}, {"time": 0.7}] + [{"diffusivity": TWO[1]}] * (way == "all")
    for change in changes:
        after = array(model(model.inputs_of(images, **{**given, **change})))
        assert np.abs(after - before).max() > 1e-5, change
    assert model.conditions == ("noise", "contrast", "time", "diffusivity")[: model.input_channels - 1]


def test_the_physics_is_the_residual_of_every_image(images):
    """y − PM(u) with the λ, T and diffusivity of each image."""
    layer, y = DiffusionResidual(TWO), np.flip(images, 0).copy()
    settings = np.ones((2, 32, 28, 3), "float32") * np.float32([[0.1, 0.2, 1], [0.4, 1.0, 0]])[:, None, None]
    result = array(layer(images, y, settings))
    for k, (contrast, steps, name) in enumerate(((0.1, 2, TWO[1]), (0.4, 10, TWO[0]))):
        diffused = array(dn.diffusion.nonlinear(images[k : k + 1], steps, 0.1, contrast, name))
        np.testing.assert_allclose(result[k], (y[k : k + 1] - diffused)[0], atol=1e-6)


def test_a_correction_can_be_the_classical_iteration(images):
    """With S = 0 and δt ρ = 1 each layer is an iteration of the fixed point, and so is each of `start`."""
    model = Net(3, 1, 4, correction=True, start=2, relu=False)
    for layer in model.diffusion_layers:
        kernel, bias = layer.estimator.convolutions[0].weights
        kernel.assign(np.zeros(kernel.shape))
        bias.assign(np.float32([0] * 5 + [4.0]))
        layer.time_step.assign(0.25)
    diffused = array(dn.diffusion.perona_malik(images, steps=6, contrast=0.15))
    result = array(model(model.inputs_of(diffused, 0.0, 0.15, 0.6)))
    expected = dn.diffusion.fixed_point_inverse(diffused, 5, steps=6, contrast=0.15)
    np.testing.assert_allclose(result, array(expected), atol=2e-6)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_saved_and_described(images, way, tmp_path):
    model = made(way)
    inputs = model.inputs_of(images, 0.01, 0.15, 0.6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(inputs)), array(model(inputs)))
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(array(copy(inputs)), array(model(inputs)))
    assert plain.parameters(plain.describe(model)) == model.count_params()


def test_no_stranger_may_ask_for_too_many_diffusions():
    described = plain.describe(Net(1, 1, 1, residual=True))
    with pytest.raises(reading.Refused, match="describes 1,000,001 layers"):
        plain.parameters({**described, "steps": 10**6})
    with pytest.raises(reading.Refused, match="layers"):
        plain.parameters({**described, "start": 10**6})
    assert plain.parameters(described) == Net(1, 1, 1, residual=True).count_params()


def test_it_is_small():
    assert Net(residual=True, correction=True, diffusivities=TWO).count_params() < 150_000


@pytest.mark.parametrize("way", WAYS)
def test_its_reach_is_right(way, rng):
    """No pixel further away has an effect, and with the physics some pixel beyond the estimators' reach has."""
    model = made(way, num_layers=2, estimator_depth=1)
    time = 0.2
    reach, side = model.reach_for(time), 2 * model.reach_for(time) + 3
    image = rng.uniform(0.2, 1.0, (1, side, side, 1)).astype("float32")
    inputs = model.inputs_of(image, 0.01, 0.4, time)
    moved = inputs.copy()
    moved[0, side // 2, side // 2, 0] += 0.5
    change = np.abs(array(model.states(moved)[-1]) - array(model.states(inputs)[-1]))[0, ..., 0]
    rows, columns = np.nonzero(change)
    seen = max(np.abs(rows - side // 2).max(), np.abs(columns - side // 2).max())
    assert seen <= reach and (way == "maps" or seen > 2)
    assert model.reach > reach or way == "maps"


@slow
def test_it_learns_and_resumes_to_the_bit(photographs, tmp_path):
    """With parameters of its own for every example."""
    recipe = dn.recipes.Recipe(batch_size=4, crop=16, augment=True, optimizer="adam", learning_rate=1e-3, loss="log")
    options = {
        "noise": (0.001, 0.05, "log"),
        "noise_map": True,
        "parameter": {"contrast": (0.1, 0.4), "time": (0.1, 0.4, 0.1), "diffusivity": (0, 1, 1)},
        "parameter_map": True,
        "degrade": lambda u, contrast, time, diffusivity: dn.diffusion.per_image(
            u, contrast, time, TWO, diffusivity, steps=4
        ),
        "verbose": False,
        "steps": 6,
    }

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise RuntimeError("stopped")

    def fit(folder, callbacks=()):
        keras.utils.set_random_seed(1)
        model = Net(1, 2, 4, initial_scale=0.1, **{**WAYS["all"], "start": 0}, steps=4)
        more = {"checkpoint_dir": tmp_path / folder, "save_every": 2, "validate_every": 6, "callbacks": callbacks}
        dn.training.fit(model, photographs, recipe, **options, **more)
        return model.get_weights()

    whole = fit("whole")
    with pytest.raises(RuntimeError, match="stopped"):
        fit("parts", [Stop()])
    for a, b in zip(fit("parts"), whole):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_layers": 0}, "num_layers"),
        ({"start": -1}, "start"),
        ({"steps": 0}, "steps"),
        ({"dt": 0.3}, "stability bound"),
        ({"diffusivities": "perona_malik_1"}, "expected a list"),
        ({"diffusivities": []}, "at least one"),
        ({"diffusivities": ["weickert", "weickert"]}, "different names"),
        ({"diffusivities": ["regularised_tv"]}, "depends on λ"),
        ({"diffusivities": ["perona"]}, "expected one of"),
    ],
)
def test_arguments_out_of_range_are_refused(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Net(**{"num_layers": 1, "estimator_depth": 1, "width": 2, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": 1.0}, "noise=1"),
        ({"contrast": 0.0}, "contrast"),
        ({"time": -0.1}, "time"),
        ({"time": 1.1}, "at most 1"),
        ({"diffusivity": "weickert"}, "diffusivity='weickert'"),
    ],
)
def test_a_diffusion_out_of_range_is_refused(images, changes, message):
    with pytest.raises(ValueError, match=message):
        made("maps").inputs_of(images, **{"noise": 0.0, "contrast": 0.2, "time": 0.4, **changes})


@pytest.mark.parametrize("way", ["maps", "all"])
def test_half_precision_keeps_image_and_physics_wide(images, way):
    model = made(way)
    half = type(model).from_config({**model.get_config(), "dtype": "mixed_bfloat16"})
    half.set_weights([0 * weight for weight in model.get_weights()])
    inputs = model.inputs_of(images, 0.01, 0.15, 0.6)
    expected = images
    if way == "all":
        expected = array(dn.diffusion.fixed_point_inverse(images, 2, steps=6, contrast=0.15))
    np.testing.assert_allclose(array(half(inputs)), np.maximum(expected, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameter": {"time": (0.2, 0.4, 0.1), "contrast": (0.1, 0.4)}}, "show noise, time, contrast"),
        (
            {"noise_map": False, "parameter": {"contrast": 0.2, "time": 0.2, "kind": (0, 1)}},
            "show contrast, time, kind",
        ),
        ({"parameter": {"contrast": 0.2, "time": (0.2, 0.6, 0.1)}}, "time=0.6; expected at most 0.4"),
    ],
)
def test_examples_that_show_other_conditions_are_refused(photographs, changes, message):
    """They have the right number of channels, and the network would take T for λ."""
    options = {
        **{"noise": 0.01, "noise_map": True, "parameter_map": True, "steps": 1},
        "degrade": lambda u, contrast, time, kind=0: dn.diffusion.per_image(u, contrast, time),
    }
    model = Net(1, 1, 2, residual=True, steps=4)
    with pytest.raises(ValueError, match=message):
        dn.training.fit(model, photographs, "fast", **{**options, **changes})


def test_images_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="images"):
        made("maps").inputs_of(np.zeros((40, 50), "float32"), 0.0, 0.2, 0.4)
