"""Black, white and values that are no light: what a network gets of an image, and what is refused with which advice."""

import warnings

import keras
import numpy as np
import pytest
import skimage.data

import diffnet_tf as dn
from diffnet_tf import restoration
from diffnet_tf.restoration import advice, scale, source, values
from diffnet_tf.restoration.plan import planned

CAMERA = skimage.data.camera()[100:220, 150:270].astype("float32")
CAMERA /= CAMERA.max()
DIFFUSED = np.asarray(dn.diffusion.perona_malik(CAMERA[None, ..., None]))[0, ..., 0]
FAR = np.ones(CAMERA.shape, bool)
FAR[40:81, 40:81] = False  # what the pixel (60, 60) reaches


def psnr(restored, where, white=1.0):
    return -10 * np.log10(np.mean((np.asarray(restored)[where] / white - CAMERA[where]) ** 2))


@pytest.fixture(scope="module")
def clean(inverse):
    return psnr(dn.restore(DIFFUSED, inverse), FAR)


@pytest.mark.parametrize("hot", [2.0, 20.0, 9999.0])
@pytest.mark.parametrize("white", [1.0, "99.9%"])
def test_a_hot_pixel_spoils_nothing_beyond_its_reach(inverse, clean, hot, white):
    """58.3 dB become 29.9 and 16.9 without a white point: here more than 60 stay."""
    image = DIFFUSED.copy()
    image[60, 60] = hot
    with pytest.warns(UserWarning, match=r"Only 1 of 14,400 values lie above half of the maximum.*give white='99.9"):
        assert psnr(dn.restore(image, inverse), FAR) < 40
    restored = dn.restore(image, inverse, white=white)
    assert psnr(restored, FAR) > clean - (0.1 if white == 1.0 else 2)
    elsewhere = FAR | ((np.arange(120) != 60) | (np.arange(120) != 60)[:, None])
    assert psnr(restored, elsewhere) > 45
    assert abs(restored[60, 60] - hot) < 1  # what is beyond white stays on top


@pytest.mark.parametrize("factor", [1.0, 255.0, 3e4])
def test_white_is_on_the_images_own_scale(small, factor):
    expected = dn.restore(DIFFUSED, small, white=0.8)
    np.testing.assert_allclose(dn.restore(factor * DIFFUSED, small, white=0.8 * factor), factor * expected, rtol=2e-5)
    assert np.abs(expected - dn.restore(DIFFUSED, small)).max() > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_black_is_what_it_is_called(small, dtype):
    """As the image without it, on its own scale: Hounsfield units, and a small contrast on a large offset."""
    expected = dn.restore(DIFFUSED, small)
    for offset, span in ((-1000.0, 2000.0), (300.0, 4.0)):
        image = (offset + span * DIFFUSED.astype(dtype)).astype(dtype)
        restored = dn.restore(image, small, black=offset, white=offset + span * float(DIFFUSED.max()))
        np.testing.assert_allclose((restored - offset) / span, expected, atol=2e-5 if span > 4 else 2e-4)


def test_a_window_keeps_what_lies_outside_it(inverse):
    """Air and bones far outside black and white stay as they are; what lies within is restored as ever."""
    units = -160 + 400 * DIFFUSED
    units[:, :40], units[:, 80:] = -1000, 2000
    restored = dn.restore(units, inverse, black=-160, white=240)
    assert np.abs(restored[:, :19] + 1000).max() < 4 and np.abs(restored[:, 101:] - 2000).max() < 4  # 1 % of 400
    assert psnr((restored + 160) / 400, (slice(None), slice(50, 70))) > 30


@pytest.mark.parametrize("colour", ["luminance", "channels"])
def test_black_and_white_of_colour(small, colour):
    image = skimage.data.astronaut()[100:140, 200:240] / 255
    expected = dn.restore(image, small, colour=colour, white=0.9)
    restored = dn.restore(50 * image - 20, small, colour=colour, black=-20.0, white=25.0)
    np.testing.assert_allclose((restored + 20) / 50, expected, atol=3e-4)  # the weights of Y add up to 0.9999


def test_percentiles_are_numpys(monkeypatch):
    of = source.Source(DIFFUSED, None, None)
    for level in ("99.9%", "50%", "100%"):
        chosen, _ = values.black_and_white(of, slice(0, 1), False, level, None, "It")
        assert chosen.white == pytest.approx(np.percentile(DIFFUSED, float(level[:-1])))
    monkeypatch.setattr(values, "_SAMPLES", 1000)  # of a large image, evenly spread samples
    chosen, _ = values.black_and_white(of, slice(0, 1), False, "50%", "5%", "It")
    assert chosen.white == pytest.approx(np.percentile(DIFFUSED, 50), abs=0.03)
    assert chosen.black == pytest.approx(np.percentile(DIFFUSED, 5), abs=0.03)


