"""Colour: how images are read, drawn as examples and diffused, against the gray way and NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from diffnet_tf import data, training
from diffnet_tf.data.colour import ColourImages, to_colour
from diffnet_tf.networks import models
from diffnet_tf.physics import diffusion
from diffnet_tf.physics import steps as scheme
from tests.conftest import mostly_slow, tensorflow_only


@pytest.fixture
def images(rng):
    """Six colour images of 12×10 pixels, with different maxima."""
    return ColourImages(rng.integers(0, 200, (6, 12, 10, 3)).astype("uint8") + np.uint8(1))


def test_scaled_by_the_maximum_over_all_channels(images):
    taken = images.take(np.arange(6))
    assert taken.shape == images.shape == (6, 12, 10, 3) and taken.dtype == np.float32
    expected = images.pixels / images.pixels.max(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(taken, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 2), (4, 5, 3), (4, 5, 4), (2, 4, 5, 3)])
def test_any_image_becomes_rgb(rng, shape):
    array = rng.integers(0, 255, shape).astype("uint8")
    rgb = to_colour(array)
    assert rgb.shape[-1] == 3 and rgb.dtype == np.uint8
    first = array if array.ndim == 2 else array[..., 0]
    np.testing.assert_array_equal(rgb[..., 0], first)
    last = array[..., 2] if shape[-1] in (3, 4) else first
    np.testing.assert_array_equal(rgb[..., 2], last)


def test_sources_in_colour_are_those_in_gray(tmp_path, rng):
    """Luminance of the colours is the gray image, and a channel is where it belongs: STL-10's binary, files."""
    from skimage import io

    rgb = rng.integers(0, 255, (10, 96, 96, 3)).astype("uint8")
    (tmp_path / "unlabeled_X.bin").write_bytes(np.ascontiguousarray(rgb.transpose(0, 3, 2, 1)).tobytes())
    stored = data.open_images("stl10_binary", tmp_path, "all", colour=True)
    np.testing.assert_array_equal(stored.pixels, rgb)
    for k in range(2):
        io.imsave(tmp_path / f"{k}.png", rgb[k], check_contrast=False)
    np.testing.assert_array_equal(data.open_images("folder", tmp_path, "all", colour=True).pixels, rgb[:2])
    smaller = data.open_images("folder", tmp_path, "all", size=48, colour=True).pixels
    assert smaller.shape == (2, 48, 48, 3)
    gray = data.open_images("folder", tmp_path, "all", size=48).pixels
    np.testing.assert_allclose(smaller @ np.float32([0.2989, 0.5870, 0.1140]), gray, atol=2)


def test_photographs_in_colour():
    loaded = data.load_images("skimage", split="test", limit=4, colour=True)
    assert loaded.shape == (4, 96, 96, 3)
    np.testing.assert_array_equal(loaded.max(axis=(1, 2, 3)), 1)
    assert np.ptp(loaded, axis=-1).max() > 0.1


def test_what_holds_no_colours_is_refused(tmp_path, images):
    with pytest.raises(ValueError, match="colour=True with source='npy'"):
        data.open_images("npy", tmp_path, colour=True)
    with pytest.raises(ValueError, match=r"shape \(2, 8, 8\); expected colours last"):
        ColourImages(np.ones((2, 8, 8), "uint8"))
    with pytest.raises(ValueError, match="are in colour"):
        images.save(tmp_path)


def cut_as(images, clean):
    """Whether every crop is in one of the images, in one of the eight ways, all channels together."""
    size, whole = clean.shape[1], images.take(np.arange(len(images)))
    _, height, width, _ = whole.shape
    candidates = [
        whole[i, top : top + size, left : left + size]
        for i in range(len(whole))
        for top in range(height - size + 1)
        for left in range(width - size + 1)
    ]
    ways = [np.rot90(c, k, (1, 2)) for c in (np.stack(candidates), np.stack(candidates)[:, ::-1]) for k in range(4)]
    return all(any((way == crop).all(axis=(1, 2, 3)).any() for way in ways) for crop in clean)


