"""Made-up results folders for each answer that the rules of `denoise_colour` can give."""

from functools import partial

import numpy as np

from experiments import denoise_colour
from experiments.lib.colour import SET
from experiments.lib.colour_claims import LEVELS
from experiments.lib.colour_record import AUTO, OURS
from experiments.lib.verdicts import CHANCE, FAILS, HOLDS, OPEN
from tests.experiments import fakes

PHOTOGRAPHS = 5
SPREAD = np.linspace(-0.1, 0.1, PHOTOGRAPHS)  # dB, between photographs


def record(root, ahead=1.0, of=("bm3d", "nlm", "wavelets", "tv"), estimated=0.0, at=50, seeds=1, steps=10_000):
    """A network so many dB ahead of some classical methods at one level, 1 dB at the others and of all others; and what
    the estimate of σ changes at this level."""
    recipe = fakes.FAST | {"batch_size": 16, "crop": 64}
    runs = [
        {"method": OURS, "seed": k, "recipe": recipe, "steps": steps, "budget": "cpu", "parameters": 105_825}
        for k in range(seeds)
    ]
    ours = np.full((seeds, len(LEVELS), PHOTOGRAPHS), 30.0)
    moved = np.array([level == at for level in LEVELS], float)[:, None]
    arrays = {f"psnr_{SET}_{OURS}": ours, f"psnr_{SET}_{AUTO}": ours + moved * (estimated + SPREAD)}
    for method in ("bm3d", "nlm", "wavelets", "tv"):
        gap = ahead if method in of else 1.0
        arrays[f"psnr_{SET}_{method}"] = ours[0] - np.where(moved > 0, gap, 1.0) + moved * SPREAD
        arrays[f"psnr_{SET}_{method}"] = arrays[f"psnr_{SET}_{method}"][None]
    methods = {name.removeprefix(f"psnr_{SET}_"): {"label": name} for name in arrays}
    made = {"levels": list(LEVELS), "sets": {SET: {"count": PHOTOGRAPHS}}, "methods": methods, "runs": runs}
    fakes.save(root, denoise_colour.NAME, made, **arrays)


BM3D, OTHERS, ESTIMATED = (claim.text for claim in denoise_colour.CLAIMS)
SHORT = partial(record, steps=100)
CASES = {
    (denoise_colour.TITLE, BM3D): {
        HOLDS: [
            partial(record, ahead=CHANCE + 0.2),
            partial(record, ahead=0.2, seeds=3),
            partial(record, ahead=-1.0, of=("nlm",)),
        ],
        FAILS: [partial(record, ahead=-CHANCE - 0.2), partial(record, ahead=-0.2, seeds=3)],
        OPEN: [partial(record, ahead=0.2), partial(record, ahead=-0.2), partial(record, ahead=0.0, seeds=3), SHORT],
    },
    (denoise_colour.TITLE, OTHERS): {
        HOLDS: [partial(record, ahead=CHANCE + 0.2), partial(record, ahead=-1.0, of=("bm3d",))],
        FAILS: [partial(record, ahead=-CHANCE - 0.2, of=(other,)) for other in ("nlm", "wavelets", "tv")],
        OPEN: [partial(record, ahead=0.2, of=("tv",)), SHORT],
    },
    (denoise_colour.TITLE, ESTIMATED): {
        HOLDS: [record, *(partial(record, estimated=-0.01, at=level) for level in LEVELS)],
        FAILS: [partial(record, estimated=-0.2, at=level) for level in LEVELS],
        OPEN: [partial(record, estimated=-0.1), SHORT],
    },
}
