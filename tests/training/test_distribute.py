"""Two devices or two worker processes take the same steps as one with the same global batch."""

import json
import os
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from tests.conftest import BACKEND, ROOT, run_python, slow, tensorflow_only

# Trains under strategies, one after another, and prints the losses of every step of each.
TRAIN = """
import json, os, sys
import keras
strategies, loss, optimizer, devices, directory = *sys.argv[1:4], int(sys.argv[4]), sys.argv[5]
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpus = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * devices)
import diffnet_tf as dn
def train(strategy):
    with dn.distribute.scope(strategy):
        images = dn.data.load_images("skimage", split="test", limit=8)
        keras.utils.set_random_seed(0)
        model = dn.models.DiffNet(1, 3, 8, initial_scale=0.1)
        recipe = dn.training.Recipe(4, 16, loss=loss, optimizer=optimizer, learning_rate=1e-3, schedule="cosine")
        trained = dn.training.fit(
            model, images, recipe, steps=12, noise=0.01, validate_every=1, validation=images[:2], verbose=False,
            checkpoint_dir=directory if directory != "none" else None,
            callbacks=[keras.callbacks.EarlyStopping("val_psnr", patience=99)],  # which asks whether more is better
        )
        replicas = dn.distribute.replicas(model)
    return {"history": trained.history, "replicas": replicas, "dt": model.time_steps}
print("RESULT", json.dumps([train(strategy) for strategy in strategies.split(",")]))
"""


def train(strategies, loss="norm", optimizer="adam", devices=1, directory="none", **environment):
    """Of each strategy what came of it, all in one fresh process with a number of virtual devices."""
    printed = run_python(TRAIN, strategies, loss, optimizer, devices, directory, **environment)
    return json.loads(printed.split("RESULT")[1])


def assert_equal_curves(mine, theirs, rtol=1e-5):
    for name in ("loss", "val_loss", "val_psnr"):
        a, b = ([row[name] for row in run["history"]] for run in (mine, theirs))
        assert len(a) == 12 and max(a) > min(a)
        np.testing.assert_allclose(a, b, rtol=rtol, err_msg=name)
    np.testing.assert_allclose(mine["dt"], theirs["dt"], rtol=rtol)


@pytest.mark.skipif(BACKEND not in ("tensorflow", "jax"), reason="needs tf.distribute or JAX")
@slow
def test_two_virtual_devices_take_the_same_steps():
    strategy = {"tensorflow": "mirrored", "jax": "data_parallel"}[BACKEND]
    alone, both = train(f"none,{strategy}", devices=2, XLA_FLAGS="--xla_force_host_platform_device_count=2")
    assert alone["replicas"] == 1 and both["replicas"] == 2
    assert_equal_curves(both, alone)


@slow
@tensorflow_only
def test_two_devices_with_soap_and_mean_squares():
    """SOAP's first averages are singular: their eigenvectors amplify the rounding of the sum over devices."""
    alone, both = train("none,mirrored", "mse", "soap", 2)
    assert_equal_curves(both, alone, rtol=5e-3)


def _free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    for s in sockets:
        s.bind(("localhost", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@slow
@tensorflow_only
def test_two_worker_processes_take_the_same_steps(tmp_path):
    """And only the first of them writes a checkpoint."""
    (alone,) = train("none")
    workers = [f"localhost:{port}" for port in _free_ports(2)]
    processes = []
    for index in range(2):
        config = json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})
        arguments = ("multiworker", "norm", "adam", "1", str(tmp_path / str(index)))
        command = [sys.executable, "-c", TRAIN, *arguments]
        environment = {**os.environ, "TF_CONFIG": config}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes))
    try:
        printed = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (out, error) in zip(processes, printed):
        assert process.returncode == 0, error[-3000:]
        (both,) = json.loads(out.split("RESULT")[1])
        assert both["replicas"] == 2
        assert_equal_curves(both, alone)
    assert [(tmp_path / str(index)).exists() for index in range(2)] == [True, False]


def test_bad_strategies_are_refused():
    with pytest.raises(ValueError, match="strategy='towers'"):
        dn.distribute.scope("towers")
    other = {"tensorflow": "data_parallel", "jax": "mirrored", "torch": "mirrored"}[BACKEND]
    with pytest.raises(ValueError, match=f"needs Keras's .* backend; this is {BACKEND}"):
        dn.distribute.scope(other)


@tensorflow_only
@pytest.mark.parametrize("make", [dn.data.pairs, dn.data.PairSequence])
def test_the_parts_of_a_batch_make_the_batch(photographs, make):
    options = {"noise": 0.01, "crop": 16, "augment": True, "batch_size": 4, "epochs": 2}
    whole, *parts = (
        [batches[i] for i in range(len(batches))] if make is dn.data.PairSequence else list(batches)
        for batches in (make(photographs, shard=shard, **options) for shard in ((0, 1), (0, 2), (1, 2)))
    )
    assert len(whole) == len(parts[0]) == len(parts[1]) == 4
    for pair, *halves in zip(whole, *parts):
        for k in range(2):
            np.testing.assert_array_equal(pair[k], np.concatenate([half[k] for half in halves]))
    with pytest.raises(ValueError, match=r"shard=\(0, 3\) with batches of 4"):
        make(photographs, shard=(0, 3), **options)
    with pytest.raises(ValueError, match=r"shard=\(2, 2\)"):
        make(photographs, shard=(2, 2), **options)


@pytest.mark.parametrize("loss", dn.metrics.LOSSES)
def test_a_loss_in_two_parts_is_the_loss(rng, loss):
    target, output = rng.normal(size=(2, 4, 5, 6, 1)).astype("float32")
    squares, of_squares = dn.metrics.SUMMED[loss]
    total = sum(squares(target[i : i + 2], output[i : i + 2]) for i in (0, 2))
    expected = dn.metrics.LOSSES[loss]()(target, output)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(of_squares(total, target.shape)), expected, rtol=1e-6)
