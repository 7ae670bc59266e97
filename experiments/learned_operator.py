"""The learned operator: what every layer of the presets is as a numerical scheme, on test images.

Every layer is one explicit step Id + δt S; `diffnet_tf.analysis` says what is measured: spectrum and stability,
conservation, symmetry, signs, and the correlation with Perona and Malik's γ, which no network was shown. Nothing is
trained. The preset `forward` looks at clean images, the others at diffused ones with the noise that they were trained
on. `python -m diffnet_tf inspect` does the same for one image of yours.

    python -m experiments.learned_operator --budget cpu  # about 10 min of one core
    python -m experiments.learned_operator --budget cpu --source stl10_binary --data_dir DIR --test_dir DIR
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import beyond_operator

NAME = "learned-operator"
PRESETS = {"forward": 0.0, "inverse": 0.0, "inverse-0.1pct": 0.001, "inverse-1pct": 0.01}  # and σ of their inputs
CONTRAST = 0.2  # λ of the γ that filters are compared with: that of the diffusion
BUDGETS = {"smoke": 1, "quick": 4, "cpu": 24, "paper": None}  # images
OF_A_LAYER = ("mean_sum", "largest_sum", "asymmetry", "negative", "positive", "opposite") + (
    "cfl_margin",
    "radius_margin",
    "pearson",
    "spearman",
)
OF_A_SPECTRUM = ("lowest", "highest", "radius", "symmetric_lowest", "symmetric_highest")
QUANTITIES = ("change", *OF_A_LAYER, *OF_A_SPECTRUM)


def compute(options):
    """Measure every layer on every image: (record, arrays, None)."""
    from diffnet_tf import data
    from diffnet_tf.evaluation import analysis
    from diffnet_tf.networks import presets
    from experiments.lib import networks

    images = options.images("test", BUDGETS[options.budget])
    found, arrays = {}, {}
    for preset, noise in PRESETS.items():
        model, problem = presets.from_preset(preset), "forward" if preset == "forward" else "inverse"
        inputs, _ = data.paired_arrays(images, problem, noise=noise, seed=networks.TEST_SEED)
        values = []
        for number in range(len(inputs)):
            print(f"{preset}: image {number + 1} of {len(inputs)}", flush=True)
            layers = analysis.layers(model, inputs[number : number + 1], CONTRAST)
            values.append([_numbers(layer) for layer in layers])
        arrays[preset] = np.array(values, "float32")
        found[preset] = {
            "noise": noise,
            "weights": presets.card(preset)["sha256"],
            "time_steps": model.time_steps,
            "layers": [_summary(arrays[preset][:, layer]) for layer in range(len(model.time_steps))],
        }
    record = {
        "title": "The learned operator",
        "quantities": QUANTITIES,
        "contrast": CONTRAST,
        "images": len(images),
        "pixels": list(images.shape[1:3]),
        "presets": found,
    }
    return record, arrays, None


def _numbers(layer):
    """The `QUANTITIES` of a layer; its change is the root mean square of what it adds to the image."""
    added = layer.operator @ layer.state.ravel() - layer.state.ravel()
    spectrum = dataclasses.asdict(layer.spectrum)
    return [
        float(np.sqrt(np.mean(added**2))),
        *(getattr(layer, name) for name in OF_A_LAYER),
        *(spectrum[name] for name in OF_A_SPECTRUM),
    ]


def _summary(values):
    """Mean, standard deviation and extremes over the images (n, quantities); without those that ARPACK did not find."""
    summary = {}
    for name, column in zip(QUANTITIES, values.astype("float64").T):
        column = column[np.isfinite(column)]
        summary[name] = {"n": len(column)}
        if len(column):
            numbers = {"mean": column.mean(), "std": column.std(), "min": column.min(), "max": column.max()}
            summary[name] |= {kind: float(value) for kind, value in numbers.items()}
    return summary


PANELS = (
    ("change", "RMS of what a layer adds", "how much each layer does"),
    ("pearson", "correlation", "mean off-centre filter and γ"),
    ("negative", "share of off-centre filters", "negative off-centre filters"),
    ("asymmetry", "‖S − Sᵀ‖ / ‖S‖", "asymmetry"),
    ("mean_sum", "mean of δt Σζ", "row sums: 0 conserves"),
    ("largest_sum", "max |δt Σζ|", "largest row sum"),
    ("radius_margin", "1 − ρ(Id + δt S)", "margin of the spectral radius"),
    ("cfl_margin", "1 − δt max |ζ₁|", "margin of the CFL bound"),
)
MARKERS = ("s", "o", "^", "v")


@figures.styled
def draw(record, arrays):
    """A panel a quantity: its mean over the images, layer by layer, with the extremes as a bar."""
    figure, axes = figures.plots(2, 4, caption(record), width=2.45, height=2.2)
    for axis, (quantity, label, title) in zip(axes.flat, PANELS):
        for shift, (preset, colour, marker) in enumerate(zip(record["presets"], figures.LINES, MARKERS)):
            layers = record["presets"][preset]["layers"]
            works = beyond_operator.working(record["presets"][preset])  # numbers of the others are of nothing
            found = [layer[quantity] if quantity == "change" or layer in works else {} for layer in layers]
            mean, low, high = (
                np.array([layer.get(kind, np.nan) for layer in found]) for kind in ("mean", "min", "max")
            )
            places = np.arange(1, len(mean) + 1) + 0.14 * (shift - 1.5)
            options = {"markersize": 3.5, "linewidth": 0.9, "elinewidth": 0.6, "color": colour, "label": preset}
            axis.errorbar(places, mean, (mean - low, high - mean), fmt=f"{marker}-", **options)
        axis.axhline(0, color="black", linewidth=0.5, linestyle=":")
        axis.set(xlabel="layer", ylabel=label, title=title, xticks=range(1, len(found) + 1))
    axes[1, 1].legend(loc="upper right")
    return figure


def caption(record):
    """What is shown, and where it comes from."""
    height, width = record["pixels"]
    images = f"{record['images']} test image{'s' * (record['images'] > 1)} of {height}×{width}"
    return (
        f"{record['title']}: the presets' layers Id + δt S on {images}; `forward` sees clean images, the others "
        "diffused ones with the noise of their training. Dots: means over the images, bars: the extremes; a layer "
        "that adds less than a hundredth of what another does has no dots. γ: Perona and Malik's diffusivity of the "
        f"layer's input, λ = {record['contrast']:g}, which no network was shown. {record['source']} "
        f"({record['data']}, {record['test_data']}). {record['note'] or ''}"
    )


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
