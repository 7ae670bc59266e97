"""All experiments in one command: their order, what is finished is not repeated, it stops in time."""

import json
import subprocess
import sys
import time

import pytest

from experiments import all as everything
from experiments.lib import jobs, records, registry, run
from experiments.lib.jobs import Job
from tests.conftest import run_python

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
    made = [Job("first"), Job("second", needs=("first",)), Job("third")]
    how = {"first": "works", "second": "works", "third": "works"}

    def start(job, root, *_):
        return subprocess.Popen([sys.executable, "-S", "-c", DOES, str(root / job.name), how[job.name]])

    monkeypatch.setattr(everything, "jobs", lambda *_: made)
    monkeypatch.setattr(everything, "_start", start)
    monkeypatch.setattr(everything.render, "recorded", lambda root: [])
    return tmp_path, how


def began(root):
    return (root / "began.txt").read_text().split()


def test_the_order_names_every_experiment_after_what_it_needs():
    for number in (1, 3):
        order = jobs.jobs(number)
        labels = [job.label for job in order]
        assert {job.name for job in order} == set(registry.names()) and len(labels) == len(set(labels))
        for job in order:
            assert all(labels.index(needed) < labels.index(job.label) for needed in job.needs), job.label


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
    monkeypatch.setattr(everything, "jobs", lambda *_: [Job("first"), Job("fig06")])
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


def test_further_seeds_follow_the_first_and_then_what_looks_at_all():
    labels = [job.label for job in jobs.jobs(3)]
    seeded = [label for label in labels if label.endswith(("-seed-1", "-seed-2"))]
    assert sorted(seeded) == sorted(f"{name}-seed-{k}" for name in jobs.SEEDED for k in (1, 2))
    assert {label.split("-seed")[0] for label in seeded[:4]} == {"fig06", "fig07"}  # of most value
    assert max(map(labels.index, jobs.SEEDED)) < labels.index(seeded[0])
    for name in jobs.FILTERS:
        (last,) = [job for job in jobs.jobs(3) if job.of_seeds == 3 and job.name == name]
        assert set(last.needs) == {f"{each}{of}" for each in jobs.INVERSES for of in ("", "-seed-1", "-seed-2")}
    assert len(labels) == len(jobs.jobs()) + 2 * len(jobs.SEEDED) + len(jobs.FILTERS)


def test_a_seed_is_started_in_a_folder_of_its_own(tmp_path, monkeypatch):
    """It is given only the options that have an effect."""
    started = []
    monkeypatch.setattr(everything.subprocess, "Popen", lambda command, **_: started.append(command[3:]))
    passed = ["--budget=cpu", "--note=a=b", f"--results_dir={tmp_path}", "--force"]
    for job in (Job("fig06"), Job("fig06", seed=2), Job("fig10", only="stored-"), Job("fig11")):
        everything._start(job, tmp_path, passed, False)
    common = ["--budget=cpu", "--note=a=b"]
    assert started == [
        [*common, f"--results-dir={tmp_path}", "--force"],
        [*common, f"--results-dir={tmp_path / 'seeds' / '2'}", "--force", "--seed=2"],
        [*common, f"--results-dir={tmp_path}", "--only=stored-"],
        ["--note=a=b", f"--results-dir={tmp_path}"],
    ]
    for flags, name in zip(started, ("fig06", "fig06", "fig10", "fig11")):
        run.parser(registry.get(name)).parse_args(flags)


def finished(root, job, **changes):
    """Whether a job counts as finished where its record says this, after `all` has (or has not) finished it."""
    arguments = ["--budget=cpu", "--source=stl10_binary", "--data_dir=/x/here", "--test_dir=/x/there"]
    record = {"budget": "cpu", "seed": job.seed, "source": "stl10_binary", "data": "here", "test_data": "there"}
    record |= {"steps": 72_000, "recipe": {}, "image_sets": {"test": {}}} | changes
    records.save(job.folder(root) / job.name, record, {})
    return everything.State(root, {"budget": "cpu", "arguments": arguments}, [job]).done(job)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"steps": 4}, False),
        ({"budget": "quick"}, False),
        ({"seed": 5}, False),
        ({"data": "elsewhere"}, False),
        ({"test_data": "elsewhere"}, False),
        ({"parts": []}, False),
    ],
)
def test_a_training_that_is_there_is_not_trained_again(changes, expected, tmp_path):
    """As those that come with the project, which has no list of what this command has finished."""
    assert finished(tmp_path, Job("fig06", seed=1), **changes) is expected


def test_of_another_number_of_steps_a_finished_one_is_run_again(tmp_path, monkeypatch):
    """One of parts also where an older list says nothing of it: it repeats no part that is there."""
    job, parts = Job("fig06"), Job("physics")
    settings = {"budget": "cpu", "arguments": ["--budget=cpu"]}
    for each in (job, parts):
        records.save(tmp_path / each.name, {"budget": "cpu"}, {})
    older = {"settings": settings, "finished": {"fig06": 99.0, "physics": 99.0}, "others": []}
    (tmp_path / everything.STATE).write_text(json.dumps(older))
    state = everything.State(tmp_path, settings, [job, parts])
    assert state.done(job) and not state.done(parts)
    for each in (job, parts):
        state.add(each, 60.0)
    state.save([Job("fig07"), Job("fig07", seed=1)])
    kept = json.loads((tmp_path / everything.STATE).read_text())
    assert kept["finished"] == {"fig06": 60.0, "physics": 60.0} and "72000" in kept["given"]["fig06"]
    hours = jobs.Job("fig07").cpu / 60
    assert kept["left_hours"] == {"fig07": round(hours, 2), "fig07-seed-1": round(hours, 2)}
    again = everything.State(tmp_path, settings, [job, parts])
    assert again.done(job) and again.done(parts)
    for name in ("fig06", "physics"):
        monkeypatch.setitem(registry.get(name).BUDGETS, "cpu", ("fast", 1, None))
    assert not again.done(job) and not again.done(parts)


def test_only_some_jobs_are_run(small, capsys):
    root, _ = small
    assert everything.main(["--budget", "smoke", "--results_dir", str(root), "--only", "third,first"]) == 0
    assert began(root) == ["first", "third"] and "0.0 h  third" in capsys.readouterr().out
    assert everything.main(["--budget", "smoke", "--results_dir", str(root), "--only", "fourth"]) == 2
    assert "--only fourth names none of first, second, third" in capsys.readouterr().err


def test_what_is_left_is_kept_with_its_hours(small):
    root, how = small
    how["second"] = "fails"
    assert everything.main(["--budget", "cpu", "--results_dir", str(root)]) == 1
    state = json.loads((root / everything.STATE).read_text())
    assert state["left_hours"] == {"second": 1.0} and set(state["finished"]) == {"first", "third"}


def test_minutes_are_known_without_keras():
    code = "import sys; sys.modules['keras'] = None; import importlib.util as u; find = u.find_spec\n"
    code += "u.find_spec = lambda name, *a: None if name == 'keras' else find(name, *a)\n"
    code += "from experiments.lib import jobs; print(jobs.minutes('fig06', 'cpu'), jobs.minutes('fig06', 'cpu', 2))"
    assert run_python(code) == "26 26\n"
    with pytest.raises(ValueError, match="fig13 is not trained from seeds by itself"):
        jobs.minutes("fig13", "cpu", 1)
    budgets = {job.name: [job.smoke, job.quick, job.cpu, job.paper] for job in jobs.ORDER}
    assert all(min(minutes) > 0 for minutes in budgets.values())
