"""For each claim of the paper on layers and filters, and on its own test images: a made-up results folder for each
answer that its rule can give, as in `rules_paper`.
"""

from functools import partial

import numpy as np

from experiments.lib.verdicts import FAILS, HOLDS, NOT_RUN, OPEN
from tests.experiments import fakes

CASES: dict = {}

# ---- Filters ---------------------------------------------------------------------------------------------------------


def filters(root, name, *of_seeds, quantity="mean_modulus", steps=fakes.STEPS):
    """The record of Figure 11 or 12: of each seed (noise, layer)."""
    weights = {"training": fakes.FAST, "steps": steps, "parameters": 101_310, "budget": "cpu", "commit": "0" * 40}
    made = [
        {quantity: values, "weights": [weights | {"seed": seed, "noise": noise} for noise in (0.0, 0.001, 0.01)]}
        for seed, values in enumerate(of_seeds)
    ]
    fakes.save(root, name, {**made[0], "seeds": list(range(len(made))), "of_seeds": made})


def _filters(name, *of_seeds, **more):
    return lambda root: filters(root, name, *of_seeds, **more)


_FREE, _LESS, _NOT = ([[0.01 * share, 0.02 * share], [0.005, 0.005], [0.01, 0.02]] for share in (0.05, 0.3, 0.9))
_FALLS = [[0.01, 0.02], [0.02, 0.02], [0.001, 0.001]]
CASES["Fig. 11", "the sum of the filters is near zero without noise"] = {
    HOLDS: [_filters("fig11", _FREE, _FREE, _FREE)],
    FAILS: [_filters("fig11", _LESS), _filters("fig11", _LESS, _NOT)],
    OPEN: [_filters("fig11", _FREE, _NOT, _FREE), _filters("fig11", _FREE, steps=100)],
}
CASES["Fig. 11", "smoothing grows with the noise"] = {
    HOLDS: [_filters("fig11", _FREE, _FREE)],
    FAILS: [_filters("fig11", _FALLS)],
    OPEN: [_filters("fig11", _FREE, _FALLS), _filters("fig11", _FREE, steps=100)],
}
_widths = partial(_filters, quantity="edge_width")
_BROAD_FIRST, _BROAD_LAST = [[3, 1, 2], [2, 1, 3], [2, 1, 3]], [[2, 1, 3], [3, 1, 2], [3, 1, 2]]
CASES["Sec. 6.2", "without noise the details in the filters get finer from the first layer to the last"] = {
    HOLDS: [_widths("fig11", _BROAD_FIRST, _BROAD_FIRST)],
    FAILS: [_widths("fig11", _BROAD_LAST)],
    OPEN: [_widths("fig11", _BROAD_FIRST, _BROAD_LAST), _widths("fig11", _BROAD_FIRST, steps=100)],
}
# The mean over the layers rises in both; in the second one layer narrows.
_ALL_WIDEN, _MOST_WIDEN = [[1, 1, 1], [2, 2, 2], [3, 3, 3]], [[1, 1, 1.5], [2, 2, 2], [9, 9, 1.4]]
CASES["Fig. 12", "the edges in the centre filters get wider with the noise"] = {
    HOLDS: [_widths("fig12", _ALL_WIDEN)],
    FAILS: [_widths("fig12", _MOST_WIDEN, _MOST_WIDEN)],
    OPEN: [_widths("fig12", _ALL_WIDEN, _MOST_WIDEN), _widths("fig12", _ALL_WIDEN, steps=100)],
}

NOISES = [0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1]


def ordered(swaps):
    """Smoothing at every level, (levels, layers), in the order of the noise but for so many exchanges of far levels."""
    values = list(range(1, len(NOISES) + 1)) if swaps < 99 else [1] * len(NOISES)
    for k in range(swaps % 99):
        values[k], values[k + 3] = values[k + 3], values[k]
    return [[0.1 * value, 0.2 * value] for value in values]


