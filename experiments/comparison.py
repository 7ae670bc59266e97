"""A fair comparison on identical pairs: DiffNet, U-Net, CNN and ResNet of DiffNet's size, and classical inverses.

Inverse diffusion without noise and with 1 %. The networks are trained with equal seeds and, but for the U-Net, equal
steps; classical methods get their parameters from training images. Differences are paired, image by image. The DiffNets
of Figures 6 and 7, trained for an hour each, stand beside those of a minute.

Every finished training is a record of its own in `runs/`, see `trainings`; so are the classical methods, in
`classical/`. Milliseconds are measured each time, by turns.

    python -m experiments.comparison --budget quick  # about 15 min on 2 cores
    python -m experiments.comparison --budget cpu --source stl10_binary --data_dir DIR  # 3 h, most for the U-Net
    python -m experiments.comparison --budget cpu … --only classical  # those alone; or e.g. DiffNet-inverse-0-
"""

import dataclasses
import time

import numpy as np

from diffnet_tf.evaluation import statistics
from experiments.lib import comparison_classical, comparison_figure, measure, networks, trainings, weights

NAME = "comparison"
TASKS = (networks.Task("inverse", 0.0), networks.Task("inverse", 0.01))
NETWORKS = {"DiffNet": "DiffNet", "ResNet": "ResNet", "ConvNet": "CNN", "UNet": "U-Net"}
REPETITIONS = 5  # of every time


@dataclasses.dataclass(frozen=True)
class Budget:
    """Recipe; steps of the networks without and with noise, and of the U-Net; seeds; training images that classical
    parameters are chosen on and that the Wiener filter is made from; limit on images."""

    recipe: str
    steps: tuple
    seeds: int
    tuning: int = 32
    wiener: int = 1_000
    limit: int | None = None


