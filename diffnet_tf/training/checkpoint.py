"""Save the state of a training and resume it exactly where it stopped.

A checkpoint consists of two files, see `files.sealed`. `STEP.npz` contains the variables of the model, the optimiser
and the metrics, and the state of callbacks (the best weights and the patience of early stopping). `STEP.json`, its
manifest, contains the configuration of the training and its hash, the library versions and other state. A checkpoint
whose writing was interrupted counts as not written. The two newest are kept; if the newest is damaged, the one before
is used.

The data are not saved: example i is a function of the seed and i (`data.examples`). The learning rate is a function of
the optimiser's step count.
"""

import dataclasses
import json
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.data import degrading
from diffnet_tf.files import provenance, sealed
from diffnet_tf.training import identity

KEPT = 2
_KINDS = {"step": int, "configuration": dict, "versions": dict, "state": dict}
_BACKENDS = ("tensorflow", "jax", "torch", "keras", "numpy", "python")


class OtherRun(ValueError):
    """The checkpoint belongs to a training with a different configuration."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint read from its files.

    Attributes:
        step: training steps done.
        state: the JSON state given to `save`.
        arrays: the variables, and the arrays given to `save`.
        first_version: whether its configuration has the format of the first version, see `as_first_written`.
    """

    step: int
    state: dict[str, Any]
    arrays: dict[str, Array]
    first_version: bool = False

    def restore(self, model: keras.Model) -> None:
        """Restore the variables of a compiled model with a built optimiser.

        Raises:
            ValueError: if their number or shapes differ from the model's.
        """
        _assign({**_named("model", model.variables), **_named("optimizer", model.optimizer.variables)}, self.arrays)

    def restore_metrics(self, model: keras.Model) -> None:
        """Restore the metrics, which in the middle of an interval have accumulated part of it."""
        build_metrics(model)
        _assign(_named("metrics", model.metrics_variables), self.arrays)


def build_metrics(model: keras.Model) -> None:
    """Create the metrics' variables before the first step would. Their values are meaningless until a reset."""
    nothing = np.zeros((1, 3, 3, 1), "float32")
    model.compute_metrics(nothing, nothing, nothing)


def _named(kind: str, variables: list[keras.Variable]) -> dict[str, keras.Variable]:
    return {f"{kind}/{i:04d}": variable for i, variable in enumerate(variables)}


