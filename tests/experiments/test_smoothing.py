"""Figure 13: levels that differ in their noise alone, several seeds, and the network that is given σ."""

import json

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.networks import presets, transfer
from experiments import fig13_smoothing
from experiments.fig13_smoothing import NOISES
from experiments.lib import measure, study, weights
from tests.conftest import tensorflow_only
from tests.small_experiments import execute, options

RECORD = {"budget": "cpu", "steps": 10, "images": 32, "recipe": {}, "start": {"preset": "inverse-1pct"}}


def run(noise, seed, smoothing, **more):
    """A made-up level: of two layers, whose sums cancel in the mean but not in their modulus."""
    results = {"psnr": {"mean": 40.0 - seed, "n": 5}}
    found = {"smoothing": [smoothing, 2 * smoothing], "signed": [-1e-3, 0.0], "modulus_of_mean": [1e-3, 0.0]}
    about = {"kind": "tuned", "name": f"tuned-{noise:g}-seed-{seed}", "noise": noise, "seed": seed}
    return {**RECORD, **about, **found, "results": results, "psnr": [40.0] * 5, **more}


@pytest.fixture
def tiny(monkeypatch):
    """A small network in the place of the preset, always the same."""
    model = dn.models.DiffNet(2, 2, 4)
    start = model.get_weights()

    def made(name):
        assert name == fig13_smoothing.START
        model = dn.models.DiffNet(2, 2, 4)
        model.set_weights(start)
        return model

    monkeypatch.setattr(presets, "from_preset", made)
    return made


@tensorflow_only
def test_every_level_has_the_same_start_and_as_many_steps(tiny, tmp_path, monkeypatch):
    """That without noise is trained, too. A folder of the former chain's levels is not mixed with these."""
    monkeypatch.setattr(weights, "COMMITTED", tmp_path / "none")
    former = tmp_path / "fig13" / "runs" / "level-0-smoke.json"
    former.parent.mkdir(parents=True)
    chosen = options(fig13_smoothing, tmp_path)
    chosen.images("train", 8), chosen.images("test", 8)
    former_level = {"name": "level-0", "noise": 0.0, "smoothing": [9.0], "steps": 9, "budget": "smoke"}
    former.write_text(json.dumps(former_level | chosen.provenance()))
    fit, starts, noises, steps = dn.training.fit, [], [], []

    def watched(model, *arguments, **pairs):
        starts.append(model.get_weights())
        noises.append(pairs["noise"])
        steps.append(pairs["steps"])
        return fit(model, *arguments, **pairs)

    monkeypatch.setattr(dn.training, "fit", watched)
    record, _ = execute(fig13_smoothing, tmp_path, steps=2)
    assert noises == [0.0, 0.001] and steps == [2, 2]
    for mine, other in zip(*starts):
        np.testing.assert_array_equal(mine, other)
    assert [level["noise"] for level in record["levels"]] == [0.0, 0.001] and record["seeds"] == [0]
    assert len(record["runs"]) == 2 and "conditioned" not in record and record["rank_correlation"] is None


def test_moduli_and_the_modulus_of_the_mean_are_told_apart(photographs):
    images = photographs[:3]
    model, task = dn.models.DiffNet(2, 2, 4), measure.Task("inverse", 0.01)
    found, _ = fig13_smoothing._look(model, task, images)
    inputs, _ = measure.pairs(task, images)
    u = inputs
    for k, layer in enumerate(model.diffusion_layers):
        after = np.asarray(layer(u))
        sums = float(np.asarray(layer.time_step)) * np.asarray(layer.filters(u)).sum(axis=-1)
        assert found["smoothing"][k] == pytest.approx(np.abs(sums).mean(), rel=1e-4)
        assert found["modulus_of_mean"][k] == pytest.approx(abs(sums.mean()), rel=1e-3, abs=1e-7)
        assert found["signed"][k] == pytest.approx(sums.mean(), rel=1e-3, abs=1e-7)
        u = after
    assert found["smoothing"] != found["modulus_of_mean"]


