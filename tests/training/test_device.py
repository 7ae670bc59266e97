"""Training on JAX with examples made on the device: the steps of the host's path, whatever number of them is a call."""

import dataclasses
import signal

import keras
import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from diffnet_tf.data.plan import Plan
from diffnet_tf.training import device, fitting
from tests.conftest import BACKEND, slow

pytestmark = pytest.mark.skipif(BACKEND != "jax", reason="on the other backends examples are made beside the step")
RECIPE = dn.training.Recipe(batch_size=2, crop=12, augment=True, schedule="constant", learning_rate=1e-3)
SOAP = dataclasses.replace(RECIPE, optimizer="soap")


@pytest.fixture
def pace(monkeypatch):
    """Set the number of steps in a call, and whether their loop is compiled: the clock has no say."""

    own = device.Steps

    def fixed(size, looped):
        class Steps(own):
            def __init__(self, model, plan, most):
                super().__init__(model, plan, min(most, size), looped)

            def __call__(self, state, first, count):
                calls.append((first, count))
                return super().__call__(state, first, count)

        calls = []
        monkeypatch.setattr(device, "Steps", Steps)
        monkeypatch.setattr(device._Pace, "took", lambda self, count, seconds: setattr(self, "size", self.most))
        return calls

    return fixed


def fit(photographs, recipe=RECIPE, seed=0, model=None, **options):
    """(All that a run ends with: the weights and the optimiser's state, the `Training`)."""
    keras.utils.set_random_seed(seed)
    model = model or dn.models.DiffNet(1, 1, 2, initial_scale=0.01)
    options = {"steps": 10, "noise": 0.01, "verbose": False, **options}
    trained = dn.training.fit(model, photographs[:5], recipe, **options)
    return [ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)], trained


