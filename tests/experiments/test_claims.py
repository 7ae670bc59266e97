"""The ledger of claims: statistics against an oracle, verdicts from made-up records, and tables."""

import dataclasses

import numpy as np
import pytest

import diffnet_tf as dn
import experiments
from experiments import fig12_centre_filters
from experiments.lib import ledger, ledger_tables, registry, study, verdicts
from tests.conftest import ROOT, run_python


def test_the_interval_is_of_the_authors_psnr(photographs, rng):
    """From per-image values alone: the value equals the metric on the images, over batches of 16."""
    targets = np.concatenate([photographs, 0.9 * photographs[:, ::-1], 0.8 * photographs[:, :, ::-1]])
    outputs = (targets + rng.normal(size=targets.shape) * rng.uniform(0.01, 0.1, (24, 1, 1, 1))).astype("float32")
    psnr = np.asarray(dn.metrics.psnr(targets, outputs))
    extremes = targets.min(axis=(1, 2, 3)), targets.max(axis=(1, 2, 3))
    found = verdicts.authors_psnr(psnr, *extremes)
    expected = [float(dn.metrics.authors_psnr(targets[b], outputs[b])) for b in (slice(0, 16), slice(16, 24))]
    assert found.value == pytest.approx(np.mean(expected), abs=1e-3)
    assert found.low < found.value < found.high
    other = verdicts.authors_psnr(psnr + 2.0, *extremes)
    both = verdicts.authors_psnr(np.stack([psnr, psnr + 2.0]), *extremes)  # of two seeds: the mean of both
    assert both.value == pytest.approx((found.value + other.value) / 2, abs=1e-9)


def test_intervals_are_of_95_per_cent(rng):
    """Of many images they are as wide as the normal distribution says, 1.96 standard errors to each side."""
    values = rng.normal(30.0, 2.0, 1_000)
    error = values.std() / np.sqrt(values.size)
    flat = np.zeros(values.size), np.ones(values.size)
    near = np.full(values.size, 30.0) + (values - values.mean()) / 100  # so near that the authors' mean is linear
    for found, scale in (
        (verdicts.mean(values), 1),
        (verdicts.difference(values, np.zeros((3, 1_000))), 1),
        (verdicts.authors_psnr(near, *flat), 100),
    ):
        assert found.high - found.value == pytest.approx(1.96 * error / scale, rel=0.1)
        assert found.value - found.low == pytest.approx(1.96 * error / scale, rel=0.1)


@pytest.mark.slow
def test_an_interval_covers_as_often_as_it_says(rng):
    """Of 300 samples of 64 images, about 95 % of the intervals hold the true mean."""
    samples = rng.normal(30.0, 2.0, (300, 64))
    held = [found.low <= 30.0 <= found.high for found in map(verdicts.mean, samples)]
    assert 0.88 <= np.mean(held) <= 0.975


def test_what_several_parts_say_together():
    holds, fails, unsure = verdicts.HOLDS, verdicts.FAILS, verdicts.OPEN
    assert verdicts.agreed([holds, unsure, fails]) == fails and verdicts.agreed([holds, unsure]) == unsure
    assert verdicts.agreed([True, True]) == holds and verdicts.agreed([True, False]) == fails
    assert [verdicts.of_each_seed(each) for each in ([True], [False] * 2, [True, False])] == [holds, fails, unsure]
    for nothing in (verdicts.agreed, verdicts.of_each_seed):
        with pytest.raises(verdicts.NotRun):
            nothing([])


def test_commands_name_experiments_that_exist():
    for name, module in registry.names().items():
        assert (ROOT / "experiments" / f"{module}.py").exists()
        assert name == registry.get(name).NAME and registry.get(name).TITLE


WITHOUT_KERAS = """
import sys
for name in ("keras", "tensorflow", "jax", "skimage", "scipy"):
    sys.modules[name] = None  # importing it fails
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "keras" else find(name, *a)
from experiments.lib import ledger
print(ledger.text("results"))
"""


def test_the_ledger_needs_no_keras():
    assert "The paper's claims (" in run_python(WITHOUT_KERAS)


def test_bars_in_a_claim_do_not_break_its_row(tmp_path):
    lines = ledger_tables.of_sections("goal", ledger.BEYOND.rows(tmp_path)).splitlines()
    lines = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines} == {6} and any("|Σζ\\|" in line for line in lines)


def test_an_unfinished_experiment_hides_no_claims(tmp_path, monkeypatch, capsys):
    """One without a TITLE is left out with a line; a check that fails is told in its row; the others stand."""
    (tmp_path / "unfinished.py").write_text('NAME = "unfinished"\n')
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    broken = dataclasses.replace(fig12_centre_filters.CLAIMS[0], check=lambda record, arrays: record["nothing"])
    monkeypatch.setattr(fig12_centre_filters, "CLAIMS", (broken,))
    rows = ledger.PAPER.rows(ROOT / "results")
    (finding,) = [row.finding for row in rows if row.where == "Fig. 12"]
    assert finding.answer == ledger.BROKEN and finding.ours.endswith("fig12: its check fails (KeyError: 'nothing')")
    assert len({row.where for row in rows}) > 10
    errors = capsys.readouterr().err
    assert (
        "unfinished is left out (ValueError: experiments.unfinished has no TITLE, compute, draw, caption, alt" in errors
    )


def test_changed_code_is_told_from_its_commit():
    assert verdicts.shorten("0123456789+changes") == "0123456+" and verdicts.shorten("0123456789") == "0123456"


def test_parts_on_fewer_images_do_not_mix():
    def made(name, count, sha="a"):
        return {"file": name, "image_sets": {"test": {"sha256": sha, "count": count}}}

    runs = [made("smoke", 8), made("quick", 27), {"file": "of old"}]
    assert [run["file"] for run in study.on_most_images(runs)] == ["quick", "of old"]
    with pytest.raises(ValueError, match="of different test images"):
        study.on_most_images([made("one", 8), made("other", 8, "b")])
