"""Figure 13: how much every layer smooths (the mean of |δt Σ ζ| over 32 fixed images), for noise from 0 to 10 %.

Paper: it increases with the noise. For each level, a network is fine-tuned from the same start, the preset for 1 %
noise, for the same number of steps. So the levels differ only in their noise. There are several seeds of the examples.
They are compared with the network of `all_noise` that gets σ as an input, which is not trained here.

    python -m experiments.fig13_smoothing --budget quick  # about 8 min on 2 cores
    python -m experiments.fig13_smoothing --budget cpu --source stl10_binary --data-dir DIR  # 1.8 h: 30 trainings
    python -m experiments.fig13_smoothing --budget cpu … --only conditioned  # no training, after the others
"""

import dataclasses
import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, networks, study, verdicts, weights
from experiments.lib.ledger import Claim
from experiments.lib.run import main

NAME = "fig13"
TITLE = "Figure 13"
START = "inverse-1pct"  # the preset that every level begins with
TOLD = "all-noise"  # the experiment whose network is given σ
NOISES = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1)
IMAGES = 32
LEARNING_RATE = 1e-3  # of fine-tuning
OF_LAYERS = ("smoothing", "signed", "modulus_of_mean")  # one number for each layer


@dataclasses.dataclass(frozen=True)
class Budget:
    """Recipe; steps of each level; levels; seeds; limit on the number of images."""

    recipe: str
    steps: int
    noises: tuple = NOISES
    seeds: int = 1
    limit: int | None = None


