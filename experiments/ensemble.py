"""Uncertainty: an ensemble of five DiffNets, the spread of its members against the error of their mean.

Question: does the spread say where, and by how much, the restored image is wrong? The members differ in initial
weights and examples; what they share, the noise in the input above all, their spread cannot show. A factor fitted on
validation images is to make up for that.

Every finished training is a record of its own in `runs/`, its weights beside it, and is not repeated.

    python -m experiments.ensemble --budget quick  # about 5 min on 2 cores
    python -m experiments.ensemble --budget cpu --source stl10_binary --data_dir DIR  # about 15 min
    python -m experiments.ensemble --budget cpu … --only DiffNet-3  # one member
"""

import dataclasses
import json

import numpy as np

from diffnet_tf import figures
from diffnet_tf.evaluation import statistics
from experiments.lib import measure, networks, records, trainings

NAME = "ensemble"
TASK = networks.Task("inverse", 0.01)
SEEDS = 5
BINS = 20
BUDGETS = {  # (recipe, steps of each member, members, limit on the number of images)
    "smoke": ("fast", 1, 2, 8),
    "quick": ("fast", 100, SEEDS, None),
    "cpu": ("fast", 400, SEEDS, None),
    "paper": ("paper", 101_250, SEEDS, None),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """The training of a member."""

    seed: int

    @property
    def name(self):
        """What its record and its weights are called."""
        return f"DiffNet-{self.seed}"


def compute(options):
    """Train the members that have no record yet, then measure all: (record, arrays, None); None when stopped."""
    name, steps, number, limit = BUDGETS[options.budget]
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))
    plan = [Run(seed) for seed in range(options.seed, options.seed + number)]

    def trained(run):
        return _train(run, name, options.steps or steps, options, train, validation)

    if not trainings.train_missing(plan, options, trained):
        return None
    members = [path for run in plan if (path := trainings.path(run, options)).exists()]
    if len(members) < 2:
        raise ValueError(f"{len(members)} member(s) of {number} are trained; expected at least 2. Train more of them.")
    return _measure(members, options, validation, test)


def _train(run, name, steps, options, train, validation):
    """Train a member and keep its weights; its record, or None when it was stopped."""
    from diffnet_tf import data
    from diffnet_tf.files import model_files

    recipe = networks.recipe_for("DiffNet", name, TASK)
    recipe = networks.for_images(recipe, len(train))
    model, trained = networks.train(
        "DiffNet",
        TASK,
        recipe,
        train,
        steps=steps,
        seed=run.seed,
        validation=data.GrayImages(validation.pixels[:64]),
        checkpoint_dir=options.checkpoint_dir / run.name,
    )
    if not trained.finished:
        return None
    model_files.save(model_files.without_optimizer(model), trainings.path(run, options).with_suffix(model_files.SUFFIX))
    return {
        **trainings.described(run, options, name, recipe),
        "steps": steps,
        "validation_psnr": trained.history[-1]["val_psnr"],
        "training_seconds": round(trained.seconds, 1),
    }


def _measure(members, options, validation, test):
    """Spread and error of all members on the test images, the factor from the validation images."""
    from diffnet_tf.files import model_files

    models = [model_files.load(path.with_suffix(model_files.SUFFIX)) for path in members]
    fitted, apart = _held_out(options, validation, test)
    spread, error, _, _ = _applied(models, *apart["fit"])
    factor = statistics.scale(spread, error)
    spread, error, outputs, psnr = _applied(models, *apart["test"])
    number = options.image % len(error)
    runs = [json.loads(path.read_text()) for path in members]
    left_out = ("versions", *records.OF_THE_RUN)
    record = {
        "title": "Uncertainty",
        **dataclasses.asdict(TASK),
        "runs": [{key: value for key, value in run.items() if key not in left_out} for run in runs],
        "members": len(models),
        "results": {name: _summary(values) for name, values in psnr.items()},
        "pixels": int(error.size),
        "rank_correlation": statistics.rank_correlation(spread, error),
        "image_rank_correlation": statistics.rank_correlation(_rms(spread), _rms(error)),
        "nominal_coverage": statistics.nominal_coverage(len(models)),
        "as_it_is": statistics.judged(spread, error, 1.0, BINS),
        "rescaled": statistics.judged(spread, error, factor, BINS),
        "fitted_on": fitted,
        "image": number,
    }
    arrays = {f"psnr_{name}": np.asarray(values, "float32") for name, values in psnr.items()}
    shown = {"target": apart["test"][1], "input": apart["test"][0], "restored": outputs.mean(0)}
    arrays |= {name: np.float32(images[number, ..., 0]) for name, images in shown.items()}
    arrays |= {"error": np.float32(error[number, ..., 0]), "spread": np.float32(spread[number, ..., 0])}
    return record, arrays, None


