"""In what precision networks compute: float32 as written, or bfloat16 in the inner convolutions.

| precision | inner convolutions | where float32 may be narrowed to TF32 (GPUs) |
|---|---|---|
| "float32" | float32 | it is not: TF32 is off |
| "bfloat16" | bfloat16, about 1.4 times as fast where the processor has instructions for it | |
| "auto" | bfloat16 where the device has it and the preset's card says that it costs at most 0.02 dB, else float32 | |

The first and the last convolution of each filter estimator, the update and the time steps are float32 in all of them.
"""

import functools
from collections.abc import Callable
from typing import Any

from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Tensor
from diffnet_tf.networks.image_model import ImageModel

PRECISIONS = ("float32", "auto", "bfloat16")
FREE = 0.02  # dB that bfloat16 may cost where it is chosen by "auto"


def policy(precision: str, cost: float | None) -> str:
    """The Keras dtype policy for a precision.

    Args:
        precision: of `PRECISIONS`.
        cost: in dB of bfloat16, None where it is not known.

    Raises:
        ValueError: for another precision.
    """
    checks.one_of(precision, "precision", PRECISIONS)
    free = cost is not None and cost <= FREE
    half = precision == "bfloat16" or (precision == "auto" and free and backend.has_bfloat16())
    return "mixed_bfloat16" if half else "float32"


def cost(card: dict[str, Any]) -> float | None:
    """What bfloat16 costs in dB of mean PSNR, as a preset's card has it; None where it says nothing."""
    try:
        return float(card["quality"]["precision"]["bfloat16"]["cost"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def recast(model: ImageModel, name: str) -> ImageModel:
    """A network with the same weights under another dtype policy; the network itself where it has that already."""
    if model.dtype_policy.name == name:
        return model
    config = {key: value for key, value in model.get_config().items() if key != "dtype"}
    other = type(model).from_config({**config, "dtype": name})
    other.set_weights(model.get_weights())
    return other


def exact(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function whose float32 convolutions are float32 on a GPU, too, where TF32 is faster and often the default."""

    @functools.wraps(function)
    def without_tf32(*arguments: Any, **options: Any) -> Tensor:
        with backend.without_tf32():
            return function(*arguments, **options)

    return without_tf32
