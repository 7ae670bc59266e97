"""What the record of `denoise` is checked for. `denoise_record` says what it holds.

A goal is about the mean over one fixed set of images, BSD68 with fixed noise, which is known exactly. So a goal holds
where the mean of every seed reaches it, and where seeds disagree the answer is open. With fewer than 3 seeds the mean
must be beyond the goal by more than another seed may change. An interval over images would say
how much photographs differ, which is more than what divides good denoisers. Comparisons are paired, image by image, and
have the usual intervals.
"""

import functools

import numpy as np

from experiments.lib import conditions, denoise_record, verdicts
from experiments.lib.denoise_record import AUTO, PUBLISHED, psnr
from experiments.lib.ledger import Claim
from experiments.lib.verdicts import FAILS, HOLDS

OURS, CNN, TNRD, BM3D = "diffnet", "convnet", "tnrd", "bm3d"  # rows of the record
DIFFUSIONS = ("perona-malik", "edge-enhancing")
LEVELS = (15, 25, 50)
GOALS, REACH = (31.4, 28.95, 26.0), (31.6, 29.1, 26.15)  # dB on BSD68
LARGEST = 110_000  # parameters
AUTOMATIC, OF_ITS_PAPER = 0.1, 0.3  # dB that estimating σ may cost; that TNRD may be behind its paper
# The images that the goals are about, see `denoising.about`.
BSD68 = "12476bd58f17943e59f685bfc4d1b2bac824c42dded541556e8c95a6e85e5396"


def reaches(record, arrays, method, bounds):
    """The mean PSNR on BSD68 of every seed reaches a bound at each of some levels.

    Args:
        method: row of the record.
        bounds: level → dB.
    """
    texts, answers = [], []
    for level, bound in bounds.items():
        means = psnr(record, arrays, method, level).mean(axis=1, dtype="float64")
        spread = _spread(record, arrays, OURS)  # of whose seeds most are known
        chance = 0.0 if len(means) >= conditions.SEEDS else verdicts.CHANCE if spread is None else spread
        sure = min(abs(means - bound)) >= chance
        answers.append(verdicts.of_each_seed(means >= bound) if sure else _another_seed("mean", chance))
        texts.append(f"{means.mean():.2f} dB at {level}{verdicts.of_seeds(means)}")
    return _finding(record, arrays, texts, answers, [method])


def ahead(record, arrays, method, others, bound=0.0, equal=False):
    """The paired difference of two rows on BSD68 is above a bound at all levels.

    If one side was trained with fewer than 3 seeds, the difference must be beyond the bound by more than what seeds of
    the other side differ, or by `verdicts.CHANCE` if that has fewer, too.

    Args:
        method, others: rows of the record; each of the others.
        bound: dB.
        equal: whether both must have been trained alike and with equal numbers of parameters, to 5 %.
    """
    texts, answers = [], []
    for other in others:
        gaps = [_pair(record, arrays, method, other, level) for level in LEVELS]
        chance = 0.0 if _same_training(method, other) else _chance(record, arrays, method, other)
        answers += [_beyond(gap, bound, chance) for gap in gaps]
        listed = ", ".join(f"{gap.value:+.2f} at {level}" for gap, level in zip(gaps, LEVELS))
        texts.append(f"{record['methods'][other]['label']}: {listed} dB" if len(others) > 1 else f"{listed} dB")
    if equal:
        answers.append(_alike(record, method, others[0], texts))
    return _finding(record, arrays, texts, answers, [method, *others])


def small(record, arrays):
    """The number of parameters."""
    if OURS not in record["methods"]:
        raise verdicts.NotRun(f"no run of {OURS}")
    number = record["methods"][OURS]["parameters"]
    return verdicts.finding(record, f"{number:,}", number <= LARGEST, exact=True)


def _pair(record, arrays, method, other, level):
    return verdicts.difference(*(psnr(record, arrays, each, level) for each in (method, other)))


def _same_training(method, other):
    return method.removesuffix(AUTO) == other.removesuffix(AUTO)


def _chance(record, arrays, *methods):
    """dB by which another seed may change a difference: 0 where each trained side has 3 seeds."""
    trained = [method for method in methods if record["methods"][method]["kind"] == "network"]
    spreads = [_spread(record, arrays, method) for method in trained]
    if None not in spreads:
        return 0.0
    return max((spread for spread in spreads if spread is not None), default=verdicts.CHANCE)


