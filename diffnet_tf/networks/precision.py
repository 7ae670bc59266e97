"""In what precision networks compute: float32 as written, or bfloat16 in their convolutions.

- "float32": in float32, on GPUs too, which would take TF32 for it.
- "bfloat16": in bfloat16, but for the first and the last convolution of every filter estimator.
- "auto": where the device has bfloat16 and the preset's card says that it costs at most 0.02 dB, in bfloat16, but for
  the first convolution; the last one is compensated, see `convolution.Conv2D`. Elsewhere in float32.

The update and the time steps are in float32 always.
"""

import functools
from collections.abc import Callable
from typing import Any

from diffnet_tf.base import backend, checks
from diffnet_tf.base.choices import PRECISIONS
from diffnet_tf.base.types import Tensor
from diffnet_tf.networks.models import DiffNet

FREE = 0.02  # dB that bfloat16 may cost where it is chosen by "auto"


def policy(precision: str, cost: float | None) -> str:
    """The Keras dtype policy for a precision.

    Args:
        precision: of `choices.PRECISIONS`.
        cost: what "auto" loses in bfloat16 in dB, None where it is not known.

    Raises:
        ValueError: for another precision.
    """
    checks.one_of(precision, "precision", PRECISIONS)
    free = cost is not None and cost <= FREE
    half = precision == "bfloat16" or (precision == "auto" and free and backend.has_bfloat16())
    return "mixed_bfloat16" if half else "float32"


def cost(card: dict[str, Any], name: str = "auto") -> float | None:
    """What "auto" or "bfloat16" costs in dB of mean PSNR, as a preset's card has it; None where it says nothing."""
    try:
        return float(card["quality"]["precision"][name]["cost"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def compensate(model: DiffNet) -> None:
    """Let a network under a mixed policy compute its last convolutions in half precision, too."""
    for layer in model.diffusion_layers:
        layer.estimator.convolutions[-1].compensated = True


def recast(model: DiffNet, name: str) -> DiffNet:
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
