"""Made-up results folders for each answer that the rules of `denoise_stencils` can give."""

from functools import partial

import numpy as np

from experiments import denoise_stencils
from experiments.lib.denoise_tensors import QUANTITIES
from experiments.lib.verdicts import FAILS, HOLDS, OPEN
from tests.experiments import fakes


def tensors(root, rank=0.4, spread=0.001, steps=fakes.STEPS, seeds=2, **changes):
    """Two layers on a few photographs, the last of which has no edges."""
    training = {"recipe": fakes.FAST, "steps": steps, "budget": "cpu", "commit": "0" * 40, "data": "train400"}
    training |= {"parameters": 109_350, "network": {"class": "DiffNet", "num_layers": 5}}
    means = {"negative": 0.1, "flat": 0.4, "across": -0.1, "along": 0.2, "reaction_flat": 0.01, "reaction_edges": 0.01}
    noise = spread * np.random.default_rng(0).normal(size=(seeds, fakes.IMAGES, 2, 1))
    layers = np.array([(means | changes)[name] for name in QUANTITIES]) + noise * np.arange(1, 7)
    layers[:, -1, :, 2:] = np.nan
    record = {"networks": [training | {"seed": seed} for seed in range(seeds)], "sharpened_edges": 0.5}
    fakes.save(root, "denoise-stencils", record, layers=layers, rank=rank + noise[..., 0, 0])


_CASES = (  # what holds, fails and is open, of each claim
    ({}, {"along": -0.3}, {"along": -0.1}),
    ({}, {"rank": -0.4}, {"rank": 0.0}),
    ({}, {"across": 0.1}, {"across": 0.0}),
    ({}, {"reaction_edges": -0.1}, {"reaction_edges": 0.0}),
)
CASES = {
    (denoise_stencils.TITLE, claim.text): {
        HOLDS: [partial(tensors, **holds), partial(tensors, **holds, seeds=1)],
        FAILS: [partial(tensors, **fails)],
        OPEN: [partial(tensors, **unsure), partial(tensors, **holds, steps=100)],
    }
    for claim, (holds, fails, unsure) in zip(denoise_stencils.CLAIMS, _CASES, strict=True)
}
