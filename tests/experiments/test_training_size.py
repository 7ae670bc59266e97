"""Figure 10, many trainings: which there are, what is kept of each, and what is drawn."""

import dataclasses
import json
import threading

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.training import distribute
from experiments import fig10_training_size, render
from experiments.lib import captions, conditions, jobs, networks, records, study
from experiments.lib.measure import Task
from tests.conftest import ROOT, tensorflow_only
from tests.small_experiments import execute, options

pytestmark = tensorflow_only


def test_the_plan_covers_the_paper():
    plan = fig10_training_size.plan(fig10_training_size.BUDGETS["cpu"], 90_000)
    fly = [run for run in plan if run.regime == "fly"]
    assert {run.size for run in fly} == {10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 90_000}
    assert len(fly) == 2 * 4 * (3 * 5 + 4) and len({run.name for run in plan}) == len(plan)
    assert {run.network for run in plan} == {"DiffNet", "UNet"}
    assert fly[0].name == "DiffNet-inverse-0-10-0"  # as before there were regimes


def test_the_plan_has_stored_pairs_and_the_most_valuable_first():
    plan = fig10_training_size.plan(fig10_training_size.BUDGETS["cpu"], 3_600)
    stored = [run for run in plan if run.regime == "stored"]
    lines = {}
    for run in stored:
        lines.setdefault((run.network, run.task.noise), []).append((run.size, run.seed))
    sizes = (10, 100, 1_000, 3_600)
    for noise in (0.0, 0.01):
        assert lines["DiffNet", noise] == [(size, seed) for size in sizes for seed in range(3)]
        assert lines["UNet", noise] == [(size, 0) for size in sizes]
    order = list(
        dict.fromkeys((run.regime, run.network, run.task.noise) for run in plan if run.task.problem != "forward")
    )
    assert order[:4] == [(regime, "DiffNet", noise) for regime in ("stored", "fly") for noise in (0.0, 0.01)]
    assert [network for _, network, _ in order[-3:]] == 3 * ["UNet"]
    steps = {run.name: fig10_training_size._steps(run, fig10_training_size.BUDGETS["cpu"]) for run in plan}
    assert steps["DiffNet-inverse-0.001-10-0"] == 7_000 and steps["DiffNet-inverse-0.01-10-0"] == 2_800
    smoke = fig10_training_size.plan(fig10_training_size.BUDGETS["smoke"], 12)
    assert {run.regime for run in smoke} == {"stored", "fly"}


@pytest.mark.slow
def test_finished_trainings_are_not_repeated(trained, monkeypatch):
    record, _ = execute(fig10_training_size, trained, only="DiffNet-inverse")
    assert [run["name"] for run in record["runs"]] == [
        f"DiffNet-inverse-{noise}-12-0" for noise in ("0", "0.001", "0.01")
    ]
    trained_again, make = [], networks.make
    monkeypatch.setattr(networks, "make", lambda name, recipe: trained_again.append(name) or make(name, recipe))
    record, _ = execute(fig10_training_size, trained, only="UNet-forward,DiffNet-inverse-0-")
    assert trained_again == ["UNet"] and len(record["runs"]) == 4
    kept = json.loads((trained / "fig10" / "runs" / "UNet-forward-0-12-0-smoke.json").read_text())
    assert kept["results"]["psnr"]["mean"] == pytest.approx(np.mean(kept["psnr"]), abs=1e-3)
    assert kept["validation_psnr"] > 0 and kept["steps"] == 1 and kept["hardware"]["cores"]
    with pytest.raises(ValueError, match="--only nonsense names no run"):
        execute(fig10_training_size, trained / "other", only="nonsense")


def test_of_several_workers_only_the_chief_writes(tmp_path, monkeypatch):
    """The others do the same work, and wait for its record before they go on."""
    chosen = options(fig10_training_size, tmp_path)
    kept = study.path("part", chosen)

    def do():
        threading.Timer(0.5, kept.write_text, ["{}"]).start()  # by the chief, who is a little behind
        return study.Result({"steps": 1}, {"values": np.zeros(1)})

    monkeypatch.setattr(distribute, "is_chief", lambda: False)
    study.do_missing([study.Part("part", do)], chosen)
    assert list(kept.parent.iterdir()) == [kept] and kept.read_text() == "{}"


