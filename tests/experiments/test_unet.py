"""The U-Net's trainings: records of their own, those that were brought in, and which of them others draw from."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from diffnet_tf import files
from diffnet_tf.evaluation import statistics
from experiments import comparison, fig08_one_image, unet
from experiments.lib import captions, measure, networks, options, records, study, unets
from experiments.lib.measure import Task
from tests.conftest import ROOT, tensorflow_only
from tests.small_experiments import execute

RESULTS = ROOT / "results"
KEPT = sorted((RESULTS / "unet" / "runs").glob("*.json"))
IMPORTED = [path for path in KEPT if "imported" in json.loads(path.read_text())]


# ---- What was brought in ---------------------------------------------------------------------------------------------


def test_what_was_brought_in():
    assert unets.HOME == unet.NAME
    runs = [json.loads(path.read_text()) for path in IMPORTED]
    named = {(run["task"]["problem"], run["task"]["noise"], run["size"], run["seed"]): run["steps"] for run in runs}
    assert named == {
        ("forward", 0.0, 3600, 0): 20_900,
        ("inverse", 0.0, 3600, 0): 20_900,
        ("inverse", 0.001, 3600, 0): 20_900,
        ("inverse", 0.01, 3600, 0): 20_800,
        **{("inverse", 0.01, 1000, seed): 5_600 for seed in range(3)},
    }
    originals = [name for run in runs for name in run["imported"]["files"]]
    assert len(originals) == len(set(originals)) == 5 + 2 * 4


@pytest.mark.parametrize("path", IMPORTED, ids=lambda path: path.stem)
def test_a_record_that_was_brought_in_agrees_with_itself(path):
    run = json.loads(path.read_text())
    task = Task(**run["task"])
    assert run["name"] == unets.Run(task, run["size"], run["seed"]).name
    assert path.stem == f"{run['name']}-{run['steps']}-steps" and run["budget"] == f"{run['steps']} steps"
    patch = (path.parents[1] / run["imported"]["patch"]).read_bytes()
    assert hashlib.sha256(patch).hexdigest() == run["imported"]["patch_sha256"]
    assert run["commit"] == run["imported"]["source_commit"] and run["commit"].endswith("+changes")
    assert run.get("training_images", run["size"]) == run["size"]
    for metric in ("psnr", "ssim"):
        summary = run["results"][metric]
        assert summary["n"] == 123
        if metric in run:
            values = np.array(run[metric])
            found = {"mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max()}
            assert found == pytest.approx({key: summary[key] for key in found}, abs=6e-5) and len(values) == 123
    assert len(run["psnr"]) == 123 and run["parameters"] == 34_512_705
    if "history" in run:
        assert run["history"][-1] | {"step": run["steps"], "val_psnr": run["validation_psnr"]} == run["history"][-1]
        assert len(run["times"]) == len(run["history"]) == 20


@pytest.mark.parametrize("path", IMPORTED, ids=lambda path: path.stem)
def test_what_a_script_wrote_is_as_it_wrote_it(path):
    """Without what was added, the bytes have the hash of the file that came."""
    run = json.loads(path.read_text())
    imported = run.pop("imported")
    if len(imported["files"]) > 1:
        assert path.stem.startswith(("UNet-inverse-0-3600", "UNet-inverse-0.01-3600"))  # made of fig08/ and fig09/
        assert set(imported["files"]) == {
            f"{folder}/{name}"
            for folder in [next(iter(imported["files"])).split("/")[0]]
            for name in ("record.json", "run.json", "arrays.npz", "log.csv")
        }
        return
    ((name, expected),) = imported["files"].items()
    assert name == f"runs/{path.name}"
    assert hashlib.sha256(files.json_text(run).encode()).hexdigest() == expected


def test_what_was_added_counts_where_the_script_said_nothing():
    """Marked as TF32, trained and measured; the accelerator beside the processor; images by their content."""
    for run in study.finished(RESULTS / "unet"):
        if "imported" in run:
            assert run["numerics"] == {"measured": "TF32", "float32_in_training": "TF32"}
            assert run["hardware"]["accelerators"] == ["NVIDIA H200"] and run["hardware"]["cores"] == 16
            assert "numerics" not in json.loads((RESULTS / "unet" / "runs" / f"{run['file']}.json").read_text())
            assert run["training_images"] == run["size"]
        assert run["image_sets"]["test"]["sha256"] == options.STL10_REAL
        assert run["image_sets"]["training"]["sha256"].startswith("4c342a2e4bad18bb")
    made = {"steps": 1, "hardware": {"cores": 2}, "imported": {"added": {"steps": 9, "hardware": {"cores": 9, "b": 3}}}}
    assert study._completed(made) | made == study._completed(made) | {"hardware": {"cores": 2}}
    assert study._completed(made)["hardware"] == {"cores": 2, "b": 3}


@pytest.mark.parametrize("path", IMPORTED, ids=lambda path: path.stem)
def test_the_code_has_the_recipe_of_the_records(path):
    run = json.loads(path.read_text())
    name, recipe = networks.recipe_for("UNet", "fast", Task(**run["task"]))
    assert run["recipe"] | {"refresh_every": None} == {"name": name, **dataclasses.asdict(recipe)}
    assert (recipe.batch_size, recipe.crop, recipe.optimizer, recipe.learning_rate) == (16, 48, "adam", 3e-4)


def test_outputs_that_are_kept_have_the_psnr_of_their_record():
    """With the targets of Figures 8 and 9, which are the same image."""
    for name, task in (("fig08", Task("inverse", 0.0)), ("fig09", Task("inverse", 0.01))):
        target = records.load(RESULTS / name)[1]["target"]
        run = unets.longest(RESULTS, task)
        (number,), (output,) = run["shown"], run["arrays"]["unet"]
        assert -10 * np.log10(np.mean((output - target) ** 2)) == pytest.approx(run["psnr"][number], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("forward", Task("forward"), 21.645),
        ("fig06", Task(), 14.522),
        ("inverse-0.1pct", Task("inverse", 0.001), 0.372),
        ("fig07", Task("inverse", 0.01), -0.027),
    ],
)
def test_diffnet_minus_unet(name, task, expected):
    """In the mean over 123 test images, DiffNet in float32: the figure's own record."""
    record, arrays = records.load(RESULTS / name)
    mean, low, high = statistics.paired(arrays["psnr_diffnet"], unets.longest(RESULTS, task, record)["psnr"])
    assert mean == pytest.approx(expected, abs=2e-3) and low < mean < high and len(arrays["psnr_diffnet"]) == 123
    assert (low > 0) == (task.noise < 0.01) and task in unet.TASKS


