"""The U-Net: its trainings for the paper's four tasks, which Figures 8, 9 and 10 and other experiments use.

Every training leaves its own record, see `lib.unets`; weights are not kept. The longest trainings were made on an
NVIDIA H200: results/unet/networks.patch shows how the code differed from the commit in these records. Their scripts did
not record hashes of the images; their gray pixels are equal to those of the sets listed under "imported".

    python -m experiments.unet --budget quick  # about 10 min on 2 cores
    python -m experiments.unet --budget cpu --source stl10_binary --data-dir DIR  # about 50 min
    python -m experiments.unet --budget cpu … --only UNet-forward  # one task only
"""

import dataclasses
import itertools

from diffnet_tf import figures
from experiments.lib import study
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES, TRAINING
from experiments.lib.run import main
from experiments.lib.unets import BUDGETS, Run, about, longest, made, opened, part, trainings

__all__ = ["BUDGETS", "Run", "about", "longest", "made", "opened", "part", "trainings"]

NAME = "unet"
TITLE = "The U-Net"
OPTIONS = (*TRAINING, *IMAGES, "image")
TASKS = (Task("forward"), Task("inverse", 0.0), Task("inverse", 0.001), Task("inverse", 0.01))
CLAIMS = ()
LEAST = 3.0  # dB that an axis spans, so that a tenth does not look like much


def parts(options):
    """One training for each task, on all images."""
    images = opened(options)
    return [part(options, task, images) for task in TASKS]


def gather(runs, root):
    """All trainings, with their validations."""
    kept = ("name", "task", "stopped_early", "history", "parameters", "results")
    return study.Result({"runs": [{key: run[key] for key in kept if key in run} | about(run) for run in runs]})


def best(record):
    """(task, trainings for it, the longest of them or None) for every task."""
    for task in TASKS:
        runs = [run for run in record["runs"] if run["task"] == dataclasses.asdict(task)]
        yield task, runs, max(runs, key=lambda run: (run["size"], run["steps"]), default=None)


@figures.styled
def draw(record, arrays):
    """One panel for each task: validation PSNR against steps, one line for each training; its dot is the best value."""
    figure, axes = figures.plots(2, 2, caption(record), width=figures.WIDTH / 2, height=2.1)
    sizes, steps = ([run[key] for run in record["runs"]] for key in ("size", "steps"))
    colours = dict(zip(sorted(set(sizes), reverse=True), itertools.cycle(figures.LINES)))
    for axis, (task, runs, most) in zip(axes.flat, best(record)):
        axis.set(xscale="log", title=task.words, xlim=(min(steps) / 1.5, max(steps) * 1.5))
        if not runs:
            figures.not_run(axis)
            continue
        axis.set_title(f"{task.words}:\n{most['results']['psnr']['mean']:.2f} dB on test images")
        for run in runs:
            look = {"color": colours[run["size"]], "markersize": 3.5}
            curve = [(row["step"], row["val_psnr"]) for row in run.get("history", ())]
            if curve:
                axis.plot(*zip(*curve), **look)
            alike = run["recipe"] == most["recipe"]
            axis.plot(run["steps"], run["validation_psnr"], "o", fillstyle="full" if alike else "none", **look)
        figures.span(axis, LEAST)
    for axis in axes[-1]:
        axis.set_xlabel("steps")
    for axis in axes[:, 0]:
        axis.set_ylabel("validation PSNR in dB")
    entries = [(f"{size:,} images", {"color": colour}) for size, colour in colours.items()]
    figures.key(figure, entries, loc="outside upper center", ncols=3)
    return figure


def caption(record):
    """The caption: what is shown, and how to read it."""
    bare = any(not run.get("history") for run in record["runs"])
    no_curve = " Single dots: only the best value was recorded." if bare else ""
    return (
        f"{record['title']}: what does it reach, and has it stopped learning? PSNR of validation images during "
        f"training. Titles: mean test PSNR after the longest training. Hollow dots: another recipe.{no_curve}"
    )


def alt(record):
    """The alt text: what is seen."""
    told = [f"{task.words}, {most['results']['psnr']['mean']:.1f} dB" for task, _, most in best(record) if most]
    return (
        "Four panels, one for each task, with PSNR against the logarithm of the number of steps. Curves, where they "
        f"were kept, rise to the last step. After the longest training: {'; '.join(told)}."
    )


if __name__ == "__main__":
    main(__file__)
