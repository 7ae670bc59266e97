"""Trainings of several seeds: alike but for the seed, else left out."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.lib import records, seeds
from tests.conftest import ROOT

SETS = {"training": {"sha256": "a", "split": "train", "count": 9}, "test": {"sha256": "b", "split": "all", "count": 3}}
RECORD = {
    "budget": "cpu",
    "steps": 72_000,
    "problem": "inverse",
    "noise": 0.0,
    "training_images": 9,
    "recipe": {"name": "fast", "crop": 24},
    "image_sets": SETS,
    "source": "npy",
    "data": "here",
    "test_data": "there",
}


def save(root, place, **changes):
    records.save(seeds.folder(root, place) / "fig06", {**RECORD, "seed": place, **changes}, {"psnr": np.full(3, place)})


def found(root):
    return [record["seed"] for record, _ in seeds.trainings("fig06", root)]


def test_seeds_stand_in_folders_of_their_own(tmp_path):
    assert seeds.folder(tmp_path, 0) == tmp_path and seeds.folder(tmp_path, 2) == tmp_path / "seeds" / "2"
    for seed in (10, 2, 0):
        save(tmp_path, seed)
    (tmp_path / "seeds" / "notes").mkdir()
    assert found(tmp_path) == [0, 2, 10]  # by number
    assert [float(arrays["psnr"][0]) for _, arrays in seeds.trainings("fig06", tmp_path)] == [0, 2, 10]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 4}, "4 steps, those of seed 0 are 72,000"),
        ({"steps": 4, "budget": "4 steps"}, "4 steps, those of seed 0 are 72,000"),
        ({"budget": "quick"}, "budget quick, that of seed 0 is cpu"),
        ({"noise": 0.01, "steps": 4}, "4 steps, those of seed 0 are 72,000; noise 0.01, that of seed 0 is 0.0"),
        ({"training_images": 8}, "8 training images, those of seed 0 are 9"),
        ({"recipe": {"name": "fast", "crop": 48}}, "recipe's crop 48, that of seed 0 is 24"),
        ({"recipe": {}}, "no recipe to compare"),
        ({"image_sets": {**SETS, "test": {**SETS["test"], "sha256": "c"}}}, "other test images"),
        ({"image_sets": {**SETS, "training": {**SETS["training"], "sha256": "c"}}}, "other training images"),
        ({"image_sets": {}, "data": "elsewhere"}, "other training images; other test images"),  # an old one: by names
        ({"seed": 0}, "seed 0 is there already"),
    ],
)
def test_what_is_not_alike_is_left_out_with_a_line(changes, words, tmp_path, capsys):
    for seed in (0, 1, 2):
        save(tmp_path, seed, **(changes if seed == 1 else {}))
    assert found(tmp_path) == found(tmp_path) == [0, 2]
    errors = capsys.readouterr().err.splitlines()
    assert errors == [f"{tmp_path}/seeds/1/fig06 is left out: {words}."]  # once


@pytest.mark.parametrize(
    ("place", "root"), [("a/seeds/2", "a"), ("seeds/1", "."), ("a/2", "a/2"), ("seeds/b", "seeds/b")]
)
def test_the_folder_of_all_seeds(place, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert seeds.root_of(place) == Path(root) and seeds.root_of(tmp_path / place) == tmp_path / root
    (tmp_path / place).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / place)
    assert seeds.root_of(".") == Path("." if place == root else "../..")


def test_a_damaged_one_is_refused(tmp_path):
    """By all but the ledger: see `damage`."""
    for seed in (0, 1):
        save(tmp_path, seed)
    (tmp_path / "seeds" / "1" / "fig06" / "record.json").write_text("{")
    with pytest.raises(ValueError, match="seeds/1/fig06/record.json cannot be read"):
        seeds.trainings("fig06", tmp_path)


def test_older_records_are_alike_by_what_both_have(tmp_path, capsys):
    save(tmp_path, 0, image_sets={})
    save(tmp_path, 1, recipe={"name": "fast", "crop": 24, "beta_2": None})
    assert found(tmp_path) == [0, 1] and not capsys.readouterr().err


def test_without_any_the_command_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no record.json: run the experiment first"):
        seeds.trainings("fig06", tmp_path)


def test_the_committed_seeds_are_alike():
    alike = seeds.trainings("fig06", ROOT / "results")
    there = [json.loads(path.read_text())["seed"] for path in (ROOT / "results").glob("seeds/*/fig06/record.json")]
    assert sorted(record["seed"] for record, _ in alike) == sorted([0, *there]) and len(alike) > 1