@pytest.mark.slow
def test_gathering_needs_no_images(trained, monkeypatch):
    """A part that somebody else has trained enters record and figure with --gather, and when figures are redrawn."""
    execute(fig10_training_size, trained, only="DiffNet-forward")
    kept = trained / "fig10" / "runs" / "DiffNet-forward-0-12-0-smoke.json"
    other = json.loads(kept.read_text()) | {"name": "DiffNet-forward-0-12-1", "seed": 1}
    kept.with_name("DiffNet-forward-0-12-1-smoke.json").write_text(json.dumps(other))
    monkeypatch.setattr(dn.data, "open_images", lambda *a, **k: pytest.fail("asked for images"))
    record, _ = execute(fig10_training_size, trained, gather=True)
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    other = kept.with_name("DiffNet-forward-0-12-1-smoke.json")
    other.unlink()
    render.refresh("fig10", trained)
    assert len(records.load(trained / "fig10")[0]["runs"]) == 1


def test_runs_on_other_images_are_not_taken_for_these(trained):
    """Known by their content: a folder of another name is no other data."""
    execute(fig10_training_size, trained, only="DiffNet-forward")
    kept = trained / "fig10" / "runs" / "DiffNet-forward-0-12-0-smoke.json"
    run = json.loads(kept.read_text())
    kept.write_text(json.dumps(run | {"data": "elsewhere"}))
    study.finished(trained / "fig10", options(fig10_training_size, trained))
    run["image_sets"]["test"]["sha256"] = "0" * 64
    kept.write_text(json.dumps(run))
    with pytest.raises(ValueError, match="is of other test images"):
        execute(fig10_training_size, trained, only="UNet-forward")


@pytest.mark.slow
def test_the_seed_chooses_the_images(trained, monkeypatch):
    """Ten of them: other ones for another seed, the same for the same."""
    chosen, train = {}, study.train

    def watched(options, make, recipe, images, **more):
        chosen.setdefault(more["seed"], []).append(images.pixels)
        return train(options, make, recipe, images, **more)

    monkeypatch.setattr(study, "train", watched)
    more = dataclasses.replace(fig10_training_size.BUDGETS["smoke"], sizes=(10,), seeds=2, limit=40)
    monkeypatch.setitem(fig10_training_size.BUDGETS, "smoke", more)
    execute(fig10_training_size, trained, only="DiffNet-forward-0-10-,DiffNet-inverse-0-10-")
    (a, b), (c, d) = chosen[0], chosen[1]
    assert len(a) == 10 and np.array_equal(a, b) and np.array_equal(c, d) and not np.array_equal(a, c)


@pytest.mark.slow
def test_stored_pairs_are_squares_of_the_images_that_never_change(trained, monkeypatch):
    """Four of each image, each diffused with its own border, no flips, and its noise drawn once."""
    given, fit = [], dn.training.fit

    def watched(model, images, recipe, **pairs):
        given.append((images, recipe, pairs))
        return fit(model, images, recipe, **pairs)

    monkeypatch.setattr(dn.training, "fit", watched)
    record, arrays = execute(fig10_training_size, trained, only="stored-DiffNet-inverse-0.01-")
    ((images, recipe, pairs),) = given
    assert images.shape == (48, 48, 48, 1) and (recipe.crop, recipe.augment, pairs["redraw"]) == (48, False, False)
    chosen = options(fig10_training_size, trained)
    whole = chosen.images("train", 12).take(np.arange(12))
    squares = images.take(np.arange(48))
    for where, square in zip(((0, 0), (0, 48), (48, 0), (48, 48)), squares[20:24]):
        np.testing.assert_array_equal(square, whole[5, where[0] :][:48, where[1] :][:, :48])
    stream = {"noise": pairs["noise"], "seed": pairs["seed"], "redraw": False, "batch_size": 8, "epochs": 2}
    pairs = dn.data.PairSequence(images, **stream)
    inputs, targets = (np.concatenate(part) for part in zip(*(pairs[k] for k in range(len(pairs)))))
    noise = inputs - np.asarray(dn.diffusion.perona_malik(targets))
    places = [np.flatnonzero((targets == squares[k]).all(axis=(1, 2, 3))) for k in (0, 21)]
    assert [len(place) for place in places] == [2, 2]
    for place in places:
        np.testing.assert_allclose(*noise[place], atol=1e-6)  # the same in both epochs
    assert noise.std() == pytest.approx(0.01, rel=0.02) and abs(noise[places[0][0]] - noise[places[1][0]]).max() > 0.01
    (run,) = record["runs"]
    assert (run["regime"], run["training_images"], run["examples"], run["given_steps"]) == ("stored", 12, 48, 2)
    assert run["name"] == "stored-DiffNet-inverse-0.01-12-0"
    assert arrays[f"psnr_{run['name']}"].mean() == pytest.approx(run["results"]["psnr"]["mean"], abs=1e-3)


