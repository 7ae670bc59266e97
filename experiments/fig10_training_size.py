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
from experiments.lib import captions, measure, networks, records, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "fig10"
TITLE = "Figure 10"
TASKS = (Task("forward"), Task("inverse", 0.0), Task("inverse", 0.001), Task("inverse", 0.01))
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
    """All trainings, and the U-Nets of Figures 8 and 9 that were measured on the same images."""
    others = [records.load(root / name)[0] for name in ONE_IMAGE if (root / name / records.RECORD).exists()]
    more = [_of_one_image(record) for record in others if study.same_test_images(record, runs[-1])]
    return study.Result({"runs": study.most_steps([*runs, *more])})


def _of_one_image(record):
    """The U-Net of Figure 8 or 9 as a run: the same training on all images, and usually a longer one."""
    run = Run("UNet", Task("inverse", record["noise"]), record["training_images"], record["seed"])
    kept = ("budget", "source", "data", "test_data", "note", "commit", "recipe", "steps")
    of_unet = {key: record[key]["unet"] for key in ("results", "parameters")}
    found = {"name": run.name, **dataclasses.asdict(run), **{key: record[key] for key in kept}}
    return {**found, "stopped_early": False, **of_unet}


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


def difference(problem, noise, paper):
    """DiffNet's PSNR minus the U-Net's with all training images is within 1 dB of the paper's.

    Networks that were given less time than the paper's say little about their best: then "partial", either way.
    """

    def check(record, arrays):
        runs = [run for run in record["runs"] if run["task"] == {"problem": problem, "noise": noise}]
        most = max((run["size"] for run in runs), default=0)
        both = [[run for run in runs if (run["network"], run["size"]) == (network, most)] for network in NETWORKS]
        if not all(both):
            raise verdicts.NotRun("no run of both networks with all images")
        mean, other = (np.mean([run["results"]["authors_psnr"]["mean"] for run in of]) for of in both)
        steps = ", ".join(f"{of[0]['steps']:,}" for of in both)
        text = f"{mean - other:+.1f} dB ({mean:.2f} − {other:.2f}; steps: {steps}), {most:,} images"
        used = {"runs": sum(both, []), "budget": verdicts.budgets(sum(both, []))}
        verdict = abs(mean - other - paper) <= 1.0 if used["budget"] == "paper" else verdicts.PARTIAL
        return verdicts.finding(record | used, text, verdict, len(both[0]))

    return check


def few_images(record, arrays):
    """DiffNet without noise: 300 to 1,000 images do as well as all to 0.5 dB, and fewer do not."""
    task = {"problem": "inverse", "noise": 0.0}
    runs = [run for run in record["runs"] if run["network"] == "DiffNet" and run["task"] == task]
    sizes = {}
    for run in sorted(runs, key=lambda run: run["size"]):
        sizes.setdefault(run["size"], []).append(run["results"]["psnr"]["mean"])
    few = [size for size in sizes if 300 <= size <= 1_000]
    if not few or max(sizes) <= 1_000:
        raise verdicts.NotRun("no runs with 300 to 1,000 images and with more")
    means = {size: float(np.mean(values)) for size, values in sizes.items()}
    enough = {size: mean >= means[max(sizes)] - 0.5 for size, mean in means.items()}
    # After few steps, more images could not yet have paid.
    long = {run["budget"] for run in runs} <= {"cpu", "paper"} and not enough[min(sizes)]
    verdict = verdicts.judged(all(enough[size] for size in few), long)
    ours = ", ".join(f"{mean:.2f} dB with {size:,}" for size, mean in means.items())
    ours += "; even the fewest are enough" if enough[min(sizes)] else ""
    used = {"runs": runs, "budget": verdicts.budgets(runs)}
    return verdicts.finding(record | used, ours, verdict, min(len(sizes[size]) for size in few))


CLAIMS = (
    Claim("forward: DiffNet − U-Net", "≈ +4 dB", difference("forward", 0.0, 4.0), "Fig. 10"),
    Claim("inverse, no noise: DiffNet − U-Net", "≈ +3 dB", difference("inverse", 0.0, 3.0), "Fig. 10"),
    Claim("inverse, 1 % noise: DiffNet − U-Net", "≈ 0 dB", difference("inverse", 0.01, 0.0), "Fig. 10"),
    Claim("DiffNet is at its best with few images", "500–1,000 images", few_images, "Fig. 10"),
)

if __name__ == "__main__":
    main(__file__)