def test_seeds_are_gathered_that_are_complete():
    from scipy import stats

    noises = [0.0, 0.01, 0.1]
    values = {0: [1.0, 3.0, 2.0], 1: [1.0, 2.0, 4.0], 2: [5.0]}  # the third seed was stopped
    runs = [run(noise, seed, value) for seed in values for noise, value in zip(noises, values[seed])]
    runs += [run(noise, 7, 1.0, budget="quick", steps=2) for noise in noises]  # shorter ones of another budget
    record = fig13_smoothing.gather(runs, None).record
    assert (record["seeds"], record["noises"], record["steps"], len(record["runs"])) == ([0, 1], noises, 10, 7)
    np.testing.assert_allclose(np.array(record["smoothing"])[..., 0], [values[0], values[1]])
    np.testing.assert_allclose(record["modulus_of_mean"], np.tile([1e-3, 0.0], (2, 3, 1)))
    np.testing.assert_allclose([level["smoothing"] for level in record["levels"]], [[1, 2], [2.5, 5], [3, 6]])
    expected = [stats.spearmanr(noises, values[seed]).statistic for seed in (0, 1)]
    np.testing.assert_allclose(record["rank_correlations"], expected)
    assert record["rank_correlation"] == pytest.approx(1.0) != expected[0]
    with pytest.raises(ValueError, match="no level was fine-tuned"):
        fig13_smoothing.gather([{"name": "level-0", "noise": 0.0}], None)


@tensorflow_only
def test_one_network_told_sigma_is_a_second_line(tiny, tmp_path, monkeypatch):
    """At every level it is given that level; of two such networks that of most steps is looked at."""
    monkeypatch.setattr(weights, "COMMITTED", tmp_path / "none")
    model = transfer.with_noise_map(tiny(fig13_smoothing.START))
    runs = tmp_path / "all-noise" / "runs"
    runs.mkdir(parents=True)
    for budget, steps in (("quick", 1), ("cpu", 3)):
        about = {"name": "conditioned", "network": "conditioned", "seed": 0, "steps": steps, "budget": budget}
        (runs / f"conditioned-{budget}.json").write_text(json.dumps(about | {"recipe": {"name": "fast"}}))
        if budget == "cpu":
            model.save(runs / f"conditioned-{budget}.keras")
    chosen = options(fig13_smoothing, tmp_path)
    first = fig13_smoothing.parts(chosen)[0]
    assert (first.name, first.steps) == ("conditioned", 3)
    found = first.do().record
    assert found["weights"]["budget"] == "cpu" and [level["noise"] for level in found["levels"]] == [0.0, 0.001]
    images = chosen.images("test", 8)
    inputs, _ = measure.pairs(measure.Task("inverse", 0.001), images, noise_map=True)
    assert np.unique(inputs[..., 1]) == np.float32(0.001)
    sums = [dt * np.asarray(f).sum(axis=-1) for dt, f in zip(model.time_steps, model.filters(inputs))]
    np.testing.assert_allclose(found["levels"][1]["smoothing"], [np.abs(s).mean() for s in sums], rtol=1e-3)
    levels = [{"noise": noise, "smoothing": [noise, noise]} for noise in NOISES]
    told = {**found, "kind": "conditioned", "name": "conditioned", "levels": levels, "budget": "cpu"}
    record = fig13_smoothing.gather([told, *(run(noise, 0, 1.0 + noise) for noise in NOISES)], None).record
    assert record["conditioned"]["rank_correlation"] == pytest.approx(1.0) and record["seeds"] == [0]
    record |= {"title": "", "note": "here"}
    left = fig13_smoothing.draw(record, {}).axes[0]
    assert left.lines[-1].get_label() == "mean, one\nnetwork given σ" and len(left.lines[-1].get_xdata()) == len(NOISES)


def test_the_budget_is_ten_levels_of_three_seeds():
    budget = fig13_smoothing.BUDGETS["cpu"]
    assert (len(budget.noises), budget.seeds) == (10, 3) and budget.noises[0] == 0 and budget.noises[-1] == 0.1
    assert study.Part("x", None).steps == 0
