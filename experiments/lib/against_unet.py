"""DiffNet compared with the U-Net: their trainings in a results folder, and the paper's claims about the difference.

DiffNet's trainings are those of Figures 6, 7 and 10, of the forward problem and of 0.1 % noise. Those of the U-Net are
kept by the experiment `unet`. Values are averaged over seeds, and differences are paired, image by image. NumPy only.
"""

import functools

import numpy as np

from experiments.lib import conditions, seeds, study, verdicts
from experiments.lib.ledger import Claim

LONG_TRAININGS = {  # (problem, noise) → the experiment that trains DiffNet for long, on all images
    ("forward", 0.0): "forward",
    ("inverse", 0.0): "fig06",
    ("inverse", 0.001): "inverse-0.1pct",
    ("inverse", 0.01): "fig07",
}
OF_A_TRAINING = (
    "budget",
    "seed",
    "steps",
    "recipe",
    "parameters",
    "source",
    "data",
    "test_data",
    "image_sets",
    "commit",
)
REGIMES = ("stored", "fly")  # the paper's first
FEW = (10, 100)  # images: "small amounts of data"


def trainings(root):
    """All trainings of both networks: a list of records with task, size, seed, recipe, steps and psnr (n,)."""
    return ([*study.finished(root / "fig10"), *study.finished(root / "unet"), *long_trainings(root)],)


def long_trainings(root):
    """Those of DiffNet on all images, in the form of Figure 10's: a list of records."""
    found = []
    for (problem, noise), name in LONG_TRAININGS.items():
        try:
            of_seeds = seeds.trainings(name, root)
        except FileNotFoundError:
            continue
        for record, arrays in of_seeds:
            if not {"recipe", "training_images"} <= record.keys() or conditions.task(record) != (problem, noise):
                continue  # somebody's other record
            size = record["training_images"]
            more = {"network": "DiffNet", "task": {"problem": problem, "noise": noise}, "size": size}
            more["name"] = f"long-DiffNet-{problem}-{noise:g}-{size}-{record['seed']}"
            more |= {key: record[key] for key in OF_A_TRAINING if key in record}
            found.append(more | {"results": record["results"]["diffnet"], "psnr": arrays["psnr_diffnet"]})
    return found


def longest(runs, network, task, size=None, regime="fly"):
    """The trainings of a network for a task that saw the most pixels, with all seeds.

    Args:
        runs: see `trainings`.
        network: "DiffNet" or "UNet".
        task: (problem, noise).
        size: number of training images; None takes the largest.
        regime: "fly", examples made anew; or "stored", the paper's stored pairs.

    Raises:
        verdicts.NotRun: where there are none.
    """
    mine = [run for run in runs if (run["network"], regime_of(run)) == (network, regime)]
    mine = [run for run in mine if conditions.task(run) == task]
    size = size or max((run["size"] for run in mine), default=0)
    mine = [run for run in mine if run["size"] == size]
    if not mine:
        raise verdicts.NotRun(f"no {network} for {task} with {size} images")
    most = max(mine, key=conditions.pixels)
    return [run for run in mine if run["recipe"] == most["recipe"] and run["steps"] == most["steps"]]


def regime_of(run):
    """How a training got its examples: "fly" where an older record does not say."""
    return run.get("regime", "fly")


def psnr(runs):
    """PSNR of every test image: (seeds, n)."""
    return np.array([run["psnr"] for run in runs], "float64")


def _difference(runs, task, size=None, regime="fly"):
    """(`Interval` of DiffNet − U-Net, trainings of both, words, n)."""
    ours = longest(runs, "DiffNet", task, size, regime)
    theirs = longest(runs, "UNet", task, ours[0]["size"], regime)
    if len(ours[0]["psnr"]) != len(theirs[0]["psnr"]):
        raise verdicts.NotRun("they were tested on other images")
    gap, means = verdicts.difference(psnr(ours), psnr(theirs)), (psnr(ours).mean(), psnr(theirs).mean())
    text = f"{gap:+.2f} dB: {means[0]:.2f} − {means[1]:.2f}"
    return gap, ours, theirs, text, verdicts.count(len(ours[0]["psnr"]), [*ours, *theirs])


def ahead(task, sign, runs):
    """DiffNet is ahead of the U-Net over all test images (sign 1), or behind (−1)."""
    gap, ours, theirs, text, n = _difference(runs, task)
    gap = gap if sign > 0 else verdicts.Interval(-gap.value, -gap.high, -gap.low)
    return verdicts.compared(ours[0], ours, theirs, text, verdicts.ahead(gap, ours, theirs), n)


def has_the_size(task, paper, runs):
    """The difference is within ±1 dB of the paper's."""
    gap, ours, theirs, text, n = _difference(runs, task)
    return verdicts.compared(ours[0], ours, theirs, text, verdicts.within(gap, paper), n)


def ahead_with_few(task, runs):
    """With 10 and with 100 training images DiffNet is ahead of the U-Net: on stored pairs, as in the paper, if there
    are such trainings."""
    for regime in REGIMES:
        try:
            found = [_difference(runs, task, size, regime) for size in FEW]
        except verdicts.NotRun:
            continue
        answers, texts, used = [], [], []
        for size, (gap, ours, theirs, text, _) in zip(FEW, found):
            fair, words = conditions.alike(ours, theirs)
            answers.append(verdicts.ahead(gap, ours, theirs) if fair else verdicts.Unsure("not trained equally"))
            texts.append(f"{size} images: {text}; {words}")
            used += [*ours, *theirs]
        n = verdicts.count(len(used[0]["psnr"]), used)
        return verdicts.finding(used[0], "; ".join(texts), verdicts.agreed(answers), n, used)
    raise verdicts.NotRun("no trainings of both with few images")


def claim(text, paper, check, where, *arguments):
    """A `Claim` on all trainings of both networks."""
    return Claim(text, paper, functools.partial(check, *arguments), where, load=trainings)
