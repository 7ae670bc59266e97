"""The ensemble: what the experiment records is true of the members that it keeps, and the verdicts on it."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import metrics
from diffnet_tf.evaluation import statistics
from diffnet_tf.files import model_files
from experiments import ensemble
from experiments.lib import beyond, beyond_verdicts, claims, networks, records, run
from tests.conftest import tensorflow_only
from tests.small_experiments import execute, set_flags, small


@tensorflow_only
def test_the_record_is_of_the_members_that_are_kept(tmp_path, monkeypatch):
    """One member after the other; the factor is of other images than those it is tried on."""
    monkeypatch.setattr(networks, "make", small)
    set_flags(tmp_path, "--only", "DiffNet-1")
    with pytest.raises(ValueError, match=r"1 member\(s\) of 2 are trained; expected at least 2"):
        ensemble.compute(run.Options(tmp_path / "ensemble"))
    trained, train = [], networks.train
    monkeypatch.setattr(networks, "train", lambda *a, **k: trained.append(k["seed"]) or train(*a, **k))
    record, arrays = execute(ensemble, tmp_path)
    assert trained == [0] and [member["seed"] for member in record["runs"]] == [0, 1]

    paths = sorted((tmp_path / "ensemble" / "runs").glob("*.keras"))
    images = dn.data.open_images("skimage", split="test", limit=8).pixels
    found = {}
    for name, part in (("fit", images[::2]), ("test", images[1::2])):
        inputs, targets = networks.test_pairs(ensemble.TASK, dn.data.GrayImages(part))
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


def made_up(root, coverage=0.88, gain=0.1):
    judged = {"coverage": coverage, "rms_error": 0.02, "rms_spread": 0.01, "factor": 1.0}
    record = {
        "budget": "cpu",
        "source": "s",
        "data": "here",
        "test_data": "there",
        "commit": None,
        "nominal_coverage": 0.884,
    }
    record |= {"as_it_is": judged, "rescaled": {**judged, "coverage": 0.885, "factor": 2.0}}
    record |= {"results": {"ensemble": {"n": 4}}, "rank_correlation": 0.3, "image_rank_correlation": 0.8}
    members = 30.0 + np.arange(20.0).reshape(5, 4)
    arrays = {"psnr_members": members, "psnr_ensemble": members.mean(0) + gain}
    records.save(root / "ensemble", record, arrays)


def test_verdicts(tmp_path):
    made_up(tmp_path, coverage=0.5)
    found = {claim.text: finding for claim, finding in claims.findings(tmp_path, beyond.CLAIMS)}
    verdicts = {text: finding.verdict for text, finding in found.items() if finding.verdict != claims.NOT_RUN}
    assert verdicts == {
        "the mean of 5 networks against one": claims.REPRODUCED,
        "± 2 spreads of 5 networks cover the error": claims.NOT_REPRODUCED,
        "the same, widened by a factor fitted on validation images": claims.REPRODUCED,
        "a larger spread is a larger error": claims.PARTIAL,
    }
    assert "50.0 % for 88.4 %" in found["± 2 spreads of 5 networks cover the error"].ours
    made_up(tmp_path, coverage=0.88, gain=-0.1)
    assert beyond_verdicts.ensemble_coverage("as_it_is")(tmp_path).verdict == claims.REPRODUCED
    assert beyond_verdicts.ensemble_gain(tmp_path).verdict == claims.NOT_REPRODUCED
