"""Low precision: what the presets lose in it, where they are protected and where not."""

import pytest

from experiments import precision, presets
from tests.small_experiments import execute


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
