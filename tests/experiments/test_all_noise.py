"""One network for all noise: what the experiment records is true, and what is made of it."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import files, metrics
from diffnet_tf.files import model_files
from diffnet_tf.networks import presets
from experiments import all_noise
from experiments.lib import captions, measure, study
from tests.conftest import slow, tensorflow_only
from tests.small_experiments import execute


@tensorflow_only
@pytest.mark.slow
def test_the_record_is_of_the_networks_that_are_kept(tmp_path, monkeypatch):
    """Part by part; finished trainings are not repeated; the network that is told σ is told the true one."""
    monkeypatch.setattr(presets, "from_preset", lambda name: dn.models.DiffNet(2, 2, 4, initial_scale=0.01))
    record, _ = execute(all_noise, tmp_path, only="blind,preset")
    assert [kept["name"] for kept in record["runs"]] == ["blind", "preset-0", "preset-0.01"]
    trained, train = [], study.train
    monkeypatch.setattr(study, "train", lambda *a, **k: trained.append(k) or train(*a, **k))
    record, arrays = execute(all_noise, tmp_path)
    assert [options["noise"] for options in trained] == [(0.0, 0.1), 0.0, 0.01]
    assert [options["noise_map"] for options in trained] == [True, False, False]
    runs = {kept["name"]: kept for kept in record["runs"]}
    assert list(runs) == ["blind", "conditioned", "specialist-0", "specialist-0.01", "preset-0", "preset-0.01"]
    for name, kept in runs.items():
        means = [result["psnr"]["mean"] for result in kept["results"]]
        np.testing.assert_allclose(arrays[f"psnr_{name}"].mean(1), means, atol=1e-3)
    test = dn.data.open_images("skimage", split="test", limit=8)
    for name in ("blind", "conditioned"):
        model = model_files.load(tmp_path / all_noise.NAME / "runs" / f"{name}-smoke.keras")
        options = {"noise": 0.01, "seed": measure.TEST_SEED, "noise_map": name == "conditioned"}
        inputs, targets = dn.data.paired_arrays(test, **options)
        found = metrics.psnr(targets, model.predict(inputs, verbose=0))
        np.testing.assert_allclose(arrays[f"psnr_{name}"][1], found, atol=2e-3)
    assumed = runs["conditioned"]["assumed"]
    told_the_truth = assumed["psnr"][assumed["factors"].index(1.0)]
    assert told_the_truth == pytest.approx(runs["conditioned"]["results"][1]["psnr"]["mean"], abs=1e-4)


def run(network, noise=None, seed=0, steps=5, psnr=((50.0, 52.0), (30.0, 33.0)), **more):
    """A part as `study.finished` gives it."""
    levels = [0.0, 0.01] if noise is None else [noise]
    about = all_noise.Run(network, noise, seed)
    found = {"name": about.name, "network": network, "noise": noise, "seed": seed, "steps": steps, "levels": levels}
    return {**found, "budget": "cpu", "source": "s", "data": "a", "test_data": "b", "psnr": list(psnr), **more}


def test_of_each_network_the_run_with_most_steps_counts(tmp_path):
    runs = [run("preset", 0.0, steps=9, budget="preset", psnr=[[60.0, 61.0]])]
    runs += [run("specialist", 0.0, steps=1, psnr=[[55.0, 56.0]], versions={}), run("blind", seed=1, steps=90)]
    runs += [run("blind", steps=steps, psnr=[[steps, 1.0], [2.0, 3.0]]) for steps in (5, 50, 7)]
    result = all_noise.gather(runs, tmp_path)
    kept = [(kept["name"], kept["steps"]) for kept in result.record["runs"]]
    assert kept == [("blind", 50), ("specialist-0", 1), ("preset-0", 9)]
    assert result.record["budget"] == "cpu" and "versions" not in result.record["runs"][1]
    np.testing.assert_array_equal(result.arrays["psnr_blind"], [[50.0, 1.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match="Presets alone were measured"):
        all_noise.gather([run("preset", 0.0)], tmp_path)


def test_unets_stand_beside_on_the_same_test_images_only(tmp_path):
    """By their content where it is recorded, else by their names."""
    there = {"name": "UNet-inverse-0.01-9-0", "budget": "cpu", "steps": 800, "commit": None, "size": 9, "seed": 0}
    there |= {"task": {"problem": "inverse", "noise": 0.01}, "psnr": [30.0, 31.0]}
    there |= {"source": "s", "data": "a", "test_data": "b"}
    sets = [{"image_sets": {"test": {"sha256": content, "split": "all"}}} for content in "xy"]

    def noises(unet, **of_run):
        files.write_json(files.check_writable(tmp_path / "unet" / "runs") / "UNet.json", unet)
        return [found["noise"] for found in all_noise.gather([run("blind", **of_run)], tmp_path).record["unets"]]

    assert noises(there) == [0.01]
    assert noises(there | {"test_data": "c"}) == []
    assert noises(there | {"test_data": "c"} | sets[0], **sets[0]) == [0.01]
    assert noises(there | sets[1], **sets[0]) == []
    assert noises(there, psnr=[[50.0, 51.0, 52.0]] * 2) == []


def made_up(gap=0.0, unet=30.0, budget="cpu"):
    """(record, arrays) of two levels and three images, the blind network `gap` dB above the specialists."""
    psnr = np.array([[50.0, 52.0, 54.0], [30.0, 33.0, 36.0]])
    common = {"budget": "cpu", "seed": 0, "steps": 5, "recipe": {"name": "fast", "loss": "log", "batch_size": 8}}
    common["recipe"]["crop"] = 48
    results = [{"psnr": {"mean": 0.0, "n": 3}}]
    runs = [{"name": "blind", "network": "blind", "noise": None, "levels": [0.0, 0.01], **common, "results": results}]
    for level in (0.0, 0.01):
        runs.append(
            {"name": f"specialist-{level:g}", "network": "specialist", "noise": level, "levels": [level], **common}
        )
    unets = [{"noise": 0.01, "budget": budget, "steps": 800, "recipe": {"batch_size": 16, "crop": 48}}]
    arrays = {"psnr_blind": psnr + [[gap], [0.0]], "psnr_unet-0.01": psnr[1] - 33.0 + unet}
    arrays |= {"psnr_specialist-0": psnr[:1], "psnr_specialist-0.01": psnr[1:]}
    record = {"title": "t", "start": "s", "runs": runs, "unets": unets, "budget": "cpu", "source": "s", "note": None}
    return {**record, "data": "here", "test_data": "there", "commit": "0123456789"}, arrays


@slow
def test_the_figure_is_of_the_recorded_numbers():
    record, arrays = made_up(gap=-0.4)
    top, below, wrong = all_noise.draw(record, arrays).axes
    lines = {tuple(np.round(line.get_ydata(), 3)) for line in top.lines}
    assert {(51.6, 33.0), (52.0, 33.0), (30.0,)} <= lines
    assert (-0.4, 0.0) in {tuple(np.round(line.get_ydata(), 3)) for line in below.lines}
    assert wrong.texts[0].get_text() == "not run"
    assert "U-Net 800 steps of 16 crops of 48×48" in captions.provenance(record)
