"""What the README says is true: its code runs, and its numbers are those of the records."""

import re

import pytest

from diffnet_tf import records
from tests.conftest import ROOT, run_python, tensorflow_only

README = (ROOT / "README.md").read_text()


@tensorflow_only
def test_the_code_runs_as_it_stands(tmp_path):
    """All Python blocks in their order, in one fresh process. (They save a model: in a folder of their own.)"""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 4
    code = f"import os, sys; sys.path.insert(0, os.getcwd()); os.chdir({str(tmp_path)!r})\n" + "\n".join(blocks)
    run_python(code)
    assert (tmp_path / "mine.keras").exists()


@pytest.mark.parametrize("name", ["fig06", "fig07"])
def test_its_numbers_are_those_of_the_records(name):
    record, _ = records.load(ROOT / "results" / name)
    results = record["results"]
    assert f"**{results['diffnet']['psnr']['mean']:.2f} dB**" in README
    for method in ("degraded", "diffnet", "fixed_point"):
        assert results_row(record, method) in README


def test_what_the_quick_budget_reaches_is_in_its_records():
    means = [
        records.load(ROOT / "results" / "quick" / n)[0]["results"]["diffnet"]["psnr"]["mean"]
        for n in ("fig06", "fig07")
    ]
    assert "about {:.0f} dB and {:.0f} dB".format(*means) in README


def results_row(record, method):
    """A row of the README's table of results."""
    result = record["results"][method]
    iterations = record["fixed_point_iterations"]
    label = {
        "degraded": "diffused" + (f", {100 * record['noise']:g} % noise" if record["noise"] else ""),
        "diffnet": f"DiffNet, {record['steps']:,} steps, {record['training_seconds'] / 60:.0f} min",
        "fixed_point": f"fixed point, {iterations} iteration{'s' * (iterations != 1)}",
    }[method]
    psnr, ssim, cost = result["psnr"], result["ssim"], result.get("milliseconds_per_image")
    milliseconds = f"{cost['median']:.1f}" if cost else ""
    return (
        f"| {label} | {record['title'].split()[-1]} | {psnr['mean']:.2f} ± {psnr['std']:.2f} (min {psnr['min']:.2f}) "
        f"| {result['authors_psnr']['mean']:.2f} | {ssim['mean']:.5f} | {milliseconds} |"
    )


def test_every_command_and_file_it_names_exists():
    for path in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m ([\w.]+)", README):
        assert (ROOT / (module.replace(".", "/") + ".py")).exists(), module
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
