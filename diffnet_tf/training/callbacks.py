"""Keras callbacks: which go with a recipe, and what they remember: early stopping's best weights, the patience used up.

Keras has no method that gives a callback's state, and users write their own: so the attributes are looked at. Kept are
those that are numbers, None or lists of arrays, which is all the state of Keras's `EarlyStopping`, `ReduceLROnPlateau`
and `TerminateOnNaN`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import randomness
from diffnet_tf.base.types import Array
from diffnet_tf.training.recipes import RECIPES, Recipe

_KIND, _NUMBERS = "callbacks", (bool, int, float, np.number)
# Given, not remembered: a callback has them from its maker, and Keras changes the sign of one when a run begins.
_SETTINGS = ("monitor", "mode", "patience", "min_delta", "factor", "restore_best_weights", "start_from_epoch")
_PROBED = 100  # intervals


def _by_name(callbacks: Sequence[keras.callbacks.Callback]) -> Iterator[tuple[str, keras.callbacks.Callback]]:
    """Callbacks as "EarlyStopping-0": by class, and of one class by their order."""
    seen: dict[str, int] = {}
    for callback in callbacks:
        kind = type(callback).__name__
        yield f"{kind}-{seen.setdefault(kind, 0)}", callback
        seen[kind] += 1


def save(callbacks: Sequence[keras.callbacks.Callback]) -> tuple[dict[str, list[str]], dict[str, Array]]:
    """The state of callbacks: (of each the names of attributes that are None, arrays of all others)."""
    nothing: dict[str, list[str]] = {}
    arrays: dict[str, Array] = {}
    for key, callback in _by_name(callbacks):
        nothing[key] = sorted(name for name, value in vars(callback).items() if value is None)
        for name, value in vars(callback).items():
            if isinstance(value, _NUMBERS):
                arrays[f"{_KIND}/{key}/{name}"] = np.asarray(value)
            elif isinstance(value, list) and all(isinstance(part, (np.ndarray, np.generic)) for part in value):
                arrays |= {f"{_KIND}/{key}/{name}/{j:04d}": np.asarray(part) for j, part in enumerate(value)}
    return nothing, arrays


def restore(
    callbacks: Sequence[keras.callbacks.Callback], nothing: Mapping[str, Sequence[str]], arrays: Mapping[str, Array]
) -> None:
    """Give callbacks the state that those of the same names had, after their `on_train_begin`, which resets it."""
    for key, callback in _by_name(callbacks):
        state: dict[str, Any] = dict.fromkeys(nothing.get(key, ()))
        prefix = f"{_KIND}/{key}/"
        for path in sorted(path for path in arrays if path.startswith(prefix)):
            name, *place = path.removeprefix(prefix).split("/")
            if place:
                state.setdefault(name, []).append(arrays[path])
            else:
                state[name] = arrays[path].item()
        vars(callback).update({name: value for name, value in state.items() if name not in _SETTINGS})


def settings(
    callbacks: Sequence[keras.callbacks.Callback], recipe: Recipe, steps: int, every: int
) -> dict[str, dict[str, Any]]:
    """What must be equal for a run to go on: the settings of callbacks that change the training.

    These are all that watch a quantity, and the rates of a `LearningRateScheduler`. Others only look on, and may come
    and go.
    """
    found = {}
    for key, callback in _by_name(callbacks):
        if hasattr(callback, "monitor"):
            found[key] = {name: value for name, value in vars(callback).items() if name in _SETTINGS}
            if "min_delta" in found[key]:  # Keras gives it the sign of the direction, when the first interval ends
                found[key]["min_delta"] = abs(found[key]["min_delta"])
        elif isinstance(callback, keras.callbacks.LearningRateScheduler):
            found[key] = {"rates": _rates(callback, recipe.learning_rate, -(-steps // every))}
    return found


def _rates(callback: keras.callbacks.LearningRateScheduler, rate: float, intervals: int) -> list[float]:
    """What a scheduler makes of a rate in the intervals of a run, or in 100 of them."""
    rates = []
    with randomness.seeded(callback.schedule):
        for epoch in np.unique(np.linspace(0, intervals - 1, min(intervals, _PROBED)).astype(int)):
            try:
                rates.append(float(callback.schedule(int(epoch), rate)))
            except TypeError:  # Keras takes a function of the epoch alone, too
                rates.append(float(callback.schedule(int(epoch))))
    return rates


def check(callbacks: Sequence[keras.callbacks.Callback], recipe: Recipe) -> None:
    """Refuse callbacks that set the learning rate beside a schedule that does, which Keras finds in the middle.

    Raises:
        ValueError: naming the recipes with a schedule.
    """
    setters = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
    for callback in callbacks:
        if isinstance(callback, setters) and recipe.schedule != "constant":
            names = ", ".join(name for name, each in RECIPES.items() if each.schedule != "constant")
            raise ValueError(
                f"{type(callback).__name__} sets the learning rate, and so does the recipe's "
                f"schedule={recipe.schedule!r} (recipes with a schedule: {names}); expected a constant rate: "
                "dataclasses.replace(dn.recipes.get('fast'), schedule='constant')."
            )
