"""One contract for all layers and models: they behave as Keras's own do."""

import itertools
import json

import keras
import numpy as np
import pytest
from keras import layers as klayers
from keras import ops

import diffnet_tf as dn
from diffnet_tf.networks.baselines import CropLike, PadToMultiple
from tests.conftest import BACKEND, mostly_slow, run_python, slow, slow_on_jax

SHAPE = (9, 11)
CASES = {
    "FilterEstimator": lambda **k: dn.layers.FilterEstimator(depth=2, width=4, **k),
    "DiffusionLayer": lambda **k: dn.layers.DiffusionLayer(depth=2, width=4, boundary="dirichlet", **k),
    "DiffusionLayer of 13 points": lambda **k: dn.layers.DiffusionLayer(depth=2, width=4, points=13, **k),
    "LinearDiffusionLayer": lambda **k: dn.layers.LinearDiffusionLayer(**k),
    "LinearDiffusionLayer mean-free": lambda **k: dn.layers.LinearDiffusionLayer(generalised=False, **k),
    "ReactionDiffusionLayer": lambda **k: dn.layers.ReactionDiffusionLayer(3, 4, centres=9, **k),
    "DiffNet": lambda **k: dn.models.DiffNet(2, 2, 4, **k),
    "DiffNet of 9 points": lambda **k: dn.models.DiffNet(2, 2, 4, points=9, **k),
    "LinearDiffNet": lambda **k: dn.models.LinearDiffNet(SHAPE, 2, **k),
    "UNet": lambda **k: dn.models.UNet((2, 4), **k),
    "ConvNet": lambda **k: dn.models.ConvNet(2, 4, **k),
    "ResNet": lambda **k: dn.models.ResNet(2, 4, **k),
    "ReactionDiffusionNet": lambda **k: dn.models.ReactionDiffusionNet(2, 3, centres=9, **k),
}
POLICIES = ("float32", "float64", "mixed_float16", "mixed_bfloat16")
case = pytest.mark.parametrize("make", CASES.values(), ids=CASES)


def pad_and_crop(**kwargs):
    """The two layers that change shapes inside U-Net, in a user's functional model."""
    image = keras.Input((None, None, 1))
    return keras.Model(image, CropLike(**kwargs)([PadToMultiple(4, **kwargs)(image), image]))


def images(rng, dtype="float32"):
    return rng.random((4, *SHAPE, 1)).astype(dtype)


def in_a_model(make, **kwargs):
    """A functional model around a layer; a model as it is."""
    made = make(**kwargs)
    if isinstance(made, keras.Model):
        return made
    dtype = dn.layers.state_dtype(kwargs.get("dtype"))
    u = keras.Input((*SHAPE, 1), dtype=dtype)
    return keras.Model(u, made(u))


@pytest.mark.parametrize("name", slow_on_jax(CASES, "DiffusionLayer", "UNet", "LinearDiffNet"))
def test_symbolic_and_eager_shapes_and_dtypes_agree(name, rng):
    make = CASES[name]
    model = in_a_model(make)
    eager = model(images(rng))
    symbolic = model.compute_output_spec(keras.KerasTensor((4, *SHAPE, 1)))
    assert tuple(eager.shape) == tuple(symbolic.shape)
    assert keras.backend.standardize_dtype(eager.dtype) == symbolic.dtype
    made = make()
    assert tuple(made.compute_output_shape((4, *SHAPE, 1))) == tuple(eager.shape)


@case
def test_config_round_trip(make):
    made = make()
    config = json.loads(json.dumps(made.get_config()))  # holds plain values only
    again = type(made).from_config(config)
    assert again.get_config() == made.get_config()
    assert again.name == made.name


