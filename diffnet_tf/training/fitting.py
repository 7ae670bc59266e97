"""Training: one `fit` on Keras's own that makes its pairs on the fly and can be stopped and resumed.

>>> import diffnet_tf as dn
>>> images = dn.data.load_images("skimage", limit=16)
>>> model = dn.models.DiffNet(num_layers=2, estimator_depth=2, width=4)
>>> trained = dn.training.fit(model, images, "paper", steps=2, noise=0.01, verbose=False)
>>> trained.finished, trained.steps
(True, 2)
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

from diffnet_tf import data
from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import PathLike, Tensor
from diffnet_tf.data import ranges
from diffnet_tf.data.pairs import Images, Plan
from diffnet_tf.data.ranges import Range
from diffnet_tf.metrics import PSNR, NormLoss
from diffnet_tf.training import callbacks as callback_state
from diffnet_tf.training import device, distribute, identity, recipes
from diffnet_tf.training.recipes import RECIPES, Recipe
from diffnet_tf.training.run import Run

VALIDATION = 96  # side of squares, in pixels

__all__ = ["RECIPES", "Recipe", "Training", "fit"]


@dataclasses.dataclass(repr=False)
class Training:
    """What `fit` leaves beside the trained model.

    Attributes:
        steps: steps done.
        seconds: time they took, validation and earlier parts of a resumed run included.
        history: one dict a validation: step, loss, psnr (of training examples, dB), and with validation images val_loss
            and val_psnr. Both losses are on one scale, that of the training batches (see `metrics.NormLoss`).
        finished: whether all steps were done; False after Ctrl-C, or when a callback stopped it.
        times: the seconds at each validation.
    """

    steps: int
    seconds: float
    history: list[dict[str, Any]]
    finished: bool
    times: list[float]

    def __repr__(self) -> str:
        """One short line, since `fit` often is the last line of a notebook's cell."""
        last = [f"{name}={value:.4g}" for name, value in (self.history or [{}])[-1].items() if name != "step"]
        done = [f"steps={self.steps}", f"finished={self.finished}", f"seconds={self.seconds:.0f}"]
        return f"Training({', '.join(done + last)})"


