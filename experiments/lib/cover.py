"""The wide picture on top of the README and of the page of results. It is drawn from the records of two experiments.

Above, images of Figure 7: original, diffused with noise, restored by DiffNet, and the error. Below, what the layers of
that network learned: the centre filters of Figure 12, which hold the weight that each pixel gives to
itself. NumPy and Matplotlib only.
"""

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from diffnet_tf import figures, files
from experiments.lib import captions, records

NAME = "cover"
FIGURE, FILTERS = "fig07", "fig12"  # where the images and the filters come from
PATH = records.COMMITTED.parent / "docs" / "pictures" / "cover.png"
DPI = 200
WIDTH = 8.0  # inches: 1,600 pixels
TYPE = 14  # points: where all of it is 380 pixels wide, on a phone, 9 pixels
BAND = 0.33  # inches of a line of text


def load(root):
    """The records and arrays of both experiments under a results folder, (record, arrays, record, arrays), or None."""
    folders = [Path(root) / name for name in (FIGURE, FILTERS)]
    if not all((folder / records.RECORD).exists() for folder in folders):
        return None
    return (*records.load(folders[0]), *records.load(folders[1]))


def chosen(record, filters):
    """(position of the shown image that has filters, position of its noise level).

    Raises:
        ValueError: when the filters are of another image or noise.
    """
    if filters["image"] not in record["shown"] or record["noise"] not in filters["noises"]:
        raise ValueError(f"{FILTERS} has no filters of an image of {FIGURE}: run both on the same images.")
    return record["shown"].index(filters["image"]), filters["noises"].index(record["noise"])


@figures.styled
def draw(record, arrays, filters, centre):
    """The picture, 1,600 pixels wide. Args: what `load` gives."""
    image, level = chosen(record, filters)
    number, layers = record["shown"][image], centre["filters"][level]
    target, restored = arrays["target"][image], arrays["diffnet"][image]
    error = np.abs(restored - target)
    scale = figures.symmetric(error)
    above = (
        ("original", "", target, 1.0, "gray"),
        (
            f"diffused{captions.noisy(record['noise'])}",
            _decibels(arrays["psnr_degraded"][number]),
            arrays["input"][image],
            1.0,
            "gray",
        ),
        ("restored", _decibels(arrays["psnr_diffnet"][number]), restored, 1.0, "gray"),
        ("|error|", f"black 0, bright {scale:.2f}", error, scale, figures.ERRORS),
    )
    gap = 0.06
    large, small = ((WIDTH - gap * (n + 1)) / n for n in (len(above), len(layers)))
    height = large + small + 4 * BAND + 0.12
    figure = Figure((WIDTH, height), dpi=DPI)
    top = height - BAND
    for k, (title, below, pixels, high, colours) in enumerate(above):
        axis = _axes(figure, gap + k * (large + gap), top - large, large)
        figures.image(axis, pixels, None, 0.0, high, colours)
        _text(figure, gap + k * (large + gap) + large / 2, top + BAND / 2, title)
        _text(figure, gap + k * (large + gap) + large / 2, top - large - BAND / 2, below)
    bottom = BAND
    _text(
        figure, WIDTH / 2, bottom + small + BAND / 2, "what each layer learned: the weight that a pixel gives to itself"
    )
    for k, pixels in enumerate(np.float64(layers)):
        axis = _axes(figure, gap + k * (small + gap), bottom, small)
        axis.imshow(pixels, vmin=np.quantile(pixels, 0.005), vmax=np.quantile(pixels, 0.995), cmap=figures.SPECTRA)
        _text(figure, gap + k * (small + gap) + small / 2, bottom / 2, f"layer {k + 1}")
    return figure


def _decibels(psnr):
    return f"{psnr:.1f} dB"


def _axes(figure, x, y, side):
    """Square axes without ticks at a place in inches from the lower left."""
    width, height = figure.get_size_inches()
    axis = figure.add_axes((x / width, y / height, side / width, side / height))
    axis.set(xticks=[], yticks=[])
    return axis


def _text(figure, x, y, words):
    figure.text(x, y, words, ha="center", va="center", fontsize=TYPE, transform=figure.dpi_scale_trans)


def caption(record, arrays, filters, centre):
    """The caption: what is shown. Args: what `load` gives."""
    image, _ = chosen(record, filters)
    number = record["shown"][image]
    before, after = (_decibels(arrays[f"psnr_{name}"][number]) for name in ("degraded", "diffnet"))
    return (
        f"Test image {number}, diffused, with {captions.percent(record['noise'])} ({before}), and restored by DiffNet "
        f"({after}). Below, the weight that each pixel gives to itself in each layer (yellow: high; purple: low; each "
        "layer on its own scale). The weights follow the edges."
    )


def alt(record, arrays, filters, centre):
    """The alt text: what is seen. Args: what `load` gives."""
    before, after = (_decibels(arrays[f"psnr_{name}"][filters["image"]]) for name in ("degraded", "diffnet"))
    return (
        f"Top row, four versions of a photograph: the original, a blurred and noisy one ({before}), the sharp one that "
        f"DiffNet restores from it ({after}), and a map of the error, which is small and largest at edges. Bottom row: "
        f"the weights of {centre['filters'].shape[1]} layers as images from purple to yellow; each shows the same "
        "scene, its edges as lines."
    )


def write(root, path=PATH):
    """Draw the cover from the records of a results folder; returns the picture's path.

    Raises:
        FileNotFoundError: when one of the records is missing.
        ValueError: see `chosen`.
    """
    found = load(root)
    if found is None:
        raise FileNotFoundError(f"{root} lacks a record of {FIGURE} or {FILTERS}: run these experiments first.")
    path = Path(os.path.relpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as partial:
        draw(*found).savefig(partial, format="png", dpi=DPI, metadata={"Software": None})
    return path
