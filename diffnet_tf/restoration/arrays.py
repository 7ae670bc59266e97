"""Apply a network to any image: gray or colour, with or without alpha, of any size and depth.

Networks see images whose maximum is 1. So the image is divided by its maximum, and the result multiplied by it. Of a
colour image either the luminance Y = 0.2989 R + 0.5870 G + 0.1140 B is processed, and each channel changed by what Y
changed, which keeps the colour differences; or each channel, all divided by their common maximum. Alpha is kept.

>>> import diffnet_tf as dn
>>> from skimage import data
>>> photograph = data.chelsea()[:100, :120]
>>> restored = dn.restore(photograph, dn.from_preset("inverse-1pct"))
>>> restored.shape, restored.dtype.name
((100, 120, 3), 'uint8')
"""

import contextlib
import warnings
from collections.abc import Callable, Generator

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.networks import presets
from diffnet_tf.networks.models import DiffNet
from diffnet_tf.restoration.overlap import ahead
from diffnet_tf.restoration.tiles import Tiled

COLOURS = ("luminance", "channels")
LUMINANCE = np.array([0.2989, 0.5870, 0.1140], "float32")
IMAGE_DTYPES = ("uint8", "uint16", "float32", "float64")
OUT_DTYPES = (*IMAGE_DTYPES, "float16")
# PSNR in dB of one rounding to a dtype, range 1: what no result that is stored in it can exceed.
CEILINGS = {"uint8": 58.9, "uint16": 107.1, "float16": 79.4}
_ROWS = 1024  # that are looked at at a time when the whole image is


