"""Warnings before the work: the network was not trained on such images, or the output cannot hold the result."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array
from diffnet_tf.networks import cards, presets
from diffnet_tf.restoration import fills, values
from diffnet_tf.restoration.diffusion import RANGES
from diffnet_tf.restoration.scale import FULL, Level, Scale
from diffnet_tf.restoration.source import Source
from diffnet_tf.restoration.values import Survey

# PSNR in dB after one rounding to a dtype, for the range 0 to 1: an upper limit for results stored in it.
CEILINGS = {"uint8": 58.9, "uint16": 107.1, "float16": 79.4}
ROUNDING = 5e-4  # as a share of white: σ of rounding from which it counts as noise; 8 bits have 0.0011
_SAMPLES = 2**16
_WHITES = (255, 1023, 4095, 65535)  # of integers that were stored as floats
_DARK = 1 / 8  # an image below this share of white may have fewer bits than its dtype
_BELOW, _MANY_BELOW = 0.1, 0.2  # share of white, and share of the values that noise hardly brings further below black
_ROUNDED = 0.01  # a card may say 0.216 for 55/255
_INSIDE = 0.02  # share of the values between black and white; a sensible choice includes more


def of_values(
    source: Source, group: slice, luminance: bool, stats: Survey, scale: Scale, white: Level | None, black: Level | None
) -> list[str]:
    """Warnings about values that may not be light, and about a white or black that does not seem to fit the image."""
    if not stats.count or not scale.span > 0:
        return []
    messages = [_of_fills_below(source, group, stats) if black is None else ""]
    if scale.limits:
        messages.append(_of_limits(source, group, luminance, stats, scale))
    above = values.above_half(source, group, luminance, stats, scale) if white is None else math.inf
    if above <= stats.few:
        messages.append(_of_few(source, group, luminance, stats, scale, int(above)))
    elif white is None or (isinstance(white, str) and (white != FULL or max(stats.highs) > scale.white)):
        messages.append(_of_fills_above(source, group, stats, None if white is None else scale.white))
    if white == FULL:
        messages.append(_of_full(source, group, luminance, stats, scale))
    return [message for message in messages if message]


def _of_full(source: Source, group: slice, luminance: bool, stats: Survey, scale: Scale) -> str:
    """A warning if the white of the dtype does not seem to be that of the image; else ""."""
    dtype = source.pixels.dtype
    top = max(stats.highs)
    if top > checks.FULL_RANGE * scale.white:
        guess = next((white for white in _WHITES if top <= 1.25 * white), top)
        return (
            f"The values reach {top:g}, but white is {scale.white:g} for {dtype}. If this is not light far above "
            f"white, give the value that is white, for example {values.option('white', f'{guess:g}')}."
        )
    if 0 < top < _DARK * scale.white:
        guess = 2.0 ** math.ceil(math.log2(top + 1)) - 1 if dtype.kind in "iu" else top
        return (
            f"All values, up to {top:g}, are dark: white is {scale.white:g} for {dtype}. If another value is white, "
            f"give it, for example {values.option('white', f'{guess:g}')}."
        )
    sample = source.sample(group, luminance, _SAMPLES).astype("float64")
    if (below := float(np.mean(sample < scale.black - _BELOW * scale.span))) > _MANY_BELOW:
        low = values.text(source, min(stats.lows))
        return (
            f"{100 * below:.0f} % of the values are far below black, which is {scale.black:g}. If this is not noise, "
            f"give the value that is black, for example {values.option('black', low)}."
        )
    return ""


def _of_limits(source: Source, group: slice, luminance: bool, stats: Survey, scale: Scale) -> str:
    """A warning if too little of the image lies between black and white; else ""."""
    assert scale.limits
    if stats.high < scale.black + scale.span / 2:
        return (
            f"All values, up to {stats.high:g}, are closer to black ({scale.black:g}) than to white ({scale.white:g}), "
            f"too "
            "dark for the network. Give a lower white, or leave it out to use the maximum."
        )
    units = (source.sample(group, luminance, _SAMPLES).astype("float64") - scale.black) / scale.span
    inside = float(np.mean((units > scale.limits[0]) & (units < scale.limits[1])))
    if inside >= _INSIDE:
        return ""
    return (
        f"Only {100 * inside:.2g} % of the values lie between or near black ({scale.black:g}) and white "
        f"({scale.white:g}). The network does not see the others. Give other values of black and white."
    )


def _of_few(source: Source, group: slice, luminance: bool, stats: Survey, scale: Scale, above: int) -> str:
    """A warning that the brightest pixels may be defects."""
    share = math.floor(1e4 * (1 - 2 * stats.few / stats.count)) / 100 if stats.count > 20 * stats.few else 90
    level = np.percentile(source.sample(group, luminance, _SAMPLES), share)
    percentile = f"white='{share:g}%' (--white {share:g}%), or " if level > scale.black else ""
    return (
        f"Only {above} of {stats.count:,} values lie above half of the maximum, {stats.high:g}. If they are defects, "
        f"the "
        f"rest of the image is too dark for the network. Then give {percentile}the value that is white."
    )


def _of_fills_below(source: Source, group: slice, stats: Survey) -> str:
    """A warning about a negative value that is too frequent for noise, but not low enough to be refused; else ""."""
    for fill in fills.below(source, group, stats.lows, stats.few_share):
        low = values.text(source, fill.value)
        return (
            f"{100 * fill.share:.3g} % of the values are {low}, and nearly all others are at least {fill.others:g}. "
            f"Give {values.option('nodata', low)} if they mark missing pixels, {values.option('black', low)} if they "
            "are black."
        )
    return ""


def _of_fills_above(source: Source, group: slice, stats: Survey, white: float | None) -> str:
    """A warning about a frequent maximum far above all other values; else ""."""
    for fill in fills.above(source, group, stats.highs):
        if fill.levels and (white is None or white > fill.others):
            high = values.text(source, fill.value)
            return (
                f"{100 * fill.share:.3g} % of the values are {high}, and nearly all others are at most "
                f"{fill.others:g}. Give {values.option('nodata', high)} if they mark missing or defective "
                f"pixels, {values.option('white', high)} if they are light."
            )
    return ""


def of_noise(model: Any, sigmas: Sequence[float]) -> list[str]:
    """A warning if σ, given or estimated, as a share of white, is more than a preset was trained on."""
    described = presets.card_of(model)
    if described is None or not sigmas:
        return []
    highest, most = cards.noise(described)[1], max(sigmas)
    if most <= highest * (1 + _ROUNDED):
        return []
    return [
        f"The noise has σ = {100 * most:.3g} % of white. {described['name']!r} was trained on at most "
        f"{100 * highest:.3g} %, so some noise may stay."
    ]


def of_diffusion(model: Any, settings: Mapping[str, float | str]) -> list[str]:
    """Warnings if λ or T lies outside the range that a preset was trained on."""
    described, messages = presets.card_of(model), []
    for name, (low, high) in cards.of_diffusion(described or {}).items():
        value = settings.get(name)
        if isinstance(value, float) and not low * (1 - _ROUNDED) <= value <= high * (1 + _ROUNDED):
            messages.append(
                f"The diffusion has {name}={value:g}. {described and described['name']!r} was trained on {low:g} to "
                f"{high:g}, so the result may be wrong."
            )
    return messages


def of_estimate(model: Any, settings: Mapping[str, float | str]) -> list[str]:
    """Warnings for an estimated diffusion: those of `of_diffusion`, or if T is at an end of what can be estimated."""
    messages, (low, high) = of_diffusion(model, settings), RANGES["time"]
    if settings.get("time") in (low, high):
        messages.append(
            f"The estimate is time={settings['time']:g}, an end of the range {low:g} to {high:g} that can be "
            "estimated. The true time may lie outside, or the image was not diffused in this way."
        )
    return messages


def of_network(model: Any, source: Source, scale: Scale, dtype: np.dtype) -> list[str]:
    """Warnings if a preset was not trained on such an image, or else if the output's dtype limits its PSNR.

    Args:
        model: the network.
        source: the image.
        scale: black and white of its first channels.
        dtype: dtype of the output.

    Returns:
        The messages; none for networks that are not presets.
    """
    described = presets.card_of(model)
    if described is None or not scale.span > 0:
        return []
    sample = source.sample(source.groups[0], False, _SAMPLES)
    reached = presets.psnr_on_card(model)
    lost = f"the {reached:.1f} dB on its card" if reached else "the quality on its card"
    messages = [_of_rounding(described, sample, scale, lost), _of_kind(described, sample, scale, lost)]
    return [message for message in messages if message] or _of_ceiling(reached, dtype.name)


def _of_rounding(described: dict[str, Any], sample: Array, scale: Scale, lost: str) -> str:
    """A warning if the image has so few bits that the network amplifies the rounding errors; else ""."""
    levels = np.unique(sample)
    if described.get("problem") == "forward" or len(levels) < fills.LEVELS:
        return ""
    step = float(np.diff(levels.astype("float64")).min())
    noise = step / math.sqrt(12) / scale.span
    known, name = cards.noise(described)[1], described["name"]
    if noise < ROUNDING or known > noise / 2:
        return ""
    text = (
        f"The image has steps of 1/{scale.span / step:.0f}. This rounding acts like {100 * noise:.2f} % noise, but "
        f"{name!r} "
        f"was trained on images with {100 * known:g} % noise."
    )
    own, (best, other) = presets.of_eight_bits(described), presets.best_of_eight_bits(described)
    if own and best > own:
        text += (
            f" On diffused images with 8 bits it reaches {own:.1f} dB on average, the preset {other!r} {best:.1f} dB. "
            f"Use "
            "that preset, or an image with 16 bits."
        )
    else:
        text += f" Do not expect {lost}. Use an image with 16 bits."
    return text


def _of_kind(described: dict[str, Any], sample: Array, scale: Scale, lost: str) -> str:
    """A warning if the image is unlike those that the network was trained on; else ""."""
    kind = described.get("images", {})
    most = kind.get("between")
    if most is None or not sample.size:
        return ""
    units = (sample.astype("float64") - scale.black) / scale.span
    between = float(np.mean((units > 0.1) & (units < 0.9)))
    if between <= most:
        return ""
    return (
        f"{described['name']!r} was trained on {kind['kind']}, with at most {100 * most:.0f} % of the pixels between "
        f"10 % "
        f"and 90 % of white. This image has {100 * between:.0f} %. Expect speckle, not {lost}."
    )


def _of_ceiling(reached: float | None, dtype: str) -> list[str]:
    """A warning if the network's PSNR is above what a dtype can hold."""
    ceiling = CEILINGS.get(dtype)
    if not reached or not ceiling or reached <= ceiling:
        return []
    wider = [name for name in ("uint16", "float32") if CEILINGS.get(name, reached) >= reached]
    return [
        f"{dtype} output is limited to {ceiling:g} dB by rounding; the network reaches {reached:.1f} dB. Write "
        f"{' or '.join(wider)} to keep this quality."
    ]
