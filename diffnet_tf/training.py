"""Training: one `fit` on Keras's own that makes its pairs on the fly and can be stopped and resumed.

>>> import diffnet_tf as dn
>>> images = dn.data.load_images("skimage", limit=16)
>>> model = dn.models.DiffNet(num_layers=2, estimator_depth=2, width=4)
>>> trained = dn.training.fit(model, images, "paper", steps=2, noise=0.01, verbose=False)
>>> trained.finished, trained.steps
(True, 2)
"""

import contextlib
import dataclasses
import functools
import signal
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import keras
import numpy as np

from diffnet_tf import checkpoint, checks, data, distribute, recipes
from diffnet_tf.data.pairs import Images
from diffnet_tf.image_model import ImageModel
from diffnet_tf.metrics import LOSSES, PSNR
from diffnet_tf.recipes import RECIPES, Recipe
from diffnet_tf.types import PathLike, Tensor

__all__ = ["RECIPES", "Recipe", "Training", "fit"]


SHOWN = ("loss", "val_psnr")  # in the progress bar, which has to fit into 80 columns


@dataclasses.dataclass
class Training:
    """What `fit` leaves beside the trained model.

    Attributes:
        steps: steps done.
        seconds: time they took, validation and earlier parts of a resumed run included.
        history: one dict a validation: step, seconds, loss, psnr (of training examples, dB), and with validation
            images val_loss and val_psnr.
        finished: whether all steps were done; False after Ctrl-C.
    """

    steps: int
    seconds: float
    history: list[dict[str, Any]]
    finished: bool


