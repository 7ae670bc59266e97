"""Bootstrap intervals over images, and error estimates from ensembles. Uses NumPy (and SciPy for ensembles).

The same images are difficult for all networks. So a comparison of two networks resamples the same images for both, and
only the difference between the networks remains.

>>> import numpy as np
>>> from diffnet_tf.evaluation import statistics
>>> images = np.random.default_rng(0).normal(60, 3, size=100)  # PSNR of each image
>>> mean, low, high = statistics.paired(images + 0.5, images)
>>> print(f"{mean:.2f} ({low:.2f} to {high:.2f})")
0.50 (0.50 to 0.50)

If the true image were one more draw from the distribution of an ensemble's members, the mean square error of the mean
of m members would be (m + 1)/m times their variance (Fortin et al., J. Hydrometeorol. 2014). `spread` is its root:
for a calibrated ensemble, it is the expected root mean square error, even with few members. It does not include errors
that all members share: from noise in the input, information lost in diffusion, and limits of the architecture.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array

LEVEL, DRAWS = 0.95, 2_000
WIDTH = 2.0  # half width of an ensemble's intervals, in spreads

# ---- The bootstrap ---------------------------------------------------------------------------------------------------


def bootstrap(
    statistic: Callable[[Array], float], number: int, level: float = LEVEL, draws: int = DRAWS
) -> tuple[float, float, float]:
    """A statistic over images and its percentile bootstrap interval.

    Args:
        statistic: a function of the indices of images, (number,), in which an index may occur more than once.
        number: number of images, at least 1.
        level: coverage of the interval, in (0, 1).
        draws: number of bootstrap samples; the seed is fixed.

    Returns:
        (statistic over all images, lower end, upper end).
    """
    rng = np.random.default_rng(0)
    samples = [statistic(rng.integers(number, size=number)) for _ in range(draws)]
    low, high = np.quantile(samples, ((1 - level) / 2, (1 + level) / 2))
    return float(statistic(np.arange(number))), float(low), float(high)


def interval(values: Array, level: float = LEVEL, draws: int = DRAWS) -> tuple[float, float, float]:
    """The mean over images and its percentile bootstrap interval.

    Args:
        values: one value for each image, (n,), or (seeds, n), which is first averaged over seeds.
        level, draws: see `bootstrap`.

    Returns:
        (mean, lower end, upper end).

    Raises:
        ValueError: if there are no values, or some are not finite.
    """
    values = np.atleast_2d(np.asarray(values, "float64")).mean(axis=0)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f"values have shape {values.shape} and {int((~np.isfinite(values)).sum())} are not finite; expected one "
            "finite value for each image. Leave out perfect images, whose PSNR is infinite."
        )
    return bootstrap(lambda chosen: values[chosen].mean(), len(values), level, draws)


def paired(ours: Array, theirs: Array, level: float = LEVEL, draws: int = DRAWS) -> tuple[float, float, float]:
    """The mean difference ours − theirs on the same images, and its bootstrap interval.

    Args:
        ours, theirs: one value for each image, (n,), or (seeds, n), which is first averaged over seeds. The numbers of
            seeds may differ.
        level, draws: see `bootstrap`.

    Returns:
        (mean difference, lower end, upper end).

    Raises:
        ValueError: if the numbers of images differ, or a value is not finite.
    """
    ours, theirs = (np.atleast_2d(np.asarray(a, "float64")).mean(axis=0) for a in (ours, theirs))
    if ours.shape != theirs.shape:
        raise ValueError(
            f"ours has {ours.size} images, but theirs has {theirs.size}; expected the same images in the same order."
        )
    return interval(ours - theirs, level, draws)


# ---- Ensembles -------------------------------------------------------------------------------------------------------


def spread(members: Array) -> Array:
    """The expected error of the members' mean in each pixel, if the ensemble is calibrated.

    Args:
        members: outputs of m ≥ 2 networks, (m, ...).

    Returns:
        (...), √(1 + 1/m) times the sample standard deviation.

    Raises:
        ValueError: if there are fewer than 2 members.
    """
    number = len(members)
    if number < 2:
        raise ValueError(f"members has shape {np.shape(members)}; expected at least 2 along the first axis.")
    return math.sqrt(1 + 1 / number) * np.std(members, axis=0, ddof=1, dtype="float64")


def calibration(spread: Array, error: Array, bins: int = 20) -> tuple[Array, Array]:
    """The calibration curve of an ensemble. It is the diagonal if the ensemble is calibrated.

    Args:
        spread, error: spread and error of all pixels, of equal shape.
        bins: number of bins, sorted by spread, with about the same number of pixels.

    Returns:
        (root mean square spread, root mean square error) in each bin, both (bins,).
    """
    spread, error = np.ravel(spread), np.ravel(error)
    parts = np.array_split(np.argsort(spread, kind="stable"), bins)
    spreads, errors = ([math.sqrt(np.mean(values[part] ** 2)) for part in parts] for values in (spread, error))
    return np.array(spreads), np.array(errors)


def scale(spread: Array, error: Array) -> float:
    """The factor that makes the spread as large as the error: the ratio of their root mean squares.

    Fit it on different images from those on which you use it.
    """
    return float(np.sqrt(np.mean(np.square(error)) / np.mean(np.square(spread))))


def coverage(spread: Array, error: Array, width: float = WIDTH) -> float:
    """The share of pixels, in [0, 1], whose |error| is at most `width` spreads."""
    return float(np.mean(np.abs(error) <= width * spread))


def nominal_coverage(number: int, width: float = WIDTH) -> float:
    """The coverage of a calibrated Gaussian ensemble: for two spreads, 88 % with 5 members, 95 % with many.

    With m members, the spread is itself uncertain: (truth − mean) / spread has Student's t distribution with m − 1
    degrees of freedom.
    """
    from scipy import special

    return float(2 * special.stdtr(number - 1, width) - 1)


def rank_correlation(spread: Array, error: Array) -> float:
    """Spearman's rank correlation of spread and |error| over all pixels."""
    from scipy import stats

    return float(stats.spearmanr(np.ravel(spread), np.abs(np.ravel(error))).statistic)


def judged(spread: Array, error: Array, factor: float = 1.0, bins: int = 20) -> dict[str, Any]:
    """All measures above for a spread multiplied by a factor, as a dict of plain values."""
    spread = factor * np.asarray(spread, "float64")
    predicted, actual = calibration(spread, error, bins)
    return {
        "factor": factor,
        "rms_spread": float(np.sqrt(np.mean(spread**2))),
        "rms_error": float(np.sqrt(np.mean(np.square(error, dtype="float64")))),
        "coverage": coverage(spread, error),
        "calibration": {"spread": predicted.tolist(), "error": actual.tolist()},
    }
