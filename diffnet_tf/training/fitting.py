"""Train a model with `fit`: it makes the training pairs on the fly, and can be stopped and resumed.

>>> import diffnet_tf as dn
>>> images = dn.data.load_images("skimage", limit=16)
>>> model = dn.models.DiffNet(num_layers=2, estimator_depth=2, width=4)
>>> trained = dn.training.fit(model, images, "paper", steps=2, noise=0.01, verbose=False)
>>> trained.finished, trained.steps
(True, 2)
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from diffnet_tf import data
from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import PathLike, Tensor
from diffnet_tf.data import ranges
from diffnet_tf.data.plan import Images, Plan, opened
from diffnet_tf.data.ranges import Range
from diffnet_tf.metrics import PSNR, NormLoss
from diffnet_tf.training import callbacks as callback_state
from diffnet_tf.training import device, distribute, identity, recipes
from diffnet_tf.training.recipes import RECIPES, Recipe
from diffnet_tf.training.run import Run

VALIDATION = 96  # side in pixels of the squares to validate on, if images differ in size

__all__ = ["RECIPES", "Recipe", "Training", "fit"]


@dataclasses.dataclass(repr=False)
class Training:
    """The result of `fit`. (The weights are in the model.)

    Attributes:
        steps: number of steps done.
        seconds: time taken, including validation and the earlier parts of a resumed training.
        history: one dict for each validation, with step, loss and psnr (on training examples, in dB); with validation
            images also val_loss and val_psnr. Both losses are on the scale of the training batches, see
            `metrics.NormLoss`.
        finished: whether all steps were done; False after Ctrl-C or if a callback stopped the training.
        times: seconds from the start to each validation.
    """

    steps: int
    seconds: float
    history: list[dict[str, Any]]
    finished: bool
    times: list[float]

    def __repr__(self) -> str:
        """One short line, because notebooks print the value of a cell's last line."""
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
    parameter: Range | Mapping[str, Range] | None = None,
    parameter_map: bool = False,
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

    Ctrl-C ends the training after the current step and saves a checkpoint; the model keeps the weights reached. On JAX,
    one call does several steps (see `training.device`), and Ctrl-C waits for the end of the call.

    Args:
        model: a built Keras model that maps (batch, height, width, channels) to the same shape, channels 1 or 3.
        images: training images, anything that `data.pairs` takes. There may be fewer images than a batch has examples.
        recipe: a `recipes.Recipe`, or a name in `recipes.RECIPES`.
        steps: number of steps, at least 1.
        problem, noise, degrade, noise_map, parameter, parameter_map, redraw: what to learn, see `data.pairs`.
        seed: seed of the examples. (For the initial weights, call keras.utils.set_random_seed before you make the
            model.)
        validation: images to validate on, not used for training. They are used whole (or, if their sizes differ, cut
            into squares of at most 96 pixels a side) and always with the same noise; for a range of σ, each image has
            its own.
        validate_every: number of steps between validations, each with a log row and a checkpoint; default steps/20.
        save_every: number of steps between additional checkpoints; ignored under a strategy of `distribute`.
        checkpoint_dir: a folder for the two newest checkpoints. If it contains one with the same configuration, the
            training continues from it and gives the same bits as if it had not been stopped: on the same machine, with
            the same versions and number of threads, and if `degrade` draws no random numbers. `degrade` counts as the
            same if its output for a fixed batch is the same to 1e-6.
        csv_log: a file for the history, as CSV.
        tensorboard: a folder for TensorBoard (needs the `tensorboard` extra and the TensorFlow backend).
        verbose: show a progress bar with the remaining time, or, if the output is not a terminal, a line at a
            validation: the first, the last, and others ten seconds apart.
        callbacks: further Keras callbacks. Checkpoints include their state, see `training.callbacks`. On JAX, a
            callback with batch methods reduces each call to one step.

    Returns:
        A `Training`.

    Raises:
        TypeError, ValueError: before any work, if an argument is out of range, the images do not fit the model, or the
            checkpoint has another configuration.
        FloatingPointError: if a loss or a variable becomes NaN or infinite; earlier checkpoints are kept.
        MemoryError: if the memory is too small; the message suggests a smaller batch or crop.
    """
    recipe = recipes.get(recipe)
    checks.count(steps, "steps")
    every = max(1, steps // 20) if validate_every is None else min(validate_every, steps)
    checks.count(every, "validate_every")
    save_every = every if save_every is None else save_every
    checks.count(save_every, "save_every")
    level = ranges.of_noise(noise).plain
    checks.count(seed, "seed", minimum=0)
    if tensorboard and keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"tensorboard needs the TensorFlow backend; this is {keras.backend.backend()}. Use csv_log instead."
        )
    options: dict[str, Any] = {"problem": problem, "noise": level, "seed": int(seed), "degrade": degrade}
    if noise_map:
        options["noise_map"] = True
    if parameter is not None:
        options["parameter"] = ranges.plain(parameter)
        if parameter_map:
            options["parameter_map"] = True
    if not redraw:
        options["redraw"] = False
    stream = {name: getattr(recipe, name) for name in ("batch_size", "crop", "augment")} | {"epochs": None, **options}
    make: Callable[..., Any] = data.pairs if keras.backend.backend() == "tensorflow" else data.PairSequence
    images = opened(images, problem)
    plan = Plan(images, **stream)  # checks the arguments before any work
    callback_state.check(callbacks, recipe)
    _check_shapes(model, plan)
    _check_conditions(model, plan)
    distribute.check_batch(recipe.batch_size, model)
    if distribute.of_model(model) is not None:
        save_every = every
    chief = distribute.is_chief()
    verbose = verbose and chief

    loss = recipes.loss(recipe, (recipe.batch_size, *plan.examples.shape))
    model.compile(recipes.optimizer(recipe, steps), loss, metrics=[PSNR()])
    model.optimizer.build(model.trainable_variables)  # otherwise TensorFlow traces the first step twice
    held_out = None if validation is None else opened(validation, problem)
    if isinstance(held_out, data.MixedImages):
        held_out = data.squares(held_out, min(VALIDATION, held_out.sizes.min()))
    configuration = identity.configuration(model, recipe, steps, every, images, held_out, options, callbacks)
    outcome = identity.outcome(plan) if checkpoint_dir else {}
    run = Run(steps, every, save_every, verbose, checkpoint_dir, csv_log, configuration, outcome, callbacks)
    run.resume(model)
    if run.first_version and isinstance(loss, NormLoss):
        loss.batch_shape = None  # its earlier history is on the scale of each batch
    if tensorboard:
        callbacks = (*callbacks, keras.callbacks.TensorBoard(tensorboard))
    pairs = None if held_out is None or run.ended else data.paired_arrays(held_out, **options)
    size = recipe.batch_size
    smaller = f"batch_size={size // 2}" if size > 1 else f"crop={max(plan.examples.shape[0] // 2, 3)}"
    advice = f"Try dataclasses.replace(recipe, {smaller})"
    too_large = f"Not enough memory for a training step with batch_size={size} and crop={recipe.crop}. {advice}."
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
    except KeyboardInterrupt:  # raised at the end of a step, see Run.interruptible
        kept = " Run again to continue." if checkpoint_dir else ""
        print(f"\nStopped after {run.step:,} of {steps:,} steps. The model has the weights reached.{kept}", flush=True)
    return Training(run.step, run.seconds, run.history, run.step == steps, run.times)


def _check_shapes(model: keras.Model, plan: Plan) -> None:
    """Refuse images whose shape does not fit the model, before Keras fails in its first step.

    Raises:
        ValueError: in this case.
    """
    shape = getattr(model, "input_shape", None)
    height, width, channels = plan.examples.shape
    given = (height, width, channels + plan.maps)
    if not isinstance(shape, tuple) or len(shape) != 4 or not checks.differ(shape[1:], given):
        return
    if shape[-1] not in (None, given[-1]):
        what = f"{shape[-1]} channel(s), but the examples have {given[-1]}"
        advice = (
            "Load the images with colour=True or False, and give noise_map=True for a network with a noise map, and "
            "parameter_map=True for one that is given the parameters."
        )
    else:
        what = f"{shape[1]}×{shape[2]} pixels, but the examples have {height}×{width}"
        advice = f"If they are square, use dataclasses.replace(recipe, crop={shape[1]})."
    raise ValueError(f"The model takes images of {what}; expected the same. {advice}")


def _check_conditions(model: keras.Model, plan: Plan) -> None:
    """Refuse parameters in another order than that of a network that is given the diffusion, or out of its range.

    Raises:
        ValueError: in this case.
    """
    wanted = getattr(model, "conditions", None)
    if wanted is None:
        return
    shown = tuple(plan.examples.parameters) if plan.parameter_map else ()
    given = ("noise",) * bool(plan.noise_map) + shown
    if given != wanted:
        raise ValueError(
            f"The model is given {', '.join(wanted)}, in this order, but the examples show "
            f"{', '.join(given) or 'none of them'}. Give noise_map=True, parameter_map=True, and these names in "
            "parameter={...}, in this order."
        )
    spreads = {"noise": plan.examples.noise, **plan.examples.parameters}
    for end in ("low", "high"):
        model.values_of(**{name: getattr(spreads[name], end) for name in ("noise", "contrast", "time")})


class _Begun(keras.callbacks.CallbackList):
    """Callbacks for a training that may call Keras's `fit` several times, but begins and ends only once."""

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
    """Do the remaining steps with the loop of `device`, with Keras's `fit`, or with the loop of `distribute`.

    An epoch is the interval between two validations. A training that stopped inside an epoch finishes it first.
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
            # The pairs are already shuffled.
            model.fit(make(), validation_batch_size=batch, shuffle=False, verbose=0, **epochs, **options)
    callbacks.end()
