"""Intervals by the bootstrap over images, and what an ensemble says of its own error. NumPy (SciPy for ensembles).

Two networks find the same images hard: resampling images, the same for both, leaves only what differs between them.

>>> import numpy as np
>>> from diffnet_tf.evaluation import statistics
>>> images = np.random.default_rng(0).normal(60, 3, size=100)  # PSNR of every image
>>> mean, low, high = statistics.paired(images + 0.5, images)
>>> print(f"{mean:.2f} ({low:.2f} to {high:.2f})")
0.50 (0.50 to 0.50)

Were the true image one more draw from the distribution of an ensemble's members, the mean square error of the mean of m
members would be (m + 1)/m times their variance (Fortin et al., J. Hydrometeorol. 2014). `spread` is the root of that:
of a calibrated ensemble it is the root mean square error to be expected, of however few members. What all members share
is no part of it: the noise in the input, what diffusion has destroyed, and the mistakes of the architecture.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array

LEVEL, DRAWS = 0.95, 2_000
WIDTH = 2.0  # of an ensemble's intervals, in spreads to either side

# ---- The bootstrap ---------------------------------------------------------------------------------------------------


def bootstrap(
    statistic: Callable[[Array], float], number: int, level: float = LEVEL, draws: int = DRAWS
) -> tuple[float, float, float]:
    """A statistic of images and its percentile bootstrap interval.

    Args:
        statistic: of the images with these indices, (number,), some of them more than once.
        number: of images.
        level: the share of samples that is to contain the true value.
        draws: bootstrap samples, always the same.

    Returns:
        (the statistic of all images, lower end, upper end).
    """
    rng = np.random.default_rng(0)
    samples = [statistic(rng.integers(number, size=number)) for _ in range(draws)]
    low, high = np.quantile(samples, ((1 - level) / 2, (1 + level) / 2))
    return float(statistic(np.arange(number))), float(low), float(high)


def interval(values: Array, level: float = LEVEL, draws: int = DRAWS) -> tuple[float, float, float]:
    """The mean over images and its percentile bootstrap interval.

    Args:
        values: one an image, (n,); or (seeds, n), which are averaged over seeds first.
        level, draws: see `bootstrap`.

    Returns:
        (mean, lower end, upper end).

    Raises:
        ValueError: for values that are not finite, or none.
    """
    values = np.atleast_2d(np.asarray(values, "float64")).mean(axis=0)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f"values have shape {values.shape} and {int((~np.isfinite(values)).sum())} are not finite; expected one "
            "finite value an image. Leave out perfect images, whose PSNR is infinite."
        )
    return bootstrap(lambda chosen: values[chosen].mean(), len(values), level, draws)


def paired(ours: Array, theirs: Array, level: float = LEVEL, draws: int = DRAWS) -> tuple[float, float, float]:
    """The mean difference ours − theirs on the same images, and its interval: the same resampled images for both.

    Args:
        ours, theirs: one value an image, (n,), or (seeds, n) with any numbers of seeds, which are averaged.
        level, draws: see `bootstrap`.

    Returns:
        (mean difference, lower end, upper end).
    """
    ours, theirs = (np.atleast_2d(np.asarray(a, "float64")).mean(axis=0) for a in (ours, theirs))
    if ours.shape != theirs.shape:
        raise ValueError(
            f"ours has {ours.size} images and theirs {theirs.size}; expected the same images in the same order."
        )
    return interval(ours - theirs, level, draws)


# ---- Ensembles -------------------------------------------------------------------------------------------------------


def spread(members: Array) -> Array:
    """The error of the members' mean that is to be expected of a calibrated ensemble, pixel by pixel.

    Args:
        members: outputs of m ≥ 2 networks, (m, ...).

    Returns:
        (...), √(1 + 1/m) times the sample standard deviation.
    """
    number = len(members)
    if number < 2:
        raise ValueError(f"members has shape {np.shape(members)}; expected at least 2 along the first axis.")
    return math.sqrt(1 + 1 / number) * np.std(members, axis=0, ddof=1, dtype="float64")


def calibration(spread: Array, error: Array, bins: int = 20) -> tuple[Array, Array]:
    """The curve that is the diagonal for a calibrated ensemble.

    Args:
        spread, error: of all pixels, of equal shape.
        bins: how many, of about equally many pixels, by increasing spread.

    Returns:
        (root mean square spread, root mean square error) of each bin, (bins,).
    """
    spread, error = np.ravel(spread), np.ravel(error)
    parts = np.array_split(np.argsort(spread, kind="stable"), bins)
    spreads, errors = ([math.sqrt(np.mean(values[part] ** 2)) for part in parts] for values in (spread, error))
    return np.array(spreads), np.array(errors)


def scale(spread: Array, error: Array) -> float:
    """The factor by which the spread has to be widened to be as large as the error: the ratio of their roots of mean
    squares. To be fitted on other images than it is used for."""
    return float(np.sqrt(np.mean(np.square(error)) / np.mean(np.square(spread))))


def coverage(spread: Array, error: Array, width: float = WIDTH) -> float:
    """The share of pixels whose error is at most `width` spreads."""
    return float(np.mean(np.abs(error) <= width * spread))


def nominal_coverage(number: int, width: float = WIDTH) -> float:
    """The coverage of a calibrated Gaussian ensemble: of 5 members 88 % for two spreads, of many 95 %.

    The spread of so few is itself uncertain: (truth − mean) / spread has Student's distribution, m − 1 degrees.
    """
    from scipy import special

    return float(2 * special.stdtr(number - 1, width) - 1)


def rank_correlation(spread: Array, error: Array) -> float:
    """Spearman's, of spread and |error| over all pixels."""
    from scipy import stats

    return float(stats.spearmanr(np.ravel(spread), np.abs(np.ravel(error))).statistic)


def judged(spread: Array, error: Array, factor: float = 1.0, bins: int = 20) -> dict[str, Any]:
    """All of the above of a spread that was widened by a factor: a dict of plain values."""
    spread = factor * np.asarray(spread, "float64")
    predicted, found = calibration(spread, error, bins)
    return {
        "factor": factor,
        "rms_spread": float(np.sqrt(np.mean(spread**2))),
        "rms_error": float(np.sqrt(np.mean(np.square(error, dtype="float64")))),
        "coverage": coverage(spread, error),
        "calibration": {"spread": predicted.tolist(), "error": found.tolist()},
    }
