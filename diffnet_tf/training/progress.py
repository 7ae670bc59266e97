"""Show the progress of a training: a bar in a terminal, otherwise lines, at most one in ten seconds."""

import math
import sys
import time
from collections.abc import Mapping

import keras

SHOWN = ("loss", "val_psnr")  # in the bar, which must fit into 80 columns
PAUSE = 10.0  # seconds between two lines at least


class Progress:
    """Shows the progress of a training.

    Args:
        steps: total number of steps.
        first: number of steps done before, if resumed.
        before: seconds that those took.
    """

    def __init__(self, steps: int, first: int, before: float) -> None:
        self._steps, self._first, self._before = steps, first, before
        self._began = time.perf_counter()
        self._timed_from: tuple[int, float] | None = None
        self._promised, self._shown = False, -math.inf
        self._bar = None
        if sys.stdout.isatty():
            # Only the remaining steps: if the bar started in the middle, its remaining time would be too short.
            self._bar = keras.utils.Progbar(steps - first, width=12, stateful_metrics=SHOWN, interval=0.2)

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Show that the training has reached a step; `values` are means over the interval so far."""
        done = step - self._first
        if self._timed_from is None:  # the first step compiles
            self._timed_from = done, time.perf_counter()
        elif self._bar is None and not self._promised and done > 20:
            self._promised, (timed, began) = True, self._timed_from
            seconds, left = (time.perf_counter() - began) / (done - timed), self._steps - step
            print(f"{1000 * seconds:.0f} ms per step, about {duration(seconds * left)} for {left:,} steps.", flush=True)
        if self._bar is not None and step < self._steps:
            self._bar.update(done, [(name, value) for name, value in values.items() if name in SHOWN])

    def interval(self, step: int, values: Mapping[str, float]) -> None:
        """Show that an interval is done and validated."""
        done, seconds = step - self._first, time.perf_counter() - self._began
        if self._bar is not None:
            means = [(name, value) for name, value in values.items() if name in SHOWN]
            self._bar.update(done, means, finalize=step == self._steps)
            return
        if seconds - self._shown < PAUSE and step < self._steps:
            return
        self._shown = seconds
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        left = seconds / done * (self._steps - step)
        print(
            f"step {step:,}/{self._steps:,}, {duration(self._before + seconds)}, {duration(left)} left: {shown}",
            flush=True,
        )


def duration(seconds: float) -> str:
    """Format a duration: "90 s" or "5 min"."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
