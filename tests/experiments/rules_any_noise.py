"""Made-up results folders for each answer that the rules of `any_noise` can give."""

from functools import partial

import numpy as np

from experiments import any_noise
from experiments.lib.verdicts import FAILS, HOLDS, OPEN
from tests.experiments import fakes
from tests.experiments.fakes import psnr

SHORT = 100  # steps


def network(root, given=0.0, clean=60.0, estimated=0.0, spread=0.1, steps=fakes.STEPS, at=0.01):
    """A network `given` dB above the presets, with so many without noise; the estimate of σ changes this at one σ."""
    training = {"recipe": fakes.FAST, "steps": steps, "budget": "cpu", "commit": "0" * 40, "parameters": 102_750}
    levels = any_noise.LEVELS
    means = [clean if level == 0 else 40 + given for level in levels]
    truth = [psnr(mean, spread) for mean in means]
    moved = [values + (estimated if level == at else 0.0) + psnr(0, spread, 1) for values, level in zip(truth, levels)]
    arrays = {f"psnr_preset-{level:g}": psnr(40, spread, 2) for level in (0.0, 0.001, 0.01)}
    arrays |= {"psnr_given": np.stack(truth), "psnr_auto": np.stack(moved)}
    fakes.save(root, "any-noise", {"levels": list(levels), "training": training}, **arrays)


_CASES = (  # what holds, what fails, what is open, of each claim
    ({"given": -0.1}, {"given": -0.5}, {"given": -0.3}),
    ({"clean": 56.0}, {"clean": 54.0}, {"clean": 55.0}),
    ({"estimated": -0.1}, {"estimated": -0.5}, {"estimated": -0.3}),
)
CASES = {
    (any_noise.TITLE, claim.text): {
        HOLDS: [partial(network, **holds)],
        FAILS: [partial(network, **fails)],
        OPEN: [partial(network, **unsure), partial(network, **holds, steps=SHORT)],
    }
    for claim, (holds, fails, unsure) in zip(any_noise.CLAIMS, _CASES, strict=True)
}
CASES[any_noise.TITLE, any_noise.CLAIMS[2].text][HOLDS].append(  # only from 0.5 % on
    partial(network, estimated=-3.0, at=0.0025)
)
CASES[any_noise.TITLE, any_noise.CLAIMS[2].text][FAILS].append(partial(network, estimated=-3.0, at=0.1))