# Each layer once, in turn under each policy; DiffNet under all.
IN_TURN = [(name, POLICIES[i % len(POLICIES)]) for i, name in enumerate(CASES)] + [("DiffNet", p) for p in POLICIES]
FITTED = IN_TURN if BACKEND != "jax" else [("UNet", "float32"), ("LinearDiffNet", "float64"), *IN_TURN[-4:]]
UNDER_ALL = list(itertools.product(CASES, POLICIES))


@pytest.mark.parametrize(("name", "policy"), slow_on_jax(UNDER_ALL, *FITTED))
def test_dtype_policies(float64, name, policy, rng):
    """Under every policy images, filters and time steps are float32 or wider."""
    make = CASES[name]
    model = in_a_model(make, dtype=policy)
    wide = "float64" if policy == "float64" else "float32"
    output = model(images(rng, wide))
    assert keras.backend.standardize_dtype(output.dtype) == wide
    for variable in model.variables:
        assert keras.backend.standardize_dtype(variable.dtype) == wide
    assert np.isfinite(ops.convert_to_numpy(ops.cast(output, "float32"))).all()


@pytest.mark.parametrize(("name", "policy"), mostly_slow(UNDER_ALL, *FITTED))
def test_a_fit_step_lowers_the_loss(float64, name, policy, rng):
    make = CASES[name]
    keras.utils.set_random_seed(1)
    model = in_a_model(make, dtype=policy)
    x = images(rng, dn.layers.state_dtype(policy))
    y = np.repeat(0.5 * x, model.output.shape[-1], axis=-1)
    model.compile(keras.optimizers.SGD(0.02), "mse", jit_compile=False)
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, batch_size=4, epochs=3, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before


@pytest.mark.parametrize("name", mostly_slow(CASES, "DiffusionLayer", *(["UNet"] if BACKEND != "jax" else [])))
def test_it_trains_inside_a_users_model(name, rng):
    """Between half-precision layers of a Sequential model: its gradients reach the layers before it."""
    make = CASES[name]
    before = klayers.Conv2D(1, 1, dtype="mixed_bfloat16", kernel_initializer="ones")
    model = keras.Sequential([keras.Input((*SHAPE, 1)), before, make(), klayers.Conv2D(1, 1, dtype="mixed_bfloat16")])
    x = images(rng)
    model.compile("adam", "mse", jit_compile=False)
    model.fit(x, x, verbose=0)
    assert not np.array_equal(ops.convert_to_numpy(before.kernel), np.ones((1, 1, 1, 1)))


@case
def test_freezing_survives_config_and_saving(make, rng, tmp_path):
    """trainable=False at the start or later, whole or in part: as for Keras's own layers."""
    frozen = make(trainable=False)
    in_a_model(lambda: frozen)
    assert not frozen.trainable_variables
    model = in_a_model(make)
    next(layer for layer in model.layers if layer.weights).trainable = False
    expected = [v.path for v in model.trainable_variables]
    assert len(expected) < len(model.weights)
    model.save(tmp_path / "frozen.keras")
    again = keras.models.load_model(tmp_path / "frozen.keras")
    assert len(again.trainable_variables) == len(expected)


def test_estimators_can_be_frozen_and_the_time_steps_not(tmp_path):
    model = dn.models.DiffNet(2, 2, 4)
    for layer in model.diffusion_layers:
        layer.estimator.trainable = False
    assert [v.name for v in model.trainable_variables] == ["time_step"] * 2
    model.save(tmp_path / "frozen.keras")
    again = keras.models.load_model(tmp_path / "frozen.keras")
    assert [v.name for v in again.trainable_variables] == ["time_step"] * 2
    layer = dn.layers.DiffusionLayer(train_estimator=False)
    layer(np.zeros((1, 4, 4, 1), "float32"))
    assert [v.name for v in layer.trainable_variables] == ["time_step"]


def test_float16_training_scales_the_loss():
    model = dn.models.DiffNet(1, 2, 4, dtype="mixed_float16")
    model.compile("adam", "mse")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)


