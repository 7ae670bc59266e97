"""Numbers that may differ between examples: σ of the noise, and parameters of the degradation.

A range instead of a number means that each example draws its own number:

| range | drawn |
|---|---|
| (low, high) | σ uniformly in √σ, a parameter uniformly |
| (low, high, "log") | uniformly in its logarithm: as many between 0.1 and 0.2 % as between 1 and 2 % |
| (low, high, step) | a parameter: one of low, low + step, …, high, all equally often |

σ is not drawn uniformly in σ. With levels from 0 to 10 % and √σ, a third of the examples has less than 1 % noise and a
tenth less than 0.1 %, where a network can gain most; uniformly in σ, it would be a tenth and a hundredth. (Uniformly in
log σ, 0 could not be drawn.)
"""

import dataclasses
import math
import numbers
from collections.abc import Mapping
from typing import Any

from diffnet_tf.base import checks

Range = float | tuple[float, float] | tuple[float, float, str | float]
"""One number for all examples, or a range from which each example draws its own, see above."""

LOG = "log"


@dataclasses.dataclass(frozen=True)
class Spread:
    """A range, checked.

    Attributes:
        low, high: its ends, both included; equal for one number.
        way: the number is uniform "even", in its "root", in its "log", or a multiple of a "step" above low.
        values: how many values there are with a step; else 0.
    """

    low: float
    high: float
    way: str = "even"
    values: int = 0

    @property
    def plain(self) -> float | list[Any]:
        """The range as plain values for a record: those that make it again."""
        if self.low == self.high:
            return self.low
        if self.way == "step":
            return [self.low, self.high, (self.high - self.low) / (self.values - 1)]
        return [self.low, self.high] + [LOG] * (self.way == "log")


def of_noise(noise: Range) -> Spread:
    """The range of σ.

    Raises:
        TypeError, ValueError: unless it is a finite number of at least 0, or a pair of such numbers in order, perhaps
            with "log".
    """
    if not isinstance(noise, (tuple, list)):
        checks.not_negative(noise, "noise")
        return Spread(float(noise), float(noise))
    if len(noise) == 3 and isinstance(noise[2], numbers.Real):
        raise ValueError(f'noise={noise!r}; expected σ, (low, high) or (low, high, "log").')
    spread = _spread(noise, "noise", "root")
    checks.not_negative(spread.low, "noise[0]")
    return spread


def of_parameters(parameter: Range | Mapping[str, Range]) -> dict[str, Spread]:
    """The ranges of one or several parameters by their names; one without a name is called "parameter".

    Raises:
        TypeError, ValueError: unless they are as above. A number is allowed for a parameter with a name.
    """
    if isinstance(parameter, Mapping):
        if not parameter or not all(isinstance(name, str) and name.isidentifier() for name in parameter):
            raise ValueError(f"parameter={parameter!r}; expected names of arguments of degrade, each with a range.")
        return {name: _of(given, f"parameter[{name!r}]") for name, given in parameter.items()}
    if not isinstance(parameter, (tuple, list)):
        raise checks.InputTypeError(
            f"parameter={parameter!r} is a {type(parameter).__name__}; expected (low, high), or a dict of such ranges."
        )
    return {"parameter": _spread(parameter, "parameter", "even")}


def plain(parameter: Range | Mapping[str, Range]) -> Any:
    """The ranges of `of_parameters` as plain values, that of one without a name always as a list."""
    spreads = of_parameters(parameter)
    if isinstance(parameter, Mapping):
        return {name: spread.plain for name, spread in spreads.items()}
    one = spreads["parameter"].plain
    return one if isinstance(one, list) else [one, one]


def _of(given: Range, name: str) -> Spread:
    return _spread(given if isinstance(given, (tuple, list)) else (given, given), name, "even")


def _spread(given: tuple[Any, ...] | list[Any], name: str, way: str) -> Spread:
    if len(given) not in (2, 3):
        raise ValueError(f"{name}={given!r} holds {len(given)} number(s); expected a pair (low, high).")
    *ends, last = given if len(given) == 3 else (*given, None)
    for value in (*ends, *([] if last in (None, LOG) else [last])):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise checks.InputTypeError(f"{name}={given!r} holds a {type(value).__name__}; expected numbers.")
    low, high = (float(value) for value in ends)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"{name}={given!r}; expected finite numbers (low, high), the lower first.")
    if last is None:
        return Spread(low, high, way)
    if last == LOG:
        if low <= 0:
            raise ValueError(f"{name}={given!r}; expected numbers above 0, which have a logarithm.")
        return Spread(low, high, "log")
    number = (high - low) / float(last) if last > 0 and math.isfinite(last) else math.nan
    if not abs(number - round(number if math.isfinite(number) else 0)) < 1e-6:
        raise ValueError(f"{name}={given!r}; expected (low, high, step) with high a whole number of steps above low.")
    return Spread(low, high, "step", round(number) + 1)
