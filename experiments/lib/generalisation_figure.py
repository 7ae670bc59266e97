"""The three figures of `generalisation`: other pictures, other diffusions and noise, the worst crops."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, ledger, pictures, settings

SETTINGS, WORST = "figure-settings", "figure-worst"  # files of the second and the third
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
    """One figure for each question: PSNR by kind of picture, other diffusions and noise, and the worst crops."""
    texts = caption(record)
    return {
        pictures.MAIN: _groups(texts[pictures.MAIN], record, arrays),
        SETTINGS: _settings(texts[SETTINGS], record),
        WORST: _strip(texts[WORST], record, arrays),
    }


def _groups(text, record, arrays):
    shown = settings.INVERSE
    figure, axes = figures.plots(len(shown), 1, text, width=figures.WIDTH, height=1.85)
    for axis, setting in zip(axes[:, 0], shown):
        _dots(axis, setting.preset, record, arrays)
    axes[-1, 0].set_xlabel("PSNR in dB")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def _settings(text, record):
    figure, axes = figures.plots(3, 1, text, width=4.8, height=1.85)
    contrast, steps, noise = axes[:, 0]
    _curves(contrast, record["contrast"], "Another contrast parameter?", "λ (trained on 0.2)", 0.2)
    _curves(steps, record["steps"], "Another number of steps?", "steps of δt = 0.1 (trained on 4)", 4)
    presets = dict(zip(record["noise"], ("-", "--")))
    for preset, line in presets.items():
        _curves(noise, record["noise"][preset], "More noise, or less?", "σ / that of the training", 1.0, line)
    handles, labels = steps.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    low, high = noise.get_ylim()
    noise.set_ylim(low - 0.35 * (high - low), high)  # room for the legend
    lines = [(preset, {"color": "black", "linestyle": line}) for preset, line in presets.items()]
    figures.key(noise, lines, loc="lower left", ncols=2)
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
    axis.set(yticks=range(len(groups)), yticklabels=groups, title=f"preset {preset}")
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
    axis.set(xlabel=label, ylabel="mean PSNR in dB", title=title)


def _strip(text, record, arrays):
    worst = arrays["worst"]
    figure, axes = figures.panels(len(SHOWN), len(worst), text, width=0.82, height=1.08)
    error = np.abs(arrays["worst_residual"].astype("float64"))
    scale = figures.symmetric(error, share=0.98)
    for column, number in enumerate(worst):
        axes[0, column].set_title(record["crops"][number]["group"])
        for axis, name in zip(axes[:, column], SHOWN):
            if name == "residual":
                artist = figures.image(axis, error[column], None, 0, scale, figures.ERRORS)
            else:
                method = {"diffused": "degraded", "restored": "diffnet"}.get(name)
                pixels = arrays[f"worst_{name}"][column].astype("float32")
                figures.image(axis, pixels, f"{arrays[f'{STRIP}_{method}'][number]:.1f} dB" if method else None)
    for axis, name in zip(axes[:, 0], SHOWN):
        axis.set_ylabel("|error|" if name == "residual" else name)
    figures.errors(figure, artist, axes[-1], error.max())
    return figure


def caption(record):
    """The caption: what is shown in each figure."""
    trained = captions.listed(sorted(set(record["trained_on"].values())))
    return {
        pictures.MAIN: (
            f"{record['title']}: do networks trained on photographs ({trained}) restore other pictures? "
            f"{len(record['crops'])} crops of {sum(map(len, record['pictures'].values()))} pictures (dots) and their "
            "means. The fixed point knows the diffusion."
        ),
        SETTINGS: (
            f"{record['title']}: do the presets still work after another diffusion or with other noise? DiffNet and "
            "the fixed point assume the training's values (dotted line); the green line is given the true ones. Mean "
            f"of {captions.count(record['test_images'], 'test image')}."
        ),
        WORST: (
            f"{record['title']}: where does the preset {STRIP} fail? Of each kind of picture the crop that it restores "
            "worst, and |error|."
        ),
    }


def alt(record):
    """The alt text: what is seen in each figure."""
    gains = {group: found["ahead"]["mean"] for group, found in record["groups"][STRIP].items()}
    best, least = max(gains, key=gains.get), min(gains, key=gains.get)
    away = record["contrast"][-1]
    return {
        pictures.MAIN: ledger.signs(
            f"One panel for each preset, with a row for each of {captions.listed(gains)}: clouds of dots for the "
            f"input, DiffNet and the fixed point, with their means. For {STRIP}, DiffNet is furthest ahead of the "
            f"fixed point on {best} and {'furthest behind' if gains[least] < 0 else 'least ahead'} on {least}."
        ),
        SETTINGS: (
            "Three plots above each other. Against λ and against the number of steps, DiffNet and the fixed point have "
            f"a sharp peak at the value of the training; at λ = {away['value']:g}, DiffNet reaches "
            f"{away['diffnet']['psnr']['mean']:.0f} dB. With more noise than in the training, PSNR falls steeply."
        ),
        WORST: (
            f"One column for each of {captions.listed(gains)}: the original crop, the blurred one, the restored "
            "one, and the error: a thin band along the edges of the synthetic shape, and speckles in most others."
        ),
    }
