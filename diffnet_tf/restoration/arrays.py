"""Apply a network to any image: gray or colour, with or without alpha, of any size and bit depth.

Networks expect images whose maximum is 1, or whose white is 1: their *scale*, "maximum" or "white" (`presets.card`). So
`restore` divides the image by its maximum or by white, and multiplies the result by the same value. White is 1.0 for
floats and the largest value of the dtype for integers, unless it is given. For an RGB image there are two ways: either
the network processes the luminance Y = 0.2989 R + 0.5870 G + 0.1140 B, and the change in Y is added to each channel,
which keeps the colour differences; or it processes each channel, all divided by the same value. Bands, such as those of
a satellite image, are treated as separate gray images. Alpha is copied. Missing pixels are filled from their neighbours
for the network; the output has their original values.

>>> import diffnet_tf as dn
>>> from skimage import data
>>> photograph = data.chelsea()[:100, :120]
>>> restored = dn.restore(photograph, dn.from_preset("inverse-1pct"))
>>> restored.shape, restored.dtype.name
((100, 120, 3), 'uint8')
"""

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Callable, Generator
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.networks import presets
from diffnet_tf.restoration import advice, depth, inplace, layout
from diffnet_tf.restoration.overlap import ahead
from diffnet_tf.restoration.plan import Part, Plan, planned
from diffnet_tf.restoration.scale import LUMINANCE, Level
from diffnet_tf.restoration.source import Source, fill_margin
from diffnet_tf.restoration.tiles import Tiled

OUT_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")  # or the image's own


