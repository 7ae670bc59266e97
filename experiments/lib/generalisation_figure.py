"""The figure of `generalisation`: dots by group of pictures, curves of other settings, the worst crop of each group."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, settings

STRIP = "inverse"  # the preset whose worst crops are shown
SHOWN = ("original", "diffused", "restored", "residual")

LABELS = {
    "degraded": "input",
    "diffnet": "DiffNet",
    "fixed_point": "fixed point",
    "told": "fixed point, given the truth",
}
STYLES = dict(zip(LABELS, zip(".os^", (figures.GRAY, *figures.LINES))))


@figures.styled
def draw(record, arrays):
    """Dots by group, curves of what differs from the training, and the worst crop of every group."""
    figure = figures.canvas(caption(record), 10.2, 10.0)
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(2.6, 2.4, 5.0))
    axes = top.subplots(1, len(settings.INVERSE), sharey=True)
    for axis, setting in zip(axes, settings.INVERSE):
        _dots(axis, setting.preset, record, arrays)
    axes[0].legend(loc="best")
    axes = middle.subplots(1, 3)
    _curves(axes[0], record["contrast"], "inverse", "contrast parameter λ (trained: 0.2)", 0.2)
    _curves(axes[1], record["steps"], "inverse", "steps of δt = 0.1 (trained: 4)", 4)
    presets = dict(zip(record["noise"], ("-", "--")))
    for preset, line in presets.items():
        _curves(axes[2], record["noise"][preset], "noise", "σ of the noise / that of the training", 1.0, line)
    axes[1].legend(loc="best")
    figures.key(
        axes[2], [(preset, {"color": "black", "linestyle": line}) for preset, line in presets.items()], loc="best"
    )
    _strip(bottom, record, arrays)
    return figure


def _dots(axis, preset, record, arrays):
    groups = list(record["groups"][preset])
    of = np.array([crop["group"] for crop in record["crops"]])
    for offset, name in zip((0.2, 0.0, -0.2), ("degraded", "diffnet", "fixed_point")):
        marker, colour = STYLES[name]
        for k, group in enumerate(groups):
            psnr = arrays[f"{preset}_{name}"][of == group]
            psnr = psnr[np.isfinite(psnr)]
            jitter = k + offset + np.linspace(-0.07, 0.07, len(psnr))
            axis.plot(psnr, jitter, ".", color=colour, markersize=1.5, alpha=0.5)
            label = LABELS[name] if k == 0 else None
            axis.plot(psnr.mean(), k + offset, marker, color=colour, markeredgecolor="black", label=label, markersize=5)
    axis.set(yticks=range(len(groups)), yticklabels=groups, xlabel="PSNR in dB", title=preset)
    axis.set_ylim(len(groups) - 0.5, -0.5)


def _curves(axis, rows, title, label, trained, line="-"):
    for name in LABELS:
        if name in rows[0]:
            marker, colour = STYLES[name]
            psnr = [row[name]["psnr"]["mean"] for row in rows]
            size = 6 if name == "diffnet" else 3  # the fixed point's lie on it where both get the same wrong value
            named = LABELS[name] if line == "-" else None
            values = [row["value"] for row in rows]
            axis.plot(values, psnr, marker + line, color=colour, label=named, markersize=size, linewidth=1)
    axis.axvline(trained, color="black", linewidth=0.4, linestyle=":")
    axis.set(xlabel=label, ylabel="mean test PSNR in dB", title=title)


def _strip(figure, record, arrays):
    worst = arrays["worst"]
    axes = figure.subplots(len(SHOWN), len(worst), squeeze=False)
    scale = figures.symmetric(arrays["worst_residual"].astype("float64"), share=0.98)
    for column, number in enumerate(worst):
        crop = record["crops"][number]
        axes[0, column].set_title(f"{crop['group']}:\n{crop['picture'].replace('_', ' ')}")
        for axis, name in zip(axes[:, column], SHOWN):
            pixels = arrays[f"worst_{name}"][column].astype("float32")
            axis.set(xticks=[], yticks=[])
            if name == "residual":
                artist = figures.image(axis, pixels, None, -scale, scale, figures.RESIDUALS)
            else:
                method = {"diffused": "degraded", "restored": "diffnet"}.get(name)
                figures.image(axis, pixels, f"{arrays[f'{STRIP}_{method}'][number]:.1f} dB" if method else None)
    for axis, name in zip(axes[:, 0], SHOWN):
        axis.set_ylabel(name)
    figure.colorbar(artist, ax=axes, location="right", shrink=0.4, label="residual (image range 1)")


def caption(record):
    """What is shown, and where it comes from."""
    trained = "/".join(sorted(set(record["trained_on"].values())))
    return (
        f"{record['title']}: the presets, trained on photographs ({trained}). Top: {len(record['crops'])} crops of "
        f"{sum(map(len, record['pictures'].values()))} pictures and their means. Middle: "
        f"{captions.count(record['test_images'], 'test image')}. Bottom: of each group the crop with the lowest PSNR, "
        f"preset {STRIP}. {captions.source(record)}"
    )
