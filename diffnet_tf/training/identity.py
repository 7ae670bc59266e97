"""The identity of a training: its configuration and the output of `degrade`. Resuming requires that both are equal.

A function cannot be saved in a file, and its name is not enough, because its code may have changed. So its output for a
fixed batch is saved. A model is identified by its configuration, without the names that Keras numbers anew each time.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from diffnet_tf import data
from diffnet_tf.base import randomness
from diffnet_tf.base.types import Array
from diffnet_tf.data import degrading, examples
from diffnet_tf.data.plan import Plan
from diffnet_tf.networks.image_model import ImageModel
from diffnet_tf.training import attributes
from diffnet_tf.training import callbacks as callback_state
from diffnet_tf.training.recipes import Recipe

VERSION = 2  # format of the configuration; version 1 had only names of functions and sizes of models
_KEPT = 2  # number of examples of the batch to save


def configuration(
    model: keras.Model,
    recipe: Recipe,
    steps: int,
    every: int,
    images: data.GrayImages,
    validation: data.GrayImages | None,
    options: dict[str, Any],
    callbacks: Sequence[keras.callbacks.Callback],
) -> dict[str, Any]:
    """All settings that must be equal, as plain values. For the output of `degrade`, see `outcome`."""
    described: dict[str, Any] = {"parameters": int(model.count_params())}
    if isinstance(model, ImageModel):
        described |= {name: value for name, value in model.get_config().items() if name != "name"}
    else:
        described["configuration"] = of_model(model)
        layers = attributes.of_model(model)
        if layers is not None:
            described["layers"] = _plain_values(layers)
    scales = {"scale": images.scale} if images.scale != "maximum" else {}
    return {
        "version": VERSION,
        "model": {"class": type(model).__name__, **described},
        # As in older checkpoints, which lack this field.
        "recipe": {k: v for k, v in dataclasses.asdict(recipe).items() if (k, v) != ("refresh_every", None)},
        "steps": steps,
        "validate_every": every,
        "images": images.fingerprint(),
        **scales,
        "validation": None if validation is None else validation.fingerprint(),
        "callbacks": callback_state.settings(callbacks, recipe, steps, every),
        **options,
        "degrade": None if options["degrade"] is None else "given",
    }


# ---- Functions -------------------------------------------------------------------------------------------------------


def outcome(plan: Plan) -> dict[str, Array]:
    """The output of `plan.degrade` for a fixed batch, as arrays by name; empty if there is no such function.

    The upper half of the images shows the first training examples. The lower half is noise from 0 to 1, because on flat
    images two functions that differ only at edges would give the same output. If the function draws random numbers, it
    runs with a fixed random state, and its own state is restored afterwards, see `base.randomness`. If its output still
    varies, only an empty array is saved.
    """
    if plan.degrade is None:
        return {}
    drawn = plan.examples.batch(0, plan.batch_size)
    clean = drawn.clean.copy()
    lower = clean[:, clean.shape[1] // 2 :]
    random_bits = examples.bits(examples.NUMPY, lower.size, 0)
    lower[:] = examples.uniform(examples.NUMPY, random_bits).reshape(lower.shape)
    made = []
    for _ in range(2):
        with randomness.seeded(plan.diffuse):
            made.append(degrading.made(plan.diffuse, plan.given(clean, drawn.parameter))[:_KEPT])
    return {"degrade/outcome": np.zeros(0, "float32") if degrading.differ(*made) else made[0]}


# ---- Models ----------------------------------------------------------------------------------------------------------


def of_model(model: keras.Model) -> Any:
    """The configuration of a model as plain values without names, equal for models that compute the same.

    Layers are identified by their position, also in nested models. Custom layers are described by `get_config`, or else
    by their `attributes`. For a model without a configuration, only the shapes of its variables are used.
    """
    try:
        config = {"config": model.get_config()}
    except NotImplementedError:
        config = {"variables": [list(variable.shape) for variable in model.variables]}
    return _plain_values(config)


def _plain_values(config: dict[str, Any]) -> Any:
    return json.loads(json.dumps(_unnamed(config, {}), default=lambda other: type(other).__name__))


def not_compared(configuration: Mapping[str, Any], outcome: Mapping[str, Array]) -> str:
    """A warning that lists what cannot be compared with a checkpoint; "" if everything can."""
    parts = ["degrade, whose output varies,"] if any(not array.size for array in outcome.values()) else []
    names = sorted(set(attributes.unknown(configuration.get("model", {}).get("layers"))))
    if names:
        parts.append(f"{', '.join(names)} of layers without get_config")
    what = " and ".join(parts)
    return f"{what} cannot be compared with the checkpoint. Make sure that nothing has changed." if parts else ""


# How a layer was built and compiled follows from the rest or from the recipe.
_LEFT_OUT = ("build_config", "compile_config")


def _unnamed(value: Any, places: dict[str, int]) -> Any:
    """Replace names in a part of a Keras configuration by `places`, the positions of layers in the enclosing model."""
    if isinstance(value, (list, tuple)):
        if len(value) == 3 and isinstance(value[0], str) and value[0] in places:  # [layer, call number, output number]
            return [places[value[0]], *value[1:]]
        return [_unnamed(part, places) for part in value]
    if not isinstance(value, dict):
        return value
    layers, config = value.get("layers"), value.get("config")
    if isinstance(layers, (list, tuple)) and all(isinstance(layer, dict) for layer in layers):
        names = [layer.get("name", (layer.get("config") or {}).get("name")) for layer in layers]
        places = {name: place for place, name in enumerate(names) if isinstance(name, str)}
    left_out = set(_LEFT_OUT)
    # Only for layers and their configurations; in other objects, a name may have a meaning.
    if _of_layer(value) or (isinstance(config, dict) and _of_layer(config)):
        left_out.add("name")
    return {key: _unnamed(part, places) for key, part in value.items() if key not in left_out}


def _of_layer(config: dict[str, Any]) -> bool:
    return "trainable" in config or "batch_shape" in config or "layers" in config
