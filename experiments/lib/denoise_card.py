"""The model card of a preset that removes ordinary noise, from the record of `denoise` or `denoise_colour`."""

import numpy as np

SHOWN = 25  # σ of 255 of the quality on the card
HIGHEST = 55  # σ of 255 in training
TRAINED = "DiffNet"  # the name of the training of seed 0
AUTO = "diffnet-auto"
ROWS = {"input": "input", "given": "diffnet", "estimated": AUTO}
LIMITS = (
    "It removes white Gaussian noise from {kind} photographs: noise that is independent from pixel to pixel and "
    "equally strong everywhere. It is given σ as a share of white, or estimates it from the image. White is 1.0 for "
    "floats and the largest value of the dtype for integers. The noise of a camera differs: it grows with the light, "
    "and processing makes it alike in neighbouring pixels. Noise of that kind is removed in part only."
)


def card(record, arrays, training, kind, images, command):
    """The card, without what `presets.save` adds.

    Args:
        record, arrays: gathered, as `denoise_record` says.
        training: the run of seed 0.
        kind: of the photographs: "gray" or "colour".
        images: as `experiments.presets.IMAGES`.
        command: that trains it, without the flags for images.
    """
    name = next(iter(record["sets"]))
    levels = {}
    for number, level in enumerate(record["levels"]):
        psnr = {key: arrays[f"psnr_{name}_{row}"][0, number] for key, row in ROWS.items()}
        levels[f"{level}/255"] = {
            key: round(float(np.mean(values, dtype="float64")), 4) for key, values in psnr.items()
        }
        if level == SHOWN:
            quality = {"input": _summary(psnr["input"]), "output": _summary(psnr["given"])}
    kept = ("source", "data", "note", "training_images", "steps", "seed", "training_seconds", "commit", "recipe")
    return {
        "problem": "denoise",
        "noise": [0.0, round(HIGHEST / 255, 6)],
        "scale": "white",
        "images": images,
        "training": {
            "experiment": record["experiment"],
            **{key: training[key] for key in kept},
            "versions": training["versions"],
        },
        "quality": {
            "measure": f"PSNR of each image in dB, range 1, σ = {SHOWN}/255 given, output clipped to [0, 1]",
            "data": record["sets"][name].get("title", name),
            **quality,
            "levels": levels,
        },
        "limits": LIMITS.format(kind=kind),
        "command": f"{command} && python -m experiments.presets",
    }


def _summary(psnr):
    values = np.asarray(psnr, "float64")
    found = {"mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max()}
    return {**{key: round(float(value), 4) for key, value in found.items()}, "n": len(values)}
