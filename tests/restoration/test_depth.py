"""Outputs of another dtype: the same picture, or refused with what to give."""

import numpy as np
import pytest
import skimage.data

import diffnet_tf as dn
from diffnet_tf import restoration

CAMERA = skimage.data.camera()[100:150, 150:220]
UNIT = CAMERA / np.float32(255)


def of_bits(bits):
    return np.rint(UNIT * (2**bits - 1)).astype("uint16")


COLOURS = skimage.data.chelsea()[100:150, 100:170] / np.float32(510)  # up to a half
BLUE = np.dstack([COLOURS[..., :2], 8 * COLOURS[..., 2]])

NOISE = np.random.default_rng(0).normal(0, 0.1, UNIT.shape).astype("float32")

REFUSED = {
    "one channel far above 1": (BLUE, "uint8", "reaches [234].*; expected floats up to 1"),
    "one channel above 1": (np.dstack([COLOURS[..., :2], 1.2 * UNIT / UNIT.max()]), "uint8", "above 1, which"),
    "a photograph to 1.4": (1.4 / 255 * skimage.data.camera()[::2, ::2], "uint8", "reaches 1.4, and 30 % .* above 1"),
    "floats to 1.4": (
        1.4 / UNIT.max() * UNIT,
        "uint8",
        r"reaches 1.4, and \d+ % of .* above 1, which becomes white in uint8",
    ),
    "floats to 1.2": (1.2 / UNIT.max() * UNIT.astype("float64"), "uint16", "above 1, which becomes white in uint16"),
    "floats to 255 in 8 bits": (CAMERA.astype("float32"), "uint8", "reaches 2..; expected floats up to 1"),
    "floats to 255 in 16 bits": (CAMERA.astype("float64"), "uint16", "reaches 2..; expected floats up to 1"),
    "10 bits in 16": (
        of_bits(10),
        "uint8",
        "reaches .*white in uint16 is 65535: uint8 would keep only 3 gray levels, near black",
    ),
    "12 bits in 16": (
        of_bits(12),
        "uint8",
        "reaches .*white in uint16 is 65535: uint8 would keep only 1. gray levels, near black",
    ),
    "14 bits in 16": (of_bits(14), "uint8", "would keep only [56]. gray levels"),
    "dark floats": (UNIT / 100, "uint8", "would keep only 2 gray levels"),
    "very dark floats": (UNIT / 1e5, "uint16", "would keep only 1 gray levels"),
    "floats beyond half precision": (UNIT * 1e6, "float16", "but float16 holds at most 65504"),
    "black below 0": (UNIT - 0.02, "uint8", "has black at -0.02, but uint8 cannot hold negative values"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_output_that_would_lose_the_image_is_refused(small, case):
    image, dtype, words = REFUSED[case]
    black = -0.02 if "black" in case and "below" in case else None
    for call in (
        lambda **options: dn.restore(image, small, out=np.empty(image.shape, dtype), black=black, **options),
        lambda **options: restoration.check(image, dtype=np.dtype(dtype), black=black, **options),
    ):
        with pytest.raises(ValueError, match=words + ".*--scale"):
            call()
        call(scale="white")


TAKEN = [(of_bits(k), dtype) for k in (12, 16) for dtype in ("uint16", "float32", "float16", "float64")]


@pytest.mark.parametrize(
    ("image", "dtype"),
    [
        *TAKEN,
        (of_bits(16), "uint8"),
        (CAMERA, "uint16"),
        (CAMERA // 8, "uint16"),
        (UNIT, "uint8"),
        (UNIT * 1.04, "uint8"),
        (np.where(np.quantile(UNIT, 0.995) < UNIT, np.float32(1.3), UNIT), "uint8"),  # highlights
        (np.float32(0.97) + NOISE, "uint8"),
        (np.where(COLOURS > 0.2, np.float32(1), COLOURS) + NOISE[..., None], "uint8"),
        (np.dstack([0 * CAMERA, 0 * CAMERA, CAMERA]).astype("uint16") * 250, "uint8"),  # dark to the eye alone
        (CAMERA.astype("float32"), "float64"),
        (np.zeros((9, 9)), "uint8"),
        (np.zeros((9, 9), "uint16"), "uint8"),
    ],
)
def test_what_stays_an_image_is_written(small, image, dtype):
    """The full range of one stands for that of the other."""
    restored = dn.restore(image, small, out=np.empty(image.shape, dtype)) / restoration.scale.full(np.dtype(dtype))
    same = dn.restore(image.astype("float64") / restoration.scale.full(image.dtype), small)
    steps = {"uint8": 255, "uint16": 65535, "float16": 1000}.get(dtype, 1e6)
    np.testing.assert_allclose(restored, np.clip(same, 0, 1 if dtype[0] == "u" else None), atol=0.51 / steps + 2e-5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(
    ("image", "options", "black", "white"),
    [
        (CAMERA.astype("float32"), {"scale": 255}, 0, 255),
        (of_bits(12), {"scale": 4095}, 0, 4095),
        (of_bits(12), {"scale": "white"}, 0, of_bits(12).max()),
        (of_bits(12), {"scale": "white", "white": 4000}, 0, 4000),
        (400 * UNIT - 160, {"scale": "white", "black": -160, "white": 240}, -160, 240),
        (400 * UNIT - 160, {"scale": 340.0, "black": -160, "white": 240}, -160, 340),
    ],
)
def test_scale_puts_black_and_white_at_the_ends(small, image, options, black, white, dtype):
    restored = dn.restore(image, small, out=np.empty(image.shape, dtype), **options)
    own = {key: value for key, value in options.items() if key != "scale"}
    exact = (dn.restore(image.astype("float64"), small, **own) - black) / (white - black)
    steps = restoration.scale.full(np.dtype(dtype))
    clipped = exact if dtype == "float32" else np.clip(exact, 0, 1)
    np.testing.assert_allclose(restored / steps, clipped, atol=(0.51 / steps if dtype != "float32" else 0) + 1e-5)
    assert restored.max() > 0.7 * steps


def test_scale_has_to_be_above_black(small):
    with pytest.raises(ValueError, match="scale=5 is not above black, 10; expected a higher value"):
        dn.restore(CAMERA, small, black=10, scale=5)


def test_alpha_is_not_lost_either(small):
    """It has the full range of its dtype, whatever the colours have; what is not sure is refused."""
    colours = of_bits(12)
    full, twelve = np.full_like(colours, 65535), np.full_like(colours, 4095)
    out = np.empty((*colours.shape, 2), "uint8")
    restored = dn.restore(np.dstack([colours, full]), small, out=out, scale="white")
    assert (restored[..., 1] == 255).all() and restored[..., 0].max() > 180
    for alpha, image, words in (
        (twelve, colours, "alpha channel of The image reaches 4095, .* would keep only 16 gray levels"),
        (np.full_like(UNIT, 255), UNIT, "alpha channel of The image reaches 255; expected floats up to 1"),
    ):
        with pytest.raises(ValueError, match=words):
            dn.restore(np.dstack([image, alpha]), small, out=out, scale="white")
    clear = dn.restore(np.dstack([colours, 0 * full]), small, out=out, scale="white")
    assert not clear[..., 1].any()


def test_a_hot_pixel_does_not_make_an_image_too_bright(small):
    image = UNIT.copy()
    image[4, 4] = 20
    out = np.empty(image.shape, "uint8")
    with pytest.raises(ValueError, match="reaches 20; expected floats up to 1"):
        dn.restore(image, small, out=out)
    restored = dn.restore(image, small, white=1.0, out=out)
    assert restored[4, 4] == 255 and abs(np.mean(restored) - np.mean(CAMERA)) < 10
