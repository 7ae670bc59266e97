"""Records of the benchmark: the JSON files of results. Whatever is read is checked, and means are computed anew.

A record holds the identity of the pairs, the machine, and for each solver the PSNR and SSIM of every image.
"""

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import PathLike
from diffnet_tf.evaluation import statistics
from diffnet_tf.evaluation.benchmark import solvers, tasks
from diffnet_tf.evaluation.benchmark.tasks import BEST
from diffnet_tf.files import reading

REFERENCE = Path(__file__).resolve().parent / "reference.json"  # the package's own methods
BASELINE = "diffnet"  # the solver that others are compared with
LARGEST = 2**24  # bytes of a record; ours has 50,000
_LONGEST = 300  # characters of a text


def made(rows: list[dict[str, Any]], chosen: list[str], run: dict[str, Any]) -> dict[str, Any]:
    """A record of measured solvers.

    Args:
        rows: of `measure.measured`, one for each solver.
        chosen: names of the tasks.
        run: versions, machine and settings.
    """
    about = {}
    for name in chosen:
        task = tasks.TASKS[name]
        about[name] = {"noise": task.noise, **task.diffusion, "sha256": task.sha256}
    identity = {"benchmark": tasks.NAME, "version": tasks.VERSION, "sha256": tasks.IDENTITY}
    return {**identity, "run": run, "tasks": about, "images": list(tasks.images()), "solvers": rows}


def read(path: PathLike) -> dict[str, Any]:
    """Read a record, and check everything that tables and pictures use.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a record of this version of the benchmark, or is damaged.
    """
    if Path(path).stat().st_size > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST:,} bytes; expected a record of the benchmark.")
    record = reading.json_object(path)
    with reading.decoding(path, "a record of the benchmark"):
        identity = [record.get(key) for key in ("benchmark", "version", "sha256")]
        expected = [tasks.NAME, tasks.VERSION, tasks.IDENTITY]
        if identity != expected:
            raise reading.Refused(
                f"is of {_words(identity)}; expected {_words(expected)}. Scores of different pairs cannot be compared."
            )
        _check(record["images"] == list(tasks.images()), "images", record["images"])
        _check(set(record["tasks"]) <= set(tasks.TASKS), "tasks", list(record["tasks"]))
        for text in (record["run"]["device"], record["run"]["hardware"]["processor"]):
            _check(isinstance(text, str) and text.isprintable(), "device", text)
        _check(bool(record["solvers"]), "solvers", record["solvers"])
        for row in record["solvers"]:
            _check_row(row, len(record["images"]))
    return record


def _words(identity: list[Any]) -> str:
    return "{} {} with SHA-256 {}".format(*(str(part)[:64] for part in identity))


def _check_row(row: dict[str, Any], images: int) -> None:
    for key in ("name", "label", "kind"):
        text = row[key]
        _check(isinstance(text, str) and 0 < len(text) <= _LONGEST and text.isprintable(), key, text)
    _check(row["kind"] in solvers.KINDS, "kind", row["kind"])
    parameters = row["parameters"]
    _check(parameters is None or (_number(parameters) and parameters >= 0), "parameters", parameters)
    _check(isinstance(row["knows_task"], bool), "knows_task", row["knows_task"])
    for name, of in row["tasks"].items():
        _check(name in tasks.TASKS, "task", name)
        for key, low, high in (("psnr", 0.0, BEST), ("ssim", -1.0, 1.0)):
            values = of[key]
            _check(len(values) == images, f"{key} of so many images", len(values))
            _check(all(_number(x) and low <= x <= high for x in values), key, values)
        failures = of["failures"]
        _check(all(isinstance(text, str) and text.isprintable() for text in failures.values()), "failures", failures)
        _check_time(of["milliseconds"])
    if row["large"] is not None:
        _check(row["large"]["task"] in tasks.TASKS, "task of the large image", row["large"]["task"])
        _check_time(row["large"]["milliseconds"])


def _check_time(value: Any) -> None:
    _check(value is None or (_number(value["median"]) and value["median"] >= 0), "milliseconds", value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check(good: bool, name: str, value: Any) -> None:
    if not good:
        raise reading.Refused(f"has {name} = {str(value)[:80]!r}, which no run of the benchmark gives. Run it again.")


# ---- What tables and pictures show -----------------------------------------------------------------------------------


def summary(row: dict[str, Any], task: str, baseline: dict[str, Any] | None) -> dict[str, Any]:
    """The score of a solver in a task.

    Args:
        row: of the solver.
        task: its name.
        baseline: the row of the solver to compare with.

    Returns:
        "psnr": the mean with its 95 % interval over images; "ssim": the mean; "difference": the mean PSNR minus that
        of the baseline on the same images, with its interval, or None; "perfect" and "failed": numbers of images.
    """
    of = row["tasks"][task]
    psnr = np.array(of["psnr"])
    difference = None
    if baseline is not None and task in baseline["tasks"] and baseline is not row:
        difference = _interval(tuple(psnr - np.array(baseline["tasks"][task]["psnr"])))
    return {
        "psnr": _interval(tuple(psnr)),
        "ssim": float(np.mean(of["ssim"])),
        "difference": difference,
        "perfect": int((psnr >= BEST).sum()),
        "failed": len(of["failures"]),
    }


@functools.cache
def _interval(values: tuple[float, ...]) -> tuple[float, float, float]:
    """The mean with its interval. It takes some milliseconds; a table, a file and a picture need the same ones."""
    return statistics.interval(np.array(values))
