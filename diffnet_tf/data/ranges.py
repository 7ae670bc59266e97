"""Numbers that may differ between examples: σ of the noise, and a parameter of the degradation.

A pair (low, high) instead of a number means that each example draws its own number. σ is drawn uniformly in √σ, not in
σ. With levels from 0 to 10 %, a third of the examples then has less than 1 % noise and a tenth less than 0.1 %, where a
network can gain most; uniformly in σ, it would be a tenth and a hundredth. (Uniformly in log σ, 0 could not be drawn.)
A parameter is drawn uniformly.
"""

import math
import numbers

from diffnet_tf.base import checks

Range = float | tuple[float, float]
"""One number for all examples, or (low, high), between which each example draws its own."""


def of_noise(noise: Range) -> tuple[float, float]:
    """(low, high) of σ; both are equal if `noise` is one number.

    Raises:
        TypeError, ValueError: unless it is a finite number of at least 0, or a pair of such numbers in order.
    """
    if not isinstance(noise, (tuple, list)):
        checks.not_negative(noise, "noise")
        return float(noise), float(noise)
    low, high = _pair(noise, "noise")
    checks.not_negative(low, "noise[0]")
    return low, high


def of_parameter(parameter: tuple[float, float]) -> tuple[float, float]:
    """(low, high) of a parameter as floats.

    Raises:
        TypeError, ValueError: unless it is a pair of finite numbers in order.
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
