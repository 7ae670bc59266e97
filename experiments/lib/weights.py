"""Find the trained weights that experiments analyse: in the user's results folder, or else in the project's own."""

from pathlib import Path

from diffnet_tf.files import model_files
from experiments.lib import records

ALIKE = ("budget", "source", "data", "seed")  # in what networks that are compared must not differ
COMMITTED = records.COMMITTED


def find(name, results_dir):
    """The network that an experiment trained, and its source.

    Args:
        name: the experiment's folder, such as "fig06".
        results_dir: where to look first; then in the project's own results.

    Returns:
        (model, dict with the experiment's name, budget, steps, recipe, data, seed, commit and images).

    Raises:
        FileNotFoundError: when there are none, with what to run.
    """
    return find_alike([name], results_dir)[0]


def find_alike(names, results_dir):
    """The networks of several experiments that can be compared: of one folder, budget, seed and data.

    A folder that holds only some of them, or of several kinds, is passed over, with a line that says so.

    Args:
        names: names of the experiments' folders.
        results_dir: where to look first; then in the project's own results.

    Returns:
        The results of `find`, one for each name.

    Raises:
        FileNotFoundError: when neither folder holds them, with what to run.
    """
    return in_folder(names, folder_of(names, results_dir, lambda line: print(line, flush=True)))


def folder_of(names, results_dir, tell=lambda line: None):
    """The folder that holds all these networks, trained alike: the results folder, or the project's own.

    Args:
        names, results_dir: see `find_alike`.
        tell: is called with a line that says why a folder was passed over.

    Raises:
        FileNotFoundError: when neither holds them, with what to run.
    """
    passed = []
    for root in dict.fromkeys((Path(results_dir), COMMITTED)):
        there, sources = _held(names, root)
        if _alike(names, sources):
            if passed:
                tell(f"{'; '.join(passed)}. So the networks are those in {root}.")
            return root
        if there:
            held = ", ".join(
                f"{name} (budget {source['budget']}, seed {source['seed']}, {source['data']})"
                for name, source in zip(there, sources)
            )
            passed.append(f"{root} holds {held}; expected {', '.join(names)} of one budget, seed and data")
    if passed:
        raise FileNotFoundError(f"{'; '.join(passed)}. Run the others alike.")
    raise FileNotFoundError(
        f"No trained weights {names[0]}/{records.MODEL} in {results_dir} or {COMMITTED}: run that experiment first."
    )


def in_folder(names, root):
    """The results of `find` for these networks in one folder; empty if it does not hold them, trained alike."""
    _, sources = _held(names, root)
    if not _alike(names, sources):
        return []
    return [(model_files.load(Path(root) / name / records.MODEL), source) for name, source in zip(names, sources)]


def same_but_for_the_seed(one, other):
    """Whether two networks with their sources were trained alike on the same data and number of images."""
    sources = [{key: value for key, value in of.items() if key not in ("seed", "commit")} for _, of in (one, other)]
    return sources[0] == sources[1] and one[1]["seed"] != other[1]["seed"]


def _held(names, root):
    """(the networks that a folder holds, the source of each)."""
    there = [name for name in names if all((root / name / part).exists() for part in (records.MODEL, records.RECORD))]
    return there, [_source(root / name) for name in there]


def _alike(names, sources):
    return len(sources) == len(names) and len({tuple(source[key] for key in ALIKE) for source in sources}) == 1


def _source(directory):
    """The source of a network: experiment, budget, steps, recipe by name and whole, data, seed, commit and images."""
    record, _ = records.load(directory)
    kept = ("experiment", "budget", "steps", "noise", "source", "data", "seed", "commit")
    return {key: record[key] for key in kept} | {
        "recipe": record["recipe"]["name"],
        "images": record.get("training_images"),
        "training": record["recipe"],
        "parameters": record.get("parameters"),
        "image_sets": record.get("image_sets", {}),
    }
