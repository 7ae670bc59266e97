"""Generalisation: networks trained on photographs, on other and larger pictures, and on other diffusions and noise.

Three parts, all without training: the inverse presets on textures, text, medical and other pictures; on whole pictures
of 512×512 against crops of 96×96 of the same; and on test images that were diffused with another contrast parameter or
for another time, or are noisier, than what the networks learned. Beside each stands the fixed-point iteration, told
what the network was trained on, and where that is wrong also told the truth.

    python -m experiments.generalisation --budget cpu  # about 15 min of one core
    python -m experiments.generalisation --budget cpu --source stl10_binary --data_dir DIR --test_dir DIR
"""

import functools
import textwrap

import numpy as np

from diffnet_tf import figures

NAME = "generalisation"
# Preset → iterations of the fixed point, chosen on training photographs: those of the records of Figures 6 and 7.
PRESETS = {"inverse": 200, "inverse-0.1pct": 9, "inverse-1pct": 1}
NOISE = {"inverse": 0.0, "inverse-0.1pct": 0.001, "inverse-1pct": 0.01}
CONTRASTS = (0.1, 0.15, 0.2, 0.3, 0.4)  # λ; trained on 0.2
STEPS = (2, 3, 4, 6, 8)  # of δt = 0.1; trained on 4
NOISES = (0.5, 1.0, 2.0)  # times the σ trained on
BUDGETS = {  # (crops of a picture, test images of the last part) at most
    "smoke": (1, 2),
    "quick": (4, 16),
    "cpu": (16, None),
    "paper": (None, None),
}
STRIP = "inverse"  # the preset whose worst crops are shown
SHOWN = ("original", "diffused", "restored", "residual")
BORDER = 4  # pixels


def compute(options):
    """Apply the presets to everything: (record, arrays, None)."""
    import keras

    from diffnet_tf.networks import presets
    from experiments.lib import pictures, samples

    most, limit = BUDGETS[options.budget]
    crops, groups, names = pictures.of_all(most)
    test = options.images("test", limit)
    methods = {preset: _methods(preset) for preset in PRESETS}
    parts = {preset: _on_groups(methods[preset], preset, crops, groups, names) for preset in PRESETS}
    record = {
        "title": "Generalisation",
        "backend": keras.backend.backend(),
        "diffusion": samples.DIFFUSION,
        "weights": {preset: presets.card(preset)["sha256"] for preset in PRESETS},
        "trained_on": {preset: presets.card(preset)["training"]["data"] for preset in PRESETS},
        "fixed_point_iterations": PRESETS,
        "pictures": pictures.PICTURES,
        "groups": {preset: part["results"] for preset, part in parts.items()},
        "crops": [{"group": group, "picture": name} for group, name in zip(groups, names)],
        "large": {preset: _large(methods[preset], preset, options.budget == "smoke") for preset in PRESETS},
        "test_images": len(test),
        "contrast": _other(methods["inverse"], "contrast", CONTRASTS, test),
        "steps": _other(methods["inverse"], "steps", STEPS, test),
        "noise": {preset: _noisier(methods[preset], preset, test) for preset in PRESETS if NOISE[preset]},
    }
    arrays = {}
    for preset, part in parts.items():
        arrays |= {f"{preset}_{name}": values for name, values in part["psnr"].items()}
    return record, arrays | parts[STRIP]["worst"], None


def _methods(preset):
    """What is compared: the degraded image itself, the preset, and the fixed point that knows the same."""
    from diffnet_tf.networks import presets
    from experiments.lib import measure

    return {
        "degraded": lambda y: y,
        "diffnet": measure.applied(presets.from_preset(preset)),
        "fixed_point": _fixed_point(PRESETS[preset]),
    }


def _fixed_point(iterations, **told):
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    return backend.compiled(lambda y: diffusion.fixed_point_inverse(y, iterations, **told), fused=True)


