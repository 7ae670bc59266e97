"""For each claim of the paper: a made-up results folder for each answer that its rule can give.

`CASES` is (where, the claim's text) → answer → functions of a results folder. What a rule must tell apart is near its
bound: a bound that moves turns one of these red.
"""

import json
from functools import partial

import numpy as np

from experiments.lib.verdicts import FAILS, HOLDS, NOT_RUN, OPEN
from tests.experiments import fakes
from tests.experiments.fakes import samples, training

INVERSE, NOISY, LITTLE, FORWARD = ("inverse", 0.0), ("inverse", 0.01), ("inverse", 0.001), ("forward", 0.0)
DIFFNETS = {INVERSE: "fig06", LITTLE: "inverse-0.1pct", NOISY: "fig07", FORWARD: "forward"}
CASES: dict = {}

# ---- Parameters ------------------------------------------------------------------------------------------------------


def parameters(name, number, root):
    """A drawing's record."""
    nothing = {"source": "none", "data": "none", "test_data": "none", "image_sets": {}, "budget": "quick"}
    blocks = [{"parameters": 320}, {"parameters": 9_248}]
    fakes.save(root, name, {**nothing, "parameters": number, "blocks": blocks})


_FOUR = "parameters of a 4-layer estimator: five and 5 time steps make DiffNet"
for name, where, text, number in (
    ("fig02", "Sec. 5", "parameters of DiffNet", 101_310),
    ("fig03", "Fig. 3", _FOUR, 20_261),
    ("fig03", "Sec. 4.3.1", "parameters of a 5-layer estimator", 20_261),
):
    CASES[where, text] = {
        HOLDS: [partial(parameters, name, number)],
        FAILS: [partial(parameters, name, number + 1)],
    }


# ---- A PSNR against the paper's --------------------------------------------------------------------------------------

for name, where, words, paper, noise in (
    ("fig06", "Fig. 6", "inverse, no noise: test PSNR", 63.72, 0.0),
    ("fig07", "Fig. 7", "inverse, 1 % noise: test PSNR", 34.21, 0.01),
):
    reached = partial(samples, name=name, noise=noise)
    CASES[where, f"{words} at least"] = {
        HOLDS: [partial(reached, mean=paper + 0.1), partial(reached, mean=paper + 0.1, seeds=3)],
        FAILS: [partial(reached, mean=paper - 0.1)],
        OPEN: [
            partial(reached, mean=paper + 0.1, spread=2.0),
            partial(reached, mean=paper + 3, steps=1_000),  # too short
            partial(reached, mean=paper + 3, budget="smoke"),
        ],
        NOT_RUN: [partial(reached, mean=paper + 3, noise=0.05), partial(reached, mean=paper + 3, problem="forward")],
    }
    CASES[where, f"{words} of the same size"] = {
        HOLDS: [partial(reached, mean=paper + 0.9), partial(reached, mean=paper - 0.9)],
        FAILS: [partial(reached, mean=paper + 1.2), partial(reached, mean=paper - 1.2)],
        OPEN: [partial(reached, mean=paper + 1.0), partial(reached, mean=paper, spread=2.5)],
    }


def races(root, *runs):
    """The benchmark's trainings: (minutes, PSNR) of each."""
    folder = root / "benchmarks" / "recipes"
    folder.mkdir(parents=True)
    for seed, (minutes, psnr) in enumerate(runs):
        record = {"seconds": 60 * minutes, "test_psnr": {"mean": psnr}, "seed": seed, "data": "here"}
        record |= {"test_data": "there", "commit": "0" * 40, "recipe": fakes.FAST, "steps": 8_000}
        (folder / f"fast-63.72dB-{seed}.json").write_text(json.dumps(record))