BUDGETS = {
    "smoke": Budget("fast", (2, 2, 1), 1, 3, 6, 12),
    "quick": Budget("fast", (300, 120, 40), 1, 16),
    "cpu": Budget("fast", (1_000, 400, 400), 3),
    "paper": Budget("paper", (101_250,) * 3, 3),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    network: str
    task: networks.Task
    seed: int

    @property
    def name(self):
        """What its record is called."""
        return f"{self.network}-{self.task.problem}-{self.task.noise:g}-{self.seed}"


def plan(budget):
    """All trainings of a budget; the first seeds of all come first."""
    return [Run(network, task, seed) for seed in range(budget.seeds) for task in TASKS for network in NETWORKS]


def compute(options):
    """Do what has no record yet, then gather all: (record, arrays, None); None when stopped by Ctrl-C."""
    budget = BUDGETS[options.budget]
    train, test = (options.images(split, budget.limit) for split in ("train", "test"))
    for task in TASKS:
        comparison_classical.measure_all(task, budget, options, train, test)
    if not trainings.train_missing(plan(budget), options, lambda run: _train(run, budget, options, train, test)):
        return None
    tasks, arrays, times = [], {}, {}
    for task in TASKS:
        rows, values = _rows(task, options, train, test)
        arrays |= {
            f"{name}_{task.noise:g}_{row}": value for row, pair in values.items() for name, value in pair.items()
        }
        times[f"{task.noise:g}"] = _times(task, rows, budget, train, test)
        tasks.append({**dataclasses.asdict(task), "title": task.words, "rows": rows})
    record = {
        "title": "A fair comparison",
        "tasks": tasks,
        "test_images": len(test),
        "pixels": list(test.shape[1:3]),
        "milliseconds_per_image": times,
    }
    return record, arrays, None


# ---- Networks --------------------------------------------------------------------------------------------------------


def _train(run, budget, options, train, test):
    recipe = networks.recipe_for(run.network, budget.recipe, run.task)
    kind = 2 if run.network == "UNet" else int(bool(run.task.noise))
    steps = options.steps or budget.steps[kind]
    model, trained = networks.train(
        run.network,
        run.task,
        recipe,
        train,
        steps=steps,
        seed=run.seed,
        checkpoint_dir=options.checkpoint_dir / run.name,
    )
    if not trained.finished:
        return None
    _, values, summary = networks.measured(model, *networks.test_pairs(run.task, test))
    return {
        **trainings.described(run, options, budget.recipe, recipe),
        "steps": trained.steps,
        "training_images": len(train),
        **trainings.results(model, trained, values, summary),
    }


def _network_rows(task, options, shape):
    """Of every network its size, what an image costs, and what its trainings gave: row → (row, values)."""
    from diffnet_tf.evaluation import costs

    runs = trainings.most_steps(trainings.gathered(options), left_out=())
    for network, label in NETWORKS.items():
        model = networks.make(network, networks.recipe_for(network, "fast", task))
        row = {"kind": "network", "label": label, "parameters": model.count_params()}
        row["flops"] = costs.flops(model, *shape)
        found = [run for run in runs if run["network"] == network and run["task"] == dataclasses.asdict(task)]
        if not found:
            yield network, row, None
            continue
        steps = sorted({run["steps"] for run in found})
        row |= {key: found[0][key] for key in ("recipe", "training_images", "budget", "commit")}
        row |= {"steps": steps[-1], "fewest_steps": steps[0], "seeds": [run["seed"] for run in found]}
        yield network, row, {name: [run[name] for run in found] for name in ("psnr", "ssim")}


def _long(task, options, inputs, targets):
    """The DiffNet of Figure 6 or 7, trained for longer."""
    from diffnet_tf.evaluation import costs

    name = weights.INVERSE[task.noise]
    model, source = weights.find(name, options.results_dir)
    _, values, _ = networks.measured(model, inputs, targets)
    row = {"kind": "long", "label": f"DiffNet, {source['steps']:,} steps", "parameters": model.count_params()}
    row |= {"flops": costs.flops(model, *targets.shape[1:3]), "steps": source["steps"], "weights": source}
    row["training_images"] = weights.record_of(name, options.results_dir).get("training_images")
    return row, {name: [values[name]] for name in ("psnr", "ssim")}


# ---- All together ----------------------------------------------------------------------------------------------------


def _rows(task, options, train, test):
    """(rows by name, values by name): of all methods what is known of them, and PSNR and SSIM (seeds, images)."""
    inputs, targets = networks.test_pairs(task, test)
    degraded, _ = measure.quality(targets, inputs)
    found = [("input", {"kind": "input", "label": "the input"}, {key: [degraded[key]] for key in ("psnr", "ssim")})]
    found.append(("long", *_long(task, options, inputs, targets)))
    found += _network_rows(task, options, targets.shape[1:3])
    found += comparison_classical.rows(task, options)
    rows, values = {}, {}
    for name, row, value in found:
        rows[name] = row
        if value is not None:
            psnr = np.minimum(np.asarray(value["psnr"], "float32"), comparison_classical.BEST)
            values[name] = {"psnr": psnr, "ssim": np.asarray(value["ssim"], "float32")}
    for name, value in values.items():
        rows[name] |= _statistics(value, values)
    return rows, values


def _statistics(value, values):
    """Means with intervals over images, and differences to both DiffNets: each (mean, lower end, upper end)."""
    found = {"n": value["psnr"].shape[1], "seed_psnr": value["psnr"].mean(axis=1).round(4).tolist()}
    for metric in ("psnr", "ssim"):
        found[metric] = statistics.interval(value[metric])
        for name in ("DiffNet", "long"):
            if name in values and value is not values[name]:
                found[f"{metric}_minus_{name}"] = statistics.paired(value[metric], values[name][metric])
    return found


def _times(task, rows, budget, train, test):
    """Milliseconds an image of all methods, by turns: batches of 16, classical ones as they run."""
    from diffnet_tf.evaluation import classical

    inputs, _ = networks.test_pairs(task, test)
    inputs, functions = inputs[: measure.BATCH], {}
    methods = comparison_classical.methods(task, budget, train)
    for name, row in rows.items():
        if row["kind"] == "network":  # whatever the weights, it takes as long
            functions[name] = measure.applied(networks.make(name, networks.recipe_for(name, "fast", task)))
        elif "choice" in row:
            method, choice = methods[name], row["choice"]
            functions[name] = lambda y, method=method, choice=choice: classical.restored(method, y, choice)
    times = {name: [] for name in functions}
    for _ in range(REPETITIONS + 1):  # the first compiles
        for name, function in functions.items():
            start = time.perf_counter()
            np.asarray(function(inputs))
            times[name].append(1000 * (time.perf_counter() - start) / len(inputs))
    found = {}
    for name, values in times.items():
        low, middle, high = (round(float(q), 3) for q in np.quantile(values[1:], (0, 0.5, 1)))
        found[name] = {"median": middle, "min": low, "max": high, "n": REPETITIONS, "batch": len(inputs)}
    return found


draw, caption, table = comparison_figure.draw, comparison_figure.caption, comparison_figure.table


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
