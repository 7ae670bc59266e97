"""Keras's own callbacks: those that watch our metrics, those that set the learning rate, and what they remember."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from diffnet_tf.metrics import PSNR
from diffnet_tf.training import callbacks as callback_state
from tests.conftest import mostly_slow

RECIPE = dn.training.Recipe(batch_size=2, crop=12, schedule="constant", learning_rate=1e-3)


def fit(photographs, callbacks, recipe=RECIPE, seed=0, **options):
    keras.utils.set_random_seed(seed)
    model = dn.models.DiffNet(1, 1, 2, initial_scale=0.01)
    options = {"steps": 6, "validate_every": 2, "validation": photographs[4:6], "verbose": False, **options}
    return model, dn.training.fit(model, photographs[:4], recipe, callbacks=callbacks, **options)


def state(model):
    return [ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]


def test_more_decibels_are_better(photographs, tmp_path):
    """Of the metric by itself and under Keras's "auto": no improvement is enough, so that training stops."""
    assert PSNR()._direction == "up"  # what Keras looks at
    stop = keras.callbacks.EarlyStopping("val_psnr", patience=1, min_delta=100)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_psnr", save_best_only=True)
    reduce = keras.callbacks.ReduceLROnPlateau("psnr", patience=1, factor=0.5, min_delta=100)
    model, trained = fit(photographs, [reduce, stop, best])
    assert trained.steps == 4 and not trained.finished
    assert stop.monitor_op is best.monitor_op is reduce.monitor_op is ops.greater
    values = [row["val_psnr"] for row in trained.history]
    assert best.best == max(values)
    assert [row["learning_rate"] for row in trained.history] == pytest.approx([1e-3, 1e-3])
    assert float(ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(5e-4)
    loaded = keras.models.load_model(tmp_path / "best.keras")
    inputs, targets = dn.data.paired_arrays(photographs[4:6])
    reached = ops.convert_to_numpy(dn.metrics.psnr(targets, loaded.predict(inputs, verbose=0))).mean()
    assert reached == pytest.approx(max(values), abs=1e-3)


@pytest.mark.parametrize("schedule", ["cosine", "authors"])
@pytest.mark.parametrize(
    "callback",
    [keras.callbacks.ReduceLROnPlateau("val_psnr"), keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)],
    ids=["plateau", "scheduler"],
)
def test_what_sets_the_rate_beside_a_schedule_is_refused_before_any_work(photographs, tmp_path, schedule, callback):
    recipe = dataclasses.replace(RECIPE, schedule=schedule)
    message = (
        f"^{type(callback).__name__} sets the learning rate, but so does the recipe's schedule='{schedule}' .recipes "
        r"with a schedule: paper, authors, fast.; expected a constant rate. Use dataclasses.replace\(.*'constant'\)\.$"
    )
    with pytest.raises(ValueError, match=message):
        fit(photographs, [callback], recipe, checkpoint_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def halved(epoch, rate):
    """A schedule that builds on what it made before: called twice in an interval, it would halve twice."""
    return rate / 2


class Stop(keras.callbacks.Callback):
    """Ctrl-C after a number of steps."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", mostly_slow([4, 6], 4))
@pytest.mark.parametrize("time_steps", mostly_slow([None, 1e-2], 1e-2), ids=["one rate", "two rates"])
def test_a_scheduled_run_that_was_stopped_ends_with_the_same_bits(photographs, tmp_path, after, time_steps):
    """In the middle of an interval, whose beginning the scheduler has seen already."""
    recipe = dataclasses.replace(RECIPE, time_step_learning_rate=time_steps)
    options = {"recipe": recipe, "save_every": 1}

    def callbacks():
        return [keras.callbacks.LearningRateScheduler(halved)]

    whole, first = fit(photographs, callbacks(), **options)
    _, stopped = fit(photographs, [Stop(after), *callbacks()], checkpoint_dir=tmp_path, **options)
    assert stopped.steps == after - 1  # the step that was hit has not been saved
    resumed, second = fit(photographs, callbacks(), seed=9, checkpoint_dir=tmp_path, **options)
    assert second.finished and second.history == first.history
    for mine, theirs in zip(state(resumed), state(whole), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    name = "learning_rate" if time_steps is None else "learning_rate_filters"
    assert [row[name] for row in first.history] == pytest.approx([5e-4, 2.5e-4, 1.25e-4])
    with pytest.raises(ValueError, match="another configuration .*callbacks/LearningRateScheduler-0/rates: "):
        fit(photographs, [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 3)], checkpoint_dir=tmp_path,
            **options)  # fmt: skip
    with pytest.raises(ValueError, match="another configuration .*callbacks"):
        fit(photographs, [], checkpoint_dir=tmp_path, **options)


def test_a_scheduler_may_take_the_epoch_alone():
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))
    found = callback_state.settings([scheduler], RECIPE, steps=7, every=2)
    assert found == {"LearningRateScheduler-0": {"rates": pytest.approx([0.1, 0.05, 0.1 / 3, 0.025])}}


def test_the_least_improvement_keeps_its_sign_in_a_resumed_run(photographs, tmp_path):
    """Keras turns `min_delta` round for quantities that fall when it first looks: once, not once a process."""

    def callbacks():
        return [keras.callbacks.EarlyStopping("val_loss", patience=9, min_delta=0.5)]

    fit(photographs, [Stop(4), *callbacks()], checkpoint_dir=tmp_path, save_every=1)
    (stop,) = again = callbacks()
    _, trained = fit(photographs, again, checkpoint_dir=tmp_path, save_every=1)
    assert trained.finished and stop.min_delta == -0.5
    # What has been used goes on, too: it has the other sign when it is given.
    assert fit(photographs, again, checkpoint_dir=tmp_path, save_every=1)[1].finished


@pytest.mark.slow
def test_columns_of_the_log_may_come_later(photographs, tmp_path):
    """A callback that only looks on may come in between, and add a quantity to the history."""

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["looked"] = 1.0

    options = {"checkpoint_dir": tmp_path / "run", "csv_log": tmp_path / "log.csv", "save_every": 1}
    fit(photographs, [Stop(3)], **options)
    fit(photographs, [Look()], **options)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0].split(",")[-1] == "looked" and lines[1].endswith(",") and lines[-1].endswith(",1.0")
