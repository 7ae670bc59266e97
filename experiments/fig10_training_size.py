"""Figure 10: test PSNR against the number of training images, DiffNet and U-Net, forward and inverse with three noises.

Paper: at 90,000 images DiffNet is about 4 dB (forward) and 3 dB (inverse, no noise) ahead of the U-Net and equal with
noise, and it is at its best with 500 to 1,000 images.

Every finished training is a record of its own, see `lib.study`: stop it and start it again, take a part with --only,
add points of another budget later. A point is drawn from the run with the most steps.

    python -m experiments.fig10_training_size --budget quick  # about 20 min on 2 cores
    python -m experiments.fig10_training_size --budget cpu --source stl10_binary --data_dir DIR  # days, with the U-Net
    python -m experiments.fig10_training_size --budget cpu … --only DiffNet-inverse-0-  # one line of one panel
"""

import dataclasses
import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import against_unet, captions, measure, networks, study, training_sizes, unets, verdicts
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "fig10"
TITLE = "Figure 10"
TASKS = (Task("forward"), Task("inverse", 0.0), Task("inverse", 0.001), Task("inverse", 0.01))
NETWORKS = {"DiffNet": "DiffNet", "UNet": "U-Net"}
SIZES = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)  # and all there are
SEEDS = 3  # for sizes up to 1,000
PATIENCE = 6  # validations, of 20, without a better one: then a training is stopped
PAPER = {("inverse", 0.0): 63.72, ("inverse", 0.01): 34.21}  # dB, DiffNet with 90,000 images


@dataclasses.dataclass(frozen=True)
class Budget:
    """Recipe; steps of DiffNet on small crops, on large ones, and of the U-Net; sizes; seeds; limit on images."""

    recipe: str
    steps: tuple
    sizes: tuple
    seeds: int
    limit: int | None = None