def smoothing(root, *swaps, told=0, steps=fakes.STEPS, scale=1.0):
    """The record of Figure 13; the sums themselves would be in the order opposite to their moduli."""
    of_seeds = [ordered(number) for number in swaps]
    about = {"recipe": fakes.FAST, "steps": steps, "parameters": 101_310, "budget": "cpu", "commit": "0" * 40}
    runs = [about | {"seed": seed, "noise": noise} for seed in range(len(swaps)) for noise in NOISES]
    noises = [scale * noise for noise in NOISES]
    record = {"seeds": list(range(len(swaps))), "noises": noises, "runs": runs, "smoothing": of_seeds}
    record["modulus_of_mean"] = record["signed"] = (-np.array(of_seeds)).tolist()
    record["conditioned"] = {"noises": NOISES, "smoothing": ordered(told), "runs": [about]}
    fakes.save(root, "fig13", record)


CASES["Fig. 13", "smoothing increases with noise up to 10 %"] = {
    HOLDS: [lambda root: smoothing(root, 0, 0, 0)],
    FAILS: [lambda root: smoothing(root, 1), lambda root: smoothing(root, 1, 2, 1)],
    NOT_RUN: [lambda root: smoothing(root, 99), lambda root: smoothing(root, 0, scale=0.1)],  # constant; little noise
    OPEN: [
        lambda root: smoothing(root, 0, 1, 0),
        lambda root: smoothing(root, 0, 0, 0, steps=1),
        lambda root: fakes.save(root, "fig13", {"rank_correlation": 1.0, "levels": [{}] * 10}),  # a chain of levels
    ],
}
CASES["Fig. 13", "smoothing increases with noise in one network that is given σ"] = {
    HOLDS: [lambda root: smoothing(root, 1, told=0)],
    FAILS: [lambda root: smoothing(root, 0, told=1)],
    OPEN: [lambda root: smoothing(root, 0, told=0, steps=1)],
}


# ---- Deconvolution ---------------------------------------------------------------------------------------------------


def disks(root, *seeds, train=90.0, test=90.0, spread=0.1, steps=fakes.STEPS):
    """The records of Figure 5: of each seed what differs from the claims."""
    for seed, changes in enumerate(seeds or ({},)):
        layers = {"opposite_signs": [0.95] * 3, "opposite_to_each": [0.95] * 3, "regulariser": [0.05] * 3}
        ring = {"deeper_than": 0.01, "share": changes.get("share", 1.0)}
        results = {split: {"authors_psnr": {"mean": mean}} for split, mean in (("train", train), ("test", test))}
        record = {"problem": "deconvolution", "results": results, "negative_ring": ring, "parameters": 60_786}
        record |= {"high_frequencies": {"gained": changes.get("gained", [0.2, 0.2, 0.6])}, "training_images": 1_024}
        record |= {**layers, **changes, "recipe": fakes.FAST, "steps": steps, "seed": seed}
        record.setdefault("training_seconds", 60.0)
        arrays = {}
        for split, mean in (("train", train), ("test", test)):
            flat = np.zeros(fakes.IMAGES), np.ones(fakes.IMAGES)
            arrays |= {f"psnr_{split}": fakes.psnr(mean, spread), f"low_{split}": flat[0], f"high_{split}": flat[1]}
        fakes.save(root / "seeds" / str(seed) if seed else root, "fig05", record, **arrays)


def _disks(*seeds, **more):
    return lambda root: disks(root, *seeds, **more)


