"""Trained weights that experiments look into: the user's own first, else those that come with the project."""

from pathlib import Path

from diffnet_tf.files import model_files
from experiments.lib import records

COMMITTED = Path(__file__).resolve().parents[2] / "results"


def find(name, results_dir):
    """The network that an experiment trained, and where it came from.

    Args:
        name: the experiment's folder, such as "fig06".
        results_dir: where to look first; then in the project's own results.

    Returns:
        (model, dict with the experiment's name, budget, steps, recipe, data, seed, commit and number of images).

    Raises:
        FileNotFoundError: when there are none, with what to run.
    """
    for root in (Path(results_dir), COMMITTED):
        if (root / name / records.MODEL).exists() and (root / name / records.RECORD).exists():
            record, _ = records.load(root / name)
            kept = ("experiment", "budget", "steps", "noise", "source", "data", "seed", "commit")
            source = {key: record[key] for key in kept} | {"recipe": record["recipe"]["name"]}
            return model_files.load(root / name / records.MODEL), source | {"images": record.get("training_images")}
    raise FileNotFoundError(
        f"No trained weights {name}/{records.MODEL} in {results_dir} or {COMMITTED}: run that experiment first."
    )
