"""The settings of the diffusion to undo, for networks that are given them: contrast λ, time T and diffusivity."""

from typing import Any

import keras

from diffnet_tf.networks.conditioned import ConditionedDiffNet

AUTO = "auto"
ESTIMATED = "perona_malik_1"  # the diffusivity that `diffusion.estimate_diffusion` is made for


def settings(
    model: keras.Model,
    contrast: float | str | None = None,
    time: float | str | None = None,
    diffusivity: str | None = None,
) -> dict[str, float | str]:
    """The values of a network's input channels behind σ, by name and in order; {} for a network that has none.

    "auto" stays "auto", for the estimate of each image.

    Args:
        model: the network.
        contrast: λ, as a share of white for a pixel, or "auto".
        time: T in pixels², or "auto".
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
                "share of white, and its time T, such as contrast=0.2, time=0.4 (--contrast 0.2 --time 0.4), or "
                '"auto" to estimate them.'
            )
        if isinstance(given[name], str):
            if given[name] != AUTO:
                raise ValueError(f"{name}={given[name]!r}; expected a number or {AUTO!r}.")
            if (diffusivity or model.diffusivities[0]) != ESTIMATED:
                raise ValueError(
                    f"{name}={AUTO!r} with diffusivity={diffusivity or model.diffusivities[0]!r}; expected "
                    f"{ESTIMATED!r}, which the estimate is made for. Give the contrast and the time as numbers."
                )
    known = {name: usual if given[name] == AUTO else given[name] for name, usual in (("contrast", 1.0), ("time", 0.0))}
    values = model.values_of(0.0, **known, diffusivity=diffusivity)
    return {name: AUTO if given[name] == AUTO else value for name, value in values.items() if name != "noise"}
