"""How a network is trained: batches, crops, loss, optimiser and schedule, under one name.

>>> import dataclasses
>>> import diffnet_tf as dn
>>> fast = dn.recipes.get("fast")
>>> fast.crop, fast.batch_size, fast.optimizer
(24, 8, 'soap')
>>> wide = dataclasses.replace(fast, crop=48)  # what `training.fit` takes as well
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
    """How a network is trained, whatever the number of steps.

    Attributes:
        batch_size: examples a step.
        crop: side of the training crops in pixels, each diffused with its own border; None for whole images.
        augment: random flips and transpositions, before diffusing.
        loss: "norm" (the authors' ‖·‖₂ / batch), "mse", or "log" (½ log MSE of each image, for a range of noises).
        optimizer: "adam", or "soap": `training.soap.SOAP`, Adam in the eigenbasis of Shampoo's preconditioner.
        learning_rate: where the schedule starts from.
        schedule: "constant", "cosine" (down to 0 at the last step) or "authors" (halved at every 10,000th step, the
            0th included).
        time_step_learning_rate: of the learned time steps; None for that of the filters.
        beta_2: averaging of squared gradients; None for the optimiser's own, 0.999 (Adam) or 0.95 (SOAP).
        initial_scale: factor on the estimators' last kernels at the start, see `layers.FilterEstimator`. It is for
            whoever makes the model: `fit` takes the weights as they are.
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
    # The paper: 96×96, batch 16, ℓ2 loss, Adam with gradually decreased rate. Its rates are not known.
    "paper": Recipe(loss="mse", learning_rate=1e-3, schedule="cosine"),
    # The authors' released code.
    "authors": Recipe(),
    # Small crops and batches give more steps a second and, on two cores, better results in equal time. SOAP does not
    # crawl beyond 50 dB, as first-order methods do.
    "fast": Recipe(
        batch_size=8, crop=24, augment=True, optimizer="soap", learning_rate=3e-3, schedule="cosine", initial_scale=0.01
    ),
}


def crop(noise: float) -> int:
    """Side in pixels of the training crops that suit σ of the noise: with noise, a pixel needs a wider view."""
    return 48 if noise >= 0.005 else 24


def learning_rates(
    schedule: str, initial: float, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """A Keras learning-rate schedule (or the number itself) for a name in `SCHEDULES`."""
    checks.one_of(schedule, "schedule", SCHEDULES)
    if schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(initial, steps)
    if schedule == "authors":
        return keras.optimizers.schedules.ExponentialDecay(initial / 2, 10_000, 0.5, staircase=True)
    return initial


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The optimiser of a recipe; the time steps get one of their own when the recipe gives them a rate of their own."""
    options: dict[str, Any] = {} if recipe.beta_2 is None else {"beta_2": recipe.beta_2}

    def of_rate(rate: float, **name: str) -> keras.optimizers.Optimizer:
        return OPTIMIZERS[recipe.optimizer](learning_rates(recipe.schedule, rate, steps), **options, **name)

    if recipe.time_step_learning_rate is None:
        return of_rate(recipe.learning_rate)
    # Of their names callbacks make columns of the history: those that Keras gives differ from run to run.
    groups = {".*time_step": of_rate(recipe.time_step_learning_rate, name="time_steps")}
    filters = of_rate(recipe.learning_rate, name="filters")
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(filters, groups))


def loss(recipe: Recipe, batch_shape: Sequence[int]) -> keras.losses.Loss:
    """The loss of a recipe, on the scale of training batches (images, height, width, channels) for all others too."""
    return NormLoss(batch_shape=batch_shape) if recipe.loss == "norm" else LOSSES[recipe.loss]()


def get(recipe: str | Recipe) -> Recipe:
    """The recipe of that name, or the given `Recipe` itself."""
    if isinstance(recipe, Recipe):
        return recipe
    checks.one_of(recipe, "recipe", tuple(RECIPES))
    return RECIPES[recipe]