BUDGETS = {
    "smoke": Budget("fast", 1, NOISES[:2], limit=8),
    "quick": Budget("fast", 200),
    "cpu": Budget("fast", 4_000, seeds=3),
    "paper": Budget("paper", 101_250, seeds=3),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """The fine-tuning at one level of noise."""

    noise: float
    seed: int
    kind: str = "tuned"
    name = property(lambda self: f"{self.kind}-{self.noise:g}-seed-{self.seed}")


def parts(options):
    """The network that is given σ, then a fine-tuning for each seed and level."""
    budget = BUDGETS[options.budget]
    images = [options.images(split, budget.limit) for split in ("train", "validation", "test")]
    told, about = functools.partial(_told, budget=budget, test=images[-1]), {"kind": "conditioned"}
    told = [
        study.Part(run["name"], functools.partial(told, run), about, steps=run["steps"])
        for run in _conditioned(options.results_dir)
    ]
    tune = functools.partial(_tune, budget=budget, options=options, images=images)
    seeds = range(options.seed, options.seed + budget.seeds)
    return told + [study.part(Run(noise, seed), tune, budget.steps) for seed in seeds for noise in budget.noises]


def _conditioned(results_dir):
    """Records of networks that get σ as an input, the longest of each seed, with the "path" of the network.

    From the results folder, else from the project's own results.
    """
    from diffnet_tf.files import model_files

    for root in dict.fromkeys((results_dir, weights.COMMITTED)):
        runs = [run for run in study.finished(root / TOLD) if run.get("network") == "conditioned"]
        runs = [run | {"path": root / TOLD / study.RUNS / f"{run['file']}{model_files.SUFFIX}"} for run in runs]
        runs = [run for run in runs if run["path"].exists()]
        if runs:
            return study.most_steps(runs, left_out=())
    return []


def _tune(run, budget, options, images):
    """Go on from the common start, and look at the filters."""
    from diffnet_tf.networks import presets

    train, validation, test = images
    # The same crops at every level: what differs is the noise alone.
    recipe = networks.recipe_for("DiffNet", budget.recipe, measure.Task(noise=max(NOISES)), learning_rate=LEARNING_RATE)
    about = {"seed": run.seed, "name": run.name, "noise": run.noise, "validation": validation[: study.VALIDATION]}
    trained = study.train(
        options, lambda recipe: presets.from_preset(START), recipe, train, steps=budget.steps, **about
    )
    start = {"preset": START, "sha256": presets.card(START)["sha256"]}
    found, psnr = _look(trained.model, measure.Task("inverse", run.noise), test)
    return study.Result({"start": start, **trained.record(), **found, **psnr})


def _told(run, budget, test):
    """Measure the network that gets σ as an input at every level."""
    from diffnet_tf.files import model_files

    model, levels = model_files.load(run["path"]), []
    for noise in budget.noises:
        found, _ = _look(model, measure.Task("inverse", noise), test, noise_map=True)
        levels.append({"noise": noise, **found})
    kept = ("budget", "steps", "source", "data", "commit", "seed")
    source = {"experiment": TOLD, **{key: run.get(key) for key in kept}, "recipe": run["recipe"]["name"]}
    trained = {key: run[key] for key in ("seed", "steps", "recipe", "parameters", "training_images") if key in run}
    return study.Result({"weights": source, **trained, "levels": levels})


def _look(model, task, test, **options):
    """Measure every layer's smoothing part on the fixed images, and the quality of all test images.

    Of δt Σ ζ, images (n, height, width) per layer: "smoothing", the mean of its modulus, as in the paper; "signed", its
    mean; and "modulus_of_mean", the modulus of that. Each is a list with one number for each layer.
    """
    from diffnet_tf import stencil

    fixed = np.unique(np.linspace(0, len(test) - 1, IMAGES).astype(int))
    inputs, _ = measure.pairs(task, test[fixed], **options)
    sums = [dt * np.asarray(stencil.smoothing(f)) for dt, f in zip(model.time_steps, model.filters(inputs))]
    _, values, summary = measure.measured(model, *measure.pairs(task, test, **options))
    found = {
        "images": len(fixed),
        "smoothing": [float(np.abs(s).mean()) for s in sums],
        "signed": [float(s.mean()) for s in sums],
        "modulus_of_mean": [float(abs(s.mean())) for s in sums],
        "results": summary,
    }
    return found, study.values(values)


def gather(runs, root):
    """The levels of all seeds that are complete, from trainings of one length; and of the network that is given σ.

    Returns:
        A record with "runs", all trainings of that length; of the complete seeds "seeds", "noises", and (seeds, levels,
        layers) the lists `OF_LAYERS`; "levels", their means over the seeds; "rank_correlations" of the noise with the
        mean smoothing of the layers, one for each seed, and "rank_correlation" of the mean over the seeds;
        "conditioned", the levels and the rank correlation of the network that is given σ, if it was measured.
    """
    tuned, lengths = [run for run in runs if run.get("kind") == "tuned"], {}
    if not tuned:
        raise ValueError("no level was fine-tuned from the common start: run the experiment first.")
    for run in tuned:
        lengths.setdefault((run["budget"], run["steps"]), []).append(run)
    chosen = max(lengths.items(), key=lambda item: (*map(len, _complete(item[1])), item[0][1]))[1]
    noises, seeds = _complete(chosen)
    of = {(run["seed"], run["noise"]): run for run in chosen}
    found = {key: [[of[seed, noise][key] for noise in noises] for seed in seeds] for key in OF_LAYERS}
    psnr = [[of[seed, noise]["results"]["psnr"]["mean"] for noise in noises] for seed in seeds]
    first = of[seeds[0], noises[0]]
    levels = [
        {
            "noise": noise,
            "steps": first["steps"],
            **{key: np.mean([of_seed[k] for of_seed in found[key]], axis=0).tolist() for key in OF_LAYERS},
            "psnr": float(np.mean([of_seed[k] for of_seed in psnr])),
        }
        for k, noise in enumerate(noises)
    ]
    record = {
        **{key: first.get(key) for key in ("budget", "start", "recipe", "steps", "images")},
        "tested": first["results"]["psnr"]["n"],
        "seeds": seeds,
        "noises": noises,
        **found,
        "psnr": psnr,
        "levels": levels,
        "rank_correlations": [rank_correlation(noises, of_seed) for of_seed in found["smoothing"]],
        "rank_correlation": rank_correlation(noises, [level["smoothing"] for level in levels]),
        "runs": study.most_steps(chosen),
    }
    told = [run for run in runs if run.get("kind") == "conditioned"]
    most = max((len(run["levels"]) for run in told), default=0)
    told = study.most_steps([run for run in told if len(run["levels"]) == most])
    if told:
        at = [level["noise"] for level in told[0]["levels"]]
        smoothing = np.mean([[level["smoothing"] for level in run["levels"]] for run in told], axis=0)
        record["conditioned"] = {"rank_correlation": rank_correlation(at, smoothing), "noises": at}
        record["conditioned"] |= {"smoothing": smoothing.tolist(), "runs": told}
    return study.Result(record)


def _complete(runs):
    """(levels, seeds): the levels of the seeds that have most of them, and these seeds."""
    of = {}
    for run in runs:
        of.setdefault(run["seed"], set()).add(run["noise"])
    most = max(of.values(), key=len)
    return sorted(most), sorted(seed for seed in of if of[seed] == most)


def rank_correlation(noises, smoothing):
    """Spearman's correlation of the noise with the mean smoothing of all layers; None for two levels or equal values.

    Args:
        noises: σ of the levels, (n,), increasing.
        smoothing: mean smoothing of every layer at each level, (n, layers).
    """
    values = np.mean(smoothing, axis=1)
    if len(noises) < 3 or not np.isfinite(values).all() or np.ptp(values) == 0:
        return None
    ranks = [[np.mean(np.flatnonzero(np.sort(of) == value)) for value in of] for of in (np.asarray(noises), values)]
    return float(np.corrcoef(ranks)[0, 1])


@figures.styled
def draw(record, arrays):
    """Smoothing of every layer and of all against the noise; below it the PSNR of each network."""
    figure, ((top,), (bottom,)) = figures.plots(2, 1, caption(record), width=4.6, height=2.2)
    levels = record["levels"]
    noise = [100 * level["noise"] for level in levels]
    layers = np.array([level["smoothing"] for level in levels])
    for k, values in enumerate(layers.T, 1):
        top.plot(noise, values, ".-", linewidth=0.8, markersize=3, label=f"layer {k}")
    top.plot(noise, layers.mean(axis=1), "o-", color="black", markersize=4, label="mean of layers")
    if len(record.get("seeds", ())) > 1:
        means = np.mean(record["smoothing"], axis=2)
        top.fill_between(noise, means.min(axis=0), means.max(axis=0), color="black", alpha=0.25, linewidth=0)
    if "conditioned" in record:
        told = np.mean(record["conditioned"]["smoothing"], axis=1)
        at = [100 * level for level in record["conditioned"]["noises"]]
        top.plot(at, told, "s--", color="black", markersize=3, linewidth=0.8, label="mean, one\nnetwork given σ")
    top.set(ylabel="smoothing, mean |δt Σ ζ|", ylim=(0, None), xticklabels=[])
    top.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    bottom.plot(noise, [_psnr(level) for level in levels], "o-", color="black", markersize=4)
    bottom.set(xlabel="noise in % of the range", ylabel="mean test PSNR in dB")
    return figure


def _psnr(level):
    return level["psnr"] if "psnr" in level else level["results"]["psnr"]["mean"]  # of older records


def caption(record):
    """The caption: what is shown, and what it means."""
    told = ""
    if record.get("rank_correlation") is not None:
        told = f" Rank correlation of noise and mean smoothing: {record['rank_correlation']:.2f}."
    return (
        f"{record['title']}: how much DiffNet smooths, the mean of |δt Σ ζ| over {record['images']} test images, when "
        f"it is trained for more and more noise.{told} Below, the mean PSNR that each network reaches."
    )


def alt(record):
    """The alt text: what is seen."""
    first, last = record["levels"][0], record["levels"][-1]
    means = [np.mean(level["smoothing"]) for level in (first, last)]
    return (
        f"Two plots above each other against the noise, from {100 * first['noise']:g} to {100 * last['noise']:g} %. "
        f"Top: a line for each layer and a thick one for their mean, from {means[0]:.3f} to {means[1]:.3f}. Bottom: a "
        f"curve from {_psnr(first):.0f} to {_psnr(last):.0f} dB, which is steep at first."
    )


FOLLOWS = 0.9  # rank correlation of noise and smoothing
LEVELS = 8  # fewer are too few to tell


def increases(record, arrays):
    """In every seed, the mean modulus of the smoothing part and the noise are in the same order."""
    if "seeds" not in record and record.get("rank_correlation") is not None:  # of an older design
        text, why = (
            f"rank correlation {record['rank_correlation']:.2f}",
            "each network was fine-tuned from the one of the level before",
        )
        return verdicts.finding(record, text, verdicts.Unsure(why), f"{len(record['levels'])} levels", exact=True)
    if "seeds" not in record:
        raise verdicts.NotRun("levels of one common start")
    found = [rank_correlation(record["noises"], of_seed) for of_seed in record["smoothing"]]
    if len(record["noises"]) < LEVELS or max(record["noises"]) < max(NOISES) or None in found:
        raise verdicts.NotRun("too few levels to tell")
    text = f"rank correlation {np.mean(found):.2f}{verdicts.of_seeds(found)}"
    answer = verdicts.of_each_seed([value >= FOLLOWS for value in found])
    n = f"{len(record['noises'])} levels × {captions.count(len(found), 'seed')}"
    return verdicts.finding(record, text, answer, n, record["runs"])


def increases_told(record, arrays):
    """The same in one network that is given σ."""
    told = record.get("conditioned")
    if not told or len(told["noises"]) < LEVELS or max(told["noises"]) < max(NOISES):
        raise verdicts.NotRun("the network that is given σ")
    found = rank_correlation(told["noises"], told["smoothing"])
    if found is None:
        raise verdicts.NotRun("the same smoothing at every level")
    n = f"{len(told['noises'])} levels"
    return verdicts.finding(record, f"rank correlation {found:.2f}", found >= FOLLOWS, n, told["runs"])


CLAIMS = (
    Claim("smoothing increases with noise up to 10 %", f"rank correlation ≥ {FOLLOWS}", increases, "Fig. 13"),
    Claim(
        "smoothing increases with noise in one network that is given σ",
        f"rank correlation ≥ {FOLLOWS}",
        increases_told,
        "Fig. 13",
    ),
)

if __name__ == "__main__":
    main(__file__)