def test_blocks_are_looked_at_one_by_one(small, monkeypatch):
    expected = dn.restore(DIFFUSED, small, white="99%")
    monkeypatch.setattr(source, "_BLOCK", 500)
    np.testing.assert_array_equal(dn.restore(DIFFUSED, small, white="99%"), expected)
    image = DIFFUSED.copy()
    image[60, 60] = 7
    with pytest.warns(UserWarning, match="Only 1 of 14,400 values"):
        dn.restore(image, small)


@pytest.mark.parametrize("few", [4, 5])
def test_at_most_four_pixels_of_a_small_image_may_be_defects(small, few, recwarn):
    image = np.minimum(DIFFUSED, 0.6) / 2
    image[10, : 2 * few : 2] = np.linspace(0.9, 1, few)
    dn.restore(image, small)
    assert [str(w.message)[:6] for w in recwarn] == (["Only 4"] if few == 4 else [])


def test_a_ten_thousandth_of_a_large_image_may_be(small, recwarn):
    for count, warned in ((25, 1), (26, 0)):
        recwarn.clear()
        image = np.full((500, 500), 0.4, "float32")
        image[::4, ::4].flat[:count] = 1.0
        restoration.check(image)
        dn.restore(image, small)
        assert len(recwarn) == warned


@pytest.mark.parametrize(
    ("white", "words"), [(99.9, "All values, up to 1, are closer to black"), (1e-3, "Only 0 % of")]
)
def test_white_that_is_not_the_images_is_warned_of(small, white, words):
    with pytest.warns(UserWarning, match=words):
        dn.restore(DIFFUSED / DIFFUSED.max() * 0.999 + 0.001, small, white=white)


def test_noise_of_3_percent_is_taken_and_its_negative_values_kept(inverse):
    """15 of these 27 images have some; and so has what networks make of dark ones."""
    images = dn.data.load_images("skimage", split="test")
    inputs, _ = dn.data.paired_arrays(images, noise=0.03)
    assert (inputs.min(axis=(1, 2, 3)) < 0).sum() == 15 and len(inputs) == 27
    for image in inputs:
        restoration.check(image)
    image = inputs[inputs.min(axis=(1, 2, 3)).argmin(), ..., 0]
    restored, top = dn.restore(image, inverse), image.max()
    expected = top * keras.ops.convert_to_numpy(inverse(image[None, ..., None] / top))[0, ..., 0]
    np.testing.assert_allclose(restored, expected, atol=1e-5)


def test_its_own_output_is_taken(inverse):
    """Of colours the luminance is at least 0, single channels are not."""
    image = (skimage.data.chelsea()[:90, :90] / np.float32(255)) ** 3
    restored = dn.restore(image, inverse)
    assert restored.min() < -0.038
    again = dn.restore(restored, inverse)
    assert np.isfinite(again).all() and np.array_equal(dn.restore(again, inverse).shape, image.shape)


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.1])
@pytest.mark.parametrize("dark", [False, True])
def test_noise_that_networks_know_is_taken(noise, dark):
    images = dn.data.disks(20, seed=3).pixels if dark else dn.data.load_images("skimage", split="test")[..., 0]
    noisy = images / images.max(axis=(1, 2), keepdims=True)
    noisy = noisy + np.random.default_rng(0).normal(0, noise, noisy.shape).astype("float32")
    for image in noisy:
        restoration.check(image)


def hounsfield():
    """A slice: air around, a body with lungs, a bone."""
    row, column = np.mgrid[-1:1:64j, -1:1:64j]
    image = np.where(row**2 + column**2 < 0.8, 40.0, -1000.0)
    image[(np.abs(np.abs(column) - 0.4) < 0.2) & (np.abs(row) < 0.4)] = -800
    image[40:44, 30:34] = 3000
    return image + np.random.default_rng(0).normal(0, 10, image.shape)


def holed(value, dtype="float32", top=1.0):
    image = (top * DIFFUSED).astype(dtype)
    image[20:60, 20:60] = value
    return image


