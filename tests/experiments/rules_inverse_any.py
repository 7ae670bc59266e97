"""Made-up results folders for each answer that the rules of `inverse_any` can give."""

from functools import partial

import numpy as np

from experiments import inverse_any
from experiments.lib.given_diffusion import LARGEST, NAMES, PRESETS, SPECIALISTS
from experiments.lib.given_record import OURS, PRESET, SPECIALIST
from experiments.lib.verdicts import FAILS, HOLDS, OPEN
from tests.experiments import fakes

LAST = SPECIALISTS[-1].name
METHODS = ("newton", "pnp_tv")


def record(
    root, behind=0.0, presets=(0.0, 0.0), lead=1.0, at="0.4-0.8-0.01", seeds=3, ranging=0.0, steps=30_000, **changes
):
    """A network so many dB behind one specialist and behind the two presets, and ahead of a classical method at one
    setting; its seeds differ by `ranging` dB in the mean."""
    recipe = fakes.FAST | {"crop": 48}
    training = {"recipe": recipe, "steps": steps, "budget": "cpu", "parameters": 108_515, "network": "X"}
    training |= changes
    runs = [{**training, "method": OURS, "name": f"{OURS}-{seed}", "seed": seed} for seed in range(seeds)]
    alone = {**training, "steps": changes.get("alone", steps), "parameters": 101_310, "method": SPECIALIST}
    runs += [{**alone, "name": each.name, "setting": each.name, "seed": 0} for each in SPECIALISTS]
    moved = ranging * (np.arange(seeds) - (seeds - 1) / 2)[:, None, None] / max(1, seeds - 1)
    ours = np.stack([fakes.psnr(35.0, 1.0, k) for k in range(len(NAMES))])[None] + moved
    arrays = {f"psnr_{OURS}": ours}
    noise = fakes.psnr(0.0, 0.02, 99)  # of differences
    for row in (SPECIALIST, PRESET, *METHODS):
        arrays[f"psnr_{row}"] = np.full((1, len(NAMES), fakes.IMAGES), np.nan)
    for k, name in enumerate(NAMES):
        middle = ours[:, k].mean(0) + noise
        if name in [each.name for each in SPECIALISTS]:
            arrays[f"psnr_{SPECIALIST}"][0, k] = middle + (behind if name == LAST else 0.0)
        if name in PRESETS:
            arrays[f"psnr_{PRESET}"][0, k] = middle + presets[list(PRESETS).index(name)]
        for row in METHODS:
            arrays[f"psnr_{row}"][0, k] = middle - (lead if (row, name) == (METHODS[-1], at) else 1.0)
    kinds = {OURS: "network", SPECIALIST: "network", PRESET: "network", **dict.fromkeys(METHODS, "classical")}
    methods = {row: {"kind": kind, "label": row} for row, kind in kinds.items()}
    fakes.save(root, inverse_any.NAME, {"settings": list(NAMES), "methods": methods, "runs": runs}, **arrays)


SHORT = partial(record, steps=100)
_CASES = (  # of each claim: what holds, what fails, what is open
    (
        [record, partial(record, behind=0.4), partial(record, behind=0.4, ranging=0.05)],
        [partial(record, behind=0.7), partial(record, behind=0.7, ranging=0.05)],
        [
            SHORT,
            partial(record, behind=0.5),
            partial(record, behind=0.4, ranging=0.2),  # seeds differ by more than what is left
            partial(record, behind=0.4, seeds=1),  # another seed may change it
            partial(record, alone=60_000),  # not trained as long
        ],
    ),
    (
        [record, partial(record, presets=(0.4, 0.1))],
        [partial(record, presets=(0.6, 0.0)), partial(record, presets=(0.0, 0.3))],
        [SHORT, partial(record, presets=(0.5, 0.0)), partial(record, presets=(0.0, 0.2))],
    ),
    (
        [record, partial(record, lead=0.05)],
        [partial(record, lead=-0.05), partial(record, lead=-0.05, at="0.1-0.2-0.001")],
        [SHORT, partial(record, lead=0.0)],
    ),
)
CASES = {
    (inverse_any.TITLE, claim.text): {HOLDS: holds, FAILS: fails, OPEN: unsure}
    for claim, (holds, fails, unsure) in zip(inverse_any.CLAIMS, _CASES)
}
CASES[inverse_any.TITLE, inverse_any.CLAIMS[-1].text] = {
    HOLDS: [record, SHORT, partial(record, parameters=LARGEST)],
    FAILS: [partial(record, parameters=LARGEST + 1)],
}
