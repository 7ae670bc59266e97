"""Does a number meet the paper's conditions? Five marks, computed from the records of the trainings behind the number.

| mark | given when |
|---|---|
| network | every network has the paper's number of parameters |
| protocol | Adam, an ℓ2 loss, 16 whole images in each step, no flips, at least the paper's number of steps |
| training images | STL-10's, 90,000 images |
| test images | STL-10's: all 10,000, or all of stl10_real, 123 of its images |
| seeds | at least 3 of every network |

The module also decides which trainings may be compared with each other, and which are too short to answer a claim.
Standard library only.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.lib.options import STL10_REAL, STL10_SHAPE

PARAMETERS = {"DiffNet": 101_310, "UNet": 34_512_705, "deconvolution": 60_786}  # the last: three layers, Figure 5
STEPS = {"deconvolution": 64_000}  # of the paper, about; of all others `PAPER_STEPS`
PAPER_STEPS, PAPER_BATCH, SIDE = 101_250, 16, 96
LOSSES = ("mse", "norm")  # "ℓ2 loss" in the paper; its norm over the batch in the authors' code
OPTIMISERS = {"adam": "Adam", "soap": "SOAP"}  # recipe → in words
SEEDS = 3
TRAINED_ON, TESTED_ON, REAL = 90_000, 10_000, 123  # images of STL-10; the last: of stl10_real
# Pixels a training must have seen before anything is said of it: 7,000 steps of 8 crops of 24×24.
ENOUGH = 7_000 * 8 * 24**2
# Pixels after which the longest trainings of two networks may be compared: 2 % of the paper's.
LONG = PAPER_STEPS * PAPER_BATCH * SIDE**2 // 50

Training = Mapping[str, Any]  # the record of one training


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The five marks; None where one does not apply. `tested` and `seeds` describe two of them."""

    network: bool | None = None
    protocol: bool | None = None
    training: bool | None = None
    test: bool | None = None
    three_seeds: bool | None = None
    tested: str = ""
    seeds: int = 0

    def marks(self):
        """Words → whether the mark is given; those that do not apply are left out."""
        seeds = f"{self.seeds} seed{'s' * (self.seeds != 1)}"
        words = ("network", "protocol", "training images", f"test images{self.tested and f' ({self.tested})'}", seeds)
        given = (self.network, self.protocol, self.training, self.test, self.three_seeds)
        return {word: mark for word, mark in zip(words, given) if mark is not None}

    def __str__(self):
        """Such as "2 of 5: network, 3 seeds"."""
        marks = self.marks()
        listed = ", ".join(word for word, mark in marks.items() if mark)
        return f"{sum(marks.values())} of {len(marks)}" + (f": {listed}" if listed else "") if marks else ""


def of(trainings: Sequence[Training]) -> Conditions:
    """The conditions of a claim on these trainings: a mark is given when all of them have earned it.

    Args:
        trainings: their records, each with parameters, recipe, steps, seed and `image_sets`.
    """
    if not trainings:
        return Conditions()
    groups: dict[str, set[int]] = {}
    for training in trainings:
        groups.setdefault(what(training), set()).add(training.get("seed", 0))
    seeds = min(map(len, groups.values()))
    disks = all(training.get("problem") == "deconvolution" for training in trainings)
    test, words = _test_images(trainings)
    return Conditions(
        network=all(_papers_network(training) for training in trainings),
        protocol=all(_papers_protocol(training) for training in trainings),
        training=not disks and all(_papers_images(training) for training in trainings),
        test=test,
        three_seeds=seeds >= SEEDS,
        tested=words,
        seeds=seeds,
    )


def network(training: Training) -> str:
    """The kind of a network: its class, or "deconvolution" for Figure 5's."""
    if training.get("problem") == "deconvolution":
        return "deconvolution"
    found = training.get("network") or training.get("model", {}).get("class", "DiffNet")
    return found["class"] if isinstance(found, Mapping) else found  # a class with its arguments


def task(training: Training) -> tuple[str, float]:
    """(problem, σ of the noise)."""
    kept = training.get("task") or training
    return kept.get("problem", "inverse"), kept.get("noise", 0.0)


def what(training: Training) -> str:
    """What was trained, without the seed: trainings with equal text are repetitions of each other."""
    images = training.get("size") or training.get("training_images")
    parts = network(training), *task(training), images, training.get("parameters"), training.get("regime", "")
    return " ".join(map(str, parts))


