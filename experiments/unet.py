"""The U-Net: its trainings for the paper's four tasks, which Figures 8, 9 and 10 and other experiments draw from.

Every training is a record of its own, see `lib.unets`; the longest were made on an NVIDIA H200. Weights are not kept.
results/unet/networks.patch is how the code there differed from the commit that these records name.

    python -m experiments.unet --budget quick  # about 10 min on 2 cores
    python -m experiments.unet --budget cpu --source stl10_binary --data_dir DIR  # about 4 h
    python -m experiments.unet --budget cpu … --only UNet-forward  # one of the tasks
"""

import dataclasses

from diffnet_tf import figures
from experiments.lib import captions, study
from experiments.lib.measure import Task
from experiments.lib.run import main
from experiments.lib.unets import BUDGETS, Run, about, longest, made, opened, part, trainings, words

__all__ = ["BUDGETS", "Run", "about", "longest", "made", "opened", "part", "trainings", "words"]

NAME = "unet"
TITLE = "The U-Net"
TASKS = (Task("forward"), Task("inverse", 0.0), Task("inverse", 0.001), Task("inverse", 0.01))
CLAIMS = ()


def parts(options):
    """One training for each task, on all images."""
    images = opened(options)
    return [part(options, task, images) for task in TASKS]


def gather(runs, root):
    """All trainings, with their validations."""
    kept = ("name", "task", "stopped_early", "history", "parameters", "results")
    return study.Result({"runs": [{key: run[key] for key in kept if key in run} | about(run) for run in runs]})


@figures.styled
def draw(record, arrays):
    """A panel a task: validation PSNR against steps, a line a training; a dot is the best, or all that was kept."""
    figure, axes = figures.plots(1, len(TASKS), caption(record), width=2.2, height=2.3)
    sizes = sorted({run["size"] for run in record["runs"]}, reverse=True)
    colours = {size: figures.LINES[k % len(figures.LINES)] for k, size in enumerate(sizes)}
    for axis, task in zip(axes[0], TASKS):
        axis.set(xscale="log", xlabel="steps", title=task.words)
        runs = [run for run in record["runs"] if run["task"] == dataclasses.asdict(task)]
        if not runs:
            figures.not_run(axis)
        for run in runs:
            curve = [(row["step"], row["val_psnr"]) for row in run.get("history", ())]
            axis.plot(*zip(*curve), color=colours[run["size"]]) if curve else None
            axis.plot(run["steps"], run["validation_psnr"], "o", color=colours[run["size"]], markersize=3.5)
        axis.margins(x=0.15)
    axes[0, 0].set_ylabel("validation PSNR in dB")
    entries = [(f"{size:,} images", {"color": colour}) for size, colour in colours.items()]
    figures.key(axes[0, 0], entries, loc="lower right")
    return figure


def caption(record):
    """What is shown, the test PSNR of the longest training for each task, and where they come from."""
    found = []
    for task in TASKS:
        runs = [run for run in record["runs"] if run["task"] == dataclasses.asdict(task)]
        if runs:
            run = max(runs, key=lambda run: (run["size"], run["steps"]))
            found.append((f"{task.words} {run['results']['psnr']['mean']:.2f} dB", words(run)))
    trained = "; ".join(dict.fromkeys(text for _, text in found))
    number = record["runs"][0]["results"]["psnr"]["n"]
    return (
        f"{record['title']}: validation PSNR against steps. Mean PSNR of {number} test images after the longest "
        f"training: {', '.join(text for text, _ in found)}. {trained}. {captions.source(record)}"
    )


if __name__ == "__main__":
    main(__file__)
