"""Trainings of the U-Net: each has its own record in results/unet, whatever experiment it was made for.

Figures 8, 9 and 10, `all_noise` and `comparison` use them. Weights (138 MB) are not kept, but PSNR and SSIM of every
test image are, and the outputs for a few. A record that was imported from another machine is kept as it was; additions
are under "imported".
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import measure, networks, samples, study
from experiments.lib.measure import Task

HOME = "unet"  # the experiment whose folder keeps them
PATIENCE = 6  # validations, of 20, without a better one: then a training is stopped
ABOUT = ("file", "size", "seed", "budget", "steps", "recipe", "validation_psnr", "commit", "numerics", "hardware")


@dataclasses.dataclass(frozen=True)
class Budget:
    """Recipe; steps on all images with little noise and with much, and on fewer images; limit on images."""

    recipe: str
    steps: tuple
    limit: int | None = None


BUDGETS = {
    "smoke": Budget("fast", (2, 2, 1), 8),
    "quick": Budget("fast", (150, 150, 30)),
    "cpu": Budget("fast", (1_000, 600, 750)),
    "paper": Budget("paper", (101_250,) * 3),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    task: Task
    size: int
    seed: int
    network: str = "UNet"
    name = property(lambda self: f"{self.network}-{self.task.problem}-{self.task.noise:g}-{self.size}-{self.seed}")


# ---- Train -----------------------------------------------------------------------------------------------------------


def opened(options):
    """The images of an experiment with this budget's limit: (training, validation, test)."""
    return [options.images(split, BUDGETS[options.budget].limit) for split in ("train", "validation", "test")]


def part(options, task, images, size=None, seed=None, steps=None):
    """One training as a `study.Part` of any experiment, kept in results/unet.

    Args:
        options: the experiment's.
        task: a `measure.Task`.
        images: (training, validation, test) images.
        size: number of training images, chosen by the seed; all, if not given.
        seed: seed of the training; the one in `options`, if not given.
        steps: the budget's in `BUDGETS`, if not given; --steps goes before both.
    """
    run = Run(task, size or len(images[0]), options.seed if seed is None else seed)
    steps = steps or budgeted(options, task, run.size < len(images[0]))
    made = study.part(run, functools.partial(_train, options=options, images=images, steps=steps), steps)
    return dataclasses.replace(made, home=HOME)


def budgeted(options, task, few=False):
    """Steps of a training: --steps, or the budget's, on all images or on few of them."""
    from diffnet_tf import recipes

    return options.steps or BUDGETS[options.budget].steps[2 if few else int(recipes.crop(task.noise) > 24)]


def _train(run, options, images, steps):
    import keras

    train, validation, test = images
    chosen = np.random.default_rng(run.seed).permutation(len(train))[: run.size]
    early = keras.callbacks.EarlyStopping("val_psnr", mode="max", patience=PATIENCE, restore_best_weights=True)
    made = networks.of(run.network, BUDGETS[options.budget].recipe, run.task)
    about = {"seed": run.seed, "name": run.name, **dataclasses.asdict(run.task), "callbacks": [early]}
    about["validation"] = validation[: study.VALIDATION]
    trained = study.train(options, *made, train[np.sort(chosen)], steps=steps, **about)
    outputs, values, summary = measure.measured(trained.model, *measure.pairs(run.task, test))
    shown = sorted({*samples.shown(len(test)), options.image % len(test)})
    record = {
        **trained.record(history=True),
        "stopped_early": not trained.training.finished,
        "validation_psnr": early.best,
        "shown": shown,
        "results": summary,
        **study.values(values),
    }
    return study.Result(record, {"unet": outputs[shown, ..., 0].astype("float32")})


def made(options, task, images):
    """The longest training on all images that was tested on these test images, see `longest`.

    If none has as many steps as the budget, the network is trained now.

    Raises:
        Stopped: by Ctrl-C.
    """
    wanted = {"size": len(images[0]), "seed": options.seed, "like": options.provenance()}
    there = longest(options.results_dir, task, **wanted)
    if there is None or there["steps"] < budgeted(options, task):
        study.do_missing([part(options, task, images)], options)
        there = longest(options.results_dir, task, **wanted)
    return there


# ---- Draw from them --------------------------------------------------------------------------------------------------


def trainings(root, like=None):
    """The records of all finished trainings in a results folder. It needs NumPy alone.

    Args:
        root: the results folder.
        like: a record; then those that were measured on its test images, all of them. Else those on the most.

    Returns:
        A list of dicts, see `study.finished`: name, network, task, size, seed, budget, steps, recipe, results, psnr of
        every test image and mostly ssim, …; "shown" and arrays["unet"] are numbers of test images and the outputs for
        them (len(shown), height, width), where they were kept.

    Raises:
        ValueError: when one is damaged, or without `like` two are of different test images.
    """
    runs = study.finished(root / HOME)
    if like is None:
        return study.on_most_images(runs)
    number = like.get("image_sets", {}).get("test", {}).get("count")
    return [run for run in runs if study.same_test_images(run, like) and number in (None, len(run["psnr"]))]


def longest(root, task, like=None, size=None, seed=None):
    """The training for a task on the most images and, of these, the one with the most steps.

    Args:
        root, like: see `trainings`.
        task: a `measure.Task`.
        size, seed: number of training images and seed, if given. Else the lowest seed of equal trainings.

    Returns:
        Its record, or None where there is no training.
    """
    wanted = {"task": dataclasses.asdict(task)} | {k: v for k, v in (("size", size), ("seed", seed)) if v is not None}
    found = [run for run in trainings(root, like) if all(run[key] == value for key, value in wanted.items())]
    return max(found, key=lambda run: (run["size"], run["steps"], -run["seed"]), default=None)


def about(run):
    """The description of a training for other records that use it."""
    return {key: run[key] for key in ABOUT if key in run}
