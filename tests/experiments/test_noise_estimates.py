"""The comparison of estimates of σ: what is read, fitted, measured and drawn."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

from experiments import noise_estimates
from experiments.lib import records
from tests.conftest import ROOT
from tests.small_experiments import execute, options


@pytest.fixture
def folder(tmp_path):
    """20 crops of a photograph, of which the last two are for the test."""
    camera = skimage.data.camera()
    for k in range(20):
        Image.fromarray(camera[20 * k : 20 * k + 110, 10 * k : 10 * k + 100]).save(tmp_path / f"{k:02}.png")
    return tmp_path


def test_images_are_divided_by_white_and_keep_their_sizes(folder, tmp_path):
    chosen = options(noise_estimates, tmp_path, source="folder", data_dir=str(folder))
    train, test = (noise_estimates.photographs(chosen, split) for split in ("train", "test"))
    assert len(train) == 18 and len(test) == 2
    np.testing.assert_array_equal(255 * test[1], skimage.data.camera()[380:490, 190:290])


def test_patches_find_the_noise_of_smooth_images():
    """The estimate of the literature, on what it is made for."""
    smooth = np.add.outer(np.linspace(0, 1, 200), np.linspace(0, 0.5, 200))
    (image,) = noise_estimates.noisy([smooth], 0.05, seed=3)
    np.testing.assert_allclose(noise_estimates.of_patches(image), 0.05, rtol=0.03)


def test_its_record(folder, tmp_path):
    record, arrays = execute(noise_estimates, tmp_path / "runs", source="folder", data_dir=str(folder))
    assert record["images"] == 2 and len(record["constants"]) == 5
    assert {"photograph", "diffused", "patches"} <= record["results"].keys() == arrays.keys()
    ratio = arrays["photograph"][noise_estimates.LEVELS.index(25)] / 25
    assert record["results"]["photograph"]["25"]["bias"] == pytest.approx(ratio.mean() - 1, abs=1e-6)
    assert np.abs(ratio - 1).max() < 0.2
    figure = noise_estimates.draw(record, arrays)
    assert len(figure.axes[0].lines) == len(arrays) + 1
    assert f"{100 * record['results']['patches']['25']['error']:.1f} %" in noise_estimates.caption(record)


def test_the_constants_of_the_package_are_those_of_the_record():
    from diffnet_tf.restoration import noise

    record, _ = records.load(ROOT / "results" / "noise-estimates")
    assert list(noise.CONSTANTS[noise.PHOTOGRAPH]) == record["constants"]
