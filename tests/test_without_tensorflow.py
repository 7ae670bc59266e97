"""The whole training path on JAX where TensorFlow is not installed, from a prepared array of gray images."""

import importlib.util
import json
import subprocess
import sys

import pytest

import diffnet_tf as dn
from tests.conftest import BACKEND, ROOT, slow

pytestmark = pytest.mark.skipif(BACKEND != "jax", reason="runs on Keras's JAX backend")


def test_tensorflow_is_not_there():
    """As `make test` runs these; elsewhere they prove less."""
    if importlib.util.find_spec("tensorflow") is not None:
        pytest.skip("this environment has TensorFlow")
    assert "tensorflow" not in sys.modules


@slow
def test_an_experiment_trains_measures_and_draws(tmp_path):
    dn.data.open_images("skimage", limit=40).save(tmp_path)
    command = [sys.executable, "-m", "experiments.fig07_samples", "--budget", "smoke", "--source", "npy"]
    done = subprocess.run(
        [*command, "--data_dir", tmp_path, "--results_dir", tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    record = json.loads((tmp_path / "fig07" / "record.json").read_text())
    assert (record["backend"], record["steps"], record["source"]) == ("jax", 4, "npy")
    assert (tmp_path / "fig07" / "figure.png").exists() and (tmp_path / "fig07" / "model.keras").exists()
