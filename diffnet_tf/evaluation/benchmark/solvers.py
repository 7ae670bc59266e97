"""What the benchmark measures: a solver, made of a Keras network or of a Python function of one image."""

import dataclasses
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Array
from diffnet_tf.evaluation.benchmark.tasks import Task
from diffnet_tf.networks import precision, presets

KINDS = {  # of solvers → how they are called in tables and pictures
    "submitted": "submitted",
    "network": "trained networks",
    "told": "classical, know the diffusion",
    "untold": "classical, do not know it",
    "input": "the input",
}


_LONGEST = 60  # characters of a name


@dataclasses.dataclass(frozen=True)
class Solver:
    """A method that restores one image.

    Attributes:
        name: a short name, the same in all versions.
        label: the name in tables.
        kind: a key of `KINDS`.
        solve: (image (height, width) float32, task) → the restored image, of the same shape.
        parameters: how many numbers were learned or tuned; None if unknown.
        tasks: names of the tasks that it is for; None for all.
        prepare: (task) → its parameters for the task, by name. It may take long; its time is not measured.
        knows_task: whether `solve` uses the task.
    """

    name: str
    label: str
    kind: str
    solve: Callable[[Array, Task], Any]
    parameters: int | None = None
    tasks: tuple[str, ...] | None = None
    prepare: Callable[[Task], dict[str, float]] = lambda task: {}
    knows_task: bool = True


def of(solver: Any, name: str | None = None, parameters: int | None = None) -> Solver:
    """Make a solver of what a user gives.

    Args:
        solver: a Keras network, or a function of (image) or (image, task); see `benchmark`.
        name: in tables; by default the network's or the function's name.
        parameters: by default those of the network, or an attribute `parameters` of the function.

    Warns:
        UserWarning: for a preset that was trained for another problem.

    Raises:
        TypeError: if it is not callable.
        ValueError: for a name that does not fit into a table, a network that does not restore gray images, or a
            function that takes no image.
    """
    own = getattr(solver, "name", None) if isinstance(solver, keras.Model) else getattr(solver, "__name__", None)
    name = name or own or type(solver).__name__
    if not name.isprintable() or len(name) > _LONGEST:
        raise ValueError(f"name={name[:80]!r}; expected up to {_LONGEST} printable characters.")
    if isinstance(solver, keras.Model):
        takes_task, function, counted = _channels(solver) == 2, of_model(solver), solver.count_params()
        problem = (presets.card_of(solver) or {}).get("problem", "inverse")
        if problem != "inverse":
            warnings.warn(
                f"{name!r} was trained for the problem {problem!r}, as its card says. This benchmark measures how well "
                "diffusion is undone.",
                stacklevel=3,
            )
    elif callable(solver):
        takes_task = _takes_task(solver)
        function = solver if takes_task else lambda image, task: solver(image)
        counted = getattr(solver, "parameters", None)
    else:
        raise checks.InputTypeError(
            f"solver is a {type(solver).__name__}; expected a Keras network, or a function of one image."
        )
    parameters = counted if parameters is None else parameters
    if isinstance(parameters, (int, np.integer)):
        checks.count(parameters, "parameters", minimum=0)
        parameters = int(parameters)
    else:  # such as the method of a PyTorch module
        parameters = None
    return Solver(name, name, "submitted", function, parameters, knows_task=takes_task)


def of_model(model: keras.Model) -> Callable[[Array, Task], Array]:
    """A Keras network as a function of one image (height, width), in float32 on a GPU, too: never in TF32.

    A network with two input channels gets σ at every pixel in the second one.
    """
    channels = _channels(model)
    apply = precision.exact(backend.compiled(lambda u: model(u, training=False)))

    def restore(image: Array, task: Task) -> Array:
        parts = [image, np.full_like(image, task.noise)][:channels]
        return np.asarray(apply(np.stack(parts, axis=-1)[None]))

    return restore


def _channels(model: keras.Model) -> int:
    """The number of input channels of a network, 1 or 2."""
    shapes = [tuple(tensor.shape) for tensor in model.inputs or ()]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] not in (1, 2):
        raise ValueError(
            f"The network {model.name} takes inputs of shape {shapes}; expected gray images (batch, height, width, 1), "
            "or 2 channels with σ in the second one. Give a function of one image that calls the network."
        )
    return int(shapes[0][-1])


def _takes_task(function: Callable[..., Any]) -> bool:
    """Whether a function wants the task: as a second argument without a default, or as one that is named `task`."""
    try:
        given = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of compiled code
        return False
    if any(p.kind is p.KEYWORD_ONLY and p.name == "task" for p in given):
        raise ValueError(f"The solver {function} takes task by name only; expected a function of (image, task).")
    positional = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not positional and not any(p.kind is p.VAR_POSITIONAL for p in given):
        raise ValueError(f"The solver {function} takes no image; expected a function of (image) or (image, task).")
    return len(positional) > 1 and (positional[1].default is inspect.Parameter.empty or positional[1].name == "task")


def image_of(output: Any, shape: tuple[int, ...]) -> Array:
    """Check what a solver returned.

    Args:
        output: an array or a tensor.
        shape: (height, width) of the image.

    Returns:
        float64 (height, width).

    Raises:
        ValueError, TypeError: if it is not a finite image of this size; axes of length 1 do not count.
    """
    array = np.asarray(output)
    if array.dtype == object:
        raise checks.InputTypeError("returned no array of numbers; expected an image.")
    kept = tuple(side for side in array.shape if side > 1)
    if kept != shape:
        raise ValueError(f"returned shape {array.shape}; expected {shape}.")
    checks.float_dtype(array, "the returned values")
    array = array.reshape(shape).astype("float64")
    checks.finite(array, "the returned values")
    return array
