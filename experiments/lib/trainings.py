"""Experiments of many trainings: each finished one is a JSON record of its own in `runs/`, and is not repeated.

Stopped and started again, with a part chosen by --only, or with another number of steps, an experiment trains what has
no record yet and then gathers all there are.
"""

import dataclasses
import json

from diffnet_tf import files
from experiments.lib import records

RUNS = "runs"  # the folder, in that of the experiment
LEFT_OUT = ("psnr", "ssim", "versions", *records.OF_THE_RUN)


def train_missing(plan, options, train):
    """Train the runs of a plan that --only names and that have no record of this number of steps.

    Args:
        plan: objects with a `name`.
        options: of the experiment.
        train: run → its record, or None when it was stopped by Ctrl-C.

    Returns:
        False when one was stopped.
    """
    from diffnet_tf.training import checkpoint

    files.check_writable(options.directory / RUNS)
    gathered(options)  # refuses what does not belong together before hours of training, not after
    for run in plan:
        record = path(run, options)
        if options.wants(run.name) and not record.exists():
            print(f"{run.name}:", flush=True)
            result = train(run)
            if result is None:
                return False
            files.write_json(record, result)
            checkpoint.remove(options.checkpoint_dir)
    return True


def path(run, options):
    """Where the record of a run is, or will be."""
    return options.directory / RUNS / f"{run.name}-{options.stamp.replace(' ', '-')}.json"


def gathered(options):
    """The records of all finished runs, by the names of their files.

    Raises:
        ValueError: when one is of other images.
    """
    found = []
    for kept in sorted((options.directory / RUNS).glob("*.json")):
        run = json.loads(kept.read_text())
        check_same(run, options, kept)
        found.append(run)
    return found


def check_same(run, options, kept):
    """Refuse the record of a run on other images: it would be taken for one of these."""
    here = options.provenance()
    for key in ("source", "data", "test_data"):
        if run[key] != here[key]:
            raise ValueError(
                f"{kept} has {key}={run[key]!r}; expected {here[key]!r}. Give the same images or another --results_dir."
            )


def described(run, options, recipe_name, recipe):
    """What a record says of a run before its results: the run, and where it comes from."""
    return {
        "name": run.name,
        **dataclasses.asdict(run),
        "budget": options.stamp,
        **options.provenance(),
        "recipe": {"name": recipe_name, **dataclasses.asdict(recipe)},
    }


def results(model, trained, values, summary):
    """What a record says of a finished training: its cost, and the quality of every test image."""
    return {
        "training_seconds": round(trained.seconds, 1),
        "results": summary,
        "psnr": [round(float(value), 4) for value in values["psnr"]],
        "ssim": [round(float(value), 6) for value in values["ssim"]],
        "parameters": model.count_params(),
    }


def most_steps(runs, left_out=LEFT_OUT):
    """Of each name the run that was given most steps, without the values of single images, times and machines."""
    best = {}
    for run in runs:
        kept = best.get(run["name"])
        if kept is None or run["steps"] > kept["steps"]:
            best[run["name"]] = {key: value for key, value in run.items() if key not in left_out}
    return list(best.values())
