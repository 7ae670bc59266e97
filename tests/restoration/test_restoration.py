"""Any image: tiles give what the whole image gives; colour, alpha, depth and scale are kept."""

import itertools

import keras
import numpy as np
import pytest
import skimage.data

import diffnet_tf as dn
from diffnet_tf import restoration
from diffnet_tf.restoration import source, tiles
from tests.conftest import mostly_slow


@pytest.fixture(scope="module")
def model():
    """Three layers with strong filters: what a tile misses would show."""
    keras.utils.set_random_seed(3)
    return dn.models.DiffNet(num_layers=3, estimator_depth=2, width=8, initial_time_step=0.5)


def whole(model, image):
    return keras.ops.convert_to_numpy(model(image[None, ..., None].astype("float32")))[0, ..., 0]


SIZES = list(itertools.product([(3, 3), (3, 50), (31, 17), (64, 64), (65, 33)], [1, 7, 16, 64]))


@pytest.mark.parametrize(
    ("shape", "tile"), mostly_slow(SIZES, ((3, 3), 1), ((3, 50), 7), ((31, 17), 64), ((65, 33), 16))
)
def test_tiles_give_the_whole_image(model, shape, tile):
    image = np.random.default_rng(1).random(shape).astype("float32")
    image[1, 1] = 1.0
    if tile == 1 and max(shape) > 31:
        pytest.skip("thousands of tiles")
    np.testing.assert_allclose(dn.restore(image, model, tile=tile), whole(model, image), atol=1e-6)


def test_a_smaller_halo_would_not_do(model, monkeypatch):
    """The reach is not larger than it has to be, so that the test above would see it miss."""
    image = np.random.default_rng(1).random((64, 64)).astype("float32")
    image[0, 0] = 1.0
    monkeypatch.setattr(tiles, "reach", lambda *_: 5)
    assert np.abs(dn.restore(image, model, tile=16) - whole(model, image)).max() > 1e-5


def test_the_reach_is_4_pixels_a_layer():
    assert tiles.reach(dn.models.DiffNet()) == 20


def test_a_stencil_can_reach_further_than_the_filters_see():
    keras.utils.set_random_seed(3)
    model = dn.models.DiffNet(2, estimator_depth=1, initial_time_step=0.5, points=13)
    assert tiles.reach(model) == 4
    image = np.random.default_rng(1).random((40, 33)).astype("float32")
    image[1, 1] = 1.0
    np.testing.assert_allclose(dn.restore(image, model, tile=16), whole(model, image), atol=1e-6)


def test_a_network_with_a_noise_map_is_told_the_noise():
    """Tile by tile as the whole image with σ behind it, whatever the scale of the image."""
    keras.utils.set_random_seed(4)
    model = dn.models.DiffNet(2, 2, 8, noise_map=True)
    image = np.random.default_rng(2).random((40, 33)).astype("float32")
    image[3, 3] = 1.0
    inputs = np.stack([image, np.full_like(image, 0.05)], axis=-1)[None]
    expected = keras.ops.convert_to_numpy(model(inputs))[0, ..., 0]
    np.testing.assert_allclose(dn.restore(image, model, tile=16, noise=0.05), expected, atol=1e-6)
    np.testing.assert_allclose(dn.restore(4 * image, model, tile=16, noise=0.05), 4 * expected, atol=4e-6)
    assert abs(dn.restore(image, model, noise=0.1) - expected).max() > 1e-3


def test_the_noise_is_estimated_if_it_is_not_given():
    """One σ for the whole image, on the scale that the network sees, for each part."""
    keras.utils.set_random_seed(4)
    model, rng = dn.models.DiffNet(1, 2, 8, noise_map=True), np.random.default_rng(2)
    image = (np.linspace(0.2, 0.8, 60)[:, None, None] + rng.normal(scale=0.05, size=(60, 70, 3))).astype("float32")
    image[3, 3] = 1.0
    for noise in (None, "auto"):
        tiled = tiles.Tiled(model, tile=16, noise=noise)
        restored = dn.restore(4 * image, tiled, colour="channels")
        assert tiled.noise == "auto" and len(tiled.estimates) == 3
        assert all(abs(sigma - 0.05) < 0.005 for sigma in tiled.estimates)
        for k, sigma in enumerate(tiled.estimates):
            alone = dn.restore(4 * image[..., k], model, noise=sigma, white=4 * float(image.max()))
            np.testing.assert_allclose(restored[..., k], alone, atol=4e-6)
    dn.restore(image, tiled)
    assert len(tiled.estimates) == 1 and tiled.estimates[0] < 0.045  # the noise of the luminance is weaker


