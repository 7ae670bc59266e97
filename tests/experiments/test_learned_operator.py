"""The learned operator: what the experiment records is of the networks, and what the ledger makes of it."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.networks import presets
from experiments import learned_operator
from experiments.lib import beyond_operator, claims, networks, records
from tests.conftest import tensorflow_only
from tests.small_experiments import execute


@tensorflow_only
def test_the_record_is_of_the_layers(tmp_path, monkeypatch):
    """Change and row sums against the states and filters of the network itself, on the images that are meant."""
    small = {name: dn.models.DiffNet(2, 2, 4) for name in learned_operator.PRESETS}
    monkeypatch.setattr(presets, "from_preset", small.get)
    record, arrays = execute(learned_operator, tmp_path)
    clean = dn.data.load_images("skimage", split="test", limit=1)
    diffused, _ = dn.data.paired_arrays(clean, noise=0.01, seed=networks.TEST_SEED)
    for name, u in (("forward", clean), ("inverse-1pct", diffused)):
        model, found = small[name], record["presets"][name]
        assert found["time_steps"] == model.time_steps
        assert arrays[name].shape == (1, 2, len(record["quantities"]))
        states = [u, *(np.asarray(state) for state in model.states(u))]
        for number, filters in enumerate(model.filters(u)):
            layer = found["layers"][number]
            change = np.sqrt(np.mean((states[number + 1] - states[number]) ** 2))
            sums = model.time_steps[number] * np.asarray(filters).sum(-1)
            assert layer["change"]["mean"] == pytest.approx(change, rel=1e-4)
            assert layer["mean_sum"]["mean"] == pytest.approx(sums.mean(), rel=1e-4, abs=1e-7)
            assert layer["largest_sum"]["max"] == pytest.approx(abs(sums).max(), rel=1e-4)
            assert layer["radius"]["n"] == 1


def made_up(root, change=(1.0, 1.0), **values):
    """A record in which all presets have the same two layers."""
    layers = [
        {"change": {"mean": size}, **{name: {"mean": pair[k], "max": pair[k]} for name, pair in values.items()}}
        for k, size in enumerate(change)
    ]
    noises = {"forward": 0.0, **{name: noise for name, noise in learned_operator.PRESETS.items()}}
    found = {name: {"noise": noise, "layers": layers} for name, noise in noises.items()}
    common = {"budget": "cpu", "source": "s", "data": "here", "test_data": "there", "commit": "0123456789"}
    records.save(root / "learned-operator", {**common, "images": 3, "presets": found}, {})
    return found


@pytest.mark.parametrize(
    ("change", "pearson", "expected"),
    [
        ((1.0, 1.0), (0.95, 0.91), claims.REPRODUCED),
        ((1.0, 1.0), (0.95, 0.89), claims.PARTIAL),
        ((1.0, 0.009), (0.95, 0.0), claims.REPRODUCED),  # a layer that does nothing says nothing
        ((1.0, 0.011), (0.95, 0.0), claims.PARTIAL),
        ((1.0, 1.0), (-0.95, -0.95), claims.NOT_REPRODUCED),
    ],
)
def test_verdicts_are_of_the_layers_that_work(tmp_path, change, pearson, expected):
    made_up(tmp_path, change, pearson=pearson)
    found = beyond_operator.follows("forward", 1)(tmp_path)
    assert (found.verdict, found.n, found.data, found.commit) == (expected, 3, "here → there", "0123456")
    assert f"{np.sum(np.array(change) > 0.01)} of 2 layers work" in found.ours
    made_up(tmp_path, change, pearson=[-value for value in pearson])
    assert beyond_operator.follows("inverse", -1)(tmp_path).verdict == expected


def test_verdicts_of_stability_and_symmetry(tmp_path):
    made_up(tmp_path, radius=(1.0, 1.0009), asymmetry=(0.1, 0.02))
    assert beyond_operator.stable(tmp_path).verdict == claims.REPRODUCED
    assert beyond_operator.symmetric("inverse")(tmp_path).verdict == claims.REPRODUCED
    made_up(tmp_path, radius=(1.0, 1.0011), asymmetry=(0.11, 0.12))
    assert beyond_operator.stable(tmp_path).verdict == claims.PARTIAL
    assert beyond_operator.symmetric("inverse")(tmp_path).verdict == claims.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("sums", "expected"), [((0.1, 0.2, 0.3), claims.REPRODUCED), ((0.1, 0.3, 0.2), claims.NOT_REPRODUCED)]
)
def test_the_verdict_on_row_sums_is_in_the_order_of_the_noise(tmp_path, sums, expected):
    found = made_up(tmp_path, largest_sum=(0.0, 0.0))
    for name, value in zip(("inverse", "inverse-0.1pct", "inverse-1pct"), sums):
        found[name] = {**found[name], "layers": [{"change": {"mean": 1.0}, "largest_sum": {"mean": value}}]}
    record, _ = records.load(tmp_path / "learned-operator")
    records.save(tmp_path / "learned-operator", {**record, "presets": dict(reversed(found.items()))}, {})
    assert beyond_operator.smoothing(tmp_path).verdict == expected
    with pytest.raises(FileNotFoundError):
        beyond_operator.smoothing(tmp_path / "nowhere")
