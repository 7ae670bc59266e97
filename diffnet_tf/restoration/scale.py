"""Black and white: the values of an image that a network sees as 0 and 1.

Networks are trained on images with maximum 1. White is the maximum of the image, unless it is given: as a number, or as
a percentile if defects are brighter than the image. If black and white are given, values below black, or more than a
quarter above white, are clipped for the network, and the clipped part is added to its output. (Networks turn values
below 0 into 0.)
"""

import dataclasses
import numbers

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array

LUMINANCE = np.array([0.2989, 0.5870, 0.1140], "float32")
ABOVE = 1.25  # upper limit of highlights and noise, if black is 0 and white 1
Level = float | str
"""A value on the image's own scale, or a percentile of its values such as "99.9%"."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """The values of black and white, and the limits to which a network's input is clipped (black is 0, white 1)."""

    black: float
    white: float
    limits: tuple[float, float] | None = None

    @property
    def span(self) -> float:
        """White minus black."""
        return self.white - self.black

    @property
    def plain(self) -> bool:
        """Whether it is enough to divide by white in float32."""
        return self.black == 0 and 1e-30 < self.white < 1e30

    def gray(self, values: Array) -> Array:
        """Gray values, float32 (rows, columns) with black 0 and white 1, from values (rows, columns, 1 or 3)."""
        if not self.plain:
            values = (values.astype("float64") - self.black) / self.span
        values = values.astype("float32")
        gray = values[..., 0] if values.shape[-1] == 1 else values @ LUMINANCE
        return gray / self.white if self.plain else gray

    def limited(self, gray: Array) -> Array:
        """Gray values clipped to the limits."""
        return gray if self.limits is None else np.clip(gray, *self.limits).astype("float32", copy=False)

    def undone(self, gray: Array) -> Array:
        """Gray values (rows, columns) converted back to the image's own scale."""
        return self.white * gray if self.plain else self.black + self.span * gray.astype("float64")


def check_level(value: Level | None, name: str) -> None:
    """Check that an argument is a finite number, a percentile or None.

    Raises:
        TypeError, ValueError: if not. The message names the argument.
    """
    if value is None or (isinstance(value, numbers.Real) and not isinstance(value, bool)):
        if value is not None and not np.isfinite(value):
            raise ValueError(f"{name}={value!r}; expected a finite number, or a percentile as '99.9%'.")
        return
    if not isinstance(value, str):
        kind = type(value).__name__
        raise checks.InputTypeError(f"{name}={value!r} is a {kind}; expected a number, or a percentile as '99.9%'.")
    try:
        fits = value.endswith("%") and 0 <= float(value[:-1]) <= 100
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name}={value!r}; expected a number, or a percentile from '0%' to '100%'.")
