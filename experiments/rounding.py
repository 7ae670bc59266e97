"""The cost of rounding: each preset restores diffused images that were rounded to 8 or 16 bits, as in files.

Rounding to 8 bits adds noise of σ = 1/(255 √12) = 0.11 % of the range. A network trained without noise amplifies it.

    # a minute, no training
    python -m experiments.rounding --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, settings, study
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "rounding"
TITLE = "Rounding"
OPTIONS = ("budget", *IMAGES)
BITS = {"float32": None, "16 bits": 16, "8 bits": 8}


def rounded(images, bits):
    """Round images in [0, 1] to the values that integers with `bits` bits can represent; None leaves them unchanged."""
    if bits is None:
        return images
    levels = 2**bits - 1
    return (np.rint(levels * np.clip(images.astype("float64"), 0.0, 1.0)) / levels).astype("float32")


def compute(options):
    """Restore each kind of image with each preset."""
    import keras

    from diffnet_tf.networks import presets

    test = options.images("test", 8 if options.budget == "smoke" else None)
    inputs, targets = measure.pairs(measure.Task(), test)
    images = {name: rounded(inputs, bits) for name, bits in BITS.items()}
    results = {}
    for setting in settings.INVERSE:
        model = presets.from_preset(setting.preset)
        results[setting.preset] = {name: measure.measured(model, of, targets)[2] for name, of in images.items()}
    record = {
        "backend": keras.backend.backend(),
        "diffusion": settings.DIFFUSION,
        "sigma": {name: float(np.std(of - inputs)) for name, of in images.items()},
        "weights": {preset: presets.card(preset)["sha256"] for preset in results},
        "results": results,
    }
    return study.Result(record)


@figures.styled
def draw(record, arrays):
    """One group for each preset, one bar for each kind of image."""
    figure, axes = figures.plots(1, 1, caption(record), width=5.0)
    series = {}
    for name, colour in zip(BITS, figures.LINES):
        psnr = [result[name]["psnr"] for result in record["results"].values()]
        series[name] = colour, [(values["mean"], values["std"]) for values in psnr]
    figures.bars(axes[0, 0], list(record["results"]), series)
    axes[0, 0].set_ylabel("mean test PSNR in dB")
    axes[0, 0].legend(title="diffused image as")
    return figure


def caption(record):
    """The caption: what is shown, and what it means."""
    count = next(iter(record["results"].values()))["float32"]["psnr"]["n"]
    return (
        f"{record['title']}: what does it cost to keep diffused images in 16 or 8 bits before a preset restores them? "
        f"8 bits are noise of σ = {100 * record['sigma']['8 bits']:.2f} % of the range. Mean PSNR of {count} test "
        "images, with its standard deviation."
    )


def alt(record):
    """The alt text: what is seen."""
    told = []
    for preset, found in record["results"].items():
        psnr = captions.listed(f"{found[name]['psnr']['mean']:.1f}" for name in BITS)
        told.append(f"{preset}, {psnr} dB")
    return f"Groups of three bars, one group for each preset: images in float32, 16 bits and 8 bits. {'; '.join(told)}."


if __name__ == "__main__":
    main(__file__)
