"""What Keras callbacks remember from one epoch to the next: early stopping's best weights, the patience used up.

Keras has no method that gives a callback's state, and users write their own: so the attributes are looked at. Kept are
those that are numbers, None or lists of arrays, which is all the state of Keras's `EarlyStopping`, `ReduceLROnPlateau`
and `TerminateOnNaN`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from diffnet_tf.base.types import Array

_KIND, _NUMBERS = "callbacks", (bool, int, float, np.number)


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
        vars(callback).update(state)


_SETTINGS = ("monitor", "mode", "patience", "min_delta", "factor", "restore_best_weights", "start_from_epoch")


def settings(callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, dict[str, Any]]:
    """What must be equal for a run to go on: the settings of callbacks that watch a quantity and change the training.

    Others only look on, and may come and go.
    """
    return {
        key: {name: value for name, value in vars(callback).items() if name in _SETTINGS}
        for key, callback in _by_name(callbacks)
        if hasattr(callback, "monitor")
    }
