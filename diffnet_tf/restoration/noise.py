"""Estimate σ of Gaussian noise in an image, for networks that are given it.

Differences of a high order along both axes leave little of a smooth image, but all of white noise. They still see some
texture, most of it in few places. So the standard deviation of these differences is computed in blocks of 8×8 pixels,
and low quantiles over the blocks are used. One of them is corrected by its ratios to the others, which see more texture
or less:

    log σ = log q₀ + c₀ + Σ cᵢ log (qᵢ / q₀)

The constants are fitted to photographs with known noise: for diffused ones by `python -m experiments.any_noise`, for
ordinary ones, which have more texture, by `python -m experiments.noise_estimates`. Their records say how well σ is
found.

>>> import numpy as np
>>> import diffnet_tf as dn
>>> image = dn.diffusion.perona_malik(dn.data.load_images("skimage", split="test", limit=1))
>>> noise = np.random.default_rng(0).normal(scale=0.02, size=(96, 96))
>>> 0.018 < dn.estimate_noise(np.asarray(image)[0, ..., 0] + noise) < 0.022
True
"""

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array

BLOCK = 8  # side of a block in pixels
FEATURES = ((6, 0.15), (2, 0.15), (2, 0.5), (6, 0.5), (6, 0.05))  # (order, quantile); the first is the reference
ORDERS = (2, 6)  # of the differences
DIFFUSED, PHOTOGRAPH = "diffused", "photograph"
CONSTANTS = {  # kind of the image → c₀, c₁, …
    DIFFUSED: (0.508, -0.382, -0.106, -0.068, 0.965),
    PHOTOGRAPH: (0.598, -0.625, -0.651, 0.203, 0.616),
}
SMALLEST = BLOCK + max(ORDERS)  # side of the smallest image in pixels
PATCH, PATCHES = 128, 8  # side of the squares that are used of a large image, and their number along each axis
LARGEST = 0.5  # as a share of the range of the image; a larger result is not noise


LEAST = 0.1  # share of the blocks that must be known
KNOWN = 0.5  # share of the differences in a block that must be known
FEWEST = 0.05  # share of the blocks that must be free of the extreme values, or else all blocks are used

_TOO_FEW = (
    "Too few neighbouring pixels are known to estimate the noise. Give σ as a share of white, such as noise=0.03 "
    "(--noise 0.03)."
)


def estimate_noise(image: Array, kind: str = DIFFUSED) -> float:
    """Estimate σ of the white Gaussian noise in a gray image.

    It is calibrated for photographs: those that were Perona–Malik-diffused before the noise was added, with σ from 0.05
    to 10 % of the maximum, and ordinary ones, with σ from 2 to 60 of 255. Weaker noise is hard to tell from the texture
    of an ordinary photograph, so the estimate is then too high. Noise that is alike in neighbouring pixels hardly
    counts, and noise that was cut off, in saturated regions, counts too little.

    Args:
        image: (height, width), at least 14 pixels a side, of real numbers. NaN and masked pixels are left out. For
            colour, estimate each channel.
        kind: "diffused" or "photograph", which was not diffused.

    Returns:
        σ in the units of the image: 0 if it has no noise, at most half of the range of the image.

    Raises:
        TypeError: for values that are not real numbers.
        ValueError: for an image of another shape, one that contains infinity, or one of which too few pixels are known;
            and for another kind.
    """
    checks.one_of(kind, "kind", tuple(CONSTANTS))
    image = np.asanyarray(image)
    if image.dtype.kind not in "uif":
        raise checks.InputTypeError(f"image has dtype {image.dtype}; expected integers or floats.")
    if image.ndim != 2 or min(image.shape) < SMALLEST:
        raise ValueError(
            f"image has shape {image.shape}; expected (height, width) with at least {SMALLEST} pixels a side. Give σ "
            "as a number instead."
        )
    squares = [image[place].astype("float64") for place in patches(image.shape)]
    squares = [np.ma.filled(square, np.nan) for square in squares]
    if any(np.isinf(square).any() for square in squares):
        raise ValueError("image contains infinity; expected finite values, or NaN for missing pixels.")
    return of_squares(squares, kind)


