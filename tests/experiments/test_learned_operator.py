"""The learned operator: what the experiment records is of the networks, and what the ledger makes of it."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.networks import presets
from experiments import learned_operator
from experiments.lib import measure
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
