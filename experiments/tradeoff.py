"""Section 5.2: how many layers, and how deep an estimator? The paper's network and others, trained alike.

Paper: 5 diffusion layers with an estimator of 4 layers are the best trade-off between quality and size; more layers
gain little. The paper does not print numbers. Here "little" is at most 1 dB, and fewer layers should lose more.

    python -m experiments.tradeoff --budget quick  # about 5 min on 2 cores
    python -m experiments.tradeoff --budget cpu --source stl10_binary --data-dir DIR  # about an hour
"""

import dataclasses
import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import conditions, measure, networks, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import DEVICES, IMAGES
from experiments.lib.run import main

NAME = "tradeoff"
TITLE = "Layers and depth"
OPTIONS = ("budget", "steps", *DEVICES, *IMAGES)  # it has seeds of its own
TASK = Task("inverse", 0.0)
PAPERS = (5, 4)  # diffusion layers, layers of the estimator
MORE, FEWER = ((7, 4), (5, 5)), ((3, 4), (5, 3))
SEEDS = 3
LITTLE = verdicts.SIZE  # dB
BUDGETS = study.budgets(1, 300, 7_000)  # smoke and quick: of one seed


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    layers: int
    depth: int
    seed: int
    name = property(lambda self: f"DiffNet-{self.layers}-{self.depth}-{self.seed}")


def parts(options):
    """A training of each size, the first seeds of all first."""
    images = [options.images(split, BUDGETS[options.budget][2]) for split in ("train", "validation", "test")]
    seeds = SEEDS if options.budget not in verdicts.SHORT else 1
    runs = [Run(*size, seed) for seed in range(seeds) for size in (PAPERS, *FEWER, *MORE)]
    train = functools.partial(_train, options=options, images=images)
    steps = BUDGETS[options.budget][1]
    return [study.part(run, train, steps, **dataclasses.asdict(TASK)) for run in runs]


def _train(run, options, images):
    from diffnet_tf import models

    name, steps, _ = BUDGETS[options.budget]
    train, validation, test = images

    def make(recipe):
        return models.DiffNet(run.layers, run.depth, initial_scale=recipe.initial_scale)

    about = {"seed": run.seed, "name": run.name, "validation": validation[: study.VALIDATION]}
    recipe = networks.recipe_for("DiffNet", name, TASK)
    trained = study.train(options, make, recipe, train, steps=steps, **about, **dataclasses.asdict(TASK))
    return study.tested(trained, *measure.pairs(TASK, test))


def gather(runs, root):
    """The longest run of each training, and the PSNR of every test image."""
    kept = study.most_steps(runs, study.LEFT_OUT)
    arrays = {f"psnr_{run['name']}": np.float32(run.pop("psnr")) for run in kept}
    return study.Result({"runs": [{k: v for k, v in run.items() if k != "ssim"} for run in kept]}, arrays)


@figures.styled
def draw(record, arrays):
    """Mean test PSNR against the number of parameters, one dot for each seed, one label for each size."""
    figure, axes = figures.plots(1, 1, caption(record), width=4.5)
    axis = axes[0, 0]
    for size, runs in _sizes(record).items():
        means = [run["results"]["psnr"]["mean"] for run in runs]
        colour = figures.LINES[size == PAPERS]
        axis.plot([runs[0]["parameters"] / 1_000] * len(means), means, "o", color=colour, markersize=4)
        name = f"{size[0]} layers, depth {size[1]}"
        axis.annotate(
            name, (runs[0]["parameters"] / 1_000, np.mean(means)), (6, 0), textcoords="offset points", va="center"
        )
    axis.set(xlabel="parameters in thousands", ylabel="mean test PSNR in dB")
    axis.margins(x=0.35, y=0.15)
    return figure


def caption(record):
    """The caption: what is shown, and how to read it."""
    run = record["runs"][0]
    return (
        f"{record['title']}: is the paper's DiffNet (orange) the best trade-off between quality and size? Networks of "
        f"five sizes, trained alike without noise; mean PSNR of {run['results']['psnr']['n']} test images, a dot for "
        "each seed."
    )


def alt(record):
    """The alt text: what is seen."""
    told = []
    for (layers, depth), runs in _sizes(record).items():
        mean = np.mean([run["results"]["psnr"]["mean"] for run in runs])
        told.append(f"{layers} layers of depth {depth} at {mean:.1f} dB")
    return f"Groups of dots, PSNR against the number of parameters: {'; '.join(told)}."


def _sizes(record):
    """(layers, depth) → trainings."""
    found = {}
    for run in record["runs"]:
        found.setdefault((run["layers"], run["depth"]), []).append(run)
    return found


# ---- Claims ----------------------------------------------------------------------------------------------------------


def against(sizes, judge):
    """Compare the paper's size with others on the test images, and join the answers."""

    def check(record, arrays):
        trained = _sizes(record)
        if not {PAPERS, *sizes} <= trained.keys():
            raise verdicts.NotRun("not all sizes")
        psnr = {size: np.stack([arrays[f"psnr_{run['name']}"] for run in runs]) for size, runs in trained.items()}
        gaps = {size: verdicts.difference(psnr[PAPERS], psnr[size]) for size in sizes}
        text = "; ".join(
            f"{gap:+.2f} dB against {layers} layers of depth {depth}" for (layers, depth), gap in gaps.items()
        )
        used = [run for size in (PAPERS, *sizes) for run in trained[size]]
        n = verdicts.count(psnr[PAPERS].shape[1], used)
        answers = [judge(gap, trained[PAPERS], trained[size]) for size, gap in gaps.items()]
        same = len({conditions.size(run) for run in used}) == 1
        answer = verdicts.agreed(answers) if same else verdicts.Unsure("not trained equally")
        return verdicts.finding(record, text, answer, n, used)

    return check


CLAIMS = (
    Claim(
        "more layers or a deeper estimator gain little",
        f"≤ {LITTLE:g} dB",
        against(MORE, lambda gap, *sides: verdicts.reaches(gap, -LITTLE, *sides)),
        "Sec. 5.2",
    ),
    Claim(
        "fewer layers or a shallower estimator lose more",
        f"> {LITTLE:g} dB",
        against(FEWER, lambda gap, *sides: verdicts.reaches(gap, LITTLE, *sides)),
        "Sec. 5.2",
    ),
)

if __name__ == "__main__":
    main(__file__)
