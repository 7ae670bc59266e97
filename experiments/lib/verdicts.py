"""The result of checking a claim: does it hold, with which number, and under the paper's conditions?

| answer | meaning |
|---|---|
| holds | the interval is on the claim's side of the bound |
| does not hold | the interval is on the other side |
| can't tell | the bound is in the interval, or there is another reason, which the row gives, such as short trainings |
| not run | there is no record |

An interval is always the 95 % percentile bootstrap interval over test images, for values averaged over seeds. The range
over seeds is given beside it. NumPy and the standard library only.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from diffnet_tf.evaluation import statistics
from experiments.lib import conditions
from experiments.lib.conditions import Conditions
from experiments.lib.measure import BATCH

HOLDS, FAILS, OPEN, NOT_RUN = "holds", "does not hold", "can't tell", "not run"
ANSWERS = (HOLDS, FAILS, OPEN, NOT_RUN)
EXACT = (HOLDS, FAILS, NOT_RUN)  # of what nothing is uncertain about
SHORT = {"smoke", "quick"}  # budgets that are a test of the software: nothing is said after these, either way
SIZE = 1.0  # dB: a value or a difference within this of the paper's has its size
CHANCE = 0.5  # dB that another seed may make: with fewer than 3, a difference of trainings has to be beyond it

Record = dict[str, Any]
Check = Callable[..., "Finding"]


class NotRun(Exception):
    """A record holds no measurement for a claim."""


class Unsure(str):
    """The answer "can't tell", with the reason why."""

    why: str

    def __new__(cls, why):
        answer = super().__new__(cls, OPEN)
        answer.why = why
        return answer


@dataclasses.dataclass(frozen=True)
class Finding:
    """The answer of the records to a claim.

    Attributes:
        ours: our value, with its spread.
        answer: one of `ANSWERS`.
        n: numbers and units: "123 images × 3 seeds".
        conditions: the conditions of its trainings.
        budget, data, commit: where it comes from.
    """

    ours: str
    answer: str
    n: str = ""
    conditions: Conditions = Conditions()
    budget: str = ""
    data: str = ""
    commit: str = ""


# ---- Numbers ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval over test images."""

    value: float
    low: float
    high: float

    def __format__(self, spec):
        spec = spec or ".2f"
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


def authors_psnr(psnr, low, high, draws=statistics.DRAWS):
    """The authors' PSNR, mean over batches: an `Interval` in dB.

    Args:
        psnr: PSNR of every image, range 1: (n,), or (seeds, n); the value is averaged over seeds.
        low, high: extremes of every target image, (n,).
        draws: bootstrap samples.
    """
    error, low, high = 10.0 ** (-np.atleast_2d(psnr).astype(float) / 10.0), np.asarray(low), np.asarray(high)

    def value(chosen):
        batches = [chosen[i : i + BATCH] for i in range(0, len(chosen), BATCH)]
        ranges = np.array([high[b].max() - low[b].min() for b in batches])
        means = np.stack([error[:, b].mean(axis=1) for b in batches], axis=1)  # (seeds, batches)
        return np.mean(20.0 * np.log10(ranges) - 10.0 * np.log10(means))

    return Interval(*statistics.bootstrap(value, error.shape[1], draws=draws))


def mean(values):
    """The mean over test images of (n,) or (seeds, n): an `Interval`."""
    return Interval(*statistics.interval(values))


def difference(ours, theirs):
    """The mean of ours − theirs over the same test images, each (n,) or (seeds, n): an `Interval`."""
    return Interval(*statistics.paired(ours, theirs))


def of_seeds(values, spec=".2f"):
    """The range of a value over seeds: "; 3 seeds: 67.37 to 67.59"; "" for one seed."""
    values = list(values)
    return f"; {len(values)} seeds: {min(values):{spec}} to {max(values):{spec}}" if len(values) > 1 else ""


# ---- Answers ---------------------------------------------------------------------------------------------------------


def reaches(interval, bound=0.0, *sides):
    """Whether a value is at least the bound.

    Args:
        interval: an `Interval`.
        bound: bound in the unit of the interval.
        sides: for a difference of trainings in dB, the trainings of each side. If one side has fewer than 3 seeds, the
            difference must be beyond the bound by more than another seed may change: `CHANCE`.
    """
    chance = CHANCE if any(_seeds(side) < conditions.SEEDS for side in sides) else 0.0
    if interval.low >= bound + chance:
        return HOLDS
    if interval.high < bound - chance:
        return FAILS
    sure = interval.low >= bound or interval.high < bound
    return Unsure(
        f"another seed may change the difference by {CHANCE} dB" if sure else "the bound lies in the interval"
    )


