"""A fair comparison on identical pairs: DiffNet, U-Net, CNN and ResNet of DiffNet's size, and classical inverses.

CNN and ResNet are those of the paper's Section 3. They do not have the connection from input to output that DiffNet and
the U-Net have.

The problem is inverse diffusion without noise and with 1 % noise. The networks are trained with equal seeds and, except
for the U-Net, equal numbers of steps. The parameters of classical methods are tuned on training images. Differences are
paired, image by image. Trainings of minutes are also compared with the long ones: the DiffNets of Figures 6 and 7, and
the longest trainings of the U-Net. Finally, all methods are timed in turn.

    python -m experiments.comparison --budget quick  # about 15 min on 2 cores
    python -m experiments.comparison --budget cpu --source stl10_binary --data-dir DIR  # about 75 min
    python -m experiments.comparison --budget cpu … --only classical  # only these; or e.g. DiffNet-inverse-0-
"""

import dataclasses
import functools
import importlib.util

import numpy as np

from diffnet_tf.evaluation import statistics
from experiments.lib import comparison_classical as classics
from experiments.lib import comparison_figure, conditions, measure, networks, settings, study, unets, verdicts, weights
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import DEVICES, IMAGES
from experiments.lib.run import main

NAME = "comparison"
TITLE = "A fair comparison"
OPTIONS = ("budget", "steps", *DEVICES, *IMAGES)  # it has seeds of its own
TASKS = (Task("inverse", 0.0), Task("inverse", 0.01))
NETWORKS = {"DiffNet": "DiffNet", "ResNet": "ResNet", "ConvNet": "CNN", "UNet": "U-Net"}


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
    "quick": Budget("fast", (300, 120, 20), 1, 16),
    "cpu": Budget("fast", (7_000, 2_800, 200), 3),
    "paper": Budget("paper", (101_250,) * 3, 3),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    network: str
    task: Task
    seed: int
    name = property(lambda self: f"{self.network}-{self.task.problem}-{self.task.noise:g}-{self.seed}")


@dataclasses.dataclass(frozen=True)
class Beside:
    """One measurement: the input, the DiffNet trained for long, a classical method, or the cost per image."""

    method: str
    task: Task
    classical: bool = False

    @property
    def name(self):
        """The name of its record."""
        of = f"{self.task.problem}-{self.task.noise:g}"
        return f"classical-{of}-{self.method}" if self.classical else f"{self.method}-{of}"


def plan(budget):
    """All trainings of a budget; the first seeds of all come first."""
    return [Run(network, task, seed) for seed in range(budget.seeds) for task in TASKS for network in NETWORKS]


def parts(options):
    """The input, the DiffNet trained for long, the classical methods, the trainings, and the costs.

    Raises:
        ValueError: before any work, if PyWavelets is not installed.
    """
    if importlib.util.find_spec("pywt") is None:
        raise ValueError("The wavelets need PyWavelets, which is not installed. Install it: pip install PyWavelets")
    budget = BUDGETS[options.budget]
    images = [options.images(split, budget.limit) for split in ("train", "test")]
    beside, costs = {}, {}
    for task in TASKS:
        beside[Beside("input", task)] = functools.partial(_input, images=images)
        beside[Beside("long", task)] = functools.partial(_long, options=options, images=images)
        methods = classics.methods(task, budget, images[0])
        measured = functools.partial(_classical, methods=methods, budget=budget, images=images)
        beside |= {Beside(name, task, True): measured for name in methods}
        costs[Beside("costs", task)] = functools.partial(_costs, methods=methods, options=options, images=images)
    train = functools.partial(_train, budget=budget, options=options, images=images)
    trainings = [study.part(run, train, _steps(run, budget)) for run in plan(budget)]
    before, after = ([study.part(run, do) for run, do in of.items()] for of in (beside, costs))
    return [*before, *trainings, *after]


def _input(run, images):
    inputs, targets = measure.pairs(run.task, images[-1])
    return study.Result({"kind": "input", "label": "the input", **classics.values(targets, inputs)})


def _long(run, options, images):
    """The DiffNet of Figure 6 or 7, trained for longer."""
    from diffnet_tf.evaluation import costs

    inputs, targets = measure.pairs(run.task, images[-1])
    model, source = weights.find(settings.inverse(run.task.noise).experiment, options.results_dir)
    outputs = measure.batched(measure.applied(model), inputs)
    record = {"kind": "long", "label": f"DiffNet, {source['steps']:,} steps", "parameters": model.count_params()}
    record |= {"flops": costs.flops(model, *targets.shape[1:3]), "steps": source["steps"], "weights": source}
    record["training_images"] = source["images"]
    return study.Result({**record, **classics.values(targets, outputs)})