def test_filled_pixels_do_not_count_as_free_of_noise():
    tiled = tiles.Tiled(dn.models.DiffNet(1, 1, noise_map=True))
    image = 0.5 + np.random.default_rng(2).normal(scale=0.05, size=(80, 90))
    dn.restore(image, tiled, white=1.0)
    (whole,) = tiled.estimates
    image[10:70, 20:60] = -1e4
    dn.restore(image, tiled, white=1.0, nodata=-1e4)
    np.testing.assert_allclose(tiled.estimates, whole, rtol=0.1)


def test_the_noise_is_given_to_whom_it_helps(model):
    image, told = np.ones((8, 8), "float32"), dn.models.DiffNet(2, 2, 4, noise_map=True)
    for network, noise, message in (
        (told, "automatic", "noise='automatic'; expected one of 'auto'"),
        (model, "auto", "noise='auto' for a network without a noise map; expected None"),
        (told, "auto", "The image has 8×8 pixels; expected at least 14 a side to estimate its noise. Give σ"),
        (model, 0.1, "noise=0.1 for a network without a noise map; expected None"),
        (told, 3.0, "noise=3; expected σ as a fraction of white, below 1. For 3 %, give 0.03; for 25 of 255, 25/255"),
        (told, -0.1, "noise=-0.1; expected a finite number of at least 0"),
        (tiles.Tiled(told, noise=0.1), 0.1, "noise=0.1 with a Tiled; expected None. Give noise to"),
    ):
        with pytest.raises(ValueError, match=message):
            dn.restore(image, network, noise=noise)


@pytest.mark.parametrize("place", [(0, 0), (13, 22)])
def test_an_output_pixel_depends_on_what_is_within_reach(place):
    keras.utils.set_random_seed(0)
    model = dn.models.DiffNet(num_layers=2, estimator_depth=3, width=4, initial_time_step=0.5)
    image = np.random.default_rng(0).random((1, 33, 40, 1)).astype("float32")
    changed = image.copy()
    changed[0, place[0], place[1], 0] += 0.5
    difference = np.abs(keras.ops.convert_to_numpy(model(changed) - model(image)))[0, ..., 0]
    rows, columns = np.nonzero(difference > 0)
    distance = np.maximum(np.abs(rows - place[0]), np.abs(columns - place[1])).max()
    assert distance <= tiles.reach(model) == 6


