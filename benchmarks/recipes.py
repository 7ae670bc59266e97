"""How fast recipes learn to undo diffusion without noise: python -m benchmarks.recipes --data-dir DIR --test-dir DIR

Trains every contestant with every seed, writes a record for each run into results/benchmarks/recipes (a run that has
one is not repeated), and draws PSNR against seconds. Recipes and numbers of steps were fixed beforehand, on validation
photographs, with one exception, "fast-63.72dB": 8,000 lies between 6,000 and 10,000 steps, whose results on the test
images were known. A training measures the test images once, at its end. The seconds are all of `fit`: tracing, making
pairs and validation too. The authors' recipe is stopped after twenty times the median time of "fast-50dB".
"""

import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib import ticker

from diffnet_tf import figures, files
from diffnet_tf.base import checks, command_line
from diffnet_tf.base.choices import SOURCES
from diffnet_tf.files import provenance

SEEDS = (0, 1, 2)
PAPER = 63.72  # dB, after 75 minutes of a Titan Xp
PATIENCE = 20  # times the time of TARGET that the authors' recipe is given
TARGET = "fast-50dB"


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A recipe, its number of steps (None: as many as the time allows) and its label."""

    label: str
    recipe: str
    steps: int | None
    validations: int = 4


CONTESTANTS = {
    TARGET: Contestant("recipe fast,\n560 steps", "fast", 560),
    "fast-63.72dB": Contestant("recipe fast,\n8,000 steps", "fast", 8_000, 8),
    "authors": Contestant("authors' recipe,\n800 steps", "authors", None, 8),
    "fast-hour": Contestant("recipe fast,\n72,000 steps", "fast", 72_000, 20),
}


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m benchmarks.recipes", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(CONTESTANTS)} (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="seeds of the trainings (default: 0 1 2)")
    parser.add_argument("--source", choices=SOURCES, default="stl10_binary", help="source of the images")
    parser.add_argument("--data-dir", required=True, help="folder with training images; the last tenth validates")
    parser.add_argument("--test-dir", required=True, help="folder with test images, all of them used")
    parser.add_argument("--results-dir", default="results/benchmarks", type=Path, help="folder for the records")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Train what has no record yet, and draw. Returns the exit status."""
    chosen = parser().parse_args(arguments)
    directory = files.check_writable(chosen.results_dir / "recipes")
    for name in chosen.names:
        checks.one_of(name, "name", tuple(CONTESTANTS))
    for name in chosen.names or CONTESTANTS:
        for seed in chosen.seeds:
            path = directory / f"{name}-{seed}.json"
            if not path.exists():
                result = _run(name, seed, chosen, _limit(directory) if CONTESTANTS[name].steps is None else None)
                if result is None:  # stopped by Ctrl-C
                    return 130
                files.write_json(path, result)
    figures.save(draw(load(directory)), chosen.results_dir / "recipes.png")


def load(directory):
    """All records of a folder, by contestant: name → list of dicts, one for each seed."""
    return {
        name: found
        for name in CONTESTANTS
        if (found := [json.loads(path.read_text()) for path in sorted(Path(directory).glob(f"{name}-?.json"))])
    }


def _limit(directory):
    times = [record["seconds"] for record in load(directory).get(TARGET, [])]
    if not times:
        raise FileNotFoundError(f"{directory} holds no record of {TARGET}, which limits the time: run it first.")
    return PATIENCE * float(np.median(times))


def _run(name, seed, chosen, limit):
    import keras

    from diffnet_tf import data, metrics, training
    from diffnet_tf.networks import models
    from diffnet_tf.training import recipes

    contestant = CONTESTANTS[name]
    recipe = recipes.get(contestant.recipe)
    train = data.open_images(chosen.source, chosen.data_dir, "train")
    validation = data.GrayImages(data.open_images(chosen.source, chosen.data_dir, "test").pixels[:64])
    test = data.open_images(chosen.source, chosen.test_dir, "all")
    steps = contestant.steps or 1_000_000  # the limit comes first
    every = steps // contestant.validations if contestant.steps else 100
    print(f"{contestant.label}, seed {seed}: {f'{limit:.0f} s' if limit else f'{steps:,} steps'}", flush=True)

    class Limit(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if limit and time.perf_counter() - start > limit:
                self.model.stop_training = True

    keras.utils.set_random_seed(seed)
    model = models.DiffNet(initial_scale=recipe.initial_scale)
    options = {"steps": steps, "seed": seed, "validation": validation, "validate_every": every}
    start = time.perf_counter()
    trained = training.fit(model, train, recipe, callbacks=[Limit()], **options)
    if not trained.finished and not limit:
        return None
    inputs, targets = data.paired_arrays(test)
    return {
        "contestant": name,
        "label": contestant.label,
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "steps": trained.steps,
        "seconds": round(trained.seconds, 2),
        "data": Path(chosen.data_dir).name,
        "test_data": Path(chosen.test_dir).name,
        "test_psnr": metrics.summary(metrics.psnr(targets, model.predict(inputs, batch_size=16, verbose=0))),
        "history": [{**row, "seconds": seconds} for row, seconds in zip(trained.history, trained.times)],
        "commit": provenance.commit(),
        "versions": provenance.versions(),
        "hardware": provenance.hardware(),
    }


@figures.styled
def draw(found):
    """PSNR of validation images against seconds, one line for each run, with the mean test PSNR as a dot."""
    first = next(iter(found.values()))[0]
    caption = (
        "How long does DiffNet take to learn to undo Perona–Malik diffusion without noise? Lines: 64 validation images "
        f"({first['data']}); dots: {first['test_psnr']['n']} test images ({first['test_data']}), measured once at the "
        "end. Three seeds each."
    )
    figure = figures.canvas(caption, figures.WIDTH, 3.4)
    axes = figure.add_subplot(xscale="log", xlabel="seconds of training on 2 cores", ylabel="mean PSNR in dB")
    for k, (name, runs) in enumerate(found.items()):
        for run in runs:
            rows = [(row["seconds"], row["val_psnr"]) for row in run["history"]]
            axes.plot(*zip(*rows), color=f"C{k}", alpha=0.6)
            axes.plot(run["seconds"], run["test_psnr"]["mean"], "o", color=f"C{k}", markeredgecolor="black")
        seconds = float(np.median([run["seconds"] for run in runs]))
        label = f"{CONTESTANTS[name].label}, {seconds:.0f} s"
        place = (max(run["seconds"] for run in runs), np.mean([run["test_psnr"]["mean"] for run in runs]))
        below = place[1] > PAPER  # of the line with the paper's number
        style = {"va": "top" if below else "center", "color": f"C{k}"}
        axes.annotate(label, place, (8, -7 * below), textcoords="offset points", **style)
    axes.axhline(PAPER, color="gray", linewidth=0.8, linestyle="--")
    axes.text(0.01, PAPER, f"the paper: {PAPER} dB", transform=axes.get_yaxis_transform(), va="bottom")
    axes.xaxis.set_major_locator(ticker.FixedLocator([10, 30, 100, 300, 1000]))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xlim(7, 2_500)
    axes.margins(y=0.12)
    return figure


if __name__ == "__main__":
    sys.exit(main())
