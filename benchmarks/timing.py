"""Time contestants, which are processes that take turns, and compute ratios of their times."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.worker import WARM_UP

ROOT = Path(__file__).resolve().parent.parent
REPETITIONS = 7


class Worker:
    """A process that does one task each time it is called.

    Args:
        task: "module:function"; the function prepares the task and returns (once, items): a function of no arguments
            and the number of images in one call.
        options: keyword arguments of the function.
        environment: variables for the process, which libraries read when they are imported.
        warm_up: how many times it runs the task before it answers for the first time.
        started: a function that is called with the process (a `subprocess.Popen`) before that answers.
    """

    def __init__(self, task, environment=None, warm_up=WARM_UP, started=None, **options):
        self.name = task
        command = [sys.executable, "-m", "benchmarks.worker", task, json.dumps(options), str(warm_up)]
        variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, cwd=ROOT, env=variables, text=True, **pipes)
        if started:
            started(self.process)
        self.items = json.loads(self._answer())

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with exit status {self.process.wait()}; its error is above.")
        return line

    def __call__(self):
        """Do the task once: (seconds it took, peak memory of the process so far in bytes, seconds of all its cores)."""
        self.process.stdin.write("once\n")
        self.process.stdin.flush()
        return tuple(json.loads(self._answer()))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def take_turns(workers, repetitions=REPETITIONS):
    """Call all workers in turn, starting with another one each time.

    Args:
        workers: name → `Worker`.
        repetitions: calls of each.

    Returns:
        name → seconds per image, (repetitions,).
    """
    names = list(workers)
    times = {name: [] for name in names}
    for turn in range(repetitions):
        for k in range(len(names)):
            name = names[(turn + k) % len(names)]
            times[name].append(workers[name]()[0] / workers[name].items)
    for worker in workers.values():
        worker.close()
    return {name: np.array(values) for name, values in times.items()}


def spread(values):
    """Median, extremes and number, as plain numbers."""
    values = np.asarray(values, float)
    return {
        "median": float(np.median(values)),
        "min": float(values.min()),
        "max": float(values.max()),
        "n": len(values),
    }


def ratio(slower, faster):
    """How many times as long the first took, turn by turn: a `spread`."""
    return spread(np.asarray(slower) / np.asarray(faster))


def best_of(times, names):
    """Of these contestants the one with the smallest median time."""
    return min((name for name in names if name in times), key=lambda name: np.median(times[name]))
