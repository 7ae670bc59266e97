"""What a check of a record gives: a verdict with its number and provenance; and the rules that checks share.

| verdict | meaning |
|---|---|
| reproduced | on images of STL-10, ours is at least the paper's, or equal within uncertainty |
| partial | it holds on other test images than STL-10's, only in part, or after too few steps to tell |
| not reproduced | it was run and does not hold |
| too short to tell | it does not hold, after a run of budget smoke or quick: a test of the software, not of the claim |
| not run | no record |

NumPy and the standard library only.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from diffnet_tf.evaluation import statistics
from experiments.lib import options
from experiments.lib.measure import BATCH

REPRODUCED, PARTIAL, NOT_REPRODUCED, NOT_RUN = "reproduced", "partial", "not reproduced", "not run"
TOO_SHORT = "too short to tell"
VERDICTS = (REPRODUCED, PARTIAL, NOT_REPRODUCED, TOO_SHORT, NOT_RUN)
SHORT = ("smoke", "quick")  # budgets after which nothing can be said against a claim

Record = dict[str, Any]
Check = Callable[[Record, dict[str, np.ndarray]], "Finding"]


class NotRun(Exception):
    """A record holds nothing that a claim is about."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the records say to a claim: our value with its spread and number n of samples, verdict and provenance."""

    ours: str
    verdict: str
    n: int | None = None
    budget: str = ""
    data: str = ""
    commit: str = ""


def interval(psnr, low, high, draws=2_000):
    """The authors' PSNR, mean over batches, and its bootstrap interval over images.

    Args:
        psnr: PSNR of every image, range 1: (n,).
        low, high: extremes of every target image, (n,).
        draws: bootstrap samples.

    Returns:
        (value in dB, lower end, upper end).
    """
    error, low, high = 10.0 ** (-np.asarray(psnr, float) / 10.0), np.asarray(low, float), np.asarray(high, float)

    def value(chosen):
        batches = [chosen[i : i + BATCH] for i in range(0, len(chosen), BATCH)]
        ranges = np.array([high[b].max() - low[b].min() for b in batches])
        return np.mean(20.0 * np.log10(ranges) - 10.0 * np.log10([error[b].mean() for b in batches]))

    return statistics.bootstrap(value, len(error), draws=draws)


def short(commit):
    """The first digits of a commit, with a + where the code had changes that are not in it."""
    return commit[:7] + "+" * commit.endswith("+changes")


def provenance(record, **more):
    """Where a finding comes from: budget, data and commit of a record, or others in their place.

    Of an experiment of many trainings the commit is that of the trainings, not that of gathering them.
    """
    data = f"{record['data']} → {record['test_data']}" if record["source"] != "none" else ""
    commits = [run["commit"] for run in record.get("runs", ()) if run.get("commit")] or [record["commit"] or ""]
    first, *others = dict.fromkeys(map(short, commits))
    commit = first + (f" and {len(others)} more" if others else "")
    return {"budget": record["budget"], "data": data, "commit": commit, **more}


def finding(record, ours, verdict, n=None, **more):
    """A `Finding` from a record; the verdict may be whether the claim holds, and `more` the provenance of others."""
    found = Finding(ours, verdict if isinstance(verdict, str) else grade([verdict]), n, **provenance(record, **more))
    short = found.verdict == NOT_REPRODUCED and any(budget in SHORT for budget in found.budget.split("/"))
    return dataclasses.replace(found, verdict=TOO_SHORT) if short else found


def judged(partly, wholly):
    """The verdict on what holds in part, and wholly."""
    return NOT_REPRODUCED if not partly else REPRODUCED if wholly else PARTIAL


def on_stl10(record, holds):
    """The verdict on what holds on test images: "partial" where they are not STL-10's, by their content."""
    return judged(holds, options.of_stl10(record))


def grade(holds, half=True):
    """All hold: reproduced; half of them (or, with half=False, any): partial; else not reproduced."""
    holds = list(holds)
    enough = 2 * sum(holds) >= len(holds) if half else any(holds)
    return REPRODUCED if all(holds) else PARTIAL if enough else NOT_REPRODUCED


def budgets(runs):
    """The budgets of some runs."""
    return "/".join(sorted({run["budget"] for run in runs}))
