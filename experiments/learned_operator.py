"""The learned operator: the layers of the presets, analysed as numerical schemes on test images.

Every layer is one explicit step Id + δt S. Measured are spectrum and stability, conservation, symmetry, signs, and the
correlation with Perona and Malik's γ, which the networks have never seen; see `diffnet_tf.analysis`. Nothing is
trained. The preset `forward` gets clean images, the others diffused images with the noise of their training.
`python -m diffnet_tf inspect` does the same for one of your images.

    # about 10 min of one core
    python -m experiments.learned_operator --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, settings, study, verdicts
from experiments.lib.ledger import Claim, signs
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "learned-operator"
TITLE = "The learned operator"
OPTIONS = ("budget", *IMAGES)
LEARNED = tuple(setting for setting in settings.SETTINGS if setting.problem != "deconvolution")
CONTRAST = 0.2  # λ of the γ that filters are compared with: that of the diffusion
BUDGETS = {"smoke": 1, "quick": 4, "cpu": 24, "paper": None}  # images
OF_A_LAYER = ("mean_sum", "largest_sum", "asymmetry", "negative", "positive", "opposite")
OF_A_LAYER += ("cfl_margin", "radius_margin", "pearson", "spearman")
OF_A_SPECTRUM = ("lowest", "highest", "radius", "symmetric_lowest", "symmetric_highest")
QUANTITIES = ("change", *OF_A_LAYER, *OF_A_SPECTRUM)


def compute(options):
    """Measure every layer on every image."""
    from diffnet_tf.evaluation import analysis
    from diffnet_tf.networks import presets

    images = options.images("test", BUDGETS[options.budget])
    found, arrays = {}, {}
    for setting in LEARNED:
        preset, model = setting.preset, presets.from_preset(setting.preset)
        inputs, _ = measure.pairs(measure.Task(setting.problem, setting.noise), images)
        values = []
        for number in range(len(inputs)):
            print(f"{preset}: image {number + 1} of {len(inputs)}", flush=True)
            layers = analysis.layers(model, inputs[number : number + 1], CONTRAST)
            values.append([_numbers(layer) for layer in layers])
        arrays[preset] = np.array(values, "float32")
        found[preset] = {
            "noise": setting.noise,
            "weights": presets.card(preset)["sha256"],
            "time_steps": model.time_steps,
            "layers": [_summary(arrays[preset][:, layer]) for layer in range(len(model.time_steps))],
        }
    record = {"quantities": QUANTITIES, "contrast": CONTRAST, "images": len(images)}
    return study.Result({**record, "pixels": list(images.shape[1:3]), "presets": found}, arrays)


def _numbers(layer):
    """The `QUANTITIES` of a layer; its change is the root mean square of its update of the image."""
    added = layer.operator @ layer.state.ravel() - layer.state.ravel()
    spectrum = dataclasses.asdict(layer.spectrum)
    of_layer = [getattr(layer, name) for name in OF_A_LAYER]
    return [float(np.sqrt(np.mean(added**2))), *of_layer, *(spectrum[name] for name in OF_A_SPECTRUM)]


def _summary(values):
    """Mean, standard deviation and extremes over the images (n, quantities); where ARPACK converged."""
    summary = {}
    for name, column in zip(QUANTITIES, values.astype("float64").T):
        column = column[np.isfinite(column)]
        summary[name] = {"n": len(column)}
        if len(column):
            numbers = {"mean": column.mean(), "std": column.std(), "min": column.min(), "max": column.max()}
            summary[name] |= {kind: float(value) for kind, value in numbers.items()}
    return summary


PANELS = (
    ("pearson", "correlation with γ", "Do filters follow Perona–Malik's γ?"),
    ("asymmetry", "‖S − Sᵀ‖ / ‖S‖", "Is S symmetric (0)?"),
    ("largest_sum", "max |δt Σζ|", "Does it conserve the mean (0)?"),
    ("radius_margin", "1 − ρ(Id + δt S)", "Is the step stable (≥ 0)?"),
)
MARKERS = ("s", "o", "^", "v")


@figures.styled
def draw(record, arrays):
    """One panel for each quantity: its mean over the images, layer by layer, with a bar between the extremes."""
    figure, axes = figures.plots(2, 2, caption(record), width=figures.WIDTH / 2, height=2.0)
    for axis, (quantity, label, title) in zip(axes.flat, PANELS):
        for shift, (preset, colour, marker) in enumerate(zip(record["presets"], figures.LINES, MARKERS)):
            layers = record["presets"][preset]["layers"]
            works = working(record["presets"][preset])  # numbers of the others are of nothing
            found = [layer[quantity] if quantity == "change" or layer in works else {} for layer in layers]
            values = np.array([[layer.get(kind, np.nan) for kind in ("mean", "min", "max")] for layer in found])
            mean, low, high = values.T
            places = np.arange(1, len(mean) + 1) + 0.14 * (shift - 1.5)
            options = {"markersize": 3.5, "linewidth": 0.9, "elinewidth": 0.6, "color": colour, "label": preset}
            axis.errorbar(places, mean, (mean - low, high - mean), fmt=f"{marker}-", **options)
        axis.axhline(0, color="black", linewidth=0.5, linestyle=":")
        axis.set(ylabel=label, title=title, xticks=range(1, len(found) + 1))
    for axis in axes[-1]:
        axis.set_xlabel("layer")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, columnspacing=1)
    return figure


def caption(record):
    """The caption: what is shown, and how to read it."""
    return (
        f"{record['title']}: is a layer of a preset a step of a diffusion? Mean over "
        f"{captions.count(record['images'], 'test image')}, bars from the smallest to the largest. No dot: the layer "
        "adds less than a hundredth of what another adds. γ is Perona and Malik's diffusivity of the layer's input."
    )


def alt(record):
    """The alt text: how each preset's filters correlate with γ."""
    found = []
    for preset, of in record["presets"].items():
        values = [layer["pearson"]["mean"] for layer in working(of) if "mean" in layer["pearson"]]
        found.append(f"{preset} from {min(values):.2f} to {max(values):.2f}" if values else f"{preset} none")
    return signs(
        "Four plots against the number of the layer, with a line for each preset. Correlation of the filters with γ: "
        f"{', '.join(found)}. The others show asymmetry, the largest row sum, and the margin of stability."
    )