def test_examples_cut_all_channels_alike(images):
    sequence = data.PairSequence(images, noise=0.1, crop=5, augment=True, batch_size=6, degrade=lambda u: u)
    inputs, targets = sequence[0]
    assert inputs.shape == targets.shape == (6, 5, 5, 3)
    assert cut_as(images, targets)
    noise = inputs - targets
    correlation = np.corrcoef(noise.reshape(-1, 3).T)
    assert 0.08 < noise.std() < 0.12 and np.abs(correlation[np.triu_indices(3, 1)]).max() < 0.3


@tensorflow_only
def test_both_pipelines_draw_the_same(images):
    settings = {"noise": 0.02, "crop": 6, "augment": True, "batch_size": 3, "noise_map": True}
    for (a, b), (c, d) in zip(data.pairs(images, **settings), data.PairSequence(images, **settings)):
        assert a.shape == (3, 6, 6, 4)
        np.testing.assert_allclose(a, c, atol=1e-6)
        np.testing.assert_allclose(b, d, atol=1e-6)
        np.testing.assert_allclose(c[..., 3], 0.02)


def test_pairs_are_diffused_together_by_default(images):
    inputs, targets = data.paired_arrays(images)
    np.testing.assert_allclose(inputs, ops.convert_to_numpy(diffusion.vector_valued(targets)), atol=1e-6)


# ---- Vector-valued diffusion -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", diffusion.METHODS)
@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_one_channel_and_equal_channels_are_gray_diffusion(rng, boundary, method):
    """One channel: the same bits. Three equal ones: the squared gradient is three times as large, so λ → √3 λ."""
    u = rng.random((2, 8, 9, 1)).astype("float32")
    gray = ops.convert_to_numpy(diffusion.perona_malik(u, boundary=boundary, method=method))
    same = diffusion.vector_valued(u, boundary=boundary, method=method)
    np.testing.assert_array_equal(ops.convert_to_numpy(same), gray)
    three = np.repeat(u, 3, axis=-1)
    colour = diffusion.vector_valued(three, contrast=0.2 * np.sqrt(3), boundary=boundary, method=method)
    np.testing.assert_allclose(ops.convert_to_numpy(colour), np.repeat(gray, 3, axis=-1), atol=2e-6)


def test_an_edge_in_one_channel_stops_all(rng):
    """γ by hand: each channel diffuses with 1/(1 + Σ_c |∇u_c|²/λ²)."""
    u = rng.random((1, 7, 8, 3))
    squares = np.zeros((1, 7, 8, 1))
    squares[:, 1:] += ((u[:, 1:] - u[:, :-1]) ** 2).sum(axis=-1, keepdims=True)
    squares[:, :, 1:] += ((u[:, :, 1:] - u[:, :, :-1]) ** 2).sum(axis=-1, keepdims=True)
    gamma = (1 / (1 + squares / 0.04)).astype("float32")
    u = u.astype("float32")
    for k in range(3):
        alone = scheme.explicit_step(ops.convert_to_tensor(u[..., k : k + 1]), 0.1, ops.convert_to_tensor(gamma))
        together = ops.convert_to_numpy(diffusion.vector_valued(u, steps=1))[..., k : k + 1]
        np.testing.assert_allclose(together, ops.convert_to_numpy(alone), atol=1e-6)


def test_colours_keep_their_means_and_their_range(rng):
    u = rng.random((2, 9, 9, 3)).astype("float32")
    v = ops.convert_to_numpy(diffusion.vector_valued(u, steps=5, dt=0.25))
    np.testing.assert_allclose(v.mean(axis=(1, 2)), u.mean(axis=(1, 2)), atol=1e-6)
    assert np.all(v.max(axis=(1, 2)) <= u.max(axis=(1, 2)) + 1e-6)
    assert np.all(v.min(axis=(1, 2)) >= u.min(axis=(1, 2)) - 1e-6)