def restore(
    image: Array,
    model: DiffNet | Tiled,
    *,
    colour: str = "luminance",
    tile: int = 512,
    noise: float | None = None,
    precision: str | None = None,
    out: Array | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Apply a network to one image.

    Args:
        image: (height, width) or (height, width, channels) with 1 to 4 channels: gray; gray and alpha; RGB; RGB and
            alpha. 8- or 16-bit integers, or floats of at least 0 without an upper bound. May be a memory map.
        model: a `models.DiffNet`, or a `restoration.tiles.Tiled`, which spares compiling for every image.
        colour: "luminance" or "channels", see the module. For gray images it changes nothing.
        tile: side of the tiles in pixels; memory grows with its square.
        noise: for a network with a noise map: σ of the noise in the image, divided by the image's maximum. To a
            `Tiled` it is given when that is made.
        precision: "float32", "bfloat16" or "auto" for a float32 network: see `networks.precision`. None leaves the
            network as it is: presets are in float32. To a `Tiled` it is given when that is made.
        out: an array of the image's shape to write into, of any of the dtypes above or float16; None makes one of the
            image's dtype. The full range of an integer dtype stands for the full range of another, 0 to 1 for floats.
        progress: a function that is called after every tile with (tiles done, tiles in all).

    Returns:
        out. Integers are rounded and kept in their range; floats stay as the network gives them. A black image stays
        as it is, since it has no maximum to divide by.

    Raises:
        TypeError: for a dtype that is not supported, or another kind of model.
        ValueError: for a wrong shape, NaN, infinity or negative values; without the noise that a network has to be
            told, or with one that it cannot be told.

    Warns:
        UserWarning: when out's dtype cannot hold the PSNR that a preset reaches, see `CEILINGS`.
    """
    pixels = np.asanyarray(image)
    check(pixels)
    checks.one_of(colour, "colour", COLOURS)
    if out is None:
        out = np.empty_like(pixels, subok=False)
    if not isinstance(out, np.ndarray) or out.dtype.name not in OUT_DTYPES:
        kind = getattr(out, "dtype", type(out).__name__)
        raise checks.InputTypeError(f"out is of {kind}; expected an array of {', '.join(OUT_DTYPES)}.")
    if out.shape != pixels.shape:
        raise ValueError(f"out has shape {out.shape}; expected the image's, {pixels.shape}.")
    if isinstance(model, Tiled) and noise is not None:
        raise ValueError(f"noise={noise!r} with a Tiled, which has its own; expected None.")
    if isinstance(model, Tiled) and precision is not None:
        raise ValueError(f"precision={precision!r} with a Tiled, which has its own; expected None.")
    tiled = model if isinstance(model, Tiled) else Tiled(model, tile, noise, precision)
    _warn_of_rounding(tiled.model, out.dtype.name)
    target = out if pixels.ndim == 3 else out[..., None]
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    writer = _Writer(target, pixels.dtype)
    channels = pixels.shape[2]
    colours = channels - (channels in (2, 4))  # without alpha
    as_luminance = colours == 3 and colour == "luminance"
    parts = [slice(0, 3)] if as_luminance else [slice(k, k + 1) for k in range(colours)]
    maximum = _maximum(pixels, LUMINANCE if as_luminance else None, colours)

    # An image that is its own output is read and written in turns: a tile sees what became of those before it.
    waiting = 0 if np.may_share_memory(pixels, out) else 1

    def write(tile: tuple[slice, slice, slice, Array]) -> None:
        part, rows, columns, output = tile
        output = maximum * output
        if as_luminance:
            before = pixels[rows, columns, part].astype("float32")
            output = before + (output - before @ LUMINANCE)[..., None]
        else:
            output = output[..., None]
        writer(rows, columns, part, output)

    total = len(parts) * tiled.count(pixels.shape)
    with (
        contextlib.closing(_outputs(tiled, pixels, parts, maximum, waiting)) as outputs,
        contextlib.closing(ahead(write, outputs, waiting)) as written,
    ):
        for done, _ in enumerate(written, 1):
            if progress:
                progress(done, total)
    if channels > colours:
        for rows in _row_blocks(pixels):
            alpha = slice(colours, channels)
            writer(rows, slice(None), alpha, pixels[rows, :, alpha].astype("float64"))
    return out


def _warn_of_rounding(model: DiffNet, dtype: str) -> None:
    reached, ceiling = presets.psnr_on_card(model), CEILINGS.get(dtype)
    if reached and ceiling and reached > ceiling:
        wider = [name for name in ("uint16", "float32") if CEILINGS.get(name, reached) >= reached]
        warnings.warn(
            f"{dtype} holds at most {ceiling:g} dB, the PSNR of one rounding; the network reaches {reached:.1f} dB. "
            f"Write {' or '.join(wider)} to keep that.",
            stacklevel=3,
        )


def _outputs(
    tiled: Tiled, pixels: Array, parts: list[slice], maximum: float, waiting: int
) -> Generator[tuple[slice, slice, slice, Array], None, None]:
    """(part, rows, columns, output) of every tile of every part of the channels, which the maximum divides first."""
    for part in parts:

        def read(rows: slice, columns: slice, part: slice = part) -> Array:
            values = pixels[rows, columns, part].astype("float32")
            gray = values[..., 0] if values.shape[-1] == 1 else values @ LUMINANCE
            return gray / maximum

        if maximum == 0:
            yield part, slice(None), slice(None), np.zeros(pixels.shape[:2], "float32")
            continue
        with contextlib.closing(tiled(read, pixels.shape[:2], waiting)) as tiles:
            for tile in tiles:
                yield part, *tile


class _Writer:
    """Puts values that are on one dtype's scale into an array of another."""

    def __init__(self, target: Array, source: np.dtype) -> None:
        self.target = target
        self.factor = _full(target.dtype) / _full(source)

    def __call__(self, rows: slice, columns: slice, channels: slice, values: Array) -> None:
        values = values * self.factor
        if self.target.dtype.kind == "u":
            values = np.clip(np.rint(values), 0, np.iinfo(self.target.dtype).max)
        self.target[rows, columns, channels] = values


def _full(dtype: np.dtype) -> float:
    """White: the largest integer of a dtype, or 1."""
    return np.iinfo(dtype).max if dtype.kind == "u" else 1.0


def _row_blocks(pixels: Array) -> list[slice]:
    return [slice(row, row + _ROWS) for row in range(0, len(pixels), _ROWS)]


def _maximum(pixels: Array, weights: Array | None, colours: int) -> float:
    """The largest gray value, or the largest of all channels."""
    found = 0.0
    for rows in _row_blocks(pixels):
        values = pixels[rows, :, :colours]
        found = max(found, float((values.astype("float32") @ weights if weights is not None else values).max()))
    return found


def check(pixels: Array, name: PathLike = "The image") -> None:
    """Refuse what `restore` cannot process, by name."""
    if pixels.dtype.name not in IMAGE_DTYPES:
        raise checks.InputTypeError(
            f"{name} has dtype {pixels.dtype}; expected uint8, uint16, float32 or float64. Convert it first."
        )
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and not 1 <= pixels.shape[2] <= 4):
        raise ValueError(f"{name} has shape {pixels.shape}; expected (height, width) or (height, width, 1 to 4).")
    if min(pixels.shape[:2]) < checks.MINIMUM_SIZE:
        raise ValueError(f"{name} has shape {pixels.shape}; expected at least {checks.MINIMUM_SIZE} pixels a side.")
    if pixels.dtype.kind == "f":
        _check_values(pixels, name)


def _check_values(pixels: Array, name: PathLike) -> None:
    bad, place = 0, None
    for rows in _row_blocks(pixels):
        block = np.asarray(pixels[rows])
        wrong = ~np.isfinite(block)
        if wrong.any() and place is None:
            first = np.argwhere(wrong)[0]
            place = (int(first[0]) + rows.start, *(int(i) for i in first[1:]))
        bad += int(wrong.sum())
        if not bad and block.min() < 0:
            raise ValueError(f"{name} has a minimum of {block.min():g}; expected no negative values. Clip it at 0.")
    if bad:
        raise ValueError(
            f"{name} holds {bad} value(s) that are NaN or infinite, the first at index {place}; expected finite "
            "values. Remove or replace them."
        )
