"""Black and white: the values of an image that a network gets as 0 and 1.

Networks know images whose maximum is 1. White is the maximum, unless it is given: a number, or a percentile where
defects are brighter than the image. What lies below black, or by a quarter above white, where they are given, the
network does not get: it is added to what the network makes of the rest. (Networks make 0 of what is below 0.)
"""

import dataclasses
import numbers

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array

LUMINANCE = np.array([0.2989, 0.5870, 0.1140], "float32")
ABOVE = 1.25  # where black is 0 and white 1: highlights and noise reach no further
Level = float | str
"""A value on the image's own scale, or a percentile of its values as "99.9%"."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """The values of black and white, and between which a network gets values, where black is 0 and white 1."""

    black: float
    white: float
    limits: tuple[float, float] | None = None

    @property
    def span(self) -> float:
        """White minus black."""
        return self.white - self.black

    @property
    def plain(self) -> bool:
        """Whether float32 is enough to divide by white."""
        return self.black == 0 and 1e-30 < self.white < 1e30

    def gray(self, values: Array) -> Array:
        """Of values (rows, columns, 1 or 3) the gray value, black 0 and white 1: float32 (rows, columns)."""
        if not self.plain:
            values = (values.astype("float64") - self.black) / self.span
        values = values.astype("float32")
        gray = values[..., 0] if values.shape[-1] == 1 else values @ LUMINANCE
        return gray / self.white if self.plain else gray

    def limited(self, gray: Array) -> Array:
        """Without what lies beyond the limits."""
        return gray if self.limits is None else np.clip(gray, *self.limits).astype("float32", copy=False)

    def undone(self, gray: Array) -> Array:
        """Gray values (rows, columns) on the image's own scale."""
        return self.white * gray if self.plain else self.black + self.span * gray.astype("float64")


def check_level(value: Level | None, name: str) -> None:
    """Refuse what is neither a number nor a percentile.

    Raises:
        TypeError, ValueError: naming the argument.
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
