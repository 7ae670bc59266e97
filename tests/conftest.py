"""Shared by all tests: photographs that come with scikit-image, and fresh processes."""

import errno
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

from tests.fuzzing import SEED

ROOT = Path(__file__).resolve().parent.parent
BACKEND = keras.backend.backend()
slow = pytest.mark.slow  # left to `make test-all`
tensorflow_only = pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.data needs Keras's TensorFlow backend")


def mostly_slow(values, *quick):
    """Values of a parameter (tuples: of several): `make test` takes the quick ones, `make test-all` takes all."""
    assert set(quick) <= set(values)
    return [
        value if value in quick else pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=slow)
        for value in values
    ]


def slow_on_jax(values, *quick):
    """As `mostly_slow`, on JAX only, which compiles every operation of a test anew."""
    return mostly_slow(values, *(quick if BACKEND == "jax" else values))


def pytest_terminal_summary(terminalreporter):
    """With which seed the files were mutated, whatever came of it."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    if any("test_fuzz.py" in getattr(report, "nodeid", "") for report in reports):
        terminalreporter.write_line(f"Fuzzing: FUZZ_SEED={SEED} gives the same files again.")


@pytest.fixture(scope="session")
def photographs():
    """Eight real photographs, float32 (8, 96, 96, 1)."""
    import diffnet_tf as dn

    return dn.data.load_images("skimage", split="test", limit=8)


@pytest.fixture
def float64():
    """Float64 on every backend: JAX narrows to float32 unless it is told not to."""
    if BACKEND != "jax":
        yield
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A results folder with small networks in the place of those that Figures 8–13 look into."""
    import diffnet_tf as dn
    from experiments.lib import networks, records, settings
    from tests.small_experiments import small

    monkeypatch.setattr(networks, "make", small)
    for setting in settings.INVERSE:
        name, noise = setting.experiment, setting.noise
        keras.utils.set_random_seed(int(1e4 * noise))
        model = dn.models.DiffNet(2, 2, 4)
        record = {"experiment": name, "budget": "smoke", "steps": 0, "noise": noise, "seed": 0, "commit": None}
        record |= {"source": "skimage", "data": "skimage", "recipe": {"name": "fast"}}
        records.save(tmp_path / name, record, {})
        model.save(tmp_path / name / records.MODEL)
    return tmp_path


def run_python(code, *arguments, **environment):
    """Run code in a fresh Python process at the root of the project; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


class FailingFile:
    """An open file whose k-th write fails as on a full disk or a broken one; later ones work again."""

    def __init__(self, file, state):
        self._file, self._state = file, state

    def write(self, content):
        self._state["calls"] += 1
        if self._state["calls"] == self._state["fail_at"]:
            self._file.write(content[: len(content) // 2])
            raise OSError(self._state["errno"], os.strerror(self._state["errno"]))
        return self._file.write(content)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()


@pytest.fixture
def failing(monkeypatch):
    """Make the k-th write, flush to the disk or renaming of `files` fail: a dict with "fail_at" and "errno"."""
    from diffnet_tf.files import writing as files

    state = {"calls": 0, "fail_at": 0, "errno": errno.ENOSPC}
    real_open, real = open, {name: getattr(os, name) for name in ("fsync", "replace")}

    def counted(name):
        def call(*arguments):
            state["calls"] += 1
            if state["calls"] == state["fail_at"]:
                raise OSError(state["errno"], os.strerror(state["errno"]))
            return real[name](*arguments)

        return call

    monkeypatch.setattr(files, "open", lambda *a: FailingFile(real_open(*a), state), raising=False)
    for name in real:
        monkeypatch.setattr(files.os, name, counted(name))
    return state