# ---- Claims ----------------------------------------------------------------------------------------------------------

IDLE = 0.01  # of the largest change: a layer that adds less to the image does nothing
FOLLOWS = 0.9  # correlation with γ
SYMMETRIC = 0.1  # ‖S − Sᵀ‖ / ‖S‖
STABLE = 1.001  # spectral radius, as exactly as it is computed


def working(preset):
    """The layers of a preset that change the image, from the record."""
    largest = max(layer["change"]["mean"] for layer in preset["layers"])
    return [layer for layer in preset["layers"] if layer["change"]["mean"] > IDLE * largest]


def follows(preset, sign):
    """The off-centre filters of a preset follow γ (sign 1) or −γ (−1): mean correlation of each working layer."""
    return _of_layers(preset, "r", "pearson", lambda value: sign * value >= FOLLOWS)


def symmetric(preset):
    """S is symmetric, as for a diffusion in divergence form."""
    return _of_layers(preset, "‖S − Sᵀ‖ / ‖S‖", "asymmetry", lambda value: value <= SYMMETRIC)


def stable(preset):
    """No layer makes any image grow: the largest spectral radius over the images."""
    return _of_layers(preset, "ρ at most", "radius", lambda value: value <= STABLE, "max", digits=5)


def _of_layers(preset, label, quantity, holds, kind="mean", digits=2):
    """Whether a quantity holds for all layers that work."""

    def check(record, arrays):
        found = record["presets"][preset]
        values = [layer[quantity][kind] for layer in working(found)]
        listed = ", ".join(f"{value:.{digits}f}" for value in values)
        text = f"{len(values)} of {len(found['layers'])} layers change the image; {label} {listed}"
        answer = verdicts.agreed(holds(value) for value in values)
        return verdicts.finding(record, text, answer, verdicts.count(record["images"]))

    return check


def smoothing(record, arrays):
    """Rows sum to zero without noise, and the less the more noise there is: the largest δt |Σζ| of any layer."""
    levels = sorted((found["noise"], name) for name, found in record["presets"].items() if name != "forward")
    values = [max(layer["largest_sum"]["mean"] for layer in working(record["presets"][name])) for _, name in levels]
    listed = ", ".join(f"{value:.3f} at {100 * noise:g} %" for value, (noise, _) in zip(values, levels))
    grows = all(a < b for a, b in zip(values, values[1:]))
    return verdicts.finding(record, listed, grows, verdicts.count(record["images"]))


CLAIMS = (
    Claim("the filters of `forward` follow γ in every layer", "r ≥ 0.9", follows("forward", 1)),
    Claim("the filters of `inverse` follow −γ in every layer", "r ≤ −0.9", follows("inverse", -1)),
    Claim("every layer of `forward` is a stable step", "ρ(Id + δt S) ≤ 1.001", stable("forward")),
    Claim("the layers of `forward` are symmetric", "‖S − Sᵀ‖ / ‖S‖ ≤ 0.1", symmetric("forward")),
    Claim("the layers of `inverse` are symmetric", "‖S − Sᵀ‖ / ‖S‖ ≤ 0.1", symmetric("inverse")),
    Claim("the largest row sum of any layer, δt |Σζ|, grows with the noise", "yes", smoothing),
)

if __name__ == "__main__":
    main(__file__)
