"""Recipes: named training settings with batch and crop size, loss, optimiser and schedule.

>>> import dataclasses
>>> import diffnet_tf as dn
>>> fast = dn.recipes.get("fast")
>>> fast.crop, fast.batch_size, fast.optimizer
(24, 8, 'soap')
>>> wide = dataclasses.replace(fast, crop=48)  # `training.fit` accepts this, too
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
    """Training settings that do not depend on the number of steps.

    Attributes:
        batch_size: number of examples in a step, at least 1.
        crop: side of the training crops in pixels; None for whole images. The boundary condition of the diffusion
            applies to each crop.
        augment: flip and transpose at random before diffusing.
        loss: "norm" (the authors' ‖·‖₂ / batch size), "mse", or "log" (½ log MSE of each image, for a range of noise
            levels).
        optimizer: "adam", or "soap" for `training.soap.SOAP`, Adam in the eigenbasis of Shampoo's preconditioner.
        learning_rate: learning rate at the start of the schedule, above 0.
        schedule: "constant", "cosine" (falls to 0 at the last step) or "authors" (starts with half of the learning
            rate, which is halved every 10,000 steps).
        time_step_learning_rate: learning rate of the learned time steps; None for the same as the filters.
        beta_2: decay rate of the average of squared gradients; None for the optimiser's default, 0.999 (Adam) or 0.95
            (SOAP).
        initial_scale: factor for the initial values of the estimators' last kernels, see `layers.FilterEstimator`. Pass
            it to the model yourself; `fit` does not change the weights.
        refresh_every: steps between two updates of SOAP's eigenvectors; None for its default, 25. Their QR
            decompositions are slow on a GPU, where 100 makes training of small networks faster.

    Raises:
        TypeError, ValueError: if a number is out of range or a name is unknown.
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
    refresh_every: int | None = None

    def __post_init__(self) -> None:
        checks.count(self.batch_size, "batch_size")
        checks.one_of(self.loss, "loss", tuple(LOSSES))
        checks.one_of(self.optimizer, "optimizer", tuple(OPTIMIZERS))
        checks.one_of(self.schedule, "schedule", SCHEDULES)
        checks.positive(self.learning_rate, "learning_rate")
        if self.refresh_every is not None:
            checks.count(self.refresh_every, "refresh_every")
            if self.optimizer != "soap":
                raise ValueError(
                    f"refresh_every={self.refresh_every} with optimizer={self.optimizer!r}; expected None: only SOAP "
                    "has eigenvectors to update."
                )


RECIPES = {
    # The paper: 96×96, batch 16, ℓ2 loss, Adam with a decreasing rate. The paper does not give the rates.
    "paper": Recipe(loss="mse", learning_rate=1e-3, schedule="cosine"),
    # The authors' released code.
    "authors": Recipe(),
    # Small crops and batches give more steps per second and, on two cores, better results in the same time. SOAP does
    # not slow down above 50 dB, as first-order methods do.
    "fast": Recipe(
        batch_size=8, crop=24, augment=True, optimizer="soap", learning_rate=3e-3, schedule="cosine", initial_scale=0.01
    ),
}


def crop(noise: float) -> int:
    """A suitable crop size in pixels for noise σ: with noise, a pixel depends on a larger neighbourhood."""
    return 48 if noise >= 0.005 else 24


def learning_rates(
    schedule: str, initial: float, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The Keras learning-rate schedule (or constant rate) for a name in `SCHEDULES`."""
    checks.one_of(schedule, "schedule", SCHEDULES)
    if schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(initial, steps)
    if schedule == "authors":
        return keras.optimizers.schedules.ExponentialDecay(initial / 2, 10_000, 0.5, staircase=True)
    return initial


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Make the optimiser of a recipe; with a time_step_learning_rate, a second optimiser for the time steps."""
    options: dict[str, Any] = {} if recipe.beta_2 is None else {"beta_2": recipe.beta_2}
    if recipe.refresh_every is not None:
        options["refresh_every"] = recipe.refresh_every

    def of_rate(rate: float, **name: str) -> keras.optimizers.Optimizer:
        return OPTIMIZERS[recipe.optimizer](learning_rates(recipe.schedule, rate, steps), **options, **name)

    if recipe.time_step_learning_rate is None:
        return of_rate(recipe.learning_rate)
    # Fixed names, because callbacks use them as columns of the history; Keras's own names vary.
    groups = {".*time_step": of_rate(recipe.time_step_learning_rate, name="time_steps")}
    filters = of_rate(recipe.learning_rate, name="filters")
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(filters, groups))


def loss(recipe: Recipe, batch_shape: Sequence[int]) -> keras.losses.Loss:
    """Make the loss of a recipe, scaled for training batches of shape (images, height, width, channels)."""
    return NormLoss(batch_shape=batch_shape) if recipe.loss == "norm" else LOSSES[recipe.loss]()


def get(recipe: str | Recipe) -> Recipe:
    """The recipe with this name, or the given `Recipe` itself. Raises a ValueError for an unknown name."""
    if isinstance(recipe, Recipe):
        return recipe
    checks.one_of(recipe, "recipe", tuple(RECIPES))
    return RECIPES[recipe]
