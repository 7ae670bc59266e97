"""Experiments of many trainings: each finished one is a JSON record of its own in `runs/`, and is not repeated.

Stopped and started again, with a part chosen by --only, or with another number of steps, an experiment trains what has
no record yet and then gathers all there are.
"""

import dataclasses
import json

from diffnet_tf import files, records

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
    from diffnet_tf import checkpoint

    files.check_writable(options.directory / RUNS)
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
    """The records of all finished runs, by the names of their files."""
    return [json.loads(path.read_text()) for path in sorted((options.directory / RUNS).glob("*.json"))]


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
