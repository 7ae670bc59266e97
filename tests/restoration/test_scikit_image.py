"""What the functions of skimage.restoration take, `restore` takes: channels on any axis, all integers and floats."""

import functools
import itertools

import keras
import numpy as np
import pytest
import skimage.data
from skimage import restoration, util

import diffnet_tf as dn

COLOUR = skimage.data.astronaut()[20:52, 100:140]
GRAY = skimage.data.camera()[200:232, 150:190]  # black, white and much between
INTEGERS = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_channels_may_be_on_any_axis(small, axis, channels):
    image = np.concatenate([COLOUR, COLOUR[..., :1]], axis=-1)[..., :channels]
    expected = np.moveaxis(dn.restore(image, small), -1, axis)
    moved = np.moveaxis(image, -1, axis)
    np.testing.assert_array_equal(dn.restore(moved, small, channel_axis=axis), expected)


def test_the_axis_counts_for_the_output_too(small):
    image = np.ascontiguousarray(np.moveaxis(COLOUR, -1, 0))
    expected = dn.restore(image, small, channel_axis=0)
    out = np.zeros(image.shape, "float64")
    assert dn.restore(image, small, channel_axis=0, out=out) is out
    np.testing.assert_allclose(out, expected / 255, atol=0.51 / 255)
    assert dn.restore(image, small, channel_axis=0, out=image, tile=16) is image
    np.testing.assert_array_equal(image, expected)


def test_a_mask_stays_where_it_is(small):
    image = np.ma.array(np.moveaxis(COLOUR, -1, 0), mask=np.moveaxis(COLOUR, -1, 0) > 190)
    restored = dn.restore(image, small, channel_axis=0)
    np.testing.assert_array_equal(restored.mask, image.mask)
    expected = dn.restore(np.ma.array(COLOUR, mask=COLOUR > 190), small)
    np.testing.assert_array_equal(restored.data, np.moveaxis(expected.data, -1, 0))


def test_more_than_four_channels_are_images_of_their_own(small):
    bands = np.stack([GRAY // (1 + k) for k in range(6)])
    restored = dn.restore(bands, small, channel_axis=0)
    for band, one in zip(bands, restored):
        np.testing.assert_array_equal(one, dn.restore(band, small))
    with pytest.raises(ValueError, match="has shape .* give channel_axis"):
        dn.restore(bands, small)


@pytest.mark.parametrize(
    ("image", "axis", "error", "words"),
    [
        (GRAY, -1, ValueError, r"The image has shape \(32, 40\), but channel_axis=-1; .*leave out channel_axis"),
        (COLOUR, 3, ValueError, "channel_axis=3; expected an axis from -3 to 2"),
        (COLOUR, 1.0, TypeError, "channel_axis=1.0 is a float; expected None, or a whole number"),
        (COLOUR, True, TypeError, "channel_axis=True is a bool"),
        (COLOUR[:, :2].transpose(2, 0, 1), 1, ValueError, "at least 3 pixels a side"),
    ],
)
def test_a_wrong_axis_is_named(small, image, axis, error, words):
    with pytest.raises(error, match=words):
        dn.restore(image, small, channel_axis=axis)


@pytest.mark.filterwarnings("error:invalid value encountered in cast")  # processors differ in what they then write
@pytest.mark.parametrize("dtype", INTEGERS)
def test_all_integers_are_restored_rounded_and_clipped(small, dtype):
    """Up to the largest one, which float32 cannot always hold."""
    top = np.iinfo(dtype).max
    image = np.where(GRAY > 200, top, (GRAY / 256 * top).astype(dtype)).astype(dtype)
    restored = dn.restore(image, small)
    assert restored.dtype == image.dtype
    exact = dn.restore(image.astype("float64"), small)
    np.testing.assert_allclose(restored / top, np.clip(exact / top, 0, 1), atol=0.51 / top + 2e-7)
    assert (restored / top).max() > 0.99


def test_small_integers_in_a_wide_dtype_lose_nothing(small):
    """As NumPy makes int64 of bytes: white is the maximum, not the largest integer. Only bytes are clipped at 255."""
    restored = dn.restore(GRAY.astype("int64"), small)
    np.testing.assert_array_equal(np.minimum(restored, 255), dn.restore(GRAY, small))


def test_half_precision_is_kept(small):
    image = (GRAY / 255).astype("float16")
    restored = dn.restore(image, small)
    assert restored.dtype == np.float16
    np.testing.assert_allclose(restored, dn.restore(image.astype("float32"), small), atol=1e-3)


def test_signed_values_are_treated_as_floats_are(small):
    noisy = GRAY.astype("int16") + np.random.default_rng(0).normal(0, 3, GRAY.shape).astype("int16") - 4
    assert noisy.min() < 0
    np.testing.assert_array_equal(dn.restore(noisy, small), np.rint(dn.restore(noisy.astype("float64"), small)))
    hounsfield = GRAY.astype("int16") * 4 - 900
    with pytest.raises(ValueError, match="black=-"):
        dn.restore(hounsfield, small)
    window = {"black": -160, "white": 240}
    expected = dn.restore(hounsfield.astype("float64"), small, **window)
    np.testing.assert_array_equal(dn.restore(hounsfield, small, **window), np.rint(expected))
    hounsfield[5:8, 5:8] = -9999
    restored = dn.restore(hounsfield, small, nodata=-9999, **window)
    np.testing.assert_array_equal(restored == -9999, hounsfield == -9999)


@pytest.mark.parametrize(("dtype", "words"), [("bool", "no gray values"), ("complex64", "integers or floats")])
def test_other_dtypes_are_refused_with_a_reason(small, dtype, words):
    with pytest.raises(TypeError, match=words):
        dn.restore(GRAY.astype(dtype), small)


def test_it_stands_where_a_denoiser_of_scikit_image_stands(small):
    """The same call, the same shape and dtype of floats."""
    image = util.img_as_float(COLOUR)
    old = restoration.denoise_tv_chambolle(image, 0.1, channel_axis=-1)
    new = dn.restore(image, small, channel_axis=-1)
    assert (old.shape, old.dtype) == (new.shape, new.dtype)
    function = functools.partial(dn.restore, model=small)
    spun = restoration.cycle_spin(image, function, 1, channel_axis=-1, func_kw={"channel_axis": -1}, workers=1)
    shifts = itertools.product((0, 1), (0, 1))
    each = [np.roll(function(np.roll(image, s, (0, 1)), channel_axis=-1), (-s[0], -s[1]), (0, 1)) for s in shifts]
    np.testing.assert_allclose(spun, np.mean(each, axis=0), atol=1e-12)


def test_scikit_image_calibrates_it():
    """Among levels of noise for a noise map; the loss of each is that of the function as it is called alone."""
    keras.utils.set_random_seed(3)
    model = dn.models.DiffNet(1, 2, 4, noise_map=True)
    function = functools.partial(dn.restore, model=model)
    image = util.img_as_float(GRAY)
    levels = {"noise": [0.01, 0.1]}
    best, (tried, losses) = restoration.calibrate_denoiser(image, function, levels, stride=2, extra_output=True)
    assert [one["noise"] for one in tried] == levels["noise"] and losses[0] != losses[1]
    noise = levels["noise"][int(np.argmin(losses))]
    expected = restoration.denoise_invariant(image, function, stride=2, denoiser_kwargs={"noise": noise})
    np.testing.assert_allclose(best(image), expected, atol=1e-12)
