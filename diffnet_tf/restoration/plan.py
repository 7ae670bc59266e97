"""The plan of `restore`: which channels to process together, on which scale, after one pass over all values."""

import dataclasses

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.choices import COLOURS
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.restoration import depth
from diffnet_tf.restoration import noise as estimation
from diffnet_tf.restoration.depth import Range
from diffnet_tf.restoration.scale import FULL, MAXIMUM, Level, Scale, check_level, sees_all, white_of
from diffnet_tf.restoration.source import Source
from diffnet_tf.restoration.values import Survey, black_and_white


@dataclasses.dataclass(frozen=True)
class Part:
    """Channels processed together: one channel, or three for their luminance or for a network for colour images.

    Attributes:
        channels: the channels.
        group: the channels that share one scale.
        scale, stats: black and white of the group, and the statistics of its values.
        to: conversion to the output's dtype.
    """

    channels: slice
    group: slice
    scale: Scale
    stats: Survey
    to: Range


@dataclasses.dataclass(frozen=True)
class Plan:
    """An image and the parts in which it is processed.

    Attributes:
        source, parts: the image and the parts.
        colour: what is done with the channels of RGB, see `arrays.restore`.
        network: 1 or 3, the channels that the network takes.
        white: as given, or as the network's scale says.
        sees_all: whether the network sees all values, see `scale.sees_all`.
    """

    source: Source
    colour: str
    network: int
    white: Level | None
    sees_all: bool
    parts: list[Part]

    @property
    def kind_of_noise(self) -> str:
        """The kind of the image for `noise.estimate_noise`: an ordinary photograph if the network sees all values."""
        return estimation.PHOTOGRAPH if self.sees_all else estimation.DIFFUSED

    def luminance(self, group: slice) -> bool:
        """Whether the luminance of a group of channels is processed."""
        return self.colour == "luminance" and self.network == 1 and group.stop - group.start == 3


def planned(
    pixels: Array,
    name: PathLike,
    colour: str | None,
    alpha: bool | None,
    white: Level | None,
    black: Level | None,
    nodata: float | None,
    dtype: np.dtype,
    scale: float | str | None,
    network: int = 1,
    network_scale: str | None = None,
) -> Plan:
    """Make the plan after one pass over all values. For arguments and errors, see `arrays.restore`."""
    check_level(white, "white", (MAXIMUM, FULL))
    check_level(black, "black")
    if scale is not None and scale != "white":
        if isinstance(scale, str):
            raise checks.InputTypeError(f"scale={scale!r} is a str; expected a number above 0, or 'white'.")
        checks.positive(scale, "scale")
    everything, white = sees_all(network_scale, white), white_of(network_scale, white)
    given, colour = colour, ("channels" if everything else "luminance") if colour is None else colour
    checks.one_of(colour, "colour", COLOURS)
    source = Source(pixels, alpha, nodata, bands=colour == "bands" and network == 1)
    if network == 3 and source.colours != 3:
        raise ValueError(
            f"{name} has {source.colours} channel(s); expected RGB, because the network is for colour images. Use a "
            "network for gray images."
        )
    if network == 3 and given not in (None, "channels"):
        raise ValueError(
            f"colour={given!r} with a network for colour images, which sees R, G and B of {name} at once; expected "
            "None. Use a network for gray images."
        )
    plan = Plan(source, colour, network, white, everything, [])
    depth.check_alpha(source, dtype, name)
    for group in source.groups:
        together = plan.luminance(group)
        levels, stats = black_and_white(source, group, together, white, black, name, everything)
        width = 3 if together else network
        depth.check_missing(source, stats.count < source.count(group, together), dtype)
        to = depth.chosen(source, group, levels, stats, dtype, scale, name)
        for first in range(group.start, group.stop, width):
            plan.parts.append(Part(slice(first, first + width), group, levels, stats, to))
    return plan
