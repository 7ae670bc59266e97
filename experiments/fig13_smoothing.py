"""Figure 13: how much every layer smooths, the mean of |Σ ζ| over 32 fixed images, against the noise, 0 to 10 %.

Paper: it increases with the noise. The network without noise is that of Figure 6; each further level is fine-tuned
from the one before, to save time.

    python -m experiments.fig13_smoothing --budget quick  # about 5 min on 2 cores
    python -m experiments.fig13_smoothing --budget cpu --source stl10_binary --data_dir DIR  # about 40 min
"""

import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, networks, study, verdicts, weights
from experiments.lib.ledger import Claim
from experiments.lib.run import main

NAME = "fig13"
TITLE = "Figure 13"
START = "fig06"  # the experiment whose network is fine-tuned
NOISES = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1)
IMAGES = 32
LEARNING_RATE = 1e-3  # of fine-tuning
BUDGETS = study.budgets(1, 200, 1_800)  # steps of each level; smoke: of two


def parts(options):
    """One fine-tuning for each level of noise; that without noise only looks at the network of Figure 6."""
    recipe, steps, limit = BUDGETS[options.budget]
    number = 2 if options.budget == "smoke" else len(NOISES)
    images = [options.images(split, limit) for split in ("train", "validation", "test")]
    do = functools.partial(_level, recipe=recipe, steps=steps, options=options, images=images)
    return [
        study.Part(_name(noise, options), functools.partial(do, noise, before), {"noise": noise, "seed": options.seed})
        for noise, before in zip(NOISES[:number], (None, *NOISES))
    ]


def _name(noise, options):
    return f"level-{noise:g}" + (f"-seed-{options.seed}" if options.seed else "")


def _level(noise, before, recipe, steps, options, images):
    """Go on from the network of the level before, and look at its filters."""
    from diffnet_tf.files import model_files

    train, validation, test = images
    task = measure.Task("inverse", noise)
    if before is None:
        model, source = weights.find(START, options.results_dir)
        return study.Result({"weights": source, "steps": source["steps"], **_look(model, task, test)}, model=model)
    start = study.path(_name(before, options), options).with_suffix(model_files.SUFFIX)
    recipe = networks.recipe_for("DiffNet", recipe, measure.Task(noise=max(NOISES)), learning_rate=LEARNING_RATE)
    about = {"seed": options.seed, "name": _name(noise, options), "validation": validation[: study.VALIDATION]}
    trained = study.train(
        options, lambda recipe: model_files.load(start), recipe, train, steps=steps, noise=noise, **about
    )
    return study.Result({**trained.record(), **_look(trained.model, task, test)}, model=trained.model)


def _look(model, task, test):
    """Mean |δt Σ ζ| and mean δt Σ ζ of each layer over the fixed images, and PSNR of all test images."""
    from diffnet_tf import stencil

    fixed = np.unique(np.linspace(0, len(test) - 1, IMAGES).astype(int))
    inputs, _ = measure.pairs(task, test[fixed])
    sums = [dt * np.asarray(stencil.smoothing(f)) for dt, f in zip(model.time_steps, model.filters(inputs))]
    _, _, summary = measure.measured(model, *measure.pairs(task, test))
    return {
        "images": len(fixed),
        "smoothing": [float(np.abs(s).mean()) for s in sums],
        "signed": [float(s.mean()) for s in sums],
        "results": summary,
    }


def gather(runs, root):
    """The levels of one chain: that with the most levels, then with the most steps."""
    chains = {}
    for run in runs:
        chains.setdefault((run["budget"], run["seed"]), []).append(run)
    chain = sorted(max(chains.values(), key=lambda of: (len(of), of[-1]["steps"])), key=lambda run: run["noise"])
    levels = [{k: run[k] for k in ("noise", "steps", "smoothing", "signed", "results")} for run in chain]
    known = chain[-1] | {"weights": chain[0]["weights"]}
    record = {key: known.get(key) for key in ("budget", "seed", "commit", "weights", "recipe", "steps", "images")}
    return study.Result(record | {"levels": levels, "rank_correlation": _rank_correlation(levels)})


def _rank_correlation(levels):
    """Spearman's, of the noise and the mean smoothing of all layers; None of two levels."""
    values = [[level["noise"] for level in levels], [np.mean(level["smoothing"]) for level in levels]]
    ranks = np.argsort(np.argsort(values, axis=1), axis=1)  # no two are equal
    return float(np.corrcoef(ranks)[0, 1]) if len(levels) > 2 else None


@figures.styled
def draw(record, arrays):
    """Smoothing of every layer and of all against the noise; beside it what each network reaches."""
    figure, ((left, right),) = figures.plots(1, 2, caption(record))
    levels = record["levels"]
    noise = [100 * level["noise"] for level in levels]
    layers = np.array([level["smoothing"] for level in levels])
    for k, values in enumerate(layers.T, 1):
        left.plot(noise, values, ".-", linewidth=0.8, markersize=3, label=f"layer {k}")
    left.plot(noise, layers.mean(axis=1), "o-", color="black", markersize=4, label="mean of the layers")
    left.set(xlabel="noise in % of the range", ylabel="mean |δt Σ ζ|")
    left.set_ylim(0, 1.45 * layers.max())  # room for the legend above the lines
    left.legend(loc="upper left", ncols=2)
    right.plot(noise, [level["results"]["psnr"]["mean"] for level in levels], "o-", color="black", markersize=4)
    right.set(xlabel="noise in % of the range", ylabel="mean test PSNR in dB")
    return figure


def caption(record):
    """What is shown, and where it comes from."""
    return (
        f"{record['title']}: left, the mean of |δt Σ ζ|, the smoothing part of every layer, over {record['images']} "
        f"fixed test images. Right, the mean PSNR of {record['levels'][0]['results']['psnr']['n']} test images. Each "
        f"level fine-tuned from the one before for {captions.count(record['steps'], 'step')}. {captions.source(record)}"
    )


def increases(record, arrays):
    """Smoothing and noise are in the same order."""
    correlation = record["rank_correlation"]
    if correlation is None:
        raise verdicts.NotRun("too few levels to tell")
    verdict = verdicts.on_stl10(record, correlation >= 0.9)
    return verdicts.finding(record, f"rank correlation {correlation:.2f}", verdict, len(record["levels"]))


CLAIMS = (Claim("smoothing increases with noise up to 10 %", "yes", increases, "Fig. 13"),)

if __name__ == "__main__":
    main(__file__)
