"""The picture of `denoise_stencils`, from its record: NumPy and Matplotlib only."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions
from experiments.lib.ledger import signs

PART = (slice(0, 160), slice(0, 160))  # of the photograph
ALONG, ACROSS, EDGES, FLAT = *figures.LINES[:3], figures.GRAY
KEY = {"along edges": ALONG, "across edges": ACROSS, "flat regions": FLAT, "edges": EDGES}


@figures.styled
def draw(record, arrays):
    """Above, diffusivities against the gradient, and of each layer; below, maps of them for a photograph."""
    figure = figures.canvas(caption(record), figures.WIDTH, 4.3)
    axes = figure.subplot_mosaic(
        [["gradient", "layers", "reaction"], ["noisy", "across", "along"]], height_ratios=[1, 1.2]
    )
    maps = {name: arrays[f"map_{name}"][PART].astype("float64") for name in ("noisy", "across", "along")}
    scale = figures.symmetric(maps["across"], maps["along"], share=0.8)  # what is below 0 is to be seen, too
    titles = {"noisy": f"noisy, σ = {record['level']}", "across": "across edges", "along": "along edges"}
    for name, pixels in maps.items():
        look = () if name == "noisy" else (-scale, scale, figures.RESIDUALS)
        artist = figures.image(axes[name], pixels, None, *look)
        axes[name].set(title=titles[name], xticks=[], yticks=[])
    panels = [axes[name] for name in maps]
    bar = figure.colorbar(artist, ax=panels, location="bottom", shrink=0.6, aspect=30, pad=0.03, extend="both")
    bar.set_label("diffusivity of all layers in pixels²")
    _draw_profile(axes["gradient"], record)
    _draw_layers(axes["layers"], record, {"flat": FLAT, "across": ACROSS, "along": ALONG})
    axes["layers"].set(title="each layer", ylabel="pixels²")
    _draw_layers(axes["reaction"], record, {"reaction_flat": FLAT, "reaction_edges": EDGES})
    axes["reaction"].set(title="reaction δt ρ")
    entries = [(label, {"color": colour, "linewidth": 3}) for label, colour in KEY.items()]
    entries.append((gamma(record), {"color": "black", "linestyle": "--", "linewidth": 0.9}))
    figures.key(figure, entries, loc="outside upper center", ncols=5, columnspacing=1, handlelength=1.2)
    return figure


def gamma(record):
    """The curve nearest to the diffusivity across edges, in words."""
    fit = record["perona_malik"]
    return f"{fit['factor']:.2f} γ, λ = {fit['contrast']:.0f}"


def _draw_profile(axis, record):
    """The diffusivity against the gradient, and the nearest curve c γ."""
    gradient = np.array([of["gradient"] for of in record["profile"]])
    for name, colour in (("along", ALONG), ("across", ACROSS)):
        axis.plot(gradient, [of[name] for of in record["profile"]], "o-", color=colour, markersize=3)
    fine, fit = np.geomspace(gradient[0], gradient[-1], 200), record["perona_malik"]
    axis.plot(fine, fit["factor"] / (1 + (fine / fit["contrast"]) ** 2), "--", color="black", linewidth=0.9)
    axis.axhline(0, color="black", **figures.THIN)
    axis.set(title="all layers", xscale="log", xlabel="|∇u|, of 255 per pixel", ylabel="pixels²")
    ticks = (1, 4, 16, 64)
    axis.set_xticks(ticks, map(str, ticks))
    axis.minorticks_off()


def _draw_layers(axis, record, colours):
    """Bars of some quantities of each layer."""
    width = 0.8 / len(colours)
    for k, (name, colour) in enumerate(colours.items()):
        places = np.arange(1, len(record["layers"]) + 1) + (k - (len(colours) - 1) / 2) * width
        axis.bar(places, [of[name] for of in record["layers"]], 0.9 * width, color=colour)
    axis.axhline(0, color="black", **figures.THIN)
    axis.set(xlabel="layer", xticks=range(1, len(record["layers"]) + 1))


def _sums(record):
    """Diffusivities of all layers: flat, across edges, along edges."""
    return [sum(of[name] for of in record["layers"]) for name in ("flat", "across", "along")]


def caption(record):
    """The caption: what is shown, and the most important numbers."""
    flat, across, along = _sums(record)
    share, number = 100 * record["sharpened_edges"], captions.count(len(record["photographs"]), "photograph")
    return signs(
        f"{record['title']}: where does `denoise` smooth (above 0), and where does it sharpen? Diffusivity {flat:.2f} "
        f"in flat regions, {along:.2f} along edges, {across:.2f} across, below 0 on {share:.0f} % of the edges. "
        f"Dashed: Perona–Malik's γ. Means of {number}."
    )


def alt(record):
    """The alt text: what is seen."""
    (flat, _, _), last = _sums(record), record["profile"][-1]
    working = [k for k, of in enumerate(record["layers"], 1) if abs(of["flat"]) > 0.05 * flat]
    return signs(
        f"Above, two curves against the gradient. The one across edges goes from {flat:.2f} to {last['across']:.2f} "
        f"pixels², with the dashed curve of γ beside it, the one along edges to {last['along']:.2f}. Bars for each "
        f"layer: layers that clearly smooth flat regions are number {captions.listed(working)}. Below, a noisy "
        f"photograph ({record['shown']}) and two maps of it, red in flat regions. Outlines are pale in the map across "
        "edges, and less so in the map along them."
    )