def test_the_scale_by_the_maximum_is_undone(model):
    image = 0.9 * skimage.data.camera()[:64, :64].astype("float32") / 255
    expected = image.max() * whole(model, image / image.max())
    np.testing.assert_allclose(dn.restore(image, model), expected, atol=1e-6)
    np.testing.assert_allclose(dn.restore(1000 * image, model), 1000 * expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(("dtype", "steps"), [("uint8", 255), ("uint16", 65535)])
def test_integers_stay_integers(model, dtype, steps):
    image = (skimage.data.camera()[:40, :50].astype("float64") / 255 * steps).round().astype(dtype)
    restored = dn.restore(image, model)
    expected = dn.restore((image / steps).astype("float64"), model)
    assert restored.dtype == dtype
    np.testing.assert_allclose(restored / steps, np.clip(expected, 0, 1), atol=0.51 / steps + 1e-6)


def test_another_depth_by_an_array_of_it(model):
    image = skimage.data.camera()[:40, :50]
    wide = dn.restore(image, model, out=np.empty(image.shape, "uint16"))
    exact = dn.restore(image, model, out=np.empty(image.shape, "float32"))
    np.testing.assert_allclose(wide / 65535, np.clip(exact, 0, 1), atol=1e-5)
    np.testing.assert_array_equal(np.rint(255 * np.clip(exact, 0, 1)), dn.restore(image, model))


def test_luminance_is_restored_and_colour_differences_are_kept(model):
    image = skimage.data.astronaut()[100:160, 200:260].astype("float32") / 255
    restored = dn.restore(image, model)
    gray, after = (u @ restoration.LUMINANCE for u in (image, restored))
    np.testing.assert_allclose(after, gray.max() * whole(model, gray / gray.max()), atol=1e-4)
    for k in (0, 1):
        np.testing.assert_allclose(restored[..., k] - restored[..., 2], image[..., k] - image[..., 2], atol=1e-6)


def test_channels_share_their_scale(model):
    image = skimage.data.astronaut()[100:160, 200:260].astype("float32") / 255
    image[..., 2] *= 0.5
    restored = dn.restore(image, model, colour="channels")
    for k in range(3):
        expected = image.max() * whole(model, image[..., k] / image.max())
        np.testing.assert_allclose(restored[..., k], expected, atol=1e-6)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_alpha_is_kept(model, channels, dtype):
    rng = np.random.default_rng(0)
    top = 1.0 if dtype == "float32" else np.iinfo(dtype).max
    image = (top * rng.random((20, 30, channels))).astype(dtype)
    restored = dn.restore(image, model, tile=16)
    np.testing.assert_array_equal(restored[..., -1], image[..., -1])
    np.testing.assert_array_equal(restored[..., :-1], dn.restore(image[..., :-1].copy(), model, tile=16))
    assert not np.array_equal(restored[..., 0], image[..., 0])


def test_a_black_image_stays_black(model):
    for shape in ((20, 20), (20, 20, 4)):
        assert not dn.restore(np.zeros(shape, "uint8"), model).any()


def test_progress_counts_every_tile(model):
    told = []
    dn.restore(np.ones((40, 50, 3), "float32"), model, colour="channels", tile=20, progress=lambda *n: told.append(n))
    assert told == [(k, 18) for k in range(1, 19)]


def test_the_first_bad_value_is_found_anywhere(model, monkeypatch):
    monkeypatch.setattr(source, "_BLOCK", 20)
    image = np.ones((11, 5))
    image[9, 2] = image[10, 3] = np.inf
    with pytest.raises(ValueError, match=r"2 value\(s\) that are NaN or infinite, the first at index \(9, 2\)"):
        dn.restore(image, model)


def functional():
    """A network of the user's own, whose output depends on the whole image."""
    image = keras.Input((None, None, 1))
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(image)
    u = keras.layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    u = keras.layers.Conv2D(1, 3, padding="same")(u)
    return keras.Model(image, keras.layers.Add()([u, mean]))


OTHERS = {
    "ConvNet": lambda: dn.models.ConvNet(depth=2, width=4),
    "UNet": lambda: dn.models.UNet((2, 3)),
    "LinearDiffNet": lambda: dn.models.LinearDiffNet((40, 33), 2, filters_initializer="glorot_uniform"),
    "functional": functional,
}


@pytest.mark.parametrize("name", OTHERS)
def test_networks_of_unknown_reach_see_the_image_whole(name):
    """Whatever the tile; scaled and put back as for others, in luminance as well."""
    keras.utils.set_random_seed(5)
    model, told = OTHERS[name](), []
    image = np.random.default_rng(1).random((40, 33)).astype("float32")
    image[3, 3] = 1.0
    assert tiles.reach(model) is None
    found = dn.restore(2 * image, model, tile=16, progress=lambda *n: told.append(n))
    np.testing.assert_allclose(found, 2 * whole(model, image), atol=2e-5)
    assert told == [(1, 1)]
    rgb = np.repeat((255 * image)[..., None], 3, axis=-1).astype("uint8")
    assert dn.restore(rgb, model).shape == (40, 33, 3)


@pytest.fixture(scope="module")
def colour_models():
    """Networks of colour images: in tiles, with filters for each pair of channels, told the noise, and whole."""
    keras.utils.set_random_seed(6)
    options = {"width": 4, "channels": 3, "initial_time_step": 0.5}
    return {
        "DiffNet": dn.models.DiffNet(2, 2, **options),
        "mixing": dn.models.DiffNet(2, 2, mixing=True, **options),
        "told": dn.models.DiffNet(2, 2, noise_map=True, **options),
        "other": keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 3, padding="same")]),
    }