def _pairs(images, noise, degrade=None):
    from diffnet_tf import data
    from experiments.lib import networks

    return data.paired_arrays(images, noise=noise, seed=networks.TEST_SEED, degrade=degrade)


def _on_groups(methods, preset, crops, groups, names):
    """Quality of all crops, summed up by group, by picture, and over a group against the fixed point."""
    from diffnet_tf import data, metrics
    from experiments.lib import measure

    inputs, targets = _pairs(data.GrayImages(crops), NOISE[preset])
    outputs = {name: measure.batched(function, inputs) for name, function in methods.items()}
    values = {name: measure.quality(targets, output)[0] for name, output in outputs.items()}
    groups, names, results = np.array(groups), np.array(names), {}
    for group in dict.fromkeys(groups.tolist()):
        of = groups == group
        results[group] = {
            name: {kind: metrics.summary(found[kind][of]) for kind in ("psnr", "ssim")}
            for name, found in values.items()
        }
        ahead = values["diffnet"]["psnr"][of] - values["fixed_point"]["psnr"][of]
        results[group]["ahead"] = metrics.summary(np.where(np.isnan(ahead), 0.0, ahead))  # both perfect
        results[group]["pictures"] = {
            picture: metrics.summary(values["diffnet"]["psnr"][names == picture])
            for picture in dict.fromkeys(names[of].tolist())
        }
    psnr = {name: found["psnr"].astype("float32") for name, found in values.items()}
    return {"results": results, "psnr": psnr, "worst": _worst(groups, psnr["diffnet"], inputs, targets, outputs)}


def _worst(groups, psnr, inputs, targets, outputs):
    """Of every group the crop with the lowest PSNR; half precision is enough to look at."""
    worst = [np.flatnonzero(groups == g)[np.argmin(psnr[groups == g])] for g in dict.fromkeys(groups.tolist())]
    images = {"original": targets, "diffused": inputs, "restored": outputs["diffnet"]}
    images["residual"] = outputs["diffnet"] - targets
    shown = {f"worst_{name}": image[worst, ..., 0].astype("float16") for name, image in images.items()}
    return {"worst": np.array(worst), **shown}


def _large(methods, preset, smoke):
    """Whole pictures of 512×512 against their crops of 96×96, on the pixels that both have: PSNR of every picture.

    Crops keep the scale of the picture. What is left of a difference is their border, whose error stands beside.
    """
    from diffnet_tf import data
    from experiments.lib import measure, pictures

    found = []
    for name in pictures.LARGE[: 1 if smoke else None]:
        whole = pictures.read(name)
        whole = whole / whole.max()
        crops = pictures.crops(whole)
        side = pictures.SIDE * int(np.sqrt(len(crops)))
        row = {"picture": name, "crops": len(crops)}
        for kind, images in (("whole", whole[None]), ("crops", crops)):
            inputs, targets = _pairs(data.GrayImages(images, scaled=False), NOISE[preset])
            for method, function in methods.items():
                error = (measure.batched(function, inputs) - targets)[:, :side, :side, 0].astype("float64")
                row[f"{method}_{kind}"] = _psnr(error)
                if kind == "crops":
                    inside = np.zeros(error.shape, bool)
                    inside[:, BORDER:-BORDER, BORDER:-BORDER] = True
                    row[f"{method}_inside"], row[f"{method}_border"] = _psnr(error[inside]), _psnr(error[~inside])
        found.append(row)
    return found


def _psnr(error):
    return float(-10.0 * np.log10(np.mean(error**2)))


