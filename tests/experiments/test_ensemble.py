"""The ensemble: what the experiment records is true of the members that it keeps, and the verdicts on it."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import metrics
from diffnet_tf.evaluation import statistics
from diffnet_tf.files import model_files
from experiments import ensemble
from experiments.lib import measure, networks, study
from tests.conftest import tensorflow_only
from tests.small_experiments import execute, small


@tensorflow_only
@pytest.mark.slow
def test_the_record_is_of_the_members_that_are_kept(tmp_path, monkeypatch):
    """One member after the other; the factor is of other images than those it is tried on."""
    monkeypatch.setattr(networks, "make", small)
    with pytest.raises(ValueError, match="1 member trained, not measured together: train the others"):
        execute(ensemble, tmp_path, only="DiffNet-1")
    with pytest.raises(ValueError, match="DiffNet-0 of 2 members are not trained"):
        execute(ensemble, tmp_path, only="together")
    trained, train = [], study.train
    monkeypatch.setattr(study, "train", lambda *a, **k: trained.append(k["seed"]) or train(*a, **k))
    record, arrays = execute(ensemble, tmp_path)
    assert trained == [0] and [member["seed"] for member in record["runs"]] == [0, 1]

    paths = sorted((tmp_path / "ensemble" / "runs").glob("*.keras"))
    images = dn.data.open_images("skimage", split="test", limit=8)
    found = {}
    for name, part in (("fit", images[::2]), ("test", images[1::2])):
        inputs, targets = measure.pairs(ensemble.TASK, part)
        outputs = np.stack([model_files.load(path).predict(inputs, verbose=0) for path in paths])
        found[name] = (outputs, targets, statistics.spread(outputs), outputs.mean(0) - targets)
    factor = statistics.scale(*found["fit"][2:])
    outputs, targets, spread, error = found["test"]
    for name, expected in (("as_it_is", 1.0), ("rescaled", factor)):
        assert record[name]["factor"] == pytest.approx(expected, rel=1e-3)
        assert record[name]["coverage"] == pytest.approx(np.mean(np.abs(error) <= 2 * expected * spread), abs=2e-3)
    np.testing.assert_allclose(arrays["psnr_ensemble"], metrics.psnr(targets, outputs.mean(0)), rtol=1e-4)
    np.testing.assert_allclose(arrays["psnr_members"][1], metrics.psnr(targets, outputs[1]), rtol=1e-4)
    np.testing.assert_allclose(arrays["spread"], spread[record["image"], ..., 0], atol=1e-5)
    np.testing.assert_allclose(arrays["restored"] - arrays["target"], arrays["error"], atol=1e-6)


def test_the_ensemble_of_most_steps_is_gathered_with_its_own_members():
    members = [
        {"name": f"DiffNet-{seed}", "seed": seed, "steps": steps, "budget": budget}
        for seed in (0, 1, 2)
        for budget, steps in (("quick", 100), ("cpu", 400))
    ]
    measured = [
        {"name": "together", "members": 2, "seeds": [0, 1], "steps": steps, "budget": budget, "arrays": {}}
        for budget, steps in (("cpu", 400), ("quick", 100))
    ]
    members.append({"name": "DiffNet-1", "seed": 1, "steps": 500, "budget": "500 steps"})  # of no ensemble
    record = ensemble.gather([*members, *measured], None).record
    assert record["budget"] == "cpu"
    assert [(run["seed"], run["steps"]) for run in record["runs"]] == [(0, 400), (1, 400)]
