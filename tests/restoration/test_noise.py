"""The estimate of σ of the noise in diffused images."""

import json

import numpy as np
import pytest
import skimage.data

import diffnet_tf as dn
from diffnet_tf.restoration import noise
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def diffused():
    """Photographs that no constant was fitted to, diffused: (n, 96, 96)."""
    return np.asarray(dn.diffusion.perona_malik(dn.data.load_images("skimage", split="test", limit=40)))[..., 0]


def with_noise(images, sigma, seed=0):
    return images + np.random.default_rng(seed).normal(scale=sigma, size=images.shape)


@pytest.mark.parametrize("sigma", [0.002, 0.005, 0.01, 0.03, 0.1])
def test_it_finds_the_noise_of_diffused_photographs(diffused, sigma):
    found = np.array([noise.estimate_noise(image) for image in with_noise(diffused, sigma)]) / sigma
    assert abs(np.median(found) - 1) < 0.08
    assert np.quantile(np.abs(found - 1), 0.9) < 0.25


PHOTOGRAPHS = ("camera", "moon", "coins", "brick")


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
def test_it_finds_the_noise_of_ordinary_photographs(sigma):
    """Those of scikit-image, which no constant was fitted to."""
    rng, found = np.random.default_rng(0), []
    for name in PHOTOGRAPHS:
        image = getattr(skimage.data, name)()
        found.append(noise.estimate_noise(image + rng.normal(scale=sigma, size=image.shape), "photograph") / sigma)
    assert abs(np.mean(found) - 1) < 0.05 and np.abs(np.array(found) - 1).max() < 0.12, found


def test_texture_counts_less_than_for_diffused_images():
    """A photograph without noise: the constants for diffused images take more of its texture for noise."""
    for name in ("camera", "grass"):
        image = getattr(skimage.data, name)()
        assert 0 <= noise.estimate_noise(image, "photograph") < noise.estimate_noise(image)


def test_without_noise_the_estimate_is_small(diffused):
    assert np.median([noise.estimate_noise(image) for image in diffused]) < 5e-4


def test_it_does_not_depend_on_the_scale_and_the_orientation(diffused):
    image = with_noise(diffused[0], 0.02)
    sigma = noise.estimate_noise(image)
    np.testing.assert_allclose(noise.estimate_noise(1000 * image - 3), 1000 * sigma, rtol=1e-9)
    for turned in (image.T, image[::-1], np.rot90(image)):
        np.testing.assert_allclose(noise.estimate_noise(turned), sigma, rtol=0.2)


def test_pure_noise_of_a_large_image_is_seen_by_a_grid_of_squares():
    image = with_noise(np.zeros((1500, 700)), 0.07)
    assert len(noise.patches(image.shape)) == 48 and image[noise.patches(image.shape)[-1]].shape == (128, 128)
    np.testing.assert_allclose(noise.estimate_noise(image), 0.07, rtol=0.05)
    assert noise.patches((40, 60)) == [(slice(0, 128), slice(0, 128))]


def test_saturated_and_constant_regions_do_not_count():
    """Where an image is clipped, noise is cut off; where it is constant, there is none to measure."""
    clipped = np.clip(with_noise(np.full((160, 160), 0.5), 0.05), 0, 1)
    whole = noise.estimate_noise(clipped)
    clipped[:60] = np.clip(with_noise(np.ones((60, 160)), 0.05), 0, 1)
    np.testing.assert_allclose(noise.estimate_noise(clipped), whole, rtol=0.1)
    clipped[60:100] = 0.25
    np.testing.assert_allclose(noise.estimate_noise(clipped), whole, rtol=0.15)
    assert noise.estimate_noise(np.full((20, 20), 0.3)) == 0.0
    checkers = np.indices((64, 64)).sum(axis=0) % 2  # no noise, and every pixel is extreme
    assert 0 < noise.estimate_noise(checkers) <= noise.LARGEST


@pytest.mark.parametrize("share", [0.005, 0.02, 0.06])
def test_missing_pixels_do_not_count_as_free_of_noise(diffused, share):
    """Either σ is found from what is left, or an error says that too little is."""
    rng = np.random.default_rng(1)
    found = []
    for image in with_noise(diffused[:10], 0.03):
        missing = rng.random(image.shape) < share
        holes = np.where(missing, np.nan, image)
        try:
            found.append(noise.estimate_noise(holes))
            masked = np.ma.MaskedArray(np.where(missing, -9999.0, image), missing)
            np.testing.assert_allclose(noise.estimate_noise(masked), found[-1], rtol=1e-12)
        except ValueError as error:
            assert "Too few neighbouring pixels" in str(error) and share > 0.05
    assert share > 0.05 or abs(np.median(found) / 0.03 - 1) < 0.15
    assert all(0.02 < sigma < 0.045 for sigma in found)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((13, 50)), r"image has shape \(13, 50\); expected \(height, width\) with at least 14 pixels"),
        (np.zeros((50, 50, 1)), r"image has shape \(50, 50, 1\)"),
        (np.full((20, 20), np.nan), "Too few neighbouring pixels are known to estimate the noise. Give σ"),
        (np.full((20, 20), np.inf), "image contains infinity"),
        (np.zeros((20, 20), complex), "image has dtype complex128"),
    ],
)
def test_what_it_refuses(image, message):
    with pytest.raises((TypeError, ValueError), match=message):
        noise.estimate_noise(image)


def test_an_unknown_kind_is_refused():
    with pytest.raises(
        ValueError, match="kind='photo'; expected one of 'diffused', 'photograph'. Did you mean 'photogr"
    ):
        noise.estimate_noise(np.zeros((20, 20)), "photo")


def test_the_constants_are_those_of_the_record():
    record = json.loads((ROOT / "results/any-noise/record.json").read_text())
    assert list(noise.CONSTANTS[noise.DIFFUSED]) == record["constants"]
