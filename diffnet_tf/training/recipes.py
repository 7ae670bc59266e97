"""Recipes: named settings of batch size, crops, loss, optimiser and learning-rate schedule for training.

>>> import dataclasses
>>> import diffnet_tf as dn
>>> fast = dn.recipes.get("fast")
>>> fast.crop, fast.batch_size, fast.optimizer
(24, 8, 'soap')
>>> wide = dataclasses.replace(fast, crop=48)  # `training.fit` takes a changed recipe, too
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from diffnet_tf.base import checks
from diffnet_tf.metrics import LOSSES, NormLoss
from diffnet_tf.training.soap import SOAP

SCHEDULES = ("constant", "cosine", "authors")
OPTIMIZERS = {"adam": keras.optimizers.Adam, "soap": SOAP}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of a training that do not depend on the number of steps.

    Attributes:
        batch_size: number of examples in a step.
        crop: side of the training crops in pixels, each diffused with its own border; None for whole images.
        augment: flip and transpose at random, before diffusing.
        loss: "norm" (the authors' ‖·‖₂ / batch size), "mse", or "log" (½ log MSE of each image, for a range of noise
            levels).
        optimizer: "adam", or "soap": `training.soap.SOAP`, Adam in the eigenbasis of Shampoo's preconditioner.
        learning_rate: the initial value of the schedule, above 0.
        schedule: "constant", "cosine" (decreasing to 0 at the last step) or "authors" (halved at every 10,000th step,
            including step 0).
        time_step_learning_rate: for the learned time steps; None for the same as the filters.
        beta_2: decay of the average of squared gradients; None for the optimiser's default, 0.999 (Adam) or 0.95
            (SOAP).
        initial_scale: factor on the initial last kernels of estimators, see `layers.FilterEstimator`. Pass it to the
            model when you make it: `fit` does not change initial weights.

    Raises:
        TypeError, ValueError: for a value out of range.
    """

    batch_size: int = 16
    crop: int | None = None
    augment: bool = False
    loss: str = "norm"
    optimizer: str = "adam"
    learning_rate: float = 4e-3
    schedule: str = "authors"
    time_step_learning_rate: float | None = None
    beta_2: float | None = None
    initial_scale: float = 1.0

    def __post_init__(self) -> None:
        checks.count(self.batch_size, "batch_size")
        checks.one_of(self.loss, "loss", tuple(LOSSES))
        checks.one_of(self.optimizer, "optimizer", tuple(OPTIMIZERS))
        checks.one_of(self.schedule, "schedule", SCHEDULES)
        checks.positive(self.learning_rate, "learning_rate")


RECIPES = {
    # The paper: 96×96 pixels, batch 16, ℓ2 loss, Adam with a gradually decreased rate, whose values are not known.
    "paper": Recipe(loss="mse", learning_rate=1e-3, schedule="cosine"),
    # The authors' released code.
    "authors": Recipe(),
    # Small crops and batches give more steps per second and, on two cores, better results in equal time. Above 50 dB,
    # SOAP is much faster than first-order methods.
    "fast": Recipe(
        batch_size=8, crop=24, augment=True, optimizer="soap", learning_rate=3e-3, schedule="cosine", initial_scale=0.01
    ),
}


def crop(noise: float) -> int:
    """A good side of training crops, in pixels, for noise σ: with noise, the network needs a wider view."""
    return 48 if noise >= 0.005 else 24


def learning_rates(
    schedule: str, initial: float, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The Keras learning-rate schedule with a name in `SCHEDULES`; the number `initial` for "constant"."""
    checks.one_of(schedule, "schedule", SCHEDULES)
    if schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(initial, steps)
    if schedule == "authors":
        return keras.optimizers.schedules.ExponentialDecay(initial / 2, 10_000, 0.5, staircase=True)
    return initial


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The optimiser of a recipe, for a number of steps. Time steps get their own if they have their own rate."""
    options: dict[str, Any] = {} if recipe.beta_2 is None else {"beta_2": recipe.beta_2}

    def of_rate(rate: float, **name: str) -> keras.optimizers.Optimizer:
        return OPTIMIZERS[recipe.optimizer](learning_rates(recipe.schedule, rate, steps), **options, **name)

    if recipe.time_step_learning_rate is None:
        return of_rate(recipe.learning_rate)
    # Callbacks use the names for columns of the history. Keras's default names differ from run to run.
    groups = {".*time_step": of_rate(recipe.time_step_learning_rate, name="time_steps")}
    filters = of_rate(recipe.learning_rate, name="filters")
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(filters, groups))


def loss(recipe: Recipe, batch_shape: Sequence[int]) -> keras.losses.Loss:
    """The loss of a recipe; for all batches on the scale of training batches (images, height, width, channels)."""
    return NormLoss(batch_shape=batch_shape) if recipe.loss == "norm" else LOSSES[recipe.loss]()


def get(recipe: str | Recipe) -> Recipe:
    """The recipe with this name; a `Recipe` is returned unchanged.

    Raises:
        ValueError: if the name is unknown. The message lists the known names.
    """
    if isinstance(recipe, Recipe):
        return recipe
    checks.one_of(recipe, "recipe", tuple(RECIPES))
    return RECIPES[recipe]