BUDGETS = {
    "smoke": Budget("fast", (2, 2, 1), (10,), 1, 12),
    "quick": Budget("fast", (600, 240, 30), (10, 100), 1),
    "cpu": Budget("fast", (7_000, 2_800, 750), SIZES, SEEDS),
    "paper": Budget("paper", (101_250,) * 3, SIZES, 1),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    network: str
    task: Task
    size: int
    seed: int
    name = property(lambda self: f"{self.network}-{self.task.problem}-{self.task.noise:g}-{self.size}-{self.seed}")


def plan(budget, available):
    """All runs of a budget with so many training images; the first seeds of all come first."""
    sizes = [size for size in budget.sizes if size < 0.8 * available] + [available]
    return [
        Run(network, task, size, seed)
        for seed in range(budget.seeds)
        for network in NETWORKS
        for task in TASKS
        for size in sizes
        if size <= 1_000 or seed == 0
    ]


def parts(options):
    """One training for each network, task, number of images and seed."""
    budget = BUDGETS[options.budget]
    images = [options.images(split, budget.limit) for split in ("train", "validation", "test")]
    do = functools.partial(_train, budget=budget, options=options, images=images)
    return [study.part(each, do) for each in plan(budget, len(images[0]))]


def _train(run, budget, options, images):
    import keras

    from diffnet_tf import recipes

    train, validation, test = images
    chosen = np.random.default_rng(run.seed).permutation(len(train))[: run.size]
    early = keras.callbacks.EarlyStopping("val_psnr", mode="max", patience=PATIENCE, restore_best_weights=True)
    steps = budget.steps[2 if run.network == "UNet" else int(recipes.crop(run.task.noise) > 24)]
    made = networks.of(run.network, budget.recipe, run.task)
    about = {"seed": run.seed, "name": run.name, **dataclasses.asdict(run.task)}
    about |= {"validation": validation[: study.VALIDATION], "callbacks": [early]}
    trained = study.train(options, *made, train[np.sort(chosen)], steps=steps, **about)
    found = {"stopped_early": not trained.training.finished, "validation_psnr": early.best}
    return study.tested(trained, *measure.pairs(run.task, test), **found)


def gather(runs, root):
    """All trainings, and the U-Net's own records that were measured on the same images."""
    return study.Result({"runs": study.most_steps([*runs, *unets.trainings(root, runs[-1])])})


def points(runs, network, task):
    """(sizes, mean PSNR of each seed, budgets) of one line, sizes increasing."""
    chosen = [run for run in runs if run["network"] == network and run["task"] == dataclasses.asdict(task)]
    found = {}
    for run in sorted(chosen, key=lambda run: run["size"]):
        found.setdefault(run["size"], []).append(run)
    psnr = [[run["results"]["psnr"]["mean"] for run in at_size] for at_size in found.values()]
    return list(found), psnr, [verdicts.budgets(at_size) for at_size in found.values()]


@figures.styled
def draw(record, arrays):
    """A panel a task; a line a network through the means over seeds, a band from the worst to the best seed."""
    figure, axes = figures.plots(2, 2, caption(record))
    markers = dict(zip(sorted({run["budget"] for run in record["runs"]}), "os^vD*"))
    sizes_of_all = [run["size"] for run in record["runs"]]
    for axis, task in zip(axes.flat, TASKS):
        axis.set(xscale="log", xlabel="training images", ylabel="mean test PSNR in dB", title=task.words)
        axis.set_xlim(min(sizes_of_all) / 1.5, max(sizes_of_all) * 1.5)
        if all(run["task"] != dataclasses.asdict(task) for run in record["runs"]):
            figures.not_run(axis)
            continue
        for colour, network in zip(figures.LINES, NETWORKS):
            sizes, psnr, budgets = points(record["runs"], network, task)
            means = [np.mean(values) for values in psnr]
            axis.plot(sizes, means, color=colour)
            axis.fill_between(sizes, *([f(v) for v in psnr] for f in (min, max)), color=colour, alpha=0.25, linewidth=0)
            for size, mean, budget in zip(sizes, means, budgets):
                axis.plot(size, mean, markers.get(budget, "P"), color=colour, markersize=4)
        paper = PAPER.get((task.problem, task.noise))
        if paper:
            axis.axhline(paper, color="black", linewidth=0.6, linestyle=":")
            axis.text(0.02, paper, "paper's DiffNet", transform=axis.get_yaxis_transform(), va="bottom", fontsize=6)
        axis.margins(y=0.12)
    entries = [(label, {"color": colour}) for colour, label in zip(figures.LINES, NETWORKS.values())]
    for budget, marker in markers.items():
        label = budget if budget.endswith("steps") else f"budget {budget}"
        entries.append((label, {"color": "black", "marker": marker, "linestyle": ""}))
    figures.key(axes[0, 0], entries, loc="best")
    return figure


def caption(record):
    """What is shown, and where it comes from."""
    runs, trained = record["runs"], []
    for network, label in NETWORKS.items():
        steps = [run["steps"] for run in runs if run["network"] == network]
        trained += [f"{len(steps)} of {label}, up to {max(steps):,} steps"] if steps else []
    seeds = captions.count(len({run["seed"] for run in runs}), "seed")
    return (
        f"{record['title']}: mean PSNR of {runs[0]['results']['psnr']['n']} test images against the number of "
        f"training images. Trainings: {'; '.join(trained)}; stopped when validation no longer improves. "
        f"Bands: {seeds}, which also choose the images. {captions.source(record)}"
    )


# ---- Claims ----------------------------------------------------------------------------------------------------------


_INVERSE, _NOISY = ("inverse", 0.0), ("inverse", 0.01)
_PANELS = {  # of each panel: the task, and DiffNet − U-Net in the paper, dB
    "forward": (("forward", 0.0), 4.0),
    "inverse, no noise": (_INVERSE, 3.0),
    "inverse, 0.1 % noise": (("inverse", 0.001), 0.0),
    "inverse, 1 % noise": (_NOISY, 0.0),
}
_FEW = f"DiffNet with {training_sizes.SOME:,} images is as good as with all"
CLAIMS = (
    *(
        against_unet.claim(f"{panel}: DiffNet is ahead", "> 0 dB", against_unet.ahead, "Fig. 10", task, 1)
        for panel, (task, gap) in _PANELS.items()
        if gap
    ),
    *(
        against_unet.claim(
            f"{panel}: DiffNet − U-Net", f"{gap:+g} ± 1 dB", against_unet.has_the_size, "Fig. 10", task, gap
        )
        for panel, (task, gap) in _PANELS.items()
    ),
    *(
        against_unet.claim(
            f"{panel}: with at most {against_unet.FEW} images DiffNet is ahead",
            "> 0 dB",
            against_unet.ahead_with_few,
            "Fig. 10",
            task,
        )
        for panel, (task, _) in _PANELS.items()
        if task in (_INVERSE, _NOISY)
    ),
    *(
        against_unet.claim(
            f"{panel}: {_FEW}", "within 0.5 dB", training_sizes.some_are_enough, "Fig. 10", "DiffNet", task
        )
        for panel, (task, _) in _PANELS.items()
        if task in (_INVERSE, _NOISY)
    ),
    *(
        against_unet.claim(
            f"{panel}: DiffNet with 10 images is not",
            "> 0.5 dB behind",
            training_sizes.fewer_are_not,
            "Fig. 10",
            "DiffNet",
            task,
        )
        for panel, (task, _) in _PANELS.items()
        if task in (_INVERSE, _NOISY)
    ),
    against_unet.claim(
        "the U-Net needs fewer images the more noise there is", "yes", training_sizes.saturates_earlier, "Fig. 10"
    ),
)

if __name__ == "__main__":
    main(__file__)
