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
import json
import time

import numpy as np

from diffnet_tf import bootstrap, files
from experiments import comparison_figure, measure, networks, trainings, weights

NAME = "comparison"
TASKS = (networks.Task("inverse", 0.0), networks.Task("inverse", 0.01))
NETWORKS = {"DiffNet": "DiffNet", "ResNet": "ResNet", "ConvNet": "CNN", "UNet": "U-Net"}
TUNING_SEED = 2  # of the noise on the images that classical parameters are chosen on: not that of the test images
BEST = 150.0  # dB: the rounding of float32. What is better, or perfect, counts as this.
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
        _measure_classical(task, budget, options, train, test)
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
    from diffnet_tf import costs

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
    from diffnet_tf import costs

    name = weights.INVERSE[task.noise]
    model, source = weights.find(name, options.results_dir)
    _, values, _ = networks.measured(model, inputs, targets)
    row = {"kind": "long", "label": f"DiffNet, {source['steps']:,} steps", "parameters": model.count_params()}
    row |= {"flops": costs.flops(model, *targets.shape[1:3]), "steps": source["steps"], "weights": source}
    row["training_images"] = weights.record_of(name, options.results_dir).get("training_images")
    return row, {name: [values[name]] for name in ("psnr", "ssim")}


# ---- Classical methods -----------------------------------------------------------------------------------------------


def _methods(task, budget, train):
    """The methods of a task, with the Wiener filter of the training images."""
    from diffnet_tf import classical

    return classical.methods(task.noise, classical.Wiener(*_training_pairs(task, train, budget.wiener)))


def _training_pairs(task, train, count):
    from diffnet_tf import data

    images = data.GrayImages(train.pixels[:count])
    return data.paired_arrays(images, problem=task.problem, noise=task.noise, seed=TUNING_SEED)


def _classical_path(task, options):
    return options.directory / "classical" / f"classical-{task.problem}-{task.noise:g}-{options.budget}.json"


def _measure_classical(task, budget, options, train, test):
    """Choose parameters on training images and measure on the test images, unless that was done."""
    from diffnet_tf import classical

    path = _classical_path(task, options)
    if path.exists() or not options.wants(path.name):
        return
    files.check_writable(path.parent)
    training, (inputs, targets) = _training_pairs(task, train, budget.tuning), networks.test_pairs(task, test)
    found = {}
    for name, method in _methods(task, budget, train).items():
        start = time.perf_counter()
        choice, tried = classical.tune(method, *training)
        values, _ = measure.quality(targets, classical.restored(method, inputs, choice))
        psnr, seconds = np.mean(np.minimum(values["psnr"], BEST)), time.perf_counter() - start
        print(f"{method.label}, {task.words}: {psnr:.2f} dB with {choice}, {seconds:.1f} s", flush=True)
        found[name] = {
            "kind": "told" if method.told else "untold",
            "label": method.label,
            "parameters": _parameters(method, targets.shape),
            "flops": _flops(name, choice, targets.shape),
            "training_images": budget.wiener if name == "wiener" else budget.tuning if method.tuned else 0,
            "choice": choice,
            "grid": {key: list(values) for key, values in method.grid.items()},
            "tried": tried,
            "psnr": [[round(float(value), 4) for value in values["psnr"]]],
            "ssim": [[round(float(value), 6) for value in values["ssim"]]],
        }
    files.write_json(path, {"budget": options.budget, **options.provenance(), "methods": found})


def _parameters(method, shape):
    """The Wiener filter has one a frequency, the others those that were chosen."""
    chosen = sum(len(values) > 1 for values in method.grid.values()) + (method.most > 1)
    return chosen if method.label != "Wiener filter" else shape[1] * shape[2]


def _flops(name, choice, shape):
    """Of the inverses in `keras.ops`; what scikit-image and SciPy do is not counted."""
    from diffnet_tf import costs

    counts = {
        "fixed_point": lambda iterations: costs.fixed_point(iterations),
        "stepwise": lambda iterations: 4 * costs.fixed_point(iterations, steps=1),
        "newton": lambda iterations, inner, alpha=0.0: costs.newton(iterations, inner),
    }
    return counts[name](**choice) * shape[1] * shape[2] if name in counts else None


def _classical_rows(task, options):
    path = _classical_path(task, options)
    if not path.exists():
        return
    for name, row in json.loads(path.read_text())["methods"].items():
        yield name, {key: row[key] for key in row if key not in ("psnr", "ssim")}, {k: row[k] for k in ("psnr", "ssim")}


# ---- All together ----------------------------------------------------------------------------------------------------


def _rows(task, options, train, test):
    """(rows by name, values by name): of all methods what is known of them, and PSNR and SSIM (seeds, images)."""
    inputs, targets = networks.test_pairs(task, test)
    degraded, _ = measure.quality(targets, inputs)
    found = [("input", {"kind": "input", "label": "the input"}, {key: [degraded[key]] for key in ("psnr", "ssim")})]
    found.append(("long", *_long(task, options, inputs, targets)))
    found += _network_rows(task, options, targets.shape[1:3])
    found += _classical_rows(task, options)
    rows, values = {}, {}
    for name, row, value in found:
        rows[name] = row
        if value is not None:
            psnr = np.minimum(np.asarray(value["psnr"], "float32"), BEST)
            values[name] = {"psnr": psnr, "ssim": np.asarray(value["ssim"], "float32")}
    for name, value in values.items():
        rows[name] |= _statistics(value, values)
    return rows, values


def _statistics(value, values):
    """Means with intervals over images, and differences to both DiffNets: each (mean, lower end, upper end)."""
    found = {"n": value["psnr"].shape[1], "seed_psnr": value["psnr"].mean(axis=1).round(4).tolist()}
    for metric in ("psnr", "ssim"):
        found[metric] = bootstrap.interval(value[metric])
        for name in ("DiffNet", "long"):
            if name in values and value is not values[name]:
                found[f"{metric}_minus_{name}"] = bootstrap.paired(value[metric], values[name][metric])
    return found


def _times(task, rows, budget, train, test):
    """Milliseconds an image of all methods, by turns: batches of 16, classical ones as they run."""
    from diffnet_tf import classical

    inputs, _ = networks.test_pairs(task, test)
    inputs, functions = inputs[: measure.BATCH], {}
    methods = _methods(task, budget, train)
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

    from experiments import run

    run.main(sys.modules[__name__])