def assert_equal(mine, theirs):
    for a, b in zip(mine[0], theirs[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert mine[1].history == theirs[1].history


def test_mapped_images_are_copied_to_a_device_that_has_room_for_them(photographs, monkeypatch, tmp_path):
    """A memory map must not send a GPU's training to the slow path, and must not fill a memory of unknown size."""
    import jax

    np.save(tmp_path / "gray.npy", np.uint8(np.arange(4 * 24 * 24) % 251).reshape(4, 24, 24))
    mapped = dn.data.GrayImages(np.load(tmp_path / "gray.npy", mmap_mode="r"))
    assert isinstance(mapped.pixels, np.memmap)
    plan = Plan(mapped, batch_size=2, crop=12)
    model = dn.models.DiffNet(1, 1, 2)
    model.compile("adam", "mse")
    answers = []
    for limit in (None, 8 * mapped.pixels.nbytes, mapped.pixels.nbytes):
        stats = None if limit is None else {"bytes_limit": limit}
        monkeypatch.setattr(jax, "devices", lambda *_, s=stats: [type("Device", (), {"memory_stats": lambda _: s})()])
        answers.append(device.able(model, plan))
    assert answers == [False, True, False]


@pytest.mark.parametrize(
    ("looped", "options"),
    [
        (True, {}),
        pytest.param(False, {"noise": (0.0, 0.1), "noise_map": True}, marks=slow),
        pytest.param(False, {"degrade": lambda u, p: u * p, "parameter": (0.5, 1.0)}, marks=slow),
        pytest.param(False, {"problem": "forward", "noise": 0.0}, marks=slow),
    ],
)
def test_the_loss_curve_is_that_of_the_host(photographs, pace, monkeypatch, looped, options):
    """Of 10 steps, each its own interval, and of the validation."""

    def curves():
        model = dn.models.DiffNet(1, 1, 2, initial_scale=0.01, noise_map=bool(options.get("noise_map")))
        return fit(photographs, model=model, validate_every=1, validation=photographs[5:7], **options)[1].history

    keras.utils.set_random_seed(0)
    calls = pace(4, looped)
    mine = curves()
    assert len(calls) == 10
    monkeypatch.setattr(device, "able", lambda model, plan: False)
    keras.utils.set_random_seed(0)
    theirs = curves()
    assert len(calls) == 10 and mine[0].keys() == theirs[0].keys() == {"step", "loss", "psnr", "val_loss", "val_psnr"}
    for a, b in zip(mine, theirs, strict=True):
        for name in a:
            assert a[name] == pytest.approx(b[name], rel=1e-5), (a["step"], name)


@pytest.mark.parametrize(
    ("looped", "recipe", "stops"),
    [
        (True, RECIPE, [20]),
        (False, RECIPE, [25]),
        pytest.param(True, SOAP, [20, 25, 50], marks=slow),
        pytest.param(False, SOAP, [20, 25, 50], marks=slow),
    ],
    ids=["loop", "steps", "loop-SOAP", "steps-SOAP"],
)
def test_the_steps_of_a_call_change_no_bit_and_so_does_no_stop(photographs, pace, tmp_path, looped, recipe, stops):
    """50 steps: one a call, as many as fit, and stopped inside of intervals and at their end."""
    options = {"recipe": recipe, "steps": 50, "validate_every": 25, "validation": photographs[5:7], "save_every": 10}
    calls = pace(1, looped)
    one = fit(photographs, **options)
    assert calls == [(i, 1) for i in range(50)]
    calls = pace(50, looped)
    many = fit(photographs, checkpoint_dir=tmp_path / "a", **options)
    # The first call compiles; then each ends at a checkpoint or at a validation.
    assert calls == [(0, 1), (1, 9), (10, 10), (20, 5), (25, 5), (30, 10), (40, 10)]
    assert_equal(many, one)
    assert sorted(path.name for path in (tmp_path / "a").glob("*.json")) == ["0000000040.json", "0000000050.json"]
    for stop in stops:
        interrupted(photographs, stop, checkpoint_dir=tmp_path / str(stop), **options)
        resumed = fit(photographs, seed=9, checkpoint_dir=tmp_path / str(stop), **options)
        assert resumed[1].finished
        assert_equal(resumed, one)


def interrupted(photographs, stop, **options):
    """A run that Ctrl-C hits while the call that ends after a step is under way."""
    call = device.Steps.__call__

    def hit(self, state, first, count):
        result = call(self, state, first, count)
        if first < stop <= first + count:
            signal.raise_signal(signal.SIGINT)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device.Steps, "__call__", hit)
        found = fit(photographs, **options)
    assert found[1].steps >= stop and found[1].finished == (found[1].steps == options.get("steps", 10))
    return found


def test_ctrl_c_ends_after_the_call_and_is_saved(photographs, pace, tmp_path, capsys):
    pace(4, False)
    options = {"validate_every": 10, "checkpoint_dir": tmp_path}
    handler = signal.getsignal(signal.SIGINT)
    state, trained = interrupted(photographs, 3, **options)
    assert trained.steps == 5 and signal.getsignal(signal.SIGINT) is handler  # calls of 1, 4, 4, 1 steps
    assert "Stopped after 5 of 10 steps" in capsys.readouterr().out
    assert all(np.isfinite(array).all() for array in state)
    assert_equal(fit(photographs, seed=9, **options), fit(photographs, validate_every=10))


def test_a_checkpoint_of_the_host_path_goes_on_here(photographs, pace, monkeypatch, tmp_path):
    """In the middle of an interval, whose metrics it has to bring."""
    pace(4, False)
    options = {"validate_every": 10, "save_every": 5}
    with monkeypatch.context() as patch:
        patch.setattr(device, "able", lambda model, plan: False)

        class Stop(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 5:
                    raise KeyboardInterrupt

        assert fit(photographs, checkpoint_dir=tmp_path, callbacks=[Stop()], **options)[1].steps == 5
    (mine, trained), (theirs, whole) = fit(photographs, checkpoint_dir=tmp_path, **options), fit(photographs, **options)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert trained.history[0] == pytest.approx(whole.history[0], rel=1e-5)


def test_nan_stops_training_and_keeps_the_checkpoint_before(photographs, pace, tmp_path):
    pace(4, False)

    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.diffusion_layers[0].time_step.assign(float("nan"))

    options = {"validate_every": 4, "checkpoint_dir": tmp_path}
    with pytest.raises(FloatingPointError, match="diverged before step 8"):
        fit(photographs, callbacks=[Spoil()], **options)
    with pytest.raises(FloatingPointError, match="time_step is not finite after step 6, so it is not saved"):
        fit(photographs, callbacks=[Spoil()], save_every=2, **options)  # goes on from step 4
    assert [path.name for path in tmp_path.glob("*.json")] == ["0000000004.json"]


def test_callbacks_that_act_on_batches_see_every_step(photographs, pace):
    """With the variables of each; others do not hold up the calls."""
    seen = []

    class See(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.jax_state_sync()
            seen.append((batch, logs["loss"], int(ops.convert_to_numpy(self.model.optimizer.iterations))))
            self.model.stop_training = len(seen) == 7

    calls = pace(4, False)
    state, trained = fit(photographs, callbacks=[See()], validate_every=5)
    assert [(batch, iterations) for batch, _, iterations in seen] == [
        (0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 6), (1, 7)
    ]  # fmt: skip
    assert trained.steps == 7 and not trained.finished and calls == [(i, 1) for i in range(7)]
    assert seen[4][1] == trained.history[0]["loss"] and len({loss for _, loss, _ in seen}) == 7
    # Kept as they are: callbacks of validations, and functions that Keras wraps.
    assert not device.acts_on_batches(keras.callbacks.EarlyStopping())
    assert not device.acts_on_batches(keras.callbacks.LambdaCallback(on_epoch_end=print))
    assert device.acts_on_batches(keras.callbacks.LambdaCallback(on_train_batch_end=print))
    assert device.acts_on_batches(keras.callbacks.TerminateOnNaN())


def test_progress_is_that_of_the_calls(photographs, pace, capsys):
    pace(4, False)
    fit(photographs, steps=30, validate_every=30, verbose=True)
    out = capsys.readouterr().out.splitlines()
    assert "ms per step, about" in out[0] and out[0].endswith("for 9 steps.")  # after 1, 5, …, 21
    assert out[1].startswith("step 30/30")


def test_the_pace_follows_the_clock():
    pace = device._Pace(64)
    pace.took(1, 60.0)  # compiled
    sizes = [1]
    for _ in range(8):
        pace.took(pace.size, 0.01 * pace.size)
        sizes.append(pace.size)
    assert sizes == [1, 2, 4, 8, 16, 25, 25, 25, 25]
    pace.took(25, 10.0)
    assert pace.size == 1


def test_what_cannot_be_traced_is_done_by_keras(photographs, pace):
    """A degradation in NumPy; a model that is not compiled; too many pixels."""
    calls = pace(4, False)
    _, trained = fit(photographs, steps=2, degrade=lambda u: np.sqrt(np.asarray(u)))
    assert trained.finished and calls == []
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    model.compile("adam", "mse")
    plan = Plan(photographs, batch_size=2)
    assert device.able(model, plan)
    assert not device.able(model, Plan(photographs, degrade=lambda u: u * float(u.max()), batch_size=2))
    model.compile("adam", "mse", run_eagerly=True)
    assert not device.able(model, plan)
    assert fitting.device is device
