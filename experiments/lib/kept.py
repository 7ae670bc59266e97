"""What the parts of an experiment keep in `runs/`: the path of a record, and the network of a training.

A measurement of a trained network records the SHA-256 of its file. If the network is trained anew, for longer, the
measurement no longer is of that network, and is made anew too.
"""

import hashlib
from pathlib import Path

from diffnet_tf.files import reading
from experiments.lib.options import BUDGETS

RUNS = "runs"  # the folder, in that of the experiment
HASHES = "measured_networks"  # in the record of a measurement: its training → SHA-256 of the network's file


def path(name, options, home=""):
    """The path of a part's record, whether it exists or not."""
    return options.results_dir / (home or options.name) / RUNS / f"{name}-{options.stamp.replace(' ', '-')}.json"


def network_path(name, options):
    """The path of the network that a training keeps."""
    from diffnet_tf.files import model_files

    return path(name, options).with_suffix(model_files.SUFFIX)


def network(name, options):
    """A network that was trained here, by a part of this budget.

    Raises:
        FileNotFoundError: when there is none. The message says how to train it.
    """
    from diffnet_tf.files import model_files

    kept = network_path(name, options)
    if not kept.exists():
        raise FileNotFoundError(f"{kept} does not exist. Train it first: --only {name}")
    return model_files.load(kept)


def hashes(trainings, options):
    """Name of a training → SHA-256 of the file of its network, for those that exist.

    Args:
        trainings: their names, or the path of a network of another experiment. One that is no Keras model is in an NPZ
            file.
        options: the experiment's.
    """
    found = {}
    for training in trainings:
        file = training if isinstance(training, Path) else network_path(training, options)
        file = file if file.exists() else file.with_suffix(".npz")
        if file.exists():
            found[training.stem if isinstance(training, Path) else training] = hashlib.sha256(
                file.read_bytes()
            ).hexdigest()
    return found


def is_of_these_networks(record, trainings, options):
    """Whether a record measures the networks that are there now. Records of older versions do not say: then yes."""
    then = reading.json_object(record, "remove it, and run the experiment again").get(HASHES)
    return then is None or then == hashes(trainings, options)


def by_budget(runs):
    """The runs, those of the shortest budget first: where several replace each other, the longest one counts."""
    return sorted(runs, key=lambda run: BUDGETS.index(run["budget"]) if run.get("budget") in BUDGETS else -1)
