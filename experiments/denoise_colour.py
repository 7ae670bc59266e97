"""Ordinary noise in colour: how well does a DiffNet denoise colour photographs?

One DiffNet with 13-point stencils that its three channels share, for σ from 0 to 55/255, trained on the crops of
ImageNet photographs in photos96 (no image of BSDS500). "test-…" measures it on colour photographs of scikit-image.

    python -m experiments.denoise_colour --budget quick  # 5 min on 2 cores, on photographs of scikit-image
    # 2 h on 2 cores, 2 min on a GPU
    python -m experiments.denoise_colour --budget cpu --source folder --data-dir imagenet96
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import denoise_networks, denoising, study
from experiments.lib.denoise_figure import alt, caption, draw
from experiments.lib.run import main

__all__ = ["alt", "caption", "draw"]
NAME = "denoise-colour"
TITLE = "Ordinary noise in colour"
RANGE = (0.0, 55 / 255)
BUDGETS = {"smoke": ("fast", 2, 8), "quick": ("fast", 200, None), "cpu": ("fast", 10_000, None)}
BUDGETS |= {"paper": ("fast", 100_000, None)}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    seed: int = 0

    @property
    def name(self):
        """The name of its record."""
        return "DiffNet" + (f"-seed-{self.seed}" if self.seed else "")


def parts(options):
    """The training, and its measurement."""
    _, steps, limit = BUDGETS[options.budget]
    images = [options.images(split, limit, colour=True, scale="white") for split in ("train", "validation")]
    return [
        study.part(Run(options.seed), functools.partial(_train, options=options, images=images, steps=steps), steps)
    ]


def _train(run, options, images, steps):
    from diffnet_tf import models

    train, validation = images

    def make(recipe):
        return models.DiffNet(
            width=30, channels=3, points=13, reaction=True, initial_scale=recipe.initial_scale, **denoise_networks.ALL
        )

    about = {"steps": steps, "seed": run.seed, "name": run.name, "noise": RANGE, "noise_map": True}
    held_out = validation[: study.VALIDATION]
    recipe = ("fast", denoise_networks.recipe())
    trained = study.train(options, make, recipe, train, validation=held_out, problem="denoise", **about)
    found = {str(level): _validated(trained.model, held_out, level) for level in denoising.LEVELS}
    record = trained.record(history=True) | {
        "validation": found,
        "validation_psnr": float(np.mean(list(found.values()))),
    }
    return study.Result(record, model=trained.model)


def _validated(model, validation, level):
    """Mean PSNR on validation images at a level, with the same noise for every network."""
    from diffnet_tf import metrics
    from experiments.lib import measure

    clean = validation.take(np.arange(len(validation)))
    noise = np.random.default_rng(1_000 + level).normal(0, level / denoising.WHITE, clean.shape)
    inputs = (clean + noise).astype("float32")
    inputs = np.concatenate([inputs, np.full_like(inputs[..., :1], level / denoising.WHITE)], axis=-1)
    outputs = np.clip(measure.batched(measure.applied(model), inputs), 0, 1)
    return round(float(np.mean(np.asarray(metrics.psnr(clean, outputs)))), 4)


def gather(runs, root):
    """The longest training of each seed."""
    return study.Result({"runs": study.most_steps(runs), "budget": runs[-1]["budget"]}, {})


if __name__ == "__main__":
    main(__file__)
