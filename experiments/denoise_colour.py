"""Ordinary noise in colour: how well does a DiffNet denoise colour photographs?

One DiffNet with 13-point stencils that its three channels share, for σ from 0 to 55/255. It is trained on the crops of
ImageNet photographs in photos96 (`experiments.imagenet96` writes them), none of which is of BSDS500. The part "test-…"
measures it on colour photographs of scikit-image, "classical-…" do so for classical methods, with identical noise, and
"camera-…" denoises photographs whose noise depends on the signal, as that of cameras does. "times-…" measures the times
of all methods.

    python -m experiments.denoise_colour --budget quick  # 15 min on 2 cores, on photographs of scikit-image
    # 2 h on 2 cores to train, 2 min on a GPU; 40 min to measure
    python -m experiments.denoise_colour --budget cpu --source folder --data-dir imagenet96
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import (
    camera,
    colour,
    colour_classical,
    colour_record,
    denoise_card,
    denoise_networks,
    denoising,
    kept,
    study,
)
from experiments.lib.colour_claims import CLAIMS
from experiments.lib.colour_figure import alt, caption, draw
from experiments.lib.run import main

__all__ = ["CLAIMS", "alt", "caption", "draw"]
NAME = "denoise-colour"
TITLE = "Ordinary noise in colour"
IMAGE_FLAGS = "--source folder --data-dir imagenet96"
RANGE = (0.0, denoise_card.HIGHEST / denoising.WHITE)  # of σ in training
BUDGETS = {"smoke": ("fast", 2, 8), "quick": ("fast", 200, None), "cpu": ("fast", 10_000, None)}
BUDGETS |= {"paper": ("fast", 100_000, None)}
RECIPE = {"batch_size": 16, "crop": 64, "learning_rate": 3e-3, "refresh_every": 100}
NETWORK = {"width": 30, "channels": 3, "points": 13, "reaction": True, **denoise_networks.ALL}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    seed: int = 0

    @property
    def name(self):
        """The name of its record."""
        return "DiffNet" + (f"-seed-{self.seed}" if self.seed else "")


def parts(options):
    """The training, its measurements on test photographs, and the classical methods."""
    _, steps, limit = BUDGETS[options.budget]
    run, small = Run(options.seed), limit is not None
    train, validation = (options.images(split, limit, colour=True, scale="white") for split in ("train", "validation"))
    tests = functools.cache(lambda: colour.photographs(options.source, small))
    do = {
        f"test-{run.name}": lambda: _test(run, options, tests()),
        f"camera-{run.name}": lambda: _camera(run, options, tests()),
    }
    for name in colour_classical.names():
        do[f"classical-{name}"] = functools.partial(_classical, name, tests, train)
    do[f"times-{run.name}"] = lambda: _times(run, options, tests())
    training = functools.partial(_train, options=options, images=(train, validation), steps=steps)
    measured = [
        study.Part(name, each, of=[] if name.startswith("classical-") else [run.name]) for name, each in do.items()
    ]
    return [study.part(run, training, steps), *measured]


def _train(run, options, images, steps):
    from diffnet_tf import models

    train, validation = images

    def make(recipe):
        return models.DiffNet(initial_scale=recipe.initial_scale, **NETWORK)

    about = {"steps": steps, "seed": run.seed, "name": run.name, "noise": RANGE, "noise_map": True}
    held_out = validation[: study.VALIDATION]
    recipe = ("fast", denoise_networks.recipe(**RECIPE))
    trained = study.train(options, make, recipe, train, validation=held_out, problem="denoise", **about)
    found = {str(level): _validated(trained.model, held_out, level) for level in denoising.LEVELS}
    record = trained.record(history=True) | {
        "validation": found,
        "validation_psnr": float(np.mean(list(found.values()))),
    }
    return study.Result(record, model=trained.model)


def _validated(model, validation, level):
    """Mean PSNR on validation images at a level, with the same noise for every network."""
    clean = validation.take(np.arange(len(validation)))
    function, noisy = denoising.of_network(model), denoising.noisy(clean, level, 1_000 + level)
    outputs = [function(each, level / denoising.WHITE) for each in noisy]
    return round(float(denoising.psnr(clean, outputs).mean()), 4)


def _test(run, options, tests):
    """Measure the network on the test photographs, with σ given and with σ estimated."""
    model = kept.network(run.name, options)
    function, sets = denoising.of_network(model), {colour.SET: list(tests.values())}
    record = {"of": run.name, "photographs": list(tests), **denoising.measured(function, sets)}
    record["auto"] = denoising.measured(denoising.of_network(model, colour.estimate), sets)
    clean = colour.as_bytes(colour.cut(tests[colour.SHOWN]))
    return study.Result(record, {"clean": clean, **colour.part(function, tests)})


def _camera(run, options, tests):
    """Denoise photographs with the noise of cameras; and, for the README, one as `restore` does."""
    model = kept.network(run.name, options)
    found = camera.measured(denoising.of_network(model), tests)
    return study.Result({"of": run.name, "cameras": found}, camera.restored(model, tests))


def _classical(name, tests, train):
    """Choose the parameters of a classical method on training crops, and measure it."""
    crops = train.take(colour_classical.places(len(train)))
    result = colour_classical.measured(name, {colour.SET: list(tests().values())}, crops)
    return dataclasses.replace(result, arrays=colour.part(colour_classical.denoiser(name, result.record), tests()))


def _times(run, options, tests):
    """Times of all methods that are measured, in turns: other work on the machine then meets all alike."""
    model = kept.network(run.name, options)
    found = {
        colour_record.OURS: denoising.of_network(model),
        colour_record.AUTO: denoising.of_network(model, colour.estimate),
    }
    for each in study.finished(options.directory, options):
        if "method" in each and each["budget"] == options.stamp:
            found[each["method"]] = colour_classical.denoiser(each["method"], each)
    return study.Result({"of": run.name, "in_turns": denoising.milliseconds(found, tests[colour.SHOWN])})


def gather(runs, root):
    """The record of all parts, see `colour_record`."""
    return colour_record.gather(runs, root)


if __name__ == "__main__":
    main(__file__)