_FAST_AND_GOOD, _SLOW, _BAD = (3.0, 64.3), (80.0, 64.3), (3.0, 64.0)
CASES["Sec. 5.2", "DiffNet learns 63.72 dB in the paper's time"] = {
    HOLDS: [partial(lambda root: races(root, _FAST_AND_GOOD, _FAST_AND_GOOD))],
    FAILS: [lambda root: races(root, _SLOW, _SLOW), lambda root: races(root, _BAD, _BAD)],
    OPEN: [lambda root: races(root, _FAST_AND_GOOD, _SLOW), lambda root: races(root, _FAST_AND_GOOD, _BAD)],
}


def steps_of(root, *unet, budget="cpu"):
    """The record of training times, DiffNet's step taking a second."""
    times = {"DiffNet": [1.0] * len(unet), "UNet": list(unet)}
    fakes.save(root, "training-time", {"seconds_per_step": times, "hardware": {"cores": 2}, "budget": budget})


CASES["Sec. 5.2", "training the U-Net takes longer than DiffNet"] = {
    HOLDS: [lambda root: steps_of(root, 1.1, 9.0)],
    FAILS: [lambda root: steps_of(root, 0.9, 0.9)],
    OPEN: [lambda root: steps_of(root, 0.9, 1.1), lambda root: steps_of(root, 9.0, 9.0, budget="smoke")],
}

CASES["Sec. 5.2", "training the U-Net takes as much longer"] = {
    HOLDS: [lambda root: steps_of(root, 1.9, 2.9)],
    FAILS: [lambda root: steps_of(root, 1.7, 1.7), lambda root: steps_of(root, 3.1, 3.1)],
    OPEN: [lambda root: steps_of(root, 2.4, 9.0), lambda root: steps_of(root, 2.4, budget="smoke")],
}

# ---- DiffNet against the U-Net ---------------------------------------------------------------------------------------


def both(root, task, gap, seeds=3, spread=0.1, steps=fakes.STEPS, noise=None, **of_unet):
    """DiffNet so many dB ahead of the U-Net with all images."""
    samples(root, DIFFNETS[task], 60.0 + gap, noise or task[1], spread, seeds, steps)
    for seed in range(seeds):
        training(root, "UNet", task, 60.0, seed=seed, **of_unet)


def _on_other_images(root, task):
    sets = {"test": fakes.COMMON["image_sets"]["test"] | {"sha256": "c" * 64}}
    training(root, "UNet", task, 60.0, seed=2, image_sets=sets)


def ahead(task, sign):
    """Cases of the sign of a difference."""
    return {
        HOLDS: [
            lambda root: both(root, task, sign * 0.2),
            lambda root: both(root, task, sign * 0.7, seeds=1),
        ],
        FAILS: [lambda root: both(root, task, -sign * 0.2), lambda root: both(root, task, -sign * 0.7, seeds=1)],
        OPEN: [
            lambda root: both(root, task, sign * 0.2, spread=5.0),  # the interval holds 0
            lambda root: both(root, task, sign * 0.4, seeds=1),  # another seed might change it
            lambda root: both(root, task, sign * 9.0, steps=10_000),  # a short training against a long one
            lambda root: both(root, task, sign * 40.0, steps=1_000),  # too short to tell
            lambda root: both(root, task, sign, image_sets={"test": {"sha256": "b" * 64}}),  # of other images
            lambda root: (both(root, task, sign), _on_other_images(root, task)),  # or one of them is
        ],
        NOT_RUN: [lambda root: both(root, task, sign, noise=0.3)],  # the records are of another task
    }


def of_size(task, paper):
    """Cases of the size of a difference."""
    return {
        HOLDS: [lambda root: both(root, task, paper + 0.9), lambda root: both(root, task, paper - 0.9)],
        FAILS: [lambda root: both(root, task, paper + 1.2), lambda root: both(root, task, paper - 1.2)],
        OPEN: [
            lambda root: both(root, task, paper + 1.0, spread=0.3),
            lambda root: both(root, task, paper, steps=10_000),
            lambda root: both(root, task, paper, steps=1_000),
        ],
    }


