"""One network for all noise: what the experiment records is true, and what is made of it."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import metrics
from diffnet_tf.files import model_files
from diffnet_tf.networks import presets
from experiments import all_noise
from experiments.lib import all_noise_figure, beyond_verdicts, claims, networks, records, run
from tests.conftest import tensorflow_only
from tests.small_experiments import execute, set_flags


@pytest.fixture
def small(monkeypatch):
    """Small networks in the place of the presets."""
    monkeypatch.setattr(presets, "from_preset", lambda name: dn.models.DiffNet(2, 2, 4, initial_scale=0.01))


@tensorflow_only
def test_the_record_is_of_the_networks_that_are_kept(small, tmp_path, monkeypatch):
    """Part by part; finished trainings are not repeated; the network that is told σ is told the true one."""
    record, _ = execute(all_noise, tmp_path, "--only", "blind")
    assert [kept["name"] for kept in record["runs"]] == ["blind", "preset-0", "preset-0.01"]
    trained, fit = [], dn.training.fit
    monkeypatch.setattr(dn.training, "fit", lambda *a, **k: trained.append(k) or fit(*a, **k))
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
        model = model_files.load(tmp_path / all_noise.NAME / f"{name}.keras")
        options = {"noise": 0.01, "seed": networks.TEST_SEED, "noise_map": name == "conditioned"}
        inputs, targets = dn.data.paired_arrays(test, **options)
        found = metrics.psnr(targets, model.predict(inputs, verbose=0))
        np.testing.assert_allclose(arrays[f"psnr_{name}"][1], found, atol=2e-3)
    assumed = runs["conditioned"]["assumed"]
    told_the_truth = assumed["psnr"][assumed["factors"].index(1.0)]
    assert told_the_truth == pytest.approx(runs["conditioned"]["results"][1]["psnr"]["mean"], abs=1e-4)
    assert not (tmp_path / all_noise.NAME / "checkpoint").exists()


@tensorflow_only
def test_a_name_of_no_run_is_refused(small, tmp_path):
    with pytest.raises(ValueError, match="--only nonsense names no run; names are blind, conditioned, specialist-0,"):
        set_flags(tmp_path, "--only", "nonsense")
        all_noise.compute(run.Options(tmp_path / "all-noise"))


def made_up(root, gap=0.0, unet=30.0, budget="cpu"):
    """A record of two levels and three images, the blind network `gap` dB above the specialists."""
    psnr = np.array([[50.0, 52.0, 54.0], [30.0, 33.0, 36.0]])
    common = {"budget": "cpu", "seed": 0, "steps": 5, "recipe": {"name": "fast", "loss": "log", "batch_size": 8}}
    common["recipe"]["crop"] = 48
    results = [{"psnr": {"mean": 0.0, "n": 3}}]
    runs = [{"name": "blind", "network": "blind", "noise": None, "levels": [0.0, 0.01], **common, "results": results}]
    for level in (0.0, 0.01):
        runs.append(
            {"name": f"specialist-{level:g}", "network": "specialist", "noise": level, "levels": [level], **common}
        )
    unets = [{"noise": 0.01, "budget": budget, "steps": 800}]
    arrays = {"psnr_blind": psnr + [[gap], [0.0]], "psnr_unet-0.01": psnr[1] - 33.0 + unet}
    arrays |= {"psnr_specialist-0": psnr[:1], "psnr_specialist-0.01": psnr[1:]}
    record = {"title": "t", "start": "s", "runs": runs, "unets": unets, "budget": "cpu", "source": "s", "note": None}
    records.save(root / "all-noise", {**record, "data": "here", "test_data": "there", "commit": "0123456789"}, arrays)


@pytest.mark.parametrize(
    ("gap", "expected"), [(0.5, claims.REPRODUCED), (-0.29, claims.REPRODUCED), (-0.31, claims.PARTIAL)]
)
def test_verdicts_on_the_specialists(tmp_path, gap, expected):
    made_up(tmp_path, gap)
    found = beyond_verdicts.one_for_all("blind", "specialist")(tmp_path)
    assert (found.verdict, found.n, found.data) == (expected, 3, "here → there")
    assert f"{gap:+.2f} at 0 %, +0.00 at 1 %" in found.ours
    with pytest.raises(FileNotFoundError):
        beyond_verdicts.one_for_all("conditioned", "specialist")(tmp_path)


@pytest.mark.parametrize(
    ("unet", "budget", "expected"),
    [
        (32.9, "cpu", claims.REPRODUCED),
        (32.9, "400 steps", claims.PARTIAL),
        (33.1, "cpu", claims.NOT_REPRODUCED),
    ],
)
def test_verdicts_on_the_unet(tmp_path, unet, budget, expected):
    made_up(tmp_path, unet=unet, budget=budget)
    found = beyond_verdicts.above_unet("blind")(tmp_path)
    assert found.verdict == expected and f"33.00 against {unet:.2f} dB at 1 %" in found.ours


def test_the_figure_is_of_the_recorded_numbers(tmp_path):
    made_up(tmp_path, gap=-0.4)
    record, arrays = records.load(tmp_path / "all-noise")
    top, below, wrong = all_noise.draw(record, arrays).axes
    lines = {tuple(np.round(line.get_ydata(), 3)) for line in top.lines}
    assert {(51.6, 33.0), (52.0, 33.0), (30.0,)} <= lines
    assert (-0.4, 0.0) in {tuple(np.round(line.get_ydata(), 3)) for line in below.lines}
    assert wrong.texts[0].get_text() == "not run"
    assert "U-Net: steps 800 at 1 %" in all_noise_figure.caption(record)


def test_of_each_network_the_run_with_most_steps_counts():
    runs = [{"name": "blind", "network": "blind", "noise": None, "steps": steps} for steps in (5, 50, 7)]
    runs.append({"name": "specialist-0", "network": "specialist", "noise": 0.0, "steps": 1, "versions": {}})
    kept = all_noise._most_steps(runs)
    assert [(run["name"], run["steps"]) for run in kept] == [("blind", 50), ("specialist-0", 1)]
    assert "versions" not in kept[1]
