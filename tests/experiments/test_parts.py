"""Parts of an experiment: what has a record is not done again, unless it was given fewer steps."""

import json
import re

import pytest

from experiments import all_noise, fig13_smoothing
from experiments.lib import registry, study
from tests.conftest import tensorflow_only
from tests.small_experiments import options

pytestmark = tensorflow_only


@pytest.fixture
def do(tmp_path):
    """Do a part of so many steps in a folder: whether it was done, and the record that is left."""

    def done(given, finds=None, **changes):
        chosen, calls = options(fig13_smoothing, tmp_path, **changes), []

        def work():
            calls.append(given)
            return study.Result({"steps": given, **(finds or {})})

        study.do_missing([study.Part("part", work, steps=given)], chosen)
        return bool(calls), json.loads(study.path("part", chosen).read_text())

    return done


def test_a_record_of_fewer_steps_is_made_anew(do):
    assert do(400)[0] and not do(400)[0] and not do(300)[0]
    again, record = do(7_000)
    assert again and (record["steps"], record["given_steps"]) == (7_000, 7_000)
    assert not do(7_000)[0]


def test_one_that_was_stopped_early_had_its_steps(do):
    assert do(7_000, {"steps": 2_000, "stopped_early": True})[0]
    assert not do(7_000)[0] and do(7_001)[0]


def test_a_record_of_an_older_commit_says_its_steps(do, tmp_path):
    _, record = do(800)
    kept = study.path("part", options(fig13_smoothing, tmp_path))
    del record["given_steps"]
    kept.write_text(json.dumps(record))
    assert not do(800)[0] and do(7_000)[0]


def test_steps_of_the_command_line_have_a_record_of_their_own(do, tmp_path):
    assert do(400)[0] and do(400, steps=5)[0] and not do(9_000, steps=5)[0]
    assert len(list((tmp_path / "fig13" / "runs").glob("part-*.json"))) == 2


def test_parts_without_steps_are_done_once(do):
    assert do(0)[0] and not do(0)[0]


MEASURED = re.compile(
    "laws$|iterations$|inverse$|random-inverse$|gain$|beside$|inverse-fixed-point|"
    "test-|photograph|times|camera-|input|long|classical|costs|local|preset|conditioned|contrast-(preset|fixed-point)|time-.*-(fixed-point|stepwise)"
)


@pytest.mark.parametrize("name", [name for name in registry.names() if hasattr(registry.get(name), "parts")])
def test_every_training_says_its_steps(name, tmp_path):
    """Else a budget that gives more could never be trained where there is a record of the old one."""
    experiment = registry.get(name)
    parts = experiment.parts(options(experiment, tmp_path))
    assert [part.name for part in parts if not part.steps and not MEASURED.match(part.name)] == []
    assert any(part.steps for part in parts)


def test_answers_that_depend_on_the_steps_have_enough():
    """7,000 of small crops or 2,800 of large ones; the network for all noise gets those of all specialists together."""
    _, together, each, levels, _ = all_noise.BUDGETS["cpu"]
    assert each == 2_800 and together == each * len(levels)
    assert registry.get("ensemble").BUDGETS["cpu"][1] == 2_800 and registry.get("physics").BUDGETS["cpu"][1] == 7_000
