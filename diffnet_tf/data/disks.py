"""Disks of varying radius and contrast: the images of the deconvolution experiment (Section 5.1, Figures 4 and 5).

The paper shows one such disk but does not state sizes and positions. Those here are our own choice.
"""

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.data.gray import GrayImages

RADII = (4.0, 20.0)  # pixels
CONTRASTS = (0.2, 1.0)
MARGIN = 3.0  # pixels between a disk and the border, so that little of it diffuses out of the image


def disks(count: int, size: int = 64, seed: int = 0) -> GrayImages:
    """Make images with one disk each: constant in pixels whose centre is inside a circle, 0 elsewhere.

    Radius and contrast are uniform in `RADII` and `CONTRASTS`; the centre is uniform where the disk keeps a `MARGIN`.

    Args:
        count: number of images.
        size: their height and width in pixels, at least 48.
        seed: a whole number of at least 0, which determines the disks.

    Returns:
        `GrayImages` (count, size, size), which are not scaled by their maximum.

    Raises:
        TypeError, ValueError: for an argument out of range.
    """
    checks.count(count, "count")
    checks.count(size, "size", minimum=int(2 * (RADII[1] + MARGIN) + 2))
    checks.count(seed, "seed", minimum=0)
    rng = np.random.default_rng(seed)
    radius, contrast = rng.uniform(*RADII, count), rng.uniform(*CONTRASTS, count)
    room = radius + MARGIN
    centre = room[:, None] + rng.random((count, 2)) * (size - 1 - 2 * room)[:, None]
    row, column = (np.arange(size) - centre[:, axis, None] for axis in (0, 1))
    inside = row[:, :, None] ** 2 + column[:, None, :] ** 2 <= radius[:, None, None] ** 2
    return GrayImages((contrast[:, None, None] * inside).astype("float32"), "disks", scaled=False)
