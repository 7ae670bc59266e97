"""The classical inverses of `inverse_any`: they are given the diffusion and σ, as the network is.

Their parameters are chosen on validation images, setting by setting. A choice at an end of its scale is recorded.
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import given_diffusion, measure, study
from experiments.lib.given_diffusion import pairs, psnr

ALPHAS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5)
ITERATIONS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)  # of each step of the diffusion
MOST = {"fixed_point": 60, "pnp_tv": 12, "pnp_wavelets": 12, "pnp_nlm": 8}  # iterations
TUNING = 16  # validation images
NOISELESS = {"stepwise": {"iterations": (40,)}, "newton": {"iterations": (10,), "inner": (20,)}}
METHODS = ("fixed_point", "stepwise", "newton", "pnp_tv", "pnp_wavelets", "pnp_nlm")


def method(name, setting):
    """A `classical.Method` for a setting with noise."""
    from diffnet_tf.evaluation import classical

    if name == "stepwise":
        one = classical.methods(0.0, known=setting.known)["stepwise"]
        return dataclasses.replace(one, label="step by step, stopped", grid={"iterations": ITERATIONS})
    one = classical.methods(setting.noise, known=setting.known)[name]
    grid = dict(one.grid)
    if name == "newton":
        grid["alpha"] = ALPHAS
    if "strength" in grid:  # those of the package are for σ = 1 %
        low, *_, high = grid["strength"]
        grid["strength"] = tuple(value * setting.noise / 0.01 for value in (low / 2, *grid["strength"], 2 * high))
    return dataclasses.replace(one, grid=grid, most=MOST.get(name, 0))


def part(name, setting, images):
    """The part that measures a method at one setting; `images` gives those of a split."""
    about = {"method": name, "kind": "classical", "setting": setting.name}
    do = functools.partial(_measured, name, setting, images)
    return study.Part(f"classical-{name}-{setting.name}", do, about)


def _measured(name, setting, images):
    from diffnet_tf.evaluation import classical

    one = method(name, setting)
    tuning = pairs(images("validation")[:TUNING], setting, measure.TUNING_SEED)
    choice, tried = classical.tune(one, *tuning)
    inputs, targets = pairs(images("test"), setting)
    ends = [key for key, values in one.grid.items() if len(values) > 1 and choice[key] in (values[0], values[-1])]
    ends += ["iterations"] * (one.most > 0 and choice["iterations"] == one.most)
    found = psnr(targets, classical.restored(one, inputs, choice))
    record = {"label": one.label, "choice": choice, "at_an_end": ends, "tried": tried, "validation_images": TUNING}
    return study.Result(record, {"psnr": found})


def inputs(images, settings):
    """PSNR of the diffused and noisy images themselves: a `study.Result`."""
    found = {setting.name: psnr(*reversed(pairs(images("test"), setting))) for setting in settings}
    return study.Result({"method": "input", "kind": "input", "label": "diffused and noisy"}, found)


def noiseless(model, images, settings):
    """Mean PSNR without noise at each λ and T: name of the setting → method → dB. The network is given its least σ."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import inverses

    restored, found = given_diffusion.restorer(model), {}
    least = given_diffusion.TRAINED_ON["noise"][0]
    for setting in (each for each in settings if each.noise == given_diffusion.NOISES[0]):
        clean = dataclasses.replace(setting, noise=0.0)
        y, targets = pairs(images, clean)
        outputs = {"inverse-any": restored(y, clean, noise=least)}
        for name, grid in NOISELESS.items():
            options = {key: values[0] for key, values in grid.items()}
            inverse = functools.partial(getattr(inverses, f"{name}_inverse"), **options, **setting.known)
            outputs[name] = measure.batched(backend.compiled(inverse, fused=True), y)
        found[clean.name] = {name: round(float(np.mean(psnr(targets, of))), 4) for name, of in outputs.items()}
    return found
