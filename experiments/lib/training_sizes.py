"""What Figure 10 says of the number of training images: how many are enough, for which network, with how much noise.

Trainings are compared with others of their kind only: one regime (stored pairs as in the paper, or examples made on the
fly), one recipe, one budget. NumPy only.
"""

import numpy as np

from experiments.lib import conditions, verdicts
from experiments.lib.against_unet import REGIMES, psnr, regime_of

CLOSE = 0.5  # dB: so much below the best, a number of images is enough
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
    """The `Interval` of PSNR with all images minus PSNR with so many."""
    return verdicts.difference(psnr(of_size[max(of_size)]), psnr(of_size[size]))


def _finding(of_size, answer, text=""):
    trainings = sum(of_size.values(), [])
    means = ", ".join(f"{psnr(runs).mean():.2f} dB with {size:,}" for size, runs in of_size.items())
    regime = {"stored": "stored pairs", "fly": "made on the fly"}[regime_of(trainings[0])]
    n = verdicts.count(len(trainings[0]["psnr"]), trainings)
    return verdicts.finding(trainings[0], f"{text}{means}; {regime}", answer, n, trainings)


def some_are_enough(network, task, runs):
    """300 to 1,000 images are within 0.5 dB of all."""
    of_size = of_one_kind(runs, network, task)
    some = max((size for size in of_size if 300 <= size <= SOME), default=None)
    if some is None or max(of_size) <= SOME:
        raise verdicts.NotRun("no trainings with 300 to 1,000 images and with more")
    gap = _against_all(of_size, some)
    answer = verdicts.reaches(verdicts.Interval(-gap.value, -gap.high, -gap.low), -CLOSE)
    return _finding(of_size, answer, f"all − {some:,}: {gap} dB; ")


def fewer_are_not(network, task, runs):
    """10 images are more than 0.5 dB behind all: without this, "few are enough" says nothing."""
    of_size = of_one_kind(runs, network, task)
    fewest = min(of_size)
    if fewest > 100:
        raise verdicts.NotRun("no trainings with few images")
    gap = _against_all(of_size, fewest)
    return _finding(of_size, verdicts.reaches(gap, CLOSE), f"all − {fewest:,}: {gap} dB; ")


def saturation(of_size):
    """The smallest number of images after which more gain less than 0.5 dB."""
    means = {size: np.mean(psnr(runs)) for size, runs in of_size.items()}
    return min(size for size, mean in means.items() if mean >= max(means.values()) - CLOSE)


def saturates_earlier(runs):
    """With more noise the U-Net needs fewer training images to be within 0.5 dB of its best."""
    of_noise = [of_one_kind(runs, "UNet", ("inverse", noise)) for noise in (0.0, 0.01)]
    first, last = map(saturation, of_noise)
    used = [run for of_size in of_noise for of in of_size.values() for run in of]
    text = f"within {CLOSE} dB of its best with {first:,} images without noise, with {last:,} at 1 %"
    n = verdicts.count(len(used[0]["psnr"]), used)
    return verdicts.finding(used[0], text, verdicts.OPEN if first == last else last < first, n, used)
