"""Printed commands make what they stand beside: they name the images, and the steps, of the committed records."""

import importlib
import json
import re
import types

import pytest

from experiments import ensemble, fig01_linear_network, fig06_samples
from experiments.lib import ledger, records, registry, run
from experiments.lib.options import Options
from tests import pages as texts
from tests.conftest import ROOT

TABLES = "--source stl10_binary --data-dir photos96 --test-dir stl10_real"
LONG = f"python -m experiments.fig06_samples --budget cpu {TABLES}"


def test_a_command_names_the_images_of_the_committed_record():
    for name in registry.names():
        kept = ROOT / "results" / name / records.RECORD
        if kept.exists():
            record, command = json.loads(kept.read_text()), registry.command(registry.get(name))
            if own := getattr(registry.get(name), "IMAGE_FLAGS", ""):
                assert command.endswith(f" {own}") and f"--data-dir {record['data']}" in own, command
                continue
            made = {"none": False, "disks": False, "skimage": False, "stl10_binary": True, "npy": True}[
                record["source"]
            ]
            assert command.endswith(f" {TABLES}") == made == ("--source" in command), command
            assert not made or (record["data"], record["test_data"]) == ("photos96", "stl10_real")
    assert registry.command(fig06_samples) == LONG
    assert registry.command(fig01_linear_network) == "python -m experiments.fig01_linear_network"


def test_a_command_names_the_steps_where_no_budget_does(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "COMMITTED", tmp_path)
    (tmp_path / ensemble.NAME).mkdir()
    for budget, words in (("250 steps", "cpu --steps 250"), ("cpu", "cpu"), ("100 steps/250 steps", "cpu")):
        (tmp_path / ensemble.NAME / records.RECORD).write_text(json.dumps({"budget": budget, "source": "folder"}))
        assert registry.command(ensemble) == f"python -m experiments.ensemble --budget {words} {TABLES}"


def test_an_experiment_without_a_record_takes_the_same_images():
    own = types.SimpleNamespace(__name__="experiments.own", NAME="own", BUDGETS={})
    assert registry.command(own) == f"python -m experiments.own --budget cpu {TABLES}"
    own.IMAGE_FLAGS = "--source npy --data-dir DIR"
    assert registry.command(own) == "python -m experiments.own --budget cpu --source npy --data-dir DIR"
    assert registry.command(own, "paper", "--source skimage").endswith("own --budget paper --source skimage")


def test_the_ledger_prints_them():
    commands = re.findall(r"command +(python -m experiments.*)", ledger.text(ROOT / "results", verbose=True))
    assert LONG in commands


def pages():
    """Every text that prints commands: README, docs, and the experiments' docstrings, by name."""
    found = {page: re.sub(r" *\\\n *", " ", texts.text(page)) for page in texts.PAGES}  # a command may go on below
    for stem in registry.names().values():
        found[stem] = importlib.import_module(f"experiments.{stem}").__doc__
    return found


@pytest.mark.parametrize("page", pages())
def test_no_long_run_is_printed_without_its_images(page):
    """Of an experiment that takes images: on scikit-image's it gives other numbers than the tables have."""
    taking = {stem for name, stem in registry.names().items() if TABLES in registry.command(registry.get(name))}
    for line, stem in re.findall(r"(python -m experiments\.(\w+)[^`\n]*--budget cpu[^`\n]*)", pages()[page]):
        assert stem not in taking or "--source" in line or "…" in line, line


@pytest.mark.parametrize(
    ("given", "long"),
    [
        ({}, f"{LONG} --results-dir"),
        (
            {"source": "folder", "data_dir": "a b"},
            f"{LONG.split(' --source')[0]} --source folder --data-dir 'a b' --res",
        ),
    ],
)
def test_a_short_run_names_the_long_one(given, long, tmp_path):
    options = Options(fig06_samples.NAME, tmp_path, **given)
    lines = run._advice(fig06_samples, options, {"budget": "quick"})
    (said,) = [line for line in lines if line.startswith("This was a short run.")]
    assert long in said
    assert any("docs/data.md" in line for line in lines) == (not given)
    assert not any("short run" in line for line in run._advice(fig06_samples, options, {"budget": "cpu"}))
