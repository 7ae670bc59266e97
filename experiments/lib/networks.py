"""The networks that experiments train, and suitable recipes."""

import dataclasses

# 101,810 and 99,568 parameters: as many as DiffNet to 2 %.
EQUAL = {"ConvNet": {"depth": 5, "width": 61}, "ResNet": {"blocks": 4, "width": 37}}
UNET_RATE = 3e-4  # where its trainings start, under every recipe lower than DiffNet's, as in the paper


def of(network, name, task, **changes):
    """The arguments of `study.train`: (recipe → a new network, (name, recipe)), see `make` and `recipe_for`."""
    return lambda recipe: make(network, recipe), recipe_for(network, name, task, **changes)


def make(network, recipe):
    """A new network by the name of its class: "DiffNet", "UNet", "ConvNet" or "ResNet".

    K-layer CNN and ResNet get about as many parameters as DiffNet's 101,310, see `EQUAL`.
    The U-Net's convolutions run in bfloat16 where the processor has instructions for it, twice as fast there and eight
    times as slow elsewhere: they only correct the image, which stays in float32. On a GPU they run in float32 (TF32).
    """
    from diffnet_tf import models

    if network == "UNet":
        return models.UNet(dtype="mixed_bfloat16" if _bfloat16_is_fast() else "float32")
    if network in EQUAL:
        return getattr(models, network)(**EQUAL[network])
    return models.DiffNet(initial_scale=recipe.initial_scale)


def _bfloat16_is_fast():
    """Whether a processor that is faster with bfloat16 trains, not a GPU."""
    from diffnet_tf.base import backend

    return not backend.narrows_float32() and backend.has_bfloat16()


def recipe_for(network, name, task, **changes):
    """(name, recipe): the recipe of that name, in the form that suits the network and the task.

    The U-Net starts from `UNET_RATE` under each: it diverges at DiffNet's 1e-3 of recipe `paper`. The schedule
    "authors" halves the rate at once, so that recipe gives it twice as much.

    Args:
        network: see `make`.
        name: in `recipes.RECIPES`.
        task: a `measure.Task`.
        changes: to the recipe's fields.
    """
    from diffnet_tf import recipes

    recipe = recipes.get(name)
    if network == "UNet":
        rate = UNET_RATE * (2 if recipe.schedule == "authors" else 1)
        recipe = dataclasses.replace(recipe, learning_rate=rate)
    if name == "fast" and network == "UNet":
        # The batch of the paper, and crops that the deepest of its layers see as 3×3.
        recipe = dataclasses.replace(recipe, crop=48, batch_size=16, optimizer="adam")
    elif name == "fast":
        recipe = dataclasses.replace(recipe, crop=recipes.crop(task.noise))
    return name, dataclasses.replace(recipe, **changes)
