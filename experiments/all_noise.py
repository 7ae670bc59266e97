"""One network for all noise, σ from 0 to 10 %: blind or told the level, against a specialist for every level.

Goal: within 0.3 dB of each specialist, and above the U-Net's mean on identical images.

Everything starts from the preset for 1 % noise. "blind" and "conditioned" (its input has a second channel with σ) are
trained on all levels, a specialist on its own. Beside these, which are trained alike, stand the presets that were
trained for one level for an hour. Every finished training is a record of its own in `runs/` and is not repeated; of
each network the run with the most steps is shown, and of the two for all noise kept: `blind.keras`,
`conditioned.keras`.

    python -m experiments.all_noise --budget quick  # about 10 min on 2 cores
    python -m experiments.all_noise --budget cpu --source stl10_binary --data_dir DIR  # about an hour
    python -m experiments.all_noise --budget cpu … --only specialist  # a part
"""

import dataclasses

import numpy as np

from experiments.lib import measure, networks, records, trainings, weights
from experiments.lib.all_noise_figure import LABELS, caption, draw

__all__ = ["BUDGETS", "NAME", "caption", "compute", "draw"]

NAME = "all-noise"
LEVELS = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1)
RANGE = (0.0, 0.1)
START = "inverse-1pct"
PRESETS = {0.0: "inverse", 0.001: "inverse-0.1pct", 0.01: "inverse-1pct"}
UNETS = {0.0: "fig08", 0.01: "fig09"}
ASSUMED = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the true σ: what a conditioned network is told
WRONG = 0.01  # the true σ there
LEARNING_RATE = 1e-3  # of fine-tuning
BUDGETS = {  # (recipe, steps of the two networks, steps of a specialist, levels, limit on the number of images)
    "smoke": ("fast", 1, 1, (0.0, 0.01), 8),
    "quick": ("fast", 300, 50, LEVELS, None),
    "cpu": ("fast", 3_200, 400, LEVELS, None),  # one network gets the steps of all specialists together
    "paper": ("paper", 101_250, 101_250, LEVELS, None),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training: of a network for all levels, or with `noise` of a specialist."""

    network: str
    noise: float | None = None
    seed: int = 0

    @property
    def name(self):
        """What its record is called."""
        name = self.network if self.noise is None else f"{self.network}-{self.noise:g}"
        return f"{name}-seed-{self.seed}" if self.seed else name

    @property
    def conditioned(self):
        """Whether the network is told σ."""
        return self.network == "conditioned"


def plan(levels, seed=0):
    """All trainings: of the two networks, then of the specialists."""
    specialists = (Run("specialist", level, seed) for level in levels)
    return [Run("blind", None, seed), Run("conditioned", None, seed), *specialists]


def compute(options):
    """Train what has no record yet, then gather all: (record, arrays, None); None when stopped by Ctrl-C."""
    name, *steps, levels, limit = BUDGETS[options.budget]
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))

    def trained(run):
        chosen = options.steps or steps[run.noise is not None]
        return _train(run, name, chosen, levels, options, train, validation, test)

    names = [run.name for run in plan(levels, options.seed)]
    if not trainings.train_missing(plan(levels, options.seed), options, trained):
        return None
    runs = _most_steps(run for run in trainings.gathered(options) if run["name"] in names)
    if not runs:
        raise ValueError(f"--only {options.only} names no run; names are {', '.join(names)}")
    runs += [_preset(level, options, test) for level in levels if level in PRESETS]
    arrays = {f"psnr_{run['name']}": np.array(run.pop("psnr"), "float32") for run in runs}
    unets = [found for noise, name in UNETS.items() if (found := _unet(name, noise, options, test)) is not None]
    for unet in unets:
        arrays[f"psnr_unet-{unet['noise']:g}"] = unet.pop("psnr")
    return {"title": "One network for all noise", "start": START, "runs": runs, "unets": unets}, arrays, None


def _recipe(name):
    """The recipe of all these trainings. In one batch there are errors of 26 and of 50 dB: the loss is a logarithm.

    On validation images, after 700 steps of small crops, it is ahead of the mean of the images' norms by 0.3 dB in the
    mean over the levels (by 1.1 dB without noise, behind by 0.5 dB at 10 %); the norm of the batch is behind both.
    """
    recipe = networks.recipe_for("DiffNet", name, networks.Task("inverse", RANGE[1]))
    return dataclasses.replace(recipe, loss="log", learning_rate=LEARNING_RATE)


def _train(run, name, steps, levels, options, train, validation, test):
    """The record of a training; None when it was stopped."""
    from diffnet_tf import data, training
    from diffnet_tf.files import model_files
    from diffnet_tf.networks import presets, transfer

    recipe = _recipe(name)
    recipe = networks.for_images(recipe, len(train))
    model = presets.from_preset(START)
    if run.conditioned:
        model = transfer.with_noise_map(model)
    trained = training.fit(
        model,
        train,
        recipe,
        steps=steps,
        seed=run.seed,
        noise=RANGE if run.noise is None else run.noise,
        noise_map=run.conditioned,
        validation=data.GrayImages(validation.pixels[:64]),
        checkpoint_dir=options.checkpoint_dir / run.name,
    )
    if not trained.finished:
        return None
    result = {
        **trainings.described(run, options, name, recipe),
        "steps": steps,
        "training_seconds": round(trained.seconds, 1),
        "parameters": model.count_params(),
        "validation_psnr": trained.history[-1]["val_psnr"],
        **_measured(model, run, levels if run.noise is None else [run.noise], test),
    }
    if run.conditioned:
        result["assumed"] = _assumed(model, test)
    if run.noise is None and steps >= max(
        (r["steps"] for r in trainings.gathered(options) if r["name"] == run.name), default=0
    ):
        model_files.save(model_files.without_optimizer(model), options.directory / f"{run.name}.keras")
    return result


def _pairs(noise, test, noise_map=False):
    """(inputs, targets) with the noise that all experiments measure on."""
    from diffnet_tf import data

    return data.paired_arrays(test, noise=noise, seed=networks.TEST_SEED, noise_map=noise_map)


def _measured(model, run, levels, test):
    """What a network reaches at each level: summaries, and the PSNR of every image (levels, n)."""
    results, psnr, function = [], [], measure.applied(model)
    for level in levels:
        inputs, targets = _pairs(level, test, run.conditioned)
        values, summary = measure.quality(targets, measure.batched(function, inputs))
        results.append(summary)
        psnr.append([round(float(value), 4) for value in values["psnr"]])
    return {"levels": list(levels), "results": results, "psnr": psnr}


def _assumed(model, test):
    """Mean PSNR of a conditioned network that is told multiples of the true σ."""
    inputs, targets = _pairs(WRONG, test, True)
    means, function = [], measure.applied(model)
    for factor in ASSUMED:
        _, summary = measure.quality(targets, measure.batched(function, inputs * np.float32([1.0, factor])))
        means.append(summary["psnr"]["mean"])
    return {"noise": WRONG, "factors": list(ASSUMED), "psnr": means}


def _preset(level, options, test):
    """A preset as a run: what it reaches at the level that it was trained for."""
    from diffnet_tf.networks import presets

    card = presets.card(PRESETS[level])
    run = Run("preset", level)
    return {
        "name": run.name,
        **dataclasses.asdict(run),
        "budget": "preset",
        "steps": card["training"]["steps"],
        **_measured(presets.from_preset(PRESETS[level]), run, [level], test),
    }


def _unet(name, noise, options, test):
    """The U-Net of Figure 8 or 9, if it was measured on the same images."""
    here = options.provenance()
    for root in (options.results_dir, weights.COMMITTED):
        if (root / name / records.RECORD).exists():
            record, arrays = records.load(root / name)
            same = all(record[key] == here[key] for key in ("source", "test_data")) and (
                here["test_data"] != "its test split" or record["data"] == here["data"]
            )
            if same and len(arrays["psnr_unet"]) == len(test):
                kept = ("budget", "steps", "commit", "data")
                return {"noise": noise, "psnr": arrays["psnr_unet"], **{key: record[key] for key in kept}}
    return None


def _most_steps(runs):
    """Of each network and level the run that was given most steps, in the order of the legend."""
    order = [*LABELS]
    best = trainings.most_steps(runs, left_out=("versions", *records.OF_THE_RUN))
    return sorted(best, key=lambda run: (order.index(run["network"]), run["noise"] or 0.0))


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
