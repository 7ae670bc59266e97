"""The settings of the diffusion to undo, for networks that are given them: contrast λ, time T and diffusivity."""

from typing import Any

import keras

from diffnet_tf.base import checks
from diffnet_tf.networks.conditioned import ConditionedDiffNet


def settings(
    model: keras.Model,
    contrast: float | None = None,
    time: float | None = None,
    diffusivity: str | None = None,
) -> dict[str, float]:
    """The values of a network's input channels behind σ, by name and in order; {} for a network that has none.

    Args:
        model: the network.
        contrast: λ, as a share of white for a pixel.
        time: T in pixels².
        diffusivity: a name; None for the first one that the network knows.

    Raises:
        TypeError, ValueError: if one is missing, out of range, or given to a network that does not take it.
    """
    given: dict[str, Any] = {"contrast": contrast, "time": time, "diffusivity": diffusivity}
    if not isinstance(model, ConditionedDiffNet):
        for name, value in given.items():
            if value is not None:
                raise ValueError(
                    f"{name}={value!r} for a network that is not given the diffusion; expected None. Leave out {name} "
                    f"(--{name}), or use a network that is given it, such as a models.ConditionedDiffNet."
                )
        return {}
    for name in ("contrast", "time"):
        if given[name] is None:
            raise ValueError(
                f"{name} is missing; the network undoes the diffusion that it is given. Give its contrast λ, as a "
                "share of white, and its time T, such as contrast=0.2, time=0.4 (--contrast 0.2 --time 0.4)."
            )
        if isinstance(given[name], str):  # the place for "auto", once both can be estimated
            raise checks.InputTypeError(f"{name}={given[name]!r} is a str; expected a number.")
    values = model.values_of(0.0, given["contrast"], given["time"], diffusivity)
    return {name: value for name, value in values.items() if name != "noise"}
