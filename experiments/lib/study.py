"""Experiments with several parts. A part is one training or one measurement, and leaves its own record in `runs/`.

An experiment does the parts that have no record yet. So it can be stopped and started again, with parts chosen by
--only, or with another number of steps. Then it gathers all existing records, which does not need images. A part is

    runs/NAME-BUDGET.json    its configuration, its origin and its results
    runs/NAME-BUDGET.npz     arrays, if it has any
    runs/NAME-BUDGET.keras   a network, if it keeps one

in the folder of its experiment, or of another one, its `home`: a training that several experiments need is done once.
A part that measures the network of another one names it in `of`, see `kept`.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf import files
from diffnet_tf.files import reading
from experiments.lib import damage, kept, measure, records
from experiments.lib.kept import RUNS, path

VALIDATION = 64  # images to validate on
OF_IMAGES = ("psnr", "ssim")  # values of single images
OF_A_PART = ("name", "budget")  # what the record of every part has
SAME = ("source", "data", "test_data")  # what says that images are the same where their content is not recorded


@dataclasses.dataclass
class Result:
    """The result of a part or of a whole experiment: its record, its arrays, and a network to keep."""

    record: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    model: Any = None


@dataclasses.dataclass(frozen=True)
class Part:
    """One training or measurement.

    Attributes:
        name: name of its record.
        do: function that does the work and returns a `Result`.
        about: plain values that its record holds before the results.
        home: the experiment whose folder keeps the record; the one that runs it, if not given.
        steps: steps of its budget; a record of the same budget with fewer steps is made anew.
        of: the trainings whose networks it measures, as in `kept.hashes`; its record is made anew after these are.
    """

    name: str
    do: Callable[[], Result]
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    home: str = ""
    steps: int = 0
    of: Sequence[Any] = ()


class Stopped(Exception):
    """Ctrl-C has stopped a training, which has saved its state."""


def budgets(smoke, quick, cpu):
    """Budget → (recipe, steps, limit on the number of images of each set)."""
    few = {"smoke": ("fast", smoke, 8), "quick": ("fast", quick, None)}
    return few | {"cpu": ("fast", cpu, None), "paper": ("paper", 101_250, None)}


def part(run, do, steps=0, **more):
    """The part of a run, a dataclass with a `name`, whose fields go into the record; `steps` as in `Part`."""
    return Part(run.name, lambda: do(run), {**dataclasses.asdict(run), **more}, steps=steps)


# ---- Do, and gather --------------------------------------------------------------------------------------------------


def do_missing(parts, options):
    """Run the parts in --only that have no record of this budget, or one of fewer steps than it now gives.

    Raises:
        ValueError: when --only names none, or finished parts are of other images.
        Stopped: by Ctrl-C.
    """
    from diffnet_tf.training import checkpoint, distribute

    parts = list(parts)
    for home in {each.home or options.name for each in parts}:
        files.check_writable(options.results_dir / home / RUNS)
        finished(options.results_dir / home, options)  # refuses what does not belong together before hours of work
    wanted = [each for each in parts if options.wants(each.name)]
    if not wanted:
        raise ValueError(f"--only {options.only} names no run; names are {', '.join(each.name for each in parts)}")
    for each in wanted:
        record = path(each.name, options, each.home)
        if not _done(record, each, options):
            print(f"{each.name}:", flush=True)
            result = each.do()
            if distribute.is_chief():
                _save(record.with_suffix(""), each, result, options)
                checkpoint.remove(options.checkpoint_dir)
            while not _done(record, each, options):  # other workers wait for the chief: a part may need another
                time.sleep(0.1)


def _done(record, each, options):
    """Whether a part has a record: with the steps of its budget, or stopped early; and of the networks of today."""
    if not record.exists() or not kept.is_of_these_networks(record, each.of, options):
        return False
    if options.steps or not each.steps:  # --steps stands in the name of the record
        return True
    run = reading.json_object(record, "remove it, and run the experiment again")
    return (run.get("given_steps") or run.get("steps") or 0) >= each.steps


def _save(stem, each, result, options):
    """Write the result of a part, its record last: without it the part counts as not done."""
    if result.arrays:
        files.write(f"{stem}.npz", lambda file: np.savez_compressed(file, **result.arrays))
    if result.model is not None:
        from diffnet_tf.files import model_files

        model_files.save(result.model, f"{stem}{model_files.SUFFIX}")
    given = {"given_steps": options.steps or each.steps} if each.steps else {}
    given |= {kept.HASHES: kept.hashes(each.of, options)} if each.of else {}
    about = {"name": each.name, **each.about, **given, "budget": options.stamp, **options.provenance()}
    files.write_json(f"{stem}.json", {**about, **result.record})


def finished(directory, options=None):
    """The records of all finished parts in an experiment's folder, by the names of their files.

    Args:
        directory: the experiment's folder.
        options: if given, parts of other images are refused.

    Returns:
        A list of dicts; with "file", the name of the record's file, and where there are any "arrays".

    Raises:
        ValueError: when one is of other images, or damaged outside a `damage.left_out` block.
    """
    found, here = [], options and options.provenance()
    for record in sorted((Path(directory) / RUNS).glob("*.json")):
        try:
            run = _read(record)
        except (ValueError, OSError) as error:
            damage.note(record, error)
            continue
        if here:
            _check_same(run, here, record)
        found.append(run)
    return found


def _read(record):
    """The record of a part, with its arrays and the name of its file."""
    advice = "remove it, and run the experiment again"
    run = _completed(reading.json_object(record, advice))
    if missing := [key for key in OF_A_PART if key not in run]:
        raise ValueError(f"{record} has no {', '.join(missing)}; expected the record of a part: {advice}.")
    arrays = record.with_suffix(".npz")
    more = {"arrays": reading.arrays(arrays, advice=advice)} if arrays.exists() else {}
    return run | more | {"file": record.stem}


def _completed(run):
    """A record with the entries added when it was imported; entries of its own script take precedence."""
    added = run.get("imported", {}).get("added", {})
    inside = {key: {**value, **run[key]} for key, value in added.items() if isinstance(run.get(key), dict)}
    return {**added, **run, **inside}


def _check_same(run, here, record):
    """Refuse the record of a part on other images, because it would be mistaken for one on these."""
    for kind, wanted in here["image_sets"].items():
        there = run.get("image_sets", {}).get(kind, {}).get("sha256", wanted["sha256"])
        if there != wanted["sha256"]:
            raise ValueError(
                f"{record} is of other {kind} images (SHA-256 {there[:12]}…); expected {wanted['sha256'][:12]}…. "
                "Give the same images or another --results-dir."
            )
    if "image_sets" not in run and any(run[key] != here[key] for key in SAME):
        raise ValueError(f"{record} is of other images; expected {here['data']}. Give another --results-dir.")


def same_test_images(one, other):
    """Whether two records are of the same test images: by their content or, if it is not recorded, by their names."""
    sets = [record.get("image_sets", {}).get("test") for record in (one, other)]
    if all(sets):
        return all(sets[0][key] == sets[1][key] for key in ("sha256", "split"))
    return all(one[key] == other[key] for key in SAME)


def on_most_images(runs):
    """The parts that were measured on the most test images: those of budget `smoke` do not mix with others.

    Raises:
        ValueError: when two are of other test images.
    """
    tests = [run.get("image_sets", {}).get("test", {}) for run in runs]
    if len({test["sha256"] for test in tests if "sha256" in test}) > 1:
        raise ValueError(f"The parts {', '.join(run['file'] for run in runs)} are of different test images.")
    most = max((test.get("count") or 0 for test in tests), default=0)
    return [run for run, test in zip(runs, tests) if (test.get("count") or most) == most]


LEFT_OUT = ("versions", "image_sets", "file", "arrays", *records.OF_THE_RUN)


def most_steps(runs, left_out=(*LEFT_OUT, *OF_IMAGES)):
    """For each name, the run with the most steps, without values of single images, times and machines."""
    best, given = {run["name"]: {} for run in runs}, {}
    for run in kept.by_budget(runs):
        steps = run.get("given_steps") or run["steps"]  # one that was stopped early did fewer
        if steps >= given.get(run["name"], 0):
            given[run["name"]] = steps
            best[run["name"]] = {key: value for key, value in run.items() if key not in left_out}
    return list(best.values())


def common(runs):
    """The images and budgets of all parts, for the record of a gathered experiment."""
    kept = ("source", "data", "test_data", "image_sets", "note")
    budgets = sorted({run["budget"] for run in runs})
    return {"budget": "/".join(budgets), **{key: runs[-1][key] for key in kept if key in runs[-1]}}


# ---- Train -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained network, with its settings and its history."""

    model: Any
    training: Any
    recipe: Mapping[str, Any]
    images: int

    def record(self, history=False):
        """The training for a record: recipe, steps, cost and size; with `history` also each validation."""
        trained, model = self.training, self.model
        found = {
            "recipe": dict(self.recipe),
            "steps": trained.steps,
            "training_images": self.images,
            "training_seconds": round(trained.seconds, 1),
            "parameters": model.count_params(),
            "dtype": model.dtype_policy.name,
        }
        if trained.history and "val_psnr" in trained.history[-1]:
            found["validation_psnr"] = trained.history[-1]["val_psnr"]
        if hasattr(model, "time_steps"):
            found["time_steps"] = model.time_steps
        return found | ({"times": trained.times, "history": trained.history} if history else {})