def restore(
    image: Array,
    model: keras.Model | Tiled | PathLike,
    *,
    channel_axis: int | None = None,
    colour: str | None = None,
    alpha: bool | None = None,
    white: Level | None = None,
    black: Level | None = None,
    nodata: float | None = None,
    tile: int = 512,
    noise: float | str | None = None,
    precision: str | None = None,
    contrast: float | str | None = None,
    time: float | str | None = None,
    diffusivity: str | None = None,
    out: Array | None = None,
    scale: float | str | None = None,
    progress: Callable[[int, int], None] | None = None,
    name: PathLike = "The image",
) -> Array:
    """Apply a network to one image.

    Args:
        image: (height, width) or (height, width, channels) with 1 to 4 channels: gray; gray and alpha; RGB; RGB and
            alpha. Integers or floats of any kind up to 64 bits, at least 3 pixels a side. With a network of scale
            "maximum", negative values are taken as noise unless black is given. May be a memory map or a masked array;
            masked pixels count as missing, see nodata.
        model: a network; the name of a preset, see `from_preset`; or a `restoration.tiles.Tiled`, which loads and
            compiles a network only once for many images. A `models.DiffNet` processes the image in tiles; other
            networks get the whole image. A network for colour images needs RGB.
        channel_axis: the axis of the channels, as in scikit-image; negative numbers count from the end. None: the last
            axis, if there are three. With this argument, there may be more than four channels; then each is a separate
            gray image with its own maximum.
        colour: for RGB, "luminance" or "channels" as explained above; "bands" if the channels are not colours: then
            each is a separate gray image with its own maximum. None: "channels" if the scale of the network is "white",
            because colours have noise, too; else "luminance". A network for colour images sees all three at once:
            then only None or "channels".
        alpha: whether the last channel is alpha. None: yes if there are two or four channels. False: the last channel
            is restored as a separate gray image with its own maximum.
        white: the pixel value that the network sees as 1, in the image's own units, or a percentile of the image such
            as "99.9%"; "maximum" for the maximum of the image; "full" for 1.0 in floats and the largest value of the
            dtype in integers. None: as the scale of the network says, "maximum" or "full". Give it if some defects are
            brighter than the image, or for 12 bits in 16. A network without a card, such as your own, has the scale
            "maximum"; with white="full" it has the scale "white".
        black: the pixel value that the network sees as 0, or a percentile. None: 0. If black or white is given, a
            network of scale "maximum" sees neither values below a given black nor above white + (white − black) / 4.
            The clipped-off part is added back to the result. A network of scale "white" sees all values.
        nodata: the value that marks missing pixels, a number or NaN. For the network, they are filled from their
            neighbours (small gaps by biharmonic interpolation, large ones with the nearest pixel); afterwards they get
            their value back. A colour pixel is missing if any of its channels has this value; in integer images, and
            if nodata is 0, only if all channels have it.
        tile: side of the tiles in pixels; memory grows with its square.
        noise: only for a network with a noise map: σ of the noise in what the network sees (each channel, or the
            luminance), divided by white − black: noise=25/255 for a network of scale "white" and σ = 25 in 8 bits. Or
            "auto" to estimate it (`dn.estimate_noise`, of diffused images for networks of scale "maximum", of
            photographs for "white"). None is "auto" for such a network. For a `Tiled`, give it to the `Tiled` instead.
        precision: "float32", "bfloat16" or "auto" for a float32 network, see `networks.precision`. None uses the
            network as it is; presets are in float32. For a `Tiled`, give it to the `Tiled` instead.
        contrast, time: only for a network that is given the diffusion, such as a `models.ConditionedDiffNet`, and
            required there: the contrast λ of the diffusion to undo, in what the network sees, divided by white − black;
            and its time T in pixels². Or "auto" to estimate one or both, see `dn.estimate_diffusion` for what this
            needs; it then estimates the noise, too, if that is "auto". For a `Tiled`, give them to the `Tiled` instead.
        diffusivity: for such a network that knows several: the name of one, see `diffusivity.DIFFUSIVITIES`. None for
            its first one.
        out: an array to write the result into: the image's shape, and its dtype, or uint8, uint16 or any float. None
            makes one with the image's dtype. Conversion maps full range to full range: white is 255, 65535, or 1.0 in
            floats. out may be the image itself or share memory with it. If it is the image itself, two or three rows of
            tiles are held back, about 6 kB for each pixel of the width; any other overlap needs a copy of the image.
        scale: the pixel value of the image that becomes white in out (the largest integer, or 1.0), while black becomes
            0; "white" for the white that the network sees. None maps full range to full range.
        progress: a function called after each tile as progress(tiles done, total tiles).
        name: what messages call the image.

    Returns:
        out. Integers are rounded and clipped to their range; floats are not clipped. A black image has no maximum to
        divide by, and is returned unchanged if white is the maximum. For a masked array, the result has the same mask.
        Missing pixels keep their values. If an integer result equals nodata but the pixel is not missing, it is changed
        by 1.

    Raises:
        TypeError: if the dtype is not supported, such as bool, or the model is not a Keras model.
        ValueError: if a shape is wrong; if the image contains NaN, infinity, fill values or negative values too large
            for noise, and nodata, or black and white, do not explain them; if out cannot represent the image; if noise
            or a diffusion is given for a network that does not take it, or is missing or out of range; or if the image
            is too small, or constant, to estimate the noise or the diffusion.

    Warns:
        UserWarning: before the work starts. If only a few pixels, possibly defects, lie above half of the maximum; if
            the white of the dtype does not seem to be that of the image; if a preset was not trained on such images, on
            so much noise, on such a diffusion, or on so few bits; if out's dtype cannot hold the PSNR that the preset
            reaches, see `CEILINGS`. After the work if the estimated noise is too much for the preset, or the estimated
            time is at an end of what can be estimated.
    """
    array = np.asanyarray(image)
    pixels = layout.channels_last(array, channel_axis, name)
    layout.check(pixels, name, any_channels=channel_axis is not None)
    out = _output(array, out)
    if pixels.ndim == 3 and pixels.shape[2] > 4:
        colour = "bands"
    given: dict[str, Any] = {"noise": noise, "precision": precision}
    given |= {"contrast": contrast, "time": time, "diffusivity": diffusivity}
    for key, value in given.items():
        if isinstance(model, Tiled) and value is not None:
            raise ValueError(f"{key}={value!r} with a Tiled; expected None. Give {key} to Tiled(...) instead.")
    data = layout.channels_last(np.ma.getdata(out), channel_axis)
    if isinstance(model, (str, os.PathLike)):
        model = presets.from_preset(model)
    tiled = model if isinstance(model, Tiled) else Tiled(model, tile, **given)
    tiled.check(pixels.shape, name)
    plan = planned(pixels, name, colour, alpha, white, black, nodata, data.dtype, scale, tiled.channels, tiled.scale)
    _check_noise(plan, tiled)
    messages = []
    for part in {part.group.start: part for part in plan.parts}.values():
        together = plan.luminance(part.group)
        messages += advice.of_values(plan.source, part.group, together, part.stats, part.scale, plan.white, black)
    messages += advice.of_network(tiled.model, plan.source, plan.parts[0].scale, data.dtype)
    messages += advice.of_noise(tiled.model, [tiled.noise] if isinstance(tiled.noise, float) else [])
    messages += advice.of_diffusion(tiled.model, tiled.settings)
    for message in dict.fromkeys(messages):
        warnings.warn(message, stacklevel=2)
    _run(plan, tiled, data, progress)
    after = advice.of_noise(tiled.model, tiled.estimates)
    after += [message for estimate in tiled.diffusions for message in advice.of_estimate(tiled.model, estimate)]
    for message in dict.fromkeys(after):
        warnings.warn(message, stacklevel=2)
    if isinstance(out, np.ma.MaskedArray) and out is not image:
        out.mask = np.ma.getmaskarray(array)
    return out


