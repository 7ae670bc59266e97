"""Gradients by recomputation: the same numbers from less memory."""

import itertools
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from tests.conftest import BACKEND, mostly_slow, slow

NETWORKS = {
    "shared": lambda: dn.models.DiffNet(4, 3, 6, shared=True, relu=False),
    "five arguments": lambda: dn.models.DiffNet(2, 3, 6, points=9, noise_map=True, reaction=True, relu=False),
    "half precision": lambda: dn.models.DiffNet(2, 3, 6, dtype="mixed_bfloat16"),
    "frozen": lambda: frozen(dn.models.DiffNet(2, 3, 6)),
    "linear": lambda: dn.models.LinearDiffNet((12, 13), 3, filters_initializer="random_normal"),
    "conditioned": lambda: dn.models.ConditionedDiffNet(2, 3, 6, residual=True, correction=True, start=1, steps=3),
    "TNRD": lambda: dn.models.ReactionDiffusionNet(2, 3, centres=9),
}
MODES = {"tensorflow": ("compiled", "eager", "XLA"), "jax": ("compiled", "eager"), "torch": ("eager",)}[BACKEND]
CASES = list(itertools.product(NETWORKS, MODES))
QUICK = (
    CASES
    if BACKEND == "torch"
    else [("shared", MODES[0]), *((name, MODES[0]) for name in ("five arguments", "frozen", "conditioned"))]
)


def frozen(model):
    for layer in model.diffusion_layers:
        layer.estimator.trainable = False
    return model


def compiled(function, mode):
    if BACKEND == "jax" and mode == "compiled":
        import jax

        return jax.jit(function)
    if BACKEND == "tensorflow" and mode != "eager":
        import tensorflow as tf

        return tf.function(function, jit_compile=mode == "XLA")
    return function


def gradients(model, u, target, mode="compiled"):
    """The gradients of the mean squared error by the weights."""

    def error(output):
        return ops.mean(ops.square(output - ops.convert_to_tensor(target)))

    u, variables = ops.convert_to_tensor(u), model.trainable_variables
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def of_images(u):
            with tf.GradientTape() as tape:
                value = error(model(u, training=True))
            return tape.gradient(value, [variable.value for variable in variables])

        found = compiled(of_images, mode)(u)
    elif BACKEND == "jax":
        import jax

        def of_values(trained, others, u):
            return error(model.stateless_call(trained, others, u, training=True)[0])

        values = [[each.value for each in kind] for kind in (variables, model.non_trainable_variables)]
        found = compiled(jax.grad(of_values), mode)(*values, u)
    else:
        model.zero_grad()
        error(model(u, training=True)).backward()
        found = [variable.value.grad for variable in variables]
    return [ops.convert_to_numpy(each) for each in found]


@pytest.mark.parametrize(("name", "mode"), mostly_slow(CASES, *QUICK))
def test_gradients_are_the_same(name, mode, rng):
    keras.utils.set_random_seed(0)
    model = NETWORKS[name]()
    u = rng.random((2, 12, 13, model.input_shape[-1])).astype("float32")
    target = 0.9 * u[..., :1]
    expected = gradients(model, u, target, mode)
    model.recompute = True
    found = gradients(model, u, target, mode)
    assert len(found) == len(model.trainable_variables)
    tolerance = 2e-3 if name == "half precision" else 1e-5  # roundings to bfloat16 fall elsewhere
    for ours, theirs in zip(found, expected):
        assert np.linalg.norm(theirs) > 0 or name == "TNRD"  # its first λ multiplies 0
        assert np.linalg.norm(ours - theirs) <= tolerance * np.linalg.norm(theirs)


def test_nan_in_the_incoming_gradient_stays(rng):
    """The recomputation starts from it, so it must not hide it."""
    model = dn.models.DiffNet(2, 2, 4, shared=True, relu=False)
    model.recompute = True
    u = rng.random((1, 8, 8, 1)).astype("float32")
    assert any(np.isnan(each).any() for each in gradients(model, u, np.full_like(u, np.nan)))


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX says how much memory a compiled function takes")
def test_the_compiler_does_not_merge_the_recomputation_with_the_first_one(rng):
    import jax

    u = rng.random((2, 32, 32, 1)).astype("float32")
    model = dn.models.DiffNet(8, 2, 16, shared=True)
    values = [variable.value for variable in model.trainable_variables]

    def size(recompute):
        model.recompute = recompute

        def error(values):
            return ops.mean(model.stateless_call(values, [], u, training=True)[0])

        return jax.jit(jax.grad(error)).lower(values).compile().memory_analysis().temp_size_in_bytes

    assert size(True) < size(False) / 2


PEAK = """
    import resource
    import numpy as np
    import diffnet_tf as dn

    model = dn.models.DiffNet({layers}, shared=True)
    model.recompute = {recompute}
    model.compile("sgd", "mse", jit_compile=False)
    u = np.zeros((8, 96, 96, 1), "float32")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model.train_on_batch(u, u)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@slow
@pytest.mark.skipif(BACKEND != "tensorflow" or sys.platform != "linux", reason="peak memory of a process")
def test_tensorflow_frees_what_was_recomputed():
    """Both steps hold the graph, and what one layer needs; without recomputation, 15 further layers need 500 MiB."""

    def peak(**options):
        program = textwrap.dedent(PEAK.format(**options))
        return int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout)

    few, many = (peak(layers=layers, recompute=True) for layers in (5, 20))
    assert many - few < 150 * 1024
    assert peak(layers=20, recompute=False) - many > 300 * 1024


@slow
def test_training_is_the_same(photographs):
    """Its losses are; weights differ, since SOAP divides gradients by their size, however small."""

    def losses(recompute):
        keras.utils.set_random_seed(0)
        model = dn.models.DiffNet(3, 2, 4, shared=True, initial_scale=0.01)
        model.recompute = recompute
        trained = dn.training.fit(model, photographs, "authors", steps=3, validate_every=1, verbose=False)
        return [row["loss"] for row in trained.history]

    np.testing.assert_allclose(losses(True), losses(False), rtol=1e-3)


def test_it_is_no_part_of_the_network():
    """A trained network is the same with and without: its configuration, and so its files and cards."""
    model = dn.models.DiffNet(2, 2, 4, shared=True)
    before = model.get_config()
    assert not model.recompute
    model.recompute = True
    assert model.recompute and model.get_config() == before
    assert not dn.models.DiffNet.from_config(before).recompute
    model.recompute = False
    assert not model.diffusion_layers[0].recompute


def test_networks_without_such_layers_refuse():
    with pytest.raises(ValueError, match=r"ConvNet has no diffusion layers"):
        dn.models.ConvNet(2, 4).recompute = True