def fit(
    model: keras.Model,
    images: Images,
    recipe: str | Recipe = "fast",
    *,
    steps: int,
    problem: str = "inverse",
    noise: float = 0.0,
    seed: int = 0,
    degrade: Callable[[Tensor], Tensor] | None = None,
    validation: Images | None = None,
    validate_every: int | None = None,
    checkpoint_dir: PathLike | None = None,
    csv_log: PathLike | None = None,
    tensorboard: PathLike | None = None,
    verbose: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Training:
    """Train a model for a number of steps on pairs made on the fly.

    Args:
        model: a built Keras model from (batch, height, width, 1) to the same.
        images: training images, anything `data.pairs` takes.
        recipe: a `recipes.Recipe` or a name in `recipes.RECIPES`.
        steps: number of steps.
        problem, noise, degrade: what to learn, see `data.pairs`.
        seed: of the examples. (The initial weights are the model's: call keras.utils.set_random_seed before making it.)
        validation: images to validate on, whole and always with the same noise; never trained on.
        validate_every: steps from one validation (log row, checkpoint) to the next; steps/20 if not given.
        checkpoint_dir: a folder to keep the state in. A run that finds one of the same configuration there goes on
            from it, and ends as if it had not been stopped.
        csv_log: a file for the history as CSV.
        tensorboard: a folder for TensorBoard (the `tensorboard` extra, TensorFlow backend only).
        verbose: show a progress bar with the remaining time (lines, where the output is no terminal).
        callbacks: more Keras callbacks. Ctrl-C ends training like the last step does, with the weights reached.

    Returns:
        A `Training`.
    """
    recipe = recipes.get(recipe)
    checks.count(steps, "steps")
    every = max(1, steps // 20) if validate_every is None else min(validate_every, steps)
    checks.count(every, "validate_every")
    checks.not_negative(noise, "noise")
    checks.count(seed, "seed", minimum=0)
    if tensorboard and keras.backend.backend() != "tensorflow":
        raise ValueError(f"tensorboard needs the TensorFlow backend; this is {keras.backend.backend()}. Use csv_log.")
    options: dict[str, Any] = {"problem": problem, "noise": float(noise), "seed": int(seed), "degrade": degrade}
    stream: dict[str, Any] = {
        "batch_size": recipe.batch_size,
        "crop": recipe.crop,
        "augment": recipe.augment,
        "epochs": None,
        **options,
    }
    make: Callable[..., Any] = data.pairs if keras.backend.backend() == "tensorflow" else data.PairSequence
    images = data.as_gray_images(images)
    make(images, **stream)  # refuses bad arguments before any work
    distribute.check_batch(recipe.batch_size, model)
    chief = distribute.is_chief()
    verbose = verbose and chief

    model.compile(recipes.optimizer(recipe, steps), LOSSES[recipe.loss](), metrics=[PSNR()])
    model.optimizer.build(model.trainable_variables)  # in its first step, TensorFlow would trace that twice
    run = _Run(steps, every, verbose, checkpoint_dir, _configuration(model, recipe, steps, every, images, options))
    run.resume(model)
    if tensorboard:
        callbacks = (*callbacks, keras.callbacks.TensorBoard(tensorboard))
    if csv_log and chief:
        callbacks = (*callbacks, keras.callbacks.CSVLogger(csv_log, append=run.step > 0))
    if run.step < steps:
        held_out = None if validation is None else data.paired_arrays(validation, **options)
        try:
            with run.interruptible():
                _fit(
                    model,
                    lambda **shard: make(images, start=run.step * recipe.batch_size, **shard, **stream),
                    loss=recipe.loss,
                    epochs=-(-steps // every),
                    initial_epoch=run.step // every,
                    steps_per_epoch=every,
                    validation_data=held_out,
                    callbacks=[*callbacks, run],
                )
        except KeyboardInterrupt:  # at the end of a step: see _Run.interruptible
            kept = (
                f"; run again to go on from step {run.history[-1]['step'] if run.history else 0:,}"
                if checkpoint_dir
                else ""
            )
            print(f"\nStopped after {run.step:,} of {steps:,} steps; the model holds their weights{kept}.", flush=True)
    finished = bool(run.history) and run.history[-1]["step"] == steps
    return Training(run.step, run.seconds, run.history, finished)


def _fit(model: keras.Model, make: Callable[..., Any], loss: str, **arguments: Any) -> None:
    """Keras's `fit`, or where that fails the loop of `distribute`."""
    if distribute.of_model(model) is not None:
        distribute.fit(model, lambda index, count: make(shard=(index, count)), loss=loss, **arguments)
        return
    # The pairs are shuffled already.
    model.fit(make(), validation_batch_size=distribute.EVALUATION_BATCH, shuffle=False, verbose=0, **arguments)


def _configuration(
    model: keras.Model, recipe: Recipe, steps: int, every: int, images: data.GrayImages, options: dict[str, Any]
) -> dict[str, Any]:
    """What must be equal for one run to go on from another's checkpoint."""
    described = {"parameters": int(model.count_params())}
    if isinstance(model, ImageModel):  # other models' configurations hold names that change from run to run
        described |= {name: value for name, value in model.get_config().items() if name != "name"}
    return {
        "model": {"class": type(model).__name__, **described},
        "recipe": dataclasses.asdict(recipe),
        "steps": steps,
        "validate_every": every,
        "images": [*images.shape, zlib.crc32(np.ascontiguousarray(images.pixels).data)],
        **options,
        "degrade": _name(options["degrade"]),
    }


def _name(function: Any) -> str:
    """What can be said of a function in a file: its name, for a partial one its arguments too."""
    if isinstance(function, functools.partial):
        return f"{_name(function.func)} of {function.args} {function.keywords}"
    return getattr(function, "__qualname__", type(function).__name__)


class _Run(keras.callbacks.Callback):
    """Counts steps over all of Keras's epochs, shows progress, keeps the history and the checkpoint, ends on time."""

    def __init__(
        self, steps: int, every: int, verbose: bool, checkpoint_dir: PathLike | None, configuration: dict[str, Any]
    ) -> None:
        super().__init__()
        self.steps, self.every, self.verbose = steps, every, verbose
        self.checkpoint_dir, self.configuration = checkpoint_dir, configuration
        self.step, self._before = 0, 0.0
        self.history: list[dict[str, Any]] = []
        self._started: float | None = None
        self._bar = None
        self._interrupted = False

    @property
    def seconds(self) -> float:
        return self._before + (time.perf_counter() - self._started if self._started else 0.0)

    def resume(self, model: keras.Model) -> None:
        found = checkpoint.load(self.checkpoint_dir, model, self.configuration) if self.checkpoint_dir else None
        if found:
            self.step, self.history = found
            self._before = self.history[-1]["seconds"]
            if self.verbose:
                print(f"Going on from step {self.step:,} of {self.steps:,} in {self.checkpoint_dir}.", flush=True)

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C wait for the end of the step: on JAX the weights are nowhere while a step runs.

        A second one does not wait. Elsewhere than in the main thread Python knows no signals, and nothing is changed.
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
        self._started = time.perf_counter()
        self._first = self.step
        self._timed_from: float | None = None
        if self.verbose and sys.stdout.isatty():
            # Of the steps that are left: a bar that begins in the middle would promise too short a time.
            self._bar = keras.utils.Progbar(self.steps - self._first, width=12, stateful_metrics=SHOWN, interval=0.2)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.step += 1
        if self._timed_from is None:  # the first step compiles
            self._timed_from = time.perf_counter()
        elif self._bar is None and self.verbose and self.step - self._first == 21:
            seconds = (time.perf_counter() - self._timed_from) / (self.step - self._first - 1)
            left = self.steps - self.step
            remaining = seconds * left
            print(f"{1000 * seconds:.0f} ms a step: about {_duration(remaining)} for {left:,} steps.", flush=True)
        if self._bar is not None and self.step < self.steps:
            self._bar.update(self.step - self._first, [(k, v) for k, v in (logs or {}).items() if k in SHOWN])
        if self.step == self.steps:
            self.model.stop_training = True
        elif self._interrupted:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items()}
        if not all(np.isfinite(v) for v in values.values()):
            raise FloatingPointError(
                f"Training left the finite numbers before step {self.step:,}: {values}. Lower the learning rate."
            )
        self.history.append({"step": self.step, "seconds": round(self.seconds, 3), **values})
        if self.checkpoint_dir and distribute.is_chief():
            checkpoint.save(self.checkpoint_dir, self.model, self.step, self.history, self.configuration)
        if self._bar is not None:
            shown = [(name, value) for name, value in values.items() if name in SHOWN]
            self._bar.update(self.step - self._first, shown, finalize=self.step == self.steps)
        elif self.verbose:
            shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
            remaining = (self.seconds - self._before) / (self.step - self._first) * (self.steps - self.step)
            print(
                f"step {self.step:,}/{self.steps:,}, {_duration(self.seconds)}, {_duration(remaining)} left: {shown}",
                flush=True,
            )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