def _seeds(side):
    return len({training.get("seed", 0) for training in side})


def ahead(interval, *sides):
    """Whether a difference of trainings is above 0, see `reaches`."""
    return reaches(interval, 1e-9, *sides)


def within(interval, middle, size=SIZE):
    """Whether a value is within ± size of another."""
    inside = middle - size <= interval.low and interval.high <= middle + size
    outside = interval.low > middle + size or interval.high < middle - size
    return HOLDS if inside else FAILS if outside else Unsure("a bound lies in the interval")


def agreed(answers: Iterable[Any]):
    """Join the answers of several seeds, parts or sides: all hold, or one does not, or else "can't tell".

    Args:
        answers: members of `ANSWERS`, or booleans.
    """
    found = [answer if isinstance(answer, str) else HOLDS if answer else FAILS for answer in answers]
    if not found:
        raise NotRun("nothing to agree on")
    return FAILS if FAILS in found else next((answer for answer in found if answer == OPEN), HOLDS)


def of_each_seed(answers: Sequence[bool]):
    """Join a plain yes or no of each seed: where seeds disagree, the answer is "can't tell"."""
    found = set(map(bool, answers))
    if not found:
        raise NotRun("no seeds")
    return Unsure("seeds disagree") if len(found) > 1 else HOLDS if found.pop() else FAILS


# ---- Findings --------------------------------------------------------------------------------------------------------


def shorten(commit):
    """The first digits of a commit, with a + if the code had uncommitted changes."""
    return commit[:7] + "+" * commit.endswith("+changes")


def provenance(record, trainings=()):
    """The source of a finding: budget, data and commit of a record, or of the trainings behind it."""
    data = f"{record['data']} → {record['test_data']}" if record.get("data", "none") != "none" else ""
    commits = [run["commit"] for run in trainings if run.get("commit")] or [record.get("commit") or ""]
    first, *others = dict.fromkeys(map(shorten, commits))
    changed = " with changes" * any(commit.endswith("+") for commit in others)
    commit = first + (f" and {len(others)} more{changed}" if others else "")
    return {"budget": budgets(trainings) or record.get("budget", ""), "data": data, "commit": commit}


def finding(record, ours, answer, n="", trainings=(), exact=False, tested="", **more):
    """A `Finding` from a record.

    The answer is "can't tell" after short trainings, after a smoke run, and if trainings had different test images.

    Args:
        record: record of the experiment.
        ours: the number, in words.
        answer: one of `ANSWERS`, or whether the claim holds.
        n: number of images, seeds or others, in words.
        trainings: records of the trainings that the number depends on.
        exact: the claim depends on no training and no image, so nothing is too short for it.
        tested: the test images in words, if they are not all of those of the trainings.
        more: budget, data or commit in place of these records'.
    """
    answer = answer if isinstance(answer, str) else agreed([answer])
    trainings = [{"image_sets": record.get("image_sets", {}), **training} for training in trainings]
    where = provenance(record, trainings) | more
    hurried = {record.get("budget")} & {"smoke"} or SHORT & set(where["budget"].split("/"))
    if not exact and (hurried or conditions.short(trainings)):
        answer = Unsure("trainings too short to tell")
    elif not conditions.tested_alike(trainings):
        answer = Unsure("tested on different images")
    under = conditions.of(trainings)
    under = dataclasses.replace(under, tested=tested) if tested else under
    why = f"; {answer.why}" if isinstance(answer, Unsure) and answer.why not in ours else ""
    return Finding(ours + why, str(answer), n, under, **where)


def compared(record, ours, theirs, text, answer, n):
    """A `Finding` on two sets of trainings, which must be alike: see `conditions.alike`."""
    fair, words = conditions.alike(ours, theirs)
    text = f"{text}; {words}" if fair else text
    return finding(record, text, answer if fair else Unsure(words), n, [*ours, *theirs])


def count(images, trainings=()):
    """n with its units: "123 images", "123 images × 3 seeds"."""
    seeds = conditions.of(trainings).seeds
    return f"{images:,} image{'s' * (images != 1)}" + (f" × {seeds} seeds" if seeds > 1 else "")


def budgets(runs):
    """The budgets of some runs, joined by "/"."""
    return "/".join(sorted({run["budget"] for run in runs if run.get("budget")}))
