"""The learned operator: what the experiment records is of the networks, and what the ledger makes of it."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.networks import presets
from experiments import learned_operator
from experiments.lib import measure, verdicts
from tests.conftest import tensorflow_only
from tests.small_experiments import execute


@tensorflow_only
def test_the_record_is_of_the_layers(tmp_path, monkeypatch):
    """Change and row sums against the states and filters of the network itself, on the images that are meant."""
    two = tuple(each for each in learned_operator.LEARNED if each.preset in ("forward", "inverse-1pct"))
    small = {each.preset: dn.models.DiffNet(2, 2, 4) for each in two}
    monkeypatch.setattr(learned_operator, "LEARNED", two)
    monkeypatch.setattr(presets, "from_preset", small.get)
    record, arrays = execute(learned_operator, tmp_path)
    clean = dn.data.load_images("skimage", split="test", limit=1)
    diffused, _ = dn.data.paired_arrays(clean, noise=0.01, seed=measure.TEST_SEED)
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


def made_up(change=(1.0, 1.0), **values):
    """A record in which all presets have the same two layers."""
    layers = [
        {"change": {"mean": size}, **{name: {"mean": pair[k], "max": pair[k]} for name, pair in values.items()}}
        for k, size in enumerate(change)
    ]
    found = {setting.preset: {"noise": setting.noise, "layers": layers} for setting in learned_operator.LEARNED}
    common = {"budget": "cpu", "source": "s", "data": "here", "test_data": "there", "commit": "0123456789"}
    return {**common, "images": 3, "presets": found}


@pytest.mark.parametrize(
    ("change", "pearson", "expected"),
    [
        ((1.0, 1.0), (0.95, 0.91), verdicts.REPRODUCED),
        ((1.0, 1.0), (0.95, 0.89), verdicts.PARTIAL),
        ((1.0, 0.009), (0.95, 0.0), verdicts.REPRODUCED),  # a layer that does nothing says nothing
        ((1.0, 0.011), (0.95, 0.0), verdicts.PARTIAL),
        ((1.0, 1.0), (-0.95, -0.95), verdicts.NOT_REPRODUCED),
    ],
)
def test_verdicts_are_of_the_layers_that_work(change, pearson, expected):
    found = learned_operator.follows("forward", 1)(made_up(change, pearson=pearson), {})
    assert (found.verdict, found.n, found.data, found.commit) == (expected, 3, "here → there", "0123456")
    assert f"{np.sum(np.array(change) > 0.01)} of 2 layers work" in found.ours
    opposite = made_up(change, pearson=[-value for value in pearson])
    assert learned_operator.follows("inverse", -1)(opposite, {}).verdict == expected


@pytest.mark.parametrize(
    ("check", "quantity", "values", "expected"),
    [
        (learned_operator.stable("forward"), "radius", (1.0, 1.0009), verdicts.REPRODUCED),
        (learned_operator.stable("forward"), "radius", (1.0, 1.0011), verdicts.PARTIAL),
        (learned_operator.symmetric("inverse"), "asymmetry", (0.1, 0.02), verdicts.REPRODUCED),
        (learned_operator.symmetric("inverse"), "asymmetry", (0.11, 0.12), verdicts.NOT_REPRODUCED),
    ],
)
def test_verdicts_of_stability_and_symmetry(check, quantity, values, expected):
    assert check(made_up(**{quantity: values}), {}).verdict == expected


@pytest.mark.parametrize(
    ("sums", "expected"), [((0.1, 0.2, 0.3), verdicts.REPRODUCED), ((0.1, 0.3, 0.2), verdicts.NOT_REPRODUCED)]
)
def test_the_verdict_on_row_sums_is_in_the_order_of_the_noise(sums, expected):
    record = made_up()
    for name, value in zip(("inverse", "inverse-0.1pct", "inverse-1pct"), sums):
        layers = [{"change": {"mean": 1.0}, "largest_sum": {"mean": value}}]
        record["presets"][name] = {**record["presets"][name], "layers": layers}
    record["presets"] = dict(reversed(record["presets"].items()))
    assert learned_operator.smoothing(record, {}).verdict == expected
