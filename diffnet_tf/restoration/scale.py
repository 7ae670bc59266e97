"""Black and white: the pixel values that a network sees as 0 and 1.

The scale of a network says what white is, unless another value is given:

- "maximum": the network was trained on images whose maximum is 1. So white is the maximum. If defects are brighter than
  the image, give a percentile. If black or white is given, the network sees neither values below a given black nor
  values that exceed white by more than a quarter of the range. The clipped-off part is added back to the result,
  because these networks turn negative values into 0.
- "white": the network was trained on images of which white is 1, whatever their maximum. So white is 1.0 for floats and
  the largest value of the dtype for integers. The network sees all values, also those beyond black and white.
"""

import dataclasses
import numbers
from collections.abc import Sequence

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array

LUMINANCE = np.array([0.2989, 0.5870, 0.1140], "float32")
FULL, MAXIMUM = "full", "maximum"  # names of two whites: of the dtype, and of the image
ABOVE = 1.25  # upper limit with black at 0 and white at 1; highlights and noise stay below it
Level = float | str
"""A pixel value in the image's own units, or a percentile of its values such as "99.9%"; for white also a name."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """Black and white, and the limits to which gray values are clipped, with black at 0 and white at 1."""

    black: float
    white: float
    limits: tuple[float, float] | None = None

    @property
    def span(self) -> float:
        """White minus black."""
        return self.white - self.black

    @property
    def plain(self) -> bool:
        """Whether black is 0 and float32 is wide enough to divide by white."""
        return self.black == 0 and 1e-30 < self.white < 1e30

    def gray(self, values: Array) -> Array:
        """Gray values of pixels (rows, columns, 1 or 3), black 0 and white 1: float32 (rows, columns)."""
        if not self.plain:
            values = (values.astype("float64") - self.black) / self.span
        values = values.astype("float32")
        gray = values[..., 0] if values.shape[-1] == 1 else values @ LUMINANCE
        return gray / self.white if self.plain else gray

    def limited(self, gray: Array) -> Array:
        """Clip gray values to the limits."""
        return gray if self.limits is None else np.clip(gray, *self.limits).astype("float32", copy=False)

    def undone(self, gray: Array) -> Array:
        """Convert gray values (rows, columns) back to the image's own units."""
        return self.white * gray if self.plain else self.black + self.span * gray.astype("float64")


def full(dtype: np.dtype) -> float:
    """White of a dtype: the largest integer, or 1."""
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def sees_all(network: str | None, white: Level | None) -> bool:
    """Whether a network sees all values, also those beyond black and white.

    Args:
        network: the network's scale, "maximum" or "white"; None if it has no card. Then white says which it is.
        white: as given.
    """
    return network == "white" or (network is None and white == FULL)


def white_of(network: str | None, white: Level | None) -> Level | None:
    """White for a network of this scale: as given, or else what its scale says. None is the maximum of the image."""
    if white is None and network == "white":
        return FULL
    return None if white == MAXIMUM else white


def check_level(value: Level | None, name: str, names: Sequence[str] = ()) -> None:
    """Refuse anything but a number, a percentile or one of some names.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    if value is None or (isinstance(value, numbers.Real) and not isinstance(value, bool)):
        if value is not None and not np.isfinite(value):
            raise ValueError(f"{name}={value!r}; expected a finite number, or a percentile such as '99.9%'.")
        return
    if not isinstance(value, str):
        kind = type(value).__name__
        raise checks.InputTypeError(
            f"{name}={value!r} is a {kind}; expected a number, or a percentile such as '99.9%'."
        )
    if value in names:
        return
    try:
        fits = value.endswith("%") and 0 <= float(value[:-1]) <= 100
    except ValueError:
        fits = False
    if not fits:
        others = "".join(f", or {other!r}" for other in names)
        raise ValueError(
            f"{name}={value!r}; expected a number, or a percentile from '0%' to '100%'{others}."
            f"{checks.did_you_mean(value, names)}"
        )
