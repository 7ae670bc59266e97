"""All experiments in one command: their order, what is finished is not repeated, it stops in time."""

import json
import subprocess
import sys
import time

import pytest

from experiments import all as everything
from experiments.lib import records, registry

DOES = """
import json, pathlib, signal, sys, time
folder, how = pathlib.Path(sys.argv[1]), sys.argv[2]
folder.mkdir(parents=True, exist_ok=True)
with open(folder.parent / "began.txt", "a") as file:
    print(folder.name, file=file)
try:
    time.sleep(30 if how == "long" else 0.1)
except KeyboardInterrupt:
    sys.exit(130)
if how == "fails":
    sys.exit(1)
(folder / "record.json").write_text("{}")
"""


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Three made-up experiments: the second needs the first. Returns (root, name → how it goes)."""
    jobs = [everything.Job("first"), everything.Job("second", needs=("first",)), everything.Job("third")]
    how = {"first": "works", "second": "works", "third": "works"}

    def start(job, root, *_):
        return subprocess.Popen([sys.executable, "-S", "-c", DOES, str(root / job.name), how[job.name]])

    monkeypatch.setattr(everything, "jobs", lambda: jobs)
    monkeypatch.setattr(everything, "_start", start)
    monkeypatch.setattr(everything.render, "recorded", lambda root: [])
    return tmp_path, how


def began(root):
    return (root / "began.txt").read_text().split()


def test_the_order_names_every_experiment_after_what_it_needs():
    names = [job.name for job in everything.ORDER]
    assert set(names) == set(registry.names()) and len(names) == len(set(names))
    for job in everything.ORDER:
        assert all(names.index(needed) < names.index(job.name) for needed in job.needs), job.name


def test_what_is_finished_is_not_repeated(small):
    root, how = small
    how["second"] = "fails"
    assert everything.main(["--budget", "smoke", "--results_dir", str(root)]) == 1
    assert began(root) == ["first", "second", "third"]
    how["second"] = "works"
    assert everything.main(["--budget", "smoke", "--results_dir", str(root)]) == 0
    assert began(root) == ["first", "second", "third", "second"]
    assert set(json.loads((root / everything.STATE).read_text())["finished"]) == {"first", "second", "third"}
    assert everything.main(["--budget", "quick", "--results_dir", str(root)]) == 0  # another budget: all anew
    assert began(root)[4:] == ["first", "second", "third"]
    assert everything.main(["--budget", "smoke", "--results_dir", str(root)]) == 0  # what was finished with it still is
    assert len(began(root)) == 7
    (root / "third" / "record.json").write_text('{"budget": "quick"}')  # but for what has been replaced
    assert everything.main(["--budget", "smoke", "--results_dir", str(root)]) == 0
    assert began(root)[7:] == ["third"]


def test_a_longer_run_in_the_folder_is_refused_before_any_work(small, monkeypatch, capsys):
    root, _ = small
    monkeypatch.setattr(everything, "jobs", lambda: [everything.Job("first"), everything.Job("fig06")])
    records.save(root / "fig06", {"budget": "cpu", "steps": 72_000, "recipe": {"name": "fast"}}, {})
    assert everything.main(["--budget", "smoke", "--results_dir", str(root)]) == 2
    assert "72,000 steps; this one has 4" in capsys.readouterr().err and not (root / "began.txt").exists()


def test_what_needs_a_failed_one_waits_for_another_try(small):
    """Else it would look into the networks that come with the project, and count as finished."""
    root, how = small
    how["first"] = "fails"
    assert everything.main(["--budget", "smoke", "--results_dir", str(root)]) == 1
    assert began(root) == ["first", "third"]
    how["first"] = "works"
    assert everything.main(["--budget", "smoke", "--results_dir", str(root)]) == 0
    assert began(root) == ["first", "third", "first", "second"]


def test_it_stops_in_time_and_goes_on(small, capsys):
    root, how = small
    how["second"], start = "long", time.monotonic()
    assert everything.main(["--budget", "smoke", "--results_dir", str(root), "--hours", "0.0005"]) == 3
    assert time.monotonic() - start < 15 and "hours are over" in capsys.readouterr().out
    how["second"] = "works"
    assert everything.main(["--budget", "smoke", "--results_dir", str(root)]) == 0
    assert began(root) == ["first", "second", "second", "third"]


def test_several_at_a_time_wait_for_what_they_need(small):
    root, _ = small
    assert everything.main(["--budget", "smoke", "--results_dir", str(root), "--jobs", "3"]) == 0
    assert set(began(root)[:2]) == {"first", "third"} and began(root)[2] == "second"
