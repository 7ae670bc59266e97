"""How a training shows how far it is: a bar in a terminal, elsewhere a line an interval."""

import sys
import time
from collections.abc import Mapping

import keras

SHOWN = ("loss", "val_psnr")  # in the bar, which has to fit into 80 columns


class Progress:
    """Shows the steps of a run.

    Args:
        steps: of the whole run.
        first: steps that were done before.
        before: seconds they took.
    """

    def __init__(self, steps: int, first: int, before: float) -> None:
        self._steps, self._first, self._before = steps, first, before
        self._began = time.perf_counter()
        self._timed_from: tuple[int, float] | None = None
        self._promised = False
        self._bar = None
        if sys.stdout.isatty():
            # Of the steps that are left: a bar that begins in the middle would promise too short a time.
            self._bar = keras.utils.Progbar(steps - first, width=12, stateful_metrics=SHOWN, interval=0.2)

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """A step was done, or a call of several, with these means of the interval."""
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
        """An interval was done and validated."""
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
    """Seconds in words."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
