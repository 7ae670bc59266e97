"""Redraw figures and the page of results from their records, without training.

    python -m experiments.render [--results-dir DIR] [figNN ...]
    python -m experiments.render cover example  # the pictures of the README, in docs/pictures

Parts that were finished since the record was written are gathered first. Needs NumPy and Matplotlib only.
"""

import sys
from pathlib import Path

from diffnet_tf.base import checks, command_line
from experiments.lib import cover, example, page, records, registry, results_folder, run, study

README = {
    module.NAME: module for module in (cover, example)
}  # pictures that are drawn from several or parts of records


def refresh(name, root):
    """Gather the finished parts, and draw; returns the paths of the pictures."""
    experiment, directory = registry.get(name), Path(root) / name
    if hasattr(experiment, "gather"):
        kept = records.load(directory)[0].get("parts") if (directory / records.RECORD).exists() else None
        there = sorted(path.stem for path in (directory / study.RUNS).glob("*.json"))
        if there and there != kept:
            run.gathered(experiment, directory)
    return run.render(experiment, directory)


def recorded(root):
    """The names of the experiments that have a record, or finished parts, under a results folder."""
    kept = (records.RECORD, f"{study.RUNS}/*.json")
    return [name for name in registry.names() if any(list((Path(root) / name).glob(pattern)) for pattern in kept)]


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m experiments.render", description=__doc__)
    known = ", ".join((*registry.names(), *README))
    parser.add_argument(
        "figures", nargs="*", metavar="figNN", help=f"which of {known} (default: all that have a record)"
    )
    parser.add_argument("--results-dir", type=Path, help=f"folder with the records {results_folder.DEFAULT}")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Draw the named figures, or all that have a record, and the page. Returns the exit status."""
    chosen = parser().parse_args(arguments)
    root = chosen.results_dir or results_folder.default()
    for name in chosen.figures:
        checks.one_of(name, "figure", (*registry.names(), *README))
    if not (chosen.figures or recorded(root)):
        raise FileNotFoundError(f"No records under {root}: run an experiment first, or name another --results-dir.")
    for name in chosen.figures or recorded(root):
        if name in README:
            print(README[name].write(root))
            continue
        try:
            print(*refresh(name, root), sep="\n")
        except ValueError as error:  # its parts are too few, or one is damaged: the others are drawn all the same
            if chosen.figures:
                raise
            print(f"{name} is left out: {command_line.one_line(error)}", file=sys.stderr)
    if not chosen.figures and root.resolve() == records.COMMITTED:
        for module in README.values():
            print(module.write(root))
    print(page.write(root, [name for name in recorded(root) if (root / name / records.FIGURE).exists()]))


if __name__ == "__main__":
    sys.exit(main())
