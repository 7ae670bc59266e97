"""Networks of scale "white": white is 1.0 in floats and the largest integer, and values beyond black and white pass."""

import re
import warnings

import keras
import numpy as np
import pytest
import skimage.data

import diffnet_tf as dn
from diffnet_tf import restoration
from diffnet_tf.restoration import tiles

SIGMA = 25 / 255
CARD = {
    "description": "It removes noise.",
    "author": "Ada Lovelace",
    "license": "cc-by-4.0",
    "data": "Photographs.",
    "limits": "It was not trained.",
    "problem": "denoise",
    "scale": "white",
    "noise": [0.0, 55 / 255],
}
CAMERA = (0.8 * skimage.data.camera()[100:180, 200:290]).astype("uint8")  # its maximum is not white
ASTRONAUT = skimage.data.astronaut()[50:130, 150:240]


def saved(folder, **options):
    """A small preset with random weights, of scale white."""
    keras.utils.set_random_seed(7)
    model = dn.models.DiffNet(2, 2, 4, initial_time_step=0.5, noise_map=True, **options)
    dn.save_to_preset(model, folder, CARD)
    return dn.from_preset(folder)


@pytest.fixture(scope="module")
def gray(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("gray"))


@pytest.fixture(scope="module")
def colour(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("colour"), channels=3)


def watched(model, noise=SIGMA):
    """The network as the identity, and a list of what it is given: (rows, columns, channels and σ)."""
    tiled, seen = tiles.Tiled(model, noise=noise), []

    def identity(part):
        seen.append(part[0])
        return part[..., : tiled.channels]

    tiled._function = identity
    return tiled, seen


def output(model, image, sigma=SIGMA):
    """What a network makes of an image (height, width, channels) with white at 1."""
    level = np.full_like(image[..., :1], sigma)
    return np.asarray(model(np.concatenate([image, level], axis=-1)[None].astype("float32")))[0]