def test_channels_first_settings_change_nothing(rng):
    u = images(rng)
    try:
        keras.config.set_image_data_format("channels_first")
        for make in CASES.values():
            assert in_a_model(make)(u).shape[:3] == u.shape[:3]
        dn.metrics.ssim(rng.random((1, 16, 16, 1)), rng.random((1, 16, 16, 1)))
    finally:
        keras.config.set_image_data_format("channels_last")


def test_filters_can_be_asked_for_first(rng):
    layer = dn.layers.DiffusionLayer(depth=2)
    u = images(rng)
    filters = layer.filters(u)
    np.testing.assert_allclose(layer(u), u + 0.2 * dn.stencil.apply(u, filters), atol=1e-6)


FRESH_ALL = """
import sys, pathlib, numpy as np, keras
import diffnet_tf
folder = pathlib.Path(sys.argv[1])
x = np.load(folder / "x.npy")
for path in sorted(folder.glob("*.keras")):
    y = keras.ops.cast(keras.models.load_model(path)(x), "float32")
    np.save(path.with_suffix(".fresh.npy"), keras.ops.convert_to_numpy(y))
"""


@pytest.mark.skipif(BACKEND == "jax", reason="one backend is enough: files know none")
def test_saved_models_load_in_a_fresh_process(tmp_path, rng):
    """Nothing but `import diffnet_tf`: no custom_objects."""
    x = images(rng)
    np.save(tmp_path / "x.npy", x)
    expected = {}
    cases = [("pad and crop", pad_and_crop, "float32")]
    cases += [(f"{name}, {p}", make, p) for name, make in CASES.items() for p in ("float32", "mixed_bfloat16")]
    for i, (name, make, policy) in enumerate(cases):
        model = in_a_model(make, dtype=policy)
        for variable in model.trainable_variables:  # not what it was made with
            variable.assign(variable + 0.01 * rng.standard_normal(variable.shape).astype("float32"))
        model.save(tmp_path / f"{i}.keras")
        expected[i] = name, ops.convert_to_numpy(ops.cast(model(x), "float32"))
    run_python(FRESH_ALL, tmp_path)
    for i, (name, output) in expected.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"{i}.fresh.npy"), output, err_msg=name)


# ---- What each layer is for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boundary", dn.stencil.BOUNDARIES)
def test_the_update_is_equation_4_6(boundary, rng):
    layer = dn.layers.DiffusionLayer(boundary=boundary, initial_time_step=0.3)
    u = ops.convert_to_tensor(images(rng))
    result = ops.convert_to_numpy(layer(u))
    expected = u + 0.3 * dn.stencil.apply(u, layer.filters(u), boundary)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_time_steps_start_at_the_authors_value(rng):
    """δt₀ = 0.2, of layers and of networks: what they compute, not what they say."""
    u = images(rng)
    random = {"filters_initializer": "random_uniform"}  # zeros would hide the time step
    layers = [dn.layers.DiffusionLayer(2, 4), dn.layers.LinearDiffusionLayer(**random)]
    layers += dn.models.DiffNet(2, 2, 4).diffusion_layers + dn.models.LinearDiffNet(SHAPE, 2, **random).diffusion_layers
    for layer in layers:
        change = ops.convert_to_numpy(layer(u)) - u
        filters = ops.convert_to_numpy(layer.filters(u))
        assert np.abs(change).max() > 1e-3
        np.testing.assert_allclose(change, 0.2 * ops.convert_to_numpy(dn.stencil.apply(u, filters)), atol=1e-6)


def test_mixed_precision_reaches_only_the_estimator(rng):
    """With filters of exactly representable values, bfloat16 changes nothing: the update itself is float32."""
    u = images(rng)
    outputs = []
    for policy in ("float32", "mixed_bfloat16"):
        layer = dn.layers.DiffusionLayer(depth=1, dtype=policy)
        layer.build(u.shape)
        kernel, bias = layer.estimator.convolutions[0].weights
        kernel.assign(np.zeros(kernel.shape))
        bias.assign([-4.0, 1.0, 1.0, 1.0, 1.0])
        outputs.append(ops.convert_to_numpy(layer(u)))
    np.testing.assert_array_equal(*outputs)
    np.testing.assert_allclose(outputs[0], dn.diffusion.explicit_step(ops.convert_to_tensor(u), 0.2), atol=1e-6)


