"""Compare methods that undo nonlinear diffusion: your solver with those of this package, on the same frozen pairs."""

from __future__ import annotations

import importlib
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from diffnet_tf.base import checks
from diffnet_tf.base.choices import PRESETS


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument(
        "solver",
        metavar="SOLVER",
        nargs="?",
        help="MODULE:FUNCTION, your function of (image) or (image, task) in MODULE.py; a .keras file; or a preset or "
        "its folder (default: show the stored results)",
    )
    parser.add_argument("--all", action="store_true", help="tune and measure all methods of this package instead")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="only these tasks (default: all)")
    parser.add_argument("--name", help="name of your solver in the table (default: that of the function or network)")
    parser.add_argument(
        "--out", metavar="FOLDER", help="write benchmark.json and benchmark.png to this folder (default: none)"
    )
    parser.add_argument(
        "--beside",
        nargs="+",
        default=[],
        metavar="JSON",
        help="also show these results, each a benchmark.json (default: none)",
    )
    parser.add_argument(
        "--time-limit", type=float, default=60.0, metavar="SECONDS", help="for each task (default: %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="replace existing files in that folder")
    parser.add_argument("--strict", action="store_true", help="stop at the first error of the solver")


def run(arguments: Namespace) -> int:
    """Print the table. Returns the exit status."""
    from diffnet_tf.evaluation import benchmark
    from diffnet_tf.evaluation.benchmark import report as files

    if arguments.solver and arguments.all:
        raise ValueError(f"{arguments.solver} and --all; expected one of them.")
    for name in (files.FILE, files.PICTURE) if arguments.out else ():
        checks.can_be_written(Path(arguments.out) / name, arguments.force)
    if arguments.all:
        report = benchmark.ours(arguments.tasks, time_limit=arguments.time_limit, progress=_progress)
    elif arguments.solver:
        report = benchmark.benchmark(
            _solver(arguments.solver),
            arguments.tasks,
            name=arguments.name or _name(arguments.solver),
            beside=arguments.beside,
            time_limit=arguments.time_limit,
            strict=arguments.strict,
            progress=_progress,
        )
    else:
        report = benchmark.stored(arguments.tasks, arguments.beside)
    print(report)
    if arguments.out:
        print(f"\nWritten to {report.save(arguments.out)}")
    return 0


def _name(text: str) -> str | None:
    """The name of a preset; None for what has a name of its own."""
    is_preset = text in PRESETS or text.startswith("hf://") or Path(text).is_dir()
    return (Path(text).name or text) if is_preset else None


def _progress(line: str) -> None:
    print(line, file=sys.stderr)


def _solver(text: str) -> Any:
    """Load what SOLVER names.

    Raises:
        FileNotFoundError, ValueError: if it does not exist or cannot be loaded.
    """
    from diffnet_tf.files import model_files
    from diffnet_tf.networks import presets

    if text.endswith(model_files.SUFFIX):
        return model_files.load(text)
    if text in PRESETS or text.startswith("hf://") or Path(text).is_dir():
        return presets.from_preset(text)
    module, colon, name = text.partition(":")
    if not colon or not module or not name:
        raise ValueError(
            f"{text!r} is no solver; expected MODULE:FUNCTION, such as mine:restore for the function restore in "
            f"mine.py, a {model_files.SUFFIX} file, a folder with a preset, or a preset ({', '.join(PRESETS)})."
        )
    if os.getcwd() not in sys.path:  # a console script does not look in the current folder
        sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module)
    except Exception as error:  # the user's own code runs here
        raise ValueError(
            f"{module} cannot be imported ({type(error).__name__}: {error}). Run this command in the folder of "
            f"{module.split('.')[0]}.py; DIFFNET_TF_TRACEBACK=1 shows where the error comes from."
        ) from error
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        raise ValueError(f"{module} has no {name}; expected the name of a function in it.") from None
    return found
