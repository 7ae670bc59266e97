"""Save and restore the state of Keras callbacks, such as the best weights of early stopping, and check their settings.

Keras has no method that returns the state of a callback, and users write their own callbacks. So the state is read from
the attributes: those that are numbers, None or lists of arrays. This is the complete state of Keras's `EarlyStopping`,
`ReduceLROnPlateau` and `TerminateOnNaN`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import randomness
from diffnet_tf.base.types import Array
from diffnet_tf.training.recipes import RECIPES, Recipe

_KIND, _NUMBERS = "callbacks", (bool, int, float, np.number)
# Arguments of a callback, not its state. Keras changes the sign of min_delta when training begins.
_SETTINGS = ("monitor", "mode", "patience", "min_delta", "factor", "restore_best_weights", "start_from_epoch")
_PROBED = 100  # number of intervals at which to evaluate a scheduler


def _by_name(callbacks: Sequence[keras.callbacks.Callback]) -> Iterator[tuple[str, keras.callbacks.Callback]]:
    """Name callbacks by class and number within the class: "EarlyStopping-0"."""
    seen: dict[str, int] = {}
    for callback in callbacks:
        kind = type(callback).__name__
        yield f"{kind}-{seen.setdefault(kind, 0)}", callback
        seen[kind] += 1


def save(callbacks: Sequence[keras.callbacks.Callback]) -> tuple[dict[str, list[str]], dict[str, Array]]:
    """The state of callbacks: (for each callback, the names of attributes that are None; all other state as arrays)."""
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
    """Restore the state of callbacks. Call it after `on_train_begin`, which resets them."""
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
    """The callback settings that must not change when a training resumes, as plain values.

    These are the settings of all callbacks that monitor a quantity, and the rates of a `LearningRateScheduler`. Other
    callbacks may be added or removed.
    """
    result = {}
    for key, callback in _by_name(callbacks):
        if hasattr(callback, "monitor"):
            result[key] = {name: value for name, value in vars(callback).items() if name in _SETTINGS}
            if "min_delta" in result[key]:  # Keras sets its sign when the first interval ends
                result[key]["min_delta"] = abs(result[key]["min_delta"])
        elif isinstance(callback, keras.callbacks.LearningRateScheduler):
            result[key] = {"rates": _rates(callback, recipe.learning_rate, -(-steps // every))}
    return result


def _rates(callback: keras.callbacks.LearningRateScheduler, rate: float, intervals: int) -> list[float]:
    """The rates of a scheduler at all intervals of a training, or at 100 of them."""
    rates = []
    with randomness.seeded(callback.schedule):
        for epoch in np.unique(np.linspace(0, intervals - 1, min(intervals, _PROBED)).astype(int)):
            try:
                rates.append(float(callback.schedule(int(epoch), rate)))
            except TypeError:  # Keras also accepts a function of the epoch alone
                rates.append(float(callback.schedule(int(epoch))))
    return rates


def check(callbacks: Sequence[keras.callbacks.Callback], recipe: Recipe) -> None:
    """Refuse callbacks that set the learning rate if the recipe has a schedule; Keras would fail during training.

    Raises:
        ValueError: in this case.
    """
    setters = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
    for callback in callbacks:
        if isinstance(callback, setters) and recipe.schedule != "constant":
            names = ", ".join(name for name, each in RECIPES.items() if each.schedule != "constant")
            raise ValueError(
                f"{type(callback).__name__} sets the learning rate, but so does the recipe's "
                f"schedule={recipe.schedule!r} (recipes with a schedule: {names}); expected a constant rate. Use "
                "dataclasses.replace(dn.recipes.get('fast'), schedule='constant')."
            )
