"""The ledger of claims: statistics against an oracle, verdicts from made-up records, and the command."""

import dataclasses
import json

import numpy as np
import pytest

import diffnet_tf as dn
import experiments
from diffnet_tf import __main__ as command_line
from experiments import fig12_centre_filters
from experiments.fig12_centre_filters import edge_width
from experiments.lib import ledger, records, registry, study, verdicts
from experiments.lib.options import STL10_REAL
from tests.conftest import ROOT, run_python

STL10 = {"test": {"sha256": STL10_REAL}}
COMMON = {
    "budget": "cpu",
    "source": "stl10_binary",
    "data": "here",
    "test_data": "there",
    "image_sets": STL10,
    "commit": "0123456789abcdef",
    "seed": 0,
}


def save(root, name, record, **arrays):
    records.save(root / name, {**COMMON, **record}, arrays)


def verdict(root, text):
    return next(row.finding for row in ledger.PAPER.rows(root) if row.claim.text.startswith(text))


def test_the_interval_is_of_the_authors_psnr(photographs, rng):
    """From per-image values alone: the value equals the metric on the images, over batches of 16."""
    targets = np.concatenate([photographs, 0.9 * photographs[:, ::-1], 0.8 * photographs[:, :, ::-1]])
    outputs = (targets + rng.normal(size=targets.shape) * rng.uniform(0.01, 0.1, (24, 1, 1, 1))).astype("float32")
    psnr = np.asarray(dn.metrics.psnr(targets, outputs))
    value, lower, upper = verdicts.interval(psnr, targets.min(axis=(1, 2, 3)), targets.max(axis=(1, 2, 3)))
    expected = [float(dn.metrics.authors_psnr(targets[b], outputs[b])) for b in (slice(0, 16), slice(16, 24))]
    assert value == pytest.approx(np.mean(expected), abs=1e-3)
    assert lower < value < upper


def test_the_interval_covers_as_often_as_it_says(rng):
    """Of 200 samples of 64 images, about 95 % of the intervals hold the value of a very large sample."""

    def sample(n):
        return rng.normal(30.0, 2.0, n), np.zeros(n), np.ones(n)

    truth = verdicts.interval(*sample(200_000), draws=1)[0]
    held = [
        lower <= truth <= upper for _, lower, upper in (verdicts.interval(*sample(64), draws=200) for _ in range(200))
    ]
    assert 0.86 <= np.mean(held) <= 0.99


@pytest.mark.parametrize(
    ("psnr", "expected", "words"),
    [
        (70.0, "reproduced", "70.00 dB"),
        (63.7, "reproduced", "equal within uncertainty"),
        (60.0, "not reproduced", "60.00"),
    ],
)
def test_a_psnr_is_judged_by_its_interval(psnr, expected, words, tmp_path, rng):
    values = psnr + rng.normal(size=64) * 0.5
    values += psnr - verdicts.interval(values, np.zeros(64), np.ones(64), draws=1)[0]
    summary = {"psnr": {"mean": float(values.mean()), "std": float(values.std()), "n": 64}}
    arrays = {"psnr_diffnet": values, "target_low": np.zeros(64), "target_high": np.ones(64)}
    save(tmp_path, "fig06", {"results": {"diffnet": summary}}, **arrays)
    found = verdict(tmp_path, "inverse, no noise: test PSNR")
    assert (found.verdict, found.n, found.budget, found.commit) == (expected, 64, "cpu", "0123456")
    assert words in found.ours and found.data == "here → there"
    others = {"test_data": "stl10_real", "image_sets": {"test": {"sha256": "0" * 64}}}  # by content, not by name
    save(tmp_path, "fig06", {"results": {"diffnet": summary}, **others}, **arrays)
    other = verdict(tmp_path, "inverse, no noise: test PSNR").verdict
    assert other == ("partial" if expected == "reproduced" else expected)


def test_without_records_nothing_was_run(tmp_path):
    for each in (ledger.PAPER, ledger.BEYOND):
        assert {row.finding.verdict for row in each.rows(tmp_path)} == {"not run"}


