"""Shared by all tests: photographs that come with scikit-image, and fresh processes."""

import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
BACKEND = keras.backend.backend()
tensorflow_only = pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.data needs Keras's TensorFlow backend")


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
