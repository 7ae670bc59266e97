"""The precision of a network's convolutions: float32 or bfloat16.

- "float32": all convolutions in float32, also on GPUs, which often use TF32 instead.
- "bfloat16": the inner convolutions of every filter estimator in bfloat16, the first and the last in float32.
- "auto": if the device has bfloat16 and, by the preset's card, it costs at most 0.02 dB: all convolutions but the
  first in bfloat16, with compensation for the last (see `convolution.Conv2D`). Otherwise float32.

Updates and time steps are always in float32.
"""

import functools
from collections.abc import Callable
from typing import Any

from diffnet_tf.base import backend, checks
from diffnet_tf.base.choices import PRECISIONS
from diffnet_tf.base.types import Tensor
from diffnet_tf.networks.image_model import ImageModel
from diffnet_tf.networks.models import DiffNet

FREE = 0.02  # the most dB that bfloat16 may cost for "auto" to choose it


def policy(precision: str, cost: float | None) -> str:
    """The name of the Keras dtype policy for a precision.

    Args:
        precision: one of `choices.PRECISIONS`.
        cost: the loss of "auto" in bfloat16 in dB; None if unknown.

    Raises:
        ValueError: for another precision.
    """
    checks.one_of(precision, "precision", PRECISIONS)
    free = cost is not None and cost <= FREE
    half = precision == "bfloat16" or (precision == "auto" and free and backend.has_bfloat16())
    return "mixed_bfloat16" if half else "float32"


def cost(card: dict[str, Any], name: str = "auto") -> float | None:
    """The loss of mean PSNR in dB with "auto" or "bfloat16", from a preset's card; None if the card does not say."""
    try:
        return float(card["quality"]["precision"][name]["cost"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def compensate(model: ImageModel) -> None:
    """Let a DiffNet under a mixed dtype policy also compute its last convolutions in half precision."""
    for layer in model.diffusion_layers if isinstance(model, DiffNet) else ():
        layer.estimator.convolutions[-1].compensated = True


def recast(model: ImageModel, name: str) -> ImageModel:
    """A network with the same weights under another dtype policy; the given network if it has this policy already."""
    if model.dtype_policy.name == name:
        return model
    config = {key: value for key, value in model.get_config().items() if key != "dtype"}
    other = type(model).from_config({**config, "dtype": name})
    other.set_weights(model.get_weights())
    return other


def exact(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Wrap a function so that GPUs compute its float32 convolutions in float32, and not in TF32."""

    @functools.wraps(function)
    def without_tf32(*arguments: Any, **options: Any) -> Tensor:
        with backend.without_tf32():
            return function(*arguments, **options)

    return without_tf32
