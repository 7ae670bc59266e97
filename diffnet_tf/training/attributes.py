"""Describe layers whose class has no `get_config`, by their attributes.

For such a layer, Keras raises an error or returns only its dtype, and then it cannot describe the model around it
either. So this module reads the layer's attributes: numbers and strings as they are, arrays by a checksum, layers by
their configuration. Anything else, such as a function, is recorded only by name; `unknown` lists these.
"""

import contextlib
import types
import zlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

UNKNOWN = "not known"
_LIBRARIES = ("builtins", "numpy", "scipy", "keras", "tensorflow", "jax", "torch")
_OF_A_RUN = (keras.Metric, keras.Loss, keras.Optimizer, keras.Variable, keras.random.SeedGenerator)
# Attributes that Keras adds while a model is used.
_KERAS_OWN = (
    "optimizer",
    "stop_training",
    "stop_evaluating",
    "stop_predicting",
    "history",
    "call_signature_parameters",
)


def of_model(model: keras.Model) -> dict[str, Any] | None:
    """The configuration of a model, with attributes in place of each missing layer configuration.

    Returns:
        A dict as `get_config` returns it; None if all layers have their own `get_config`.
    """
    silent = [layer for layer in model._flatten_layers() if _is_silent(layer)]
    if not silent:
        return None
    with contextlib.ExitStack() as stack:
        for layer in silent:  # Keras calls get_config of the layer object, not of its class
            vars(layer)["get_config"] = lambda layer=layer: _attributes(layer)
            stack.callback(vars(layer).pop, "get_config")
        return dict(model.get_config())


def unknown(configuration: Any, name: str = "") -> Iterator[str]:
    """Yield the attributes in a configuration that are recorded only by name."""
    if isinstance(configuration, dict):
        if UNKNOWN in configuration:
            yield name
        for key, part in configuration.items():
            yield from unknown(part, name if key in ("config", "items") else str(key))
    elif isinstance(configuration, list):
        for part in configuration:
            yield from unknown(part, name)


def _is_silent(layer: keras.Layer) -> bool:
    if type(layer).__module__.startswith("keras."):
        return False
    own = type(layer).get_config
    return own is keras.Layer.get_config or own is keras.Model.get_config or not _says(layer)


def _says(layer: keras.Layer) -> bool:
    """Whether `get_config` works, or fails only because of an inner layer."""
    try:
        layer.get_config()
    except NotImplementedError:
        return any(_is_silent(inner) for inner in layer._flatten_layers(include_self=False))
    return True


def _attributes(layer: keras.Layer) -> dict[str, Any]:
    left_out = {*_KERAS_OWN, *vars(_plain()), "get_config"}
    mine = {name: value for name, value in vars(layer).items() if name not in left_out}
    described = {
        name: _value(value)
        for name, value in sorted(mine.items())
        # Private attributes may also belong to Keras or a backend; keep only their plain values.
        if not isinstance(value, _OF_A_RUN) and (not name.startswith("_") or isinstance(value, (bool, int, float, str)))
    }
    variables = [list(variable.shape) for variable in layer.variables]
    return {"trainable": layer.trainable, "attributes": described, "variables": variables}


def _plain() -> keras.Model:
    """An empty model: its attributes are those that every model gets from Keras."""
    model = keras.Model()
    model.compile("sgd", "mse")
    return model


def _value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, keras.Layer):
        return {"class": type(value).__name__, "config": {**value.get_config(), "trainable": value.trainable}}
    if isinstance(value, (list, tuple)):
        return [_value(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _value(part) for key, part in value.items()}
    if isinstance(value, np.ndarray) or keras.ops.is_tensor(value):
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(value))
        return {"shape": list(array.shape), "dtype": str(array.dtype), "crc32": zlib.crc32(array.tobytes())}
    if hasattr(value, "get_config") and not isinstance(value, type):
        return {"class": type(value).__name__, "config": value.get_config()}
    named = getattr(value, "__qualname__", type(value).__qualname__)
    known = isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc)) and (
        str(getattr(value, "__module__", None) or "numpy").split(".")[0] in _LIBRARIES
    )
    return {"name": named} if known else {UNKNOWN: named}
