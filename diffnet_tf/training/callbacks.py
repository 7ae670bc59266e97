"""What Keras callbacks remember from one epoch to the next: early stopping's best weights, the patience used up.

Kept are the attributes of a callback that are numbers, None or lists of arrays, which is all the state of Keras's
`EarlyStopping`, `ReduceLROnPlateau` and `TerminateOnNaN`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from diffnet_tf.base.types import Array

_KIND = "callbacks"


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
            if isinstance(value, (bool, int, float, np.number)):
                arrays[f"{_KIND}/{key}/{name}"] = np.asarray(value)
            elif (
                isinstance(value, list) and value and all(isinstance(part, (np.ndarray, np.generic)) for part in value)
            ):
                arrays |= {f"{_KIND}/{key}/{name}/{j:04d}": np.asarray(part) for j, part in enumerate(value)}
    return nothing, arrays


def restore(
    callbacks: Sequence[keras.callbacks.Callback], nothing: Mapping[str, Sequence[str]], arrays: Mapping[str, Array]
) -> None:
    """Give callbacks the state that those of the same names had, after their `on_train_begin`, which resets it."""
    named = dict(_by_name(callbacks))
    for key in named.keys() & nothing.keys():
        for name in nothing[key]:
            setattr(named[key], name, None)
    lists: dict[tuple[str, str], list[Array]] = {}
    for path in sorted(arrays):
        kind, *parts = path.split("/")
        if kind != _KIND or parts[0] not in named:
            continue
        if len(parts) == 2:
            setattr(named[parts[0]], parts[1], arrays[path].item())
        else:
            lists.setdefault((parts[0], parts[1]), []).append(arrays[path])
    for (key, name), values in lists.items():
        setattr(named[key], name, values)


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