def _held_out(options, validation, test):
    """Pairs to fit the factor on and others to test it on: (words, {"fit": pairs, "test": pairs}).

    Where validation and test images are the same, halves of them.
    """
    from diffnet_tf import data

    if options.test_dir:
        parts, words = {"fit": validation.pixels[:64], "test": test.pixels}, "validation images"
    else:
        parts, words = {"fit": test.pixels[::2], "test": test.pixels[1::2]}, "other test images"
    seeds = {"fit": networks.TUNING_SEED, "test": networks.TEST_SEED}  # the noise is other noise, too
    pairs = {name: networks.test_pairs(TASK, data.GrayImages(parts[name]), seed) for name, seed in seeds.items()}
    return {"images": words, "n": len(parts["fit"])}, pairs


def _applied(models, inputs, targets):
    """(spread, error of the mean, outputs of all members, PSNR of the mean and of every member)."""
    measured = [networks.measured(model, inputs, targets)[:2] for model in models]
    outputs = np.stack([output for output, _ in measured])
    mean = outputs.mean(0)
    psnr = {
        "ensemble": measure.quality(targets, mean)[0]["psnr"],
        "members": np.stack([values["psnr"] for _, values in measured]),
    }
    return statistics.spread(outputs), np.float64(mean) - targets, outputs, psnr


def _summary(psnr):
    from diffnet_tf import metrics

    return metrics.summary(np.mean(psnr, axis=0) if psnr.ndim == 2 else psnr)


def _rms(images):
    return np.sqrt(np.mean(np.square(images), axis=(1, 2, 3)))


@figures.styled
def draw(record, arrays):
    """The calibration curve before and after the factor; one image, its error and its spread on one scale."""
    figure, axes = figures.plots(2, 3, caption(record), width=2.5, height=2.2)
    scale = float(np.quantile(np.abs(arrays["error"]), 0.995)) or 1e-6
    psnr = arrays["psnr_ensemble"][record["image"]]
    gray = {"input": "diffused, 1 % noise", "restored": f"mean of {record['members']}, {psnr:.2f} dB"}
    factor = record["rescaled"]["factor"]
    maps = {
        f"|error|, up to {scale:.2g}": (np.abs(arrays["error"]), scale),
        f"spread × {factor:.2g}, same scale": (factor * arrays["spread"], scale),
    }
    shown = [(title, (arrays[name], 1.0), "gray") for name, title in gray.items()]
    shown += [(title, pair, figures.SPECTRA) for title, pair in maps.items()]
    for axis, (title, (pixels, high), colours) in zip((*axes[0, :2], *axes[1, :2]), shown):
        figures.image(axis, pixels, None, 0.0, high, colours)
        axis.set(title=title, xticks=[], yticks=[])
    curve = axes[0, 2]
    ends = []
    for name, label, colour in (
        ("as_it_is", "as it is", figures.LINES[0]),
        ("rescaled", f"× {factor:.2f}", figures.LINES[1]),
    ):
        points = record[name]["calibration"]
        curve.loglog(points["spread"], points["error"], "o-", color=colour, markersize=3, label=label)
        ends += [value for values in points.values() for value in values if value > 0]
    curve.plot([min(ends), max(ends)], [min(ends), max(ends)], color="black", linewidth=0.6, label="calibrated")
    curve.set(xlabel="spread (RMS of each bin)", ylabel="RMS error", title=f"calibration, {BINS} bins of pixels")
    curve.legend(loc="best")
    bars = axes[1, 2]
    covered = [record["as_it_is"]["coverage"], record["rescaled"]["coverage"]]
    bars.bar(["as it is", f"× {factor:.2f}"], [100 * value for value in covered], color=figures.LINES[:2])
    nominal = 100 * record["nominal_coverage"]
    bars.axhline(nominal, color="black", linewidth=0.8)
    bars.text(-0.45, nominal, f"calibrated, {record['members']} members", va="bottom", fontsize=6)
    bars.set(ylim=(0, 105), ylabel="% of pixels", title="errors within ± 2 spreads")
    return figure


def caption(record):
    """What is shown, its numbers, and where they come from."""
    results, first = record["results"], record["runs"][0]
    seeds = ", ".join(str(run["seed"]) for run in record["runs"])
    return (
        f"{record['title']}: {record['members']} DiffNets, inverse with 1 % noise, seeds {seeds} of initial weights "
        f"and examples. PSNR, mean of {results['ensemble']['n']} test images: their mean "
        f"{results['ensemble']['mean']:.2f} dB, a member {results['members']['mean']:.2f} dB. Spread: √(1 + 1/m) times "
        "the standard deviation over the members, which a calibrated ensemble's error equals. Rank correlation of "
        f"spread and |error| {record['rank_correlation']:.2f} over pixels, {record['image_rank_correlation']:.2f} over "
        f"images. Factor {record['rescaled']['factor']:.2f} fitted on {record['fitted_on']['n']} "
        f"{record['fitted_on']['images']}. Budget {record['budget']}: {first['steps']:,} steps of "
        f"{first['recipe']['batch_size']} crops each, recipe {first['recipe']['name']}. "
        f"{record['source']} ({record['data']}, {record['test_data']}). {record['note'] or ''}"
    )


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
