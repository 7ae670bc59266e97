"""Figure 10: test PSNR against the number of training images, DiffNet and U-Net, forward and inverse with three noises.

Paper: at 90,000 images DiffNet is about 4 dB (forward) and 3 dB (inverse, no noise) ahead of the U-Net and equal with
noise, and it is at its best with 500 to 1,000 images.

Every finished training is a record of its own in `runs/`, and is not repeated: stop it and start it again, take a part
with --only, add points of another budget later. A point is drawn from the run with the most steps.

    python -m experiments.fig10_training_size --budget quick  # about 20 min on 2 cores
    python -m experiments.fig10_training_size --budget cpu --source stl10_binary --data_dir DIR  # days, with the U-Net
    python -m experiments.fig10_training_size --budget cpu … --only DiffNet-inverse-0-  # one line of one panel
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import networks, records, trainings

NAME = "fig10"
TASKS = (
    networks.Task("forward"),
    networks.Task("inverse", 0.0),
    networks.Task("inverse", 0.001),
    networks.Task("inverse", 0.01),
)
NETWORKS = {"DiffNet": "DiffNet", "UNet": "U-Net"}
SIZES = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)  # and all there are
SEEDS = 3  # for sizes up to 1,000
ONE_IMAGE = ("fig08", "fig09")  # whose U-Nets are points of this figure, too
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
    "quick": Budget("fast", (600, 240, 60), (10, 100), 1),
    "cpu": Budget("fast", (7_000, 2_800, 1_500), SIZES, SEEDS),
    "paper": Budget("paper", (101_250,) * 3, SIZES, 1),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    network: str
    task: networks.Task
    size: int
    seed: int

    @property
    def name(self):
        """What its record is called."""
        return f"{self.network}-{self.task.problem}-{self.task.noise:g}-{self.size}-{self.seed}"


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


def compute(options):
    """Train what has no record yet, then gather all records: (record, {}, None); None when stopped by Ctrl-C."""
    budget = BUDGETS[options.budget]
    train, validation, test = (options.images(split, budget.limit) for split in ("train", "validation", "test"))
    if not trainings.train_missing(
        plan(budget, len(train)), options, lambda run: _train(run, budget, options, train, validation, test)
    ):
        return None
    runs = trainings.gathered(options)
    runs += [run for name in ONE_IMAGE for run in _of_one_image(options.results_dir / name)]
    if not runs:
        raise ValueError(f"--only {options.only} names no run; names are as {plan(budget, len(train))[0].name}")
    return {"title": "Figure 10", "runs": trainings.most_steps(runs)}, {}, None


def _train(run, budget, options, train, validation, test):
    import keras

    from diffnet_tf import data

    recipe = networks.recipe_for(run.network, budget.recipe, run.task)
    kind = 2 if run.network == "UNet" else int(run.task.crop > 24)
    steps = options.steps or budget.steps[kind]
    chosen = np.random.default_rng(run.seed).permutation(len(train))[: run.size]
    recipe = networks.for_images(recipe, run.size)
    early = keras.callbacks.EarlyStopping("val_psnr", mode="max", patience=PATIENCE, restore_best_weights=True)
    model, trained = networks.train(
        run.network,
        run.task,
        recipe,
        data.GrayImages(train.pixels[np.sort(chosen)]),
        steps=steps,
        seed=run.seed,
        validation=data.GrayImages(validation.pixels[:64]),
        callbacks=[early],
        checkpoint_dir=options.checkpoint_dir / run.name,
    )
    if not trained.finished and not early.stopped_epoch:
        return None
    _, values, summary = networks.measured(model, *networks.test_pairs(run.task, test))
    return {
        **trainings.described(run, options, budget.recipe, recipe),
        "steps": trained.steps,
        "stopped_early": not trained.finished,
        "validation_psnr": early.best,
        **trainings.results(model, trained, values, summary),
    }


def _of_one_image(directory):
    """The U-Net of Figure 8 or 9 as a run: the same training on all images, and usually a longer one."""
    if not (directory / records.RECORD).exists():
        return
    record, _ = records.load(directory)
    run = Run("UNet", networks.Task("inverse", record["noise"]), record["training_images"], record["seed"])
    kept = ("budget", "source", "data", "test_data", "note", "commit", "recipe", "steps")
    yield {
        "name": run.name,
        **dataclasses.asdict(run),
        **{key: record[key] for key in kept},
        "stopped_early": False,
        "results": record["results"]["unet"],
        "parameters": record["parameters"]["unet"],
    }


def points(runs, network, task):
    """(sizes, mean PSNR of each seed, budgets) of one line, sizes increasing."""
    chosen = [run for run in runs if run["network"] == network and run["task"] == dataclasses.asdict(task)]
    found = {}
    for run in sorted(chosen, key=lambda run: run["size"]):
        found.setdefault(run["size"], []).append(run)
    psnr = [[run["results"]["psnr"]["mean"] for run in at_size] for at_size in found.values()]
    budgets = ["/".join(sorted({run["budget"] for run in at_size})) for at_size in found.values()]
    return list(found), psnr, budgets


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
            axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center")
            axis.set_yticks([])
            continue
        for colour, (network, label) in zip(figures.LINES, NETWORKS.items()):
            sizes, psnr, budgets = points(record["runs"], network, task)
            if not sizes:
                continue
            means = [np.mean(values) for values in psnr]
            axis.plot(sizes, means, color=colour, label=label)
            axis.fill_between(sizes, *([f(v) for v in psnr] for f in (min, max)), color=colour, alpha=0.25, linewidth=0)
            for size, mean, budget in zip(sizes, means, budgets):
                axis.plot(size, mean, markers.get(budget, "P"), color=colour, markersize=4)
        paper = PAPER.get((task.problem, task.noise))
        if paper:
            axis.axhline(paper, color="black", linewidth=0.6, linestyle=":")
            axis.text(0.02, paper, "paper's DiffNet", transform=axis.get_yaxis_transform(), va="bottom", fontsize=6)
        axis.margins(y=0.12)
    handles = [figures.Line2D([], [], color=c, label=label) for c, label in zip(figures.LINES, NETWORKS.values())]
    handles += [
        figures.Line2D(
            [],
            [],
            color="black",
            marker=marker,
            linestyle="",
            label=budget if budget.endswith("steps") else f"budget {budget}",
        )
        for budget, marker in markers.items()
    ]
    axes[0, 0].legend(handles=handles, loc="best")
    return figure


def caption(record):
    """What is shown, and where it comes from."""
    runs = record["runs"]
    budgets = []
    for budget in sorted({run["budget"] for run in runs}):
        for network, label in NETWORKS.items():
            steps = [run["steps"] for run in runs if run["network"] == network and run["budget"] == budget]
            if steps:
                named = "" if budget.endswith("steps") else f"budget {budget}, "
                most = f"up to {max(steps):,} steps" if min(steps) < max(steps) else f"{max(steps):,} steps"
                budgets.append(f"{len(steps)} of {label} ({named}{most})")
    seeds = max(run["seed"] for run in runs) + 1
    bands = (
        f"Bands: {seeds} seeds, which also choose the images"
        if seeds > 1
        else "One seed, which also chooses the images"
    )
    return (
        f"{record['title']}: mean PSNR of {runs[0]['results']['psnr']['n']} test images against the number of "
        "training images; each training stopped when validation no longer improves. "
        f"{bands}. {len(runs)} trainings: {'; '.join(budgets)}. "
        f"{record['source']} ({record['data']}, {record['test_data']}). {record['note'] or ''}"
    )


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
