"""STL-10's binary layout: written as the official file is, and read back."""

import hashlib

import numpy as np
import pytest

from diffnet_tf.data import binary
from tests.data.test_sources import colour_images, write_binary


def test_a_written_file_is_as_the_official_one(tmp_path):
    images = colour_images(3)
    binary.write(tmp_path / "ours", images)
    write_binary(tmp_path / "theirs", images)  # an independent writer
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    stored = binary.opened(tmp_path / "ours")
    np.testing.assert_array_equal(stored, images)
    assert isinstance(stored, np.memmap) and not stored.flags.writeable
    made = hashlib.sha256(binary.encoded(images).data).hexdigest()
    assert made == hashlib.sha256((tmp_path / "theirs").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("images", "came"),
    [
        (np.zeros((2, 96, 96, 3), "float32"), "float32 (2, 96, 96, 3)"),
        (np.zeros((2, 3, 96, 96), "uint8"), "uint8 (2, 3, 96, 96)"),
        (np.zeros((2, 96, 96), "uint8"), "uint8 (2, 96, 96)"),
    ],
)
def test_other_arrays_are_refused(images, came, tmp_path):
    with pytest.raises(ValueError) as error:
        binary.write(tmp_path / "file", images)
    assert str(error.value) == f"images are {came}; expected uint8 (n, 96, 96, 3)."
    assert not list(tmp_path.iterdir())
