"""Under whose conditions a number was measured: five marks, computed from the records of the trainings behind it.

| mark | given when |
|---|---|
| network | every network has the paper's number of parameters |
| protocol | Adam, an ℓ2 loss, 16 whole images a step, no flips, at least the paper's number of steps |
| training images | STL-10's, 90,000 of them |
| test images | STL-10's: all 10,000, or stl10_real, which is 123 of its images |
| seeds | at least 3 of every network |

It also says which trainings may be compared with each other, and which are too short to tell. Standard library only.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.lib.options import STL10_REAL, STL10_SHAPE

PARAMETERS = {"DiffNet": 101_310, "UNet": 34_512_705, "deconvolution": 60_786}  # the last: three layers, Figure 5
STEPS = {"deconvolution": 64_000}  # of the paper, about; of all others `PAPER_STEPS`
PAPER_STEPS, PAPER_BATCH, SIDE = 101_250, 16, 96
LOSSES = ("mse", "norm")  # "ℓ2 loss" in the paper; its norm over the batch in the authors' code
SEEDS = 3
TRAINED_ON = 90_000
# Pixels a training must have seen before anything is said of it: 7,000 steps of 8 crops of 24×24.
ENOUGH = 7_000 * 8 * 24**2
# Pixels after which a training may stand for a network's best: 2 % of the paper's.
LONG = PAPER_STEPS * PAPER_BATCH * SIDE**2 // 50

Training = Mapping[str, Any]  # the record of one training


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The five marks; None where one does not apply. `tested` and `seeds` say more of two of them."""

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
    return training.get("network") or training.get("model", {}).get("class", "DiffNet")


def task(training: Training) -> tuple[str, float]:
    """(problem, σ of the noise)."""
    kept = training.get("task") or training
    return kept.get("problem", "inverse"), kept.get("noise", 0.0)


def what(training: Training) -> str:
    """What was trained, all but its seed: trainings of equal answers are repetitions of each other."""
    images = training.get("size") or training.get("training_images")
    parts = network(training), *task(training), images, training.get("parameters"), training.get("regime", "")
    return " ".join(map(str, parts))


def pixels(training: Training) -> int:
    """How many pixels a training has seen: steps × batch × side²."""
    recipe = training["recipe"]
    return training["steps"] * recipe["batch_size"] * (recipe.get("crop") or SIDE) ** 2


def short(trainings: Sequence[Training]) -> bool:
    """Whether one of them is too short to tell anything."""
    return any(pixels(training) < ENOUGH for training in trainings)


def size(training: Training) -> str:
    """Steps, batch and side of a training: "20,900 × 16 × 48²"."""
    recipe = training["recipe"]
    return f"{training['steps']:,} × {recipe['batch_size']} × {recipe.get('crop') or SIDE}²"


def alike(ours: Sequence[Training], theirs: Sequence[Training]) -> tuple[bool, str]:
    """Whether two networks may be compared, and how: after equal steps of equal batches, or each at its best.

    Returns:
        (whether, words).
    """
    one, other = sorted({size(each) for each in ours}), sorted({size(each) for each in theirs})
    if one == other and len(one) == 1:
        return True, f"both after {one[0]}"
    lengths = f"{' or '.join(one)} against {' or '.join(other)}"
    if all(pixels(each) >= LONG for each in (*ours, *theirs)):
        return True, f"each at its best: {lengths}"
    return False, f"not alike: {lengths}"


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
    return images.get("shape") == STL10_SHAPE and count == TRAINED_ON


def _test_images(trainings):
    """(whether all were tested on STL-10's images, in words which)."""
    sets = [training.get("image_sets", {}).get("test", {}) for training in trainings]
    if all(test.get("sha256") == STL10_REAL for test in sets):
        return True, "123 of 10,000"
    if all(test.get("shape") == STL10_SHAPE and test.get("split") == "test" for test in sets):
        counts = {test.get("count") or 10_000 for test in sets}
        return True, f"{min(counts):,} of 10,000"
    return False, ""
