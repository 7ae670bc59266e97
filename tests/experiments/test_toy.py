"""Somebody's own question: one file of at most 50 lines in the folder, nothing else, has all that experiments have."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT, tensorflow_only

TOY = '''"""A toy: does a network of one layer get better with width?

python -m experiments.toy --budget quick
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import measure, networks, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.run import main

NAME = "toy"
TITLE = "A toy"
TASK = measure.Task("inverse", 0.01)
BUDGETS = {"smoke": (2, 8), "quick": (100, None), "cpu": (1_000, None), "paper": (101_250, None)}


@dataclasses.dataclass(frozen=True)
class Run:
    width: int
    seed: int = 0
    name = property(lambda self: f"width-{self.width}")


def parts(options):
    steps, limit = BUDGETS[options.budget]
    train, test = (options.images(split, limit) for split in ("train", "test"))

    def do(run):
        from diffnet_tf import models

        recipe = networks.recipe_for("DiffNet", "fast", TASK, crop=12)
        made = lambda recipe: models.DiffNet(1, 2, run.width)  # noqa: E731
        trained = study.train(options, made, recipe, train, steps=steps, seed=0, name=run.name, noise=TASK.noise)
        return study.tested(trained, *measure.pairs(TASK, test))

    return [study.part(Run(width), do) for width in (2, 4)]


def gather(runs, root):
    runs = study.most_steps(runs, study.LEFT_OUT)  # of every name one: there may be several budgets
    return study.Result({"runs": runs}, {"psnr": np.array([run.pop("psnr") for run in runs])})


@figures.styled
def draw(record, arrays):
    figure, axes = figures.plots(1, 1, caption(record))
    axes[0, 0].plot([run["width"] for run in record["runs"]], arrays["psnr"].mean(axis=1), "o-")
    return figure


def caption(record):
    return f"{record['title']}: PSNR against width."


def alt(record):
    return "Two dots, joined by a line."


def wider(record, arrays):
    gain = verdicts.difference(arrays["psnr"][-1], arrays["psnr"][0])
    answer, n = verdicts.reaches(gain), verdicts.count(arrays["psnr"].shape[1])
    return verdicts.finding(record, f"{gain:+.2f} dB", answer, n, record["runs"])


CLAIMS = (Claim("wider is better", "> 0 dB", wider),)

if __name__ == "__main__":
    main(__file__)
'''


@pytest.fixture
def clone(tmp_path):
    """The experiments in a folder of their own, with the toy in it; the package beside them."""
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (tmp_path / "diffnet_tf").symlink_to(ROOT / "diffnet_tf")
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    (tmp_path / "experiments" / "toy.py").write_text(TOY)
    return tmp_path


def run(clone, *arguments):
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=clone, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@tensorflow_only
@pytest.mark.slow
def test_a_new_question_is_one_file(clone):
    assert len([line for line in TOY.splitlines() if line]) <= 50
    flags = ("--budget", "smoke", "--results_dir", "results")
    first = run(clone, "experiments.toy", *flags, "--only", "width-2")
    assert "width-2:" in first and "width-4:" not in first
    again = run(clone, "experiments.toy", *flags)  # goes on with what is missing
    assert "width-2:" not in again and "width-4:" in again and "A toy: PSNR against width." in again
    record = json.loads((clone / "results" / "toy" / "record.json").read_text())
    assert [each["width"] for each in record["runs"]] == [2, 4] and record["image_sets"]["training"]["sha256"]
    assert (clone / "results" / "toy" / "figure.png").exists()
    assert "figure.png" in run(clone, "experiments.render", "toy", "--results_dir", "results")
    page = (clone / "results" / "index.html").read_text()
    assert 'id="toy"' in page and "wider is better" in page
    run(clone, "experiments.toy", *flags, "--steps", "3", "--only", "width-4")  # another number of steps in the folder
    record = json.loads((clone / "results" / "toy" / "record.json").read_text())
    assert [(each["width"], each["steps"]) for each in record["runs"]] == [(2, 2), (4, 3)]
    code = "import sys; from experiments.lib import ledger; print(ledger.text('results', verbose=True))"
    told = subprocess.run([sys.executable, "-c", code], cwd=clone, capture_output=True, text=True, timeout=100).stdout
    assert "A toy, wider is better" in told and "python -m experiments.toy --budget cpu" in told
