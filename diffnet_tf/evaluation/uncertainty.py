"""What an ensemble says of its own error: spread, calibration, coverage. NumPy, and SciPy for distributions and ranks.

Were the true image one more draw from the distribution of the members, the mean square error of the mean of m members
would be (m + 1)/m times their variance (Fortin et al., J. Hydrometeorol. 2014). `spread` is the root of that: of a
calibrated ensemble it is the root mean square error to be expected, of however few members. That the members share is
no part of it: the noise in the input, what diffusion has destroyed, and the mistakes of the architecture.
"""

import math
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array

WIDTH = 2.0  # of the intervals, in spreads to either side


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
