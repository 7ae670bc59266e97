"""Which folder holds the records: the default, a check with suggestions, and the seed of a folder. Without Keras."""

import os
import sys
from pathlib import Path

from experiments.lib import records, seeds, study

RECORDS = (f"*/{records.RECORD}", f"*/{study.RUNS}/*.json", f"{seeds.FOLDER}/*/*/{records.RECORD}")


def has_records(root):
    """Whether a folder holds a record, a part, or further seeds."""
    return any(next(Path(root).glob(pattern), None) for pattern in RECORDS)


OWN, PROJECT = "runs", "results"  # where experiments write; the project's own
DEFAULT = f"(default: {OWN} if it contains records, otherwise {PROJECT})"  # for the help of whatever reads records


def default():
    """The folder of a command that reads records and is given none: the user's own, or else the project's. Says which.

    Both are looked for in the current folder.
    """
    own = has_records(OWN)
    if own and has_records(PROJECT):
        print(f"Reading {OWN}. For the project's own records: --results-dir {PROJECT}", file=sys.stderr)
    return Path(OWN if own else PROJECT)


def check(root):
    """Refuse a folder without records.

    Returns:
        If the folder is that of a further seed, a line that says where its records count; else "".

    Raises:
        FileNotFoundError: naming a folder above it, where that holds records.
    """
    if not has_records(root):
        above = [("its parent", ".."), ("the folder above its parent", "../..")]
        paths = [(which, Path(os.path.normpath(Path(root) / up))) for which, up in above]
        meant = next((f" Did you mean {which}, {path}?" for which, path in paths if has_records(path)), "")
        raise FileNotFoundError(f"{root} holds no records; expected a results folder such as results or runs.{meant}")
    first = seeds.root_of(root)
    if first == Path(root):
        return ""
    return f"{root} holds one further seed alone; it counts beside the others in {first}: --results-dir {first}"
