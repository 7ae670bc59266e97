"""Short runs: they replace no longer one, mix with no other, and say nothing against a claim."""

import json
import shutil

import pytest

from experiments import fig06_samples, fig11_filter_sums, generalisation
from experiments.lib import records, run, samples, weights
from experiments.lib.options import Options
from tests.conftest import ROOT

LONG = {"budget": "cpu", "steps": 72_000, "recipe": {"name": "fast"}}


def options(root, experiment=fig06_samples, **changes):
    return Options(experiment.NAME, root, **{"budget": "smoke", **changes})


@pytest.mark.parametrize(
    ("there", "changes", "refused"),
    [
        (LONG, {}, "72,000 steps; this one has 4"),
        (LONG, {"budget": "cpu", "steps": 71_999}, "72,000 steps; this one has 71,999"),
        (LONG, {"budget": "cpu"}, None),
        (LONG, {"budget": "paper"}, None),
        (LONG, {"force": True}, None),
        ({**LONG, "steps": 3}, {}, None),
    ],
)
def test_a_short_run_does_not_replace_a_longer_one(there, changes, refused, tmp_path):
    records.save(tmp_path / "fig06", there, {})
    if refused is None:
        run.refuse_to_shorten(fig06_samples, options(tmp_path, **changes))
        return
    with pytest.raises(ValueError, match=refused):
        run.execute(fig06_samples, options(tmp_path, **changes))
    assert json.loads((tmp_path / "fig06" / records.RECORD).read_text()) == there


def test_without_steps_budgets_are_compared(tmp_path):
    records.save(tmp_path / generalisation.NAME, {"budget": "cpu"}, {})
    with pytest.raises(ValueError, match="budget cpu; this one is smoke"):
        run.refuse_to_shorten(generalisation, options(tmp_path, generalisation))
    run.refuse_to_shorten(generalisation, options(tmp_path, generalisation, budget="paper"))


@pytest.mark.parametrize(
    ("place", "seed", "there", "advice"),
    [
        ("", 2, 0, "{root}/seeds/2"),
        ("", 2, 2, None),
        ("", 0, 1, None),  # its own place is this one
        ("seeds/1", 2, 1, "{root}/seeds/2"),
        ("seeds/1", 0, 1, "{root}"),
        ("seeds/2", 2, 1, None),
    ],
)
def test_another_seed_has_a_place_of_its_own(place, seed, there, advice, tmp_path):
    records.save(tmp_path / place / "fig06", LONG | {"seed": there}, {})
    with pytest.raises(ValueError) as error:
        run.refuse_to_shorten(fig06_samples, options(tmp_path / place, seed=seed))
    end = f" Another seed goes to {advice.format(root=tmp_path)}." if advice else "--force to replace the longer one."
    assert str(error.value).endswith(end)


def test_after_a_further_seed_the_claims_are_checked_with_all(tmp_path):
    for place in ("", "seeds/2"):
        lines = run._advice(fig06_samples, options(tmp_path / place), {"budget": "cpu"})
        assert f"Check the claims: python -m diffnet_tf verify --results-dir {tmp_path}" in lines


def copied(root, *names):
    for name in names:
        (root / name).mkdir(parents=True)
        for kept in (records.RECORD, records.ARRAYS, records.MODEL):
            shutil.copy(ROOT / "results" / name / kept, root / name)


def test_networks_of_a_figure_come_from_one_folder_and_one_budget(tmp_path, capsys):
    names = ["fig06", "inverse-0.1pct", "fig07"]
    own = weights.find_alike(names, tmp_path)  # the project's: the folder is empty
    assert [source["steps"] for _, source in own] == [72_000, 72_000, 30_000] and not capsys.readouterr().out
    copied(tmp_path, *names[:2])
    weights.find_alike(names, tmp_path)
    said = capsys.readouterr().out
    assert f"{tmp_path} holds fig06 (budget cpu, seed 0, photos96), inverse-0.1pct (budget cpu, seed 0," in said
    copied(tmp_path, "fig07")
    weights.find_alike(names, tmp_path)
    assert not capsys.readouterr().out
    record = json.loads((tmp_path / "fig07" / records.RECORD).read_text())
    for change in ({"budget": "smoke"}, {"seed": 1}, {"data": "others"}, {"source": "skimage"}):
        (tmp_path / "fig07" / records.RECORD).write_text(json.dumps(record | {"commit": "here"} | change))
        found = weights.find_alike(names, tmp_path)
        assert "here" not in [source["commit"] for _, source in found]
        assert "expected fig06, inverse-0.1pct, fig07 of one" in capsys.readouterr().out


def test_figure_11_does_not_mix_a_smoke_run_with_long_ones(tmp_path):
    copied(tmp_path, "fig06")
    record = json.loads((tmp_path / "fig06" / records.RECORD).read_text())
    (tmp_path / "fig06" / records.RECORD).write_text(json.dumps(record | {"budget": "smoke", "steps": 4}))
    result = fig11_filter_sums.compute(options(tmp_path, fig11_filter_sums))
    assert {source["budget"] for source in result.record["weights"]} == {"cpu"}


def made():
    psnr = {"degraded": 30.0, "diffnet": 58.45, "fixed_point": 63.7}
    results = {name: {"psnr": {"mean": of, "n": 27}, "authors_psnr": {"mean": of - 0.4}} for name, of in psnr.items()}
    record = {"problem": "inverse", "noise": 0.0, "paper_psnr": 63.72, "results": results, "note": "crops."}
    return record | {"steps": 2_400, "training_images": 459, "title": "Figure 6"}


def test_the_report_of_a_run_says_what_was_learned_from_what():
    text = samples.report(made())
    assert "2,400 steps on 459 images" in text and "crops." in text and "27 other images" in text
    assert "equal by chance" not in text


def test_the_papers_psnr_stands_beside_the_authors_psnr():
    """The paper's is over batches; ours per image is higher."""
    per_image, authors = samples.report(made()).split("The authors' PSNR, over batches, which is what the paper gives:")
    assert "58.45 dB  DiffNet" in per_image and "63.72" not in per_image
    assert [line.split()[0] for line in authors.split("\n")[1:3]] == ["58.05", "63.72"]
    assert "The authors' PSNR: DiffNet 58.05 dB, the paper's 63.72 dB." in samples.caption(made())
    own = made() | {"paper_psnr": None}
    assert "paper" not in samples.report(own) + samples.caption(own)
