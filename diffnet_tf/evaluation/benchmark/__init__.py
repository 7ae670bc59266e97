"""An open benchmark of inverse nonlinear diffusion: frozen pairs, a score, and the results of this package's methods.

A solver is a function that gets one degraded image, and if it wants the `Task`, and returns the restored image:

>>> import diffnet_tf as dn
>>> def sharpen(image, task):
...     return image + (image - task.diffuse(image))
>>> report = dn.benchmark(sharpen, tasks=["paper-0pct"])
>>> row, score = next((row, score) for row, score in report.ranking("paper-0pct") if row["name"] == "sharpen")
>>> print(f"{score['psnr'][0]:.1f} dB")
34.6 dB

Which images, which noise, how the score is computed and what a solver may know stands in docs/benchmark.md.
"""

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from diffnet_tf.base import checks
from diffnet_tf.base.types import PathLike
from diffnet_tf.evaluation.benchmark.records import BASELINE
from diffnet_tf.evaluation.benchmark.report import Report
from diffnet_tf.evaluation.benchmark.solvers import Solver
from diffnet_tf.evaluation.benchmark.tasks import IDENTITY, NAME, TASKS, VERSION, Task

__all__ = [
    "BASELINE",
    "IDENTITY",
    "NAME",
    "TASKS",
    "VERSION",
    "Report",
    "Solver",
    "Task",
    "benchmark",
    "ours",
    "reference",
    "stored",
]


def benchmark(
    solver: Any,
    tasks: Iterable[str] | None = None,
    *,
    name: str | None = None,
    parameters: int | None = None,
    beside: Sequence[PathLike] = (),
    baseline: str = BASELINE,
    time_limit: float | None = 60.0,
    strict: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> Report:
    """Measure how well a solver undoes nonlinear diffusion, on the frozen pairs of the benchmark.

    Args:
        solver: a function of (image) or of (image, task) that returns the restored image. `image` is float32 (height,
            width), degraded; `task` is a `Task`. Or a Keras network from (batch, height, width, 1) to the same; if it
            has two input channels, the second one gets σ. Images have white at 1, which is also their maximum before
            they were degraded, so presets of both scales see what they were trained on.
        tasks: names of tasks, keys of `TASKS`; by default all.
        name: of the solver in tables; by default that of the function or the network.
        parameters: how many numbers the solver learned or tuned. By default those of a network, or an attribute
            `parameters` of a function; otherwise unknown.
        beside: JSON files of other solvers, written by `Report.save`, to show as well.
        baseline: name of the solver that others are compared with.
        time_limit: seconds for all images of a task. Later images count as failed. A running call is not stopped.
        strict: raise an error of the solver. By default an image on which it fails counts as 0 dB.
        progress: is called with a line of text before each task.

    Returns:
        A `Report`, with the stored results of this package's methods beside those of the solver.

    Raises:
        TypeError, ValueError: for an argument that is none of these, or if this machine makes other pairs than those
            of this version of the benchmark.

    Warns:
        UserWarning: if the solver fails on an image, or is a preset that was trained for another problem.
    """
    from diffnet_tf.evaluation.benchmark import records, solvers

    chosen = _chosen(tasks)
    made = solvers.of(solver, name, parameters)
    others = (reference(), *map(records.read, beside))
    known = [row["name"] for record in others for row in record["solvers"]]
    checks.one_of(baseline, "baseline", known)
    return _measured([made], chosen, time_limit, strict, progress, others, baseline)


def ours(
    tasks: Iterable[str] | None = None,
    *,
    time_limit: float | None = 60.0,
    progress: Callable[[str], None] = lambda line: None,
) -> Report:
    """Tune and measure all methods of this package on this machine. It takes minutes.

    Args:
        tasks, time_limit, progress: see `benchmark`.

    Raises:
        ValueError: without PyWavelets, which `pip install 'diffnet_tf[comparison]'` installs.
    """
    if importlib.util.find_spec("pywt") is None:  # scikit-image would say so, but after minutes
        raise ValueError(
            "PyWavelets is not installed, which scikit-image needs for wavelets; install it: pip install PyWavelets."
        )
    from diffnet_tf.evaluation.benchmark import methods

    chosen = _chosen(tasks)
    return _measured(methods.ours(chosen), chosen, time_limit, True, progress, (), BASELINE)


def stored(tasks: Iterable[str] | None = None, beside: Sequence[PathLike] = ()) -> Report:
    """The stored results of this package's methods as a `Report`. It takes no time.

    Args:
        tasks, beside: see `benchmark`.
    """
    from diffnet_tf.evaluation.benchmark import records

    record = reference()
    kept = {name: record["tasks"][name] for name in _chosen(tasks)}
    return Report({**record, "tasks": kept}, tuple(map(records.read, beside)))


def reference() -> dict[str, Any]:
    """The stored results of this package's methods, as `ours` measured them: a dict of plain values."""
    from diffnet_tf.evaluation.benchmark import records

    return records.read(records.REFERENCE)


def _chosen(names: Iterable[str] | None) -> dict[str, Task]:
    if isinstance(names, str):
        raise checks.InputTypeError(f"tasks={names!r}; expected a list of names, such as [{names!r}].")
    chosen = list(TASKS) if names is None else list(names)
    for name in chosen:
        checks.one_of(name, "task", tuple(TASKS))
    if not chosen:
        raise ValueError(f"tasks is empty; expected some of {', '.join(TASKS)}.")
    return {name: task for name, task in TASKS.items() if name in chosen}


def _measured(
    made: Sequence[Solver],
    chosen: dict[str, Task],
    time_limit: float | None,
    strict: bool,
    progress: Callable[[str], None],
    others: tuple[dict[str, Any], ...],
    baseline: str,
) -> Report:
    from diffnet_tf.evaluation.benchmark import measure, records
    from diffnet_tf.files import provenance

    if time_limit is not None:
        checks.positive(time_limit, "time_limit")
    rows = [measure.measured(solver, chosen, time_limit, strict, progress) for solver in made]
    run = {
        "time_limit": time_limit,
        "device": provenance.device(),
        "hardware": provenance.hardware(),
        "versions": provenance.versions(),
        "commit": provenance.commit(),
    }
    return Report(records.made(rows, list(chosen), run), others, baseline)