def fig10(*points):
    runs = []
    for network, size, psnr, budget in points:
        task, results = {"problem": "inverse", "noise": 0.0}, {"psnr": {"mean": psnr}, "authors_psnr": {"mean": psnr}}
        run = {"network": network, "task": task, "size": size, "budget": budget, "results": results}
        runs.append({**run, "steps": 1_000, "commit": f"{size:07}"})
    return {"runs": runs}


def test_networks_are_compared_with_all_images_only(tmp_path):
    text = "inverse, no noise: DiffNet − U-Net"
    save(tmp_path, "fig10", fig10(("DiffNet", 3600, 65.0, "cpu"), ("UNet", 100, 50.0, "cpu")))
    assert verdict(tmp_path, text).verdict == "not run"
    for other, budget, expected in (
        (62.5, "cpu", "partial"),
        (62.5, "paper", "reproduced"),
        (64.5, "cpu", "partial"),
        (64.5, "paper", "not reproduced"),
        (50.0, "paper", "not reproduced"),  # more than the paper's difference: the U-Net is not the paper's
    ):
        save(tmp_path, "fig10", fig10(("DiffNet", 3600, 65.0, "paper"), ("UNet", 3600, other, budget)))
        assert verdict(tmp_path, text).verdict == expected


@pytest.mark.parametrize(
    ("sizes", "budget", "expected"),
    [
        ({10: 60.0, 300: 64.0, 3600: 64.2}, "cpu", "reproduced"),
        ({10: 60.0, 300: 64.0, 3600: 64.2}, "9 steps", "partial"),
        ({10: 64.3, 300: 64.0, 3600: 64.2}, "cpu", "partial"),
        ({10: 64.3, 300: 60.0, 3600: 64.2}, "cpu", "not reproduced"),
        ({10: 64.3, 3600: 64.2}, "cpu", "not run"),
    ],
)
def test_few_images_are_enough_and_fewer_are_not(tmp_path, sizes, budget, expected):
    save(tmp_path, "fig10", fig10(*(("DiffNet", size, psnr, budget) for size, psnr in sizes.items())))
    found = verdict(tmp_path, "DiffNet is at its best")
    assert found.verdict == expected
    assert found.commit == ("" if expected == "not run" else f"{min(sizes):07} and {len(sizes) - 1} more")


def test_on_disks_of_our_own_a_claim_is_at_most_partial(tmp_path):
    for psnr, expected in ((90.0, "partial"), (80.0, "not reproduced")):
        quality = {"authors_psnr": {"mean": psnr, "std": 1.0, "n": 8}}
        results = {"train": quality, "test": quality}
        save(tmp_path, "fig05", {"paper_psnr": 86.24, "opposite_signs": [1.0, 0.95, 0.3], "results": results})
        assert verdict(tmp_path, "deconvolution of disks").verdict == expected
        assert verdict(tmp_path, "centre filter of opposite sign").verdict == "partial"


def test_lines_twice_as_wide_have_twice_the_width(rng):
    x = np.linspace(-200, 200, 401)
    narrow, wide = (np.tile(np.exp(-((x / width) ** 2)), (401, 1)) for width in (6, 12))
    assert edge_width(wide) == pytest.approx(2 * edge_width(narrow), rel=0.03)
    assert edge_width(3 * wide + 1) == pytest.approx(edge_width(wide), rel=1e-6)