NODATA = r"Give nodata={0} \(--nodata={0}\)"


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (holed(-9999), NODATA.format("-9999")),
        (holed(-9999, top=30000), NODATA.format("-9999")),
        (holed(-1.0, top=10), NODATA.format("-1")),
        (holed(9.97e36), "contains (4800|1600) value.* " + NODATA.format(r"9.97e\+36")),
        (holed(9.969209968386869e36, "float64"), NODATA.format(r"9.969209968386869e\+36")),
        (holed(3.4028234663852886e38), NODATA.format(r"3.4028235e\+38")),
        (holed(-3.4028234663852886e38), NODATA.format(r"-3.4028235e\+38")),
        (holed(1.7976931348623157e308, "float64"), "beyond .*" + NODATA.format(r"1.7976931348623157e\+308")),
        (1e299 * holed(10, "float64"), "beyond"),
        (holed(1e20), "nearly all others are at most.*" + NODATA.format(r"1e\+20")),
        (holed(1e20, "float64"), "all others are at most.*" + NODATA.format(r"1e\+20")),
        (holed(9999.0), "all others are at most.*" + NODATA.format("9999")),
        (holed(np.nan), r"(1600|4800) value\(s\) that are NaN.*nodata=nan \(--nodata nan\)"),
        (holed(np.inf), r"(1600|4800) value\(s\) that are NaN or infinite"),
        (hounsfield(), r"minimum of -10\d\d.*black=-10\d\d.*and white=30\d\d"),
        (
            np.where(np.percentile(DIFFUSED, 15) > DIFFUSED, 300 * DIFFUSED - 900, 3000 * DIFFUSED),
            r"minimum of -8\d\d.*nodata=-8\d\d",
        ),
        (-DIFFUSED, "no negative values except noise"),
        (DIFFUSED - 0.7, "no negative values except noise"),
    ],
)
def test_what_is_no_light_is_refused_with_what_to_give(small, image, words):
    with pytest.raises(ValueError, match=words) as error:
        dn.restore(image, small)
    assert "lip" not in str(error.value) and "\n" not in str(error.value)  # clipping would destroy data
    with pytest.raises(ValueError, match="It .*" + words):
        restoration.check(image, "It")
    colour = np.dstack([image] * 3)
    for way in ("luminance", "channels"):
        with pytest.raises(ValueError, match=words):
            restoration.check(colour, colour=way)


@pytest.mark.parametrize("image", [holed(9999.0), holed(1e20), holed(-9999), hounsfield()])
def test_what_was_refused_is_taken_where_black_and_white_are_given(image):
    restoration.check(image, black=float(image.min()), white=float(image.max()))


@pytest.mark.parametrize("factor", [1e-40, 1e-310, 1e29])
def test_float64_far_beyond_float32(small, factor):
    expected = dn.restore(DIFFUSED.astype("float64"), small)
    restored = dn.restore(DIFFUSED.astype("float64") * factor, small)
    np.testing.assert_allclose(restored / factor, expected, atol=1e-5)


def scattered(value, low, high, dtype="float32", channels=()):
    """A fill value in a quarter of the pixels, in one channel of colours: its last."""
    rng = np.random.default_rng(0)
    image = rng.uniform(low, high, (60, 70, *channels)).astype(dtype)
    (image[..., -1] if channels else image)[rng.random((60, 70)) < 0.25] = value
    return image


