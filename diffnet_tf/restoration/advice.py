"""What to say before the work: an image that a network does not know, and results that the output cannot hold."""

import math
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.networks import presets
from diffnet_tf.restoration import fills, values
from diffnet_tf.restoration.scale import Level, Scale
from diffnet_tf.restoration.source import Source
from diffnet_tf.restoration.values import Survey

# PSNR in dB of one rounding to a dtype, range 1: what no result that is stored in it can exceed.
CEILINGS = {"uint8": 58.9, "uint16": 107.1, "float16": 79.4}
ROUNDING = 5e-4  # of white: σ of rounding from which it is noise to speak of; of 8 bits it is 0.0011
_SAMPLES = 2**16
_INSIDE = 0.02  # of the values: a window shows more of an image


def of_values(
    source: Source, group: slice, luminance: bool, found: Survey, scale: Scale, white: Level | None, black: Level | None
) -> list[str]:
    """About values that may be no light, and white that is not the image's, or may not be."""
    if not found.count or not scale.span > 0:
        return []
    messages = [_of_fills_below(source, group, found) if black is None else ""]
    if scale.limits:
        messages.append(_of_limits(source, group, luminance, found, scale))
    above = values.above_half(source, group, luminance, found, scale) if white is None else math.inf
    if above <= found.few:
        messages.append(_of_few(source, group, luminance, found, scale, int(above)))
    elif white is None or isinstance(white, str):
        messages.append(_of_fills_above(source, group, found, None if white is None else scale.white))
    return [message for message in messages if message]


def _of_limits(source: Source, group: slice, luminance: bool, found: Survey, scale: Scale) -> str:
    """About black and white between which there is little of the image."""
    assert scale.limits
    if found.high < scale.black + scale.span / 2:
        return (
            f"All values, up to {found.high:g}, lie nearer to black, {scale.black:g}, than to white, {scale.white:g}: "
            "they are too dark for the network. Give a lower white, or none for the maximum."
        )
    units = (source.sample(group, luminance, _SAMPLES).astype("float64") - scale.black) / scale.span
    inside = float(np.mean((units > scale.limits[0]) & (units < scale.limits[1])))
    if inside >= _INSIDE:
        return ""
    return (
        f"Only {100 * inside:.2g} % of the values lie within black, {scale.black:g}, and white, {scale.white:g}, or "
        "near: the others the network does not get. Give other values."
    )


def _of_few(source: Source, group: slice, luminance: bool, found: Survey, scale: Scale, above: int) -> str:
    """About defects that may be brighter than the image."""
    share = math.floor(1e4 * (1 - 2 * found.few / found.count)) / 100 if found.count > 20 * found.few else 90
    level = np.percentile(source.sample(group, luminance, _SAMPLES), share)
    percentile = f"white='{share:g}%' (--white {share:g}%), or " if level > scale.black else ""
    return (
        f"Only {above} of {found.count:,} values lie above half of the maximum, {found.high:g}. If they are defects, "
        f"all others are too dark for the network: give {percentile}the value that is white."
    )


def _of_fills_below(source: Source, group: slice, found: Survey) -> str:
    """About values below 0 that are too often the same to be noise, but too near to 0 to be refused."""
    for fill in fills.below(source, group, found.lows, found.few_share):
        low = values.text(source, fill.value)
        return (
            f"{100 * fill.share:.3g} % of the values are {low}, and nearly all others are at least {fill.others:g}. "
            f"Give {values.option('nodata', low)} if they mark missing pixels, {values.option('black', low)} if they "
            "are black."
        )
    return ""


def _of_fills_above(source: Source, group: slice, found: Survey, white: float | None) -> str:
    """About a maximum that many share, far above all others."""
    for fill in fills.above(source, group, found.highs):
        if fill.levels and (white is None or white > fill.others):
            high = values.text(source, fill.value)
            return (
                f"{100 * fill.share:.3g} % of the values are {high}, and nearly all others are at most "
                f"{fill.others:g}. Give {values.option('nodata', high)} if they mark missing or defective "
                f"pixels, {values.option('white', high)} if they are light."
            )
    return ""


def of_network(model: Any, source: Source, scale: Scale, dtype: np.dtype) -> list[str]:
    """About a preset that does not know such an image, else one whose results a dtype cannot hold.

    Args:
        model: the network.
        source: the image.
        scale: of its first channels.
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
    found = [_of_rounding(described, sample, scale, lost), _of_kind(described, sample, scale, lost)]
    told = [message for message in found if message]
    return told or _of_ceiling(reached, dtype.name)


def _of_rounding(described: dict[str, Any], sample: Array, scale: Scale, lost: str) -> str:
    """About images of few bits, of which a network makes noise."""
    levels = np.unique(sample)
    if described.get("problem") == "forward" or len(levels) < fills.LEVELS:
        return ""
    step = float(np.diff(levels.astype("float64")).min())
    noise = step / math.sqrt(12) / scale.span
    known, name = described.get("noise", 0.0), described["name"]
    if noise < ROUNDING or known > noise / 2:
        return ""
    text = (
        f"The image has steps of 1/{scale.span / step:.0f}: rounding is noise of {100 * noise:.2f} %, and {name!r} "
        f"knows images with {100 * known:g} %."
    )
    own, (best, other) = presets.of_eight_bits(described), presets.best_of_eight_bits(described)
    if own and best > own:
        text += (
            f" Of diffused images with 8 bits it makes {own:.1f} dB, the preset {other!r} {best:.1f} dB on average: "
            "take that one, or give the image with 16 bits."
        )
    else:
        text += f" Do not expect {lost}; give the image with 16 bits."
    return text


def _of_kind(described: dict[str, Any], sample: Array, scale: Scale, lost: str) -> str:
    """About images that are not of the kind that a network learned from."""
    kind = described.get("images", {})
    most = kind.get("between")
    if most is None or not sample.size:
        return ""
    units = (sample.astype("float64") - scale.black) / scale.span
    between = float(np.mean((units > 0.1) & (units < 0.9)))
    if between <= most:
        return ""
    return (
        f"{described['name']!r} knows {kind['kind']}, of which at most {100 * most:.0f} % of the pixels lie between 10 "
        f"and 90 % of white. In this image {100 * between:.0f} % do: expect speckle, not {lost}."
    )


def _of_ceiling(reached: float | None, dtype: str) -> list[str]:
    """About results that a dtype cannot hold."""
    ceiling = CEILINGS.get(dtype)
    if not reached or not ceiling or reached <= ceiling:
        return []
    wider = [name for name in ("uint16", "float32") if CEILINGS.get(name, reached) >= reached]
    return [
        f"{dtype} holds at most {ceiling:g} dB, the PSNR of one rounding; the network reaches {reached:.1f} dB. "
        f"Write {' or '.join(wider)} to keep that."
    ]