CASES["Fig. 8", "DiffNet is ahead, no noise"] = ahead(INVERSE, 1)
CASES["Fig. 8", "DiffNet − U-Net, no noise"] = of_size(INVERSE, 65.34 - 61.08)
CASES["Fig. 9", "the U-Net is ahead, 1 % noise"] = ahead(NOISY, -1)
CASES["Fig. 9", "DiffNet − U-Net, 1 % noise"] = of_size(NOISY, 34.96 - 35.27)
for words, task, paper in (
    ("forward", FORWARD, 4.0),
    ("inverse, no noise", INVERSE, 3.0),
    ("inverse, 0.1 % noise", LITTLE, 0.0),
    ("inverse, 1 % noise", NOISY, 0.0),
):
    CASES["Fig. 10", f"{words}: DiffNet − U-Net"] = of_size(task, paper)
    if paper:
        CASES["Fig. 10", f"{words}: DiffNet is ahead"] = ahead(task, 1)


def ratio(root, diffnet, unet=34_512_705):
    """The record of Figure 8."""
    fakes.save(root, "fig08", {"parameters": {"diffnet": diffnet, "unet": unet}})


CASES["Sec. 6", "DiffNet's parameters against the U-Net's"] = {
    HOLDS: [lambda root: ratio(root, 101_310)],
    FAILS: [lambda root: ratio(root, 103_600), lambda root: ratio(root, 98_000)],
}

# ---- Numbers of training images --------------------------------------------------------------------------------------


def few(root, task, *gaps, regime="fly", of_both=False, **of_unet):
    """DiffNet so many dB ahead of the U-Net with 10, 100, … images."""
    for size, gap in zip((10, 100), gaps):
        for seed in range(3):
            training(root, "DiffNet", task, 50.0 + gap, size, seed, regime=regime, **(of_unet if of_both else {}))
            training(root, "UNet", task, 50.0, size, seed, regime=regime, **of_unet)
    if regime == "stored":  # trainings of another regime do not count
        few(root, task, *(-gap for gap in gaps))


def sizes(root, network, task, psnr, seeds=3, **changes):
    """Trainings of a network: number of images → PSNR."""
    for size, mean in psnr.items():
        for seed in range(seeds):
            training(root, network, task, mean, size, seed, **changes)


def _sizes(task, psnr, network="DiffNet", **changes):
    return lambda root: sizes(root, network, task, psnr, **changes)


def _few(task, *gaps, **more):
    return lambda root: few(root, task, *gaps, **more)


def _unlike(root, task):
    """With all images another spread, so that the interval holds the bound."""
    sizes(root, "DiffNet", task, {10: 60.0, 1_000: 63.5})
    sizes(root, "DiffNet", task, {3_600: 64.0}, spread=0.5)


def _of_others(root, task):
    """With 1,000 images tested on other images."""
    sizes(root, "DiffNet", task, {10: 60.0, 3_600: 64.0})
    sizes(root, "DiffNet", task, {1_000: 64.0}, image_sets={"test": {"sha256": "b" * 64}})


