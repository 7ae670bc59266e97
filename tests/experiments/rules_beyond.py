"""The same for the goals beyond the paper: made-up results folders for each answer that each rule can give."""

from functools import partial

import numpy as np

from experiments import all_noise, comparison, ensemble, generalisation, learned_operator, locality, physics, precision
from experiments import protocol as half
from experiments.lib import settings
from experiments.lib.verdicts import FAILS, HOLDS, OPEN
from tests.experiments import fakes
from tests.experiments.fakes import IMAGES, psnr

CASES: dict = {}
SHORT = 100  # steps


def trained(steps=fakes.STEPS, **more):
    """What a record keeps of a training."""
    return {"recipe": fakes.FAST, "steps": steps, "budget": "cpu", "commit": "0" * 40, "parameters": 101_310, **more}


# ---- One network for all noise ---------------------------------------------------------------------------------------

LEVELS = (0.0, 0.01)


def levels(root, network, gap, reference="specialist", of_unet=None, steps=fakes.STEPS, spread=0.1, fewer=1):
    """A network for all levels so many dB above others, and above the U-Net."""
    runs = [{"name": network, "network": network, "levels": LEVELS, **trained(steps)}]
    arrays = {f"psnr_{network}": np.stack([psnr(40 + gap, spread)] * 2)}
    for level in LEVELS:
        name = f"{reference}-{level}"
        more = {"budget": "preset", "steps": 72_000} if reference == "preset" else trained(steps // fewer)
        runs.append({"name": name, "network": reference, "levels": [level], **more})
        arrays[f"psnr_{name}"] = psnr(40)[None]
    unets = (
        [{"noise": level, "recipe": fakes.FAST, "steps": fakes.STEPS} for level in LEVELS]
        if of_unet is not None
        else []
    )
    arrays |= {f"psnr_unet-{unet['noise']:g}": psnr(40 + gap - of_unet) for unet in unets}
    fakes.save(root, "all-noise", {"runs": runs, "unets": unets}, **arrays)


for claim, network, reference in zip(
    all_noise.CLAIMS, ("blind", "conditioned") * 3, ("specialist",) * 2 + ("preset",) * 2 + ("unet",) * 2
):
    if reference == "unet":
        make = partial(levels, network=network, gap=0.0)
        answers = {
            HOLDS: [partial(make, of_unet=0.6)],
            FAILS: [partial(make, of_unet=-0.6)],
            OPEN: [
                partial(make, of_unet=0.6, spread=9.0),
                partial(make, of_unet=0.4),  # another seed may change it
                partial(make, of_unet=1.0, steps=SHORT),
                partial(make, of_unet=1.0, steps=10_000),  # not alike
            ],
        }
    else:
        make = partial(levels, network=network, reference=reference)
        answers = {
            HOLDS: [partial(make, gap=-0.25)],
            FAILS: [partial(make, gap=-0.35)],
            OPEN: [partial(make, gap=-0.3, spread=2.0), partial(make, gap=5.0, steps=SHORT)],
        }
        unlike = {"steps": 10_000} if reference == "preset" else {"fewer": 9, "steps": 90_000}
        answers[OPEN].append(partial(make, gap=5.0, **unlike))
    CASES[all_noise.TITLE, claim.text] = answers

# ---- A fair comparison -----------------------------------------------------------------------------------------------

ROWS = {"DiffNet": 0.0, "ConvNet": 0.0, "ResNet": 0.0, "UNet": 0.0, "long": 1.0, "newton": 0.0, "tv": 0.0}


def rows(root, noise, seeds=3, steps=fakes.STEPS, of=(), spread=0.1, **shifts):
    """Methods that differ from 40 dB; those named in `of` got other steps."""
    made, arrays = {}, {}
    for name, shift in {**ROWS, **shifts}.items():
        kind = {"newton": "told", "tv": "untold", "long": "long", "long-UNet": "long"}.get(name, "network")
        made[name] = {"kind": kind, "label": name, "network": name}
        count = seeds if kind == "network" else 1
        if kind == "network":
            made[name] |= trained(steps // 10 if name in of else steps, seeds=list(range(seeds)), training_images=9)
        if kind == "long":  # of one seed
            weights = trained(steps // 90 if name in of else steps, seed=0, network=name, training=fakes.FAST)
            made[name] |= {"weights": weights, "parameters": 101_310}
        values = psnr(40 + shift, spread if name in ("DiffNet", "long") else 0.1)
        arrays[f"psnr_{noise:g}_{name}"] = np.stack([values] * count)
    fakes.save(root, "comparison", {"tasks": [{"problem": "inverse", "noise": noise, "rows": made}]}, **arrays)


for claim, (noise, others) in zip(
    comparison.CLAIMS, [(noise, others) for noise in (0.0, 0.01) for others in comparison._AGAINST.values()]
):
    first, *rest = others
    names = {"told": "newton", "untold": "tv"}
    rival = names.get(rest[-1], rest[-1])
    make = partial(rows, noise=noise)
    down = {names.get(name, name): -0.7 for name in rest}
    long = first == "long"
    CASES[comparison.TITLE, claim.text] = {
        HOLDS: [partial(make, **down)],
        FAILS: [partial(make, **down | {rival: 2.0})],
        OPEN: [
            partial(make, **down, spread=9.0),
            *([] if long else [partial(make, **{name: -0.4 for name in down}, seeds=1)]),
            partial(make, **down, steps=SHORT),
            *([] if rival in names.values() else [partial(make, **down, of=[rival])]),  # not alike
        ],
    }

# ---- Uncertainty -----------------------------------------------------------------------------------------------------


def members(root, gain=0.1, coverage=0.88, rescaled=0.88, ranks=(0.6, 0.6), steps=fakes.STEPS, spread=0.01):
    """An ensemble of five."""
    runs = [trained(steps, seed=seed, name=f"DiffNet-{seed}") for seed in range(5)]
    values = np.stack([psnr(33)] * 5)
    judged = {"rms_error": 0.02, "rms_spread": 0.02, "factor": 1.0}
    record = {
        "runs": runs,
        "as_it_is": {**judged, "coverage": coverage},
        "rescaled": {**judged, "coverage": rescaled},
        "nominal_coverage": 0.88,
        "rank_correlation": ranks[0],
        "image_rank_correlation": ranks[1],
        "results": {"ensemble": fakes.summary(values[0])},
    }
    fakes.save(root, "ensemble", record, psnr_ensemble=values[0] + psnr(gain, spread), psnr_members=values)


_OF_MEMBERS = (
    ([{}], [{"gain": -0.1}], [{"spread": 3.0}]),
    ([{"coverage": 0.865}], [{"coverage": 0.855}, {"coverage": 0.91}], []),
    ([{"rescaled": 0.865}], [{"rescaled": 0.855}, {"rescaled": 0.91}], []),
    ([{"ranks": (0.5, 0.5)}], [{"ranks": (0.45, 0.9)}, {"ranks": (0.9, 0.45)}], []),
)
for claim, (holds, fails, unsure) in zip(ensemble.CLAIMS, _OF_MEMBERS):
    CASES[ensemble.TITLE, claim.text] = {
        HOLDS: [partial(members, **changes) for changes in holds],
        FAILS: [partial(members, **changes) for changes in fails],
        OPEN: [partial(members, **changes) for changes in (*unsure, {"steps": SHORT})],
    }

# ---- Generalisation --------------------------------------------------------------------------------------------------


def pictures(root, gains=(0.1, 0.1), gap=0.9, contrast=0.1, steps=0.1, **changes):
    """Two pictures of two kinds with two crops each; gaps of whole pictures; gains at another λ and number of steps."""
    crops = [{"group": group, "picture": group + "1"} for group in ("text", "photographs") for _ in range(2)]
    spread = np.array([1.0, -1.0])  # what counts is a picture's mean
    arrays = {}
    for each in settings.INVERSE:
        arrays[f"{each.preset}_diffnet"] = np.concatenate([40 + gain + spread for gain in gains])
        arrays[f"{each.preset}_fixed_point"] = np.full(4, 40.0)
    record = {
        "crops": crops,
        "large": {"inverse": [{"diffnet_whole": 60.0 + gap, "diffnet_crops": 60.0}]},
        "test_images": IMAGES,
        **{
            quantity: [
                {"value": value, "diffnet": {"psnr": {"mean": 30.0 + by}}, "degraded": {"psnr": {"mean": 30.0}}}
                for value, by in ((0.2, 5.0), (0.4, gain))
            ]
            for quantity, gain in (("contrast", contrast), ("steps", steps))
        },
    }
    fakes.save(root, "generalisation", record | changes, **arrays)


_OF_PICTURES = (
    *((({},), ({"gains": (0.1, -0.1)}, {"gains": (-0.1, 9.0)})) for _ in settings.INVERSE),
    (({"gap": -0.9},), ({"gap": 1.1}, {"gap": -1.1})),
    (({},), ({"contrast": -0.1},)),
    (({},), ({"steps": -0.1},)),
)
for claim, (holds, fails) in zip(generalisation.CLAIMS, _OF_PICTURES):
    CASES[generalisation.TITLE, claim.text] = {
        HOLDS: [partial(pictures, **changes) for changes in holds],
        FAILS: [partial(pictures, **changes) for changes in fails],
        OPEN: [partial(pictures, budget="smoke"), partial(pictures, budget="quick")],
    }

# ---- The learned operator --------------------------------------------------------------------------------------------


def operators(root, forward=0.95, inverse=-0.95, radius=1.0005, asymmetry=0.05, sums=(0.1, 0.2, 0.3), **changes):
    """Two layers of each preset that work, and one that is idle and says nothing."""

    def layer(r, largest=0.1, change=1.0):
        values = {"change": change, "pearson": r, "radius": radius, "asymmetry": asymmetry, "largest_sum": largest}
        return {name: {"mean": value, "max": value} for name, value in values.items()}

    idle = layer(0.0, 9.0, change=0.001)
    presets = {"forward": {"noise": 0.0, "layers": [layer(0.99), layer(forward), idle]}}
    for name, noise, largest in zip(("inverse", "inverse-0.1pct", "inverse-1pct"), (0.0, 0.001, 0.01), sums):
        presets[name] = {"noise": noise, "layers": [layer(-0.99), layer(inverse, largest), idle]}
    fakes.save(root, "learned-operator", {"presets": presets, "images": 24, **changes})


_OF_OPERATORS = (
    {"forward": 0.85},
    {"inverse": -0.85},
    {"radius": 1.0015},
    {"asymmetry": 0.15},
    {"asymmetry": 0.15},
    {"sums": (0.2, 0.1, 0.3)},
)
for claim, changes in zip(learned_operator.CLAIMS, _OF_OPERATORS):
    CASES[learned_operator.TITLE, claim.text] = {
        HOLDS: [operators],
        FAILS: [partial(operators, **changes)],
        OPEN: [partial(operators, budget="smoke")],
    }

# ---- Locality --------------------------------------------------------------------------------------------------------


def points(root, local=64.0, spread=0.1, **changes):
    """Local inverses that reach a PSNR with 13 points."""
    numbers = [5, 9, 13, 21, 25, 45, 69]
    values = np.stack([psnr(local + number - 13, spread) for number in numbers], axis=-1)
    record = {"points": numbers, "diffusion_times": [0.4, 1.0], "images": IMAGES, "runs": []}
    fakes.save(root, "locality", record | changes, local=np.stack([values, values - 9]))


def stencils(root, layers, gap, steps=fakes.STEPS, spread=0.1):
    """Networks with 5 and with 13 points."""
    for number, mean in ((5, 54.0), (13, 54.0 + gap)):
        for seed in range(3):
            name = f"{layers}-layers-{number}-points-{seed}"
            values = psnr(mean, spread if number == 5 else 0.1, seed=number)
            run = trained(steps, name=name, layers=layers, points=number, seed=seed, psnr=values)
            fakes.part(root, "locality", run | {"parameters": number})


_local, *_alike = locality.CLAIMS
CASES[locality.TITLE, _local.text] = {
    HOLDS: [points],
    FAILS: [partial(points, local=63.5)],
    OPEN: [partial(points, spread=3.0), partial(points, budget="smoke")],
}
for claim, layers in zip(_alike, (5, 1)):
    make = partial(stencils, layers=layers)
    CASES[locality.TITLE, claim.text] = {
        HOLDS: [partial(make, gap=0.4), partial(make, gap=-3.0)],
        FAILS: [partial(make, gap=0.6)],
        OPEN: [partial(make, gap=0.4, spread=2.0), partial(make, gap=0.4, steps=SHORT)],
    }

# ---- Further physics -------------------------------------------------------------------------------------------------


def networks(root, names, gap, seeds=3, steps=fakes.STEPS, spread=0.1, at=None):
    """Two networks, the first so many dB ahead; at the level with number `at`, or at all."""
    runs, arrays, number = [], {}, len(physics.LEVELS) if names[0].startswith("contrast") else 1
    for name, of_first in zip(names, (True, False)):
        for seed in range(seeds):
            run = {"name": name + (f"-seed-{seed}" if seed else ""), "part": name.split("-")[0], "method": "DiffNet"}
            run |= trained(steps, seed=seed, results=[{"contrast": level} for level in physics.LEVELS[:number]])
            values = [50.0 + (gap if of_first and at in (None, k) else 0.0) for k in range(number)]
            runs.append(run | {"problem": name})
            arrays[f"psnr_{run['name']}"] = np.stack([psnr(v, spread if of_first else 0.1) for v in values])
    fakes.save(root, "physics", {"runs": runs}, **arrays)


def times(root, reference, gaps, steps=fakes.STEPS):
    """Networks for two times against a classical inverse: that with the best validation PSNR counts, not the other."""
    runs, arrays = [], {}
    for time, gap in zip((0.4, 4.0), gaps):
        for layers, validation, other in ((5, 40.0, 0.0), (10, 39.0, 20.0)):
            name = f"time-{time:g}-{layers}-layers"
            run = {"name": name, "part": "time", "time": time, "method": "DiffNet", "validation_psnr": validation}
            runs.append(run | trained(steps, seed=0))
            arrays[f"psnr_{name}"] = psnr(40.0 + gap + other)[None]
        arrays[f"psnr_time-{time:g}-{reference}"] = psnr(40.0)[None]
    fakes.save(root, "physics", {"runs": runs}, **arrays)


*_ahead, _fixed, _stepwise, _blind = physics.CLAIMS
for claim, names in zip(_ahead, physics._AHEAD.values()):
    make = partial(networks, names=names)
    CASES[physics.TITLE, claim.text] = {
        HOLDS: [partial(make, gap=0.1), partial(make, gap=0.6, seeds=1)],
        FAILS: [partial(make, gap=-0.1)],
        OPEN: [partial(make, gap=0.4, seeds=1), partial(make, gap=0.4, spread=4), partial(make, gap=9.0, steps=SHORT)],
    }
for claim, reference in ((_fixed, "fixed-point"), (_stepwise, "stepwise")):
    CASES[physics.TITLE, claim.text] = {
        HOLDS: [partial(times, reference=reference, gaps=(0.6, 0.6))],
        FAILS: [partial(times, reference=reference, gaps=(0.6, -0.6))],
        OPEN: [
            partial(times, reference=reference, gaps=(0.6, 0.4)),
            partial(times, reference=reference, gaps=(0.6, 0.6), steps=SHORT),
        ],
    }
_names = ("contrast-blind", "contrast-specialist")
_at = physics.LEVELS.index(physics.TOLD)
CASES[physics.TITLE, _blind.text] = {
    HOLDS: [partial(networks, names=_names, gap=-0.9), partial(networks, names=_names, gap=-9.0, at=_at - 1)],
    FAILS: [partial(networks, names=_names, gap=-1.1, at=_at)],
    OPEN: [
        partial(networks, names=_names, gap=-1.0, spread=2.0),
        partial(networks, names=_names, gap=0.0, steps=SHORT),
    ],
}

# ---- Precision -------------------------------------------------------------------------------------------------------


def precisions(root, name="bfloat16", preset=None, lost=0.0, base=68.0, spread=0.0001, **changes):
    """Presets that lose so many dB in one precision."""
    arrays = {}
    for setting in precision.MEASURED:
        for each in ("float32", "bfloat16", "auto", "TF32"):
            cost = lost if each == name and preset in (None, setting.preset) else 0.0
            arrays[f"{setting.preset}/{each}"] = psnr(base) - psnr(cost, spread if each == name else 0.0)
    fakes.save(root, "precision", changes, **arrays)


_OF_PRECISION = (
    ({"base": 65.1}, {"base": 64.9}, {"base": 65.0}),
    ({"lost": 1.4}, {"lost": 1.6}, {"lost": 1.5, "spread": 0.1}),
    ({"lost": 0.01}, {"lost": 0.03, "preset": "inverse-1pct"}, {"lost": 0.02, "spread": 0.02}),
    ({"name": "auto", "lost": 0.01}, {"name": "auto", "lost": 0.03}, {"name": "auto", "lost": 0.02, "spread": 0.02}),
    (
        {"name": "TF32", "lost": 0.09},
        {"name": "TF32", "lost": 0.11, "preset": "forward"},
        {"name": "TF32", "lost": 0.1},
    ),
)
for claim, (holds, fails, unsure) in zip(precision.CLAIMS, _OF_PRECISION):
    CASES[precision.TITLE, claim.text] = {
        HOLDS: [partial(precisions, **holds), partial(precisions, **holds, budget="quick")],  # its budget is no length
        FAILS: [partial(precisions, **fails)],
        OPEN: [partial(precisions, **{"spread": 0.01, **unsure}), partial(precisions, **holds, budget="smoke")],
    }

# ---- The paper's protocol --------------------------------------------------------------------------------------------


def halves(root, gap, steps=fakes.STEPS, spread=0.01, fewer=0):
    """A training in bfloat16 and one in float32."""
    runs, arrays = [], {}
    for name, mean in (("bfloat16", 53.0 + gap), ("float32", 53.0)):
        count = steps - (fewer if name == "bfloat16" else 0)
        run = trained(count, name=f"DiffNet-{name}-inverse-0", precision=name, problem="inverse", noise=0.0, seed=0)
        runs.append({**run, "history": [{"step": count // 2}, {"step": count}], "times": [1.0, 2.0]})
        arrays[f"psnr_{name}"] = psnr(53.0) + psnr(mean - 53.0, spread if name == "bfloat16" else 0.0)
    fakes.save(root, "protocol", {"runs": runs}, **arrays)


(_half,) = half.CLAIMS
CASES[half.TITLE, _half.text] = {
    HOLDS: [partial(halves, gap=-0.29)],
    FAILS: [partial(halves, gap=-0.31)],
    OPEN: [partial(halves, gap=-0.3), partial(halves, gap=0.0, steps=SHORT)],
}
