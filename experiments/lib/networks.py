"""Train a network on pairs of clean and diffused images and measure it: what Figures 8–10 and 13 are made of."""

import dataclasses
from pathlib import Path

from experiments.lib import measure

# 101,810 and 99,568 parameters: as many as DiffNet to 2 %.
EQUAL = {"ConvNet": {"depth": 5, "width": 61}, "ResNet": {"blocks": 4, "width": 37}}
UNET_RATE = 3e-4  # lower than DiffNet's, as in the paper
TEST_SEED = 1  # of the noise on test images, whatever the seed of the run
TUNING_SEED = 2  # of the noise on images that something is chosen on: not that of the test images


@dataclasses.dataclass(frozen=True)
class Task:
    """What is learned: the problem, "inverse" or "forward", and σ of the noise on the diffused image."""

    problem: str = "inverse"
    noise: float = 0.0

    @property
    def crop(self):
        """Side of the recipe `fast`'s training crops: noise wants a wider view."""
        return 48 if self.noise >= 0.005 else 24

    @property
    def words(self):
        """The task, for titles."""
        noise = f"{100 * self.noise:g} % noise" if self.noise else "no noise"
        return "forward" if self.problem == "forward" else f"inverse, {noise}"


def make(network, recipe):
    """A new network by the name of its class: "DiffNet", "UNet", "ConvNet" or "ResNet".

    K-layer CNN and ResNet get about as many parameters as DiffNet's 101,310, see `EQUAL`.
    The U-Net's convolutions run in bfloat16 where the processor has instructions for it, twice as fast there and eight
    times as slow elsewhere: they only correct the image, which stays in float32.
    """
    from diffnet_tf.networks import models

    if network == "UNet":
        return models.UNet(dtype="mixed_bfloat16" if _bfloat16_is_fast() else "float32")
    if network in EQUAL:
        return getattr(models, network)(**EQUAL[network])
    return models.DiffNet(initial_scale=recipe.initial_scale)


def _bfloat16_is_fast():
    """Whether this machine has bfloat16 in hardware: a GPU, or a processor that says so."""
    import keras

    info = Path("/proc/cpuinfo")
    return bool(keras.distribution.list_devices("gpu")) or (info.exists() and "_bf16" in info.read_text())


def recipe_for(network, name, task):
    """The recipe of that name; `fast` in the form that suits the network and the task."""
    from diffnet_tf.training import recipes

    recipe = recipes.get(name)
    if name != "fast":
        return recipe
    if network == "UNet":
        # Whole images, since the deepest of its layers see them reduced 16 times: four times as many crops of half the
        # side would take 1.8 times as long.
        return dataclasses.replace(recipe, crop=None, batch_size=2, optimizer="adam", learning_rate=UNET_RATE)
    return dataclasses.replace(recipe, crop=task.crop)


def for_images(recipe, number):
    """The recipe for so many training images: a batch cannot be larger than the data set."""
    return dataclasses.replace(recipe, batch_size=min(recipe.batch_size, number))


def train(network, task, recipe, images, *, steps, seed, **arguments):
    """A new network, trained: (model, `training.Training`). More arguments go to `training.fit`."""
    import keras

    from diffnet_tf import training

    keras.utils.set_random_seed(seed)
    model = make(network, recipe)
    trained = training.fit(
        model, images, recipe, steps=steps, seed=seed, problem=task.problem, noise=task.noise, **arguments
    )
    return model, trained


def test_pairs(task, images, seed=TEST_SEED):
    """(inputs, targets) to measure on, always with the same noise."""
    from diffnet_tf import data

    return data.paired_arrays(images, problem=task.problem, noise=task.noise, seed=seed)


def measured(model, inputs, targets):
    """(outputs, values, summary) of a model on the test images, see `measure.quality`."""
    outputs = measure.batched(measure.applied(model), inputs)
    return outputs, *measure.quality(targets, outputs)
