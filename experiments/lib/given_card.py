"""The model card of the preset `inverse-any`, from the record of `inverse_any` and of its training of seed 0."""

import numpy as np

from experiments.lib.given_diffusion import STEP, TRAINED_ON
from experiments.lib.given_record import OURS

CARD = "0.2-0.4-0.01"  # the setting of the quality on the card: the paper's diffusion, 1 % noise
LIMITS = (
    "It undoes a Perona–Malik diffusion whose λ, T and σ it is given, within the ranges on this card, of an image that "
    "is scaled to a maximum of 1. λ and T have to be known; σ can be estimated from the image. If you know that the "
    "image has no noise, not even the rounding to 8 bits, take a classical inverse of dn.inverses. It only sharpens an "
    "ordinary photograph, which was not diffused in this way."
)


def card(record, arrays, training, images, command):
    """The card, without what `presets.save` adds.

    Args:
        record, arrays: gathered, as `given_record` says.
        training: the run of seed 0.
        images: as `experiments.presets.IMAGES`.
        command: that trains it.
    """
    place, results = record["settings"].index(CARD), record["methods"]
    kept = ("source", "data", "note", "training_images", "steps", "seed", "training_seconds", "commit", "recipe")
    settings = {
        name: {"input": results["input"]["results"][name]["mean"], "output": found["seeds"][0]}
        for name, found in results[OURS]["results"].items()
    }
    return {
        "problem": "inverse",
        "noise": list(TRAINED_ON["noise"][:2]),
        "diffusion": {
            "name": "per_image",
            "contrast": list(TRAINED_ON["contrast"]),
            "time": list(TRAINED_ON["time"][:2]),
            "dt": STEP,
            "boundary": "neumann",
            "diffusivity": training["network"]["diffusivities"],
        },
        "images": images,
        "training": {
            "experiment": record["experiment"],
            **{key: training[key] for key in kept},
            "versions": training["versions"],
        },
        "quality": {
            "measure": "PSNR of each image in dB, range 1, λ = 0.2, T = 0.4, with 1 % noise, all given",
            "data": record["test_data"],
            "input": _summary(arrays["psnr_input"][0, place]),
            "output": _summary(arrays[f"psnr_{OURS}"][0, place]),
            "settings": settings,
        },
        "limits": LIMITS,
        "command": f"{command} && python -m experiments.presets",
    }


def _summary(psnr):
    values = np.asarray(psnr, "float64")
    found = {"mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max()}
    return {**{key: round(float(value), 4) for key, value in found.items()}, "n": len(values)}
