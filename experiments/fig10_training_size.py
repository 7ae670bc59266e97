"""Figure 10: test PSNR against the number of training images: DiffNet and U-Net, forward and inverse, 3 noise levels.

Paper: with 90,000 images DiffNet is about 4 dB (forward) and 3 dB (inverse, no noise) ahead of the U-Net, and equal
with noise. DiffNet reaches its best PSNR with 500 to 1,000 images.

Two regimes. "stored", as in the paper: N images give 4 N pairs, their squares of 48×48 pixels, each diffused with its
own border, with fixed noise and without flips. "fly": new crops, flips and noise for each step, so that few images give
many examples. Both stop when validation no longer improves.

Every training leaves its own record, see `lib.study`. So you can stop and restart, choose parts with --only, and add
points of another budget later. A point shows the training with the most steps.

    python -m experiments.fig10_training_size --budget quick  # about 20 min on 2 cores
    python -m experiments.fig10_training_size --budget cpu --source stl10_binary --data-dir DIR  # 22 h (U-Net: 17 h)
    python -m experiments.fig10_training_size --budget cpu … --only stored-DiffNet-  # 2.0 h: 24 trainings
    python -m experiments.fig10_training_size --budget cpu … --only DiffNet-inverse-0-  # 0.8 h, one line of one panel
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import against_unet, measure, networks, study, training_sizes, unets
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES, TRAINING
from experiments.lib.run import main
from experiments.lib.training_size_figure import NETWORKS, TASKS, alt, caption, draw, points  # noqa: F401

NAME = "fig10"
TITLE = "Figure 10"
OPTIONS = (*TRAINING, *IMAGES, "image")
SIZES = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)  # and all there are
FEW = 1_000  # up to so many images there are further seeds on the fly
TILE = 48  # pixels, of stored pairs
PATIENCE = 6  # validations, of 20, without a better one: then a training is stopped


@dataclasses.dataclass(frozen=True)
class Budget:
    """Recipe; steps of DiffNet on small crops and on large ones, and of the U-Net for the same tasks; sizes; seeds; of
    stored pairs steps of DiffNet and of the U-Net, sizes, and seeds of each; limit on images."""

    recipe: str
    steps: tuple
    sizes: tuple
    seeds: int
    stored: tuple = ()
    stored_sizes: tuple = (10, 100, 1_000)
    stored_seeds: tuple = (1, 1)
    limit: int | None = None


BUDGETS = {
    "smoke": Budget("fast", (2, 2, 1, 1), (10,), 1, (2, 1), stored_seeds=(1, 1), limit=12),
    "quick": Budget("fast", (600, 240, 30, 30), (10, 100), 1, (240, 30), (10,)),
    "cpu": Budget("fast", (7_000, 2_800, 875, 1_400), SIZES, 3, (5_600, 2_800), stored_seeds=(3, 1)),  # as many pixels
    "paper": Budget("paper", (101_250,) * 4, SIZES, 1, (101_250,) * 2),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    network: str
    task: Task
    size: int
    seed: int
    regime: str = "fly"

    @property
    def name(self):
        """Name of the part's record."""
        regime = "" if self.regime == "fly" else f"{self.regime}-"
        return f"{regime}{self.network}-{self.task.problem}-{self.task.noise:g}-{self.size}-{self.seed}"


def plan(budget, available):
    """All runs of a budget for this number of training images, most valuable first.

    Stored pairs first, of DiffNet; then DiffNet on the fly, no noise first; last the U-Net, which takes longest. In
    each line few images with all their seeds come first.
    """
    none, noisy = Task("inverse", 0.0), Task("inverse", 0.01)
    others = [task for task in TASKS if task not in (none, noisy)]
    lines = [("stored", "DiffNet", task) for task in (none, noisy)] + [
        ("fly", "DiffNet", task) for task in (none, noisy)
    ]
    lines += [("stored", "UNet", task) for task in (none, noisy)] + [("fly", "DiffNet", task) for task in others]
    lines += [("fly", "UNet", task) for task in (none, noisy, *others)]
    return [
        Run(network, task, size, seed, regime)
        for regime, network, task in lines
        for size in _sizes(budget, regime, available)
        for seed in range(_seeds(budget, regime, network, size))
    ]


def _sizes(budget, regime, available):
    sizes = budget.sizes if regime == "fly" else budget.stored_sizes if budget.stored else ()
    return [*(size for size in sizes if size < 0.8 * available), available]


