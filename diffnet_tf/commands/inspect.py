"""Show the stencils that a network applies to an image, layer by layer, as a table and a picture.

Each layer is one explicit step Id + δt S with its own stencil in every pixel. `diffnet_tf.analysis` defines the
measures. For a large image, only the centre is analysed, because computing eigenvalues is slow. Use a preset on images
like those it was trained on: the inverse presets expect diffused images, and their last layers behave erratically on
an ordinary photograph.
"""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array
from diffnet_tf.commands import models
from diffnet_tf.files import image_files, provenance

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from diffnet_tf.evaluation import analysis

SIZE, LARGEST = 96, 256  # pixels a side
WIDTH = 100  # columns of the terminal


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument("input", metavar="IN", type=Path, help=f"the image ({', '.join(image_files.SUFFIXES)})")
    models.add_arguments(parser)
    models.add_values(parser)
    models.add_noise(parser)
    parser.add_argument(
        "--out",
        metavar="PICTURE.png",
        type=Path,
        help="also draw a picture; writes this PNG and a PDF next to it (default: no picture)",
    )
    parser.add_argument(
        "--size",
        type=int,
        default=SIZE,
        help=f"analyse the central square with this side, {checks.MINIMUM_SIZE} to {LARGEST} pixels; "
        f"{SIZE} takes seconds, {LARGEST} many minutes",
    )


def run(arguments: Namespace) -> int:
    """Print the table and draw the picture. Returns the exit status."""
    from diffnet_tf.evaluation import analysis

    _check(arguments)
    image = image_files.open_image(arguments.input, arguments.max_pixels)
    pixels, model = image.pixels, models.chosen(arguments)
    u, noise = _centre(image, model, arguments)
    network = f"preset {arguments.preset}" if arguments.preset else Path(arguments.weights).name
    part = "whole image" if u.shape == pixels.shape[:2] else f"the central {u.shape[1]}×{u.shape[0]}"
    title = f"{arguments.input.name}, {pixels.shape[1]:,}×{pixels.shape[0]:,} pixels; {part}, scaled for the network"
    if noise is not None:
        title += f"; noise of σ = {noise:.3g} of white" + ", estimated" * (arguments.noise in (None, "auto"))

    results: list[analysis.Layer] = []
    for layer in analysis.layers(model, u, noise=noise):
        if not results:
            print(f"Device: {provenance.device()}")
            print("\n".join([*textwrap.wrap(f"{title}; {network}", WIDTH), "", *HEADER]))
        print(row(layer), flush=True)
        results.append(layer)
    print("\n".join(["", *reactions(results), *LEGEND]))
    if arguments.out:
        from diffnet_tf import figures

        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        figures.save(figures.styled(draw)(results, f"{title}. Network: {network}."), arguments.out)
        print(f"\nWrote {arguments.out} and {arguments.out.with_suffix('.pdf').name}")
    return 0


def _check(arguments: Namespace) -> None:
    """Check the arguments before any work is done."""
    checks.count(arguments.size, "--size", checks.MINIMUM_SIZE)
    checks.count(arguments.max_pixels, "--max-pixels")
    if arguments.size > LARGEST:
        raise ValueError(
            f"--size={arguments.size}; expected at most {LARGEST}, because larger images take hours. "
            "Crop the image to the region of interest."
        )
    if arguments.out is None:
        return
    if arguments.out.suffix.lower() != ".png":
        kind = arguments.out.suffix or "nothing"
        raise ValueError(
            f"{arguments.out} ends in {kind!r}; expected a name ending in .png. A PDF is written next to it."
        )
    for path in (arguments.out, arguments.out.with_suffix(".pdf")):
        if path.is_dir():
            raise ValueError(f"{path} is a folder; expected the name of the file to write.")
        checks.can_be_written(path, arguments.force)