def _other(methods, setting, values, test):
    """The preset without noise on diffusions of another contrast parameter or number of steps."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion
    from experiments.lib import measure

    found = []
    for value in values:
        degrade = backend.compiled(functools.partial(diffusion.perona_malik, **{setting: value}), fused=True)
        inputs, targets = _pairs(test, 0.0, degrade)
        told = {"told": _fixed_point(PRESETS["inverse"], **{setting: value})}
        found.append({"value": value, **_measured(methods | told, inputs, targets, measure)})
    return found


def _noisier(methods, preset, test):
    from experiments.lib import measure

    return [
        {"value": factor, **_measured(methods, *_pairs(test, factor * NOISE[preset]), measure)} for factor in NOISES
    ]


def _measured(methods, inputs, targets, measure):
    summaries = {}
    for name, function in methods.items():
        _, summary = measure.quality(targets, measure.batched(function, inputs))
        summaries[name] = {kind: summary[kind] for kind in ("psnr", "ssim")}
    return summaries


LABELS = {
    "degraded": "input",
    "diffnet": "DiffNet",
    "fixed_point": "fixed point",
    "told": "fixed point, told the truth",
}
STYLES = dict(zip(LABELS, ((".", "#999999"), ("o", "#0072B2"), ("s", "#D55E00"), ("^", "#009E73"))))


@figures.styled
def draw(record, arrays):
    """Dots by group, curves of what differs from the training, and the worst crop of every group."""
    text = textwrap.wrap(caption(record), 178)
    figure = figures.Figure((10.2, 10.0 + 0.14 * len(text)), dpi=figures.DPI, layout="constrained")
    figure.supxlabel("\n".join(text), fontsize=7, x=0.01, ha="left")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(2.6, 2.4, 5.0))
    axes = top.subplots(1, len(PRESETS), sharey=True)
    for axis, preset in zip(axes, PRESETS):
        _dots(axis, preset, record, arrays)
    axes[0].legend(loc="best")
    axes = middle.subplots(1, 3)
    _curves(axes[0], record["contrast"], "inverse", "contrast parameter λ (trained: 0.2)", 0.2)
    _curves(axes[1], record["steps"], "inverse", "steps of δt = 0.1 (trained: 4)", 4)
    presets = dict(zip(record["noise"], ("-", "--")))
    for preset, line in presets.items():
        _curves(axes[2], record["noise"][preset], "noise", "σ of the noise / that of the training", 1.0, line)
    axes[1].legend(loc="best")
    lines = [figures.Line2D([], [], color="black", linestyle=line, label=preset) for preset, line in presets.items()]
    axes[2].legend(handles=lines, loc="best")
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
            size = 6 if name == "diffnet" else 3  # the fixed point's lie on it where both are told the same wrong thing
            named = LABELS[name] if line == "-" else None
            values = [row["value"] for row in rows]
            axis.plot(values, psnr, marker + line, color=colour, label=named, markersize=size, linewidth=1)
    axis.axvline(trained, color="black", linewidth=0.4, linestyle=":")
    axis.set(xlabel=label, ylabel="mean test PSNR in dB", title=title)


def _strip(figure, record, arrays):
    worst = arrays["worst"]
    axes = figure.subplots(len(SHOWN), len(worst), squeeze=False)
    scale = float(np.quantile(np.abs(arrays["worst_residual"].astype("float64")), 0.98)) or 1e-6
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
    large = record["large"]["inverse"]
    gap = np.mean([row["diffnet_whole"] - row["diffnet_crops"] for row in large])
    trained = "/".join(sorted(set(record["trained_on"].values())))
    iterations = ", ".join(str(number) for number in record["fixed_point_iterations"].values())
    return (
        f"{record['title']}: the presets, trained on photographs ({trained}) and not trained further. Top: "
        f"{len(record['crops'])} crops of 96×96 of {sum(map(len, record['pictures'].values()))} pictures that come "
        f"with scikit-image, each a small dot, and their means, beside the fixed point ({iterations} iterations). "
        f"Middle: {record['test_images']} test images ({record['source']}, {record['test_data']}) with another "
        f"diffusion or noise than in training. Bottom: the crop of every group with the lowest PSNR, preset {STRIP}. "
        f"{len(large)} whole picture{'s' * (len(large) > 1)} of 512×512: {gap:+.1f} dB against their crops. Budget "
        f"{record['budget']}. {record['note'] or ''}"
    )


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
