"""The progress of a training: a bar in a terminal, otherwise one line for each interval."""

import sys
import time
from collections.abc import Mapping

import keras

SHOWN = ("loss", "val_psnr")  # in the bar, which must fit into 80 columns


class Progress:
    """Shows the progress of a training.

    Args:
        steps: number of steps of the whole training.
        first: steps that were done before it was resumed.
        before: seconds that these took.
    """

    def __init__(self, steps: int, first: int, before: float) -> None:
        self._steps, self._first, self._before = steps, first, before
        self._began = time.perf_counter()
        self._timed_from: tuple[int, float] | None = None
        self._promised = False
        self._bar = None
        if sys.stdout.isatty():
            # For the remaining steps only: a bar that starts in the middle would predict too short a time.
            self._bar = keras.utils.Progbar(steps - first, width=12, stateful_metrics=SHOWN, interval=0.2)

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Report that one or several steps are done, with the mean values since the last validation."""
        done = step - self._first
        if self._timed_from is None:  # the first step compiles
            self._timed_from = done, time.perf_counter()
        elif self._bar is None and not self._promised and done > 20:
            self._promised, (timed, began) = True, self._timed_from
            seconds, left = (time.perf_counter() - began) / (done - timed), self._steps - step
            print(f"{1000 * seconds:.0f} ms a step: about {duration(seconds * left)} for {left:,} steps.", flush=True)
        if self._bar is not None and step < self._steps:
            self._bar.update(done, [(name, value) for name, value in values.items() if name in SHOWN])

    def interval(self, step: int, values: Mapping[str, float]) -> None:
        """Report that an interval is done and validated."""
        done, seconds = step - self._first, time.perf_counter() - self._began
        if self._bar is not None:
            means = [(name, value) for name, value in values.items() if name in SHOWN]
            self._bar.update(done, means, finalize=step == self._steps)
            return
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        left = seconds / done * (self._steps - step)
        print(
            f"step {step:,}/{self._steps:,}, {duration(self._before + seconds)}, {duration(left)} left: {shown}",
            flush=True,
        )


def duration(seconds: float) -> str:
    """A duration in words, from seconds."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
