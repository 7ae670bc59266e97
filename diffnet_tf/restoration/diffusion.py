"""Estimate the diffusion that an image went through: contrast λ, time T, and σ of the noise that was added after it.

A small convolutional network looks at the differences of neighbouring pixels. The differences at the edges tell λ: an
edge steeper than λ stays, one that is less steep is blurred. The fine texture between the edges tells T. The network
gets the differences in a logarithmic scale, so that it sees texture and edges alike. Each layer computes the mean and
the standard deviation of its outputs over the whole image. From these, a few dense layers compute log λ, log T and log
σ. So an image may have any size. Its transpose gives the same estimate, because both are averaged.

The network is trained by `python -m experiments.diffusion_estimates`, whose record says how well it works. It needs
NumPy only.

>>> import numpy as np
>>> import diffnet_tf as dn
>>> from skimage import data
>>> image = (data.camera() / 255).astype("float32")
>>> diffused = np.asarray(dn.diffusion.perona_malik(image, steps=4, contrast=0.2))
>>> noise = np.random.default_rng(0).normal(scale=0.01, size=diffused.shape)
>>> 0.3 < dn.estimate_diffusion(diffused + noise).time < 0.5
True
"""

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from diffnet_tf.base import checks, choices
from diffnet_tf.base.types import Array
from diffnet_tf.files import sealed
from diffnet_tf.networks import cards
from diffnet_tf.restoration.noise import patches

CARD = cards.FOLDER / "diffusion-estimate.json"  # beside it, the weights
RANGES = choices.ESTIMATED
STRIDES = (1, 2, 2)  # of the convolutions
SIDE = 3  # of their filters
SMALLEST = 32  # side of the smallest image in pixels
LEAST = 0.1  # share of the outputs of each layer that no missing pixel may touch
TINY = 1e-4  # added to variances before their square root

_TOO_FEW = (
    "Too few neighbouring pixels are known to estimate the diffusion. Give its contrast and time, such as "
    "contrast=0.2, time=0.4 (--contrast 0.2 --time 0.4)."
)


class DiffusionEstimate(NamedTuple):
    """An estimated diffusion.

    Attributes:
        contrast: λ in the units of the image, for each pixel.
        time: T in pixels².
        noise: σ of the noise in the units of the image.
    """

    contrast: float
    time: float
    noise: float


def estimate_diffusion(image: Array) -> DiffusionEstimate:
    """Estimate which Perona–Malik diffusion a gray image went through, and the noise that was added after it.

    It is made for photographs that went through explicit diffusion with Perona and Malik's first diffusivity, steps of
    0.1 and the one-sided scheme (`dn.diffusion.perona_malik`), with λ from 10 to 40 % of the maximum of the image, T
    from 0.2 to 1 and σ from 0.1 to 5 % of the maximum. An estimate is never outside these ranges, so it is wrong for
    other diffusions, and for images that were not diffused at all. It is also wrong if the photograph was already
    blurred before the diffusion (T too large), or if the image was resized, sharpened or compressed after it.

    Args:
        image: (height, width), at least 32 pixels a side, of real numbers whose largest is above 0. NaN and masked
            pixels are left out. Of a large image, up to 64 squares of 128×128 pixels are used.

    Returns:
        (contrast, time, noise). A factor of the image is a factor of the contrast and of the noise, and does not change
        the time. The same image always gives the same estimate.

    Raises:
        TypeError: for values that are not real numbers.
        ValueError: for an image of another shape, a constant one, one without a value above 0, one that contains
            infinity, or one of which too few pixels are known.
    """
    image = np.asanyarray(image)
    if image.dtype.kind not in "uif":
        raise checks.InputTypeError(f"image has dtype {image.dtype}; expected integers or floats.")
    if image.ndim != 2 or min(image.shape) < SMALLEST:
        raise ValueError(
            f"image has shape {image.shape}; expected (height, width) with at least {SMALLEST} pixels a side. Give the "
            "contrast and time as numbers instead."
        )
    squares = [np.ma.filled(image[place].astype("float64"), np.nan) for place in patches(image.shape)]
    if any(np.isinf(square).any() for square in squares):
        raise ValueError("image contains infinity; expected finite values, or NaN for missing pixels.")
    return of_squares(squares)