def check(
    pixels: Array,
    name: PathLike = "The image",
    *,
    colour: str | None = None,
    alpha: bool | None = None,
    white: Level | None = None,
    black: Level | None = None,
    nodata: float | None = None,
    dtype: np.dtype | None = None,
    scale: float | str | None = None,
    network_scale: str | None = None,
) -> None:
    """Raise the error that `restore` would raise for an image, without running a network.

    Args:
        pixels: the image, see `restore`.
        name: what messages call the image.
        colour, alpha, white, black, nodata, scale: see `restore`.
        dtype: dtype of the output; None for the image's.
        network_scale: the scale of the network, "maximum" or "white"; None for a network without a card.

    Raises:
        TypeError, ValueError: as `restore`.
    """
    layout.check(pixels, name)
    plan_of = (pixels, name, colour, alpha, white, black, nodata, dtype or pixels.dtype, scale)
    planned(*plan_of, network_scale=network_scale)


def _check_noise(plan: Plan, tiled: Tiled) -> None:
    """Refuse a single σ, or a single λ, for channels with different scales."""
    spans = sorted({part.scale.span for part in plan.parts if part.scale.span > 0})
    given = {"noise": tiled.noise, "contrast": tiled.settings.get("contrast")}
    named = [f"{name}={value:g}" for name, value in given.items() if isinstance(value, float)]
    if named and len(spans) > 1:
        raise ValueError(
            f"{named[0]} with channels of different scales: white minus black is {spans[0]:g} to "
            f"{spans[-1]:g}; expected the same for all. Give one white for all (--white), or restore each by itself."
        )


def _output(pixels: Array, out: Array | None) -> Array:
    """The array to write into: the given one, if it fits, or a new one."""
    if out is None:
        made = np.empty_like(np.ma.getdata(pixels), subok=False)
        if not isinstance(pixels, np.ma.MaskedArray):
            return made
        return np.ma.MaskedArray(made, fill_value=pixels.fill_value)
    if not isinstance(out, np.ndarray) or out.dtype.name not in (*OUT_DTYPES, pixels.dtype.name):
        kind = getattr(out, "dtype", type(out).__name__)
        raise checks.InputTypeError(
            f"out is {kind}; expected a NumPy array of the image's dtype, or {', '.join(OUT_DTYPES)}."
        )
    if out.shape != pixels.shape:
        raise ValueError(f"out has shape {out.shape}; expected that of the image, {pixels.shape}.")
    return out


