"""Checkpoints: a run taken up again ends with the same bits, and no failure loses what was saved."""

import errno
import hashlib
import json
import shutil

import keras
import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from diffnet_tf import training
from diffnet_tf.training import callbacks as callback_state
from diffnet_tf.training import checkpoint, device
from tests.conftest import BACKEND, mostly_slow

STEPS, EVERY = 15, 4
RECIPE = dn.training.Recipe(batch_size=2, crop=12, augment=True, optimizer="soap", schedule="constant")


def train(photographs, folder, seed=0):
    """A short run with all that has a state: SOAP, validation, callbacks that change the training."""
    keras.utils.set_random_seed(seed)
    model = dn.models.DiffNet(1, 2, 4, initial_scale=0.01)
    callbacks = [
        # The first validation is the best: what it remembers is needed at the end.
        keras.callbacks.EarlyStopping("val_loss", mode="max", patience=9, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", mode="max", patience=2, factor=0.1, min_lr=0),
    ]
    trained = training.fit(
        model,
        photographs[:5],
        RECIPE,
        steps=STEPS,
        noise=0.01,
        validation=photographs[5:7],
        validate_every=EVERY,
        save_every=1,
        checkpoint_dir=folder,
        callbacks=callbacks,
        verbose=False,
    )
    return model, trained


def digest(model, trained):
    """SHA-256 of all that a run ends with: weights, the optimiser's state, history, steps."""
    total = hashlib.sha256(json.dumps([trained.steps, trained.history]).encode())
    for variable in [*model.variables, *model.optimizer.variables]:
        total.update(ops.convert_to_numpy(variable).tobytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def whole(photographs, tmp_path_factory):
    """A run that was not stopped: (its folder with the checkpoint of every step, its digest)."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "KEPT", STEPS)
        result = digest(*train(photographs, folder))
    assert len(list(folder.glob("*.json"))) == STEPS
    return folder, result


def stopped_after(step, whole, folder):
    """The folder that a run leaves that was killed after a step: the two checkpoints up to it."""
    for done in (step - 1, step):
        for path in whole[0].glob(f"{done:010d}.*"):
            shutil.copy(path, folder)
    return folder


@pytest.mark.parametrize("step", mostly_slow(range(1, STEPS + 1), 5, 8))  # in the middle of an interval, and at its end
def test_a_run_stopped_after_any_step_ends_with_the_same_bits(photographs, whole, tmp_path, step):
    model, trained = train(photographs, stopped_after(step, whole, tmp_path), seed=9)  # other weights to start with
    assert digest(model, trained) == whole[1]
    assert trained.finished and len(trained.times) == len(trained.history) == 4


def leave_out(item, patch):
    """Make resuming forget one of the things that are saved."""
    assign, load, pairs = checkpoint._assign, checkpoint.load, dn.data.pairs
    if item in ("model", "optimizer", "metrics"):
        patch.setattr(
            checkpoint, "_assign", lambda v, a: None if item in next(iter(v)) else assign(v, a)
        )  # metrics are a call of their own
        patch.setattr(
            checkpoint,
            "_named",
            lambda kind, variables: (
                {f"{kind}/{i:04d}": v for i, v in enumerate(variables)} if kind != item or item == "metrics" else {}
            ),
        )
    elif item == "callbacks":
        patch.setattr(callback_state, "restore", lambda *a: None)
    elif item == "data position":
        patch.setattr(dn.data, "pairs", lambda *a, start=0, **k: pairs(*a, start=0, **k))
        patch.setattr(dn.data, "PairSequence", _from_the_start(dn.data.PairSequence))
        call = device.Steps.__call__
        patch.setattr(device.Steps, "__call__", lambda self, state, first, count: call(self, state, first - 6, count))
    else:

        def forgetful(*arguments):
            found = load(*arguments)
            if item == "step":
                return checkpoint.Checkpoint(found.step - 1, found.state, found.arrays)
            return checkpoint.Checkpoint(found.step, {**found.state, item: type(found.state[item])()}, found.arrays)

        patch.setattr(checkpoint, "load", forgetful)


def _from_the_start(sequence):
    return lambda *arguments, start=0, **options: sequence(*arguments, start=0, **options)


ITEMS = ["model", "optimizer", "metrics", "callbacks", "data position", "step", "history"]


@pytest.mark.parametrize("item", mostly_slow(ITEMS, "optimizer", "data position"))
def test_without_any_of_the_saved_items_the_bits_differ(photographs, whole, tmp_path, monkeypatch, item):
    """A test of the test above: it would notice."""
    leave_out(item, monkeypatch)
    model, trained = train(photographs, stopped_after(6, whole, tmp_path), seed=9)
    assert digest(model, trained) != whole[1]


def test_a_run_that_a_callback_ended_stays_ended(photographs, tmp_path):
    def run():
        keras.utils.set_random_seed(0)
        model = dn.models.DiffNet(1, 2, 4)
        stop = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=1, restore_best_weights=True)
        options = {"steps": 20, "validation": photographs[5:7], "validate_every": 2, "verbose": False}
        return model, training.fit(model, photographs[:5], RECIPE, callbacks=[stop], checkpoint_dir=tmp_path, **options)

    model, first = run()
    again, second = run()
    assert first.steps == second.steps == 4 and not second.finished
    assert digest(again, second) == digest(model, first)


# ---- Files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def save(folder, model, step):
    checkpoint.save(folder, model, step, {"history": [step]}, {"steps": 9}, {"more": np.full(3, step)})


def load(folder):
    return checkpoint.load(folder, {"steps": 9})


def test_the_two_newest_are_kept(tiny, tmp_path):
    for step in (1, 2, 3):
        save(tmp_path, tiny, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{step:010d}.{suffix}" for step in (2, 3) for suffix in ("json", "npz")
    ]
    found = load(tmp_path)
    assert (found.step, found.state) == (3, {"history": [3]})
    np.testing.assert_array_equal(found.arrays["more"], [3, 3, 3])
    manifest = json.loads((tmp_path / "0000000003.json").read_text())
    assert manifest["sha256"] == hashlib.sha256((tmp_path / "0000000003.npz").read_bytes()).hexdigest()
    assert manifest["versions"]["keras"] == keras.__version__ and manifest["configuration"] == {"steps": 9}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("old", [True, False], ids=["old", "none"])
def test_every_failing_write_leaves_the_old_or_the_new(failing, tiny, tmp_path, number, old):
    failures = 0
    while True:
        failing.update(fail_at=0)
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        if old:
            save(tmp_path / "run", tiny, 1)
        failing.update(calls=0, fail_at=failures + 1, errno=number)
        try:
            save(tmp_path / "run", tiny, 2)
        except OSError as error:
            assert error.errno == number
            failures += 1
        else:
            break
        found = load(tmp_path / "run")
        assert found.step in (1, 2) if old else found is None or found.step == 2
    assert load(tmp_path / "run").step == 2
    assert failures >= 8  # the writes of the arrays and of the manifest, each written, flushed, renamed, flushed


@pytest.mark.parametrize("left", ["partial", "no manifest", "torn manifest", "torn arrays", "flipped bit", "edited"])
def test_a_damaged_newest_falls_back_to_the_one_before(tiny, tmp_path, left):
    save(tmp_path, tiny, 1)
    save(tmp_path, tiny, 2)
    arrays, manifest = tmp_path / "0000000002.npz", tmp_path / "0000000002.json"
    content, text = arrays.read_bytes(), manifest.read_text()
    silent = left in ("partial", "no manifest")  # what a killed run leaves counts as never begun
    if silent:
        manifest.unlink()
        if left == "partial":
            arrays.rename(tmp_path / ".0000000002.partial.npz")
    elif left == "torn manifest":
        manifest.write_text(text[: len(text) // 2])
    elif left == "torn arrays":
        arrays.write_bytes(content[:-100])
    elif left == "flipped bit":
        arrays.write_bytes(content[:700] + bytes([content[700] ^ 1]) + content[701:])
    else:
        manifest.write_text(text.replace('"steps": 9', '"steps": 8'))
    if silent:
        assert load(tmp_path).step == 1
    else:
        with pytest.warns(RuntimeWarning, match="0000000002.json is damaged .*Trying the previous checkpoint"):
            assert load(tmp_path).step == 1
    save(tmp_path, tiny, 3)  # and the run goes on
    assert load(tmp_path).step == 3


def test_nothing_whole_is_refused_and_nothing_at_all_is_a_start(tiny, tmp_path):
    assert load(tmp_path) is None and load(tmp_path / "missing") is None
    save(tmp_path, tiny, 1)
    (tmp_path / "0000000001.npz").write_bytes(b"")
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(ValueError, match="all checkpoints are damaged; expected .* Remove"),
    ):
        load(tmp_path)


def test_a_removed_folder_is_gone_at_once(tiny, tmp_path, monkeypatch):
    """Killed while the files go one by one, the next start finds no half of a checkpoint."""
    save(tmp_path / "checkpoint", tiny, 1)
    remove = shutil.rmtree
    monkeypatch.setattr(checkpoint.shutil, "rmtree", lambda path, **options: None)
    checkpoint.remove(tmp_path / "checkpoint")
    assert load(tmp_path / "checkpoint") is None and not (tmp_path / "checkpoint").exists()
    monkeypatch.setattr(checkpoint.shutil, "rmtree", remove)
    save(tmp_path / "checkpoint", tiny, 1)
    checkpoint.remove(tmp_path / "checkpoint")
    checkpoint.remove(tmp_path / "checkpoint")
    assert list(tmp_path.iterdir()) == []


def test_nan_never_replaces_a_good_checkpoint(tiny, tmp_path):
    save(tmp_path, tiny, 1)
    kernel = tiny.layers[0].kernel
    kernel.assign(ops.where(ops.arange(2) == 1, np.nan, kernel))
    with pytest.raises(FloatingPointError, match="kernel is not finite after step 2, so it is not saved"):
        save(tmp_path, tiny, 2)
    assert load(tmp_path).step == 1 and len(list(tmp_path.iterdir())) == 2


def test_another_version_is_told(tiny, tmp_path, monkeypatch):
    save(tmp_path, tiny, 1)
    monkeypatch.setattr(checkpoint, "_versions", lambda: {"keras": "9.9"})
    with pytest.warns(RuntimeWarning, match="was written with .*keras .*. The last bits of the result may differ"):
        assert load(tmp_path).step == 1


def test_variables_of_another_model_are_refused(tiny, tmp_path):
    save(tmp_path, tiny, 1)
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.compile("adam", "mse")
    other.optimizer.build(other.trainable_variables)
    with pytest.raises(ValueError, match="does not fit this model and optimiser"):
        load(tmp_path).restore(other)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="one backend is enough: files know none")
def test_metrics_are_saved_in_the_middle_of_an_interval_only(photographs, whole):
    def names(step):
        with np.load(whole[0] / f"{step:010d}.npz") as arrays:
            return {name.split("/")[0] for name in arrays.files}

    assert "metrics" in names(5) and "metrics" not in names(8)
