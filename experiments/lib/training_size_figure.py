"""The figure of `fig10_training_size`: PSNR against the number of training images. NumPy and Matplotlib only."""

import dataclasses
import itertools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, verdicts
from experiments.lib.measure import Task

TASKS = (Task("forward"), Task("inverse", 0.0), Task("inverse", 0.001), Task("inverse", 0.01))
NETWORKS = {"DiffNet": "DiffNet", "UNet": "U-Net"}
REGIMES = {"fly": "drawn anew", "stored": "stored pairs"}
STYLES = {"fly": "-", "stored": "--"}
PAPER = {("inverse", 0.0): 63.72, ("inverse", 0.01): 34.21}  # dB, DiffNet with 90,000 images


def points(runs, network, task, regime="fly"):
    """(sizes, mean PSNR of each seed, budgets) of one line, sizes increasing."""
    line = (network, dataclasses.asdict(task), regime)
    chosen = [run for run in runs if (run["network"], run["task"], run.get("regime", "fly")) == line]
    found = {}
    for run in sorted(chosen, key=lambda run: run["size"]):
        found.setdefault(run["size"], []).append(run)
    psnr = [[run["results"]["psnr"]["mean"] for run in at_size] for at_size in found.values()]
    return list(found), psnr, [verdicts.budgets(at_size) for at_size in found.values()]


@figures.styled
def draw(record, arrays):
    """A panel a task; a line a network through the means over seeds, a band from the worst to the best seed."""
    figure, axes = figures.plots(2, 2, caption(record))
    markers = dict(zip(sorted({run["budget"] for run in record["runs"]}), "os^vD*"))
    sizes_of_all = [run["size"] for run in record["runs"]]
    for axis, task in zip(axes.flat, TASKS):
        axis.set(xscale="log", xlabel="training images", ylabel="mean test PSNR in dB", title=task.words)
        axis.set_xlim(min(sizes_of_all) / 1.5, max(sizes_of_all) * 1.5)
        if all(run["task"] != dataclasses.asdict(task) for run in record["runs"]):
            figures.not_run(axis)
            continue
        for colour, (regime, network) in zip(2 * figures.LINES[:2], itertools.product(REGIMES, NETWORKS)):
            _line(axis, points(record["runs"], network, task, regime), colour, STYLES[regime], markers)
        paper = PAPER.get((task.problem, task.noise))
        if paper:
            axis.axhline(paper, color="black", linewidth=0.6, linestyle=":")
            axis.text(0.02, paper, "paper's DiffNet", transform=axis.get_yaxis_transform(), va="bottom", fontsize=6)
        axis.margins(y=0.12)
    entries = [(label, {"color": colour}) for colour, label in zip(figures.LINES, NETWORKS.values())]
    regimes = [regime for regime in REGIMES if any(run.get("regime", "fly") == regime for run in record["runs"])]
    if len(regimes) > 1:
        entries += [(REGIMES[regime], {"color": "black", "linestyle": STYLES[regime]}) for regime in regimes]
    for budget, marker in markers.items():
        label = budget if budget.endswith("steps") else f"budget {budget}"
        entries.append((label, {"color": "black", "marker": marker, "linestyle": ""}))
    figures.key(axes[0, 0], entries, loc="best")
    return figure


def _line(axis, of, colour, style, markers):
    """The means over seeds with a band from the worst to the best seed; a marker says the budget of each."""
    sizes, psnr, budgets = of
    means = [np.mean(values) for values in psnr]
    axis.plot(sizes, means, color=colour, linestyle=style)
    axis.fill_between(sizes, *([f(v) for v in psnr] for f in (min, max)), color=colour, alpha=0.25, linewidth=0)
    for size, mean, budget in zip(sizes, means, budgets):
        axis.plot(size, mean, markers.get(budget, "P"), color=colour, markersize=4)


def caption(record):
    """What is shown, and where it comes from."""
    runs, trained = record["runs"], []
    for regime, network in itertools.product(REGIMES, NETWORKS):
        of = [run for run in runs if (run["network"], run.get("regime", "fly")) == (network, regime)]
        if of:
            stored = " on stored pairs" if regime == "stored" else ""
            trained.append(f"{len(of)} of {NETWORKS[network]}{stored}, up to {max(run['steps'] for run in of):,} steps")
    seeds = captions.count(len({run["seed"] for run in runs}), "seed")
    return (
        f"{record['title']}: mean PSNR of {runs[0]['results']['psnr']['n']} test images against the number of "
        f"training images. Trainings: {'; '.join(trained)}; stopped when validation no longer improves. "
        f"Bands: {seeds}, which also choose the images. {captions.source(record)}"
    )
