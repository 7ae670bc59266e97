"""The README is short, and the tables of all pages are those of the records. (Code and links: test_pages.py.)"""

from pathlib import Path

import numpy as np
import pytest

from experiments import readme
from experiments.lib import records, seeds
from tests import pages
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_it_is_a_front_door():
    """Short enough to be read: everything else is a page of docs/."""
    assert len(README.splitlines()) <= 150 and len(README.encode()) < 8_000


@pytest.mark.parametrize(
    "path", [path.relative_to(ROOT) for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]], ids=str
)
def test_tables_and_alt_texts_are_those_of_the_records(path):
    text = (ROOT / path).read_text()
    tables = readme.TABLES.get(path, {})
    assert readme.described(readme.refreshed(text, ROOT / "results", tables), ROOT / "results") == text


def test_an_alt_text_is_the_experiments():
    old = "before ![old](../results/fig06/figure.png) and ![kept](pictures/cover.png)"
    new = readme.described(old, ROOT / "results")
    assert "![old]" not in new and "(../results/fig06/figure.png) and ![kept](pictures/cover.png)" in new
    assert "DiffNet" in new and readme.described(new, ROOT / "results") == new


def test_a_readme_without_a_place_for_a_table_is_refused():
    tables = readme.TABLES[Path("README.md")]
    with pytest.raises(ValueError, match="The text has no place for the table 'headline': <!-- headline -->"):
        readme.refreshed(README.replace("<!-- headline -->", ""), ROOT / "results", tables)


def test_the_table_of_results_shows_every_method_and_seed(tmp_path):
    """The network as the mean over seeds with the lowest and the highest; what is not trained once."""
    for seed, mean in ((0, 44.0), (1, 45.0)):
        psnr = {"mean": mean, "std": 2.0, "min": 40.125, "n": 3}
        result = {"psnr": psnr, "authors_psnr": {"mean": mean - 1}, "ssim": {"mean": 0.98765432}}
        results = {"degraded": result, "diffnet": result}
        record = {"title": "Little", "problem": "inverse", "noise": 0.001, "fixed_point_iterations": 1, "seed": seed}
        record |= {"results": results, "steps": 72_000, "training_seconds": 3600.0 + seed, "budget": "cpu"}
        record |= {"recipe": {"name": "fast"}}
        record |= {"source": "s", "data": "a", "test_data": "b", "training_images": 9}
        folder = tmp_path / "seeds" / "1" if seed else tmp_path
        records.save(folder / "inverse-0.1pct", record, {"target": np.zeros(1)})
    *_, task, degraded, diffnet = readme.samples(tmp_path).splitlines()
    assert task == "| **Little**: inverse, 0.1 % noise, 2 seeds |  |  |  |"
    assert degraded == "| the network's input | 44.00 ± 2.00 | 43.00 | 0.98765 |"
    expected = "44.50 ± 2.00 (44.00–45.00) | 43.50 (43.00–44.00) | 0.98765 |"
    assert diffnet == f"| DiffNet, 72,000 steps, 60 min | {expected}"


def test_what_the_quick_budget_reaches_is_in_its_record():
    results = records.load(ROOT / "results" / "quick" / "fig06")[0]["results"]
    before, after = (results[kind]["psnr"]["mean"] for kind in ("degraded", "diffnet"))
    assert f"from {before:.1f} to {after:.1f} dB" in README


def test_what_rounding_costs_is_in_its_record():
    results = records.load(ROOT / "results" / "rounding")[0]["results"]
    text = pages.text("docs/restore.md")
    for preset in ("inverse", "inverse-0.1pct"):
        assert f"{results[preset]['8 bits']['psnr']['mean']:.1f} dB" in text


def test_what_the_report_says_of_the_two_psnrs_is_in_the_records():
    """How much the mean of the images' own PSNRs is above that of the authors, over all DiffNets of `samples`."""
    trained = [record for name in readme.SAMPLES for record, _ in seeds.trainings(name, ROOT / "results")]
    results = [record["results"]["diffnet"] for record in trained]
    gaps = [result["psnr"]["mean"] - result["authors_psnr"]["mean"] for result in results]
    text = (ROOT / "docs" / "reproduction.md").read_text().replace("\n  ", " ")
    assert f"own PSNRs is {min(gaps):.1f} to {max(gaps):.1f} dB higher for our DiffNets" in text
