"""Each row of the table: refused with the decisive words. Commands say one line, end with status 2, leave nothing."""

import os
import subprocess
import sys

import keras
import pytest

import diffnet_tf as dn
from diffnet_tf.__main__ import COMMANDS as NAMES
from diffnet_tf.__main__ import main
from diffnet_tf.base import command_line
from diffnet_tf.base.checks import InputTypeError
from diffnet_tf.files import model_files
from diffnet_tf.networks import cards, presets
from experiments.lib import ledger as verify
from tests.conftest import ROOT, mostly_slow, tensorflow_only
from tests.hostile.common import check, contents
from tests.hostile.table import COMMANDS, PYTHON


@pytest.mark.parametrize("name", PYTHON)
def test_from_python(model, folder, name):
    call, kind, words = PYTHON[name]
    with pytest.raises((ValueError, TypeError, OSError)) as error:
        call(model, folder)
    check(error, kind, words, folder)


def judge(out, errors, words):
    """What a command has to say: one line on stderr with the decisive words."""
    assert errors.startswith("error: ") and errors.endswith("\n") and errors.count("\n") == 1, errors
    check(errors, str, words)
    assert out == ""


@tensorflow_only
@pytest.mark.parametrize("command", COMMANDS)
def test_commands(folder, monkeypatch, capsys, command):
    monkeypatch.chdir(folder)
    before = contents(folder)
    assert main(command.split()) == 2
    judge(*capsys.readouterr(), COMMANDS[command])
    assert contents(folder) == before


@tensorflow_only
@pytest.mark.parametrize("name", mostly_slow(NAMES, "restore"))
def test_a_command_in_a_process_of_its_own(folder, name):
    """What its exit status is, and that nothing else is on stderr."""
    row = next(command for command in COMMANDS if command.split()[:1] == [name])
    done = subprocess.run(
        [sys.executable, "-m", "diffnet_tf", *row.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    judge(done.stdout, done.stderr, COMMANDS[row])


def test_a_minor_version_is_no_obstacle(folder):
    newer, good = (model_files.load(folder / f"{name}.keras") for name in ("newer", "good"))
    assert newer.count_params() == good.count_params()


def test_an_old_keras_is_not_trusted_with_models(folder, monkeypatch):
    monkeypatch.setattr(keras, "__version__", "3.12.4")
    with pytest.raises(ValueError) as error:
        model_files.load(folder / "good.keras")
    check(error, ValueError, "Keras 3.12.4 is installed; expected at least 3.15.1 … pip install --upgrade keras")


def test_preset_of_a_wrong_hash(tmp_path, monkeypatch, model):
    presets.save("inverse", model, {}, tmp_path)
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    content = (tmp_path / "inverse.npz").read_bytes()
    (tmp_path / "inverse.npz").write_bytes(content[:-1] + b"x")
    with pytest.raises(ValueError) as error:
        dn.from_preset("inverse")
    check(error, ValueError, "{folder}/inverse.npz has SHA-256 … expected … install the package again", tmp_path)


@tensorflow_only
def test_the_programs_own_mistakes_show_where_they_are(monkeypatch, capsys):
    monkeypatch.setattr(verify, "text", lambda *_, **__: len(None))
    with pytest.raises(TypeError, match="has no len"):
        main(["verify"])
    capsys.readouterr()

    @command_line.reports_errors
    def program(error):
        raise error

    with pytest.raises(TypeError, match="a b"):
        program(TypeError("a b"))
    for error in (ValueError("a\nb"), InputTypeError("a b"), OSError("a b"), FloatingPointError("a b")):
        assert program(error) == 2 and capsys.readouterr().err == "error: a b\n"


@tensorflow_only
def test_a_traceback_can_be_asked_for(monkeypatch, capsys):
    monkeypatch.setenv(command_line.TRACEBACK, "1")
    assert main(["data", "no"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("Traceback") and "error: no does not exist" in errors.splitlines()[-1]
