"""What commands and imports write to stderr, in fresh processes: commands nothing, imports nothing of ours."""

import logging
import os
import subprocess
import sys

import numpy as np
import pytest

from diffnet_tf.__main__ import COMMANDS, main
from diffnet_tf.base import backend, quiet
from tests.conftest import ROOT, slow, tensorflow_only

RETRACING = "5 out of the last 5 calls to <function f at 0x0> triggered tf.function retracing."


def run(*command, cwd=ROOT):
    """A fresh process, without what the tests themselves set: (status, stdout, stderr)."""
    environment = {name: value for name, value in os.environ.items() if name != quiet.LEVEL}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, *map(str, command)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "in.npy"
    np.save(path, np.linspace(0, 1, 40 * 40, dtype="float32").reshape(40, 40))
    return path


@tensorflow_only
def test_a_command_writes_nothing_to_stderr(image, tmp_path):
    arguments = ("restore", image, tmp_path / "out.npy", "--preset", "forward")
    status, out, errors = run("-m", "diffnet_tf", *arguments)
    assert (status, errors) == (0, "")
    assert out.startswith("Device: ") and "(TensorFlow 2." in out.splitlines()[0]


@tensorflow_only
def test_the_console_script_writes_nothing_to_stderr(tmp_path):
    script = tmp_path / quiet.SCRIPT
    script.write_text("import sys\nfrom diffnet_tf.__main__ import main\nsys.exit(main())\n")
    status, out, errors = run(script, "data", tmp_path)
    assert (status, errors) == (1, "") and out.startswith("No image data that this package can read.")
    assert run(script, "--help")[1].startswith(f"usage: {quiet.SCRIPT} [-h] [--version] COMMAND")


@pytest.mark.parametrize(
    ("command", "level", "shown"),
    [("diffnet_tf", None, ""), ("diffnet_tf", "3", ""), ("diffnet_tf", "0", "line"), (None, None, "line")],
)
def test_what_is_written_while_loading(monkeypatch, capfd, command, level, shown):
    """Hidden in commands alone, and there too shown to whoever asks for all lines."""
    monkeypatch.setattr(quiet, "COMMAND", command)
    monkeypatch.delenv(quiet.LEVEL, raising=False)
    if level:
        monkeypatch.setenv(quiet.LEVEL, level)
    with quiet.loading():
        os.write(2, b"line")
    assert capfd.readouterr().err == shown


def test_what_was_written_is_shown_when_loading_fails(monkeypatch, capfd):
    monkeypatch.setattr(quiet, "COMMAND", "diffnet_tf")
    with pytest.raises(ImportError), quiet.loading():
        os.write(2, b"why")
        raise ImportError
    assert capfd.readouterr().err == "why"


LOUD = """
import os, sys, threading
class Finder:  # writes whenever a module is looked for, as a program's own import hook may
    def find_spec(self, name, path=None, target=None):
        if name in ("keras", "diffnet_tf.networks.layers"):
            os.write(2, f"<{name}>".encode())
sys.meta_path.insert(0, Finder())
import diffnet_tf
assert "keras" in sys.modules and "TF_CPP_MIN_LOG_LEVEL" not in os.environ
print("loaded")
"""


@pytest.mark.parametrize("command", [["-c", LOUD], pytest.param(["-m", "experiments.work"], marks=slow)])
def test_an_import_hides_nothing_of_the_program(tmp_path, command):
    """Not even of a package whose name is that of our experiments."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").write_text(LOUD)
    (tmp_path / "experiments" / "work.py").write_text("")
    status, out, errors = run(*command, cwd=tmp_path)
    assert (status, out) == (0, "loaded\n"), errors
    assert "<keras>" in errors and "<diffnet_tf.networks.layers>" in errors


HELP = [f"{name} --help" for name in COMMANDS]
LIGHT = """
import sys
sys.argv, sys.orig_argv = ["-m", *sys.argv[1:]], ["python", "-m", "diffnet_tf", *sys.argv[1:]]
import runpy
try:
    runpy.run_module("diffnet_tf", run_name="__main__")
finally:
    print([name for name in ("keras", "tensorflow") if name in sys.modules])
"""


@pytest.mark.parametrize("arguments", ["--help", "--version", "presets inverse", "verify", "restor", *HELP])
def test_what_needs_no_keras_does_not_load_it(arguments):
    ended, out, errors = run("-c", LIGHT, *arguments.split())
    assert ended == (2 if arguments == "restor" else 0) and out.endswith("[]\n"), errors


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    words = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {line}" in words for name, line in COMMANDS.items())


def test_keras_may_trace_many_networks(monkeypatch, caplog):
    monkeypatch.setattr(quiet, "COMMAND", "experiments")
    monkeypatch.setenv(quiet.LEVEL, "3")
    logger = logging.getLogger("tensorflow")
    filters = list(logger.filters)
    try:
        with quiet.loading():
            pass
        for message in (RETRACING, "something else"):
            logger.warning(message)
    finally:
        logger.filters[:] = filters
    assert "something else" in caplog.text and "retracing" not in caplog.text


@tensorflow_only
def test_functions_of_one_line_may_be_compiled_one_after_the_other(caplog):
    for number in range(8):
        assert backend.compiled(lambda u, n=number: u + n)(np.float32(1)) == 1 + number
    assert "retracing" not in caplog.text
