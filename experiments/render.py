"""Redraw figures and the page of results from their records, without training.

    python -m experiments.render [--results_dir DIR] [figNN ...]

Needs NumPy and Matplotlib only.
"""

import importlib
import sys
from pathlib import Path

from diffnet_tf import figures
from diffnet_tf.base import checks, command_line
from experiments.lib import page, records

EXPERIMENTS = {
    "fig01": "fig01_linear_network",
    "fig02": "fig02_diffnet",
    "fig03": "fig03_estimator",
    "fig04": "fig04_deconvolution",
    "fig05": "fig05_deconvolution_layers",
    "fig06": "fig06_samples",
    "fig07": "fig07_samples",
    "forward": "forward_samples",
    "inverse-0.1pct": "lownoise_samples",
    "fig08": "fig08_one_image",
    "fig09": "fig09_one_image",
    "fig10": "fig10_training_size",
    "fig11": "fig11_filter_sums",
    "fig12": "fig12_centre_filters",
    "fig13": "fig13_smoothing",
    "rounding": "rounding",
    "learned-operator": "learned_operator",
    "locality": "locality",
    "comparison": "comparison",
    "all-noise": "all_noise",
    "physics": "physics",
    "generalisation": "generalisation",
    "ensemble": "ensemble",
}


def render(experiment, directory):
    """Draw one experiment's figure from the record in a folder; returns the picture's path."""
    record, arrays = records.load(directory)
    path = Path(directory) / records.FIGURE
    figures.save(experiment.draw(record, arrays), path)
    return path


def _module(name):
    return importlib.import_module(f"experiments.{EXPERIMENTS[name]}")


def main(arguments=None):
    """Draw the named figures, or all that have a record. Returns the exit status."""
    parser = command_line.Parser(prog="python -m experiments.render", description=__doc__.splitlines()[0])
    parser.add_argument(
        "figures",
        nargs="*",
        metavar="figNN",
        help=f"of {', '.join(EXPERIMENTS)}; all that have a record if none is named",
    )
    parser.add_argument("--results_dir", default="results", help="where the records are")
    try:
        chosen = parser.parse_args(arguments)
        root = Path(chosen.results_dir)
        for name in chosen.figures:
            checks.one_of(name, "figure", tuple(EXPERIMENTS))
        names = chosen.figures or [n for n in EXPERIMENTS if (root / n / records.RECORD).exists()]
        if not names:
            raise FileNotFoundError(f"No records under {root}: run an experiment first, or name another --results_dir.")
        for name in names:
            print(render(_module(name), root / name))
        recorded = [n for n in EXPERIMENTS if (root / n / records.RECORD).exists()]
        print(page.write(root, {n: _module(n) for n in recorded}))
    except (OSError, ValueError) as error:
        command_line.show(error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
