"""The options of `train` for networks that are given σ, or the diffusion: ranges of σ, λ, T instead of one value."""

from __future__ import annotations

import argparse
import dataclasses
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from diffnet_tf.base import checks, command_line

if TYPE_CHECKING:
    import keras

    from diffnet_tf.training import recipes

STEP = 0.1  # of the times that are drawn
NEAR = 1e-6  # relative to a step: rounding of a time such as 0.3
CROP, RATE = 48, 1e-3  # a pixel depends on a wide neighbourhood; learning rate
LOGARITHM = "log"  # σ above 0 is drawn uniformly in its logarithm, see `data.ranges`


def add_arguments(parser: ArgumentParser) -> None:
    """Define --contrast and --time."""
    parser.add_argument(
        "--contrast",
        metavar="LOW,HIGH",
        type=interval,
        help="train a network that is given the diffusion: range of the contrast λ, such as 0.1,0.4; needs --time and "
        "--noise, and no --init (default: one diffusion)",
    )
    parser.add_argument(
        "--time",
        metavar="LOW,HIGH",
        type=interval,
        help=f"range of the diffusion time T in pixels² for such a network, multiples of {STEP:g} up to 1, such as "
        "0.2,1 (default: one diffusion)",
    )


def interval(text: str) -> tuple[float, float]:
    """Convert "0.1,0.4" to a pair of numbers."""
    parts = text.split(",")
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"{text!r}; expected two numbers, such as 0.1,0.4")
    low, high = map(command_line.number_or_fraction, parts)
    return low, high


def sigma(text: str) -> float | tuple[float, float]:
    """Convert σ, or a range of it, such as "0.01", "25/255" or "0.001,0.05"."""
    if "," in text:
        return interval(text)
    return command_line.number_or_fraction(text, ", or a range such as 0.001,0.05")


def wanted(arguments: Namespace) -> bool:
    """Whether a network that is given the diffusion is to be trained."""
    return arguments.contrast is not None or arguments.time is not None


def is_range(arguments: Namespace) -> bool:
    """Whether the network is given settings that differ between the examples of a batch."""
    return wanted(arguments) or several_sigmas(arguments)


def several_sigmas(arguments: Namespace) -> bool:
    """Whether σ is a range."""
    return isinstance(arguments.noise, tuple) and arguments.noise[0] < arguments.noise[1]


def is_given_sigma(model: keras.Model) -> bool:
    """Whether the last channel of a network's input is σ of the noise."""
    return bool(model.input_shape[-1] == model.output_shape[-1] + 1)


def check_start(arguments: Namespace, model: keras.Model | None) -> None:
    """Check that a network to fine-tune, if there is one, is given σ if it is a range.

    Raises:
        ValueError: if it is not.
    """
    if model is not None and several_sigmas(arguments) and not is_given_sigma(model):
        low, high = arguments.noise
        raise ValueError(
            f"--noise {low:g},{high:g} with --init {arguments.init}, which is not given σ; expected one σ."
        )


def highest(arguments: Namespace) -> float:
    """The largest σ of the noise."""
    noise = arguments.noise
    return float(noise[1] if isinstance(noise, tuple) else noise)


def check(arguments: Namespace) -> None:
    """Check the ranges, and that they go with the other options.

    Raises:
        ValueError: if they do not.
    """
    noise = arguments.noise if isinstance(arguments.noise, tuple) else (arguments.noise, arguments.noise)
    for value in noise:
        checks.noise_level(value, "--noise")
    if noise[0] > noise[1]:
        raise ValueError(f"--noise {noise[0]:g},{noise[1]:g}; expected the lower one first.")
    if not wanted(arguments):
        return
    for name in ("contrast", "time"):
        if getattr(arguments, name) is None:
            raise ValueError(f"--{name} is missing; expected a range, such as --contrast 0.1,0.4 --time 0.2,1.")
    if arguments.init:
        raise ValueError("--contrast and --time with --init; expected one of them: they are for a new network.")
    if arguments.problem != "inverse":
        raise ValueError(f"--contrast and --time with --problem {arguments.problem}; expected inverse.")
    if not any(noise):
        raise ValueError("--noise is missing; expected σ above 0, or a range, such as --noise 0.001,0.05.")
    for name, (low, high) in (("noise", noise), ("contrast", arguments.contrast), ("time", arguments.time)):
        if not 0 < low <= high:
            raise ValueError(f"--{name} {low:g},{high:g}; expected numbers above 0, the lower first.")
    if arguments.time[1] > 1 or any(abs(time / STEP - round(time / STEP)) > NEAR for time in arguments.time):
        low, high = arguments.time
        raise ValueError(f"--time {low:g},{high:g}; expected multiples of {STEP:g}, at most 1, such as 0.2,1.")


def options(arguments: Namespace, model: keras.Model) -> dict[str, Any]:
    """What `data.pairs` and `training.fit` need for the examples, beyond problem and seed."""
    if not wanted(arguments):
        return {"noise": arguments.noise, "noise_map": is_given_sigma(model)}
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    parameter = {"contrast": arguments.contrast, "time": (*arguments.time, STEP)}
    noise = (*arguments.noise, LOGARITHM) if isinstance(arguments.noise, tuple) else arguments.noise
    shown = {"noise": noise, "noise_map": True, "parameter": parameter, "parameter_map": True}
    return {**shown, "degrade": backend.compiled(diffusion.per_image, fused=True)}


def recipe(fast: recipes.Recipe) -> recipes.Recipe:
    """The recipe "fast" for a network that is given its settings.

    A batch has easy and hard ones, and only the logarithms of their errors are comparable.
    """
    return dataclasses.replace(fast, crop=CROP, loss="log", learning_rate=RATE)


def crop(arguments: Namespace) -> int:
    """Side of the crops that it is trained on, in pixels."""
    from diffnet_tf.training import recipes

    return CROP if is_range(arguments) else recipes.crop(highest(arguments))


def network(recipe: recipes.Recipe) -> keras.Model:
    """A new network that is given the diffusion."""
    from diffnet_tf.networks.models import ConditionedDiffNet

    return ConditionedDiffNet(initial_scale=recipe.initial_scale, residual=True, correction=True, start=3)


def card(arguments: Namespace) -> dict[str, Any]:
    """What the card of such a network says differently."""
    (low, high), (first, last) = arguments.contrast, arguments.time
    noise = list(arguments.noise) if isinstance(arguments.noise, tuple) else [arguments.noise] * 2
    percent = " to ".join(dict.fromkeys(f"{100 * value:g}" for value in noise))
    return {
        "description": f"It undoes Perona–Malik diffusion with λ from {low:g} to {high:g} and T from {first:g} to "
        f"{last:g}, which it is given, of gray images with {percent} % noise.",
        "noise": noise,
        "diffusion": {
            "name": "per_image",
            "contrast": [low, high],
            "time": [first, last],
            "dt": STEP,
            "boundary": "neumann",
        },
    }
