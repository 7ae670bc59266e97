"""What a folder of images to train on may hold: light, and noise around black; nothing else is learned from."""

import numpy as np
import pytest
import tifffile

from diffnet_tf import data
from diffnet_tf.data import light

NODATA = {"extratags": [(42113, 2, 0, "-9999", True)], "metadata": None}


def image(low=0.1, high=1.0, tail=(), dtype="float32"):
    return np.random.default_rng(0).uniform(low, high, (60, 60, *tail)).astype(dtype)


def marked(value, block=20, tail=(), **options):
    """An image with a block of one value."""
    found = image(tail=tail, **options)
    found[:block, :block] = value
    return found


def in_blue(value):
    found = 20_000 * image(tail=(3,))
    found[:30, :30, 2] = value
    return found


RGB = {"photometric": "rgb"}
MISSING = {
    "NetCDF's": (marked(9.97e36), {}, r"holds 400 value\(s\) beyond ±1e\+30, the first 9.97e\+36"),
    "GDAL's": (marked(-3.4028235e38), {}, r"holds 400 value\(s\) beyond ±1e\+30, the first -3.4"),
    "beyond float32": (marked(1e300, dtype="float64"), {}, r"beyond ±1e\+30, the first 1e\+300"),
    "NaN": (marked(np.nan), {}, r"400 value\(s\) that are NaN"),
    "named": (marked(-9999), NODATA, r"has 400 missing pixel\(s\), marked by the value -9999 \(GDAL_NODATA\)"),
    "named, in one channel": (in_blue(-9999), NODATA | RGB, r"has 900 missing pixel\(s\), marked by the value -9999"),
    "named, NaN": (
        marked(np.nan),
        NODATA | {"extratags": [(42113, 2, 0, "nan", True)]},
        r"400 missing pixel\(s\), marked by the value nan",
    ),
    "named, 0 of integers": (
        marked(0, dtype="uint16", low=1, high=9),
        NODATA | {"extratags": [(42113, 2, 0, "0", True)]},
        r"has 400 missing pixel\(s\), marked by the value 0",
    ),
    "-9999": (marked(-9999), {}, "holds 400 values of -9999, far from all others"),
    "-9999 in one channel": (in_blue(-9999), RGB, "holds 900 values of -9999"),
    "a small negative one": (marked(-99, low=500, high=4000), {}, "holds 400 values of -99, far"),
    "9999": (marked(9999, low=0, high=255), {}, "holds 400 values of 9999, far"),
    "the largest integer": (marked(65535, low=0, high=4095, dtype="uint16"), {}, "holds 400 values of 65535"),
    "Hounsfield units": (image(-1000, 3000), {}, "has a minimum of -99.* and a maximum of 299.*black to be 0"),
    "a part below black": (image(-0.3, 1), {}, "has a minimum of -0.29.*with only noise below it"),
    "two channels": (image(tail=(2,)), {"photometric": "minisblack", "planarconfig": "contig"}, "has 2 channels that"),
    "near infrared": (image(tail=(4,)), RGB | {"extrasamples": [0]}, "has 4 channels that are not colours"),
    "bands": (image(tail=(3,)), {"photometric": "minisblack", "planarconfig": "contig"}, "has 3 channels that are not"),
}


@pytest.mark.parametrize("case", MISSING)
@pytest.mark.parametrize("size", [None, 30])
def test_what_is_no_light_is_refused_by_name(tmp_path, case, size):
    pixels, options, message = MISSING[case]
    for number, each in enumerate((image(dtype="float32"), pixels)):
        tifffile.imwrite(tmp_path / f"{number}.tif", each, **(options if number else {}))
    with pytest.raises(ValueError, match=f"^{tmp_path}/1.tif.*{message}") as error:
        data.load_images("folder", tmp_path, "all", size=size)
    assert "\n" not in str(error.value) and "clip" not in str(error.value)


def noisy(sigma):
    clean = image(0, 1)
    clean[:30] = 0
    return clean + np.random.default_rng(1).normal(0, sigma, clean.shape).astype("float32")


PHANTOM = np.where(np.arange(60) < 20, 1.0, 0.05).astype("float32") * np.ones((60, 1), "float32")
LIGHT = {
    "restored": (image(-0.03, 0.97), {}),
    "noise of 3 %": (noisy(0.03), {}),
    "quantised noise": (np.rint(40 * noisy(0.05)) / 40, {}),
    "in colour": (image(-0.03, 0.97, tail=(3,)), RGB),
    "two tones": (PHANTOM, {}),
    "saturated": (np.minimum(image(0, 1), 0.7), {}),
    "a bright spot": (marked(50, block=2), {}),
    "nodata that no pixel has": (image(), NODATA),
    "alpha": (image(tail=(4,)), RGB | {"extrasamples": [2]}),
    "bytes": (marked(255, low=1, high=20, dtype="uint8"), {}),
}


@pytest.mark.parametrize("case", LIGHT)
def test_light_with_its_noise_is_taken(tmp_path, case):
    """Only what is below 0 is changed: it is black."""
    pixels, options = LIGHT[case]
    tifffile.imwrite(tmp_path / "0.tif", pixels.astype("uint8" if case == "bytes" else "float32"), **options)
    colour = pixels.ndim == 3
    found = data.load_images("folder", tmp_path, "all", size=None, colour=colour)[0]
    expected = np.maximum(pixels[..., :3] if colour else pixels[..., None], 0)
    np.testing.assert_allclose(found, expected / expected.max(), atol=1e-6)


def test_arrays_in_memory_are_looked_at_too():
    for make in (lambda a: data.GrayImages(a[None]), lambda a: data.MixedImages([("the array", a)])):
        with pytest.raises(ValueError, match=r"beyond ±1e\+30, the first 9.97e\+36"):
            make(marked(9.97e36))
        with pytest.raises(ValueError, match=r"the minimum is -0\.0\d+; expected no values below 0, which is black\.$"):
            make(image(-0.03, 1))
    light.check_possible(image(), "an image")
