"""Images on the scale of white, and pairs that have noise alone."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.data.gray import GrayImages


def dark(dtype="uint8"):
    """Four images whose maximum is half of white."""
    pixels = np.random.default_rng(0).integers(0, 128, (4, 12, 12)).astype("uint8")
    return pixels if dtype == "uint8" else pixels.astype("float32") / 255


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_are_divided_by_white(dtype):
    images = GrayImages(dark(dtype)).in_white()
    np.testing.assert_allclose(images.take(np.arange(4))[..., 0], dark("float32"), atol=1e-7)
    np.testing.assert_allclose(images[1:3].tiles(6).take(np.arange(8)).max(), dark("float32")[1:3].max(), atol=1e-7)


def test_sources_know_the_scale():
    by = {scale: dn.data.load_images("skimage", split="test", scale=scale) for scale in ("white", "maximum")}
    assert by["white"].max(axis=(1, 2, 3)).min() < 1 == by["maximum"].max(axis=(1, 2, 3)).min()
    np.testing.assert_allclose(by["white"], np.rint(by["white"] * 255) / 255, atol=1e-7)
    with pytest.raises(ValueError, match="scale"):
        dn.data.load_images("skimage", scale="black")


def test_reduced_files_are_on_the_scale_of_white(tmp_path):
    from PIL import Image

    for k, level in enumerate((60, 200)):
        pixels = np.full((40, 50), level, "uint8")
        pixels[:20] += 30
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    images = dn.data.load_images("folder", tmp_path, split="all", size=16, scale="white")
    np.testing.assert_allclose(images[:, -1, 0, 0], np.array([60, 200]) / 255, atol=0.01)


def test_reduced_floats_above_white_are_refused(tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "0.tif", np.full((40, 50), 200.0, "float32"))
    with pytest.raises(ValueError, match="scale='white'"):
        dn.data.load_images("folder", tmp_path, split="all", size=16, scale="white")


def test_denoising_needs_noise():
    with pytest.raises(ValueError, match="σ above 0"):
        dn.data.paired_arrays(GrayImages(dark()), "denoise")


def test_floats_above_white_are_refused():
    with pytest.raises(ValueError, match="scale='white'"):
        GrayImages(dark("float32") * 4).in_white()


def test_denoising_adds_noise_to_the_clean_images_alone():
    images, options = GrayImages(dark()).in_white(), {"noise": 25 / 255, "seed": 3}
    inputs, targets = dn.data.paired_arrays(images, "denoise", **options)
    np.testing.assert_allclose(targets[..., 0], dark("float32"), atol=1e-7)
    same, _ = dn.data.paired_arrays(images, "inverse", degrade=lambda u: u, **options)
    np.testing.assert_array_equal(inputs, same)
    assert (inputs - targets).std() == pytest.approx(25 / 255, rel=0.1)


def test_a_source_by_its_name_is_on_the_scale_of_white():
    _, targets = dn.data.paired_arrays("skimage", "denoise", split="test", limit=4, noise=0.1)
    np.testing.assert_array_equal(targets, dn.data.load_images("skimage", split="test", limit=4, scale="white"))


def test_denoising_takes_no_degradation():
    with pytest.raises(ValueError, match="denoise"):
        dn.data.paired_arrays(GrayImages(dark()), "denoise", degrade=lambda u: u)
