"""Trained weights that experiments look into: the user's own first, else those that come with the project."""

from pathlib import Path

from diffnet_tf.files import model_files
from experiments.lib import records

COMMITTED = Path(__file__).resolve().parents[2] / "results"
# σ of the noise → the experiment that trains the inverse for it.
INVERSE = {0.0: "fig06", 0.001: "inverse-0.1pct", 0.01: "fig07"}


def find(name, results_dir):
    """The network that an experiment trained, and where it came from.

    Args:
        name: the experiment's folder, such as "fig06".
        results_dir: where to look first; then in the project's own results.

    Returns:
        (model, dict with the experiment's name, budget, steps, recipe, data, seed and commit).

    Raises:
        FileNotFoundError: when there are none, with what to run.
    """
    root = _root(name, results_dir)
    kept = ("experiment", "budget", "steps", "noise", "source", "data", "seed", "commit")
    record = record_of(name, results_dir)
    source = {key: record[key] for key in kept} | {"recipe": record["recipe"]["name"]}
    return model_files.load(root / name / records.MODEL), source


def record_of(name, results_dir):
    """The whole record of the training whose network `find` gives."""
    return records.load(_root(name, results_dir) / name)[0]


def _root(name, results_dir):
    for root in (Path(results_dir), COMMITTED):
        if (root / name / records.MODEL).exists() and (root / name / records.RECORD).exists():
            return root
    raise FileNotFoundError(
        f"No trained weights {name}/{records.MODEL} in {results_dir} or {COMMITTED}: run that experiment first."
    )


def described(sources):
    """Where weights came from, in words: for captions."""
    parts = [f"{s['steps']:,} steps on {s['data']} (σ = {s['noise']:g})" for s in sources]
    return f"Weights of budget {', '.join(sorted({s['budget'] for s in sources}))}: {'; '.join(parts)}."