@pytest.mark.parametrize("name", ["fig08", "fig09"])
def test_figures_8_and_9_are_of_the_records(name):
    """DiffNet as in Figure 6 or 7; the U-Net as in its own record, of 20,900 or 20,800 steps."""
    record, arrays = records.load(RESULTS / name)
    task = Task(record["problem"], record["noise"])
    diffnet = records.load(RESULTS / record["weights"]["experiment"])[1]["psnr_diffnet"]
    np.testing.assert_allclose(arrays["psnr_diffnet"], diffnet, atol=0.05)
    run = unets.longest(RESULTS, task, record)
    assert record["unet"]["file"] == run["file"] and record["unet"]["steps"] in (20_900, 20_800)
    np.testing.assert_allclose(arrays["psnr_unet"], run["psnr"], atol=1e-5)
    said = captions.provenance(record)
    assert f"{record['unet']['steps']:,} steps of 16 crops of 48×48 on an NVIDIA H200 with TF32 convolutions" in said


# ---- Recipes and steps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "halved_at_once"), [("paper", 1), ("authors", 2), ("fast", 1)])
def test_the_unet_starts_from_a_lower_rate(name, halved_at_once):
    """3e-4 under every recipe; DiffNet from 1e-3, 2e-3 (the authors' schedule halves the rate at once) and 3e-3."""
    from diffnet_tf import recipes

    rates = {}
    for network in ("DiffNet", "UNet"):
        recipe = networks.recipe_for(network, name, Task())[1]
        assert recipe.learning_rate == recipes.learning_rates("constant", recipe.learning_rate, 10)
        rates[network] = recipe.learning_rate / halved_at_once
        first = recipes.learning_rates(recipe.schedule, recipe.learning_rate, 10)(0)
        assert float(first) == pytest.approx(rates[network])
    assert rates["UNet"] == pytest.approx(3e-4) and rates["DiffNet"] >= 1e-3
    if name != "fast":  # all else is the recipe's
        changed = dataclasses.replace(recipe, learning_rate=recipes.get(name).learning_rate)
        assert changed == recipes.get(name)
    assert networks.recipe_for("UNet", name, Task(), learning_rate=1e-5)[1].learning_rate == 1e-5


def test_a_step_sees_twice_the_pixels_so_there_are_half_as_many(tmp_path):
    def steps(budget, noise, few=False):
        return unets.budgeted(options.Options("fig08", tmp_path, budget=budget), Task("inverse", noise), few)

    assert [steps("cpu", noise) for noise in (0.0, 0.01)] == [1_000, 600] and steps("cpu", 0.0, few=True) == 750
    assert steps("quick", 0.0) == 150 and steps("paper", 0.01) == 101_250
    assert comparison.BUDGETS["cpu"].steps[2] == 200


