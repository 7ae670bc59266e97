"""Figure 5: what Section 5.1 says of the layers, as numbers with known answers; a network is measured anew."""

import json

import numpy as np
import pytest

import diffnet_tf as dn
from experiments import fig05_deconvolution_layers, fig13_smoothing
from experiments.lib import deconvolution, records
from tests.conftest import ROOT, tensorflow_only
from tests.small_experiments import execute, options

pytestmark = tensorflow_only


def constant(*filters):
    """Filters that are the same everywhere, (1, 8, 8, 5)."""
    return np.broadcast_to(np.float32(filters), (1, 8, 8, 5))


@pytest.mark.parametrize(
    ("filters", "of_sum", "of_each", "regulariser"),
    [
        ((-4, 1, 1, 1, 1), 1.0, 1.0, 0.0),
        ((4, -1, -1, -1, -1), 1.0, 1.0, 0.0),
        ((-4, 2, 2, 2, -1), 1.0, 0.0, 0.25),  # of the sum, not of each
        ((-4, -1, -1, -1, 1), 0.0, 0.0, 1.5),
        ((2, 1, 1, 1, 1), 0.0, 0.0, 3.0),
    ],
)
def test_signs_and_the_regulariser_are_counted_near_edges(filters, of_sum, of_each, regulariser, rng):
    near = np.zeros((1, 8, 8), bool)
    near[0, 2:5, 3] = True
    shown = np.where(near[..., None], constant(*filters), constant(-4, 1, 1, 1, 1))
    found = deconvolution.of_filters([shown], [rng.random((1, 8, 8, 1))], near)
    assert (found["opposite_signs"], found["opposite_to_each"]) == ([of_sum], [of_each])
    assert found["regulariser"] == [pytest.approx(regulariser)]


def test_the_update_is_split_into_mean_free_and_regularising_part(photographs, rng):
    """Against the operators of the package."""
    u = photographs[:2, :20, :20]
    filters = rng.normal(size=(2, 20, 20, 5)).astype("float32")
    near = rng.random((2, 20, 20)) < 0.3
    smoothing = (np.asarray(dn.stencil.smoothing(filters)) * u)[near][:, 0]
    mean_free = np.asarray(dn.stencil.apply(u, dn.stencil.mean_free(filters)))[near][:, 0]
    expected = np.linalg.norm(smoothing) / np.linalg.norm(mean_free)
    found = deconvolution.of_filters([filters, 2 * filters], [u, u], near)["regulariser_of_update"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_ring_is_measured_around_the_disk_in_its_contrast():
    disks = dn.data.disks(5, seed=3).pixels[..., None]
    near = deconvolution.near_edges(np.asarray(deconvolution.blur(disks)), disks)
    inside = disks[..., 0] > 0
    state = disks.copy()
    state[~inside & near] = -0.3 * 0.5
    state[~near & ~inside] = -9.0  # far from the disk
    state[inside] -= 9.0  # within it
    contrast = disks.max(axis=(1, 2, 3))
    np.testing.assert_allclose(deconvolution.negative_ring(state, disks, near), 0.15 / contrast, rtol=1e-6)
    assert (deconvolution.negative_ring(disks, disks, near) == 0).all()
    assert (deconvolution.negative_ring(disks + 0.1, disks, near) < 0).all()


def test_high_frequencies_are_those_above_half_of_the_highest(rng):
    disks = rng.normal(size=(3, 32, 32, 1))
    spectrum = np.fft.fft2(disks[..., 0])
    frequency = np.abs(np.fft.fftfreq(32))
    low = np.maximum(frequency[:, None], frequency) <= 0.25
    blurred = np.fft.ifft2(spectrum * low).real[..., None]
    half = blurred + 0.5 * (disks - blurred)
    energy, error = deconvolution.high_frequencies([blurred, half, disks], disks)
    np.testing.assert_allclose(energy, np.tile([0, 0.25, 1], (3, 1)), atol=1e-9)
    np.testing.assert_allclose(error, np.tile([1, 0.25, 0], (3, 1)), atol=1e-9)
    np.testing.assert_allclose(deconvolution.gained(energy), [0.25, 0.75])
    wave = np.cos(2 * np.pi * 8 / 32 * np.arange(32))[None, :, None, None] + disks[:1] * 0  # just not high
    assert deconvolution.high_frequencies([wave], disks[:1])[0] == pytest.approx(0, abs=1e-9)


def test_a_layer_that_takes_energy_away_gains_less_than_nothing():
    np.testing.assert_allclose(deconvolution.gained(np.array([[0.0, 3.0, 2.0], [0.0, 5.0, 2.0]])), [2.0, -1.0])


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(deconvolution, "TRAIN", 12)
    monkeypatch.setattr(deconvolution, "TEST", 6)
    return execute(fig05_deconvolution_layers, tmp_path), tmp_path


def test_a_network_is_measured_anew_beside_its_training(small):
    """Nothing is trained; the record keeps the commit of the training, and names that of the measurement."""
    (first, arrays), root = small
    kept = root / "fig05" / records.RECORD
    network = (root / "fig05" / records.MODEL).read_bytes()
    record = json.loads(kept.read_text()) | {"commit": "of the training", "opposite_signs": [7.0], "by_hand": 1}
    del record["negative_ring"]
    kept.write_text(json.dumps(record))
    again, arrays_again = execute(fig05_deconvolution_layers, root, measure=True, steps=999)
    assert again["commit"] == "of the training" and again["by_hand"] == 1 and again["steps"] == first["steps"]
    assert again["measured"]["commit"] == options(fig05_deconvolution_layers, root).commit
    for name in ("results", "opposite_signs", "opposite_to_each", "negative_ring", "high_frequencies"):
        assert again[name] == first[name], name
    assert arrays.keys() == arrays_again.keys() and (root / "fig05" / records.MODEL).read_bytes() == network
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], arrays_again[name])
    assert len(arrays["ring"]) == 6 and arrays["high_energy"].shape == (6, 5)
    assert again["negative_ring"]["share"] == np.mean(arrays["ring"] > 0.01)


def test_what_keeps_no_network_is_not_measured_anew(tmp_path):
    with pytest.raises(ValueError, match="fig13 keeps no network that it measures anew"):
        execute(fig13_smoothing, tmp_path, measure=True)
    with pytest.raises(FileNotFoundError, match=r"holds no record.json"):
        execute(fig05_deconvolution_layers, tmp_path, measure=True)


def test_the_committed_network_was_measured():
    """The numbers of Section 5.1 follow from its arrays, which checks may go by."""
    record, arrays = records.load(ROOT / "results" / "fig05")
    assert record["commit"] != record["measured"]["commit"]
    np.testing.assert_allclose(
        deconvolution.gained(arrays["high_energy"][:, :-1]), record["high_frequencies"]["gained"], rtol=1e-4
    )
    assert record["negative_ring"]["median"] == pytest.approx(np.median(arrays["ring"]), rel=1e-5)
    assert len(record["opposite_to_each"]) == len(record["regulariser"]) == 3 == len(arrays["states"])
