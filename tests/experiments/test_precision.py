"""Low precision: what the presets lose in it, where they are protected and where not."""

import pytest

from experiments import precision, presets
from experiments.lib import verdicts
from tests.small_experiments import execute


def record(**costs):
    """A made-up record: preset and precision → loss in dB, else none."""
    level = {"forward": 89.0, "inverse": 67.0, "inverse-0.1pct": 44.0, "inverse-1pct": 34.6}
    results = {
        preset: {
            name: {"mean": psnr - costs.get(f"{preset} {name}", 0.0), "n": 5}
            for name in ("float32", "bfloat16", "auto", *precision.TF32)
        }
        for preset, psnr in level.items()
    }
    return {"results": results, "budget": "cpu", "data": "a", "test_data": "b", "commit": "c", "source": "skimage"}


@pytest.mark.parametrize(
    ("costs", "number", "verdict"),
    [
        ({}, 0, verdicts.REPRODUCED),
        ({"inverse bfloat16": 1.9}, 0, verdicts.REPRODUCED),
        ({"inverse bfloat16": 2.1}, 0, verdicts.NOT_REPRODUCED),
        ({"forward bfloat16": 1.4}, 1, verdicts.REPRODUCED),
        ({"forward bfloat16": 1.6}, 1, verdicts.NOT_REPRODUCED),
        ({"inverse-1pct bfloat16": 0.03}, 2, verdicts.PARTIAL),
        ({"inverse-1pct bfloat16": 0.03, "inverse-0.1pct bfloat16": 0.03}, 2, verdicts.NOT_REPRODUCED),
        ({"inverse-1pct auto": 0.01}, 3, verdicts.REPRODUCED),
        ({"inverse-1pct auto": 0.03}, 3, verdicts.PARTIAL),
        ({"inverse TF32": 0.09}, 4, verdicts.REPRODUCED),
        ({"inverse TF32": 0.11}, 4, verdicts.PARTIAL),
        ({"inverse TF32, unprotected": 9.0}, 4, verdicts.REPRODUCED),
    ],
)
def test_claims_get_each_verdict(costs, number, verdict):
    assert precision.CLAIMS[number].check(record(**costs), {}).verdict == verdict


def test_the_cards_get_what_it_costs(tmp_path):
    assert presets.beside(tmp_path) == {}


@pytest.mark.slow
def test_in_tf32_the_networks_are_protected(tmp_path):
    """Emulated: the presets lose next to nothing, the same networks of plain convolutions lose decibels."""
    found, arrays = execute(precision, tmp_path)
    assert abs(precision.lost(found, "inverse", "TF32")) < 0.2
    assert precision.lost(found, "inverse", "TF32, unprotected") > 2
    assert precision.lost(found, "inverse", "bfloat16") < 5
    assert abs(precision.lost(found, "inverse-1pct", "bfloat16")) < 0.02
    assert abs(precision.lost(found, "inverse-1pct", "auto")) < 0.02
    assert len(arrays["forward/TF32"]) == found["results"]["forward"]["TF32"]["n"]
    cost = presets.beside(tmp_path)["inverse-1pct"]["precision"]["bfloat16"]
    assert cost["cost"] == precision.lost(found, "inverse-1pct", "bfloat16")