def said(image, model, **options):
    """The warnings of a restoration."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dn.restore(image, model, **options)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("dtype", "white"), [("uint8", 255), ("uint16", 65535), ("int16", 32767), ("uint32", 2**32 - 1)]
)
def test_integers_are_divided_by_the_largest_value_of_their_dtype(gray, dtype, white):
    image = np.rint(CAMERA * (white / 255)).astype(dtype)
    expected = np.rint(np.clip(output(gray, image[..., None] / white) * white, 0, white))[..., 0]
    restored = dn.restore(image, gray, noise=SIGMA)
    assert restored.dtype == dtype and image.max() < white
    np.testing.assert_allclose(restored.astype("float64"), expected, rtol=0, atol=1 if white < 1e5 else 1e-5 * white)
    changed = np.abs(restored.astype("float64") - image).max()
    assert changed > 0.02 * white  # not the identity


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
def test_sigma_reaches_the_noise_map_as_it_is(gray, kind):
    tiled, seen = watched(gray)
    white = np.iinfo(kind).max if kind.startswith("u") else 1
    dn.restore((CAMERA / 300 * white).astype(kind), tiled)
    assert all(np.array_equal(part[..., 1], np.full(part.shape[:2], np.float32(SIGMA))) for part in seen)


@pytest.mark.parametrize("options", [{}, {"white": 1.0}, {"black": 0.0}], ids=["plain", "white", "black"])
def test_values_beyond_black_and_white_pass(gray, options):
    image = CAMERA.astype("float32") / 255
    image[3, 4], image[5, 6], image[7, 8] = 1.7, -0.2, 4.0
    image += np.random.default_rng(0).normal(scale=50 / 255, size=image.shape).astype("float32")
    tiled, seen = watched(gray)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        restored = dn.restore(image, tiled, **options)
    assert image.min() < -0.2 and image.max() > 1.7
    np.testing.assert_array_equal(seen[0][..., 0], image)
    np.testing.assert_array_equal(restored, image)


def test_a_network_without_a_final_relu_keeps_values_below_black(tmp_path):
    model = saved(tmp_path, relu=False)
    image = CAMERA.astype("float32") / 255 - 0.1
    image[3, 4] = 1.7
    restored = dn.restore(image, model, noise=SIGMA)
    np.testing.assert_allclose(restored, output(model, image[..., None])[..., 0], atol=1e-6)
    assert restored.min() < 0 and restored.max() > 1


def test_a_network_of_scale_maximum_sees_less(small):
    """What the last test is compared with: values far above white are set aside, and too negative ones are refused."""
    image = CAMERA.astype("float32") / 255
    image[3, 4] = 4.0
    tiled = tiles.Tiled(small)
    tiled._function = lambda part: part if part.max() <= 1.25 else pytest.fail("too bright")
    dn.restore(image, tiled, white=1.0)
    image[10:40] -= 1
    with pytest.raises(ValueError, match="expected no negative values except noise"):
        dn.restore(image, tiled, white=1.0)


def test_a_black_image_is_processed(gray):
    tiled, seen = watched(gray)
    assert not dn.restore(np.zeros((20, 30), "uint8"), tiled).any() and len(seen) == 1
    tiled, seen = watched(gray)
    dn.restore(np.zeros((20, 30), "uint8"), tiled, white="maximum")
    assert not seen  # has no maximum to divide by
    assert said(np.zeros((20, 30), "uint8"), gray) == []


@pytest.mark.parametrize(
    ("options", "divisor", "minus"),
    [({"white": 127.5}, 127.5, 0), ({"white": "maximum"}, CAMERA.max(), 0), ({"black": 15, "white": 150}, 135, 15)],
    ids=["a number", "the maximum", "black and white"],
)
def test_a_given_white_wins(gray, options, divisor, minus):
    tiled, seen = watched(gray)
    dn.restore(CAMERA, tiled, **options)
    expected = (CAMERA.astype("float64") - minus) / divisor
    np.testing.assert_allclose(seen[0][..., 0], expected, atol=1e-6)
    assert expected.max() > 1.25 or options["white"] == "maximum"


def test_white_full_is_the_scale_of_a_network_without_a_card(gray):
    model = dn.models.DiffNet.from_config(gray.get_config())
    model.set_weights(gray.get_weights())
    np.testing.assert_array_equal(
        dn.restore(CAMERA, model, white="full", noise=SIGMA), dn.restore(CAMERA, gray, noise=SIGMA)
    )
    identity = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Identity()])
    image = np.linspace(-0.7, 1.7, 400, dtype="float32").reshape(20, 20)
    with pytest.warns(UserWarning, match="far below black"):
        np.testing.assert_array_equal(dn.restore(image, identity, white="full"), image)
    with pytest.raises(ValueError, match="expected no negative values except noise"):
        dn.restore(image, identity)


def test_for_presets_of_scale_maximum_full_is_a_number():
    image = CAMERA.astype("float32") / 300
    inverse = dn.from_preset("inverse-1pct")
    np.testing.assert_array_equal(dn.restore(image, inverse, white="full"), dn.restore(image, inverse, white=1.0))
    np.testing.assert_array_equal(dn.restore(image, inverse, white="maximum"), dn.restore(image, inverse))


# ---- What is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (CAMERA.astype("float32"), r"The values reach 2\d\d, but white is 1 for float32\. .*white=255 \(--white=255\)"),
        (CAMERA.astype("uint16") * 16, r"All values, up to \d+, are dark: white is 65535 for uint16.*white=4095"),
        (CAMERA / 127.5 - 1, r"\d\d % of the values are far below black, which is 0\..*black=-0.9"),
    ],
    ids=["bytes as floats", "12 bits in 16", "from -1 to 1"],
)
def test_an_image_with_another_white_or_black_is_warned_of(gray, image, message):
    (text,) = said(image, watched(gray)[0])
    assert re.match(message, text)


def test_ordinary_images_are_not_warned_of(gray):
    noisy = CAMERA / 255 + np.random.default_rng(0).normal(scale=50 / 255, size=CAMERA.shape)
    stars = np.zeros((40, 40), "uint8")
    stars[::9, ::9] = 255
    lamp = CAMERA // 2
    lamp[10:20, 10:20] = 255
    for image in (CAMERA, ASTRONAUT, CAMERA.astype("uint16") * 257, noisy, 3 * noisy, stars, 255 - stars, lamp):
        assert said(image, watched(gray)[0]) == []


def test_fill_values_are_refused_unless_they_are_said_to_be_values(gray):
    image = CAMERA.astype("float32") / 255
    image[:20] = -9999
    with pytest.raises(ValueError, match="has a minimum of -9999 .* Give nodata=-9999"):
        dn.restore(image, gray)
    image[:20] = 32767
    with pytest.raises(ValueError, match="has the value 32767 in 25 % of the pixels.* Give nodata=32767"):
        dn.restore(image, gray)
    tiled, seen = watched(gray)
    restored = dn.restore(image, tiled, nodata=32767)
    assert (restored[:20] == 32767).all() and seen[0].max() <= 1
    masked = np.ma.MaskedArray(image, image == 32767)
    np.testing.assert_array_equal(dn.restore(masked, watched(gray)[0]).data[20:], image[20:])


def test_more_noise_than_the_preset_knows_is_warned_of(gray):
    (text,) = said(CAMERA, gray, noise=80 / 255)
    assert text.startswith("The noise has σ = 31.4 % of white. 'gray") and "at most 21.6 %" in text
    noisy = CAMERA + np.random.default_rng(0).normal(scale=90, size=CAMERA.shape)
    (text,) = said((noisy / 255).astype("float32"), gray)
    assert "was trained on at most 21.6 %" in text
    assert said(CAMERA, gray, noise=55 / 255) == []


# ---- Colour, and the estimate ----------------------------------------------------------------------------------------


def test_each_channel_of_a_colour_image_is_denoised(gray):
    restored = dn.restore(ASTRONAUT, gray, noise=SIGMA)
    for channel in range(3):
        np.testing.assert_array_equal(restored[..., channel], dn.restore(ASTRONAUT[..., channel], gray, noise=SIGMA))
    luminance = dn.restore(ASTRONAUT, gray, noise=SIGMA, colour="luminance")
    assert np.abs(luminance.astype(int) - restored).max() > 2


def test_a_colour_network_gets_one_sigma_for_its_three_channels(colour):
    rng, scales = np.random.default_rng(2), np.array([0.02, 0.05, 0.1])
    image = skimage.data.astronaut()[:200, :200] / 255
    image = (image + rng.normal(size=image.shape) * scales).astype("float32")
    tiled, seen = watched(colour, "auto")
    dn.restore(image, tiled)
    each = [dn.estimate_noise(image[..., channel], "photograph") for channel in range(3)]
    (estimate,) = tiled.estimates
    np.testing.assert_allclose(estimate, np.sqrt(np.mean(np.square(each))), rtol=1e-6)
    np.testing.assert_allclose(estimate, np.sqrt(np.mean(scales**2)), rtol=0.1)
    assert all((part[..., 3] == np.float32(estimate)).all() for part in seen)


def test_sigma_is_estimated_as_in_photographs(gray):
    image = CAMERA / 255 + np.random.default_rng(0).normal(scale=SIGMA, size=CAMERA.shape)
    tiled, _ = watched(gray, "auto")
    for given in (image, np.rint(np.clip(image, 0, 1) * 65535).astype("uint16")):
        dn.restore(given, tiled)
        white = 65535 if given.dtype == "uint16" else 1
        np.testing.assert_allclose(tiled.estimates, dn.estimate_noise(given, "photograph") / white, rtol=1e-5)
    own = tiles.Tiled(dn.models.DiffNet(1, 1, 2, noise_map=True))
    dn.restore(image, own)
    np.testing.assert_allclose(own.estimates, dn.estimate_noise(image) / image.max(), rtol=1e-5)
    dn.restore(image, own, white="full")
    np.testing.assert_allclose(own.estimates, dn.estimate_noise(image, "photograph"), rtol=1e-5)


def test_check_knows_the_scale():
    image = CAMERA / 127.5 - 1
    restoration.check(image, network_scale="white")
    with pytest.raises(ValueError, match="expected no negative values except noise"):
        restoration.check(image)
    with pytest.raises(ValueError, match="white='ful'; expected .*, or 'maximum', or 'full'. Did you mean 'full'?"):
        restoration.check(image, white="ful")
    with pytest.raises(ValueError, match="black='full'; expected a number, or a percentile from '0%' to '100%'.$"):
        restoration.check(image, black="full")


def test_an_estimate_above_white_is_refused(gray):
    """Floats up to 255 without `white`: the estimate says that something is wrong."""
    noisy = (CAMERA + np.random.default_rng(0).normal(0, 25, CAMERA.shape)).astype("float32")
    with warnings.catch_warnings(), pytest.raises(ValueError, match="times white"):
        warnings.simplefilter("ignore")
        dn.restore(noisy, gray)
    assert np.isfinite(dn.restore(noisy, gray, white=255)).all()
