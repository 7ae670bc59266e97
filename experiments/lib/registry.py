"""Which experiments there are: the modules of this package that have a NAME. Nothing is registered anywhere.

An experiment is one file with

    NAME, TITLE        of its folder of results, and in pictures and tables
    BUDGETS            budget → configuration, where the budget changes anything
    compute(options)   → a `study.Result`; or, of many trainings or measurements,
    measured(model)    → a `study.Result` with what --measure measures anew of a network that is kept, if it can
    parts(options)     → a list of `study.Part`, and
    gather(runs, root) → a `study.Result` from the records of the finished parts, with NumPy alone
    draw(record, arrays), caption(record)    the figure, with NumPy and Matplotlib alone
    CLAIMS             what the records are checked for, `ledger.Claim`s, if anything
"""

import importlib
import re
from pathlib import Path

import experiments

_NAME = re.compile(r'^NAME = "(.+)"$', re.MULTILINE)


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
        ValueError: when it lacks what an experiment has.
    """
    module = importlib.import_module(f"experiments.{stem}")
    work = ("parts", "gather") if hasattr(module, "parts") else ("compute",)
    missing = [word for word in ("TITLE", *work, "draw", "caption") if not hasattr(module, word)]
    if missing:
        raise ValueError(
            f"{module.__name__} has no {', '.join(missing)}; experiments/lib/registry.py says what each is."
        )
    return module


def command(module, budget="cpu"):
    """What runs an experiment, for readers."""
    budget = f" --budget {budget}" if hasattr(module, "BUDGETS") else ""
    return f"python -m {module.__name__}{budget}"
