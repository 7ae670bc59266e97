"""The stencils of `denoise`: what is measured, against schemes that are known."""

import json

import numpy as np
import pytest

import diffnet_tf as dn
from experiments import denoise_stencils
from experiments.lib import denoise_tensors, records
from tests.experiments import fakes
from tests.small_experiments import execute

SHAPE = (64, 64)


def test_directions_are_those_of_the_gradient():
    """Of a ramp, with its slope in gray values of 255 for each pixel."""
    down, right = np.mgrid[:64, :64]
    modulus, direction = denoise_tensors.gradient((3 * down + 4 * right) / 255)
    np.testing.assert_allclose(modulus[8:-8, 8:-8], 5, rtol=1e-4)
    np.testing.assert_allclose(direction[32, 32], (0.6, 0.8), rtol=1e-4)
    tensor = np.broadcast_to([[2.0, 0.5], [0.5, 1.0]], (64, 64, 2, 2))
    across, along = denoise_tensors.directional(tensor, direction)
    assert across[32, 32] == pytest.approx(2 * 0.36 + 2 * 0.5 * 0.48 + 0.64) and along[32, 32] == pytest.approx(
        3 - across[32, 32]
    )


class Network:
    """Layers whose filters are known: right of the middle they smooth vertically, and left of it horizontally."""

    def __init__(self, layers=2, dt=0.1):
        filters = np.zeros((1, *SHAPE, 5), "float32")
        filters[:, :, :32, 3:] = 1.0
        filters[:, :, 32:, 1:3] = 1.0
        filters[..., 0] = -2.0
        layer = type(
            "Layer", (), {"boundary": "neumann", "coefficients": lambda *_: (filters, 0.5 + filters[..., 1:2])}
        )
        self.diffusion_layers, self.time_steps = [layer()] * layers, [dt] * layers

    def states(self, inputs):
        return [inputs[..., :1]] * len(self.time_steps)


def test_diffusivities_are_summed_over_the_layers():
    """A vertical edge in the middle of the left half, and one in the right half."""
    clean = np.zeros(SHAPE, "float32")
    clean[:, 16:48] = 1.0
    found = denoise_tensors.measured(Network(), clean, clean)
    assert found["across"][32, 16] == pytest.approx(0.2) and found["along"][32, 16] == pytest.approx(0, abs=1e-6)
    assert found["across"][32, 47] == pytest.approx(0, abs=1e-6) and found["along"][32, 47] == pytest.approx(0.2)
    for number, layer in enumerate(found["layers"]):
        of = dict(zip(denoise_tensors.QUANTITIES, layer))
        assert (of["flat"], of["across"], of["along"]) == pytest.approx((0.05, 0.05, 0.05))
        assert of["negative"] == 0 and of["reaction_edges"] == pytest.approx(0.1 if number else 0)
    strongest = found["profile"][-1]
    assert strongest[0] > 64 and strongest[1:] == pytest.approx([0.1, 0.1])
    assert found["sharpened"] == 0


def test_the_nearest_curve_is_found():
    g = np.array([0.5, 2, 8, 16, 40, np.nan])
    found = denoise_tensors.fitted(g, 0.7 / (1 + (g / 12) ** 2))
    assert found["factor"] == pytest.approx(0.7) and found["contrast"] == pytest.approx(12)
    assert found["rms_error"] == pytest.approx(0, abs=1e-9)


@pytest.fixture
def trained(tmp_path):
    """Two seeds of a small network, and a shorter training."""
    for name, seed, steps in (("DiffNet", 0, 9), ("DiffNet-seed-1", 1, 9), ("DiffNet", 0, 2)):
        stem = f"{name}-{'cpu' if steps == 9 else 'quick'}"
        run = {"name": name, "method": "diffnet", "seed": seed, "steps": steps, "recipe": fakes.FAST, "parameters": 99}
        fakes.part(tmp_path, "denoise", run, stem)
        model = dn.models.DiffNet(2, 1, 2, points=13, noise_map=True, reaction=True, relu=False)
        model.save(tmp_path / "denoise" / "runs" / f"{stem}.keras")
    return tmp_path


def test_the_record_and_the_picture(trained, monkeypatch):
    photographs = denoise_tensors.photographs()
    assert len(photographs) == 12 and {image.shape for image in photographs.values()} == {(256, 256)}
    assert max(image.max() for image in photographs.values()) <= 1
    monkeypatch.setattr(denoise_tensors, "photographs", lambda: {k: photographs[k] for k in ("camera", "coins")})
    record, arrays = execute(denoise_stencils, trained)
    assert [(run["seed"], run["steps"]) for run in record["networks"]] == [(0, 9), (1, 9)]
    assert arrays["layers"].shape == (2, 2, 2, 6) and arrays["map_across"].shape == (256, 256)
    json.loads((trained / "denoise-stencils" / records.RECORD).read_text())
    sums = [sum(layer[name] for layer in record["layers"]) for name in ("flat", "across", "along")]
    text = denoise_stencils.caption(record)
    assert all(f"{value:.2f}".replace("-", "−") in text for value in sums)
    assert "camera" in denoise_stencils.alt(record)
    for claim in denoise_stencils.CLAIMS:
        assert claim.check(record, arrays).answer == "can't tell"  # of such short trainings


def test_without_a_network_it_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "COMMITTED", tmp_path)
    with pytest.raises(FileNotFoundError, match="experiments.denoise --only DiffNet"):
        denoise_tensors.networks(tmp_path / "runs")
