"""Figure 10's claims about training images: how many are enough, for which network, with how much noise.

Only trainings of the same kind are compared: the same regime (stored pairs as in the paper, or examples made on the
fly), the same recipe, and the same budget. NumPy only.
"""

import numpy as np

from experiments.lib import conditions, verdicts
from experiments.lib.against_unet import REGIMES, psnr, regime_of

CLOSE = 0.5  # dB: so much below the best, a number of images is enough
FEWEST = 10  # images
SOME = 1_000  # images: the paper's "500–1,000"


def of_one_kind(runs, network, task):
    """The trainings of a network for a task with different numbers of images, otherwise alike.

    Args:
        runs: see `against_unet.trainings`.
        network: "DiffNet" or "UNet".
        task: (problem, noise).

    Returns:
        number of images → trainings, seed by seed, in increasing order: of the paper's regime if it was run with at
        least three numbers of images; else of the kind with the most pixels.

    Raises:
        verdicts.NotRun: where there are fewer than three numbers of images.
    """
    kinds: dict = {}
    for run in runs:
        if run["network"] == network and conditions.task(run) == task:
            regime, budget = regime_of(run), run["budget"]
            kinds.setdefault((regime, budget, str(run["recipe"])), {}).setdefault(run["size"], []).append(run)
    kinds = {kind: of_size for kind, of_size in kinds.items() if len(of_size) >= 3}
    if not kinds:
        raise verdicts.NotRun(f"no {network} for {task} with three numbers of images")

    def value(kind):
        of_all = [run for of_size in kinds[kind].values() for run in of_size]
        return -REGIMES.index(kind[0]), max(map(conditions.pixels, of_all))

    best = max(kinds, key=value)
    return dict(sorted(kinds[best].items()))


def _against_all(of_size, size):
    """The `Interval` of PSNR with all images minus PSNR with this number."""
    return verdicts.difference(psnr(of_size[max(of_size)]), psnr(of_size[size]))


def _finding(of_size, answer, text=""):
    trainings = sum(of_size.values(), [])
    means = ", ".join(f"{psnr(runs).mean():.2f} dB with {size:,}" for size, runs in of_size.items())
    regime = {"stored": "stored pairs", "fly": "pairs made on the fly"}[regime_of(trainings[0])]
    n = verdicts.count(len(trainings[0]["psnr"]), trainings)
    return verdicts.finding(trainings[0], f"{text}{means}; {regime}", answer, n, trainings)


def some_are_enough(network, task, runs):
    """With 300 to 1,000 images, PSNR is within 0.5 dB of that with all."""
    of_size = of_one_kind(runs, network, task)
    some = max((size for size in of_size if 300 <= size <= SOME), default=None)
    if some is None or max(of_size) <= SOME:
        raise verdicts.NotRun("no trainings with 300 to 1,000 images and with more")
    gap, sides = _against_all(of_size, some), (of_size[some], of_size[max(of_size)])
    less = verdicts.Interval(-gap.value, -gap.high, -gap.low)
    return _finding(of_size, verdicts.reaches(less, -CLOSE, *sides), f"all − {some:,} images: {gap} dB; ")


def fewer_are_not(network, task, runs):
    """With 10 images, PSNR is more than 0.5 dB below that with all. Otherwise "few are enough" says nothing."""
    of_size = of_one_kind(runs, network, task)
    if FEWEST not in of_size:
        raise verdicts.NotRun(f"no trainings with {FEWEST} images")
    gap, sides = _against_all(of_size, FEWEST), (of_size[FEWEST], of_size[max(of_size)])
    return _finding(of_size, verdicts.reaches(gap, CLOSE, *sides), f"all − {FEWEST} images: {gap} dB; ")


def saturation(of_size):
    """The smallest number of images beyond which more images gain less than 0.5 dB."""
    means = {size: np.mean(psnr(runs)) for size, runs in of_size.items()}
    return min(size for size, mean in means.items() if mean >= max(means.values()) - CLOSE)


def saturates_earlier(runs):
    """At 1 % noise the U-Net needs fewer training images than without noise to be within 0.5 dB of its best."""
    of_noise = [of_one_kind(runs, "UNet", ("inverse", noise)) for noise in (0.0, 0.01)]
    used = [run for of_size in of_noise for of in of_size.values() for run in of]
    if len({(tuple(of_size), regime_of(next(iter(of_size.values()))[0])) for of_size in of_noise}) > 1:
        raise verdicts.NotRun("trainings with the same numbers of images")
    first, last = map(saturation, of_noise)
    text = f"within {CLOSE} dB of its best with {first:,} images without noise, with {last:,} at 1 %"
    answer = last < first
    if first == last:
        answer = verdicts.Unsure("as many")
    elif conditions.of(used).seeds < conditions.SEEDS:
        answer = verdicts.Unsure("another seed may change it")
    return verdicts.finding(used[0], text, answer, verdicts.count(len(used[0]["psnr"]), used), used)
