"""The bookkeeping of one training, as a Keras callback: steps, history, checkpoints, resuming and stopping."""

import contextlib
import csv
import io
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import keras
import numpy as np

from diffnet_tf import files
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.training import callbacks as callback_state
from diffnet_tf.training import checkpoint, distribute
from diffnet_tf.training.progress import Progress


class Run(keras.callbacks.Callback):
    """Counts and saves the steps of a training. Must be the last callback, so that it saves the changes of all others.

    Args:
        steps: total number of steps.
        every: number of steps between validations (Keras's epoch).
        save_every: number of steps between checkpoints.
        verbose: show progress.
        checkpoint_dir: folder for checkpoints; None saves nothing.
        csv_log: a file for the history as CSV, or None.
        configuration, outcome: must equal those in a checkpoint to resume it, see `identity`.
        others: the other callbacks.
    """

    def __init__(
        self,
        steps: int,
        every: int,
        save_every: int,
        verbose: bool,
        checkpoint_dir: PathLike | None,
        csv_log: PathLike | None,
        configuration: dict[str, Any],
        outcome: dict[str, Array],
        others: Sequence[keras.callbacks.Callback],
    ) -> None:
        super().__init__()
        self.steps, self.every, self.save_every, self.verbose = steps, every, save_every, verbose
        self.checkpoint_dir, self.csv_log = checkpoint_dir, csv_log
        self.configuration, self.outcome, self.others = configuration, outcome, others
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.first_version = False  # whether it resumes a checkpoint in the first version's format
        self.stopped = False  # stopped early by another callback
        self._before = 0.0
        self._began: float | None = None
        self._saved = -1
        self._checkpoint: checkpoint.Checkpoint | None = None
        self._progress: Progress | None = None
        self._interrupted = False
        self._first = 0  # first step of the current call, counted within its epoch

    @property
    def seconds(self) -> float:
        """The time the training took in seconds, including earlier parts."""
        return self._before + (time.perf_counter() - self._began if self._began else 0.0)

    @property
    def ended(self) -> bool:
        """Whether no steps are left."""
        return self.step >= self.steps or self.stopped

    @property
    def until_stop(self) -> int:
        """Number of steps until the next checkpoint or the end."""
        return min(self.save_every - self.step % self.save_every, self.steps - self.step)

    def resume(self, model: keras.Model) -> None:
        """Restore the newest checkpoint, if there is one, into a compiled model with a built optimiser."""
        if not self.checkpoint_dir:
            return
        self._checkpoint = checkpoint.load(self.checkpoint_dir, self.configuration, self.outcome)
        if self._checkpoint is None:
            return
        self._checkpoint.restore(model)
        self.first_version = self._checkpoint.first_version
        if self.first_version:  # keep this format
            self.configuration = checkpoint.as_first_written(self.configuration)
        state = self._checkpoint.state
        self.step = self._saved = self._checkpoint.step
        self.history, self.times, self.stopped = state["history"], state["times"], state["stopped"]
        self._before = state["seconds"]
        if self.verbose:
            print(f"Continuing from step {self.step:,} of {self.steps:,} in {self.checkpoint_dir}.", flush=True)

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Delay Ctrl-C until the end of the current step or call, because on JAX the weights are unavailable inside.

        A second Ctrl-C acts at once. Outside the main thread this does nothing, because Python has no signals there.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def interrupt(number: int, frame: FrameType | None) -> None:
            self._interrupted = True
            signal.signal(signal.SIGINT, before)

        signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._began = time.perf_counter()
        if self._checkpoint:  # the other callbacks have just reset their state
            callback_state.restore(self.others, self._checkpoint.state["callbacks"], self._checkpoint.arrays)
        if self.verbose and not self.ended:
            self._progress = Progress(self.steps, self.step, self._before)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._checkpoint and self.step % self.every:
            # Resumed inside an interval: Keras has just reset the metrics, and callbacks may have changed the rate.
            self._checkpoint.restore(self.model)
            self._checkpoint.restore_metrics(self.model)
            callback_state.restore(self.others, self._checkpoint.state["callbacks"], self._checkpoint.arrays)
        self._checkpoint = None

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._first = batch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.step += batch - self._first + 1  # Keras counts like this if one call does several steps
        if self._progress:
            self._progress.step(self.step, logs or {})
        if self.step == self.steps:
            self.model.stop_training = True
        elif self._interrupted and self.step % self.every:  # at the end of an interval, on_epoch_end does this
            self._save()
            raise KeyboardInterrupt
        if self.step % self.save_every == 0 and self.step % self.every and self.step < self.steps:
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items()}
        if not all(np.isfinite(v) for v in values.values()):
            raise FloatingPointError(
                f"Training diverged before step {self.step:,}: {values}; expected finite values. Lower the learning "
                f"rate."
            )
        self.history.append({"step": self.step, **values})
        self.times.append(round(self.seconds, 3))
        self.stopped = self.step < self.steps and self.model.stop_training
        self._save()
        if self.csv_log and distribute.is_chief():
            self._log()
        if self._progress:
            self._progress.interval(self.step, values)
        if self._interrupted and not self.ended:
            raise KeyboardInterrupt

    def _save(self) -> None:
        if not self.checkpoint_dir or not distribute.is_chief() or self._saved == self.step:
            return
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()  # during training, the variables are not in the model
        nothing, arrays = callback_state.save(self.others)
        state = {
            "history": self.history,
            "times": self.times,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "callbacks": nothing,
        }
        inside = self.step % self.every != 0
        arrays |= self.outcome
        checkpoint.save(self.checkpoint_dir, self.model, self.step, state, self.configuration, arrays, metrics=inside)
        self._saved = self.step

    def _log(self) -> None:
        """Write the whole history again. This drops rows that a killed training wrote after its last checkpoint."""
        text = io.StringIO()
        columns = dict.fromkeys(name for row in self.history for name in row)  # a callback may have added columns
        table = csv.DictWriter(text, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(self.history)
        files.write_text(Path(str(self.csv_log)), text.getvalue())
