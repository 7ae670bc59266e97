"""Uncertainty: the spread of an ensemble of five DiffNets, compared with the error of their mean.

Question: does the spread show where, and by how much, the restored image is wrong? The members differ in initial
weights and examples. The spread cannot show errors that all members share, above all those from noise in the input. A
factor that is fitted on validation images should correct this.

The network of each member is kept in `runs/`; the last part, "together", measures all members.

    python -m experiments.ensemble --budget quick  # about 5 min on 2 cores
    # 14 min: 5 trainings
    python -m experiments.ensemble --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
    python -m experiments.ensemble --budget cpu … --only DiffNet-3  # one member
"""

import dataclasses
import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, networks, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES, TRAINING
from experiments.lib.run import main

NAME = "ensemble"
TITLE = "Uncertainty"
OPTIONS = (*TRAINING, *IMAGES, "image")
TASK = Task("inverse", 0.01)
SEEDS = 5
BINS = 20
RANKED = 0.5  # rank correlation of spread and error
COVERED = 0.02  # how far a coverage may be from the one of a calibrated ensemble
BUDGETS = study.budgets(1, 100, 2_800)  # steps of each member; smoke: of two


@dataclasses.dataclass(frozen=True)
class Run:
    """The training of a member."""

    seed: int
    name = property(lambda self: f"DiffNet-{self.seed}")


def parts(options):
    """The trainings of the members, and measuring them together."""
    _, steps, limit = BUDGETS[options.budget]
    images = [options.images(split, limit) for split in ("train", "validation", "test")]
    number = 2 if options.budget == "smoke" else SEEDS
    members = [Run(seed) for seed in range(options.seed, options.seed + number)]
    train = functools.partial(_train, options=options, train=images[0], validation=images[1])
    together = "together" + (f"-seed-{options.seed}" if options.seed else "")
    measured = study.Part(together, lambda: _measure(members, options, *images[1:]), steps=steps)
    return [*(study.part(member, train, steps) for member in members), measured]


def _train(run, options, train, validation):
    name, steps, _ = BUDGETS[options.budget]
    about = {"seed": run.seed, "name": run.name, "validation": validation[: study.VALIDATION]}
    about |= dataclasses.asdict(TASK)
    trained = study.train(options, *networks.of("DiffNet", name, TASK), train, steps=steps, **about)
    return study.Result(trained.record(), model=trained.model)


