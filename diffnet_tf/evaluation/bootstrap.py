"""Intervals of means over images by the bootstrap, and of differences between methods on the same images. NumPy only.

Two networks find the same images hard: resampling images, the same for both, leaves only what differs between them.

>>> import numpy as np
>>> from diffnet_tf.evaluation import bootstrap
>>> images = np.random.default_rng(0).normal(60, 3, size=100)  # PSNR of every image
>>> mean, low, high = bootstrap.paired(images + 0.5, images)
>>> print(f"{mean:.2f} ({low:.2f} to {high:.2f})")
0.50 (0.50 to 0.50)
"""

import numpy as np

from diffnet_tf.base.types import Array

LEVEL, DRAWS = 0.95, 2_000


def interval(values: Array, level: float = LEVEL, draws: int = DRAWS) -> tuple[float, float, float]:
    """The mean over images and its percentile bootstrap interval.

    Args:
        values: one an image, (n,); or (seeds, n), which are averaged over seeds first.
        level: the share of samples that is to contain the true mean.
        draws: bootstrap samples, always the same.

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
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, ((1 - level) / 2, (1 + level) / 2))
    return float(values.mean()), float(low), float(high)


def paired(ours: Array, theirs: Array, level: float = LEVEL, draws: int = DRAWS) -> tuple[float, float, float]:
    """The mean difference ours − theirs on the same images, and its interval: the same resampled images for both.

    Args:
        ours, theirs: one value an image, (n,), or (seeds, n) with any numbers of seeds, which are averaged.
        level, draws: see `interval`.

    Returns:
        (mean difference, lower end, upper end).
    """
    ours, theirs = (np.atleast_2d(np.asarray(a, "float64")).mean(axis=0) for a in (ours, theirs))
    if ours.shape != theirs.shape:
        raise ValueError(
            f"ours has {ours.size} images and theirs {theirs.size}; expected the same images in the same order."
        )
    return interval(ours - theirs, level, draws)
