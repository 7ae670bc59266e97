"""Save a training run and take it up again exactly where it was.

A checkpoint is two files, see `files.sealed`. `STEP.npz` holds the variables of the model, of the optimiser and of the
metrics, and the state of callbacks (the best weights of early stopping, its patience). `STEP.json`, its manifest, holds
the configuration of the run and its hash, the versions, and what else the run has to know. A checkpoint that was killed
while it was written is as if it had never been begun. The two newest are kept; a newest one that is damaged is passed
over.

The data need no saving: example i is a function of the seed and i (`data.examples`), and so is the learning rate of the
optimiser's step count.
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
    """A checkpoint is of a run with another configuration."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What was saved, as it was read.

    Attributes:
        step: training steps done.
        state: what JSON holds, as given to `save`.
        arrays: as given to `save`, and the variables.
        first_version: whether its configuration is of the first version, see `as_first_written`.
    """

    step: int
    state: dict[str, Any]
    arrays: dict[str, Array]
    first_version: bool = False

    def restore(self, model: keras.Model) -> None:
        """Put the variables back into a compiled model with a built optimiser.

        Raises:
            ValueError: when they are not those of the model.
        """
        _assign({**_named("model", model.variables), **_named("optimizer", model.optimizer.variables)}, self.arrays)

    def restore_metrics(self, model: keras.Model) -> None:
        """Put the metrics back to where they were: in the middle of an interval they have seen a part of it."""
        build_metrics(model)
        _assign(_named("metrics", model.metrics_variables), self.arrays)


def build_metrics(model: keras.Model) -> None:
    """Make the metrics' variables, which else the first step does; what is in them is of no meaning then."""
    nothing = np.zeros((1, 3, 3, 1), "float32")
    model.compute_metrics(nothing, nothing, nothing)


def _named(kind: str, variables: list[keras.Variable]) -> dict[str, keras.Variable]:
    return {f"{kind}/{i:04d}": variable for i, variable in enumerate(variables)}


def _assign(variables: dict[str, keras.Variable], arrays: Mapping[str, Array]) -> None:
    kinds = {name.split("/")[0] for name in variables}
    shapes = {name: array.shape for name, array in arrays.items() if name.split("/")[0] in kinds}
    if shapes != {name: tuple(v.shape) for name, v in variables.items()}:
        raise ValueError("The checkpoint holds other variables than this model and optimiser; remove it to start anew.")
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
    """Write the state of a compiled model after `step` training steps: the whole checkpoint or nothing.

    Args:
        directory: a folder, made if it is missing.
        model: a compiled and built Keras model.
        step: steps done.
        state: a dict that JSON holds: whatever else the run has to know.
        configuration: a dict that JSON holds; `load` refuses a run of another one.
        arrays: more arrays, none named like a variable ("model/…", "optimizer/…", "metrics/…").
        metrics: save the metrics' state as well: needed in the middle of an interval, at whose end they are reset.

    Raises:
        FloatingPointError: when a variable is NaN or infinite: a good checkpoint is not replaced by a bad one.
        OSError: when the disk is full or fails; the checkpoints that were there are there still.
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
                f"{variables[name].path} is not finite after step {step:,}: not saved. Lower the learning rate."
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
    """Of all checkpoints, the newest first."""
    return sorted((path for path in directory.glob("*.json") if path.stem.isdigit()), reverse=True)


def _tidy(directory: Path) -> None:
    """Remove all but the newest, and what was left without a manifest: the manifest of an old one goes first."""
    kept = _manifests(directory)[:KEPT]
    for path in _manifests(directory)[KEPT:]:
        path.unlink()
    for path in directory.glob("*.npz"):
        if path.with_suffix(".json") not in kept:
            path.unlink()


def remove(directory: PathLike) -> None:
    """Remove a folder of checkpoints, if it exists. Killed in between, this leaves all of them or none."""
    directory = Path(directory)
    discarded = directory.with_name(f".{directory.name}.discarded")
    shutil.rmtree(discarded, ignore_errors=True)
    if directory.exists():
        os.replace(directory, discarded)
        shutil.rmtree(discarded)


def load(
    directory: PathLike, configuration: Mapping[str, Any], outcome: Mapping[str, Array] | None = None
) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none.

    Args:
        directory: the folder.
        configuration: that of the run that is to go on, see `identity`.
        outcome: arrays that have to be those of the checkpoint, too, to `degrading.TOLERANCE`.

    One that is damaged is passed over with a RuntimeWarning, and so is a change of versions, with which the last bits
    of the result may change.

    Raises:
        ValueError: when all are damaged, or the checkpoint is of another configuration, naming the fields that differ,
            or of another outcome.
    """
    directory = Path(directory)
    manifests = _manifests(directory)
    for path in manifests:
        try:
            manifest, arrays = _read(path)
        except (ValueError, OSError) as error:
            warnings.warn(f"{path} is damaged ({error}); trying the one before.", RuntimeWarning, stacklevel=2)
            continue
        _compare(path, manifest["configuration"], json.loads(json.dumps(dict(configuration))))
        _compare_outcomes(path, arrays, outcome or {})
        if line := identity.not_compared(configuration, outcome or {}):
            warnings.warn(f"{path}: {line}", RuntimeWarning, stacklevel=2)
        if manifest["versions"] != _versions():
            was = ", ".join(f"{k} {v}" for k, v in manifest["versions"].items() if _versions().get(k) != v)
            warnings.warn(f"{path} was written with {was}: the last bits may differ.", RuntimeWarning, stacklevel=2)
        return Checkpoint(manifest["step"], manifest["state"], arrays, "version" not in manifest["configuration"])
    if manifests:
        raise ValueError(f"{directory}: none of the checkpoints is whole; remove the folder to start anew.")
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
                f"{path} is of an earlier version, which kept of degrade only its name: it may have been another one. "
                "Use another folder, or remove it."
            )
        wanted = as_first_written(wanted)
    if "layers" in wanted.get("model", {}) and "layers" not in saved["model"]:  # of before these were looked at
        wanted = {**wanted, "model": {name: value for name, value in wanted["model"].items() if name != "layers"}}
    there, here = dict(_leaves(saved)), dict(_leaves(wanted))
    fields = [name for name in sorted(there.keys() | here.keys()) if there.get(name) != here.get(name)]
    if fields:
        lines = [f"{name}: {there.get(name)!r} there, {here.get(name)!r} here" for name in fields[:_NAMED]]
        more = f", and {len(fields) - _NAMED} more" if len(fields) > _NAMED else ""
        raise OtherRun(
            f"{path} is of a run with another configuration ({', '.join(lines)}{more}). Use another folder, or remove "
            f"{path.parent}."
        )


_NAMED = 3  # differences, in a message


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The plain values in a configuration, by the way to them."""
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
    """A configuration as the first version had it, which knew neither what a `degrade` does nor how a model is made."""
    model = {name: value for name, value in configuration["model"].items() if name not in ("configuration", "layers")}
    return {name: value for name, value in {**configuration, "model": model}.items() if name != "version"}


def _compare_outcomes(path: Path, saved: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    for name, here in wanted.items():
        difference = degrading.differ(saved.get(name, here[:0]), here)
        if difference:
            raise ValueError(
                f"{path} is of a run with another {name.split('/')[0]}: what it makes of the same images differs, "
                f"{difference}. Use another folder, or remove it."
            )
