"""The paper's protocol: trainings in two precisions that start alike, by two recipes, beside the recipe `fast`."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from diffnet_tf.base import backend
from diffnet_tf.training import recipes
from experiments import protocol, render
from experiments.lib import records, study
from tests.conftest import ROOT, slow
from tests.small_experiments import execute, options

RUN = {"steps": 10, "budget": "cpu", "recipe": {"name": "paper", "batch_size": 16}, "source": "s", "data": "d"}
RUN |= {"test_data": "t", "results": {"psnr": {"mean": 50.0, "n": 3}}, "times": [1.0, 3.0], "seed": 0}
RECIPE = {"name": "paper", **dataclasses.asdict(recipes.get("paper"))}
CORES, GPU = {"cores": 2}, {"cores": 16, "accelerators": ["NVIDIA H200"]}
HISTORY = [{"step": 5, "val_psnr": 40.0}, {"step": 10, "val_psnr": 50.0}]


def run(precision="float32", noise=0.0, of="paper", **changes):
    name = protocol.Run(precision, noise=noise, protocol=of).name
    about = {"name": name, "precision": precision, "noise": noise, "protocol": of, "history": HISTORY}
    return {**RUN, **about, "psnr": [50.0, 50.0, 50.0], "ssim": [1.0] * 3, "hardware": CORES, **changes}


@pytest.mark.parametrize("has", [True, False])
def test_the_paper_comes_first_and_bfloat16_where_the_device_has_it(has, tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "has_bfloat16", lambda: has)
    parts = protocol.parts(options(protocol, tmp_path))
    first = [f"DiffNet-{each}-inverse-{noise}" for noise in ("0", "0.01") for each in ("bfloat16", "float32")]
    expected = [*first, "DiffNet-float32-inverse-0-authors", "DiffNet-float32-inverse-0.01-authors"]
    assert [part.name for part in parts] == [name for name in expected if has or "bfloat16" not in name]
    assert {part.steps for part in parts} == {protocol.STEPS["smoke"]}


def test_finished_trainings_stay_valid(tmp_path, monkeypatch):
    """Those of before there were recipes: they have the same names, and as many steps as the budget."""
    monkeypatch.setattr(backend, "has_bfloat16", lambda: True)
    kept = {path.stem: json.loads(path.read_text()) for path in (ROOT / "results/protocol/runs").glob("*.json")}
    parts = {f"{part.name}-cpu": part for part in protocol.parts(options(protocol, tmp_path, budget="cpu"))}
    for name in ("DiffNet-float32-inverse-0-cpu", "DiffNet-bfloat16-inverse-0-cpu"):
        assert kept[name]["steps"] == parts[name].steps
    result = protocol.gather(study.finished(ROOT / "results/protocol"), ROOT / "results")
    runs = {run["name"]: run for run in result.record["runs"]}
    assert runs["DiffNet-float32-inverse-0"]["protocol"] == "paper"
    np.testing.assert_array_equal(result.arrays["psnr_float32"], result.arrays["psnr_DiffNet-float32-inverse-0"])
    assert [each["experiment"] for each in result.record["fast"]] == ["fig06", "fig07"]


def test_the_recipe_fast_stands_beside_if_measured_on_the_same_images(tmp_path):
    record = {**RUN, "experiment": "fig06", "noise": 0.0, "recipe": {"name": "fast"}, "training_images": 9}
    record |= {"history": HISTORY, "results": {"diffnet": RUN["results"]}, "times": [2.0, 4.0]}
    records.save(tmp_path / "fig06", record, {})
    records.save(tmp_path / "fig07", {**record, "experiment": "fig07", "noise": 0.01, "test_data": "others"}, {})
    result = protocol.gather([run(), run("bfloat16", 0.01), run(of="authors", hardware=GPU)], tmp_path)
    assert {each["device"] for each in result.record["runs"]} == {"2 cores", "NVIDIA H200"}
    assert [each["experiment"] for each in result.record["fast"]] == ["fig06"]
    assert result.record["fast"][0]["times"] == [2.0, 4.0]
    assert set(result.arrays) == {
        "psnr_float32",
        "psnr_DiffNet-float32-inverse-0",
        "psnr_DiffNet-bfloat16-inverse-0.01",
        "psnr_DiffNet-float32-inverse-0-authors",
    }


def test_curves_end_where_the_trainings_end():
    """Against steps and against time, at the pace of the fastest interval: here 0.2 s a step."""
    runs = [run(device="2 cores"), run("bfloat16", device="2 cores")]
    runs += [run(of="authors", device="NVIDIA H200", numerics={"float32_in_training": "TF32"})]
    fast = {**RUN, "experiment": "fig06", "noise": 0.0, "recipe": {"name": "fast"}, "steps": 40}
    fast |= {"history": [{"step": 40, "val_psnr": 60.0}], "times": [4.0]}
    record = {"title": "", "runs": runs, "fast": [fast], "note": "here"}
    figure = protocol.draw(record, {})
    ends = [[line.get_xdata()[-1] for line in axis.lines] for axis in figure.axes[:2]]
    np.testing.assert_allclose(ends[0], [0.010, 0.010, 0.010, 0.040])
    np.testing.assert_allclose(ends[1], [0.2 * 10 / 60] * 3 + [0.1 * 40 / 60])
    assert [axis.get_title() for axis in figure.axes[2:]] == ["1 % noise (paper: not run)"] * 2
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["paper", "paper, bfloat16", "authors, H200 (TF32)", "fast"]
    assert "no noise: paper 50.00, authors 50.00, fast 50.00 dB" in protocol.caption(record)


def test_times_of_two_machines_are_not_compared():
    """How much faster bfloat16 is can be said only if both precisions trained on one device."""
    psnr = {"psnr_float32": np.array([50.0, 51.0]), "psnr_bfloat16": np.array([50.1, 51.1])}
    for device, told in (("2 cores", True), ("NVIDIA H200", False)):
        alike = {"recipe": RECIPE, "training_images": 9, "parameters": 1}
        runs = [run(device="2 cores", **alike), run("bfloat16", device=device, **alike)]
        finding = protocol.equal({**RUN, "recipe": RECIPE, "runs": runs}, psnr)
        assert ("ms per step" in finding.ours) == told


def test_the_committed_record_draws(tmp_path):
    shutil.copytree(ROOT / "results" / "protocol", tmp_path / "protocol")
    assert all(path.exists() for path in render.refresh("protocol", tmp_path))


@slow
def test_both_precisions_are_trained_and_measured_in_float32(tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "has_bfloat16", lambda: True)
    found, psnr = execute(protocol, tmp_path)
    runs = found["runs"]
    without = [run for run in runs if run["noise"] == 0.0 and run["protocol"] == "paper"]
    assert [run["precision"] for run in without] == ["bfloat16", "float32"]
    assert [run["dtype"] for run in without] == ["mixed_bfloat16", "float32"]
    assert {run["name"]: run["recipe"]["name"] for run in runs}["DiffNet-float32-inverse-0.01-authors"] == "authors"
    assert len(runs) == 6 and all(run["recipe"]["batch_size"] == 8 and run["recipe"]["crop"] is None for run in runs)
    # Alike at the start, and a few steps later: precision is all that differs.
    np.testing.assert_allclose(psnr["psnr_bfloat16"], psnr["psnr_float32"], atol=2.0)
    assert not np.array_equal(psnr["psnr_bfloat16"], psnr["psnr_float32"])
