"""The options of an experiment, as one typed object. The command line fills it from flags; tests make it directly."""

import argparse
import dataclasses
import functools
from pathlib import Path

from diffnet_tf.base import checks, command_line
from diffnet_tf.base.choices import SOURCES
from diffnet_tf.files import provenance

SIZE = 96  # side of the images of most experiments, in pixels
BUDGETS = ("smoke", "quick", "cpu", "paper")
OWN_SPLIT = "its test split"  # how a record names the test images where there is no --test-dir
STRATEGIES = ("none", "mirrored", "multiworker", "data_parallel")
IMAGES = ("source", "data_dir", "test_dir", "note")  # options that say which images
DEVICES = ("strategy", "deterministic")  # how a training runs
TRAINING = ("budget", "seed", "steps", *DEVICES)


def _flag(default, help, choices=None, least=None):
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices, "least": least})


_BUDGET = (
    "how long to train. smoke: a few steps, to see that it runs; quick: minutes on 2 cores; cpu: half an hour to hours "
    "on 2 cores; paper: as many steps as in the paper"
)
_ONLY = "run only the parts whose name starts with this; separate several by commas (default: all parts)"


@dataclasses.dataclass
class Options:
    """The flags of an experiment, each with its help; `name` is that of the experiment and of its folder."""

    name: str
    results_dir: Path = _flag(Path("runs"), "folder for records, figures and weights, with a subfolder for each figure")
    budget: str = _flag("quick", _BUDGET, BUDGETS)
    source: str = _flag("skimage", "source of the images", SOURCES)
    data_dir: str | None = _flag(None, "folder with the images of --source (default: none; skimage needs none)")
    test_dir: str | None = _flag(
        None, "folder with test images of the same source (default: the test split of --data-dir)"
    )
    note: str | None = _flag(None, "a remark about the data, for the record and the figure (default: none)")
    seed: int = _flag(0, "seed of the initial weights and of the examples", least=0)
    only: str | None = _flag(None, _ONLY)
    image: int = _flag(-1, "number of the test image that a figure of one image shows; -1 is the last")
    steps: int | None = _flag(None, "number of training steps (default: as the budget says)", least=1)
    strategy: str = _flag("none", "train on several devices or machines; see docs/devices.md", STRATEGIES)
    deterministic: bool = _flag(False, "give equal bits in equal runs, on a GPU too, where it is slower")
    gather: bool = _flag(False, "train nothing: gather the finished parts and draw; needs no images")
    measure: bool = _flag(False, "train nothing: measure the network in the folder anew, beside its training")
    force: bool = _flag(False, "replace the record of a longer run in the same folder")

    def __post_init__(self):
        self.results_dir = Path(self.results_dir)
        for name, field in FIELDS.items():
            value, least = getattr(self, name), field.metadata["least"]
            if None not in (value, least):
                checks.count(value, command_line.option(name), least)
        self.commit = provenance.commit()  # of the code that runs, not of what is committed meanwhile
        self._counts, self._size = {}, SIZE

    @property
    def directory(self):
        """The experiment's folder."""
        return self.results_dir / self.name

    @property
    def checkpoint_dir(self):
        """The folder where a training saves its state until it is finished."""
        return self.directory / "checkpoint"

    @property
    def stamp(self):
        """The budget as a record names it, or the number of steps if --steps is given."""
        return self.budget if self.steps is None else f"{self.steps} steps"

    def wants(self, name):
        """Whether --only includes a part of this name."""
        return name.startswith(tuple((self.only or "").split(",")))

    def images(self, split, limit=None, colour=False, whole=False, **more):
        """The images to train on ("train"), to validate on ("validation") or to measure on ("test").

        `whole` keeps the images of a folder at their own sizes; `more` goes to `data.open_images`.

        With --test-dir these are three disjoint sets: the training source's train and test splits, and all of the
        test folder. Without it the test split serves for both, which is fair while nothing is chosen by validation.
        """
        from diffnet_tf import data

        folder, part = (self.test_dir, "all") if split == "test" and self.test_dir else (self.data_dir, "test")
        part = "train" if split == "train" else part
        self._size = None if whole and self.source == "folder" else SIZE
        found = data.open_images(self.source, folder, part, limit, self._size, colour, **more)
        self._counts[split] = len(found)
        return found

    def image_sets(self):
        """The training and the test images identified by their content, not by the name of a folder or file.

        Returns:
            "training" and "test" → sha256 and shape of the whole source, split, and count of the images used so far.
        """
        folder, split = (self.test_dir, "all") if self.test_dir else (self.data_dir, "test")
        return {
            "training": {**content(self.source, self.data_dir, self._size), "split": "train", **self._count("train")},
            "test": {**content(self.source, folder, self._size), "split": split, **self._count("test")},
        }

    def _count(self, split):
        return {"count": self._counts.get(split)}

    def provenance(self):
        """What a record says about the images and everything else that the numbers depend on."""
        return {
            "source": self.source,
            "data": Path(self.data_dir).name if self.data_dir else self.source,
            "test_data": Path(self.test_dir).name if self.test_dir else OWN_SPLIT,
            "image_sets": self.image_sets(),
            "note": self.note,
            "commit": self.commit,
            "versions": provenance.versions(),
            "hardware": provenance.hardware(),
            "numerics": numerics(),
        }


def numerics():
    """What a record says about float32: measurements use it; a GPU may train inner convolutions in TF32."""
    from diffnet_tf.base import backend

    return {"measured": "float32", "float32_in_training": "TF32" if backend.narrows_float32() else "float32"}


@functools.cache
def content(source, directory, size=SIZE):
    """SHA-256 of the gray pixels of a whole source in order, before splits and limits, and their shape.

    Integers are hashed as they are, floats as float32. If there are as many images as in STL-10, the result also says
    whether all of stl10_real are among them: then they are STL-10's.
    """
    import hashlib

    import numpy as np

    from diffnet_tf import data
    from experiments.lib import stl10

    pixels = data.open_images(source, directory, "all", size=size).pixels
    found = {"sha256": hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest(), "shape": list(pixels.shape)}
    if found["shape"] == STL10_SHAPE:
        found["holds_stl10_real"] = len(stl10.places(pixels)) == len(stl10.real())
    return found


STL10_REAL = "7312f92b0e85316c3d686384e7f5b58ba09c4ba4cdd835b2372d40d5936f2421"  # 123 images of STL-10
STL10_SHAPE = [100_000, 96, 96]  # of all unlabelled images of STL-10


FIELDS = {field.name: field for field in dataclasses.fields(Options) if field.name != "name"}


def add(parser, name, shown=True):
    """Add an option to a parser of the command line.

    Args:
        parser: a `command_line.Parser`.
        name: a key of `FIELDS`.
        shown: False for an option that has no effect: it is accepted and not shown, and it is in the result of the
            parser only if it was given.
    """
    field = FIELDS[name]
    settings = {"default": field.default, "help": field.metadata["help"]}
    if field.type is bool:
        settings["action"] = "store_true"
    elif field.type in (int, int | None):
        settings["type"] = int
    if field.metadata["choices"]:
        settings["choices"] = field.metadata["choices"]
    if not shown:
        settings |= {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
    parser.add_argument(command_line.option(name), **settings)