def test_filters_are_judged_over_the_three_noises(tmp_path, rng):
    sources = [{"budget": "cpu", "data": "here"}]
    noise = rng.normal(size=(64, 64))
    widths = [[noise], [np.kron(noise[:32, :32], np.ones((2, 2)))], [np.kron(noise[:16, :16], np.ones((4, 4)))]]
    for order, expected in ((1, "reproduced"), (-1, "not reproduced")):
        levels = [[0.001, 0.002], [0.01, 0.02], [0.1, 0.2]][::order]
        save(tmp_path, "fig11", {"mean_modulus": levels, "weights": sources})
        save(tmp_path, "fig12", {"weights": sources}, filters=np.array(widths[::order]))
        assert verdict(tmp_path, "mean-free without noise").verdict == expected
        assert verdict(tmp_path, "edges in the centre filters").verdict == expected
    mixed = [[small, small] for (small,) in widths]
    mixed[0][1], mixed[2][1] = widths[1][0], widths[0][0]  # narrower in the second layer, wider on average
    save(tmp_path, "fig12", {"weights": sources}, filters=np.array(mixed))
    found = verdict(tmp_path, "edges in the centre filters")
    assert found.verdict == "partial" and "wider in 1 of 2 layers" in found.ours


def test_the_command_prints_every_claim(tmp_path, capsys):
    (tmp_path / "benchmarks" / "recipes").mkdir(parents=True)
    run = {"seconds": 600.0, "test_psnr": {"mean": 64.3}, "data": "here", "test_data": "there", "commit": "0" * 40}
    (tmp_path / "benchmarks" / "recipes" / "fast-63.72dB-0.json").write_text(json.dumps(run))
    assert command_line.main(["verify", "--results_dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out.splitlines()
    paper, beyond = (each.rows(tmp_path) for each in (ledger.PAPER, ledger.BEYOND))
    number = len(beyond)
    assert len(paper) == 17
    assert out[:2] == [
        f"The paper's claims: 17 claims, 1 reproduced, {len(paper) - 1} not run",
        f"Beyond the paper: {number} claims, {number} not run",
    ]
    for row in (*paper, *beyond):  # a line for each
        assert sum(f"{row.where}, {row.claim.text}" in line for line in out) == 1
    assert len(out) == 2 + len(paper) + number + 6  # the titles, and empty lines
    assert any(line.startswith("reproduced ") and "10.0 min (10.0–10.0)" in line for line in out)
    assert command_line.main(["verify", "--verbose", "--results_dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "REPRODUCED: Sec. 5, training time of DiffNet" in out and all(row.command in out for row in paper)


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
    assert "The paper's claims: 17 claims, " in run_python(WITHOUT_KERAS)


def test_bars_in_a_claim_do_not_break_its_row(tmp_path):
    lines = ledger.table(ledger.BEYOND, tmp_path).splitlines()
    assert {line.replace("\\|", "").count("|") for line in lines} == {8} and any("|Σζ\\|" in line for line in lines)


def test_an_unfinished_experiment_hides_no_claims(tmp_path, monkeypatch, capsys):
    """One without a TITLE is left out with a line; a check that fails, too; the others stand."""
    (tmp_path / "unfinished.py").write_text('NAME = "unfinished"\n')
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    broken = dataclasses.replace(fig12_centre_filters.CLAIMS[0], check=lambda record, arrays: record["nothing"])
    monkeypatch.setattr(fig12_centre_filters, "CLAIMS", (broken,))
    rows = ledger.PAPER.rows(ROOT / "results")
    assert len(rows) == 17 and [row.finding.ours for row in rows if row.where == "Fig. 12"] == ["its check fails"]
    errors = capsys.readouterr().err
    assert "unfinished is left out (ValueError: experiments.unfinished has no TITLE, compute, draw, caption" in errors
    assert "fig12" in errors and "KeyError: 'nothing'" in errors


def test_changed_code_is_told_from_its_commit():
    assert verdicts.short("0123456789+changes") == "0123456+" and verdicts.short("0123456789") == "0123456"


def test_parts_on_fewer_images_do_not_mix():
    def made(name, count, sha="a"):
        return {"file": name, "image_sets": {"test": {"sha256": sha, "count": count}}}

    runs = [made("smoke", 8), made("quick", 27), {"file": "of old"}]
    assert [run["file"] for run in study.on_most_images(runs)] == ["quick", "of old"]
    with pytest.raises(ValueError, match="of different test images"):
        study.on_most_images([made("one", 8), made("other", 8, "b")])