def _spread(record, arrays, method):
    """The largest difference of the means of its seeds at a level, in dB; None with fewer than 3."""
    seeds = [psnr(record, arrays, method, level) for level in LEVELS] if method in record["methods"] else [()]
    if min(map(len, seeds)) < conditions.SEEDS:
        return None
    return max(float(np.ptp(values.mean(axis=1))) for values in seeds)


def _beyond(gap, bound, chance):
    """As `verdicts.reaches`, with another chance of seeds."""
    if gap.low >= bound + chance + 1e-9:
        return HOLDS
    if gap.high < bound - chance:
        return FAILS
    sure = gap.low >= bound or gap.high < bound
    return _another_seed("difference", chance) if sure else verdicts.Unsure("the bound lies in the interval")


def _another_seed(what, chance):
    return verdicts.Unsure(f"another seed may change the {what} by {chance:.2g} dB")


def _alike(record, method, other, texts):
    """Whether two networks were trained alike and are of equal size; adds it to the texts."""
    ours, theirs = (denoise_record.trainings(record, each) for each in (method, other))
    fair, words = conditions.alike(ours, theirs)
    sizes = [record["methods"][each]["parameters"] for each in (method, other)]
    words += f"; {sizes[0]:,} and {sizes[1]:,} parameters"
    texts.append(words)
    equal = abs(sizes[0] - sizes[1]) <= 0.05 * sizes[0]
    return HOLDS if fair and equal else verdicts.Unsure("not trained equally" if equal else "not of equal size")


def _finding(record, arrays, texts, answers, methods):
    used = [run for method in methods for run in denoise_record.trainings(record, method)]
    used = list({run["name"]: run for run in used}.values())
    answer = verdicts.agreed(answers)
    if record["sets"]["bsd68"]["sha256"] != BSD68:
        answer = verdicts.Unsure("these images are not all of BSD68")
    n = verdicts.count(record["sets"]["bsd68"]["count"], used)
    return verdicts.finding(record, "; ".join(texts), answer, n, used)


def _tnrd(record, arrays):
    """At the levels for which it was trained."""
    here = record["methods"].get(TNRD, {}).get("results", {}).get("bsd68", {})
    paper = dict(zip(map(str, LEVELS), PUBLISHED[TNRD]["bsd68"]))
    bounds = {int(level): round(paper[level] - OF_ITS_PAPER, 4) for level in here if level in paper}
    if not bounds:
        raise verdicts.NotRun(f"no run of {TNRD}")
    return reaches(record, arrays, TNRD, bounds)


CLAIMS = (
    *(
        Claim(
            f"`denoise`, BSD68, σ = {level}",
            f"≥ {goal:g} dB",
            functools.partial(reaches, method=OURS, bounds={level: goal}),
        )
        for level, goal in zip(LEVELS, GOALS)
    ),
    Claim(
        "`denoise` comes close to DnCNN on BSD68 at all of σ = 15, 25, 50",
        f"≥ {', '.join(f'{value:g}' for value in REACH)} dB",
        functools.partial(reaches, method=OURS, bounds=dict(zip(LEVELS, REACH))),
    ),
    Claim("`denoise` is small", f"≤ {LARGEST:,} parameters", small, answers=verdicts.EXACT),
    Claim(
        f'`noise="auto"` costs `denoise` at most {AUTOMATIC} dB',
        f"≥ −{AUTOMATIC} dB at all levels",
        functools.partial(ahead, method=OURS + AUTO, others=(OURS,), bound=-AUTOMATIC),
    ),
    Claim(f"TNRD is within {OF_ITS_PAPER} dB of its paper", f"≥ paper − {OF_ITS_PAPER} dB", _tnrd),
    Claim(
        "DiffNet is ahead of a CNN of equal size",
        "> 0 dB at all levels",
        functools.partial(ahead, method=OURS, others=(CNN,), equal=True),
    ),
    Claim("`denoise` is ahead of BM3D", "> 0 dB at all levels", functools.partial(ahead, method=OURS, others=(BM3D,))),
    Claim(
        "`denoise` is ahead of Perona–Malik and edge-enhancing diffusion with the best stopping times",
        "> 0 dB at all levels",
        functools.partial(ahead, method=OURS, others=DIFFUSIONS),
    ),
)
