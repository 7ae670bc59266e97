"""The convolutions that low precision must not touch: exact in float32, and where a device narrows float32."""

import keras
import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from diffnet_tf.base import backend
from diffnet_tf.networks.convolution import Conv2D, make
from experiments.lib import narrow

ENDS = {"first": {"first": True}, "last": {"last": True}, "both": {"first": True, "last": True}}


def layer_and_input(rng, channels_in, seed=0, **ends):
    keras.utils.set_random_seed(seed)
    layer = make(6, activation="relu", bias_initializer="uniform", **ends)
    u = rng.random((2, 9, 7, channels_in), "float32")
    layer.build(u.shape)
    return layer, u


def plain(layer, u, dtype="float64"):
    """The same convolution as nine shifted products in NumPy."""
    kernel, bias = (ops.convert_to_numpy(v).astype(dtype) for v in (layer.kernel, layer.bias))
    padded = np.pad(u.astype(dtype), ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = u.shape[1:3]
    taps = [padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)]
    return np.maximum(sum(taps) + bias, 0)


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("ends", ENDS)
def test_it_is_a_convolution(rng, ends, guarded):
    layer, u = layer_and_input(rng, 3, **ENDS[ends])
    with backend.guarded() if guarded else backend.memory_errors(""):
        output = ops.convert_to_numpy(layer(u))
    assert isinstance(layer, Conv2D)
    np.testing.assert_allclose(output, plain(layer, u), atol=2e-6)


def test_on_a_processor_bits_are_those_of_keras(rng):
    """Where nothing narrows float32, nothing is split: other than by `Conv2D`, not one bit changes."""
    layer, u = layer_and_input(rng, 1, first=True, last=True)
    theirs = keras.layers.Conv2D.from_config(
        {k: v for k, v in layer.get_config().items() if not k.startswith("split_")}
    )
    theirs.build(u.shape)
    theirs.set_weights(layer.get_weights())
    if not backend.narrows_float32():
        np.testing.assert_array_equal(ops.convert_to_numpy(layer(u)), ops.convert_to_numpy(theirs(u)))


def test_in_tf32_the_image_is_not_rounded(rng):
    """With kernels that TF32 holds, the first convolution is exact there; without the split it is not."""
    layer, u = layer_and_input(rng, 1, first=True)
    layer.kernel.assign(narrow.rounded(ops.convert_to_numpy(layer.kernel), 11))
    errors = {}
    for guarded in (True, False):
        with narrow.device("TF32", guarded):
            errors[guarded] = np.abs(ops.convert_to_numpy(layer(u)) - plain(layer, u)).max()
    assert errors[True] < 1e-6 < 5e-5 < errors[False]


def test_in_tf32_the_last_kernel_is_not_rounded(rng):
    layer, u = layer_and_input(rng, 8, last=True)
    u = narrow.rounded(u, 11)
    errors = {}
    for guarded in (True, False):
        with narrow.device("TF32", guarded):
            errors[guarded] = np.abs(ops.convert_to_numpy(layer(u)) - plain(layer, u)).max()
    assert errors[True] < 2e-6 < 2e-5 < errors[False]


@pytest.mark.parametrize("kind", narrow.BITS)
def test_the_emulation_rounds_as_the_bits_say(rng, kind):
    x = (rng.normal(size=1000) * 10.0 ** rng.integers(-6, 3, 1000)).astype("float32")
    ours = ops.convert_to_numpy(narrow.tensor_rounded(ops.convert_to_tensor(x), narrow.BITS[kind]))
    np.testing.assert_array_equal(ours, narrow.rounded(x, narrow.BITS[kind]))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="takes gradients with TensorFlow's tape")
@pytest.mark.parametrize("ends", ENDS)
def test_gradients_are_those_of_the_plain_convolution(rng, ends):
    import tensorflow as tf

    layer, u = layer_and_input(rng, 3, **ENDS[ends])
    found = []
    for guarded in (True, False):
        with backend.guarded() if guarded else backend.memory_errors(""), tf.GradientTape() as tape:
            x = tf.constant(u)
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        found.append(tape.gradient(loss, [x, layer.kernel.value, layer.bias.value]))
    for split, whole in zip(*found):
        np.testing.assert_allclose(split, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_ends_are_float32_under_every_policy(rng, policy):
    """First and last convolution are in float32, whatever comes between, and in the estimator's call, too."""
    estimator = dn.layers.FilterEstimator(depth=3, width=4, dtype=policy)
    u = rng.random((1, 8, 8, 1), "float32") / 3
    filters = estimator(u)
    assert keras.backend.standardize_dtype(filters.dtype) == "float32"
    first = estimator.convolutions[0]
    weights = [ops.convert_to_numpy(ops.cast(v, "float32")) for v in (first.kernel, first.bias)]
    wide = keras.layers.Conv2D(4, 3, padding="same", activation="relu", data_format="channels_last")
    wide.build(u.shape)
    wide.set_weights(weights)
    np.testing.assert_allclose(
        ops.convert_to_numpy(first(ops.convert_to_tensor(u))), ops.convert_to_numpy(wide(u)), atol=1e-7
    )


@pytest.mark.parametrize("network", [dn.models.ConvNet, dn.models.ResNet, lambda: dn.models.UNet((4, 8))])
def test_the_baselines_are_protected_as_well(network):
    """So that comparisons under TF32 or bfloat16 stay fair."""
    convolutions = [layer for layer in network().layers if isinstance(layer, keras.layers.Conv2D)]
    first, last = convolutions[0], convolutions[-1]
    assert isinstance(first, Conv2D) and first.split_input
    assert isinstance(last, Conv2D) and last.split_kernel
    assert not any(isinstance(layer, Conv2D) for layer in convolutions[1:-1])
