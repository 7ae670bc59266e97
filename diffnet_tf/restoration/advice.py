"""Warnings before the network runs: about images of an unfamiliar kind, and results that the output cannot hold."""

import math
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.networks import presets
from diffnet_tf.restoration import fills, values
from diffnet_tf.restoration.scale import Level, Scale
from diffnet_tf.restoration.source import Source
from diffnet_tf.restoration.values import Survey

# PSNR in dB of one rounding to a dtype, for range 1. A stored result cannot exceed it.
CEILINGS = {"uint8": 58.9, "uint16": 107.1, "float16": 79.4}
ROUNDING = 5e-4  # σ of rounding, relative to white, from which it matters as noise; 0.0011 for 8 bits
_SAMPLES = 2**16
_INSIDE = 0.02  # the least share of values between black and white


def of_values(
    source: Source,
    group: slice,
    luminance: bool,
    summary: Survey,
    scale: Scale,
    white: Level | None,
    black: Level | None,
) -> list[str]:
    """Warnings about values that may not be light, and about an unsuitable white."""
    if not summary.count or not scale.span > 0:
        return []
    messages = [_of_fills_below(source, group, summary) if black is None else ""]
    if scale.limits:
        messages.append(_of_limits(source, group, luminance, summary, scale))
    above = values.above_half(source, group, luminance, summary, scale) if white is None else math.inf
    if above <= summary.few:
        messages.append(_of_few(source, group, luminance, summary, scale, int(above)))
    elif white is None or isinstance(white, str):
        messages.append(_of_fills_above(source, group, summary, None if white is None else scale.white))
    return [message for message in messages if message]


def _of_limits(source: Source, group: slice, luminance: bool, summary: Survey, scale: Scale) -> str:
    """A warning if few values of the image are between black and white."""
    assert scale.limits
    if summary.high < scale.black + scale.span / 2:
        return (
            f"All values, up to {summary.high:g}, are closer to black, {scale.black:g}, than to white, "
            f"{scale.white:g}: they are too dark for the network. Give a lower white, or none for the maximum."
        )
    units = (source.sample(group, luminance, _SAMPLES).astype("float64") - scale.black) / scale.span
    inside = float(np.mean((units > scale.limits[0]) & (units < scale.limits[1])))
    if inside >= _INSIDE:
        return ""
    return (
        f"Only {100 * inside:.2g} % of the values are between black, {scale.black:g}, and white, {scale.white:g}, or "
        "near them; the network does not see the others. Give other values."
    )


def _of_few(source: Source, group: slice, luminance: bool, summary: Survey, scale: Scale, above: int) -> str:
    """A warning about defects that may be brighter than the image."""
    share = math.floor(1e4 * (1 - 2 * summary.few / summary.count)) / 100 if summary.count > 20 * summary.few else 90
    level = np.percentile(source.sample(group, luminance, _SAMPLES), share)
    percentile = f"white='{share:g}%' (--white {share:g}%), or " if level > scale.black else ""
    return (
        f"Only {above} of {summary.count:,} values are above half of the maximum, {summary.high:g}. If they are "
        f"defects, all others are too dark for the network: give {percentile}the value of white."
    )


def _of_fills_below(source: Source, group: slice, summary: Survey) -> str:
    """A warning about values below 0 that are too often equal to be noise, but too near 0 to be refused."""
    for fill in fills.below(source, group, summary.lows, summary.few_share):
        low = values.text(source, fill.value)
        return (
            f"{100 * fill.share:.3g} % of the values are {low}, and nearly all others are at least {fill.others:g}. "
            f"Give {values.option('nodata', low)} if they mark missing pixels, {values.option('black', low)} if they "
            "are black."
        )
    return ""


def _of_fills_above(source: Source, group: slice, summary: Survey, white: float | None) -> str:
    """A warning about a maximum that many pixels have, far above all other values."""
    for fill in fills.above(source, group, summary.highs):
        if fill.levels and (white is None or white > fill.others):
            high = values.text(source, fill.value)
            return (
                f"{100 * fill.share:.3g} % of the values are {high}, and nearly all others are at most "
                f"{fill.others:g}. Give {values.option('nodata', high)} if they mark missing or defective "
                f"pixels, {values.option('white', high)} if they are light."
            )
    return ""


def of_network(model: Any, source: Source, scale: Scale, dtype: np.dtype) -> list[str]:
    """Warnings about an image that a preset was not trained for, otherwise about results that a dtype cannot hold.

    Args:
        model: the network.
        source: the image.
        scale: black and white of its first channels.
        dtype: of the output.

    Returns:
        The messages.
    """
    described = presets.card_of(model)
    if described is None or not scale.span > 0:
        return []
    sample = source.sample(source.groups[0], False, _SAMPLES)
    reached = presets.psnr_on_card(model)
    lost = f"the {reached:.1f} dB of its card" if reached else "what its card says"
    messages = [_of_rounding(described, sample, scale, lost), _of_kind(described, sample, scale, lost)]
    return [message for message in messages if message] or _of_ceiling(reached, dtype.name)


def _of_rounding(described: dict[str, Any], sample: Array, scale: Scale, lost: str) -> str:
    """A warning about images with few bits, whose rounding is noise for the network."""
    levels = np.unique(sample)
    if described.get("problem") == "forward" or len(levels) < fills.LEVELS:
        return ""
    step = float(np.diff(levels.astype("float64")).min())
    noise = step / math.sqrt(12) / scale.span
    known, name = described.get("noise", 0.0), described["name"]
    if noise < ROUNDING or known > noise / 2:
        return ""
    text = (
        f"The image has steps of 1/{scale.span / step:.0f}: rounding is noise of {100 * noise:.2f} %, but {name!r} "
        f"was trained with {100 * known:g} %."
    )
    own, (best, other) = presets.of_eight_bits(described), presets.best_of_eight_bits(described)
    if own and best > own:
        text += (
            f" For diffused images with 8 bits it reaches {own:.1f} dB on average, and the preset {other!r} "
            f"{best:.1f} dB: use that one, or give the image with 16 bits."
        )
    else:
        text += f" Do not expect {lost}; give the image with 16 bits."
    return text


def _of_kind(described: dict[str, Any], sample: Array, scale: Scale, lost: str) -> str:
    """A warning about images of another kind than those that the network was trained on."""
    kind = described.get("images", {})
    most = kind.get("between")
    if most is None or not sample.size:
        return ""
    units = (sample.astype("float64") - scale.black) / scale.span
    between = float(np.mean((units > 0.1) & (units < 0.9)))
    if between <= most:
        return ""
    return (
        f"{described['name']!r} was trained on {kind['kind']}, where at most {100 * most:.0f} % of the pixels are "
        f"between 10 and 90 % of white. In this image {100 * between:.0f} % are: expect speckle, not {lost}."
    )


def _of_ceiling(reached: float | None, dtype: str) -> list[str]:
    """A warning about results that a dtype cannot hold."""
    ceiling = CEILINGS.get(dtype)
    if not reached or not ceiling or reached <= ceiling:
        return []
    wider = [name for name in ("uint16", "float32") if CEILINGS.get(name, reached) >= reached]
    return [
        f"{dtype} holds at most {ceiling:g} dB, the PSNR of one rounding; the network reaches {reached:.1f} dB. "
        f"Write {' or '.join(wider)} to keep that."
    ]