def pixels(training: Training) -> int:
    """The pixels of a training's budget: steps × batch × side², also if it was stopped early."""
    recipe, steps = training["recipe"], training.get("given_steps") or training["steps"]
    return steps * recipe["batch_size"] * (recipe.get("crop") or SIDE) ** 2


def short(trainings: Sequence[Training]) -> bool:
    """Whether any of them is too short for an answer."""
    return any(pixels(training) < ENOUGH for training in trainings)


def size(training: Training) -> str:
    """Steps, batch and side of a training: "20,900 × 16 × 48²"."""
    recipe = training["recipe"]
    return f"{training['steps']:,} × {recipe['batch_size']} × {recipe.get('crop') or SIDE}²"


def alike(ours: Sequence[Training], theirs: Sequence[Training]) -> tuple[bool, str]:
    """Whether two networks may be compared, and in which way.

    They may be compared after equal steps of equal batches; after equal numbers of pixels; or by the longest training
    of each, if both are `LONG` or were stopped because validation no longer improved. More steps may still change the
    answer.

    Returns:
        (whether, words).
    """
    both = [*ours, *theirs]
    one, other = sorted({size(each) for each in ours}), sorted({size(each) for each in theirs})
    where = _with_optimisers(ours, theirs) + _in_tf32(ours, theirs)
    if one == other and len(one) == 1:
        return True, f"both trained for {one[0]}{where}"
    lengths = f"{' or '.join(one)} against {' or '.join(other)}{where}"
    if len({pixels(each) for each in both}) == 1:
        return True, f"equal numbers of pixels: {lengths}"
    if all(pixels(each) >= LONG or each.get("stopped_early") for each in both):
        return True, f"longest training of each: {lengths}"
    return False, f"not trained equally: {lengths}"


def _with_optimisers(ours, theirs):
    """The optimisers in words, where they differ: that alone may decide a comparison."""
    names = ({OPTIMISERS.get(each["recipe"]["optimizer"], "?") for each in side} for side in (ours, theirs))
    one, other = (" or ".join(sorted(each)) for each in names)
    return f", {one} against {other}" if one != other else ""


def narrowed(training):
    """Whether a training computed float32 in TF32."""
    return training.get("numerics", {}).get("float32_in_training") == "TF32"


def _in_tf32(ours, theirs):
    """Which of them were trained in TF32, in words."""
    first, second = (any(map(narrowed, side)) for side in (ours, theirs))
    return ", both in TF32" if first and second else ", the first in TF32" * first + ", the second in TF32" * second


def tested_alike(trainings: Sequence[Training]) -> bool:
    """Whether all were tested on the same images: by their content or, if it is not recorded, by their names."""
    sets = [training.get("image_sets", {}).get("test", {}) for training in trainings]
    if all("sha256" in test for test in sets):
        return len({(test["sha256"], test.get("split"), test.get("count")) for test in sets}) <= 1
    return len({training.get("test_data") for training in trainings}) <= 1


def _papers_network(training):
    return training.get("parameters") == PARAMETERS.get(network(training))


def _papers_protocol(training):
    recipe = training["recipe"]
    whole = recipe.get("crop") is None and recipe["batch_size"] == PAPER_BATCH and not recipe.get("augment")
    steps = STEPS.get(network(training), PAPER_STEPS)
    return whole and recipe["optimizer"] == "adam" and recipe["loss"] in LOSSES and training["steps"] >= steps


def _papers_images(training):
    images = training.get("image_sets", {}).get("training", {})
    count = training.get("size") or training.get("training_images") or images.get("count")
    return _of_stl10(images) and count == TRAINED_ON


def _of_stl10(images):
    """Whether a set is STL-10's unlabelled images: by their number, and because it contains all of stl10_real."""
    return images.get("shape") == STL10_SHAPE and images.get("holds_stl10_real") is True


def _test_images(trainings):
    """(whether all were tested on STL-10's images, which ones in words)."""
    sets = [training.get("image_sets", {}).get("test", {}) for training in trainings]
    counts = {test.get("count") for test in sets}
    fewest = min((count for count in counts if count), default=None)
    if all(test.get("sha256") == STL10_REAL for test in sets):
        return counts <= {None, REAL}, f"{fewest or REAL} of 10,000"
    if all(_of_stl10(test) and test.get("split") == "test" for test in sets):
        return counts <= {TESTED_ON}, f"{fewest or 0:,} of 10,000"
    return False, ""
