"""The figure of `fig10_training_size`: PSNR against the number of training images. NumPy and Matplotlib only.

It shows the authors' PSNR, mean over test batches, since it shows the paper's values too."""

import dataclasses
import itertools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, conditions, settings
from experiments.lib.measure import Task

TASKS = (Task("forward"), Task("inverse", 0.0), Task("inverse", 0.001), Task("inverse", 0.01))
NETWORKS = {"DiffNet": "DiffNet", "UNet": "U-Net"}
REGIMES = {"fly": "drawn anew", "stored": "stored pairs"}
STYLES = {"fly": "-", "stored": "--"}


LEAST = 3.0  # dB that an axis spans, so that a tenth does not look like much
LENGTHS = {  # how long a training was → its marker; only trainings of one length are joined by a line
    "long": ("longest training", {"marker": "*", "markersize": 8, "alpha": 0.75}),
    "enough": ("shorter training", {"marker": "o", "markersize": 4}),
    "short": ("too short to compare", {"marker": "o", "markersize": 4, "fillstyle": "none"}),
}


def length(run):
    """The length of a training, see `conditions`; if it was stopped early, by the steps of its budget."""
    seen = conditions.pixels(run | {"steps": run.get("given_steps") or run["steps"]})
    return "long" if seen >= conditions.LONG else "enough" if seen >= conditions.ENOUGH else "short"


def points(runs, network, task, regime="fly", of_length=None):
    """(sizes, the authors' PSNR of each seed in dB) of one line, sizes increasing; of one length, or of all."""
    line = (network, dataclasses.asdict(task), regime)
    chosen = [run for run in runs if (run["network"], run["task"], run.get("regime", "fly")) == line]
    found = {}
    for run in sorted(chosen, key=lambda run: run["size"]):
        if of_length in (None, length(run)):
            found.setdefault(run["size"], []).append(run["results"]["authors_psnr"]["mean"])
    return list(found), list(found.values())


@figures.styled
def draw(record, arrays):
    """One panel for each task; a line for each network through the means over seeds, in a band from worst to best."""
    figure, axes = figures.plots(2, 2, caption(record), width=figures.WIDTH / 2, height=2.4)
    sizes_of_all = [run["size"] for run in record["runs"]]
    for axis, task in zip(axes.flat, TASKS):
        axis.set(xscale="log", title=task.words)
        axis.set_xlim(min(sizes_of_all) / 1.5, max(sizes_of_all) * 1.5)
        if all(run["task"] != dataclasses.asdict(task) for run in record["runs"]):
            figures.not_run(axis)
            continue
        for colour, (regime, network) in zip(2 * figures.LINES[:2], itertools.product(REGIMES, NETWORKS)):
            for of_length, (_, look) in LENGTHS.items():
                of = points(record["runs"], network, task, regime, of_length)
                _line(axis, of, {"color": colour, "linestyle": STYLES[regime], **look})
        paper = settings.PAPER_PSNR.get(task.noise) if task.problem == "inverse" else None
        if paper:
            axis.axhline(paper, color="black", linewidth=0.6, linestyle=":")
            axis.text(0.02, paper, "paper's DiffNet", transform=axis.get_yaxis_transform(), va="bottom")
        axis.margins(y=0.12)
        figures.span(axis, LEAST)
    for axis in axes[-1]:
        axis.set_xlabel("training images")
    for axis in axes[:, 0]:
        axis.set_ylabel("authors' PSNR of the test in dB")
    figures.key(figure, _entries(record["runs"]), loc="outside upper center", ncols=3)
    return figure


def _entries(runs):
    """The entries of the legend: networks, regimes if there are two, and lengths."""
    entries = [(label, {"color": colour}) for colour, label in zip(figures.LINES, NETWORKS.values())]
    regimes = [regime for regime in REGIMES if any(run.get("regime", "fly") == regime for run in runs)]
    if len(regimes) > 1:
        entries += [(REGIMES[regime], {"color": "black", "linestyle": STYLES[regime]}) for regime in regimes]
    there = set(map(length, runs))
    return entries + [
        (label, {"color": "black", "linestyle": "", **look}) for key, (label, look) in LENGTHS.items() if key in there
    ]


def _line(axis, of, look):
    """The means over seeds with a band from the worst to the best seed."""
    sizes, psnr = of
    axis.plot(sizes, [np.mean(values) for values in psnr], **look)
    ends = ([end(values) for values in psnr] for end in (min, max))
    axis.fill_between(sizes, *ends, color=look["color"], alpha=0.25, linewidth=0)


def caption(record):
    """The caption: what is shown, and how to read it."""
    runs = record["runs"]
    seeds = captions.count(len({run["seed"] for run in runs}), "seed")
    return (
        f"{record['title']}: how many training images does DiffNet need? The authors' PSNR of "
        f"{runs[0]['results']['psnr']['n']} test images; bands go from the worst to the best of {seeds}. Compare only "
        f"points that a line joins, or equal markers.{_few_of_unet(runs)}"
    )


def _few_of_unet(runs):
    """A sentence if the U-Net has no line because it has at most one point with fewer than all images."""
    most = max(run["size"] for run in runs)
    few = {(str(run["task"]), run["size"]) for run in runs if run["network"] == "UNet" and run["size"] < most}
    if len(few) > 1:
        return ""
    return f" The U-Net has {'one' if few else 'no'} point with fewer than all images."


def alt(record):
    """The alt text: how DiffNet's line in each panel goes from few to many images."""
    seen = []
    for task in TASKS:
        for of_length in LENGTHS:
            sizes, psnr = points(record["runs"], "DiffNet", task, of_length=of_length)
            if len(sizes) > 1:
                ends = [np.mean(psnr[k]) for k in (0, -1)]
                seen.append(f"{task.words}, from {ends[0]:.1f} dB at {sizes[0]:,} to {ends[1]:.1f} dB at {sizes[-1]:,}")
    return (
        "Four panels, one for each task, with the number of training images on a logarithmic axis and PSNR "
        f"above it. DiffNet's lines: {'; '.join(seen) or 'none'}. Stars mark the longest trainings."
    )