# ---- Which are drawn from --------------------------------------------------------------------------------------------


def kept(root, size=3600, seed=0, steps=9, noise=0.0, sha="a", psnr=(50.0, 52.0), **more):
    """A record on disk, as a training leaves it."""
    run = unets.Run(Task("inverse", noise), size, seed)
    about = {**dataclasses.asdict(run), "name": run.name, "steps": steps, "budget": f"{steps} steps", "source": "s"}
    about |= {"data": "a", "test_data": "b", "commit": "c", "psnr": list(psnr), "parameters": 7}
    about["image_sets"] = {"test": {"sha256": sha, "split": "all", "count": len(psnr)}}
    about["recipe"] = {"name": "fast", "batch_size": 16, "crop": 48, "optimizer": "adam"}
    about["results"] = {"psnr": {"mean": float(np.mean(psnr)), "n": len(psnr)}, "ssim": {"mean": 0.9}}
    files.write_json(files.check_writable(root / "unet" / "runs") / f"{run.name}-{steps}-steps.json", about | more)
    return about | more


def test_the_longest_on_the_most_images_is_drawn_from(tmp_path):
    assert unets.trainings(tmp_path) == [] and unets.longest(tmp_path, Task()) is None
    for steps, size, seed in ((9, 3600, 0), (20, 3600, 0), (20, 3600, 1), (90, 1000, 0)):
        kept(tmp_path, size, seed, steps)
    kept(tmp_path, noise=0.01, steps=99)
    found = unets.longest(tmp_path, Task())
    assert (found["size"], found["steps"], found["seed"]) == (3600, 20, 0)
    assert unets.longest(tmp_path, Task(), seed=1)["seed"] == 1
    assert unets.longest(tmp_path, Task(), size=1000)["steps"] == 90
    assert unets.longest(tmp_path, Task("forward")) is None


def test_only_trainings_on_the_same_test_images_are_drawn_from(tmp_path):
    mine = kept(tmp_path)
    kept(tmp_path, seed=1, steps=50, psnr=(50.0,))  # of budget smoke: on fewer of them
    assert [run["seed"] for run in unets.trainings(tmp_path)] == [0]
    assert [run["seed"] for run in unets.trainings(tmp_path, mine)] == [0]
    other = kept(tmp_path, seed=2, steps=60, sha="b")
    assert unets.longest(tmp_path, Task(), mine)["seed"] == 0 and unets.longest(tmp_path, Task(), other)["seed"] == 2
    with pytest.raises(ValueError, match="are of different test images"):
        unets.trainings(tmp_path)


def test_how_it_was_trained_in_words(tmp_path):
    run = kept(tmp_path, steps=20_900)
    assert captions.trainings(run) == captions.trainings(run, run) == "20,900 steps of 16 crops of 48×48"
    assert captions.trainings(run, run | {"steps": 90}) == "90 to 20,900 steps of 16 crops of 48×48"
    other = run | {"steps": 1, "numerics": {"float32_in_training": "TF32"}}
    assert captions.trainings(run, other).endswith("48×48; 1 step of 16 crops of 48×48 with TF32 convolutions")
    run |= {"hardware": {"accelerators": ["A", "A"]}, "numerics": {"float32_in_training": "TF32"}}
    assert captions.trainings(run) == "20,900 steps of 16 crops of 48×48 on an A with TF32 convolutions"
    run["recipe"]["crop"] = None
    run |= {"hardware": {"accelerators": []}, "numerics": {"float32_in_training": "float32"}}
    assert captions.trainings(run) == "20,900 steps of 16 whole images"


@pytest.mark.filterwarnings("ignore:Attempting to set identical")
def test_the_comparison_has_a_row_of_the_longest_training(tmp_path):
    """Beside the DiffNet of an hour, paired with it, image by image; its SSIM is a mean alone."""
    kept(tmp_path, psnr=(50.0, 52.0))
    task = {"problem": "inverse", "noise": 0.0}
    long = {"name": "long-inverse-0", "method": "long", "kind": "long", "label": "DiffNet", "steps": 9, "task": task}
    long |= {"psnr": [66.0, 67.0], "ssim": [0.99, 0.98], "budget": "cpu", "source": "s", "data": "a", "test_data": "b"}
    long["image_sets"] = {"test": {"sha256": "a", "split": "all", "count": 2}}
    long["weights"] = {"training": {"batch_size": 8, "crop": 24, "optimizer": "soap"}, "steps": 9, "seed": 0}
    result = comparison.gather([long], tmp_path)
    row = result.record["tasks"][0]["rows"]["long-UNet"]
    assert row["label"] == "U-Net, 9 steps" and row["kind"] == "long" and row["training_images"] == 3600
    assert row["psnr_minus_long"][0] == pytest.approx(-15.5) and row["ssim"] == (0.9, None, None)
    np.testing.assert_array_equal(result.arrays["psnr_0_long-UNet"], [[50.0, 52.0]])
    record = result.record | {"title": "t", "source": "s", "data": "a", "test_data": "b"}
    assert "| U-Net, 9 steps | 51.00" in comparison.comparison_figure.table(record)
    comparison.draw(record, result.arrays)
    found = comparison.compared(0.0, "long", "long-UNet")(record | {"commit": "c"}, result.arrays)
    assert "+15.50" in found.ours and "against U-Net, 9 steps" in found.ours
    long["image_sets"]["test"]["sha256"] = "other"
    assert "long-UNet" not in comparison.gather([long], tmp_path).record["tasks"][0]["rows"]