def _centre(image: image_files.Image, model: keras.Model, arguments: Namespace) -> tuple[Array, float | None]:
    """The centre of an image, scaled as in `restore`, and σ of the noise if the network has a noise map.

    Returns:
        (float32 (height, width), each at most `size` pixels; σ, of the whole image if it is estimated).
    """
    from diffnet_tf.restoration import arrays, plan
    from diffnet_tf.restoration.tiles import Tiled

    if getattr(model, "conditions", ()):
        raise ValueError("The network is given λ and T of a diffusion, which inspect cannot give; use another network.")
    tiled = Tiled(model, noise=arguments.noise)
    if tiled.channels != 1:
        raise ValueError(f"The network takes {tiled.channels} image channels; inspect needs one for gray images.")
    size, name, pixels = arguments.size, arguments.input, image.pixels
    nodata = image.nodata if arguments.nodata is None else arguments.nodata
    colour = "bands" if image.bands else "luminance"
    given = (colour, image.alpha, arguments.white, arguments.black, nodata)
    whole = plan.planned(pixels, name, *given, dtype=pixels.dtype, scale=None, network_scale=models.scale(arguments))
    part = whole.parts[0]
    if not part.scale.span > 0:
        raise ValueError(f"{name} is black; expected a positive maximum. Choose another image.")

    def read(rows: slice, columns: slice) -> Array:
        return whole.source.gray(rows, columns, part.channels, part.group, part.scale, size)

    u = read(*(slice(max(0, (n - size) // 2), max(0, (n - size) // 2) + size) for n in pixels.shape[:2]))
    if not u.max() > 0:
        raise ValueError(f"The centre of {name} is black; expected a positive maximum. Crop the image elsewhere.")
    if not isinstance(tiled.noise, str):
        return u, tiled.noise
    return u, tiled.estimate(arrays.with_holes(read, whole.source, part), whole.source.shape, whole.kind_of_noise)


# ---- The table -------------------------------------------------------------------------------------------------------


def _number(value: float, width: int, digits: int = 3) -> str:
    """Format a number, right-aligned after a space, with as many digits as fit, or as a power of ten."""
    if np.isnan(value):
        return f"{'–':>{width}}"
    texts = [f"{value:.{n}f}" for n in range(digits, -1, -1)]
    if value and abs(value) < 0.5 * 10.0**-digits:
        texts = []
    return f"{next((text for text in texts if len(text) < width), f'{value:.0e}'):>{width}}"


def _percent(share: float, width: int) -> str:
    """Format a share in per cent; "<1" and ">99" distinguish few from none and most from all."""
    rounded = round(100 * share)
    text = "<1" if share > 0 and rounded == 0 else ">99" if share < 1 and rounded == 100 else str(rounded)
    return f"{text:>{width}}"


COLUMNS: tuple[tuple[str, int, Callable[[analysis.Layer, int], str]], ...] = (
    ("layer", 5, lambda layer, width: f"{layer.number:>{width}}"),
    ("δt", 6, lambda layer, width: _number(layer.operator.dt, width)),
    ("min", 7, lambda layer, width: _number(layer.spectrum.lowest, width)),
    ("max", 7, lambda layer, width: _number(layer.spectrum.highest, width)),
    ("min", 7, lambda layer, width: _number(layer.spectrum.symmetric_lowest, width)),
    ("max", 7, lambda layer, width: _number(layer.spectrum.symmetric_highest, width)),
    ("CFL", 7, lambda layer, width: _number(layer.cfl_margin, width)),
    ("1−ρ", 7, lambda layer, width: _number(layer.radius_margin, width)),
    ("mean", 8, lambda layer, width: _number(layer.mean_sum, width, 4)),
    ("max|·|", 7, lambda layer, width: _number(layer.largest_sum, width, 4)),
    ("asym", 6, lambda layer, width: _number(layer.asymmetry, width)),
    ("−", 4, lambda layer, width: _percent(layer.negative, width)),
    ("+", 4, lambda layer, width: _percent(layer.positive, width)),
    ("opp", 4, lambda layer, width: _percent(layer.opposite, width)),
    ("r", 7, lambda layer, width: _number(layer.pearson, width)),
    ("rank", 7, lambda layer, width: _number(layer.spearman, width)),
)
GROUPS = (("", 11), ("λ of Id+δtS", 14), ("sym. part", 14), ("margins", 14), ("δt Σζ", 15), ("", 6), ("signs, %", 12))
HEADER = (
    "".join(f"{name:>{width}}" for name, width in (*GROUPS, ("with γ", 14))),
    "".join(f"{name:>{width}}" for name, width, _ in COLUMNS),
)
LEGEND = textwrap.wrap(
    "λ: real parts of the eigenvalues of Id+δtS and of its symmetric part. CFL: 1 − δt max |centre filter|. "
    "ρ: largest |λ|. δt Σζ: δt times the sum of a pixel's filters, the diagonal of αW. asym: ‖S − Sᵀ‖/‖S‖. "
    "signs: off-centre filters below (−) and above (+) 0, and pixels whose centre filter has the opposite sign of the "
    "sum of the others (opp). r, rank: Pearson and Spearman correlation of the mean off-centre filter with the "
    "Perona–Malik γ at contrast 0.2.",
    WIDTH,
)


def row(layer: analysis.Layer) -> str:
    """Format the table row of a layer."""
    return "".join(text(layer, width) for _, width, text in COLUMNS)


def reactions(results: Sequence[analysis.Layer]) -> list[str]:
    """Lines below the table on the reaction, if there is one; without the first layer, where it has no effect."""
    rates = {layer.number: layer.reaction for layer in results if layer.reaction is not None}
    if not rates:
        return []
    means = ", ".join(f"{rate.mean():.3g} in layer {number}" for number, rate in rates.items() if number > 1)
    return [
        *textwrap.wrap(f"Reaction (mean of δt ρ, the share of the way back to the input): {means or 'none'}.", WIDTH),
        "",
    ]


# ---- The picture -----------------------------------------------------------------------------------------------------

PANELS: tuple[tuple[str, Callable[[analysis.Layer], Array]], ...] = (
    ("input u", lambda layer: layer.state),
    ("δt L u", lambda layer: layer.action),
    ("estimated δt γ", lambda layer: layer.diffusivity),
    ("δt αW", lambda layer: layer.smoothing),
    ("δt × centre filter", lambda layer: layer.operator.dt * layer.operator.filters[..., 0]),
)
CAPTION = (
    "From left to right: the layer's input; what the mean-free part of S = L + αW adds to it; the mean of the four "
    "off-centre filters times δt, negative where the layer undoes diffusion (further points count by their squared "
    "distance); the smoothing part αW, the sum of the filters; the centre filter. Each column has one scale, which up "
    "to 0.5 % of the pixels may exceed."
)
REACTION = "δt ρ", lambda layer: layer.reaction
CAPTION_OF_REACTION = (
    "Last column: the reaction, the share of the way back to the input (no effect in the first layer)."
)


def draw(results: Sequence[analysis.Layer], about: str) -> Figure:
    """Draw one row of panels for each layer; `about` starts the caption."""
    from diffnet_tf import figures

    shape, shown, caption = results[0].state.shape, PANELS, f"{about} {CAPTION}"
    if results[0].reaction is not None:
        shown, caption = (*PANELS, REACTION), f"{caption} {CAPTION_OF_REACTION}"
    # Inches per row: an image 1.45 wide, of limited height, and a share of the colour bars below.
    height = 0.3 + 1.45 * min(max(shape[0] / shape[1], 0.7), 2)
    figure, axes = figures.panels(len(results), len(shown), caption, height=height)
    for column, (title, pixels_of) in enumerate(shown):
        images = [pixels_of(layer) for layer in results]
        scale = figures.symmetric(*images)
        options: dict[str, Any] = {"low": -scale, "high": scale, "cmap": figures.RESIDUALS} if column else {}
        for axis, pixels in zip(axes[:, column], images):
            artist = figures.image(axis, pixels, **options)
        axes[0, column].set_title(title)
        ticks = [-scale, 0, scale] if column else [0, 0.5, 1]
        bar = figure.colorbar(artist, ax=axes[:, column], location="bottom", ticks=ticks, extend="both")
        bar.ax.set_xticklabels([f"{tick:.2g}" for tick in ticks], fontsize=6)
    for axis, layer in zip(axes[:, 0], results):
        axis.set_ylabel(f"layer {layer.number}, δt = {layer.operator.dt:.2g}")
    return figure