@pytest.mark.slow
def test_training_stops_when_validation_no_longer_improves(trained, monkeypatch):
    """And the weights measured are the best ones: here those of the first validation, since it then gets worse."""
    monkeypatch.setattr(fig10_training_size, "PATIENCE", 2)
    first = networks.recipe_for
    wild = {"learning_rate": 0.1, "optimizer": "adam", "schedule": "constant"}
    monkeypatch.setattr(networks, "recipe_for", lambda *a: first(*a, **wild))
    record, _ = execute(fig10_training_size, trained, only="DiffNet-inverse-0-", steps=20)
    (only,) = record["runs"]
    assert only["stopped_early"] and only["steps"] < 20


def test_unets_are_points_if_they_were_measured_on_the_same_images():
    results = ROOT / "results"
    runs = study.finished(results / "fig10")
    other = [run | {"image_sets": {"test": {"sha256": "other", "split": "all"}}} for run in runs]
    found, alone = (fig10_training_size.gather(of, results).record["runs"] for of in (runs, other))
    unets = {run["name"]: run["steps"] for run in found if run["network"] == "UNet"}
    assert unets["UNet-inverse-0-3600-0"] == 20_900 and "UNet-forward-0-3600-0" in unets
    assert not [run for run in alone if run["network"] == "UNet"]


def test_points_are_of_the_run_with_most_steps_and_say_its_budget():
    def made(size, seed, steps, psnr, budget):
        task = dataclasses.asdict(Task("inverse", 0.0))
        recipe = {"batch_size": 8, "crop": 24}
        common = {"network": "DiffNet", "task": task, "steps": steps, "recipe": recipe}
        common["results"] = {"psnr": {"mean": psnr + 0.4, "n": 3}, "authors_psnr": {"mean": psnr}}
        return {"name": f"{size}-{seed}", "size": size, "seed": seed, "budget": budget, "psnr": [1, 2], **common}

    runs = [made(100, 0, 50, 40.0, "quick"), made(100, 0, 500, 60.0, "cpu"), made(100, 1, 500, 62.0, "cpu")]
    runs += [made(10, 0, 50, 39.0, "quick")]
    kept = study.most_steps(runs)
    assert len(kept) == 3 and all("psnr" not in run for run in kept)
    assert fig10_training_size.points(kept, "DiffNet", Task("inverse", 0.0)) == ([10, 100], [[39.0], [60.0, 62.0]])
    for run in kept:
        run.setdefault("seed", 0)
    record = {"title": "Figure 10", "runs": kept, "note": None, "source": "s", "data": "d", "test_data": "t"}
    kept.append({**kept[0], "regime": "stored", "results": {"authors_psnr": {"mean": 55.0}}})
    kept.append({**kept[2], "regime": "stored", "results": {"authors_psnr": {"mean": 58.0}}})
    assert fig10_training_size.points(kept, "DiffNet", Task("inverse", 0.0))[0] == [10, 100]
    assert "bands go from the worst to the best of 2 seeds" in fig10_training_size.caption(record)
    assert "inverse, no noise, from 39.0 dB at 10 to 61.0 dB at 100" in fig10_training_size.alt(record)
    assert "5 trainings of 50 to 500 steps" in captions.provenance(record)
    figure = fig10_training_size.draw(record, {})
    dashed = next(line for line in figure.axes[1].lines if line.get_linestyle() == "--" and len(line.get_xdata()))
    assert sorted(dashed.get_ydata()) == [55.0, 58.0]
    line = next(line for line in figure.axes[1].lines if len(line.get_xdata()) == 2)
    np.testing.assert_allclose(line.get_ydata(), [39.0, 61.0])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["DiffNet", "U-Net", "drawn anew", "stored pairs", "too short to compare"]


