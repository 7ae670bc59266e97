"""Measure one solver: PSNR, SSIM and time of every image, whatever the solver does.

The score does not depend on Keras's backend: it is computed in float64 by NumPy and scikit-image.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from skimage.metrics import structural_similarity

from diffnet_tf.base import command_line, randomness
from diffnet_tf.base.types import Array
from diffnet_tf.evaluation.benchmark import solvers, tasks
from diffnet_tf.evaluation.benchmark.solvers import Solver
from diffnet_tf.evaluation.benchmark.tasks import BEST, Task

REPETITIONS = 3  # of the time on a large image
LATE = "time limit"  # what is said of an image that was not reached in time


def psnr(target: Array, output: Array) -> float:
    """−10 log10(MSE) dB of one image for range 1, limited to 0 … `BEST`."""
    error = float(np.mean((np.asarray(target, "float64") - output) ** 2))
    return BEST if error == 0 else min(max(-10 * float(np.log10(error)), 0.0), BEST)


def ssim(target: Array, output: Array) -> float:
    """Structural similarity of one image for range 1, with a Gaussian window (σ = 1.5), by scikit-image."""
    options: dict[str, Any] = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(np.asarray(target, "float64"), output, data_range=1.0, **options))


def measured(
    solver: Solver,
    chosen: Mapping[str, Task],
    time_limit: float | None,
    strict: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measure a solver on tasks.

    Args:
        solver: a `Solver`.
        chosen: the tasks, by name; those that the solver is not for are left out.
        time_limit: seconds for all images of a task; None for no limit. A running call is not stopped.
        strict: raise an error of the solver. Otherwise its image counts as 0 dB.
        progress: is called with a line of text before each task.

    Returns:
        A dict of plain values, as in the JSON file: `solvers` there.
    """
    of_tasks = {}
    wanted = {name: task for name, task in chosen.items() if solver.tasks is None or name in solver.tasks}
    for name, task in wanted.items():
        progress(f"{solver.label}: {name}")
        of_tasks[name] = _of_task(solver, task, time_limit, strict)
    timed = wanted.get(tasks.TIMED) or next(iter(wanted.values()), None)
    return {
        "name": solver.name,
        "label": solver.label,
        "kind": solver.kind,
        "knows_task": solver.knows_task,
        "parameters": solver.parameters,
        "tasks": of_tasks,
        "large": None if timed is None else _large(solver, timed, time_limit),
    }


def _of_task(solver: Solver, task: Task, time_limit: float | None, strict: bool) -> dict[str, Any]:
    inputs, targets = tasks.pairs(task)
    choice = {name: round(float(value), 6) for name, value in solver.prepare(task).items()}
    psnrs, ssims, seconds = [], [], []
    failures: dict[str, str] = {}
    with randomness.seeded(solver.solve):
        start = time.perf_counter()
        for name, image, target in zip(tasks.images(), inputs, targets):
            quality = 0.0, 0.0
            if time_limit is not None and time.perf_counter() - start > time_limit:
                failures[name] = LATE
            else:
                try:
                    output, duration = _call(solver, image, task)
                    quality = psnr(target, output), ssim(target, output)
                    seconds.append(duration)
                except Exception as error:
                    if strict:
                        raise
                    failures[name] = _reason(error)
            psnrs.append(round(quality[0], 4))
            ssims.append(round(quality[1], 6))
    if failures:
        first, reason = next(iter(failures.items()))
        warnings.warn(
            f"{solver.label} failed on {len(failures)} of {len(psnrs)} images of {task.name}, first on {first!r}: "
            f"{reason}. These images count as 0 dB. strict=True raises the error.",
            stacklevel=4,
        )
    # The first call may compile or load something.
    times = {"milliseconds": milliseconds(seconds[1:])}
    return {"psnr": psnrs, "ssim": ssims, "failures": failures, **times, "choice": choice}


def _call(solver: Solver, image: Array, task: Task) -> tuple[Array, float]:
    """(the restored image, seconds) of one call, with a copy of the image that the solver may overwrite."""
    own = image.copy()
    start = time.perf_counter()
    output = np.asarray(solver.solve(own, task))  # waits for a device
    duration = time.perf_counter() - start
    return solvers.image_of(output, image.shape), duration


def _large(solver: Solver, task: Task, time_limit: float | None) -> dict[str, Any]:
    """Milliseconds for a photograph at full size; None if the solver is for images of one size, or too slow."""
    image, seconds = tasks.large(task), []
    about = {"photograph": tasks.LARGE, "pixels": list(image.shape), "task": task.name}
    start = time.perf_counter()
    try:
        for _ in range(REPETITIONS + 1):
            if time_limit is None or time.perf_counter() - start < time_limit:
                seconds.append(_call(solver, image, task)[1])
    except Exception as error:
        return {**about, "milliseconds": None, "error": _reason(error)}
    return {**about, "milliseconds": milliseconds(seconds[1:])}


def milliseconds(seconds: Sequence[float]) -> dict[str, float] | None:
    """Median, extremes and number of some durations, in milliseconds; None if there are none."""
    if not seconds:
        return None
    low, middle, high = (round(1000 * float(q), 4) for q in np.quantile(seconds, (0, 0.5, 1)))
    return {"median": middle, "min": low, "max": high, "n": len(seconds)}


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {command_line.one_line(error)}"[:300]
    return "".join(character if character.isprintable() else " " for character in text)
