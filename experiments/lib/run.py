"""The command line of all experiments: flags, budgets, and the record around what an experiment computes."""

import contextlib
import sys
import time
from pathlib import Path

from absl import app, flags

from diffnet_tf import files
from diffnet_tf.base import command_line
from diffnet_tf.files import model_files, provenance
from experiments import render
from experiments.lib import records

BUDGETS = ("smoke", "quick", "cpu", "paper")

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "budget",
    "quick",
    BUDGETS,
    "Number of training steps: seconds, 2 minutes or an hour on 2 cores, or the paper's own.",
)
flags.DEFINE_enum(
    "source", "skimage", ("skimage", "stl10", "stl10_binary", "mat", "npy", "folder"), "Where the images come from."
)
flags.DEFINE_string("data_dir", None, "Folder with the images of --source.")
flags.DEFINE_string(
    "test_dir", None, "Folder with test images of the same source, all of them used; else its test split."
)
flags.DEFINE_string("results_dir", "runs", "Folder for records, figures and weights: one folder inside it a figure.")
flags.DEFINE_string("note", None, "A remark about the data, kept in the record and shown below the figure.")
flags.DEFINE_integer("seed", 0, "Seed of the initial weights and of the examples.", lower_bound=0)
flags.DEFINE_string(
    "only", None, "Of an experiment of many trainings, those whose name starts with this; several with commas between."
)
flags.DEFINE_integer("image", -1, "Number of the test image that a figure of one image shows; -1 is the last.")
flags.DEFINE_enum(
    "strategy",
    "none",
    ("none", "mirrored", "multiworker", "data_parallel"),
    "Train on several devices or machines: see the README.",
)
flags.DEFINE_integer("steps", None, "Training steps instead of the budget's.", lower_bound=1)
flags.DEFINE_bool("deterministic", False, "Equal bits from equal runs, on a GPU too (there slower).")


class Options:
    """What an experiment is told: the flags, as attributes."""

    def __init__(self, directory):
        self.commit = provenance.commit()  # of the code that runs, not of what is committed meanwhile
        self.directory, self.results_dir = directory, directory.parent
        self.checkpoint_dir = directory / "checkpoint"
        for name in ("budget", "source", "data_dir", "test_dir", "seed", "note", "steps", "strategy", "image", "only"):
            setattr(self, name, FLAGS[name].value)

    @property
    def stamp(self):
        """What a record says of the number of steps: the budget, or the steps given instead."""
        return self.budget if self.steps is None else f"{self.steps} steps"

    def wants(self, name):
        """Whether --only lets a run of this name take place."""
        return name.startswith(tuple((self.only or "").split(",")))

    def provenance(self):
        """Source, data, test data and note: what a record says of the images; and what the numbers depend on beside."""
        return {
            "source": self.source,
            "data": Path(self.data_dir).name if self.data_dir else self.source,
            "test_data": Path(self.test_dir).name if self.test_dir else "its test split",
            "note": self.note,
            "commit": self.commit,
            "versions": provenance.versions(),
            "hardware": provenance.hardware(),
        }

    def images(self, split, limit=None, colour=False):
        """The images to train on ("train"), to validate on ("validation") or to measure on ("test").

        With --test_dir these are three disjoint sets: the training source's train and test splits, and all of the
        test folder. Without it the test split serves for both, which is fair while nothing is chosen by validation.
        """
        from diffnet_tf import data

        if split == "test" and self.test_dir:
            return data.open_images(self.source, self.test_dir, "all", limit, colour=colour)
        split = "train" if split == "train" else "test"
        return data.open_images(self.source, self.data_dir, split, limit, colour=colour)


def main(experiment):
    """Run an experiment module from the command line.

    Args:
        experiment: a module with NAME, CONFIG, compute(options) → (record, arrays, model or None), draw and caption.
    """

    def run(arguments):
        with _errors_on_one_line():
            if len(arguments) > 1:
                raise ValueError(f"unknown argument {arguments[1]!r}; options begin with --, see --help")
            execute(experiment)

    def parse(arguments):
        with _errors_on_one_line():
            return FLAGS(arguments)

    for flag in FLAGS.get_key_flags_for_module(__name__):  # --help shows those of the module that was started
        FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    app.run(run, flags_parser=parse)


@contextlib.contextmanager
def _errors_on_one_line():
    """What was wrong with the input, in one line, and exit status 2."""
    try:
        yield
    except (*command_line.INPUT_ERRORS, flags.Error) as error:
        command_line.show(error)
        sys.exit(2)


def execute(experiment):
    """Compute an experiment with the flags as they are; write record, arrays, weights and figure."""
    directory = files.check_writable(Path(FLAGS.results_dir) / experiment.NAME)
    print(f"{experiment.NAME}: budget {FLAGS.budget}, source {FLAGS.source}, results in {directory}", flush=True)
    start, options = time.perf_counter(), Options(directory)
    from diffnet_tf.base import backend
    from diffnet_tf.training import checkpoint, distribute

    if FLAGS.deterministic:
        backend.deterministic()
    with distribute.scope(FLAGS.strategy):
        computed, chief = experiment.compute(options), distribute.is_chief()
    if computed is None:  # stopped by Ctrl-C: the same command goes on
        sys.exit(130)
    if not chief:  # of several workers one writes
        return
    record, arrays, model = computed
    record = {
        "experiment": experiment.NAME,
        "budget": options.stamp,
        "seed": FLAGS.seed,
        "deterministic": FLAGS.deterministic,
        "strategy": FLAGS.strategy,
        "devices": 1 if model is None else distribute.replicas(model),
        **options.provenance(),
        **record,
        "wall_seconds": round(time.perf_counter() - start, 1),
    }
    records.save(directory, record, arrays)
    if model is not None:
        model_files.save(model_files.without_optimizer(model), directory / records.MODEL)
    figure = render.render(experiment, directory)
    checkpoint.remove(options.checkpoint_dir)  # last: until then, the same command finishes what was killed here
    print(f"{experiment.caption(record)}\nWrote {directory / records.RECORD} and {figure}", flush=True)
