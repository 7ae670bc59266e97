"""Rounding: what integers of 8 and 16 bits hold, and what that costs the presets."""

import numpy as np
import pytest

from experiments import rounding
from tests.small_experiments import execute


def test_rounded_images_are_whole_numbers_of_steps():
    images = np.random.default_rng(0).random((2, 5, 5, 1)).astype("float32") * 1.2 - 0.1
    assert rounding.rounded(images, None) is images
    for bits, name in ((8, "uint8"), (16, "uint16")):
        steps = rounding.rounded(images, bits).astype("float64") * (2**bits - 1)
        np.testing.assert_allclose(steps, np.rint(steps), atol=0.01)
        whole = (np.clip(images, 0, 1) * np.float64(2**bits - 1)).round().astype(name)
        np.testing.assert_array_equal(np.rint(steps).astype(name), whole)


@pytest.mark.slow
def test_rounding_to_8_bits_is_noise_of_a_tenth_of_a_percent(tmp_path):
    """To the network that never saw noise it does more harm than to the one that knows this much; 16 bits do little."""
    record, _ = execute(rounding, tmp_path)
    assert record["sigma"]["8 bits"] == pytest.approx(1 / (255 * np.sqrt(12)), rel=0.05)
    psnr = {preset: {n: r["psnr"]["mean"] for n, r in found.items()} for preset, found in record["results"].items()}
    assert psnr["inverse"]["8 bits"] < psnr["inverse-0.1pct"]["8 bits"] - 5
    assert psnr["inverse"]["16 bits"] > psnr["inverse"]["float32"] - 5