# ---- One contrast parameter an image ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", diffusion.METHODS)
def test_each_image_has_its_own_contrast(rng, method):
    u = rng.random((3, 8, 7, 1)).astype("float32")
    contrasts = np.float32([0.1, 0.2, 0.4])
    together = diffusion.perona_malik(u, contrast=contrasts.reshape(3, 1, 1, 1), method=method)
    alone = [
        ops.convert_to_numpy(diffusion.perona_malik(v[None], contrast=float(c), method=method))
        for v, c in zip(u, contrasts)
    ]
    np.testing.assert_allclose(ops.convert_to_numpy(together), np.concatenate(alone), atol=1e-6)
    assert np.abs(alone[0] - ops.convert_to_numpy(diffusion.perona_malik(u[:1]))).max() > 0.01


def test_contrasts_of_a_wrong_shape_are_refused(rng):
    u = rng.random((3, 8, 7, 1)).astype("float32")
    with pytest.raises(ValueError, match=r"contrast has shape \(3,\).*\(batch, 1, 1, 1\)"):
        diffusion.perona_malik(u, contrast=np.float32([0.1, 0.2, 0.3]))
    with pytest.raises(ValueError, match="stability bound depends on it"):
        diffusion.nonlinear(u, 1, 0.01, np.full((3, 1, 1, 1), 0.2, "float32"), "regularised_tv")
    with pytest.raises(TypeError, match="contrast='0.2'"):
        diffusion.perona_malik(u, contrast="0.2")


@tensorflow_only
@pytest.mark.parametrize("mixing", mostly_slow([False, True], True))
def test_a_network_trains_on_colours(images, mixing):
    model = models.DiffNet(2, 2, 4, channels=3, mixing=mixing, initial_scale=0.1)
    before = model.get_weights()
    recipe = training.Recipe(batch_size=4, crop=8)
    trained = training.fit(model, images, recipe, steps=2, validation=images, verbose=False)
    assert trained.finished and np.isfinite(trained.history[-1]["val_loss"])
    assert any(np.any(a != b) for a, b in zip(before, model.get_weights()))
    assert keras.backend.standardize_dtype(model(images.take(np.arange(2))).dtype) == "float32"


def test_a_colour_network_is_fitted_from_loaded_images():
    """An array of `load_images(colour=True)`, which has three channels, for training and for validation."""
    loaded = data.load_images("skimage", split="test", limit=6, colour=True)
    kept = data.as_gray_images(loaded)
    assert isinstance(kept, ColourImages)
    np.testing.assert_array_equal(kept.take(np.arange(6)), loaded)
    recipe = training.Recipe(batch_size=2, crop=12, schedule="constant")
    model = models.DiffNet(1, 1, 2, channels=3)
    trained = training.fit(model, loaded[:4], recipe, steps=2, validation=loaded[4:, :24, :24] / 2, verbose=False)
    assert trained.finished and np.isfinite(trained.history[-1]["val_psnr"])
    for array, error, message in (
        ((255 * loaded).astype("uint8"), TypeError, "images have dtype uint8; expected floating point"),
        (300 * loaded, ValueError, r"range from 0 to 300; expected values in \[0, 1\]"),
        (np.where(loaded == 1, np.nan, loaded), ValueError, "NaN"),
        (0 * loaded, ValueError, "black"),
        (np.moveaxis(loaded[:, :, :3], 2, 1), ValueError, "looks like channels first"),
    ):
        with pytest.raises(error, match=message):
            data.as_gray_images(array)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda: models.DiffNet(1, 1, 2), {"colour": True}, "takes images of 1 channel.s., but the examples have 3"),
        (lambda: models.DiffNet(1, 1, 2, channels=3), {}, "takes images of 3 channel.s., .* have 1; .*colour=True"),
        (lambda: models.DiffNet(1, 1, 2, noise_map=True), {}, "of 2 channel.s., .* have 1; .*noise_map=True"),
        (lambda: models.LinearDiffNet((24, 24), 1), {}, r"of 24×24 .* have 12×12; .*replace\(recipe, crop=24\)"),
    ],
)
def test_images_that_are_not_those_of_the_network_are_refused_before_any_work(make, options, message):
    recipe, images = training.Recipe(batch_size=2, crop=12), data.load_images("skimage", limit=2, **options)
    with pytest.raises(ValueError, match=message):
        training.fit(make(), images, recipe, steps=1)
