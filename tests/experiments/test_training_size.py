"""Figure 10, many trainings: which there are, what is kept of each, and what is drawn."""

import dataclasses
import json

import numpy as np
import pytest

from experiments import fig10_training_size
from experiments.lib import networks, run, trainings
from tests.conftest import tensorflow_only
from tests.small_experiments import execute, set_flags

pytestmark = tensorflow_only


def test_the_plan_covers_the_paper():
    plan = fig10_training_size.plan(fig10_training_size.BUDGETS["cpu"], 90_000)
    assert {run.size for run in plan} == {10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 90_000}
    assert len(plan) == 2 * 4 * (3 * 5 + 4) and len({run.name for run in plan}) == len(plan)
    assert {run.network for run in plan} == {"DiffNet", "UNet"}


def test_finished_trainings_are_not_repeated(trained, monkeypatch):
    record, _ = execute(fig10_training_size, trained, "--only", "DiffNet-inverse")
    assert [run["name"] for run in record["runs"]] == [
        f"DiffNet-inverse-{noise}-12-0" for noise in ("0", "0.001", "0.01")
    ]
    trained_again = []
    train = networks.train
    monkeypatch.setattr(networks, "train", lambda *a, **k: trained_again.append(a[0]) or train(*a, **k))
    record, _ = execute(fig10_training_size, trained, "--only", "UNet-forward")
    assert trained_again == ["UNet"] and len(record["runs"]) == 4
    kept = json.loads((trained / "fig10" / "runs" / "UNet-forward-0-12-0-smoke.json").read_text())
    assert kept["results"]["psnr"]["mean"] == pytest.approx(np.mean(kept["psnr"]), abs=1e-3)
    assert kept["validation_psnr"] > 0 and kept["steps"] == 1 and kept["hardware"]["cores"]
    with pytest.raises(ValueError, match="--only nonsense names no run"):
        set_flags(trained / "other", "--only", "nonsense")
        fig10_training_size.compute(run.Options(trained / "other" / "fig10"))


def test_runs_on_other_images_are_not_taken_for_these(trained):
    execute(fig10_training_size, trained, "--only", "DiffNet-forward")
    kept = trained / "fig10" / "runs" / "DiffNet-forward-0-12-0-smoke.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"data": "elsewhere"}))
    for only in ("DiffNet-forward", "UNet-forward"):
        set_flags(trained, "--only", only)
        with pytest.raises(ValueError, match="has data='elsewhere'; expected 'skimage'. Give the same images or"):
            fig10_training_size.compute(run.Options(trained / "fig10"))


def test_training_stops_when_validation_no_longer_improves(trained, monkeypatch):
    """And the weights measured are the best ones: here those of the first validation, since it then gets worse."""
    monkeypatch.setattr(fig10_training_size, "PATIENCE", 2)
    first = networks.recipe_for
    wild = {"learning_rate": 0.1, "optimizer": "adam", "schedule": "constant"}
    monkeypatch.setattr(networks, "recipe_for", lambda *a: dataclasses.replace(first(*a), **wild))
    set_flags(trained, "--only", "DiffNet-inverse-0-", "--steps", "20")
    record, _, _ = fig10_training_size.compute(run.Options(trained / "fig10"))
    (only,) = record["runs"]
    assert only["stopped_early"] and only["steps"] < 20


def test_points_are_of_the_run_with_most_steps_and_say_its_budget():
    def made(size, seed, steps, psnr, budget):
        task = dataclasses.asdict(networks.Task("inverse", 0.0))
        common = {"network": "DiffNet", "task": task, "steps": steps, "results": {"psnr": {"mean": psnr, "n": 3}}}
        return {"name": f"{size}-{seed}", "size": size, "seed": seed, "budget": budget, "psnr": [1, 2], **common}

    runs = [made(100, 0, 50, 40.0, "quick"), made(100, 0, 500, 60.0, "cpu"), made(100, 1, 500, 62.0, "cpu")]
    runs += [made(10, 0, 50, 39.0, "quick")]
    kept = trainings.most_steps(runs)
    assert len(kept) == 3 and all("psnr" not in run for run in kept)
    sizes, psnr, budgets = fig10_training_size.points(kept, "DiffNet", networks.Task("inverse", 0.0))
    assert (sizes, psnr, budgets) == ([10, 100], [[39.0], [60.0, 62.0]], ["quick", "cpu"])
    record = {"title": "Figure 10", "runs": kept, "note": None, "source": "s", "data": "d", "test_data": "t"}
    figure = fig10_training_size.draw(record, {})
    line = next(line for line in figure.axes[1].lines if len(line.get_xdata()) == 2)
    np.testing.assert_allclose(line.get_ydata(), [39.0, 61.0])
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["DiffNet", "U-Net", "budget cpu", "budget quick"]
