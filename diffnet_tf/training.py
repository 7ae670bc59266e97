"""Training: recipes, and one `fit` on Keras's own that makes its pairs on the fly and can be stopped and resumed."""

import dataclasses
import sys
import time

import keras
import numpy as np

from diffnet_tf import checkpoint, checks, data
from diffnet_tf.metrics import LOSSES, PSNR

SCHEDULES = ("constant", "cosine", "authors")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is trained, whatever the number of steps.

    Attributes:
        batch_size: examples a step.
        crop: side of the training crops in pixels, each diffused with its own border; None for whole images.
        augment: random flips and transpositions, before diffusing.
        loss: "norm" (the authors' ‖·‖₂ / batch) or "mse".
        learning_rate: where the schedule starts from.
        schedule: "constant", "cosine" (down to 0 at the last step) or "authors" (halved at every 10,000th step, the
            0th included).
        time_step_learning_rate: of the learned time steps; None for that of the filters.
        beta_2: Adam's averaging of squared gradients.
        initial_scale: factor on the estimators' last kernels at the start, see `layers.FilterEstimator`.
    """

    batch_size: int = 16
    crop: int | None = None
    augment: bool = False
    loss: str = "norm"
    learning_rate: float = 4e-3
    schedule: str = "authors"
    time_step_learning_rate: float | None = None
    beta_2: float = 0.999
    initial_scale: float = 1.0

    def __post_init__(self):
        checks.count(self.batch_size, "batch_size")
        checks.one_of(self.loss, "loss", tuple(LOSSES))
        checks.one_of(self.schedule, "schedule", SCHEDULES)
        checks.positive(self.learning_rate, "learning_rate")


RECIPES = {
    # The paper: 96×96, batch 16, ℓ2 loss, Adam with gradually decreased rate. Its rates are not known.
    "paper": Recipe(loss="mse", learning_rate=1e-3, schedule="cosine"),
    # The authors' released code.
    "authors": Recipe(),
    # Small crops and batches give more steps a second and, on two cores, better results in equal time.
    "fast": Recipe(batch_size=8, crop=24, augment=True, schedule="cosine", initial_scale=0.01),
}


def learning_rates(schedule, initial, steps):
    """A Keras learning-rate schedule (or the number itself) for a name in `SCHEDULES`."""
    checks.one_of(schedule, "schedule", SCHEDULES)
    if schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(initial, steps)
    if schedule == "authors":
        return keras.optimizers.schedules.ExponentialDecay(initial / 2, 10_000, 0.5, staircase=True)
    return initial


def optimizer(recipe, steps):
    """Adam for a recipe; the time steps get an Adam of their own when the recipe gives them a rate of their own."""

    def adam(rate):
        return keras.optimizers.Adam(learning_rates(recipe.schedule, rate, steps), beta_2=recipe.beta_2)

    if recipe.time_step_learning_rate is None:
        return adam(recipe.learning_rate)
    groups = {".*time_step": adam(recipe.time_step_learning_rate)}
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(adam(recipe.learning_rate), groups))


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
    history: list
    finished: bool


def fit(
    model,
    images,
    recipe="fast",
    *,
    steps,
    problem="inverse",
    noise=0.0,
    seed=0,
    degrade=None,
    validation=None,
    validate_every=None,
    checkpoint_dir=None,
    csv_log=None,
    tensorboard=None,
    verbose=True,
    callbacks=(),
):
    """Train a model for a number of steps on pairs made on the fly.

    Args:
        model: a built Keras model from (batch, height, width, 1) to the same.
        images: training images, anything `data.pairs` takes.
        recipe: a `Recipe` or a name in `RECIPES`.
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
    recipe = _recipe(recipe)
    checks.count(steps, "steps")
    every = max(1, steps // 20) if validate_every is None else min(validate_every, steps)
    checks.count(every, "validate_every")
    options = {"problem": problem, "noise": noise, "seed": seed, "degrade": degrade}
    stream = {
        "batch_size": recipe.batch_size,
        "crop": recipe.crop,
        "augment": recipe.augment,
        "epochs": None,
        **options,
    }
    make = data.pairs if keras.backend.backend() == "tensorflow" else data.PairSequence
    images = data.as_gray_images(images)
    make(images, **stream)  # refuses bad arguments before any work

    model.compile(optimizer(recipe, steps), LOSSES[recipe.loss](), metrics=[PSNR()])
    run = _Run(steps, every, verbose, checkpoint_dir, _configuration(model, recipe, steps, every, images, options))
    run.resume(model)
    if tensorboard:
        callbacks = (*callbacks, keras.callbacks.TensorBoard(tensorboard))
    if csv_log:
        callbacks = (*callbacks, keras.callbacks.CSVLogger(csv_log, append=run.step > 0))
    if run.step < steps:
        held_out = None if validation is None else data.paired_arrays(validation, **options)
        try:
            model.fit(
                make(images, start=run.step * recipe.batch_size, **stream),
                epochs=-(-steps // every),
                initial_epoch=run.step // every,
                steps_per_epoch=every,
                validation_data=held_out,
                validation_batch_size=16,
                callbacks=[*callbacks, run],
                shuffle=False,  # the pairs are shuffled already
                verbose=0,
            )
        except KeyboardInterrupt:
            kept = (
                f"; run again to go on from step {run.history[-1]['step'] if run.history else 0:,}"
                if checkpoint_dir
                else ""
            )
            print(f"\nStopped after {run.step:,} of {steps:,} steps; the model holds their weights{kept}.", flush=True)
    return Training(run.step, run.seconds, run.history, run.step == steps)


def _recipe(recipe):
    if isinstance(recipe, Recipe):
        return recipe
    checks.one_of(recipe, "recipe", tuple(RECIPES))
    return RECIPES[recipe]


def _configuration(model, recipe, steps, every, images, options):
    """What must be equal for one run to go on from another's checkpoint."""
    degrade = options["degrade"]
    return {
        "model": type(model).__name__,
        "parameters": int(model.count_params()),
        "recipe": dataclasses.asdict(recipe),
        "steps": steps,
        "validate_every": every,
        "images": list(images.shape),
        **options,
        "degrade": getattr(degrade, "__qualname__", repr(degrade)),
    }


class _Run(keras.callbacks.Callback):
    """Counts steps over all of Keras's epochs, shows progress, keeps the history and the checkpoint, ends on time."""

    def __init__(self, steps, every, verbose, checkpoint_dir, configuration):
        super().__init__()
        self.steps, self.every, self.verbose = steps, every, verbose
        self.checkpoint_dir, self.configuration = checkpoint_dir, configuration
        self.step, self.history, self._before = 0, [], 0.0
        self._started = None
        self._bar = None

    @property
    def seconds(self):
        return self._before + (time.perf_counter() - self._started if self._started else 0.0)

    def resume(self, model):
        found = checkpoint.load(self.checkpoint_dir, model, self.configuration) if self.checkpoint_dir else None
        if found:
            self.step, self.history = found
            self._before = self.history[-1]["seconds"]
            if self.verbose:
                print(f"Going on from step {self.step:,} of {self.steps:,} in {self.checkpoint_dir}.", flush=True)

    def on_train_begin(self, logs=None):
        self._started = time.perf_counter()
        self._first, self._timed_from = self.step, None
        if self.verbose and sys.stdout.isatty():
            names = ("loss", "psnr", "val_loss", "val_psnr")
            self._bar = keras.utils.Progbar(self.steps, stateful_metrics=names, interval=0.2)

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self._timed_from is None:  # the first step compiles
            self._timed_from = time.perf_counter()
        elif self._bar is None and self.verbose and self.step - self._first == 21:
            seconds = (time.perf_counter() - self._timed_from) / (self.step - self._first - 1)
            remaining = seconds * (self.steps - self.step)
            print(f"{1000 * seconds:.0f} ms a step: about {_duration(remaining)} for {self.steps:,} steps.", flush=True)
        if self._bar is not None and self.step < self.steps:
            self._bar.update(self.step, list((logs or {}).items()))
        if self.step == self.steps:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        values = {name: float(value) for name, value in (logs or {}).items()}
        if not all(np.isfinite(v) for v in values.values()):
            raise FloatingPointError(
                f"Training left the finite numbers before step {self.step:,}: {values}. Lower the learning rate."
            )
        self.history.append({"step": self.step, "seconds": round(self.seconds, 3), **values})
        if self.checkpoint_dir:
            checkpoint.save(self.checkpoint_dir, self.model, self.step, self.history, self.configuration)
        if self._bar is not None:
            self._bar.update(self.step, list(values.items()), finalize=self.step == self.steps)
        elif self.verbose:
            shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
            remaining = (self.seconds - self._before) / (self.step - self._first) * (self.steps - self.step)
            print(
                f"step {self.step:,}/{self.steps:,}, {_duration(self.seconds)}, {_duration(remaining)} left: {shown}",
                flush=True,
            )


def _duration(seconds):
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
