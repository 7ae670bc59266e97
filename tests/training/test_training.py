"""Training: it learns, it logs, and a run that was stopped ends like one that was not."""

import csv
import dataclasses
import itertools
import signal

import keras
import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from diffnet_tf.training import progress
from tests.conftest import BACKEND, mostly_slow

RECIPE = dn.training.Recipe(batch_size=4, crop=16, augment=True, schedule="cosine", initial_scale=0.01)


def small_model(seed=0):
    keras.utils.set_random_seed(seed)
    return dn.models.DiffNet(2, 2, 8, initial_scale=0.01)


def fit(model, photographs, **arguments):
    return dn.training.fit(model, photographs, **{"recipe": RECIPE, "steps": 30, "verbose": False, **arguments})


def weights(model):
    return [ops.convert_to_numpy(w) for w in model.weights]


def test_training_beats_the_diffused_image(photographs):
    """In 200 steps a small DiffNet is better than doing nothing, by half a decibel, on images it has not seen."""
    model = small_model()
    recipe = dn.training.Recipe(batch_size=4, crop=24, augment=True, schedule="cosine", initial_scale=0.01)
    fit(model, photographs[:6], recipe=recipe, steps=200)
    inputs, targets = dn.data.paired_arrays(photographs[6:])
    gain = ops.convert_to_numpy(dn.metrics.psnr(targets, model(inputs)) - dn.metrics.psnr(targets, inputs))
    assert (gain > 0.5).all(), gain


@pytest.mark.parametrize(
    ("loss", "problem"),
    mostly_slow(
        list(itertools.product(dn.metrics.LOSSES, ("inverse", "forward"))), ("log", "inverse"), ("norm", "forward")
    ),
)
def test_all_losses_and_both_problems(photographs, loss, problem):
    recipe = dn.training.Recipe(batch_size=4, crop=16, loss=loss, schedule="constant", learning_rate=2e-3)
    options = {"problem": problem, "steps": 40, "validate_every": 20, "validation": photographs}
    trained = fit(small_model(), photographs, recipe=recipe, **options)
    assert trained.history[1]["val_loss"] < trained.history[0]["val_loss"]


@pytest.mark.parametrize("optimizer", mostly_slow(["adam", "soap"], "adam" if BACKEND == "jax" else "soap"))
def test_a_stopped_run_ends_like_one_that_was_not(photographs, tmp_path, optimizer):
    """Resumed at a checkpoint by the same command: equal weights, equal history but for the times."""
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, time_step_learning_rate=0.01)
    arguments = {"recipe": recipe, "noise": 0.01, "validation": photographs[:2], "validate_every": 5, "steps": 20}
    whole_model = small_model()
    whole = fit(whole_model, photographs, **arguments)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.count = getattr(self, "count", 0) + 1
            if self.count == 12:
                raise KeyboardInterrupt

    stopped = fit(small_model(), photographs, checkpoint_dir=tmp_path, callbacks=[Stop()], **arguments)
    assert not stopped.finished
    model = small_model(seed=9)  # other initial weights: the checkpoint has to bring them all
    resumed = fit(model, photographs, checkpoint_dir=tmp_path, **arguments)
    assert resumed.finished and resumed.steps == 20
    for mine, theirs in zip(weights(model), weights(whole_model)):
        np.testing.assert_array_equal(mine, theirs)
    for mine, theirs in zip(resumed.history, whole.history):
        assert mine == theirs
    # Run once more, it is found finished.
    assert fit(small_model(), photographs, checkpoint_dir=tmp_path, **arguments).steps == 20


@pytest.mark.slow
def test_a_noise_map_a_range_of_noises_and_a_parameter(photographs, tmp_path):
    """All reach the pairs, and belong to the configuration of a checkpoint."""

    def degrade(u, parameter):
        assert parameter.shape[1:] == (1, 1, 1)
        return u * parameter

    options = {"noise": (0.0, 0.1), "noise_map": True, "parameter": (0.5, 1.0), "degrade": degrade}
    options |= {"checkpoint_dir": tmp_path, "validation": photographs[:4], "recipe": RECIPE, "steps": 4}
    model = dn.models.DiffNet(2, 2, 8, noise_map=True)
    assert np.isfinite([row["val_loss"] for row in fit(model, photographs, **options).history]).all()
    for change, message in (
        ({"noise": (0.0, 0.2)}, r"noise: \[0.0, 0.1\] saved, \[0.0, 0.2\] now"),
        ({"parameter": (0.5, 2.0)}, r"parameter: \[0.5, 1.0\] saved"),
        ({"parameter": None, "degrade": None}, "parameter: "),
    ):
        with pytest.raises(ValueError, match=f"another configuration .*{message}"):
            fit(dn.models.DiffNet(2, 2, 8, noise_map=True), photographs, **{**options, **change})