def of_squares(squares: Sequence[Array], weights: Mapping[str, Array] | None = None) -> DiffusionEstimate:
    """The same for an image of which some squares, (height, width), are known. NaN marks missing pixels.

    Args:
        squares: parts of the image.
        weights: see `output`; None for those of the package.

    Raises:
        ValueError: if too few pixels are known, all are equal, or none is above 0.
    """
    known = [values for square in squares if len(values := square[np.isfinite(square)])]
    if not known:
        raise ValueError(_TOO_FEW)
    low, high = min(float(values.min()) for values in known), max(float(values.max()) for values in known)
    if not high > 0 or low == high:
        raise ValueError(
            f"The values are {low:g} to {high:g}; expected different ones, of which some are above 0. The diffusion of "
            "such an image cannot be estimated."
        )
    scaled = [(square / high).astype("float32") for square in squares]
    weights = _weights() if weights is None else weights
    both = [output(scaled, weights), output([square.T for square in scaled], weights)]
    contrast, time, noise = np.exp(np.mean(both, axis=0))
    contrast, time, noise = (
        float(np.clip(value, *RANGES[name])) for name, value in zip(RANGES, (contrast, time, noise), strict=True)
    )
    return DiffusionEstimate(high * contrast, time, high * noise)


def output(squares: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """The network's log λ, log T and log σ for squares (height, width) of one image whose maximum is 1: float32 (3,).

    Args:
        squares: parts of the image, float32. NaN marks missing pixels.
        weights: by name, as `experiments.lib.diffusion_network` makes them.

    Raises:
        ValueError: if too few pixels are known.
    """
    sums: list[Array] = [np.zeros(1)] * len(STRIDES)
    for square in squares:
        values = compressed(square, weights["scales"])
        for k, stride in enumerate(STRIDES):
            values = _convolved(values, weights[f"filters{k + 1}"], weights[f"offsets{k + 1}"], stride)
            sums[k] = sums[k] + _sums(values)
    values = np.concatenate([_pooled(each) for each in sums])
    for k in (1, 2):
        values = _gelu(values @ weights[f"dense{k}"] + weights[f"bias{k}"])
    result: Array = values @ weights["dense3"] + weights["bias3"]
    return result


def compressed(square: Array, scales: Array) -> Array:
    """Backward differences d along both axes, as arsinh(d/s) for each scale s: (height − 1, width − 1, 2 · scales)."""
    here = square[1:, 1:]
    differences = np.stack([here - square[1:, :-1], here - square[:-1, 1:]], axis=-1)
    return np.concatenate([np.arcsinh(differences / scale) for scale in scales], axis=-1)


def _convolved(values: Array, filters: Array, offsets: Array, stride: int) -> Array:
    """A convolution without padding, and a ReLU. Outputs that a NaN touches are NaN."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (SIDE, SIDE), axis=(0, 1))[::stride, ::stride]
    height, width, *inside = windows.shape  # inside: (channels, rows, columns)
    flat = windows.reshape(height * width, math.prod(inside))
    result = flat @ filters.transpose(2, 0, 1, 3).reshape(math.prod(inside), -1) + offsets
    return np.maximum(result, np.float32(0)).reshape(height, width, -1)


def _sums(values: Array) -> Array:
    """Known and all outputs of a layer, and the sums of the known ones and of their squares: float64 (2, 1 + c)."""
    flat = values.reshape(-1, values.shape[-1]).astype("float64")
    known = flat[np.isfinite(flat).all(axis=1)]
    return np.stack([np.append(known.sum(axis=0), len(known)), np.append((known**2).sum(axis=0), len(flat))])


def _pooled(sums: Array) -> Array:
    """The means and the standard deviations of the outputs of a layer."""
    count, total = sums[:, -1]
    if not count >= max(LEAST * total, 1):
        raise ValueError(_TOO_FEW)
    mean, square = sums[:, :-1] / count
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0) + TINY)
    return np.concatenate([mean, deviation]).astype("float32")


def _gelu(values: Array) -> Array:
    error = np.array([math.erf(value / math.sqrt(2.0)) for value in values], values.dtype)
    return 0.5 * values * (1.0 + error)


@functools.cache
def _weights(path: Path = CARD) -> dict[str, Array]:
    """The network's arrays by name, which must match their card."""
    advice = "the installation is damaged; install diffnet_tf again"
    described = sealed.manifest(path, {}, "the card of an estimate", advice=advice)
    return sealed.arrays(path, described["sha256"], advice)