def _classical(run, methods, budget, images):
    return classics.measured(run.method, methods[run.method], run.task, budget, images)


def _steps(run, budget):
    return budget.steps[2 if run.network == "UNet" else int(bool(run.task.noise))]


def _train(run, budget, options, images):
    train, test = images
    made = networks.of(run.network, budget.recipe, run.task)
    about = {"seed": run.seed, "name": run.name, **dataclasses.asdict(run.task)}
    trained = study.train(options, *made, train, steps=_steps(run, budget), **about)
    return study.tested(trained, *measure.pairs(run.task, test))


def _costs(run, methods, options, images):
    """Sizes of the networks, and milliseconds per image of all methods, measured in turns.

    Networks get batches of 16 images. Classical methods run with their chosen parameters.
    """
    from diffnet_tf.evaluation import classical, costs
    from diffnet_tf.files import reading

    test = images[-1][: measure.BATCH]
    models = {name: networks.make(name, networks.recipe_for(name, "fast", run.task)[1]) for name in NETWORKS}
    functions = {name: measure.applied(model) for name, model in models.items()}  # the weights change no time
    for name, method in methods.items():
        chosen = reading.json_object(study.path(Beside(name, run.task, True).name, options))["choice"]
        functions[name] = functools.partial(classical.restored, method, choice=chosen)
    pixels, sizes = list(test.shape[1:3]), {}
    for name, model in models.items():
        sizes[name] = {"parameters": model.count_params(), "flops": costs.flops(model, *pixels)}
    times = measure.milliseconds(functions, measure.pairs(run.task, test)[0])
    return study.Result({"pixels": pixels, "networks": sizes, "milliseconds_per_image": times})


# ---- All together ----------------------------------------------------------------------------------------------------

LONG_UNET = "long-UNet"  # the row of the U-Net's longest training
OF_A_ROW = ("kind", "label", "parameters", "flops", "training_images", "choice", "grid", "tried", "steps", "weights")


def gather(runs, root):
    """The longest run of each training, the run of each method with most training images, and all rows."""
    best = {run["name"]: run for run in sorted(runs, key=lambda r: (r.get("steps", 0), r.get("training_images", 0)))}
    tasks, arrays, times, found = [], {}, {}, {}
    for task in TASKS:
        of_task = [run for run in best.values() if run["task"] == dataclasses.asdict(task)]
        of_task += _long_unet(task, runs[-1], root)
        costs = next((run for run in of_task if run.get("method") == "costs"), {})
        rows, values = _rows(of_task, costs)
        for name, value in values.items():
            rows[name] |= _statistics(value, values)
            arrays |= {f"{metric}_{task.noise:g}_{name}": value[metric] for metric in value}
        tasks.append({**dataclasses.asdict(task), "title": task.words, "rows": rows})
        times[f"{task.noise:g}"] = costs.get("milliseconds_per_image", {})
        found |= {key: costs[key] for key in ("pixels",) if key in costs}
    found["test_images"] = max((value.shape[1] for value in arrays.values()), default=0)
    found["budget"] = verdicts.budgets(best.values())
    return study.Result({"tasks": tasks, **found, "milliseconds_per_image": times}, arrays)


def _long_unet(task, like, root):
    """The longest training of the U-Net on these test images, in the form of a measurement: a list of one, or empty."""
    unet = unets.longest(root, task, like) if root else None
    if unet is None:
        return []
    about = {"method": LONG_UNET, "kind": "long", "label": f"U-Net, {unet['steps']:,} steps"}
    weights = unets.about(unet) | {"network": "UNet", "training": unet["recipe"], **unet["task"]}
    weights |= {key: unet[key] for key in ("parameters", "image_sets")}
    return [{**unet, **about, "weights": weights, "training_images": unet["size"]}]


