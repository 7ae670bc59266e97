"""The list of experiments: all modules of this package that have a NAME. They need not be registered.

An experiment is one file with

    NAME, TITLE        the name of its results folder, and its title in pictures and tables
    BUDGETS            budget → configuration, if the budget changes anything
    compute(options)   → a `study.Result`; or, for many trainings or measurements,
    parts(options)     → a list of `study.Part`, and
    gather(runs, root) → a `study.Result` from the records of the finished parts, with NumPy alone
    draw(record, arrays)          the figure, with NumPy and Matplotlib alone
    caption(record), alt(record)  what it means, in three lines at most; and what is seen, for who cannot see it.
                                  Of several figures each is a dict, see `pictures`
    IMAGE_FLAGS        flags of the images that it is about, where they are not those of the committed records
    OPTIONS            names of the options that it uses, if they are not those of one training on images: see `options`
    CLAIMS             what the records are checked for, `ledger.Claim`s, if anything
"""

import importlib
import re
from pathlib import Path

import experiments
from diffnet_tf.files import reading
from experiments.lib import records
from experiments.lib.options import IMAGES, TRAINING

# The images of the committed records: docs/data.md says how to get them.
IMAGE_FLAGS = "--source stl10_binary --data-dir photos96 --test-dir stl10_real"
_NAME = re.compile(r'^NAME = "(.+)"$', re.MULTILINE)
_STEPS = re.compile(r"(\d+) steps")  # a budget of --steps


def names():
    """NAME → module name of every experiment: the paper's figures first, then the others by their files' names."""
    paths = [path for folder in experiments.__path__ for path in Path(folder).glob("*.py")]
    found = {match[1]: path.stem for path in paths if (match := _NAME.search(path.read_text(encoding="utf-8")))}
    return dict(sorted(found.items(), key=lambda item: (not item[1].startswith("fig"), item[1])))


def get(name):
    """The module of an experiment by its NAME."""
    return load(names()[name])


def load(stem):
    """The module of an experiment by its file's name.

    Raises:
        ValueError: when it lacks a part of an experiment.
    """
    module = importlib.import_module(f"experiments.{stem}")
    work = ("parts", "gather") if hasattr(module, "parts") else ("compute",)
    missing = [word for word in ("TITLE", *work, "draw", "caption", "alt") if not hasattr(module, word)]
    if missing:
        raise ValueError(
            f"{module.__name__} has no {', '.join(missing)}; experiments/lib/registry.py says what each is."
        )
    return module


def options(module):
    """The names of the options that have an effect on an experiment."""
    names = ["results_dir", *getattr(module, "OPTIONS", (*TRAINING, *IMAGES))]
    if hasattr(module, "parts"):
        return [*names, "only", "gather"]
    return names + ["force"] * hasattr(module, "BUDGETS") + ["measure"] * hasattr(module, "measured")


def command(module, budget="cpu", images=None):
    """The command that repeats an experiment as its committed record was made, on the same images.

    Args:
        module: the experiment.
        budget: where the record names no number of steps.
        images: flags of other images.
    """
    kept = records.COMMITTED / module.NAME / records.RECORD
    record = reading.json_object(kept) if kept.exists() else {}
    words = ["python -m", module.__name__]
    if hasattr(module, "BUDGETS"):
        words += ["--budget", budget]
        if steps := _STEPS.fullmatch(record.get("budget", "")):
            words += ["--steps", steps[1]]
    images = getattr(module, "IMAGE_FLAGS", IMAGE_FLAGS) if images is None else images
    made = record.get("source") in ("none", "disks")  # by the experiment itself
    return " ".join(words + [images] * bool(images and not made))
