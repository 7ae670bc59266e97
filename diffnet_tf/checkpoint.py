"""Save a training run and take it up again exactly where it was.

A checkpoint is one NPZ file without pickles: the variables of the model and of the optimiser, and as JSON the step,
the history so far and the configuration of the run. The data need no saving: example i is a function of the seed and
i (`data.examples`), and so is the learning rate of the optimiser's step count.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf.types import PathLike

NAME = "checkpoint.npz"


def _variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    yield from ((f"model/{i:04d}", v) for i, v in enumerate(model.variables))
    yield from ((f"optimizer/{i:04d}", v) for i, v in enumerate(model.optimizer.variables))


def save(directory: PathLike, model: keras.Model, step: int, history: Any, configuration: dict[str, Any]) -> None:
    """Write the state of a compiled model after `step` training steps: the whole file or nothing.

    Args:
        directory: a folder, made if it is missing.
        model: a compiled and built Keras model.
        step: steps done.
        history: anything JSON holds.
        configuration: a dict that JSON holds; `load` refuses a run of another one.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    meta = json.dumps({"step": step, "history": history, "configuration": configuration})
    arrays = {name: ops.convert_to_numpy(variable) for name, variable in _variables(model)}
    temporary = directory / (NAME + ".tmp")
    with open(temporary, "wb") as file:
        np.savez(file, meta=np.frombuffer(meta.encode(), "uint8"), **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, directory / NAME)


def load(directory: PathLike, model: keras.Model, configuration: dict[str, Any]) -> tuple[int, Any] | None:
    """Put a saved state back into a compiled model.

    Returns:
        (step, history), or None when the folder holds no checkpoint.

    Raises:
        ValueError: when the checkpoint is of another configuration, naming the fields that differ, or its variables
            are not those of the model.
    """
    path = Path(directory) / NAME
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        meta = json.loads(arrays["meta"].tobytes().decode())
        _compare(path, meta["configuration"], json.loads(json.dumps(configuration)))
        model.optimizer.build(model.trainable_variables)
        variables = dict(_variables(model))
        shapes = {name: arrays[name].shape for name in arrays.files if name != "meta"}
        if shapes != {name: tuple(v.shape) for name, v in variables.items()}:
            raise ValueError(f"{path} holds other variables than this model and optimiser; remove it to start anew.")
        for name, variable in variables.items():
            variable.assign(arrays[name])
    return meta["step"], meta["history"]


def _compare(path: Path, saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    fields = sorted(k for k in saved.keys() | wanted.keys() if saved.get(k) != wanted.get(k))
    if fields:
        lines = ", ".join(f"{k}: {saved.get(k)!r} there, {wanted.get(k)!r} here" for k in fields)
        raise ValueError(f"{path} is of a run with another configuration ({lines}). Use another folder, or remove it.")