def test_a_checkpoint_of_another_configuration_is_refused(photographs, tmp_path):
    fit(small_model(), photographs, checkpoint_dir=tmp_path, steps=4)
    with pytest.raises(ValueError, match="another configuration .*images: "):
        fit(small_model(), photographs[:, ::-1], checkpoint_dir=tmp_path, steps=4)
    other = dn.models.DiffNet(2, 2, 8, initial_scale=0.01, boundary="dirichlet")
    with pytest.raises(ValueError, match="another configuration .*boundary: 'neumann' saved"):
        fit(other, photographs, checkpoint_dir=tmp_path, steps=4)
    with pytest.raises(ValueError, match="another configuration .*noise: 0.0 saved, 0.01 now"):
        fit(small_model(), photographs, checkpoint_dir=tmp_path, steps=4, noise=0.01)


@pytest.mark.parametrize("step", mostly_slow([1, 7], 7))
def test_ctrl_c_leaves_a_usable_model(photographs, capsys, monkeypatch, step):
    """A real signal that arrives in the middle of a step of Keras's `fit`, where the weights are nowhere on JAX.

    (`test_device.py` has the same for the loop that JAX takes else.)
    """
    monkeypatch.setattr(dn.training.device, "able", lambda model, plan: False)
    model = small_model()
    before, handler = weights(model), signal.getsignal(signal.SIGINT)
    make = model.make_train_function

    def make_interrupted(*arguments, **options):
        make(*arguments, **options)
        inner, calls = model.train_function, []

        def train_function(*state):
            calls.append(1)
            result = inner(*state)
            if len(calls) == step:
                signal.raise_signal(signal.SIGINT)
            return result

        model.train_function = train_function

    model.make_train_function = make_interrupted
    trained = fit(model, photographs, validate_every=30)
    assert not trained.finished and trained.steps == step
    assert signal.getsignal(signal.SIGINT) is handler
    assert "Stopped after" in capsys.readouterr().out
    assert any(not np.array_equal(a, b) for a, b in zip(before, weights(model)))
    assert np.isfinite(model.predict(photographs[:2], verbose=0)).all()


def test_the_number_of_steps_is_exact(photographs, tmp_path):
    """Also where the last validation comes early, and in the log."""
    model = small_model()
    trained = fit(
        model, photographs, steps=11, validate_every=4, validation=photographs[:2], csv_log=tmp_path / "log.csv"
    )
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == trained.steps == 11
    assert [h["step"] for h in trained.history] == [4, 8, 11]
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(r["val_psnr"]) for r in rows] == pytest.approx([h["val_psnr"] for h in trained.history])


def test_progress_estimates_the_remaining_time(photographs, capsys):
    fit(small_model(), photographs, steps=30, verbose=True)
    out = capsys.readouterr().out
    assert "ms per step, about" in out
    assert "step 30/30" in out and "left: loss" in out
    assert out.count("left: loss") < 5  # not all the 20 intervals of a short training


def test_lines_of_progress_keep_a_distance_and_end_with_the_last(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    shown = progress.Progress(steps=20, first=0, before=0.0)
    for step in range(1, 21):
        now[0] += 3
        shown.interval(step, {"loss": 0.5})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("/")[0] for line in lines] == [f"step {step}" for step in (1, 5, 9, 13, 17, 20)]


def test_time_steps_learn_at_their_own_rate(photographs):
    """Adam's first step is as long as the rate: the time steps move by theirs, while the filters stay."""
    keras.utils.set_random_seed(0)
    model = dn.models.DiffNet(2, 2, 8)  # unscaled: gradients far above Adam's epsilon
    before = weights(model)
    recipe = dn.training.Recipe(
        batch_size=4, crop=16, schedule="constant", learning_rate=1e-9, time_step_learning_rate=0.01
    )
    fit(model, photographs, recipe=recipe, steps=1)
    moved = [np.abs(a - b).max() for a, b in zip(before, weights(model))]
    steps = [m for m, w in zip(moved, model.weights) if w.path.endswith("time_step")]
    others = [m for m, w in zip(moved, model.weights) if not w.path.endswith("time_step")]
    assert steps == pytest.approx([0.01, 0.01], rel=0.2)
    assert max(others) < 1e-7