for words, task in (
    ("forward", FORWARD),
    ("inverse, no noise", INVERSE),
    ("inverse, 0.1 % noise", LITTLE),
    ("inverse, 1 % noise", NOISY),
):
    CASES["Fig. 10", f"{words}: with 10 and 100 images DiffNet is ahead"] = {
        HOLDS: [
            _few(task, 0.3, 0.3),
            _few(task, 0.3, 0.3, regime="stored"),
            _few(task, 0.3, 0.3, steps=9_000, stopped_early=True, of_both=True),  # longer would not help
        ],
        FAILS: [_few(task, 0.3, -0.3)],
        OPEN: [_few(task, 0.3, 0.3, spread=9.0), _few(task, 0.3, 0.3, steps=10_000)],
        NOT_RUN: [_few(task, 0.3)],  # one size alone
    }
    CASES["Fig. 10", f"{words}: DiffNet with 1,000 images is as good as with all"] = {
        HOLDS: [
            _sizes(task, {10: 60.0, 1_000: 63.6, 3_600: 64.0}),
            _sizes(task, {10: 60.0, 300: 63.6, 3_600: 64.0}, regime="stored"),
        ],
        FAILS: [_sizes(task, {10: 60.0, 1_000: 62.0, 3_600: 64.0}), _sizes(task, {10: 64, 1_000: 63.4, 3_600: 64.0})],
        OPEN: [
            _sizes(task, {10: 60.0, 1_000: 63.6, 3_600: 64.0}, steps=1_000),
            _sizes(task, {10: 60.0, 1_000: 63.6, 3_600: 64.0}, seeds=1),
            partial(_unlike, task=task),
            partial(_of_others, task=task),
        ],
    }
    CASES["Fig. 10", f"{words}: DiffNet with 10 images is not"] = {
        HOLDS: [_sizes(task, {10: 63.4, 1_000: 64.0, 3_600: 64.0})],
        FAILS: [_sizes(task, {10: 63.6, 1_000: 64.0, 3_600: 64.0}), _sizes(task, {10: 65, 1_000: 64.0, 3_600: 64.0})],
        OPEN: [_sizes(task, {10: 60.0, 1_000: 64.0, 3_600: 64.0}, steps=1_000)],
        NOT_RUN: [_sizes(task, {100: 60.0, 1_000: 64.0, 3_600: 64.0})],
    }


def saturating(root, clean, noisy, **changes):
    """U-Nets with 10, 100 and all images."""
    for task, values in ((INVERSE, clean), (NOISY, noisy)):
        sizes(root, "UNet", task, dict(zip((10, 100, 3_600), values)), **changes)


CASES["Fig. 10", "the U-Net needs fewer images at 1 % noise than without"] = {
    HOLDS: [lambda root: saturating(root, (50, 55, 60), (33, 34, 34.4))],
    FAILS: [lambda root: saturating(root, (50, 59.6, 60), (33, 33.4, 34))],
    OPEN: [
        lambda root: saturating(root, (50, 55, 60), (33, 33.4, 34)),
        lambda root: saturating(root, (50, 55, 60), (33, 34, 34.4), steps=100),
        lambda root: saturating(root, (50, 55, 60), (33, 34, 34.4), seeds=1),
    ],
}

# ---- Layers and depth ------------------------------------------------------------------------------------------------


def shapes(root, steps=7_000, more=0, **psnr):
    """Trainings of DiffNets of five sizes: "l7d4" → PSNR, 60 where not given."""
    runs, arrays = [], {}
    for layers, depth in ((5, 4), (7, 4), (5, 5), (3, 4), (5, 3)):
        values = fakes.psnr(psnr.get(f"l{layers}d{depth}", 60.0), seed=layers + depth)
        for seed in range(3):
            name = f"DiffNet-{layers}-{depth}-{seed}"
            run = {"name": name, "layers": layers, "depth": depth, "seed": seed, "recipe": fakes.FAST}
            run["steps"] = steps + more * (layers == 7)
            runs.append({**run, "parameters": 20_000 * layers, "budget": "cpu", "commit": "0" * 40})
            arrays[f"psnr_{name}"] = values
    fakes.save(root, "tradeoff", {"runs": runs}, **arrays)


def _shapes(**psnr):
    return lambda root: shapes(root, **psnr)