def test_initial_scale_scales_the_last_kernel(rng):
    u = images(rng)
    kernels = []
    for scale in (1.0, 0.01):
        keras.utils.set_random_seed(0)
        layer = dn.layers.FilterEstimator(initial_scale=scale)
        layer(u)
        kernels.append([ops.convert_to_numpy(c.kernel) for c in layer.convolutions])
    for large, small in zip(kernels[0][:-1], kernels[1][:-1]):
        assert np.abs(large).max() == pytest.approx(np.abs(small).max(), rel=0.05)
    last_large, last_small = kernels[0][-1], kernels[1][-1]
    assert np.abs(last_small).max() == pytest.approx(0.01 * np.abs(last_large).max(), rel=0.05)
    # Glorot-uniform: the limit is √(6 / (fan in + fan out)).
    assert np.abs(last_large).max() == pytest.approx(np.sqrt(6 / (9 * 32 + 9 * 5)), rel=0.05)


@slow
def test_the_linear_layer_learns_a_linear_diffusion(rng):
    """Fig. 1: trained on one step of diffusion with a fixed diffusivity, its filters become that diffusivity's."""
    gamma = 0.2 + 0.8 * rng.random((1, 6, 6, 1)).astype("float32")
    x = rng.random((512, 6, 6, 1)).astype("float32")
    y = ops.convert_to_numpy(dn.diffusion.explicit_step(ops.convert_to_tensor(x), 0.2, ops.convert_to_tensor(gamma)))
    model = dn.models.LinearDiffNet((6, 6), 1)
    model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(x, y, epochs=60, batch_size=64, verbose=0)
    learned = model.time_steps[0] * ops.convert_to_numpy(model.filters(x[:1])[0])
    true = 0.2 * ops.convert_to_numpy(dn.stencil.from_diffusivity(ops.convert_to_tensor(gamma)))
    # At the border the centre and the neighbour outside (its copy) can trade weight: compare inside.
    np.testing.assert_allclose(learned[:, 1:-1, 1:-1], true[:, 1:-1, 1:-1], atol=0.01)


def test_pad_and_crop_undo_each_other(rng):
    u = rng.random((2, 5, 9, 3)).astype("float32")
    padded = PadToMultiple(8)(u)
    assert padded.shape == (2, 8, 16, 3)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(padded)[:, 5:], np.repeat(ops.convert_to_numpy(padded)[:, 4:5], 3, 1)
    )
    np.testing.assert_array_equal(CropLike()([padded, u]), u)


def test_wrong_inputs_are_refused():
    with pytest.raises(ValueError, match=r"gray images.*received an input of shape \(2, 8, 8, 3\)"):
        dn.layers.DiffusionLayer()(np.zeros((2, 8, 8, 3), "float32"))
    with pytest.raises(ValueError, match="fixed image size"):
        dn.layers.LinearDiffusionLayer()(keras.Input((None, None, 1)))
    linear = dn.layers.LinearDiffusionLayer()
    linear(np.zeros((2, 8, 8, 1), "float32"))
    with pytest.raises(ValueError, match="incompatible"):
        linear(np.zeros((2, 1, 8, 1), "float32"))
    with pytest.raises(TypeError, match="image_shape"):
        dn.models.DiffNet(image_shape=(8, 8))
    with pytest.raises(ValueError, match="depth=0"):
        dn.layers.FilterEstimator(depth=0)
    with pytest.raises(TypeError, match="width=3.5 is a float"):
        dn.layers.FilterEstimator(width=3.5)
