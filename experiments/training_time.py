"""Section 5.2: the time of a training step of the U-Net and of DiffNet, with the paper's protocol.

Paper: for the same number of steps, 75 minutes for DiffNet and about 3 hours for the U-Net, 2.4 times as long, on a
Titan Xp. Here both are trained in turn for a few steps of 16 whole images. The time of a step does not depend on the
data.

    python -m experiments.training_time  # about 2 min on 2 cores
"""

import functools
import time

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, networks, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "training-time"
TITLE = "Training time"
OPTIONS = ("budget", "seed", *IMAGES)
TASK = Task("inverse", 0.0)
NETWORKS = {"DiffNet": "DiffNet", "UNet": "U-Net"}
NEAR = 0.25  # of the paper's ratio
MINUTES = {"DiffNet": 75, "UNet": 180}  # the paper's
BUDGETS = {"smoke": (1, 2), "quick": (5, 2), "cpu": (5, 4), "paper": (5, 20)}  # turns; steps of each, after two others


def compute(options):
    """Train both by turns, always anew: the first two steps compile, the others are timed."""
    import keras

    from diffnet_tf import models, training

    turns, steps = BUDGETS[options.budget]
    images = options.images("train", 64)
    seconds, parameters = {name: [] for name in NETWORKS}, {}
    for _ in range(turns):
        for name in NETWORKS:
            recipe = networks.recipe_for(name, "paper", TASK)[1]
            keras.utils.set_random_seed(options.seed)
            model = getattr(models, name)()  # both in float32
            ended = []
            clock = keras.callbacks.LambdaCallback(on_train_batch_end=functools.partial(_note, ended))
            training.fit(model, images, recipe, steps=2 + steps, seed=options.seed, callbacks=[clock], noise=TASK.noise)
            seconds[name].append((ended[-1] - ended[1]) / steps)
            parameters[name] = model.count_params()
    record = {
        "steps_timed": steps,
        "batch": recipe.batch_size,
        "backend": keras.backend.backend(),
        "dtype": model.dtype_policy.name,
        "parameters": parameters,
        "seconds_per_step": seconds,
    }
    return study.Result(record)


def _note(ended, batch, logs=None):
    ended.append(time.perf_counter())


def ratios(record):
    """How many times as long a step of the U-Net took, turn by turn."""
    return np.array(record["seconds_per_step"]["UNet"]) / np.array(record["seconds_per_step"]["DiffNet"])


@figures.styled
def draw(record, arrays):
    """Seconds per step, a dot for each turn."""
    figure, axes = figures.plots(1, 1, caption(record), width=3.4, height=2.2)
    axis = axes[0, 0]
    for place, (name, colour) in enumerate(zip(NETWORKS, figures.LINES)):
        seconds = record["seconds_per_step"][name]
        axis.plot([place] * len(seconds), seconds, "o", color=colour, markersize=4)
    axis.set(xlim=(-0.5, 1.5), ylim=(0, None), ylabel="seconds per step", xticks=range(len(NETWORKS)))
    axis.set_xticklabels(NETWORKS.values())
    return figure


def _cores(record):
    return captions.count(record["hardware"]["cores"], "core")


def caption(record):
    """The caption: what is shown, and what it means."""
    return (
        f"{record['title']}: on {_cores(record)}, a step of {record['batch']} whole images takes the U-Net "
        f"{np.median(ratios(record)):.1f} times as long as DiffNet. The paper's trainings took 75 minutes and about "
        "3 hours on a GPU."
    )


def alt(record):
    """The alt text: what is seen."""
    means = [np.median(record["seconds_per_step"][name]) for name in NETWORKS]
    return (
        f"Dots for two networks on an axis of seconds per step that starts at 0: DiffNet at {means[0]:.2f}, the U-Net "
        f"at {means[1]:.2f}. The dots of one network lie on each other."
    )


def longer(record, arrays):
    """The U-Net's training takes longer, step by step."""
    found = ratios(record)
    text = f"{np.median(found):.1f} × ({found.min():.1f} to {found.max():.1f}) on {_cores(record)}"
    return verdicts.finding(record, text, verdicts.of_each_seed(found > 1), f"{len(found)} turns", budget="benchmark")


def as_much_longer(record, arrays):
    """It takes 2.4 times as long, within a quarter."""
    found = ratios(record)
    near = np.abs(found * MINUTES["DiffNet"] / MINUTES["UNet"] - 1) <= NEAR
    text = f"{np.median(found):.1f} × ({found.min():.1f} to {found.max():.1f}) on {_cores(record)}"
    return verdicts.finding(record, text, verdicts.of_each_seed(near), f"{len(found)} turns", budget="benchmark")


CLAIMS = (
    Claim("training the U-Net takes longer than DiffNet", "3 h against 75 min", longer, "Sec. 5.2"),
    Claim(
        "training the U-Net takes about 2.4 times as long as DiffNet",
        f"2.4 × ± {100 * NEAR:g} %",
        as_much_longer,
        "Sec. 5.2",
    ),
)

if __name__ == "__main__":
    main(__file__)
