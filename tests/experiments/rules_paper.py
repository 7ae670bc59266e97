"""For each claim of the paper: a made-up results folder for each answer that its rule can give.

`CASES` is (where, the claim's text) → answer → functions of a results folder. What a rule must tell apart is near its
bound: a bound that moves turns one of these red.
"""

import json
from functools import partial

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


_FOUR = "the number of parameters of a 4-layer estimator (five estimators and five time steps make DiffNet)"
for name, where, text, number in (
    ("fig02", "Sec. 5", "the number of parameters of DiffNet", 101_310),
    ("fig03", "Fig. 3", _FOUR, 20_261),
    ("fig03", "Sec. 4.3.1", "the number of parameters of a 5-layer estimator", 20_261),
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
    CASES[where, f"{words} is at least the paper's"] = {
        HOLDS: [partial(reached, mean=paper + 0.1), partial(reached, mean=paper + 0.1, seeds=3)],
        FAILS: [partial(reached, mean=paper - 0.1)],
        OPEN: [
            partial(reached, mean=paper + 0.1, spread=2.0),
            partial(reached, mean=paper + 3, steps=1_000),  # too short
            partial(reached, mean=paper + 3, budget="smoke"),
        ],
        NOT_RUN: [partial(reached, mean=paper + 3, noise=0.05), partial(reached, mean=paper + 3, problem="forward")],
    }
    CASES[where, f"{words} is close to the paper's"] = {
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
CASES["Sec. 5.2", "training DiffNet to 63.72 dB takes no longer than in the paper"] = {
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

CASES["Sec. 5.2", "training the U-Net takes about 2.4 times as long as DiffNet"] = {
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


CASES["Fig. 8", "DiffNet is ahead of the U-Net, no noise"] = ahead(INVERSE, 1)
CASES["Fig. 8", "the difference DiffNet − U-Net is close to the paper's, no noise"] = of_size(INVERSE, 65.34 - 61.08)
CASES["Fig. 9", "the U-Net is ahead of DiffNet, 1 % noise"] = ahead(NOISY, -1)
CASES["Fig. 9", "the difference DiffNet − U-Net is close to the paper's, 1 % noise"] = of_size(NOISY, 34.96 - 35.27)
for words, task, paper in (
    ("forward", FORWARD, 4.0),
    ("inverse, no noise", INVERSE, 3.0),
    ("inverse, 0.1 % noise", LITTLE, 0.0),
    ("inverse, 1 % noise", NOISY, 0.0),
):
    CASES["Fig. 10", f"{words}: the difference DiffNet − U-Net is close to the paper's"] = of_size(task, paper)
    if paper:
        CASES["Fig. 10", f"{words}: DiffNet is ahead of the U-Net"] = ahead(task, 1)


def ratio(root, diffnet, unet=34_512_705):
    """The record of Figure 8."""
    fakes.save(root, "fig08", {"parameters": {"diffnet": diffnet, "unet": unet}})


CASES["Sec. 6", "the number of DiffNet's parameters as a share of the U-Net's"] = {
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
    CASES["Fig. 10", f"{words}: with 10 and with 100 training images DiffNet is ahead"] = {
        HOLDS: [
            _few(task, 0.3, 0.3),
            _few(task, 0.3, 0.3, regime="stored"),
            _few(task, 0.3, 0.3, steps=9_000, stopped_early=True, of_both=True),  # longer would not help
        ],
        FAILS: [_few(task, 0.3, -0.3)],
        OPEN: [_few(task, 0.3, 0.3, spread=9.0), _few(task, 0.3, 0.3, steps=10_000)],
        NOT_RUN: [_few(task, 0.3)],  # one size alone
    }
    CASES["Fig. 10", f"{words}: DiffNet with 1,000 training images is as good as with all"] = {
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
    CASES["Fig. 10", f"{words}: DiffNet with 10 training images is worse than with all"] = {
        HOLDS: [_sizes(task, {10: 63.4, 1_000: 64.0, 3_600: 64.0})],
        FAILS: [_sizes(task, {10: 63.6, 1_000: 64.0, 3_600: 64.0}), _sizes(task, {10: 65, 1_000: 64.0, 3_600: 64.0})],
        OPEN: [_sizes(task, {10: 60.0, 1_000: 64.0, 3_600: 64.0}, steps=1_000)],
        NOT_RUN: [_sizes(task, {100: 60.0, 1_000: 64.0, 3_600: 64.0})],
    }


def saturating(root, clean, noisy, **changes):
    """U-Nets with 10, 100 and all images."""
    for task, values in ((INVERSE, clean), (NOISY, noisy)):
        sizes(root, "UNet", task, dict(zip((10, 100, 3_600), values)), **changes)


CASES["Fig. 10", "the U-Net needs fewer training images at 1 % noise than without noise"] = {
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
