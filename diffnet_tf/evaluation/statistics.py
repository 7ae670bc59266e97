"""Bootstrap intervals over images, and the calibration of ensembles. NumPy only (SciPy for ensembles).

Two networks have difficulty with the same images. To compare them, images are resampled, the same for both.

>>> import numpy as np
>>> from diffnet_tf.evaluation import statistics
>>> images = np.random.default_rng(0).normal(60, 3, size=100)  # PSNR of every image
>>> mean, low, high = statistics.paired(images + 0.5, images)
>>> print(f"{mean:.2f} ({low:.2f} to {high:.2f})")
0.50 (0.50 to 0.50)

If the true image were one more draw from the distribution of an ensemble's members, the mean square error of the mean
of m members would be (m + 1)/m times their variance (Fortin et al., J. Hydrometeorol. 2014). `spread` is the root of
this: the expected root mean square error of a calibrated ensemble of any size. It does not include errors that all
members share: those from noise in the input, from information that diffusion has destroyed, and from the architecture.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array

LEVEL, DRAWS = 0.95, 2_000
WIDTH = 2.0  # half-width of an ensemble's intervals, in spreads

# ---- The bootstrap ---------------------------------------------------------------------------------------------------


def bootstrap(
    statistic: Callable[[Array], float], number: int, level: float = LEVEL, draws: int = DRAWS
) -> tuple[float, float, float]:
    """A statistic of images and its percentile bootstrap interval.

    Args:
        statistic: a function of the indices of resampled images, (number,).
        number: of images.
        level: confidence level of the interval, in (0, 1).
        draws: number of bootstrap samples, which are always the same.

    Returns:
        (statistic of all images, lower end, upper end).
    """
    rng = np.random.default_rng(0)
    samples = [statistic(rng.integers(number, size=number)) for _ in range(draws)]
    low, high = np.quantile(samples, ((1 - level) / 2, (1 + level) / 2))
    return float(statistic(np.arange(number))), float(low), float(high)


def interval(values: Array, level: float = LEVEL, draws: int = DRAWS) -> tuple[float, float, float]:
    """The mean over images and its percentile bootstrap interval.

    Args:
        values: one value for each image, (n,); or (seeds, n), which are first averaged over seeds.
        level, draws: see `bootstrap`.

    Returns:
        (mean, lower end, upper end).

    Raises:
        ValueError: if there are no values, or a value is not finite.
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
        ours, theirs: one value for each image, (n,), or (seeds, n) with any number of seeds, which are averaged.
        level, draws: see `bootstrap`.

    Returns:
        (mean difference, lower end, upper end).

    Raises:
        ValueError: if the numbers of images differ, or a value is not finite.
    """
    ours, theirs = (np.atleast_2d(np.asarray(a, "float64")).mean(axis=0) for a in (ours, theirs))
    if ours.shape != theirs.shape:
        raise ValueError(
            f"ours has {ours.size} images and theirs {theirs.size}; expected the same images in the same order."
        )
    return interval(ours - theirs, level, draws)


# ---- Ensembles -------------------------------------------------------------------------------------------------------


def spread(members: Array) -> Array:
    """The expected error of the mean of a calibrated ensemble, for each pixel.

    Args:
        members: outputs of m ≥ 2 networks, (m, ...).

    Returns:
        (...), √(1 + 1/m) times the sample standard deviation.

    Raises:
        ValueError: for fewer than two members.
    """
    number = len(members)
    if number < 2:
        raise ValueError(f"members has shape {np.shape(members)}; expected at least 2 along the first axis.")
    return math.sqrt(1 + 1 / number) * np.std(members, axis=0, ddof=1, dtype="float64")


def calibration(spread: Array, error: Array, bins: int = 20) -> tuple[Array, Array]:
    """The calibration curve of an ensemble, which is the diagonal if it is calibrated.

    Args:
        spread, error: of all pixels, of equal shape.
        bins: number of bins, each with about the same number of pixels, sorted by spread.

    Returns:
        (root mean square spread, root mean square error) of the bins, (bins,) each.
    """
    spread, error = np.ravel(spread), np.ravel(error)
    parts = np.array_split(np.argsort(spread, kind="stable"), bins)
    spreads, errors = ([math.sqrt(np.mean(values[part] ** 2)) for part in parts] for values in (spread, error))
    return np.array(spreads), np.array(errors)


def scale(spread: Array, error: Array) -> float:
    """The factor that makes the root mean square of the spread equal to that of the error.

    Fit it on other images than those that you use it for.
    """
    return float(np.sqrt(np.mean(np.square(error)) / np.mean(np.square(spread))))


def coverage(spread: Array, error: Array, width: float = WIDTH) -> float:
    """The share of pixels whose error is at most `width` times the spread."""
    return float(np.mean(np.abs(error) <= width * spread))


def nominal_coverage(number: int, width: float = WIDTH) -> float:
    """The coverage of a calibrated Gaussian ensemble: for two spreads, 88 % with 5 members and 95 % with many.

    The spread of few members is itself uncertain: (truth − mean) / spread has Student's distribution with m − 1 degrees
    of freedom.
    """
    from scipy import special

    return float(2 * special.stdtr(number - 1, width) - 1)


def rank_correlation(spread: Array, error: Array) -> float:
    """Spearman's rank correlation of spread and |error| over all pixels."""
    from scipy import stats

    return float(stats.spearmanr(np.ravel(spread), np.abs(np.ravel(error))).statistic)


def judged(spread: Array, error: Array, factor: float = 1.0, bins: int = 20) -> dict[str, Any]:
    """The statistics above for a spread that was multiplied by a factor: a dict of plain values."""
    spread = factor * np.asarray(spread, "float64")
    predicted, actual = calibration(spread, error, bins)
    return {
        "factor": factor,
        "rms_spread": float(np.sqrt(np.mean(spread**2))),
        "rms_error": float(np.sqrt(np.mean(np.square(error, dtype="float64")))),
        "coverage": coverage(spread, error),
        "calibration": {"spread": predicted.tolist(), "error": actual.tolist()},
    }
