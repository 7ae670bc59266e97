"""Numbers that may differ from example to example: σ of the noise, and a parameter of the degradation.

A pair (low, high) instead of a number means that each example draws its own. Noise is drawn uniformly in √σ, not in σ:
with levels from 0 to 10 % a third of the examples then has less than 1 % and a tenth less than 0.1 %, where a network
has decibels to win; uniformly in σ these would be a tenth and a hundredth. (A logarithm would not reach 0.) A
parameter is drawn uniformly.
"""

import math
import numbers

from diffnet_tf.base import checks

Range = float | tuple[float, float]
"""One number for all examples, or (low, high), from which each draws its own."""


def of_noise(noise: Range) -> tuple[float, float]:
    """(low, high) of σ, equal where it is one number.

    Raises:
        InputTypeError, ValueError: for what is no finite number of at least 0, and no pair of such in order.
    """
    if not isinstance(noise, (tuple, list)):
        checks.not_negative(noise, "noise")
        return float(noise), float(noise)
    low, high = _pair(noise, "noise")
    checks.not_negative(low, "noise[0]")
    return low, high


def of_parameter(parameter: tuple[float, float]) -> tuple[float, float]:
    """(low, high) of a parameter.

    Raises:
        InputTypeError, ValueError: for anything but two finite numbers in order.
    """
    if not isinstance(parameter, (tuple, list)):
        raise checks.InputTypeError(f"parameter={parameter!r} is a {type(parameter).__name__}; expected (low, high).")
    return _pair(parameter, "parameter")


def _pair(given: tuple[float, ...] | list[float], name: str) -> tuple[float, float]:
    if len(given) != 2:
        raise ValueError(f"{name}={given!r} holds {len(given)} number(s); expected a pair (low, high).")
    for value in given:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise checks.InputTypeError(f"{name}={given!r} holds a {type(value).__name__}; expected two numbers.")
    low, high = (float(value) for value in given)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"{name}={given!r}; expected finite numbers (low, high), the lower first.")
    return low, high