@pytest.mark.parametrize("loss", dn.metrics.LOSSES)
@pytest.mark.slow
def test_losses_of_training_and_of_validation_are_on_one_scale(loss):
    """Of images that are alike everywhere, at weights that stay: crops and whole images have one mean error.

    (Of the norm, validation was 4 times as much here, and 7 times with the fast recipe on 96×96.)
    """
    images = np.random.default_rng(0).uniform(0.1, 1.0, (24, 64, 64, 1)).astype("float32")
    recipe = dn.training.Recipe(batch_size=4, crop=16, loss=loss, schedule="constant", learning_rate=1e-12)
    model = small_model()
    (row,) = fit(model, images, recipe=recipe, steps=6, validate_every=6, validation=images[:20]).history
    assert row["val_loss"] == pytest.approx(row["loss"], rel=0.1)
    inputs, targets = dn.data.paired_arrays(images[:20])
    errors = np.square(np.maximum(targets, 0) - model.predict(inputs, verbose=0)).mean((1, 2, 3)).astype("float64")
    parts = [errors[:16], errors[16:]]  # batches of the validation, as Keras weighs them
    expected = {
        "norm": sum(len(part) * np.sqrt(part.mean() * 4 * 16 * 16) / 4 for part in parts) / 20,
        "mse": errors.mean(),
        "log": 0.5 * np.log(errors).mean(),
    }
    assert row["val_loss"] == pytest.approx(expected[loss], rel=1e-4)


def test_a_training_is_one_short_line(photographs):
    """It often is the last line of a notebook's cell."""
    trained = fit(small_model(), photographs, steps=4, validate_every=1, validation=photographs[:2])
    text = repr(trained)
    assert len(text) < 160 and "\n" not in text
    assert text.startswith("Training(steps=4, finished=True, seconds=")
    assert f"val_psnr={trained.history[-1]['val_psnr']:.4g}" in text and "history" not in text
    assert repr(dn.training.Training(0, 0.0, [], False, [])) == "Training(steps=0, finished=False, seconds=0)"


def test_recipes():
    """Records and cards speak of recipes by name: what a name stands for stays."""
    whole = {"batch_size": 16, "crop": None, "augment": False, "optimizer": "adam", "initial_scale": 1.0}
    small = {"batch_size": 8, "crop": 24, "augment": True, "optimizer": "soap", "initial_scale": 0.01}
    rates = {"time_step_learning_rate": None, "beta_2": None, "refresh_every": None}
    expected = {
        "paper": {**whole, **rates, "loss": "mse", "learning_rate": 1e-3, "schedule": "cosine"},
        "authors": {**whole, **rates, "loss": "norm", "learning_rate": 4e-3, "schedule": "authors"},
        "fast": {**small, **rates, "loss": "norm", "learning_rate": 3e-3, "schedule": "cosine"},
    }
    assert {name: dataclasses.asdict(recipe) for name, recipe in dn.recipes.RECIPES.items()} == expected
    assert [dn.recipes.crop(noise) for noise in (0.0, 0.001, 0.005, 0.1)] == [24, 24, 48, 48]


def test_schedules():
    def rates(schedule, at):
        schedule = dn.recipes.learning_rates(schedule, 4e-3, 40_000)
        return [float(ops.convert_to_numpy(schedule(step))) for step in at]

    # The authors': 4e-3, halved at every 10,000th iteration, the 0th included.
    at = (0, 9_999, 10_000, 39_999)
    np.testing.assert_allclose(rates("authors", at), [2e-3, 2e-3, 1e-3, 2.5e-4], rtol=1e-5)
    np.testing.assert_allclose(rates("cosine", (0, 20_000, 40_000)), [4e-3, 2e-3, 0], atol=1e-9)
    assert dn.recipes.learning_rates("constant", 4e-3, 10) == 4e-3


def test_nan_stops_training(photographs):
    model = small_model()
    model.diffusion_layers[0].time_step.assign(float("nan"))
    with pytest.raises(FloatingPointError, match="diverged before step 2"):
        fit(model, photographs, steps=4, validate_every=2)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorBoard is an extra of the TensorFlow backend")
def test_tensorboard_writes_events(photographs, tmp_path):
    pytest.importorskip("tensorboard")
    fit(small_model(), photographs, steps=2, tensorboard=tmp_path)
    assert list(tmp_path.rglob("events.*"))
