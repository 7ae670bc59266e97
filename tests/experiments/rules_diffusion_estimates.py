"""Made-up results folders for each answer that the rules of `diffusion_estimates` can give."""

from functools import partial

import numpy as np

from experiments import diffusion_estimates
from experiments.lib import diffusion_measured, diffusion_network
from experiments.lib.options import OWN_SPLIT
from experiments.lib.verdicts import FAILS, HOLDS, OPEN
from tests.experiments import fakes

SHORT = 100  # steps
IMAGES, DRAWS = 400, 2


def estimates(
    root,
    contrast=0.1,
    time=0.1,
    lost=1.0,
    spread=0.1,
    steps=4_000,
    restored=True,
    images=IMAGES,
    by=None,
    test_data="b",
):
    """Estimates with these median errors of λ and T, and restoration that loses so many dB by them."""
    true = np.broadcast_to([0.2, 0.5, 0.01], (DRAWS, images, 3))
    # Errors that are uniform from 0 to twice the median, too large and too small in turns.
    errors = np.linspace(0, 2, DRAWS * images).reshape(images, DRAWS).T
    errors = np.random.default_rng(0).permuted(errors, axis=1) * np.resize([1, -1], images)
    arrays = {"true": true, "estimate": true * (1 + errors[..., None] * [contrast, time, 0.05])}
    if restored:
        given = np.stack([fakes.psnr(35.0, 1.0, k) for k in range(9)])
        arrays |= {"psnr_given": given, "psnr_auto": given - lost + fakes.psnr(0.0, spread, 99)}
    training = {"recipe": diffusion_network.RECIPE, "steps": steps, "budget": "cpu", "network": "estimator"}
    record = {"training": {**training, "parameters": 35_811, "seed": 0}, "test_data": test_data}
    if restored:
        record |= {
            "settings": diffusion_measured.SETTINGS,
            "undone_by": {**training, "recipe": fakes.FAST, "steps": fakes.STEPS, **(by or {})},
        }
    fakes.save(root, diffusion_estimates.NAME, record, **arrays)


_CASES = (  # what holds, what fails, what is open, of each claim
    ({"contrast": 0.12, "time": 0.5}, {"contrast": 0.18}, {"contrast": 0.15}),
    ({"contrast": 0.5, "time": 0.12}, {"time": 0.18}, {"time": 0.15}),
    ({"lost": 1.4}, {"lost": 1.6}, {"lost": 1.5}),
)
CASES = {
    (diffusion_estimates.TITLE, claim.text): {
        HOLDS: [partial(estimates, **holds)],
        FAILS: [partial(estimates, **fails)],
        OPEN: [partial(estimates, **unsure), partial(estimates, **holds, steps=SHORT)],
    }
    for claim, (holds, fails, unsure) in zip(diffusion_estimates.CLAIMS, _CASES, strict=True)
}
for _key in list(CASES)[:2]:  # they need no network that restores
    CASES[_key][HOLDS].append(partial(estimates, restored=False))
    CASES[_key][OPEN] += [partial(estimates, contrast=0.145, time=0.145), partial(estimates, test_data=OWN_SPLIT)]
CASES[list(CASES)[2]][OPEN].append(partial(estimates, by={"steps": SHORT}))
