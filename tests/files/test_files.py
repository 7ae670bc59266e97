"""Files are written whole or not at all, whatever stops the writing."""

import errno
import os
import time

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import files
from diffnet_tf.files import image_files, model_files
from experiments.lib import records
from tests.conftest import tensorflow_only


def test_a_new_file_is_whole_and_alone(tmp_path):
    files.write_text(tmp_path / "a.txt", "é")
    assert (tmp_path / "a.txt").read_bytes() == "é".encode()
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("old", [True, False], ids=["old", "none"])
def test_a_record_is_old_or_new_at_every_failing_write(failing, tmp_path, number, old):
    """Each of all writes fails once: every file is the old or the new one, and none is left half written."""
    directory, before, after = tmp_path / "run", {"n": 1}, {"n": 2, "text": "x" * 10_000}
    failures = 0
    while True:
        failing.update(fail_at=0)
        for path in directory.glob("*"):
            path.unlink()
        if old:
            records.save(directory, before, {"a": np.zeros(3)})
        failing.update(calls=0, fail_at=failures + 1, errno=number)
        try:
            records.save(directory, after, {"a": np.ones(3)})
        except OSError as error:
            assert error.errno == number
            failures += 1
        else:
            break
        found = {path.name for path in directory.iterdir()}
        assert found <= {"record.json", "run.json", "arrays.npz"}, found
        if records.RECORD in found:
            record = records.load(directory)[0]
            assert record["n"] in (1, 2)
        else:
            assert not old
    assert records.load(directory)[0]["n"] == 2
    assert failures >= 8  # writing, flushing and renaming of each file


@pytest.mark.parametrize("kind", ["png", "npy", "tif"])
def test_an_image_that_fails_leaves_the_old_one(failing, tmp_path, kind):
    path = tmp_path / f"image.{kind}"
    with image_files.writing(path, (4, 5, 1), "uint8") as out:
        out[...] = 7
    failing.update(calls=0, fail_at=1)
    with pytest.raises(OSError, match="No space"), image_files.writing(path, (4, 5, 1), "uint8") as out:
        out[...] = 9
    assert (image_files.read(path) == 7).all() and os.listdir(tmp_path) == [path.name]
    with pytest.raises(KeyboardInterrupt), image_files.writing(path, (4, 5, 1), "uint8") as out:
        raise KeyboardInterrupt
    assert (image_files.read(path) == 7).all() and os.listdir(tmp_path) == [path.name]


@tensorflow_only
def test_equal_models_are_equal_files(tmp_path):
    """Keras writes the time of day into them, and ZIP again."""
    model = dn.models.DiffNet(1, 2, 4)
    model_files.save(model, tmp_path / "a.keras")
    time.sleep(2.1)  # ZIP counts in steps of two seconds
    model_files.save(model, tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    loaded = model_files.load(tmp_path / "b.keras")
    for mine, theirs in zip(loaded.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(mine, theirs)
    assert sorted(os.listdir(tmp_path)) == ["a.keras", "b.keras"]
