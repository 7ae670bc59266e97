"""Layers and models without a configuration are known by what they hold, and keep a run from going on as another."""

import functools
import json
import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from diffnet_tf.training import checkpoint, identity
from tests.training.test_identity import fit, functional


class Silent(layers.Layer):
    """A layer of the user's own that has no get_config."""

    def __init__(self, function, factor=1.0):
        super().__init__()
        self.function, self._factor = function, factor

    def call(self, u):
        return self._factor * self.function(u)


class Subclassed(keras.Model):
    """A model of the user's own, of which Keras knows no configuration."""

    def __init__(self, factor=1.0, dilation=1, kernel=(1.0, 2.0), inner=1.0):
        super().__init__()
        self.steps = [layers.Conv2D(1, 3, padding="same", dilation_rate=dilation), Silent(ops.abs, inner)]
        self.factor, self.kernel = factor, np.array(kernel)

    def call(self, u):
        for step in self.steps:
            u = step(u)
        return self.factor * u


def subclassed(**options):
    model = Subclassed(**options)
    model(np.zeros((1, 8, 8, 1), "float32"))
    return model


def around_silent(function=ops.abs, factor=1.0, dilation=1, activation="relu", nested=False):
    """A functional model with a layer that says nothing: in a model within it, too."""
    image = keras.Input((None, None, 1))
    u = layers.Conv2D(2, 3, padding="same", dilation_rate=dilation)(image)
    silent = Silent(function, factor)
    if nested:
        inner = keras.Input((None, None, 2))
        silent = keras.Model(inner, silent(inner))
    return keras.Model(image, layers.Conv2D(1, 3, padding="same", activation=activation)(silent(u)))


SILENT = {
    "a number": (subclassed, {"factor": 0.5}, "factor: 1.0 saved, 0.5 now"),
    "a layer": (subclassed, {"dilation": 2}, r"dilation_rate: \[1, 1\] saved, \[2, 2\] now"),
    "an array": (subclassed, {"kernel": (1.0, 3.0)}, "kernel/crc32"),
    "a layer within": (subclassed, {"inner": 2.0}, "_factor: 1.0 saved, 2.0 now"),
    "beside it": (around_silent, {"dilation": 2}, "dilation_rate"),
    "after it": (around_silent, {"activation": "tanh"}, "activation: 'relu' saved, 'tanh' now"),
    "in it": (around_silent, {"factor": 2.0}, "_factor: 1.0 saved, 2.0 now"),
    "its function": (around_silent, {"function": ops.sign}, "function/name: 'abs.* saved, 'sign.* now"),
    "nested": (functools.partial(around_silent, nested=True), {"factor": 2.0}, "_factor: 1.0 saved, 2.0 now"),
}


@pytest.mark.parametrize("case", SILENT)
def test_layers_without_a_configuration_are_known_by_what_they_hold(photographs, tmp_path, untrained, case):
    make, change, message = SILENT[case]
    fit(photographs, tmp_path, model=make())
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert fit(photographs, tmp_path, model=make()).steps == 1
    with pytest.raises(ValueError, match=f"another configuration .*{message}") as error:
        fit(photographs, tmp_path, model=make(**change))
    assert "\n" not in str(error.value)


def test_of_what_layers_hold_that_cannot_be_compared_is_said(photographs, tmp_path, untrained):
    """Here a function: not of the checkpoint of before such layers were looked at, which goes on."""
    fit(photographs, tmp_path, model=around_silent(lambda u: u))
    with pytest.warns(RuntimeWarning, match="function of layers without get_config cannot be compared"):
        assert fit(photographs, tmp_path, model=around_silent(lambda u: u)).steps == 1
    (path,) = tmp_path.glob("*.json")
    manifest = json.loads(path.read_text())
    del manifest["configuration"]["model"]["layers"]
    with np.load(path.with_suffix(".npz")) as stored:
        arrays = {name: stored[name] for name in stored.files}
    kept = {name: manifest[name] for name in ("step", "versions", "state", "configuration")}
    checkpoint.sealed.write(path, arrays, kept, own=True)
    assert fit(photographs, tmp_path, model=around_silent(ops.abs, factor=2.0)).steps == 1


def test_a_model_is_the_same_after_it_was_trained(photographs):
    """What Keras keeps in a model while it trains is none of what it is; and looking at it changes nothing."""
    model = subclassed()
    before, names = identity.attributes.of_model(model), set(vars(model))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(photographs[:2], photographs[:2], verbose=0)
    model.predict(photographs[:2], verbose=0)
    assert identity.attributes.of_model(model) == before
    assert "get_config" not in vars(model) and names <= set(vars(model))
    assert identity.attributes.of_model(functional()) is None
