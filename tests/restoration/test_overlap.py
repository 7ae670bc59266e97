"""Reading, computing and writing overlap: the bits and the order stay, errors arrive, nothing runs on afterwards."""

import contextlib
import threading
import time

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.restoration import arrays, depth, overlap, tiles, values


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4, initial_time_step=0.5)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
    assert threading.active_count() <= before + 16  # the backend's own


def in_turns(monkeypatch):
    """Make everything in the caller's thread, one after the other."""

    def plain(function, arguments, waiting=1):
        for argument in arguments:
            yield function(argument)

    monkeypatch.setattr(arrays, "ahead", plain)
    monkeypatch.setattr(tiles, "ahead", plain)


@pytest.mark.parametrize("colour", ["luminance", "channels"])
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((33, 50), "uint16"),
        ((50, 33, 1), "float32"),
        ((40, 41, 3), "uint8"),
        ((21, 20, 4), "uint16"),
        ((9, 60, 2), "f8"),
    ],
)
def test_the_bits_are_those_of_one_thing_after_the_other(model, shape, dtype, colour, monkeypatch):
    rng = np.random.default_rng(0)
    image = (rng.random(shape) * (np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 3)).astype(dtype)
    outputs, told = [], []
    for _ in range(2):
        outputs.append(dn.restore(image, model, colour=colour, tile=16, progress=lambda *n: told.append(n)))
        in_turns(monkeypatch)
    np.testing.assert_array_equal(*outputs)
    half = len(told) // 2
    assert told[:half] == told[half:] == [(k, half) for k in range(1, half + 1)] and half > 1


def test_progress_tells_of_tiles_that_are_written(model):
    image, out, written = np.ones((40, 20), "float32"), np.full((40, 20), np.nan, "float32"), []
    dn.restore(image, model, out=out, tile=20, progress=lambda *_: written.append(np.isfinite(out).sum()))
    assert written[0] >= 400 and written[1] == 800


class Unreadable(np.ndarray):
    """An image of which the rows from 30 on cannot be read, as on a broken disk."""

    def __getitem__(self, index):
        if isinstance(index, tuple) and isinstance(index[0], slice) and (index[0].stop or 0) > 30:
            raise OSError("the disk is broken")
        return np.asarray(self)[index]


def test_an_error_in_reading_reaches_the_caller(model, monkeypatch):
    monkeypatch.setattr(values, "survey", lambda *_: values.Survey(0.0, 1.0, 3600, (1.0,), (0.0,), (1.0,)))
    monkeypatch.setattr(values, "above_half", lambda *_: 3600)
    image = np.ones((60, 60, 1), "float32").view(Unreadable)
    told = []
    with pytest.raises(OSError, match="the disk is broken"):
        dn.restore(image, model, out=np.empty((60, 60, 1)), tile=16, progress=lambda *n: told.append(n))
    assert told == [(k, 16) for k in range(1, len(told) + 1)] and len(told) < 16


def test_an_error_in_writing_reaches_the_caller(model, monkeypatch):
    def fail(self, rows, *rest):
        if rows.start:
            raise OSError("the disk is full")

    monkeypatch.setattr(depth.Writer, "__call__", fail)
    with pytest.raises(OSError, match="the disk is full"):
        dn.restore(np.ones((60, 60), "float32"), model, tile=16)


@pytest.mark.parametrize("where", ["network", "progress"])
def test_an_interrupt_stops_it_before_anything_more_is_written(model, where, monkeypatch):
    """Ctrl-C comes to the caller's thread, which is in the network, or between two tiles."""
    tiled = tiles.Tiled(model, tile=16)
    function, calls = tiled._function, []

    def interrupted(part):
        calls.append(part)
        if where == "network" and len(calls) == 3:
            raise KeyboardInterrupt
        return function(part)

    def progress(done, total):
        if where == "progress" and done == 2:
            raise KeyboardInterrupt

    tiled._function = interrupted
    out = np.zeros((60, 60), "float32")
    with pytest.raises(KeyboardInterrupt):
        dn.restore(np.ones((60, 60), "float32"), tiled, out=out, progress=progress)
    after = out.copy()
    time.sleep(0.05)
    np.testing.assert_array_equal(out, after)
    assert len(calls) <= 4


def test_calls_are_made_ahead_in_a_bounded_number():
    asked, made = [], []

    def arguments():
        for k in range(6):
            asked.append(k)
            yield k

    with contextlib.closing(overlap.ahead(lambda k: made.append(k) or k * k, arguments(), waiting=2)) as results:
        assert next(results) == 0
        time.sleep(0.05)
        assert made == asked == [0, 1, 2]  # two are ready
        assert list(results) == [1, 4, 9, 16, 25]
    assert made == asked


@pytest.mark.parametrize("together", [True, False])
def test_reading_and_writing_overlap_with_the_network(model, together, monkeypatch):
    """While the network has tile k, tile k + 1 can be read, and tile k − 1 need not be written yet."""
    if not together:
        in_turns(monkeypatch)
    tiled, seconds = tiles.Tiled(model, tile=16), 10 if together else 0.02
    read, computed, overlaps = [threading.Event() for _ in range(4)], [threading.Event() for _ in range(4)], []
    write, working = depth.Writer.__call__, []

    class Image(np.ndarray):
        def __getitem__(self, index):
            if working:
                read[sum(event.is_set() for event in read)].set()
            return np.asarray(self)[index]

    def function(part):
        k = sum(event.is_set() for event in computed)
        computed[k].set()
        overlaps.append(k == 3 or read[k + 1].wait(seconds))
        return part

    def slowly(self, rows, *rest):
        k = rows.start // 16
        overlaps.append(k == 3 or computed[k + 1].wait(seconds))
        write(self, rows, *rest)

    tiled._function = function
    run = arrays._run
    monkeypatch.setattr(arrays, "_run", lambda *rest: working.append(True) or run(*rest))
    monkeypatch.setattr(depth.Writer, "__call__", slowly)
    dn.restore(np.ones((64, 16, 1), "uint8").view(Image), tiled, out=np.empty((64, 16, 1)))
    assert sorted(overlaps) == ([True] * 8 if together else [False] * 6 + [True] * 2)


def test_after_closing_no_call_is_made():
    made = []
    with contextlib.closing(
        overlap.ahead(lambda k: time.sleep(0.02) or made.append(k), range(50), waiting=5)
    ) as results:
        next(results)
    seen = list(made)
    time.sleep(0.06)
    assert made == seen and len(made) <= 3
