"""Made-up results folders for each answer that the rules of `longer_times` can give."""

import json
from functools import partial

from experiments import longer_times
from experiments.lib import recompute_claims
from experiments.lib.verdicts import FAILS, HOLDS, OPEN
from tests.experiments import fakes
from tests.experiments.fakes import psnr

SHORT = 100  # steps
MINUTE = 60.0  # seconds


def networks(root, problem, gap, minutes=(60, 60), spread=0.1, steps=fakes.STEPS, seeds=1):
    """A shared layer, applied as often as chosen, so many dB ahead of ten layers; and one that was only tried."""
    runs, arrays, seconds = [], {}, {}
    methods = (f"shared-{longer_times.CHOSEN[problem]}", "ten", "shared-999")
    for method, mean, time in zip(methods, (40 + gap, 40.0, 99.0), (*minutes, 1)):
        for seed in range(seeds):
            run = longer_times.Run(problem, method, seed)
            more = {"recipe": fakes.FAST, "steps": steps, "budget": "cpu", "parameters": 20_262}
            runs.append({"problem": problem, "method": method, "seed": seed, "name": run.name, **more})
            arrays[f"psnr_{run.name}"] = psnr(mean, spread if method != "ten" else 0.1)
            seconds[run.name] = time * MINUTE
    fakes.save(root, "longer-times", {"runs": runs, "training_seconds": seconds}, **arrays)


CASES = {}
for claim, problem in zip(longer_times.CLAIMS[:-2], longer_times.CHOSEN, strict=True):
    make = partial(networks, problem=problem)
    CASES[longer_times.TITLE, claim.text] = {
        HOLDS: [partial(make, gap=1.6), partial(make, gap=1.1, seeds=3), partial(make, gap=1.6, minutes=(60, 71))],
        FAILS: [partial(make, gap=0.4), partial(make, gap=-3.0), partial(make, gap=0.9, seeds=3)],
        OPEN: [
            partial(make, gap=1.2),  # another seed may change it
            partial(make, gap=1.6, spread=9.0),
            partial(make, gap=1.6, minutes=(60, 75)),
            partial(make, gap=-3.0, minutes=(45, 60)),
            partial(make, gap=1.6, steps=SHORT),
        ],
    }


def recomputed(root, ratio=1.4, difference=1e-6, second=1.4):
    """Records of two backends."""
    (root / "benchmarks").mkdir()
    for backend, times in (("tensorflow", ratio), ("jax", second)):
        memory = {"5": {"bytes": {"median": 200.0}}, "20": {"bytes": {"median": 900.0}}}
        found = {"recomputed": memory | {"40": {"bytes": {"median": 200.0 * times}}}}
        found["gradients"] = {"5": 1e-9, "40": difference}
        record = {"recompute": found, "commit": "0" * 40}
        (root / "benchmarks" / f"recompute-{backend}.json").write_text(json.dumps(record))


_memory, _gradients = recompute_claims.CLAIMS
CASES[longer_times.TITLE, _memory.text] = {
    HOLDS: [partial(recomputed, ratio=1.49)],
    FAILS: [partial(recomputed, ratio=1.51), partial(recomputed, second=1.51)],
}
CASES[longer_times.TITLE, _gradients.text] = {
    HOLDS: [partial(recomputed, difference=0.9e-4)],
    FAILS: [partial(recomputed, difference=1.1e-4)],
}
