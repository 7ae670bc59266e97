"""The common style of all figures. NumPy and Matplotlib only: figures are drawn from records, without Keras."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from diffnet_tf import files
from diffnet_tf.base.types import Array, PathLike

DPI = 200
WIDTH = 5.6  # inches of a whole figure: type of 8 points is read on a phone, too, where all of it is 400 pixels wide
RESIDUALS = "RdBu_r"  # diverging and colour-blind safe; white is zero
ERRORS = "magma"  # moduli: black is zero
SPECTRA = "viridis"
# Okabe & Ito's colours for lines and dots, which colour-blind readers can tell apart, and light ones for boxes.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BOXES = ("#CFE5F3", "#FBE3CF")
GRAY = "#999999"
THIN = {"linewidth": 0.6}
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.linewidth": 0.4,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "axes.prop_cycle": cycler(color=LINES),
}

Arguments = ParamSpec("Arguments")
Drawn = TypeVar("Drawn")


def styled(draw: Callable[Arguments, Drawn]) -> Callable[Arguments, Drawn]:
    """A decorator that applies the style inside a drawing function, and leaves the caller's settings unchanged."""

    def wrapped(*arguments: Arguments.args, **options: Arguments.kwargs) -> Drawn:
        with matplotlib.rc_context(STYLE):
            return draw(*arguments, **options)

    wrapped.__doc__, wrapped.__name__ = draw.__doc__, draw.__name__
    return wrapped


BELOW = "below"  # marks what is written below a figure
LINE, GAP = 0.15, 0.04  # inches from one line of a caption to the next, and above it
CAPTION_PIXELS = (
    "Caption pixels"  # of a PNG's metadata: the height of what is below the picture, for pages that cut it off
)


def panels(rows: int, columns: int, caption: str, width: float = 1.45, height: float = 1.62) -> tuple[Figure, Array]:
    """A figure with a grid of image panels without ticks, and a caption wrapped below it.

    Returns:
        (figure, axes), axes of shape (rows, columns).
    """
    figure = canvas(caption, columns * width + 0.7, rows * height + 0.4, "compressed")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    return figure, axes


def plots(rows: int, columns: int, caption: str, width: float = 3.4, height: float = 2.4) -> tuple[Figure, Array]:
    """A figure with a grid of axes for curves, and a caption wrapped below it: (figure, axes (rows, columns))."""
    figure = canvas(caption, columns * width, rows * height)
    return figure, figure.subplots(rows, columns, squeeze=False)


def canvas(
    caption: str, width: float, height: float, layout: Literal["constrained", "compressed"] = "constrained"
) -> Figure:
    """An empty figure of so many inches, with a caption wrapped below it; "compressed" is the layout of images."""
    figure = Figure((width, height), dpi=DPI, layout=layout)
    below(figure, caption)
    return figure


def below(figure: Figure, text: str, **look: Any) -> None:
    """Write text, wrapped, below all that a figure has; the figure grows by its lines."""
    printable = text.encode(errors="backslashreplace").decode()  # it may hold any file's name
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(printable, int((width - 0.1) * 17.3))
    added, taken = LINE * len(lines) + GAP, _taken(figure)
    for other in figure.texts:
        if other.get_gid() == BELOW:
            other.set_y(other.get_position()[1] + added)
    place: dict[str, Any] = {"va": "top", "linespacing": 1.2, "transform": figure.dpi_scale_trans, "gid": BELOW}
    figure.text(0.05, added - GAP + 0.02, "\n".join(lines), fontsize=8, parse_math=False, **place, **look)
    figure.set_size_inches(width, height + added)
    bottom = (taken + added) / (height + added)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, bottom, 1, 1 - bottom))


def _taken(figure: Figure) -> float:
    """Inches below the axes that `below` has filled."""
    engine = figure.get_layout_engine()
    return float(engine.get()["rect"][1] * figure.get_size_inches()[1]) if engine else 0.0


