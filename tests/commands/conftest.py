"""A picture, and a small network: what tests of `restore` share."""

import keras
import pytest
import skimage.data
from PIL import Image

import diffnet_tf as dn


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(skimage.data.chelsea()[100:180, 100:200]).save(path)
    return path


@pytest.fixture
def small(tmp_path):
    """Options for a small network."""
    keras.utils.set_random_seed(0)
    dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4).save(tmp_path / "small.keras")
    return "--weights", tmp_path / "small.keras"
