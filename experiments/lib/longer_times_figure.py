"""The figure of `longer_times`: PSNR against training time, a panel for each problem."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions

TITLES = {"inverse": "Undo the diffusion", "forward": "Learn the diffusion"}
LABELS = {"ten": "10 layers of their own", "fixed-point": "fixed point (given the diffusion)"}
STYLES = {"ten": "o-", "shared-10": "^-", "shared-20": "s-", "shared-40": "v-"}


@figures.styled
def draw(record, arrays):
    """Lines: the validation PSNR of each training; dashed, the fixed point on the test images."""
    figure, axes = figures.plots(1, 2, caption(record))
    for axis, (problem, title) in zip(axes.flat, TITLES.items()):
        axis.set_title(title)
        runs = [run for run in record["runs"] if run["problem"] == problem and not run["seed"]]
        if not runs:
            figures.not_run(axis)
        for run in runs:
            if run["method"] == "fixed-point":
                axis.axhline(run["results"]["psnr"]["mean"], color=figures.GRAY, linestyle="--", label=label(run))
                continue
            psnr = [row.get("val_psnr", np.nan) for row in run["history"]]
            colour = figures.LINES[list(STYLES).index(run["method"])]
            minutes = np.array(record["times"][run["name"]]) / 60
            axis.plot(minutes, psnr, STYLES[run["method"]], color=colour, label=label(run), markersize=3)
        axis.set(xlabel="minutes of training", ylabel="PSNR in dB, validation images")
    entries = {}
    for axis in axes.flat:
        entries |= dict(zip(*axis.get_legend_handles_labels()[::-1]))
    figure.legend(entries.values(), entries, loc="outside upper center", ncols=3, columnspacing=1)
    return figure


def label(run):
    """A run in words."""
    return LABELS.get(run["method"], f"one layer, {run['method'].split('-')[-1]} times")


def caption(record):
    """The caption: what is shown, and how to read it."""
    tested = next(run["results"]["psnr"]["n"] for run in record["runs"])
    return (
        f"{record['title']}: does one layer, applied again and again, learn T = 2 better than ten? Markers: PSNR of "
        f"validation images in training. Mean PSNR of {captions.count(tested, 'test image')}: {means(record)}."
    )


def means(record):
    """The mean PSNR of all runs on the test images, in words."""
    words = []
    for problem in TITLES:
        runs = [run for run in record["runs"] if run["problem"] == problem and not run["seed"]]
        listed = ", ".join(f"{run['method'].replace('-', ' ')} {run['results']['psnr']['mean']:.2f}" for run in runs)
        words += [f"{problem}: {listed} dB"] if runs else []
    return "; ".join(words)


def alt(record):
    """The alt text: what is seen."""
    return (
        "Two plots of PSNR against minutes of training, with a rising line for each network, and for the inverse a "
        f"dashed line for the fixed point. On the test images the networks end at: {means(record)}."
    )