CASES["Fig. 4–5", "deconvolution of disks: training and test PSNR are at least the paper's"] = {
    HOLDS: [_disks(train=86.4, test=86.4), _disks({}, {}, {}, train=86.4, test=86.4)],
    FAILS: [_disks(train=86.4, test=86.1), _disks(train=86.1, test=86.4)],
    OPEN: [_disks(train=86.4, test=86.4, spread=2.0), _disks(steps=100)],
}
_LATE, _LOW = {"training_seconds": 60 * 25.0}, {"training_seconds": 60.0}
CASES["Sec. 5.1", "training on the disks takes no longer than in the paper"] = {
    HOLDS: [_disks({"training_seconds": 60 * 23.0})],
    FAILS: [_disks(_LOW, train=86.1)],
    OPEN: [_disks(_LATE), _disks({"training_seconds": 60.0}, _LATE), _disks(steps=100)],
}
CASES["Fig. 4–5", "deconvolution of disks: training and test PSNR are close to the paper's"] = {
    HOLDS: [_disks(train=87.0, test=87.0), _disks(train=85.4, test=85.4)],
    FAILS: [_disks(train=87.5, test=87.5), _disks(train=85.0, test=86.0)],
    OPEN: [_disks(train=87.24, test=87.24), _disks(train=86.0, test=86.0, steps=100)],
}
for text, key, good, bad in (
    ("the centre filter has the opposite sign to the sum of the other four", "opposite_signs", 0.92, 0.7),
    ("the centre filter has the opposite sign to each of the other four", "opposite_to_each", 0.92, 0.7),
    ("the regularising part is small", "regulariser", 0.09, 0.12),
):
    _good, _bad = ({key: [good, value, good]} for value in (good, bad))  # one layer is enough to fail
    CASES["Sec. 5.1", text] = {
        HOLDS: [_disks(_good, _good)],
        FAILS: [_disks(_bad), _disks(_bad, _bad)],
        OPEN: [_disks(_good, _bad), _disks(_good, steps=100)],
    }
CASES["Sec. 5.1", "there is a negative ring around the disks before the ReLU"] = {
    HOLDS: [_disks({"share": 0.92})],
    FAILS: [_disks({"share": 0.7})],
    OPEN: [_disks({"share": 0.92}, {"share": 0.7}), _disks({"share": 0.92}, steps=100)],
}
CASES["Sec. 5.1", "the last layer restores most of the high frequencies"] = {
    HOLDS: [_disks({"gained": [0.2, 0.2, 0.6]})],
    FAILS: [_disks({"gained": [0.3, 0.3, 0.4]}), _disks({"gained": [0.6, 0.2, 0.2]})],
    OPEN: [_disks({"gained": [0.2, 0.2, 0.6]}, {"gained": [0.3, 0.3, 0.4]}), _disks(steps=100)],
}

# ---- The paper's own test images -------------------------------------------------------------------------------------


def owned(root, preset, mean, spread=0.02, steps=fakes.STEPS, budget="cpu"):
    """The record of a measurement on STL-10's test images."""
    training = {"recipe": fakes.FAST, "steps": steps, "seed": 0, "commit": "0" * 40, "parameters": 101_310}
    training |= {"image_sets": fakes.COMMON["image_sets"], "budget": "cpu"}
    test = {"sha256": "a" * 64, "shape": [100_000, 96, 96], "split": "test", "count": 10_000}
    interval = {"value": mean, "low": mean - spread, "high": mean + spread}
    record = {
        "budget": budget,
        "image_sets": {"training": {}, "test": test},
        "trained": {preset: training},
        "authors_psnr": {preset: interval},
        "results": {preset: {"diffnet": {"psnr": {"mean": mean + 0.5, "n": 10_000}}}},
        "is_stl10": True,
    }
    fakes.save(root, "stl10-test", record)


for preset, where, noise, paper in (
    ("inverse", "Fig. 6", "no noise", 63.72),
    ("inverse-1pct", "Fig. 7", "1 % noise", 34.21),
):
    words, make = f"on the paper's own test images, inverse, {noise}: test PSNR", partial(owned, preset=preset)
    CASES[where, f"{words} is at least the paper's"] = {
        HOLDS: [partial(make, mean=paper + 0.1)],
        FAILS: [partial(make, mean=paper - 0.1)],
        OPEN: [partial(make, mean=paper), partial(make, mean=paper + 9, budget="smoke")],
    }
    CASES[where, f"{words} is close to the paper's"] = {
        HOLDS: [partial(make, mean=paper + 0.9), partial(make, mean=paper - 0.9)],
        FAILS: [partial(make, mean=paper + 1.2), partial(make, mean=paper - 1.2)],
        OPEN: [partial(make, mean=paper + 1.0), partial(make, mean=paper, steps=100)],
    }