def _rows(runs, costs):
    """(rows by name, values by name) of all methods of a task; the values are PSNR and SSIM (seeds, images)."""
    rows, measured = {}, {}
    for run in runs:
        if "method" in run and "psnr" in run:
            sizes = costs.get("networks", {}).get("UNet", {}) if run["method"] == LONG_UNET else {}
            rows[run["method"]] = sizes | {key: run[key] for key in (*OF_A_ROW, "commit") if key in run}
            measured[run["method"]] = [run]
    for network, label in NETWORKS.items():
        rows[network] = {
            "kind": "network",
            "network": network,
            "label": label,
            **costs.get("networks", {}).get(network, {}),
        }
        trained = [run for run in runs if run.get("network") == network and "method" not in run]
        if trained:
            steps = [run["steps"] for run in trained]
            kept = ("recipe", "training_images", "parameters", "budget", "commit")
            rows[network] |= {key: trained[0][key] for key in kept} | {"seeds": [run["seed"] for run in trained]}
            rows[network] |= {"steps": max(steps), "fewest_steps": min(steps)}
            measured[network] = trained
    values = {
        name: {key: np.array([run[key] for run in found], "float32") for key in study.OF_IMAGES if key in found[0]}
        for name, found in measured.items()
    }
    for name, found in measured.items():
        if "ssim" not in values[name]:  # of single images: a record made elsewhere may keep the mean alone
            rows[name]["ssim"] = (found[0]["results"]["ssim"]["mean"], None, None)
    return rows, values


def _statistics(value, values):
    """Means with intervals over images, and differences to both DiffNets: each (mean, lower end, upper end)."""
    found = {"n": value["psnr"].shape[1], "seed_psnr": value["psnr"].mean(axis=1).round(4).tolist()}
    for metric in value:
        found[metric] = statistics.interval(value[metric])
        for name in ("DiffNet", "long"):
            if name in values and value is not values[name]:
                found[f"{metric}_minus_{name}"] = statistics.paired(value[metric], values[name][metric])
    return found


draw, caption, alt = comparison_figure.draw, comparison_figure.caption, comparison_figure.alt


# ---- Claims ----------------------------------------------------------------------------------------------------------


def compared(noise, ours, *others):
    """DiffNet minus others on identical pairs is positive over the test images.

    Args:
        noise: σ of the task.
        ours: "DiffNet", trained like the others, or "long", the DiffNet of Figure 6 or 7.
        others: rows of the comparison, such as "long-UNet", the longest U-Net. "told" stands for the best classical
            method that knows the diffusion, "untold" for the best that does not.
    """

    def check(record, arrays):
        rows = next(task["rows"] for task in record["tasks"] if task["noise"] == noise)
        kinds = {kind: [name for name, row in rows.items() if row["kind"] == kind] for kind in ("told", "untold")}

        def values(name):
            if f"psnr_{noise:g}_{name}" not in arrays:
                raise verdicts.NotRun(f"no run of {name}")
            return arrays[f"psnr_{noise:g}_{name}"]

        answers, texts, used = [], [], []
        for other in others:
            name = max(kinds[other], key=lambda n: values(n).mean(), default=other) if other in kinds else other
            gap = verdicts.difference(values(ours), values(name))
            of_both = [_trainings(rows[each], noise) for each in (ours, name)]
            classical = rows[name]["kind"] in kinds
            if not all(of_both[: 1 if classical else 2]):
                raise verdicts.NotRun(f"how {ours} or {name} was trained")
            fair, words = (True, "") if classical else conditions.alike(*of_both)
            sides = [of for of in of_both if of]
            answers.append(
                verdicts.ahead(gap, *(() if classical else sides)) if fair else verdicts.Unsure("not trained equally")
            )
            texts.append(f"{gap:+.2f} dB against {rows[name]['label']}" + (f" ({words})" if words else ""))
            used += [training for of in sides for training in of if training not in used]
        n = verdicts.count(values(ours).shape[1], used)
        return verdicts.finding(record, "; ".join(texts), verdicts.agreed(answers), n, used)

    return check


def _trainings(row, noise):
    """The trainings behind a row, one for each seed; empty for a classical method."""
    if "weights" in row:  # of Figure 6 or 7; older records do not say how it was trained
        return [row["weights"] | {"recipe": row["weights"]["training"]}] if "training" in row["weights"] else []
    if "recipe" not in row:
        return []
    kept = {key: row[key] for key in ("recipe", "steps", "parameters", "budget", "commit", "training_images")}
    return [{**kept, "network": row.get("network"), "noise": noise, "seed": seed} for seed in row["seeds"]]


_AGAINST = {
    "a CNN and a ResNet of equal size after equal training": ("DiffNet", "ConvNet", "ResNet"),
    "the U-Net, both after their longest trainings": ("long", LONG_UNET),
    "the best classical method that knows the diffusion": ("long", "told"),
    "the best classical method that does not know the diffusion": ("long", "untold"),
}
CLAIMS = tuple(
    Claim(f"DiffNet is ahead of {words}, {noise}", "> 0 dB", compared(task.noise, *rows))
    for task, noise in zip(TASKS, ("no noise", "1 % noise"))
    for words, rows in _AGAINST.items()
)

if __name__ == "__main__":
    main(__file__)
