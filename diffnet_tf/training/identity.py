"""What must be equal for one run to go on from another's checkpoint: its configuration, and what its `degrade` does.

A function cannot be kept in a file, and its name says little: it may have been edited since. So what it makes of a
fixed batch is kept. A model is known by its configuration, without the names that Keras counts up from run to run.
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
from diffnet_tf.data.pairs import Plan
from diffnet_tf.networks.image_model import ImageModel
from diffnet_tf.training import attributes
from diffnet_tf.training import callbacks as callback_state
from diffnet_tf.training.recipes import Recipe

VERSION = 2  # of the configuration: the first one knew functions by their names and models by their size
_KEPT = 2  # examples of the batch


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
    """What must be equal, as plain values, but for what `outcome` finds."""
    described: dict[str, Any] = {"parameters": int(model.count_params())}
    if isinstance(model, ImageModel):
        described |= {name: value for name, value in model.get_config().items() if name != "name"}
    else:
        described["configuration"] = of_model(model)
        layers = attributes.of_model(model)
        if layers is not None:
            described["layers"] = _plain_values(layers)
    return {
        "version": VERSION,
        "model": {"class": type(model).__name__, **described},
        "recipe": dataclasses.asdict(recipe),
        "steps": steps,
        "validate_every": every,
        "images": images.fingerprint(),
        "validation": None if validation is None else validation.fingerprint(),
        "callbacks": callback_state.settings(callbacks, recipe, steps, every),
        **options,
        "degrade": None if options["degrade"] is None else "given",
    }


# ---- Functions -------------------------------------------------------------------------------------------------------


def outcome(plan: Plan) -> dict[str, Array]:
    """What the `degrade` of a plan makes of a fixed batch: arrays by name, none without a `degrade`.

    The upper half of the images are the first examples of the training, the lower half is noise from 0 to 1: on flat
    images, functions that differ at edges would look alike. A function that draws random numbers is given a known state
    to draw from, and finds its own again, see `base.randomness`. Of one that still does not repeat itself, nothing can
    be kept but that.
    """
    if plan.degrade is None:
        return {}
    drawn = plan.examples.batch(0, plan.batch_size)
    clean = drawn.clean.copy()
    lower = clean[:, clean.shape[1] // 2 :]
    random_bits = examples.bits(examples.NUMPY, lower.size, 0)
    lower[:] = examples.uniform(examples.NUMPY, random_bits).reshape(lower.shape)
    given = (clean,) if plan.parameter is None else (clean, drawn.parameter)
    made = []
    for _ in range(2):
        with randomness.seeded(plan.degrade):
            made.append(degrading.made(plan.degrade, given)[:_KEPT])
    return {"degrade/outcome": np.zeros(0, "float32") if degrading.differ(*made) else made[0]}


# ---- Models ----------------------------------------------------------------------------------------------------------


def of_model(model: keras.Model) -> Any:
    """The configuration of a model as plain values without names: equal for models that compute the same.

    Layers are known by their place, in nested models too; what else a custom layer is, its `get_config` has to say,
    else see `attributes`. Of a model without a configuration there are only the shapes of its variables.
    """
    try:
        config = {"config": model.get_config()}
    except NotImplementedError:
        config = {"variables": [list(variable.shape) for variable in model.variables]}
    return _plain_values(config)


def _plain_values(config: dict[str, Any]) -> Any:
    return json.loads(json.dumps(_unnamed(config, {}), default=lambda other: type(other).__name__))


def not_compared(configuration: Mapping[str, Any], outcome: Mapping[str, Array]) -> str:
    """A line that says what of a run cannot be compared with another's; "" where everything can."""
    found = ["degrade, which does not repeat itself"] if any(not array.size for array in outcome.values()) else []
    names = sorted(set(attributes.unknown(configuration.get("model", {}).get("layers"))))
    if names:
        found.append(f"{', '.join(names)} of layers without get_config")
    return f"{' and '.join(found)} cannot be compared with the checkpoint's: make sure of it." if found else ""


# Of a layer: how it was built and compiled follows from the rest, or is the recipe's.
_LEFT_OUT = ("build_config", "compile_config")


def _unnamed(value: Any, places: dict[str, int]) -> Any:
    """A part of a Keras configuration; `places` are those of the layers of the model around it."""
    if isinstance(value, (list, tuple)):
        if len(value) == 3 and isinstance(value[0], str) and value[0] in places:  # [layer, its call, its output]
            return [places[value[0]], *value[1:]]
        return [_unnamed(part, places) for part in value]
    if not isinstance(value, dict):
        return value
    layers, config = value.get("layers"), value.get("config")
    if isinstance(layers, (list, tuple)) and all(isinstance(layer, dict) for layer in layers):
        names = [layer.get("name", (layer.get("config") or {}).get("name")) for layer in layers]
        places = {name: place for place, name in enumerate(names) if isinstance(name, str)}
    left_out = set(_LEFT_OUT)
    # A layer, or the configuration of one: other objects may mean something by a name.
    if _of_layer(value) or (isinstance(config, dict) and _of_layer(config)):
        left_out.add("name")
    return {key: _unnamed(part, places) for key, part in value.items() if key not in left_out}


def _of_layer(config: dict[str, Any]) -> bool:
    return "trainable" in config or "batch_shape" in config or "layers" in config