def _assign(variables: dict[str, keras.Variable], arrays: Mapping[str, Array]) -> None:
    kinds = {name.split("/")[0] for name in variables}
    shapes = {name: array.shape for name, array in arrays.items() if name.split("/")[0] in kinds}
    if shapes != {name: tuple(v.shape) for name, v in variables.items()}:
        raise ValueError(
            "The checkpoint does not fit this model and optimiser; expected variables of the same number and shapes. "
            "Remove it to start again."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def save(
    directory: PathLike,
    model: keras.Model,
    step: int,
    state: Mapping[str, Any],
    configuration: Mapping[str, Any],
    arrays: Mapping[str, Array] | None = None,
    metrics: bool = False,
) -> None:
    """Save the state of a compiled model after `step` training steps: the whole checkpoint or nothing.

    Args:
        directory: the folder of checkpoints; created if missing.
        model: a compiled and built Keras model.
        step: steps done.
        state: any other state of the training, a dict that JSON can store.
        configuration: a dict that JSON can store; `load` refuses a checkpoint with a different one.
        arrays: further arrays; their names must not start with "model/", "optimizer/" or "metrics/".
        metrics: also save the metrics' state. Needed in the middle of an interval; at its end they are reset.

    Raises:
        FloatingPointError: if a variable is NaN or infinite, so that a good checkpoint is not replaced by a bad one.
        OSError: if the disk is full or fails; existing checkpoints remain.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    variables = {
        **_named("model", model.variables),
        **_named("optimizer", model.optimizer.variables),
        **(_named("metrics", model.metrics_variables) if metrics else {}),
    }
    values = {name: ops.convert_to_numpy(variable) for name, variable in variables.items()}
    for name, value in values.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise FloatingPointError(
                f"{variables[name].path} is not finite after step {step:,}, so it is not saved. Lower the learning "
                f"rate."
            )
    described = {
        "step": step,
        "configuration_sha256": sealed.sha256(configuration),
        "configuration": dict(configuration),
        "versions": _versions(),
        "state": dict(state),
    }
    sealed.write(directory / f"{step:010d}.json", {**values, **(arrays or {})}, described, own=True)
    _tidy(directory)


def _versions() -> dict[str, str]:
    return {name: version for name, version in provenance.versions().items() if name in _BACKENDS}


def _manifests(directory: Path) -> list[Path]:
    """The manifests of all checkpoints, the newest first."""
    return sorted((path for path in directory.glob("*.json") if path.stem.isdigit()), reverse=True)


def _tidy(directory: Path) -> None:
    """Remove old checkpoints, the manifest first, and array files without a manifest."""
    kept = _manifests(directory)[:KEPT]
    for path in _manifests(directory)[KEPT:]:
        path.unlink()
    for path in directory.glob("*.npz"):
        if path.with_suffix(".json") not in kept:
            path.unlink()


def remove(directory: PathLike) -> None:
    """Remove a folder of checkpoints, if it exists. If interrupted, it leaves all of them or none."""
    directory = Path(directory)
    discarded = directory.with_name(f".{directory.name}.discarded")
    shutil.rmtree(discarded, ignore_errors=True)
    if directory.exists():
        os.replace(directory, discarded)
        shutil.rmtree(discarded)


def load(
    directory: PathLike, configuration: Mapping[str, Any], outcome: Mapping[str, Array] | None = None
) -> Checkpoint | None:
    """Load the newest undamaged checkpoint; None if the folder contains no checkpoints.

    Args:
        directory: the folder of checkpoints.
        configuration: the configuration of the training to resume, see `identity`.
        outcome: arrays that must equal those in the checkpoint within `degrading.TOLERANCE`.

    Raises:
        OtherRun: if the configuration differs; the message names the fields.
        ValueError: if all checkpoints are damaged, or the outcome differs.

    Warns:
        RuntimeWarning: if a damaged checkpoint is skipped, or library versions have changed, so that the last bits of
            the result may differ.
    """
    directory = Path(directory)
    manifests = _manifests(directory)
    for path in manifests:
        try:
            manifest, arrays = _read(path)
        except (ValueError, OSError) as error:
            warnings.warn(f"{path} is damaged ({error}). Trying the previous checkpoint.", RuntimeWarning, stacklevel=2)
            continue
        _compare(path, manifest["configuration"], json.loads(json.dumps(dict(configuration))))
        _compare_outcomes(path, arrays, outcome or {})
        if line := identity.not_compared(configuration, outcome or {}):
            warnings.warn(f"{path}: {line}", RuntimeWarning, stacklevel=2)
        if manifest["versions"] != _versions():
            was = ", ".join(f"{k} {v}" for k, v in manifest["versions"].items() if _versions().get(k) != v)
            warnings.warn(
                f"{path} was written with {was}. The last bits of the result may differ.", RuntimeWarning, stacklevel=2
            )
        return Checkpoint(manifest["step"], manifest["state"], arrays, "version" not in manifest["configuration"])
    if manifests:
        raise ValueError(
            f"{directory}: all checkpoints are damaged; expected at least one that can be read. Remove the folder to "
            f"start "
            "again."
        )
    return None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    manifest = sealed.manifest(path, _KINDS, "a checkpoint", own=True)
    if manifest["step"] != int(path.stem):
        raise ValueError(f"{path} is of step {manifest['step']}")
    return manifest, sealed.arrays(path, manifest["sha256"])


def _compare(path: Path, saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    if "version" in wanted and "version" not in saved:
        if wanted["degrade"] is not None:
            raise ValueError(
                f"{path} was written by an earlier version, which saved only the name of degrade, so the function may "
                f"be a "
                "different one. Use another folder, or remove it."
            )
        wanted = as_first_written(wanted)
    if "layers" in wanted.get("model", {}) and "layers" not in saved["model"]:  # written before layers were described
        wanted = {**wanted, "model": {name: value for name, value in wanted["model"].items() if name != "layers"}}
    there, here = dict(_leaves(saved)), dict(_leaves(wanted))
    fields = [name for name in sorted(there.keys() | here.keys()) if there.get(name) != here.get(name)]
    if fields:
        lines = [f"{name}: {there.get(name)!r} saved, {here.get(name)!r} now" for name in fields[:_NAMED]]
        more = f", and {len(fields) - _NAMED} more" if len(fields) > _NAMED else ""
        raise OtherRun(
            f"{path} belongs to a training with another configuration ({', '.join(lines)}{more}). Use another folder, "
            f"or "
            f"remove {path.parent}."
        )


_NAMED = 3  # number of differences that a message lists


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the plain values in a configuration with their paths, such as "recipe/crop"."""
    parts: dict[Any, Any] = {}
    if isinstance(value, dict):
        parts = value
    elif isinstance(value, list) and any(isinstance(part, (dict, list)) for part in value):
        parts = dict(enumerate(value))
    if not parts:
        yield name, value
    for key, part in parts.items():
        yield from _leaves(part, f"{name}/{key}" if name else str(key))


def as_first_written(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in the first version's format, which described neither `degrade` nor the model's layers."""
    model = {name: value for name, value in configuration["model"].items() if name not in ("configuration", "layers")}
    return {name: value for name, value in {**configuration, "model": model}.items() if name != "version"}


def _compare_outcomes(path: Path, saved: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    for name, here in wanted.items():
        difference = degrading.differ(saved.get(name, here[:0]), here)
        if difference:
            raise ValueError(
                f"{path} belongs to a training with another {name.split('/')[0]}: its output for the same images "
                f"differs "
                f"({difference}). Use another folder, or remove it."
            )
