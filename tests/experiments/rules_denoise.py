"""Made-up records for each answer that the rules of `denoise` can give: text of a claim → answer → makers.

A maker gets a results folder. It writes parts, and gathers them as the experiment does.
"""

from functools import partial

from experiments.lib import denoise_claims, denoise_record, denoising
from experiments.lib.verdicts import FAILS, HOLDS, OPEN
from tests.experiments import fakes
from tests.experiments.fakes import IMAGES, psnr

SHORT = 100  # steps
LEVELS = denoising.LEVELS
DB = dict(zip(LEVELS, (31.7, 29.2, 26.2)))  # of the network, if nothing else is said
SETS = {"bsd68": {"count": IMAGES, "sizes": {"321×481": IMAGES}, "sha256": denoise_claims.BSD68}}
CLASSICAL = {"bm3d": ("BM3D", -0.6), "perona-malik": ("Perona–Malik", -2.0), "edge-enhancing": ("edge-enhancing", -2.0)}


def measured(by=0.0, spread=0.1, draw=0, levels=LEVELS, sets=SETS):
    """What `denoising.measured` returns: so many dB above `DB`, a number or one for each level."""
    shifts = by if isinstance(by, dict) else dict.fromkeys(levels, by)
    values = [psnr(DB[level] + shifts.get(level, 0.0), spread, draw) for level in levels]
    return {
        "sets": sets,
        "levels": list(levels),
        "psnr": {name: [of.tolist() for of in values] for name in sets},
        "results": {},
        "milliseconds_per_image": {"median": 100.0, "min": 99.0, "max": 101.0, "n": 5, "batch": 1, "size": [321, 481]},
    }


def network(method, seed=0, steps=fakes.STEPS, parameters=102_000, auto=None, auto_draw=0, **more):
    """The part of a training."""
    return {
        "name": f"{method}-seed-{seed}",
        "method": method,
        "network": {"class": {"convnet": "ConvNet", "tnrd": "ReactionDiffusionNet"}.get(method, "DiffNet")},
        "kind": "network",
        "label": method,
        "parameters": parameters,
        "seed": seed,
        "steps": steps,
        "recipe": fakes.FAST,
        "training_images": 360,
        "budget": "cpu",
        "commit": "0" * 40,
        **measured(**more),
        **({"auto": measured(**{**more, "by": auto, "draw": auto_draw})} if auto is not None else {}),
    }


def classical(method, label="", by=0.0, **more):
    """The part of a method that is not trained."""
    about = {"name": f"classical-{method}", "method": method, "kind": "classical", "label": label or method}
    return {**about, "parameters": 2, "seed": 0, "steps": 0, "budget": "cpu", **measured(by, **more)}


def folder(root, seeds=(0.0, 0.0, 0.0), auto=0.0, cnn=-0.3, cnn_seeds=1, tnrd=-0.4, others=(), **more):
    """A results folder with DiffNet, a CNN, TNRD and classical methods, each so many dB above `DB`.

    Args:
        seeds: of each DiffNet.
        cnn_seeds: number of CNNs.
        others: classical method → dB.
        more: of the parts of DiffNet; with "cnn_" before the name, of the CNN.
    """
    of_cnn = {key.removeprefix("cnn_"): more.pop(key) for key in list(more) if key.startswith("cnn_")}
    of_tnrd = {key.removeprefix("tnrd_"): more.pop(key) for key in list(more) if key.startswith("tnrd_")}
    parts = [network("diffnet", k, by=by, auto=auto, **more) for k, by in enumerate(seeds)]
    steps = {"steps": more["steps"]} if "steps" in more else {}
    parts += [network("convnet", k, by=cnn, **{**steps, **of_cnn}) for k in range(cnn_seeds)]
    parts.append(network("tnrd", by=tnrd, **{**steps, **of_tnrd}))
    shifts = {name: shift for name, (_, shift) in CLASSICAL.items()} | dict(others)
    parts += [classical(name, CLASSICAL[name][0], shift, sets=more.get("sets", SETS)) for name, shift in shifts.items()]
    result = denoise_record.gather(parts, root)
    fakes.save(root, "denoise", result.record, **result.arrays)


OTHER = {"bsd68": {**SETS["bsd68"], "sha256": "0" * 64}}
_SHORT, _OTHERS = {"steps": SHORT}, {"sets": OTHER, "cnn_sets": OTHER, "tnrd_sets": OTHER}
_DOWN = {level: dict.fromkeys(LEVELS, 0.0) | {level: -1.0} for level in LEVELS}
_OF_LEVEL = [
    (
        ({}, {"seeds": (0.4,)}),
        ({"seeds": (_DOWN[level],) * 3}, {"seeds": (-1.0,)}),
        ({"seeds": (0.0, 0.0, _DOWN[level])}, {"seeds": (0.1,)}, _SHORT, _OTHERS),
    )
    for level in LEVELS
]
_CASES = (  # what holds, what fails, what is open, of each claim
    *_OF_LEVEL,
    (({},), ({"seeds": (_DOWN[50],) * 3},), ({"seeds": (0.0, 0.0, _DOWN[15])}, _SHORT, _OTHERS)),
    (({"parameters": 110_000}, _SHORT), ({"parameters": 110_001},), ()),
    (
        ({"auto": -0.09}, {"auto": -0.09, "seeds": (0.0,)}),
        ({"auto": {50: -0.11}},),
        ({"auto": -0.1, "auto_draw": 1}, _SHORT),
    ),
    (
        ({"tnrd": -0.5}, {"tnrd": -0.5, "tnrd_levels": (25,)}),
        ({"tnrd": -0.65}, {"tnrd": -0.65, "tnrd_levels": (25,)}),
        ({"tnrd": -0.5, "tnrd_steps": SHORT}, {"tnrd": -0.5, "seeds": (0.0,)}, _OTHERS),
    ),
    (
        ({"cnn": -0.1}, {"cnn": -0.1, "seeds": (0.0, 0.05, -0.02), "cnn_seeds": 3}),
        ({"cnn": 0.1}, {"cnn": {50: 0.1}}),
        (
            {"cnn": -0.1, "seeds": (0.0, 0.3, 0.0)},  # another seed of the CNN may be as different
            {"cnn": -0.4, "seeds": (0.0,)},
            {"cnn": -0.1, "cnn_spread": 3.0, "cnn_draw": 1},
            {"cnn": -0.1, "cnn_parameters": 90_000},
            {"cnn": -0.1, "cnn_steps": 10_000},  # not alike
            _SHORT,
        ),
    ),
    (
        ({"seeds": (0.0,)}, {"others": {"bm3d": -0.01}}),
        ({"others": {"bm3d": {15: 0.1}}},),
        ({"others": {"bm3d": -0.01}, "spread": 3.0}, _SHORT, _OTHERS),
    ),
    (
        ({"seeds": (0.0,)},),
        ({"others": {"perona-malik": 0.1}}, {"others": {"edge-enhancing": 0.1}}),
        ({"others": {"perona-malik": -0.01}, "spread": 3.0}, _SHORT),
    ),
)
CASES = {
    claim.text: {
        answer: [partial(folder, **changes) for changes in of]
        for answer, of in zip((HOLDS, FAILS, OPEN), answers, strict=True)
        if of
    }
    for claim, answers in zip(denoise_claims.CLAIMS, _CASES, strict=True)
}