def image(
    axis: Axes, pixels: Array, label: str | None = None, low: float = 0.0, high: float = 1.0, cmap: str = "gray"
) -> AxesImage:
    """Draw an image on the scale `low` … `high`, with a label below it. Returns the artist, for a colour bar."""
    if label:
        axis.set_xlabel(label, labelpad=2)
    return axis.imshow(pixels, vmin=low, vmax=high, cmap=cmap)


def titles(axes: Iterable[Axes], texts: Iterable[str]) -> None:
    """Write a title above each of the axes."""
    for axis, text in zip(axes, texts):
        axis.set_title(text)


def errors(figure: Figure, artist: AxesImage, axes: Axes | Array, largest: float, short: bool = False) -> None:
    """The colour bar of moduli of errors, below some axes: its end is above most, and it says what the largest one is.

    Args:
        figure, artist, axes: what it is of.
        largest: error.
        short: whether there is room for few words.
    """
    extend = "max" if largest > artist.get_clim()[1] else "neither"
    bar = figure.colorbar(artist, ax=axes, location="bottom", shrink=0.8, aspect=12 if short else 30, extend=extend)
    bar.set_label(
        f"largest {largest:.2g}" if short else f"|error| of gray values in [0, 1]; the largest is {largest:.2g}"
    )
    bar.locator = MaxNLocator(2 if short else 4)


def key(axis: Axes | Figure, entries: Iterable[tuple[str, dict[str, Any]]], **options: Any) -> None:
    """A legend of (label, properties of its line or marker), in axes or beside all axes of a figure."""
    axis.legend(handles=[Line2D([], [], label=label, **look) for label, look in entries], **options)


def bars(axis: Axes, groups: Sequence[str], series: dict[str, tuple[str, Array]], width: float = 0.27) -> None:
    """Bars with their values above them.

    Args:
        axis: to draw into.
        groups: the n names below the axis.
        series: label → (colour, array (n, 2) of mean and standard deviation for each group; NaN where there is none).
        width: width of a bar, where the distance of two groups is 1.
    """
    for k, (label, (colour, values)) in enumerate(series.items()):
        means, spreads = np.transpose(values)
        places = np.arange(len(groups)) + (k - (len(series) - 1) / 2) * width
        drawn = axis.bar(places, means, 0.9 * width, yerr=spreads, color=colour, label=label, error_kw=THIN)
        axis.bar_label(drawn, [f"{mean:.1f}" if mean == mean else "" for mean in means], padding=1, fontsize=8)
    axis.set(xticks=range(len(groups)), xticklabels=groups)
    axis.margins(y=0.16)


def not_run(axis: Axes) -> None:
    """Write "not run" into empty axes."""
    axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center")
    axis.set(xticks=[], yticks=[])


def span(axis: Axes, least: float) -> None:
    """Make the vertical axis at least so long, so that small differences look small."""
    low, high = axis.get_ylim()
    missing = max(0.0, least - (high - low)) / 2
    axis.set_ylim(low - missing, high + missing)


def symmetric(*images: Array, share: float = 0.995) -> float:
    """The s of a common colour scale −s … s for images around zero: the `share` quantile of the absolute values.

    With the maximum instead, a few bright pixels would leave all others white.
    """
    return float(np.quantile(np.abs(images if len(images) > 1 else images[0]), share)) or 1e-6


def save(figure: Figure, path: PathLike) -> None:
    """Write a PNG, and a PDF beside it, without dates and versions, so that equal figures give equal files."""
    path = Path(path)
    of_a_png = {"Software": None, CAPTION_PIXELS: str(round(DPI * _taken(figure)))}
    for suffix, about in ((".png", of_a_png), (".pdf", dict.fromkeys(("Creator", "Producer", "CreationDate")))):
        with files.replacing(path.with_suffix(suffix)) as partial:
            figure.savefig(partial, dpi=DPI, metadata=about)
