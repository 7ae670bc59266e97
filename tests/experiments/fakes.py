"""Made-up records under a results folder, to show what the rules of the ledger answer."""

import json

import numpy as np

from experiments.lib import records
from experiments.lib.conditions import PARAMETERS
from experiments.lib.options import STL10_REAL

IMAGES = 32
FAST = {"name": "fast", "batch_size": 8, "crop": 24, "augment": True, "loss": "norm", "optimizer": "soap"}
PAPERS = {"name": "paper", "batch_size": 16, "crop": None, "augment": False, "loss": "mse", "optimizer": "adam"}
COMMON = {
    "title": "Made up",
    "budget": "cpu",
    "source": "stl10_binary",
    "data": "here",
    "test_data": "there",
    "commit": "0123456789abcdef",
    "image_sets": {
        "training": {"sha256": "f" * 64, "shape": [4_000, 96, 96], "split": "train", "count": 3_600},
        "test": {"sha256": STL10_REAL, "shape": [123, 96, 96], "split": "all", "count": 123},
    },
}
STEPS = 400_000  # long: of small crops more than 2 % of the paper's pixels


def psnr(mean, spread=0.1, seed=0):
    """PSNR of the images with exactly this mean."""
    values = np.random.default_rng(seed).normal(size=IMAGES)
    return mean + spread * (values - values.mean())


def summary(values):
    """What a record says of values."""
    return {"mean": float(np.mean(values)), "std": float(np.std(values)), "n": int(np.size(values))}


def save(root, name, record, **arrays):
    """Write the record of an experiment, and its arrays."""
    records.save(root / name, {**COMMON, "seed": 0, **record}, arrays)


def part(root, name, record, stem=None):
    """Write the record of a part; its file is called as the part, if `stem` is not given."""
    folder = root / name / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    kept = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in record.items()}
    (folder / f"{stem or record['name']}.json").write_text(json.dumps({**COMMON, **kept}))


def samples(root, name, mean, noise=0.0, spread=0.1, seeds=1, steps=STEPS, **changes):
    """The trainings of DiffNet of an experiment of samples, with this PSNR in the mean over the images."""
    for seed in range(seeds):
        values = psnr(mean, spread)
        record = {
            "problem": "forward" if name == "forward" else "inverse",
            "noise": noise,
            "model": {"class": "DiffNet"},
            "recipe": FAST,
            "steps": steps,
            "seed": seed,
            "training_images": 3_600,
            "parameters": PARAMETERS["DiffNet"],
            "results": {"diffnet": {"psnr": summary(values)}},
        } | changes
        folder = root / "seeds" / str(seed) if seed else root
        flat = {"target_low": np.zeros(IMAGES), "target_high": np.ones(IMAGES)}
        save(folder, name, record, psnr_diffnet=values, **flat)


def training(root, network, task, mean, size=3_600, seed=0, spread=0.1, regime="fly", **changes):
    """The training of a network with so many images: a part of Figure 10, or of the experiment of the U-Net."""
    name = f"{network}-{task[0]}-{task[1]:g}-{size}-{seed}-{regime}"
    crop = 48 if network == "UNet" else 24
    record = {
        "name": name,
        "network": network,
        "task": {"problem": task[0], "noise": task[1]},
        "size": size,
        "seed": seed,
        "regime": regime,
        "recipe": FAST | {"crop": crop},
        "steps": STEPS // 4 if network == "UNet" else STEPS,
        "parameters": PARAMETERS[network],
        "psnr": psnr(mean, spread),
    }
    part(root, "unet" if network == "UNet" else "fig10", record | changes)