def train(options, make, recipe, images, *, steps, seed, name="", validation=None, callbacks=(), **pairs):
    """Set the seed, make a network, and train it. All experiments train in this way.

    Args:
        options: the experiment's.
        make: recipe → a new network (or a trained one, to go on with).
        recipe: (name, `recipes.Recipe`).
        images: to train on. A batch is at most as large as they are many.
        steps: number of steps, if --steps does not say another.
        seed: seed of the initial weights and of the examples.
        name: name of the part, for its checkpoint.
        validation: images to validate on; `VALIDATION` of them are enough.
        callbacks: Keras's; where one stops the training early, it is finished.
        pairs: problem, noise, degrade and so on, and what else `training.fit` takes.

    Returns:
        A `Trained`.

    Raises:
        Stopped: by Ctrl-C.
    """
    import keras

    from diffnet_tf import training

    label, recipe = recipe
    recipe = dataclasses.replace(recipe, batch_size=min(recipe.batch_size, len(images)))
    keras.utils.set_random_seed(seed)
    model = make(recipe)
    pairs |= {"validation": validation, "callbacks": callbacks, "checkpoint_dir": options.checkpoint_dir / name}
    trained = training.fit(model, images, recipe, steps=options.steps or steps, seed=seed, **pairs)
    if not trained.finished and not any(getattr(callback, "stopped_epoch", 0) for callback in callbacks):
        raise Stopped
    return Trained(model, trained, {"name": label, **dataclasses.asdict(recipe)}, len(images))


def tested(trained, inputs, targets, **more):
    """The `Result` of a training: its record, further entries, and its quality on the test images."""
    _, found, summary = measure.measured(trained.model, inputs, targets)
    return Result({**trained.record(), **more, "results": summary, **values(found)})


def values(measured):
    """PSNR and SSIM of single images for a part's record, from the arrays of `measure.quality`."""
    digits = {"psnr": 4, "ssim": 6}
    return {name: [round(float(value), digits[name]) for value in measured[name]] for name in OF_IMAGES}