def of_squares(squares: Sequence[Array], kind: str) -> float:
    """σ of the noise in an image of which some squares, (height, width), are known. NaN marks missing pixels.

    Args:
        squares: parts of the image.
        kind: see `estimate_noise`.

    Raises:
        ValueError: if there are too few differences without a missing pixel.
    """
    known = [values for square in squares if len(values := square[np.isfinite(square)])]
    if not known:
        raise ValueError(_TOO_FEW)
    ends = min(float(values.min()) for values in known), max(float(values.max()) for values in known)
    if ends[0] == ends[1]:
        return 0.0
    return from_deviations(deviations(squares, ends), ends[1] - ends[0], CONSTANTS[kind])


def patches(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """The squares of an image (height, width) that are used: all of a small one, an even grid of a large one."""
    axes = []
    for side in shape[:2]:
        count = min(PATCHES, math.ceil(side / PATCH))
        starts = np.linspace(0, max(0, side - PATCH), count).astype(int)
        axes.append([slice(int(start), int(start) + PATCH) for start in starts])
    return list(itertools.product(*axes))


def deviations(squares: Iterable[Array], ends: tuple[float, float] = (-math.inf, math.inf)) -> dict[int, Array]:
    """The standard deviations of the differences in blocks of some squares: order → (number of blocks,).

    Left out are blocks of which less than half is known, and blocks without any noise, which are synthetic. So are
    blocks that contain an extreme value of the image, unless hardly any others are left: they may be saturated, which
    cuts the noise off.

    Args:
        squares: parts of an image, (height, width). NaN marks missing pixels.
        ends: the smallest and the largest value of the image.

    Raises:
        ValueError: if too few blocks are known.
    """
    found: dict[int, list[Array]] = {order: [] for order in ORDERS}
    inside: list[Array] = []
    known = []  # which blocks are
    for square in squares:
        square = np.asarray(square, "float64")
        height, width = (side - max(ORDERS) for side in square.shape)  # of the differences of the highest order
        both = {order: _blocks(_differences(square, order)[:height, :width] ** 2) for order in ORDERS}
        known.append(np.isfinite(both[max(ORDERS)]))
        used = np.logical_and.reduce([values > 0 for values in both.values()])
        for order, values in both.items():
            found[order].append(np.sqrt(values[used]))
        extreme = (square <= ends[0]) | (square >= ends[1])
        inside.append(_blocks(extreme[:height, :width].astype("float64"))[used] == 0)
    if not known or not np.concatenate(known).mean() >= LEAST:
        raise ValueError(_TOO_FEW)
    kept = np.concatenate(inside)
    if kept.sum() < FEWEST * len(kept):
        kept[:] = True
    return {order: np.concatenate(values)[kept] for order, values in found.items()}


def features(found: dict[int, Array]) -> Array:
    """The logarithms of the quantiles in `FEATURES`, from `deviations` of at least one block: float64 (5,)."""
    return np.log([np.quantile(found[order], quantile) for order, quantile in FEATURES])


def from_deviations(found: dict[int, Array], span: float, constants: Sequence[float]) -> float:
    """σ from `deviations`, at most half of the range `span` of the image."""
    if not len(found[ORDERS[0]]):
        return 0.0
    reference, *others = features(found)
    first, *rest = constants
    log = reference + first + sum(c * (other - reference) for c, other in zip(rest, others, strict=True))
    return float(min(math.exp(log), LARGEST * span))


def _differences(image: Array, order: int) -> Array:
    """Differences of an order along both axes, on a scale on which white noise keeps its σ: smaller by the order."""
    kernel = np.array([(-1) ** k * math.comb(order, k) for k in range(order + 1)], "float64")
    height, width = (side - order for side in image.shape)
    rows = sum(c * image[:, k : width + k] for k, c in enumerate(kernel))
    both: Array = sum(c * rows[k : height + k] for k, c in enumerate(kernel))
    return both / np.sum(kernel**2)


def _blocks(values: Array) -> Array:
    """The mean of the known values in each whole block, NaN if too few are known: (number of blocks,)."""
    height, width = (side // BLOCK for side in values.shape)
    cut = values[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    known = np.isfinite(cut)
    count = known.sum(axis=(1, 3))
    total = np.where(known, cut, 0.0).sum(axis=(1, 3))
    mean = np.where(count >= KNOWN * BLOCK**2, total / np.maximum(count, 1), np.nan)
    return np.asarray(mean.reshape(-1))