def _measure(members, options, validation, test):
    """Spread and error of all members on the test images, the factor from the validation images."""
    from diffnet_tf import metrics
    from diffnet_tf.evaluation import statistics
    from diffnet_tf.files import model_files, reading

    paths = [study.path(member.name, options) for member in members]
    missing = [member.name for member, path in zip(members, paths) if not path.exists()]
    if missing:
        raise ValueError(f"{', '.join(missing)} of {len(members)} members are not trained: train them first.")
    models = [model_files.load(path.with_suffix(model_files.SUFFIX)) for path in paths]
    fitted, apart = _held_out(options, validation, test)
    spread, error, _, _ = _applied(models, *apart["fit"])
    factor = statistics.scale(spread, error)
    spread, error, outputs, psnr = _applied(models, *apart["test"])
    number = options.image % len(error)
    means = {"ensemble": psnr["ensemble"], "members": psnr["members"].mean(axis=0)}
    record = {
        **dataclasses.asdict(TASK),
        "seeds": [member.seed for member in members],
        "steps": reading.json_object(paths[0])["steps"],
        "members": len(models),
        "results": {name: metrics.summary(values) for name, values in means.items()},
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
    shown |= {"error": error, "spread": spread}
    return study.Result(record, arrays | {name: np.float32(images[number, ..., 0]) for name, images in shown.items()})


def _held_out(options, validation, test):
    """Pairs to fit the factor on, and others to test it on: (words, {"fit": pairs, "test": pairs}).

    Where validation and test images are the same, halves of them.
    """
    if options.test_dir:
        fit, words = validation[: study.VALIDATION], "validation images"
    else:
        fit, test, words = test[::2], test[1::2], "other test images"
    pairs = {"fit": measure.pairs(TASK, fit, measure.TUNING_SEED), "test": measure.pairs(TASK, test)}
    return {"images": words, "n": len(fit)}, pairs


def _applied(models, inputs, targets):
    """(spread, error of the mean, outputs of all members, PSNR of the mean and of every member)."""
    from diffnet_tf.evaluation import statistics

    outputs, values, _ = zip(*(measure.measured(model, inputs, targets) for model in models))
    outputs, psnr = np.stack(outputs), {"members": np.stack([found["psnr"] for found in values])}
    mean = outputs.mean(0)
    psnr["ensemble"] = measure.quality(targets, mean)[0]["psnr"]
    return statistics.spread(outputs), np.float64(mean) - targets, outputs, psnr


def _rms(images):
    return np.sqrt(np.mean(np.square(images), axis=(1, 2, 3)))


def gather(runs, root):
    """The measured ensemble with the most steps, and its members."""
    measured = [run for run in runs if "members" in run]
    if not measured:
        raise ValueError(f"{captions.count(len(runs), 'member')} trained, not measured together: train the others.")
    best = max(measured, key=lambda run: run["steps"])
    trained = [run for run in runs if run.get("seed") in best["seeds"] and run["budget"] == best["budget"]]
    (record,) = study.most_steps([best], left_out=(*study.LEFT_OUT, "name"))
    return study.Result({**record, "runs": study.most_steps(trained)}, best["arrays"])


# ---- The figure ------------------------------------------------------------------------------------------------------


@figures.styled
def draw(record, arrays):
    """One image, its error and its spread on one scale; below, calibration and coverage before and after the factor."""
    figure = figures.canvas(caption(record), figures.WIDTH, 4.2)
    images, plots = figure.subfigures(2, 1, height_ratios=(2.05, 2.15))
    scale = figures.symmetric(arrays["error"])
    psnr = arrays["psnr_ensemble"][record["image"]]
    factor = record["rescaled"]["factor"]
    gray, map_ = (1.0, "gray"), (scale, figures.ERRORS)
    shown = (
        ("diffused, 1 % noise", arrays["input"], *gray),
        (f"mean, {psnr:.2f} dB", arrays["restored"], *gray),
        ("|error|", np.abs(arrays["error"]), *map_),
        (f"spread × {factor:.2g}", factor * arrays["spread"], *map_),
    )
    axes = images.subplots(1, 4)
    for axis, (title, pixels, high, colours) in zip(axes, shown):
        artist = figures.image(axis, pixels, None, 0.0, high, colours)
        axis.set(title=title, xticks=[], yticks=[])
    bar = images.colorbar(artist, ax=axes, location="bottom", shrink=0.5, aspect=40, anchor=(1.0, 1.0), extend="max")
    bar.set_label("|error| and spread, of gray values in [0, 1]", labelpad=1)
    curve, bars = plots.subplots(1, 2)
    ends, labels = [], {"as_it_is": "as it is", "rescaled": f"× {factor:.2f}"}
    for colour, (name, label) in zip(figures.LINES, labels.items()):
        points = record[name]["calibration"]
        curve.loglog(points["spread"], points["error"], "o-", color=colour, markersize=3, label=label)
        ends += [value for values in points.values() for value in values if value > 0]
    curve.plot([min(ends), max(ends)], [min(ends), max(ends)], color="black", linewidth=0.6, label="calibrated")
    curve.set(xlabel=f"spread (a dot: 1/{BINS} of the pixels)", ylabel="RMS error", title="pixels sorted by spread")
    curve.legend(loc="best")
    bars.bar(list(labels.values()), [100 * record[name]["coverage"] for name in labels], color=figures.LINES[:2])
    nominal = 100 * record["nominal_coverage"]
    bars.axhline(nominal, color="black", linewidth=0.8)
    bars.text(-0.45, nominal + 1, "calibrated", va="bottom")
    bars.set(ylim=(0, 108), ylabel="% of pixels", title="errors within ± 2 spreads")
    return figure


def caption(record):
    """The caption: what is shown, and what it means."""
    found = [100 * record[name]["coverage"] for name in ("as_it_is", "rescaled")]
    return (
        f"{record['title']}: does the spread, the standard deviation of {record['members']} outputs, show how wrong "
        f"their mean is? Two spreads cover {found[0]:.0f} % of the errors, and {found[1]:.0f} % after a factor fitted "
        f"on {record['fitted_on']['images']}. Right for {record['members']} networks: "
        f"{100 * record['nominal_coverage']:.0f} %; for very many: 95 %."
    )


def alt(record):
    """The alt text: what is seen."""
    return (
        "Top row: a blurred and noisy test image, its restored version, and two maps on one scale: where the error is "
        "large, and where the networks differ. Bottom left: error against spread on logarithmic axes, two curves "
        "beside the diagonal of a calibrated ensemble. Bottom right: two bars, the share of errors within two spreads, "
        f"below or above a line at {100 * record['nominal_coverage']:.0f} %."
    )


# ---- Claims ----------------------------------------------------------------------------------------------------------


def gain(record, arrays):
    """The mean of the members is nearer to the truth than they are, over the test images."""
    members = arrays["psnr_members"]
    gap = verdicts.difference(arrays["psnr_ensemble"], members)
    text = f"{gap:+.2f} dB over the members, whose mean is {members.mean():.2f} dB"
    return verdicts.finding(
        record, text, verdicts.ahead(gap), verdicts.count(members.shape[1], record["runs"]), record["runs"]
    )


def coverage(name):
    """Two spreads cover as many errors as in a calibrated ensemble of that size: "as_it_is" or "rescaled"."""

    def check(record, arrays):
        found, nominal = record[name], record["nominal_coverage"]
        holds = abs(found["coverage"] - nominal) <= COVERED
        text = f"{100 * found['coverage']:.1f} % instead of {100 * nominal:.1f} %; RMS error {found['rms_error']:.4f}, "
        text += f"spread {found['rms_spread']:.4f}"
        text += f" (× {found['factor']:.2f})" if found["factor"] != 1 else ""
        n = verdicts.count(record["results"]["ensemble"]["n"], record["runs"])
        return verdicts.finding(record, text, holds, n, record["runs"])

    return check


def ranks(record, arrays):
    """Where the spread is large, so is the error: rank correlation over pixels, and over images."""
    pixels, images = record["rank_correlation"], record["image_rank_correlation"]
    text = f"rank correlation {pixels:.2f} over pixels, {images:.2f} over images"
    n = verdicts.count(record["results"]["ensemble"]["n"], record["runs"])
    return verdicts.finding(record, text, verdicts.agreed([pixels >= RANKED, images >= RANKED]), n, record["runs"])


_CALIBRATED = "as often as in a calibrated ensemble"
CLAIMS = (
    Claim("the mean of 5 networks is better than one network", "> 0 dB", gain),
    Claim("± 2 spreads of 5 networks cover the error as often as they should", _CALIBRATED, coverage("as_it_is")),
    Claim(
        "the same, with the spread widened by a factor fitted on validation images", _CALIBRATED, coverage("rescaled")
    ),
    Claim("where the spread is larger, the error is larger", f"rank correlation ≥ {RANKED}", ranks),
)

if __name__ == "__main__":
    main(__file__)