def fit(
    model: keras.Model,
    images: Images,
    recipe: str | Recipe = "fast",
    *,
    steps: int,
    problem: str = "inverse",
    noise: Range = 0.0,
    seed: int = 0,
    degrade: Callable[..., Tensor] | None = None,
    noise_map: bool = False,
    parameter: tuple[float, float] | None = None,
    redraw: bool = True,
    validation: Images | None = None,
    validate_every: int | None = None,
    save_every: int | None = None,
    checkpoint_dir: PathLike | None = None,
    csv_log: PathLike | None = None,
    tensorboard: PathLike | None = None,
    verbose: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Training:
    """Train a model for a number of steps on pairs made on the fly.

    Args:
        model: a built Keras model from (batch, height, width, 1) to the same.
        images: training images, anything `data.pairs` takes. There may be fewer than a batch has.
        recipe: a `recipes.Recipe` or a name in `recipes.RECIPES`.
        steps: number of steps.
        problem, noise, degrade, noise_map, parameter, redraw: what to learn, see `data.pairs`.
        seed: of the examples. (The initial weights are the model's: call keras.utils.set_random_seed before making it.)
        validation: images to validate on, whole and always with the same noise (of a range, each image with a σ of its
            own); never trained on. Of images of different sizes, squares of 96 pixels.
        validate_every: steps from one validation (log row, checkpoint) to the next; steps/20 if not given.
        save_every: steps from one checkpoint to the next, beside those; under a strategy of `distribute` there are
            only those.
        checkpoint_dir: a folder to keep the state in, the two newest checkpoints. A run that finds one of the same
            configuration there goes on from it, and ends with the same bits as if it had not been stopped: on one
            machine, with the same versions and number of threads, and with a `degrade` that draws no random numbers. A
            `degrade` is the same if it makes the same of a fixed batch, to 1e-6.
        csv_log: a file for the history as CSV.
        tensorboard: a folder for TensorBoard (the `tensorboard` extra, TensorFlow backend only).
        verbose: show a progress bar with the remaining time (lines, where the output is no terminal).
        callbacks: more Keras callbacks; what they remember is saved too, see `training.callbacks`. Ctrl-C ends training
            like the last step does, with the weights reached, and saves them. On JAX several steps are one call, see
            `training.device`, after whose end Ctrl-C is heard; with a callback that acts on batches each is its own.

    Returns:
        A `Training`.

    Raises:
        TypeError, ValueError: for arguments out of range, images that do not fit, a checkpoint of another
            configuration; before any work.
        FloatingPointError: when a loss or a variable is NaN or infinite; the checkpoints before that are kept.
        MemoryError: naming a smaller batch.
    """
    recipe = recipes.get(recipe)
    checks.count(steps, "steps")
    every = max(1, steps // 20) if validate_every is None else min(validate_every, steps)
    checks.count(every, "validate_every")
    save_every = every if save_every is None else save_every
    checks.count(save_every, "save_every")
    low, high = ranges.of_noise(noise)
    checks.count(seed, "seed", minimum=0)
    if tensorboard and keras.backend.backend() != "tensorflow":
        raise ValueError(f"tensorboard needs the TensorFlow backend; this is {keras.backend.backend()}. Use csv_log.")
    level: Any = low if low == high else [low, high]
    options: dict[str, Any] = {"problem": problem, "noise": level, "seed": int(seed), "degrade": degrade}
    if noise_map:
        options["noise_map"] = True
    if parameter is not None:
        options["parameter"] = list(ranges.of_parameter(parameter))
    if not redraw:
        options["redraw"] = False
    stream = {name: getattr(recipe, name) for name in ("batch_size", "crop", "augment")} | {"epochs": None, **options}
    make: Callable[..., Any] = data.pairs if keras.backend.backend() == "tensorflow" else data.PairSequence
    images = data.as_gray_images(images)
    plan = Plan(images, **stream)  # refuses bad arguments before any work
    callback_state.check(callbacks, recipe)
    _check_shapes(model, plan)
    distribute.check_batch(recipe.batch_size, model)
    if distribute.of_model(model) is not None:
        save_every = every
    chief = distribute.is_chief()
    verbose = verbose and chief

    loss = recipes.loss(recipe, (recipe.batch_size, *plan.examples.shape))
    model.compile(recipes.optimizer(recipe, steps), loss, metrics=[PSNR()])
    model.optimizer.build(model.trainable_variables)  # in its first step, TensorFlow would trace that twice
    held_out = None if validation is None else data.as_gray_images(validation)
    if isinstance(held_out, data.MixedImages):
        held_out = data.squares(held_out, min(VALIDATION, held_out.sizes.min()))
    configuration = identity.configuration(model, recipe, steps, every, images, held_out, options, callbacks)
    outcome = identity.outcome(plan) if checkpoint_dir else {}
    run = Run(steps, every, save_every, verbose, checkpoint_dir, csv_log, configuration, outcome, callbacks)
    run.resume(model)
    if run.first_version and isinstance(loss, NormLoss):
        loss.batch_shape = None  # its history is on the scale of each batch
    if tensorboard:
        callbacks = (*callbacks, keras.callbacks.TensorBoard(tensorboard))
    pairs = None if held_out is None or run.ended else data.paired_arrays(held_out, **options)
    size = recipe.batch_size
    smaller = f"batch_size={size // 2}" if size > 1 else f"crop={max(plan.examples.shape[0] // 2, 3)}"
    advice = f"Try dataclasses.replace(recipe, {smaller})"
    too_large = f"The memory does not hold a training step with batch_size={size} and crop={recipe.crop}. {advice}."
    try:
        with run.interruptible(), backend.memory_errors(too_large):
            _fit(
                model,
                run,
                lambda **shard: make(images, start=run.step * recipe.batch_size, **shard, **stream),
                _Begun([*callbacks, run], add_history=True, model=model),
                device.Trainer(model, plan, run, callbacks) if device.able(model, plan) and not run.ended else None,
                loss=recipe.loss,
                validation_data=pairs,
            )
    except KeyboardInterrupt:  # at the end of a step: see Run.interruptible
        kept = "; run again to go on from there" if checkpoint_dir else ""
        print(f"\nStopped after {run.step:,} of {steps:,} steps; the model holds their weights{kept}.", flush=True)
    return Training(run.step, run.seconds, run.history, run.step == steps, run.times)


def _check_shapes(model: keras.Model, plan: Plan) -> None:
    """Refuse images that are not those of the model, which Keras would find in its first step.

    Raises:
        ValueError: naming both.
    """
    shape = getattr(model, "input_shape", None)
    height, width, channels = plan.examples.shape
    given = (height, width, channels + plan.noise_map)
    if not isinstance(shape, tuple) or len(shape) != 4 or not checks.differ(shape[1:], given):
        return
    if shape[-1] not in (None, given[-1]):
        what = f"{shape[-1]} channel(s), and the examples have {given[-1]}"
        advice = "Load the images with colour=True or False, and give noise_map=True to a network with a noise map."
    else:
        what = f"{shape[1]}×{shape[2]} pixels, and the examples are {height}×{width}"
        advice = f"For square ones, give dataclasses.replace(recipe, crop={shape[1]})."
    raise ValueError(f"The model takes images of {what}; expected the same. {advice}")


class _Begun(keras.callbacks.CallbackList):
    """Callbacks of a training that takes more than one call of Keras's `fit`: it begins and ends here only once."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        pass

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        pass

    def begin(self) -> None:
        super().on_train_begin()

    def end(self) -> None:
        super().on_train_end()


def _fit(
    model: keras.Model,
    run: Run,
    make: Callable[..., Any],
    callbacks: _Begun,
    trainer: device.Trainer | None,
    loss: str,
    **options: Any,
) -> None:
    """The loop of `device`, Keras's `fit`, or where that fails the loop of `distribute`, from wherever the run is.

    An epoch is the interval from one validation to the next. A run that was stopped inside of one first ends that.
    """
    callbacks.begin()
    while not run.ended:
        epoch, done = divmod(run.step, run.every)
        epochs: dict[str, Any] = {
            "epochs": epoch + 1 if done else -(-run.steps // run.every),
            "initial_epoch": epoch,
            "steps_per_epoch": run.every - done,
            "callbacks": callbacks,
        }
        if distribute.of_model(model) is not None:
            distribute.fit(model, lambda index, count: make(shard=(index, count)), loss=loss, **epochs, **options)
        elif trainer is not None:
            trainer.fit(**epochs, **options)
        else:
            batch = distribute.EVALUATION_BATCH
            # The pairs are shuffled already.
            model.fit(make(), validation_batch_size=batch, shuffle=False, verbose=0, **epochs, **options)
    callbacks.end()
