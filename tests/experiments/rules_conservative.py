"""Made-up results folders for each answer that the rules of `conservative` can give."""

from functools import partial

from experiments import conservative
from experiments.lib.options import OWN_SPLIT
from experiments.lib.verdicts import FAILS, HOLDS, OPEN
from tests.experiments import fakes
from tests.experiments.fakes import psnr

SHORT = 100  # steps


def network(root, forward=86.0, gaps=(-0.3,), spread=0.01, steps=fakes.STEPS, crop=24, seeds=3, **more):
    """The trainings: the learned diffusion with this PSNR; denoisers with laws ahead of the free one by `gaps` dB."""
    runs, arrays = [], {}

    def add(task, layers, laws, mean, seed):
        run = conservative.Run(task, layers, laws, seed)
        values = psnr(mean, spread, int(laws))
        about = {"recipe": {**fakes.FAST, "crop": crop}, "steps": steps, "budget": "cpu", "commit": "0" * 40}
        runs.append(
            {
                **{"name": run.name, "part": task, "layers": layers, "conservative": laws, "seed": seed},
                **{**about, "validation_psnr": mean, "results": {"psnr": fakes.summary(values)}},
                **{"training_images": 3_600, "parameters": 1_000},
            }
        )
        arrays[f"psnr_{run.name}"] = values

    for seed in range(seeds):
        add("forward", 5, True, forward, seed)
        add("denoise", 5, False, 30.0, seed)
        for k, gap in enumerate(gaps):
            add("denoise", 5 * 2**k, True, 30.0 + gap, seed)
    fakes.save(root, "conservative", {"runs": runs, **more}, **arrays)


def measured(root, broken=0, largest=1.0, smallest=0.0, left=0, error=3e-6, pairs=1_000, steps=fakes.STEPS, other=0):
    """What is measured without a training, and of two of them."""
    laws = {"pairs": pairs, "conservative": {"mean": broken, "maximum": 0}, "free": {"mean": 900, "maximum": 900}}
    values = {"largest": [1.0, largest], "smallest": [0.0, smallest]}
    iterations = {"iterations": [1, 1_000], "photographs": 8, "conservative": values, "free": values, "of": "forward"}
    iterations["random"] = {"layers": 40, "conservative": left, "free": 35}
    inverse = {"images": 123, "round_trip": {"largest": error, "residual": 1e-7}, "of": "undone"}
    random = {"layers": 12, "scales": [0.3, 1.0], "failed": [0, 0], "another": [0, other]}
    training = {"recipe": fakes.FAST, "steps": steps, "budget": "cpu", "commit": "0" * 40, "training_images": 3_600}
    runs = [
        {**training, "name": each, "part": each, "layers": 8, "conservative": True} for each in ("forward", "undone")
    ]
    parts = {"laws": laws, "iterations": iterations, "inverse": inverse, "random-inverse": random}
    fakes.save(root, "conservative", {"runs": runs, **parts})


_LAWS, _FORWARD, _DENOISE, _STABLE, _ROUND_TRIP, _RANDOM = (claim.text for claim in conservative.CLAIMS)
CASES = {
    (conservative.TITLE, _LAWS): {
        HOLDS: [measured],
        FAILS: [partial(measured, broken=1), partial(measured, broken=1, pairs=10)],
        OPEN: [partial(measured, pairs=10)],
    },
    (conservative.TITLE, _FORWARD): {
        HOLDS: [network, partial(network, seeds=1)],
        FAILS: [partial(network, forward=84.0)],
        OPEN: [partial(network, forward=85.0, spread=1.0), partial(network, steps=SHORT)],
    },
    (conservative.TITLE, _DENOISE): {
        HOLDS: [network, partial(network, gaps=(-2.0, -0.4))],
        FAILS: [partial(network, gaps=(-0.9, -0.8))],
        OPEN: [
            *(partial(network, seeds=1), partial(network, steps=SHORT)),
            partial(network, gaps=(-0.5,), spread=1.0),
            partial(network, gaps=(-2.0, -0.4), test_data=OWN_SPLIT),
        ],
    },
    (conservative.TITLE, _STABLE): {
        HOLDS: [measured],
        FAILS: [
            *(partial(measured, largest=1.1), partial(measured, largest=None), partial(measured, smallest=-0.1)),
            partial(measured, left=1),
        ],
        OPEN: [partial(measured, steps=SHORT)],
    },
    (conservative.TITLE, _ROUND_TRIP): {
        HOLDS: [measured],
        FAILS: [partial(measured, error=2e-5)],
        OPEN: [partial(measured, steps=SHORT)],
    },
    (conservative.TITLE, _RANDOM): {HOLDS: [measured], FAILS: [partial(measured, other=1)]},
}