@pytest.mark.parametrize("name", ["DiffNet", "mixing", "told", "other"])
def test_colour_networks_are_given_all_channels(colour_models, name):
    """Scaled by the maximum of all; alpha is kept; the choice of luminance or bands is for gray networks."""
    model, noise = colour_models[name], 0.05 if name == "told" else None
    image = np.random.default_rng(2).random((40, 33, 3)).astype("float32")
    image[3, 3, 1] = 1.0
    given = image if noise is None else np.concatenate([image, np.full_like(image[..., :1], noise)], axis=-1)
    expected = keras.ops.convert_to_numpy(model(given[None]))[0]
    for colour in (None, "channels"):
        found = dn.restore(3 * image, model, tile=16, noise=noise, colour=colour)
        np.testing.assert_allclose(found, 3 * expected, atol=1e-5)
    rgba = np.concatenate([image, np.full_like(image[..., :1], 0.3)], axis=-1)
    found = dn.restore(rgba, model, tile=16, noise=noise)
    np.testing.assert_allclose(found, np.concatenate([expected, rgba[..., 3:]], axis=-1), atol=1e-5)
    assert not dn.restore(np.zeros((20, 20, 3), "uint8"), model, noise=noise).any()
    with pytest.raises(ValueError, match=r"has 1 channel\(s\); expected RGB, because the network is for colour images"):
        dn.restore(image[..., 0], model, noise=noise)
    with pytest.raises(ValueError, match="colour='luminance' with a network for colour images"):
        dn.restore(image, model, noise=noise, colour="luminance")


def test_other_models_are_refused(photographs):
    image = photographs[0]
    for model, error, message in (
        (None, TypeError, "The model is a NoneType; expected a Keras model"),
        (keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), ValueError, r"maps \(None, 4\) to \(None, 3\)"),
        (dn.models.DiffNet(1, 1, 2, channels=2), ValueError, "expected images .batch, height, width, 1 or 3"),
        (
            dn.models.LinearDiffNet((40, 33), 1),
            ValueError,
            "has 96×96 pixels; expected 40×33, the size of the network. Crop",
        ),
    ):
        with pytest.raises(error, match=message):
            dn.restore(image, model)
    with pytest.raises(
        ValueError, match="precision='bfloat16' for a Sequential; expected None, or a network from this"
    ):
        one = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, padding="same")])
        dn.restore(image, one, precision="bfloat16")


def test_one_noise_is_not_for_channels_of_several_scales():
    """Near infrared at a tenth of RGB would get a tenth of its σ."""
    model = dn.models.DiffNet(1, 2, 4, noise_map=True)
    image = np.random.default_rng(0).uniform(0, 1, (30, 30, 4)).astype("float32")
    image[..., 3] *= 0.1
    for options in ({"alpha": False}, {"alpha": False, "colour": "bands"}):
        with pytest.raises(ValueError, match="noise=0.01 with channels of different scales: .* Give one white for all"):
            dn.restore(image, model, noise=0.01, **options)
    image[0, 0, 3] = 0.9
    restored = dn.restore(image, model, noise=0.01, alpha=False, white=1.0)
    np.testing.assert_array_equal(restored[..., 3], dn.restore(image[..., 3], model, noise=0.01, white=1.0))
    dn.restore(image, model, noise=0.01, colour="channels")  # the fourth is alpha
    image[..., 3] = 0
    dn.restore(image, model, noise=0.01, alpha=False)  # and black has no scale