CASES["Sec. 5.2", "more layers or a deeper estimator gain little"] = {
    HOLDS: [_shapes(l7d4=60.9, l5d5=60.9)],
    FAILS: [_shapes(l7d4=61.1), _shapes(l5d5=61.1)],
    OPEN: [_shapes(l7d4=61.0), _shapes(steps=1_000), _shapes(more=1)],
}
CASES["Sec. 5.2", "fewer layers or a shallower estimator lose more"] = {
    HOLDS: [_shapes(l3d4=58.9, l5d3=58.9)],
    FAILS: [_shapes(l3d4=59.1, l5d3=58.0), _shapes(l3d4=58.0, l5d3=59.1)],
    OPEN: [_shapes(l3d4=59.0, l5d3=58.0), _shapes(l3d4=50.0, l5d3=50.0, steps=1_000)],
}


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
CASES["Fig. 11", "near zero without noise"] = {
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
CASES["Sec. 6.2", "without noise details get finer from the first layer to the last"] = {
    HOLDS: [_widths("fig11", _BROAD_FIRST, _BROAD_FIRST)],
    FAILS: [_widths("fig11", _BROAD_LAST)],
    OPEN: [_widths("fig11", _BROAD_FIRST, _BROAD_LAST), _widths("fig11", _BROAD_FIRST, steps=100)],
}
# The mean over the layers rises in both; in the second one layer narrows.
_ALL_WIDEN, _MOST_WIDEN = [[1, 1, 1], [2, 2, 2], [3, 3, 3]], [[1, 1, 1.5], [2, 2, 2], [9, 9, 1.4]]
CASES["Fig. 12", "edges in the centre filters widen with the noise"] = {
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
CASES["Fig. 13", "the same in one network that is given σ"] = {
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


CASES["Fig. 4–5", "deconvolution of disks, train and test PSNR at least"] = {
    HOLDS: [_disks(train=86.4, test=86.4), _disks({}, {}, {}, train=86.4, test=86.4)],
    FAILS: [_disks(train=86.4, test=86.1), _disks(train=86.1, test=86.4)],
    OPEN: [_disks(train=86.4, test=86.4, spread=2.0), _disks(steps=100)],
}
_LATE, _LOW = {"training_seconds": 60 * 25.0}, {"training_seconds": 60.0}
CASES["Sec. 5.1", "the disks are learned in the paper's time"] = {
    HOLDS: [_disks({"training_seconds": 60 * 23.0})],
    FAILS: [_disks(_LATE), _disks(_LOW, train=86.1)],
    OPEN: [_disks({"training_seconds": 60.0}, _LATE), _disks(steps=100)],
}
CASES["Fig. 4–5", "deconvolution of disks, of the same size"] = {
    HOLDS: [_disks(train=87.0, test=87.0), _disks(train=85.4, test=85.4)],
    FAILS: [_disks(train=87.5, test=87.5), _disks(train=85.0, test=86.0)],
    OPEN: [_disks(train=87.24, test=87.24), _disks(train=86.0, test=86.0, steps=100)],
}
for text, key, good, bad in (
    ("the centre filter has the opposite sign of the others' sum", "opposite_signs", 0.92, 0.7),
    ("the centre filter has the opposite sign of each other", "opposite_to_each", 0.92, 0.7),
    ("the regularising part is small", "regulariser", 0.09, 0.12),
):
    _good, _bad = ({key: [good, value, good]} for value in (good, bad))  # one layer is enough to fail
    CASES["Sec. 5.1", text] = {
        HOLDS: [_disks(_good, _good)],
        FAILS: [_disks(_bad), _disks(_bad, _bad)],
        OPEN: [_disks(_good, _bad), _disks(_good, steps=100)],
    }
CASES["Sec. 5.1", "a negative ring before the ReLU"] = {
    HOLDS: [_disks({"share": 0.92})],
    FAILS: [_disks({"share": 0.7})],
    OPEN: [_disks({"share": 0.92}, {"share": 0.7}), _disks({"share": 0.92}, steps=100)],
}
CASES["Sec. 5.1", "the last layer mainly brings back the high frequencies"] = {
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
    words, make = f"the paper's test images, inverse, {noise}: PSNR", partial(owned, preset=preset)
    CASES[where, f"{words} at least"] = {
        HOLDS: [partial(make, mean=paper + 0.1)],
        FAILS: [partial(make, mean=paper - 0.1)],
        OPEN: [partial(make, mean=paper), partial(make, mean=paper + 9, budget="smoke")],
    }
    CASES[where, f"{words} of the same size"] = {
        HOLDS: [partial(make, mean=paper + 0.9), partial(make, mean=paper - 0.9)],
        FAILS: [partial(make, mean=paper + 1.2), partial(make, mean=paper - 1.2)],
        OPEN: [partial(make, mean=paper + 1.0), partial(make, mean=paper, steps=100)],
    }