def _run(plan: Plan, tiled: Tiled, out: Array, progress: Callable[[int, int], None] | None) -> None:
    """Process all parts, tile by tile."""
    source, target = plan.source, out if out.ndim == 3 else out[..., None]
    in_place = inplace.same(source.pixels, target)
    if not in_place and inplace.overlap(source.pixels, target):
        source.pixels = source.pixels.copy()
    writer, margin = depth.Writer(target, source), 0 if source.whole else fill_margin(tiled.reach or 0)
    total = sum(tiled.count(source.shape) if part.scale.span > 0 else len(source.blocks()) for part in plan.parts)

    def write(tile: inplace.Tile) -> None:
        part = plan.parts[tile.part]
        missing = source.missing(tile.rows, tile.columns, part.group)
        values = _undone(source, part, tile, missing)
        writer(tile.rows, tile.columns, part.channels, part.group, values, part.to, missing)

    with (
        contextlib.closing(_outputs(tiled, plan, margin)) as outputs,
        contextlib.closing(inplace.late(outputs, margin + (tiled.reach or 0))) as late,
        contextlib.closing(ahead(write, late if in_place else outputs, 1)) as written,
    ):
        for done, _ in enumerate(written, 1):
            if progress:
                progress(done, total)
    if source.alpha is not None:
        for rows in source.blocks():
            writer.keep(rows, source.alpha)


def _outputs(tiled: Tiled, plan: Plan, margin: int) -> Generator[inplace.Tile, None, None]:
    """Yield the network's output for each tile of each part."""
    source = plan.source
    tiled.estimates.clear()
    tiled.diffusions.clear()
    for number, part in enumerate(plan.parts):

        def read(rows: slice, columns: slice, part: Part = part) -> Array:
            if plan.network == 1:
                return source.gray(rows, columns, part.channels, part.group, part.scale, margin)
            each = [source.gray(rows, columns, slice(k, k + 1), part.group, part.scale, margin) for k in range(3)]
            return np.stack(each, axis=-1)

        if not part.scale.span > 0:  # black, or all pixels are missing
            for rows in source.blocks():
                yield inplace.Tile(number, rows, slice(None), np.zeros(()))
            continue
        holes = with_holes(read, source, part)
        noise, settings = tiled.estimate_settings(holes, source.shape)
        if tiled.noise == "auto" and noise is None:
            noise = tiled.estimate(holes, source.shape, plan.kind_of_noise)
        with contextlib.closing(tiled(read, source.shape, noise=noise, settings=settings)) as tiles:
            for tile in tiles:
                yield inplace.Tile(number, *tile)


def with_holes(read: Callable[[slice, slice], Array], source: Source, part: Part) -> Callable[[slice, slice], Array]:
    """As `read`, with NaN in place of the values that missing pixels were filled with: they have no noise."""

    def holes(rows: slice, columns: slice) -> Array:
        values, missing = read(rows, columns), source.missing(rows, columns, part.group)
        if missing is None:
            return values
        return np.where(missing if values.ndim == 2 else missing[..., None], np.float32(np.nan), values)

    return holes


def _undone(source: Source, part: Part, tile: inplace.Tile, missing: Array | None) -> Array:
    """Convert the network's output for a tile back to channels on the image's scale: a new array."""
    if tile.output.ndim == 3:
        each = [dataclasses.replace(part, channels=slice(k, k + 1)) for k in range(3)]
        outputs = np.moveaxis(tile.output, -1, 0)
        return np.concatenate(
            [_undone(source, one, tile._replace(output=of), missing) for one, of in zip(each, outputs)], axis=-1
        )
    scale, single, output = part.scale, part.channels.stop - part.channels.start == 1, tile.output
    if single and scale.span > 0 and not scale.limits:
        return scale.undone(output)[..., None]
    before = source.pixels[tile.rows, tile.columns, part.channels]
    if missing is not None:
        before = np.where(missing[..., None], before.dtype.type(0), before)
    if not scale.span > 0:
        return before.astype("float64")
    if scale.limits:
        gray = scale.gray(before)
        output = output + (gray - scale.limited(gray))
    if single:
        return scale.undone(output)[..., None]
    if scale.plain:
        values, change = before.astype("float32"), scale.undone(output)
        change -= values @ LUMINANCE
        values += change[..., None]
        return values
    return before + (scale.span * (output - scale.gray(before)).astype("float64"))[..., None]
