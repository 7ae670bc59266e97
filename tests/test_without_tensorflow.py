"""All that works on JAX where TensorFlow is not installed, without any setting; and what does not work says so."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from tests.conftest import BACKEND, ROOT, slow

# As `make test` runs these: after pip install -r requirements-jax.txt.
pytestmark = [
    pytest.mark.skipif(BACKEND != "jax", reason="runs on Keras's JAX backend"),
    pytest.mark.skipif(importlib.util.find_spec("tensorflow") is not None, reason="this environment has TensorFlow"),
]


def run(*command, **environment):
    """A fresh process in which nobody has chosen a backend: (status, output, errors)."""
    own = {name: value for name, value in os.environ.items() if name not in ("KERAS_BACKEND", "KERAS_HOME")}
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(words, cwd=ROOT, env={**own, **environment}, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def test_no_setting_is_needed(tmp_path):
    """Also not after Keras has written its own settings, which name TensorFlow."""
    for _ in range(2):
        code = "import diffnet_tf as dn, keras; print(keras.backend.backend()); dn.models"
        assert run("-c", code, KERAS_HOME=str(tmp_path)) == (0, "jax\n", "")
    assert "tensorflow" in (tmp_path / "keras.json").read_text()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda d: dn.data.load_images("stl10"), ValueError, "needs TensorFlow and .* Use the same .*'stl10_binary'"),
        (lambda d: dn.data.pairs(np.ones((2, 9, 9, 1), "float32")), RuntimeError, "use data.PairSequence"),
        (lambda d: dn.distribute.scope("mirrored"), ValueError, "Install TensorFlow.* On jax, give 'data_parallel'"),
        (lambda d: dn.models.DiffNet(1, 2, 4).export(d / "x"), ImportError, "pip install tensorflow.* docs/export.md"),
        (
            lambda d: dn.data.make_pairs(np.ones((2, 9, 9, 1), "float32"), d / "p.tfrecord"),
            ValueError,
            "need TensorFlow, which is not installed; write .npz",
        ),
        (
            lambda d: dn.training.fit(
                dn.models.DiffNet(1, 2, 4), np.ones((9, 30, 30, 1), "f4"), steps=1, tensorboard=d
            ),
            ValueError,
            "Use csv_log",
        ),
    ],
)
def test_what_needs_tensorflow_says_what_to_do(call, kind, message, tmp_path):
    with pytest.raises(kind, match=message):
        call(tmp_path)


def test_a_wrong_setting_is_explained(tmp_path):
    status, _, errors = run("-m", "diffnet_tf", "data", tmp_path, KERAS_BACKEND="tensorflow")
    assert status == 2 and errors.startswith(
        "error: KERAS_BACKEND=tensorflow, but TensorFlow is not installed. Set KERAS"
    )
    status, _, errors = run("-c", "import diffnet_tf as dn; dn.from_preset", KERAS_BACKEND="tensorflow")
    assert status == 1 and "Set KERAS_BACKEND=jax, which is installed" in errors.splitlines()[-1]


@slow
def test_commands_work(tmp_path):
    assert "inverse-1pct" in run("-m", "diffnet_tf", "presets")[1]
    (tmp_path / "photos").mkdir()
    for number, image in enumerate(dn.data.load_images("skimage", limit=12)):
        np.save(tmp_path / f"{number}.npy", image[..., 0])
        keras.utils.save_img(tmp_path / "photos" / f"{number}.png", 255 * image, scale=False)
    restored = ("restore", tmp_path / "0.npy", tmp_path / "out.npy", "--preset", "forward")
    trained = ("train", tmp_path / "photos", "--steps", 2, "--out", tmp_path / "own.keras")
    for command in (restored, trained):
        status, out, errors = run("-m", "diffnet_tf", *command)
        assert (status, errors) == (0, "") and "(JAX" in out, errors
    assert np.load(tmp_path / "out.npy").shape == (96, 96)


@slow
def test_an_experiment_trains_measures_and_draws(tmp_path):
    dn.data.open_images("skimage", limit=40).save(tmp_path)
    command = ("-m", "experiments.fig07_samples", "--budget", "smoke", "--source", "npy")
    status, _, errors = run(*command, "--data-dir", tmp_path, "--results-dir", tmp_path)
    assert (status, errors) == (0, "")
    record = json.loads((tmp_path / "fig07" / "record.json").read_text())
    assert (record["backend"], record["steps"], record["source"]) == ("jax", 4, "npy")
    assert (tmp_path / "fig07" / "figure.png").exists() and (tmp_path / "fig07" / "model.keras").exists()


@slow
def test_the_unet_trains():
    """In float32: bfloat16 does not make JAX faster on a processor."""
    from experiments.lib import networks

    assert networks.make("UNet", None).dtype_policy.name == "float32"