def _seeds(budget, regime, network, size):
    if regime == "stored":
        return budget.stored_seeds[network == "UNet"] if budget.stored else 0
    return budget.seeds if size <= FEW else 1


def parts(options):
    """One training for each regime, network, task, number of images and seed."""
    budget = BUDGETS[options.budget]
    images = [options.images(split, budget.limit) for split in ("train", "validation", "test")]
    do = functools.partial(_train, budget=budget, options=options, images=images)
    return [study.part(each, do, _steps(each, budget)) for each in plan(budget, len(images[0]))]


def _steps(run, budget):
    from diffnet_tf import recipes

    if run.regime == "stored":
        return budget.stored[run.network == "UNet"]
    return budget.steps[2 * (run.network == "UNet") + int(recipes.crop(run.task.noise) > 24)]


def _train(run, budget, options, images):
    import keras

    train, validation, test = images
    chosen = np.random.default_rng(run.seed).permutation(len(train))[: run.size]
    chosen, changes, pairs = train[np.sort(chosen)], {}, {}
    if run.regime == "stored":  # squares and their noise that never change
        chosen, changes, pairs = chosen.tiles(TILE), {"crop": TILE, "augment": False}, {"redraw": False}
    early = keras.callbacks.EarlyStopping("val_psnr", mode="max", patience=PATIENCE, restore_best_weights=True)
    made = networks.of(run.network, budget.recipe, run.task, **changes)
    about = {"seed": run.seed, "name": run.name, **dataclasses.asdict(run.task), **pairs}
    about |= {"validation": validation[: study.VALIDATION], "callbacks": [early]}
    trained = study.train(options, *made, chosen, steps=_steps(run, budget), **about)
    found = {"stopped_early": not trained.training.finished, "validation_psnr": early.best}
    found |= {"training_images": run.size, "examples": len(chosen)}
    return study.tested(trained, *measure.pairs(run.task, test), **found)


def gather(runs, root):
    """All trainings; the U-Net's own records, and DiffNet's long trainings, that were measured on the same images.

    Returns:
        A record with "runs", each with its "regime", and arrays "psnr_NAME", the PSNR of every test image.
    """
    others = [*unets.trainings(root, runs[-1]), *against_unet.long_trainings(root)]
    others = [run for run in others if study.same_test_images(run, runs[-1])]
    kept = study.most_steps([*runs, *others], (*study.LEFT_OUT, "ssim"))
    for run in kept:
        run.setdefault("regime", "fly")  # older ones
    arrays = {f"psnr_{run['name']}": np.float32(run.pop("psnr")) for run in kept if "psnr" in run}
    return study.Result({"runs": kept}, arrays)


# ---- Claims ----------------------------------------------------------------------------------------------------------


_PANELS = {  # of each panel: the task, and DiffNet − U-Net in the paper, dB
    "forward": (("forward", 0.0), 4.0),
    "inverse, no noise": (("inverse", 0.0), 3.0),
    "inverse, 0.1 % noise": (("inverse", 0.001), 0.0),
    "inverse, 1 % noise": (("inverse", 0.01), 0.0),
}


def _claims(panel, task, gap):
    """All claims about a panel: text, the paper's words, check, and the first arguments of the check."""
    some = f"DiffNet with {training_sizes.SOME:,} training images is as good as with all"
    rows = [("DiffNet is ahead of the U-Net", "> 0 dB", against_unet.ahead, (task, 1))] * bool(gap)
    rows += [
        (
            "the difference DiffNet − U-Net is close to the paper's",
            f"{f'{gap:+g}' if gap else '0'} ± 1 dB",
            against_unet.has_the_size,
            (task, gap),
        ),
        ("with 10 and with 100 training images DiffNet is ahead", "> 0 dB", against_unet.ahead_with_few, (task,)),
        (some, "within 0.5 dB", training_sizes.some_are_enough, ("DiffNet", task)),
        (
            "DiffNet with 10 training images is worse than with all",
            "> 0.5 dB behind",
            training_sizes.fewer_are_not,
            ("DiffNet", task),
        ),
    ]
    return [
        against_unet.claim(f"{panel}: {text}", words, check, "Fig. 10", *first) for text, words, check, first in rows
    ]


CLAIMS = (
    *(claim for panel, about in _PANELS.items() for claim in _claims(panel, *about)),
    against_unet.claim(
        "the U-Net needs fewer training images at 1 % noise than without noise",
        "yes",
        training_sizes.saturates_earlier,
        "Fig. 10",
    ),
)

if __name__ == "__main__":
    main(__file__)
