"""Check each claim of the paper, and each goal beyond it, against the records in a results folder."""

import importlib
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

# The ledger is part of the repository, not of the wheel: its claims are written in the experiments.
CLONE = Path(__file__).resolve().parents[2]


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument(
        "--results-dir", help="folder with the records (default: runs if it contains records, otherwise results)"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument(
        "--verbose",
        action="store_true",
        help="also list what was not run, and show the data and the command behind each claim",
    )
    shape.add_argument("--markdown", action="store_true", help="print the tables of the README and docs as Markdown")


def run(arguments: Namespace) -> int:
    """Print both ledgers. Returns the exit status: 1 if a record cannot be read, else 0, whatever the verdicts."""
    if not (CLONE / "experiments" / "lib" / "ledger.py").exists():
        raise FileNotFoundError(
            "The ledger is not part of the installed package; expected a clone of the repository with its experiments. "
            "Clone the repository and run this command there."
        )
    if str(CLONE) not in sys.path:  # a console script does not look in the current folder
        sys.path.append(str(CLONE))
    ledger, folders = (importlib.import_module(f"experiments.lib.{name}") for name in ("ledger", "results_folder"))
    root = Path(arguments.results_dir or folders.default())
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root} does not exist; expected the folder with the records. Run this command in the root of the clone, "
            "or give another --results-dir."
        )
    if hint := folders.check(root):
        print(hint, file=sys.stderr)
    return int(ledger.show(root, arguments.markdown, arguments.verbose))