# ---- The experiment, and figures that train --------------------------------------------------------------------------


@pytest.mark.slow
@tensorflow_only
def test_a_training_is_kept_once_for_all(trained, monkeypatch):
    """Figure 8 trains it; the U-Net's own experiment finds it; it shows what it recorded."""
    names, train = [], study.train
    monkeypatch.setattr(study, "train", lambda *a, **k: names.append(k["name"]) or train(*a, **k))
    execute(fig08_one_image, trained)
    assert names == ["UNet-inverse-0-8-0"] and not list((trained / "fig08").glob("runs/*"))
    record, _ = execute(unet, trained, only="UNet-inverse-0-,UNet-forward")
    assert names == ["UNet-inverse-0-8-0", "UNet-forward-0-8-0"]
    assert [run["name"] for run in record["runs"]] == ["UNet-forward-0-8-0", "UNet-inverse-0-8-0"]
    run = unets.longest(trained, Task())
    assert run["steps"] == 2 and run["history"] and run["training_images"] == 8 and not run["stopped_early"]
    assert run["shown"] == [0, 2, 4, 7] and run["arrays"]["unet"].dtype == "float32"
    assert not list((trained / "unet" / "runs").glob("*.keras"))
    test = unets.opened(options.Options("unet", trained, budget="smoke"))[2]
    _, targets = measure.pairs(Task(), test)
    for number, output in zip(run["shown"], run["arrays"]["unet"]):
        psnr = -10 * np.log10(np.mean((output - targets[number, ..., 0]) ** 2))
        assert psnr == pytest.approx(run["psnr"][number], abs=1e-3)


@tensorflow_only
def test_a_longer_training_is_used_and_another_image_of_it_refused(trained, monkeypatch):
    execute(fig08_one_image, trained, image=3, steps=3)
    monkeypatch.setattr(study, "train", lambda *a, **k: pytest.fail("trains again"))
    record, arrays = execute(fig08_one_image, trained, image=2)  # of budget smoke: 2 steps
    assert record["unet"]["steps"] == 3 and record["image"] == 2 and record["budget"] == "smoke"
    shown = unets.longest(trained, Task())
    assert shown["shown"] == [0, 2, 3, 4, 7]
    np.testing.assert_array_equal(arrays["unet"], shown["arrays"]["unet"][1])
    with pytest.raises(ValueError, match=r"for test images 0, 2, 3, 4, 7; --image names 6\. Give one of these"):
        execute(fig08_one_image, trained, image=6)
    with pytest.raises(ValueError, match="names 5"):
        execute(fig08_one_image, trained, image=-3)


def test_the_figure_shows_every_training(tmp_path):
    history = [{"step": step, "val_psnr": psnr} for step, psnr in ((10, 40.0), (20, 45.0))]
    kept(tmp_path, steps=20, validation_psnr=45.0, history=history)
    kept(tmp_path, size=1000, steps=7, validation_psnr=41.0)
    runs = unets.trainings(tmp_path)
    record = unet.gather(runs, tmp_path).record | {"title": "The U-Net", "source": "s", "data": "a", "test_data": "b"}
    forward, inverse, *_ = unet.draw(record, {}).axes
    assert forward.texts[0].get_text() == "not run"
    lines = [tuple(line.get_ydata()) for line in inverse.lines]
    assert sorted(lines) == [(40.0, 45.0), (41.0,), (45.0,)]
    assert inverse.get_title() == "inverse, no noise:\n51.00 dB on test images"
    assert "Hollow dots: another recipe. Single dots: only the best value was recorded." in unet.caption(record)
    assert "inverse, no noise, 51.0 dB" in unet.alt(record)
    assert "2 trainings of 7 to 20 steps" in captions.provenance(record)