def test_the_caption_says_where_the_unet_has_no_line():
    record = json.loads((ROOT / "results" / "fig10" / "record.json").read_text())
    assert "The U-Net has one point with fewer than all images." in fig10_training_size.caption(record)
    few, task = [], dataclasses.asdict(Task("inverse", 0.0))
    for run in record["runs"]:
        if run["network"] == "UNet" and run["size"] < 3_600:
            few.append(run)
    others = [run for run in record["runs"] if run not in few]
    assert "The U-Net has no point with" in fig10_training_size.caption(record | {"runs": others})
    more = [*record["runs"], few[0] | {"task": task}]
    assert "The U-Net" not in fig10_training_size.caption(record | {"runs": more})


def test_a_run_that_was_stopped_early_counts_by_the_steps_it_was_given():
    run = {"name": "a", "budget": "cpu", "steps": 900, "given_steps": 7_000}
    kept = study.most_steps([{"name": "a", "budget": "1000 steps", "steps": 1_000}, run])
    assert [each["budget"] for each in kept] == ["cpu"]


def test_unets_of_other_experiments_are_points(tmp_path):
    """Those that were measured on the same images."""
    common = {"source": "s", "data": "d", "test_data": "t"}
    mine = {**common, "name": "DiffNet-inverse-0-9-0", "network": "DiffNet", "steps": 5, "budget": "cpu", "psnr": [1.0]}
    (tmp_path / "unet" / "runs").mkdir(parents=True)
    for seed, test in ((0, "t"), (1, "others")):
        run = {**mine, "name": f"UNet-inverse-0-9-{seed}", "network": "UNet", "seed": seed, "test_data": test}
        (tmp_path / "unet" / "runs" / f"{run['name']}-cpu.json").write_text(json.dumps(run))
    result = fig10_training_size.gather([mine], tmp_path)
    assert [run["name"] for run in result.record["runs"]] == ["DiffNet-inverse-0-9-0", "UNet-inverse-0-9-0"]
    assert set(result.arrays) == {"psnr_DiffNet-inverse-0-9-0", "psnr_UNet-inverse-0-9-0"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"steps": 6_999}, "short"),
        ({"steps": 7_000}, "enough"),
        ({"steps": 900, "given_steps": 7_000}, "enough"),  # stopped early
        ({"steps": 72_000}, "long"),
        ({"steps": 20_900, "recipe": {"batch_size": 16, "crop": 48}}, "long"),
    ],
)
def test_lines_join_trainings_of_one_length(changes, expected):
    run = {"network": "DiffNet", "task": dataclasses.asdict(Task("inverse", 0.0)), "size": 10}
    run |= {"recipe": {"batch_size": 8, "crop": 24}, "results": {"authors_psnr": {"mean": 50.0}}, **changes}
    for length in ("short", "enough", "long"):
        found = fig10_training_size.points([run], "DiffNet", Task("inverse", 0.0), "fly", length)
        assert found == (([10], [[50.0]]) if length == expected else ([], []))


def test_what_the_long_budget_trains_can_be_compared():
    """With so many images both networks are given as many pixels, which are enough to tell something."""
    budget, seen = fig10_training_size.BUDGETS["cpu"], {}
    for run in fig10_training_size.plan(budget, 3_600):
        recipe = dataclasses.asdict(networks.recipe_for(run.network, "fast", run.task)[1])
        recipe |= {"crop": fig10_training_size.TILE} if run.regime == "stored" else {}
        steps = fig10_training_size._steps(run, budget)
        training = {"steps": steps, "recipe": recipe}
        assert not conditions.short([training]), run
        seen.setdefault((run.regime, run.task), set()).add(conditions.pixels(training))
    assert {regime for regime, _ in seen} == {"fly", "stored"} and all(len(pixels) == 1 for pixels in seen.values())


@pytest.mark.parametrize("budget", ["smoke", "quick", "cpu"])
def test_every_job_of_this_figure_has_parts(budget):
    names = [run.name for run in fig10_training_size.plan(fig10_training_size.BUDGETS[budget], 3_600)]
    for job in jobs.ORDER:
        if job.name == fig10_training_size.NAME:
            assert any(name.startswith(tuple(job.only.split(","))) for name in names), job.label
