"""Figure 13: how much every layer smooths, the mean of |Σ ζ| over 32 fixed images, against the noise, 0 to 10 %.

Paper: it increases with the noise. The network without noise is that of Figure 6; each further level is fine-tuned
from the one before, to save time.

    python -m experiments.fig13_smoothing --budget quick  # about 5 min on 2 cores
    python -m experiments.fig13_smoothing --budget cpu --source stl10_binary --data_dir DIR  # about 40 min
"""

import dataclasses
import json

import numpy as np

from diffnet_tf import figures, files
from experiments.lib import networks, weights

NAME = "fig13"
NOISES = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1)
IMAGES = 32
LEARNING_RATE = 1e-3  # of fine-tuning
BUDGETS = {  # (recipe, steps of each level, levels, limit on the number of images of each set)
    "smoke": ("fast", 1, 2, 8),
    "quick": ("fast", 200, len(NOISES), None),
    "cpu": ("fast", 1_800, len(NOISES), None),
    "paper": ("paper", 101_250, len(NOISES), None),
}


def compute(options):
    """Train level by level, look at the filters of each: (record, {}, None); None when stopped by Ctrl-C."""
    import keras

    recipe_name, steps, number, limit = BUDGETS[options.budget]
    steps = options.steps or steps
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))
    model, source = weights.find(weights.INVERSE[0.0], options.results_dir)
    keeper = _Keeper(options.checkpoint_dir, {"steps": steps, "seed": options.seed, "data": options.data_dir})
    recipe = networks.recipe_for("DiffNet", recipe_name, networks.Task("inverse", max(NOISES)))
    recipe = dataclasses.replace(recipe, learning_rate=LEARNING_RATE)
    levels = []
    for noise in NOISES[:number]:
        level = keeper.load(model, noise)
        if level is None:
            task = networks.Task("inverse", noise)
            if noise and not _tune(model, task, recipe, steps, train, validation, options):
                return None
            level = {"noise": noise, "steps": steps if noise else source["steps"], **_look(model, task, test)}
            keeper.save(model, level)
        levels.append(level)
    noise, smoothing = zip(*((level["noise"], np.mean(level["smoothing"])) for level in levels))
    record = {
        "title": "Figure 13",
        "backend": keras.backend.backend(),
        "weights": source,
        "recipe": {"name": recipe_name, **dataclasses.asdict(recipe)},
        "steps": steps,
        "images": min(IMAGES, len(test)),
        "levels": levels,
        "rank_correlation": _rank_correlation(noise, smoothing),
    }
    return record, {}, None


def _tune(model, task, recipe, steps, train, validation, options):
    from diffnet_tf import data, training

    print(f"{100 * task.noise:g} % noise:", flush=True)
    trained = training.fit(
        model,
        train,
        recipe,
        steps=steps,
        seed=options.seed,
        noise=task.noise,
        validation=data.GrayImages(validation.pixels[:64]),
        checkpoint_dir=options.checkpoint_dir / f"{task.noise:g}",
    )
    return trained.finished


def _look(model, task, test):
    """Mean |δt Σ ζ| and mean δt Σ ζ of each layer over the fixed images, and PSNR of all test images."""
    from diffnet_tf import data
    from diffnet_tf.physics import stencil

    fixed = np.unique(np.linspace(0, len(test) - 1, IMAGES).astype(int))
    inputs, _ = networks.test_pairs(task, data.GrayImages(test.pixels[fixed]))
    sums = [dt * np.asarray(stencil.smoothing(f)) for dt, f in zip(model.time_steps, model.filters(inputs))]
    _, _, summary = networks.measured(model, *networks.test_pairs(task, test))
    return {
        "smoothing": [float(np.abs(s).mean()) for s in sums],
        "signed": [float(s.mean()) for s in sums],
        "results": summary,
    }


def _rank_correlation(a, b):
    from scipy import stats

    return float(stats.spearmanr(a, b).statistic) if len(a) > 2 else None


class _Keeper:
    """Keeps finished levels beside the run, so that a stopped one goes on with the level it was stopped in."""

    def __init__(self, directory, configuration):
        self.directory, self.configuration = files.check_writable(directory), configuration

    def load(self, model, noise):
        """The finished level, its weights put into the model; None where it is still to do."""
        path = self.directory / f"{noise:g}.json"
        if not path.exists():
            return None
        kept = json.loads(path.read_text())
        if kept["configuration"] != self.configuration:
            raise ValueError(f"{path} is of {kept['configuration']}, not of {self.configuration}: delete it first.")
        model.load_weights(self.directory / f"{noise:g}.weights.h5")
        return kept["level"]

    def save(self, model, level):
        model.save_weights(self.directory / f"{level['noise']:g}.weights.h5")
        kept = {"configuration": self.configuration, "level": level}
        files.write_json(self.directory / f"{level['noise']:g}.json", kept)


@figures.styled
def draw(record, arrays):
    """Smoothing of every layer and of all against the noise; beside it what each network reaches."""
    figure, axes = figures.plots(1, 2, caption(record))
    levels = record["levels"]
    noise = [100 * level["noise"] for level in levels]
    layers = np.array([level["smoothing"] for level in levels])
    for k in range(layers.shape[1]):
        axes[0, 0].plot(noise, layers[:, k], ".-", linewidth=0.8, markersize=3, label=f"layer {k + 1}")
    axes[0, 0].plot(noise, layers.mean(axis=1), "o-", color="black", markersize=4, label="mean of the layers")
    axes[0, 0].set(xlabel="noise in % of the range", ylabel="mean |δt Σ ζ|")
    axes[0, 0].set_ylim(0, 1.45 * layers.max())  # room for the legend above the lines
    axes[0, 0].legend(loc="upper left", ncols=2)
    axes[0, 1].plot(noise, [level["results"]["psnr"]["mean"] for level in levels], "o-", color="black", markersize=4)
    axes[0, 1].set(xlabel="noise in % of the range", ylabel="mean test PSNR in dB")
    return figure


def caption(record):
    """What is shown, and where it comes from."""
    correlation = record["rank_correlation"]
    rank = "" if correlation is None else f"; rank correlation with the noise {correlation:.2f}"
    return (
        f"{record['title']}: left, the mean of |δt Σ ζ|, the smoothing part of every layer, over {record['images']} "
        f"fixed test images{rank}. Right, the mean PSNR of {record['levels'][0]['results']['psnr']['n']} test images. "
        f"Each level fine-tuned from the one before for {record['steps']:,} steps (budget {record['budget']}, seed "
        f"{record['seed']}); the first: {weights.described([record['weights']])} Tested on {record['source']} "
        f"({record['test_data']}). {record['note'] or ''}"
    )


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