def warned(image, model, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dn.restore(image, model, **options)
    return [str(w.message) for w in caught]


TWELVE = scattered(65535, 0, 4096, "uint16")
FILLED = {
    "near to the values": (-999, scattered(-999, 1000, 20000)),
    "hardly below 0": (-99, scattered(-99, 500, 4000)),
    "12 bits": (65535, TWELVE),
    "floats of 8 bits": (9999, scattered(9999, 0, 255)),
    "blue": (65535, scattered(65535, 0, 4096, "uint16", (3,))),
    "blue below 0": (-99, scattered(-99, 500, 4000, "float32", (3,))),
    "a hot pixel in the gap": (65535, np.where(np.arange(4200).reshape(60, 70) == 9, 40000, TWELVE).astype("uint16")),
}


@pytest.mark.parametrize("case", FILLED)
def test_many_equal_values_far_from_all_others_are_warned_of(small, case):
    """Without a word they would pass for light: the network would see an image that is dark but for holes."""
    value, image = FILLED[case]
    for colour in restoration.COLOURS:
        messages = warned(image, small, colour=colour)
        assert len(messages) == 1 and f"% of the values are {value}, and nearly all others are" in messages[0]
        assert f"Give nodata={value} (--nodata={value}) if they mark missing" in messages[0]
    assert warned(image, small, white="100%") or value < 0
    if image.ndim == 2:
        assert not warned(image, small, white=float(image.max()), black=float(min(image.min(), 0)))
        if "hot" not in case:
            assert not warned(image, small, nodata=value)


@pytest.mark.parametrize(("value", "colour"), [(-9999, "luminance"), (-9999, "channels"), (-5e4, "luminance")])
def test_a_fill_of_one_channel_is_refused_though_the_luminance_is_positive(small, value, colour):
    image = scattered(value, 6e4, 7e4, channels=(3,))
    assert (image @ np.array([0.2989, 0.587, 0.114])).min() > 0
    with pytest.raises(ValueError, match=NODATA.format(f"{value:.0f}")):
        restoration.check(image, colour=colour)
    restoration.check(image, colour=colour, nodata=value)
    restoration.check(scattered(value, 6e4, 7e4), black=value)


PHOTOGRAPHS = [
    "camera",
    "moon",
    "page",
    "text",
    "coins",
    "chelsea",
    "astronaut",
    "retina",
    "logo",
    "shepp_logan_phantom",
]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_light_is_no_fill_value(name):
    """Black borders, saturated highlights of 8 and 16 bits, scans of text, and noise that was clipped."""
    image = getattr(skimage.data, name)()[::2, ::2]
    image = 255 * image if image.dtype == float else image
    noisy = image / 255 + np.random.default_rng(0).normal(0, 0.1, image.shape)
    for given in (
        image,
        np.pad(image, [(40, 40), (40, 40), (0, 0)][: image.ndim]),
        np.minimum(2 * image.astype("uint16"), 255).astype("uint8"),
        np.minimum(image * 771.0, 65535).astype("uint16"),
        (image / 255) ** 3,
        np.minimum(noisy, 1),
        np.maximum(noisy, -0.1),
        np.rint(255 * noisy),
    ):
        for colour in ("luminance", "channels"):
            plan = planned(given, name, colour, None, None, None, None, given.dtype, None)
            part = plan.parts[0]
            together = plan.luminance(part.group)
            assert not advice.of_values(plan.source, part.group, together, part.stats, part.scale, None, None)


def test_binary_images_are_no_fill_values(small):
    disk = dn.data.disks(1).pixels[0]
    restoration.check(disk)
    restoration.check(disk.astype("float64") * 1e6)
    for image in (disk, (255 * disk).astype("uint8"), np.where(disk > 0, 65535, 20).astype("uint16")):
        assert not warned(image, small)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"white": "bright"}, ValueError, "white='bright'; expected a number, or a percentile from"),
        ({"white": "101%"}, ValueError, "white='101%'"),
        ({"black": "x%"}, ValueError, "black='x%'"),
        ({"white": np.nan}, ValueError, "white=nan; expected a finite number"),
        ({"white": True}, TypeError, "white=True is a bool"),
        ({"white": [1]}, TypeError, "is a list; expected a number, or a percentile"),
        ({"white": 0.5, "black": 0.5}, ValueError, "black at 0.5 and white at 0.5.*expected black below white"),
        ({"black": 2.0}, ValueError, "expected black below white"),
        ({"white": 0}, ValueError, "expected black below white"),
        ({"white": "0%", "black": "100%"}, ValueError, "expected black below white"),
        ({"nodata": "none"}, TypeError, "nodata='none' is a str"),
        ({"alpha": True}, ValueError, r"alpha=True with 1 channel\(s\); expected 2 or 4"),
        ({"scale": 0}, ValueError, "scale=0; expected a finite number above 0"),
        ({"scale": "black"}, TypeError, "scale='black' is a str; expected"),
    ],
)
def test_arguments_are_checked_by_name(small, options, kind, words):
    with pytest.raises(kind, match=words):
        dn.restore(DIFFUSED, small, **options)


def test_the_network_gets_nothing_beyond_black_and_far_above_white():
    values = np.array([[[4.0], [10.0], [15.0], [22.0], [30.0]]])
    chosen = scale.Scale(10.0, 20.0, (0.0, scale.ABOVE))
    np.testing.assert_allclose(chosen.gray(values), [[-0.6, 0, 0.5, 1.2, 2.0]], atol=1e-6)
    np.testing.assert_allclose(chosen.limited(chosen.gray(values)), [[0, 0, 0.5, 1.2, 1.25]], atol=1e-6)
    assert scale.Scale(0.0, 1.0).limited(values) is values
