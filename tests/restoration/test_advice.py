"""What is said before the work: images that a preset does not know, with the numbers of its card."""

import warnings

import keras
import numpy as np
import pytest
import skimage.data

import diffnet_tf as dn
from diffnet_tf.networks import cards, presets
from diffnet_tf.restoration import tiles
from experiments import presets as packaging
from experiments.lib import records
from experiments.rounding import rounded
from tests.conftest import ROOT

CAMERA = skimage.data.camera().astype("float32")
CAMERA /= CAMERA.max()
DIFFUSED = np.asarray(dn.diffusion.perona_malik(CAMERA[None, ..., None]))[0, ..., 0]
BYTES = np.rint(255 * DIFFUSED).astype("uint8")


@pytest.fixture(scope="module")
def networks():
    return {name: without_work(dn.from_preset(name)) for name in dn.list_presets()}


def without_work(model):
    """A preset whose network is not computed: what is said comes before the work."""
    tiled = tiles.Tiled(model)

    def function(part):
        raise Interrupted

    tiled._function = function
    return tiled


class Interrupted(Exception):
    pass


def said(network, image, out=None):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(Interrupted):
            dn.restore(image, network, out=out)
    assert all(w.filename == __file__ for w in caught)  # points to the caller
    return [str(w.message) for w in caught]


EIGHT = [BYTES, BYTES / np.float32(255), BYTES.astype("uint16") * 257, BYTES.astype("float64"), np.dstack([BYTES] * 3)]


@pytest.mark.parametrize("image", EIGHT, ids=["uint8", "float32", "uint16", "float64", "colour"])
def test_8_bits_are_noise_that_inverse_does_not_know(networks, image):
    results = records.load(ROOT / "results" / "rounding")[0]["results"]
    own, best = (results[name]["8 bits"]["psnr"]["mean"] for name in ("inverse", "inverse-0.1pct"))
    assert said(networks["inverse"], image) == [
        "The image has steps of 1/255. This rounding acts like 0.11 % noise, but 'inverse' was trained on images with "
        f"0 % noise. On diffused images with 8 bits it reaches {own:.1f} dB on average, the preset 'inverse-0.1pct' "
        f"{best:.1f} dB. Use that preset, or an image with 16 bits."
    ]


@pytest.mark.parametrize("name", ["forward", "inverse-0.1pct", "inverse-1pct"])
def test_presets_for_noise_and_forward_take_8_bits(networks, name):
    assert not [text for text in said(networks[name], BYTES) if "rounding acts like" in text]


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_more_bits_are_none(networks, bits):
    levels = 2**bits - 1
    assert said(networks["inverse"], np.rint(levels * DIFFUSED).astype("uint16")) == []
    assert said(networks["inverse"], DIFFUSED) == []


def test_the_steps_are_compared_with_white_not_with_255(networks):
    (text,) = said(networks["inverse"], BYTES // 4)
    assert "steps of 1/63. This rounding acts like 0.46 % noise" in text


def test_a_dtype_that_cannot_hold_the_result_is_named_only_where_there_is_one(networks):
    """Nobody is to write 16 bits of an image whose rounding spoils it before."""
    out = np.empty(BYTES.shape, "uint8")
    assert len(said(networks["inverse"], BYTES, out)) == 1 and "58.9" not in said(networks["inverse"], BYTES, out)[0]
    (text,) = said(networks["inverse"], DIFFUSED, out)
    assert text.startswith("uint8 output is limited to 58.9 dB by rounding")


def psnr(image):
    return -10 * np.log10(np.mean((np.asarray(image, "float64") / 255 - CAMERA) ** 2))


@pytest.mark.filterwarnings("ignore:The image has steps:UserWarning")
def test_what_is_said_of_8_bits_is_true_of_a_photograph():
    """32.5 dB become 29.9 with `inverse`, 42.5 with the preset that is named instead."""
    assert psnr(BYTES) == pytest.approx(32.5, abs=0.1)
    for name, expected in (("inverse", 29.9), ("inverse-0.1pct", 42.5)):
        out = np.empty(BYTES.shape, "uint16")
        assert psnr(dn.restore(BYTES, dn.from_preset(name), out=out) / 257) == pytest.approx(expected, abs=0.1)


def disks(seed, noise=0.0):
    images = dn.data.disks(12, seed=seed).pixels[..., None]
    diffused = np.asarray(dn.diffusion.isotropic(images, 1.0, steps=1, method="fourier"))
    return diffused[..., 0] + np.random.default_rng(0).normal(0, noise, diffused.shape[:3]).astype("float32")


def test_deconvolution_knows_disks(networks):
    for image in (*disks(1), *disks(2, noise=0.001), dn.data.disks(1).pixels[0]):
        assert said(networks["deconvolution"], image) == []


@pytest.mark.parametrize("name", ["camera", "astronaut", "chelsea", "coffee", "moon", "coins", "text", "page"])
def test_deconvolution_does_not_know_photographs(networks, name):
    image = getattr(skimage.data, name)()
    image = image / np.float32(255) + np.random.default_rng(0).random(image.shape, "float32") / 255  # no steps
    (text,) = said(networks["deconvolution"], image)
    assert text.startswith("'deconvolution' was trained on single disks of one gray value on black, with at most 25 %")
    assert "This image has " in text and text.endswith(" %. Expect speckle, not the 92.9 dB on its card.")


def test_of_8_bits_deconvolution_does_not_reach_its_card(networks):
    (text,) = said(networks["deconvolution"], np.rint(255 * disks(3)[0]).astype("uint8"))
    assert "was trained on images with 0 % noise. Do not expect the 92.9 dB on its card. Use" in text


def test_other_networks_and_black_images_are_not_spoken_of(recwarn):
    keras.utils.set_random_seed(0)
    dn.restore(BYTES[:40, :40], dn.models.DiffNet(1, 2, 4))
    dn.restore(np.zeros((40, 40), "uint8"), dn.from_preset("inverse"))
    assert not recwarn.list


def test_a_card_without_numbers_is_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    presets.save("inverse", dn.models.DiffNet(1, 2, 4), {"problem": "inverse"}, tmp_path)
    (text,) = said(without_work(dn.from_preset("inverse")), BYTES)
    assert text.endswith("Do not expect the quality on its card. Use an image with 16 bits.")


def test_cards_say_what_kind_of_image_a_preset_knows():
    kinds = {name: presets.card(name)["images"] for name in dn.list_presets()}
    assert kinds["deconvolution"]["kind"] == "single disks of one gray value on black"
    assert {kinds[name]["kind"] for name in kinds if name != "deconvolution"} == {
        "photographs, gray",
        "photographs, colour",
    }
    for name in ("inverse", "inverse-0.1pct", "inverse-1pct"):
        of_eight, record = presets.card(name)["quality"]["rounded"]["8 bits"], packaging.beside(ROOT / "results")
        assert of_eight == record[name]["rounded"]["8 bits"] and of_eight["n"] == 123


def test_rounding_is_that_of_the_record():
    record = records.load(ROOT / "results" / "rounding")[0]
    assert 100 * record["sigma"]["8 bits"] == pytest.approx(0.11, abs=0.005)
    assert np.std(rounded(DIFFUSED, 8) - DIFFUSED) == pytest.approx(1 / 255 / 12**0.5, rel=0.02)


def test_a_percentile_is_advised_only_where_it_is_above_black():
    """Of three bright pixels on black, all percentiles that leave them out are black."""
    model = dn.models.DiffNet(1, 2, 4)
    image = np.zeros((100, 100), "float32")
    image[:2, :2] = 50, 100
    image[0, 0] = 100
    for given, percentile in ((image, False), (image + DIFFUSED[:100, :100], True)):
        with pytest.warns(UserWarning, match="values lie above half of the maximum") as warned:
            dn.restore(given, model)
        (text,) = {str(w.message) for w in warned if "above half" in str(w.message)}
        assert text.endswith("the value that is white.") and ("%" in text) == percentile
        if percentile:
            dn.restore(given, model, white=text.split("white='")[1].split("'")[0])
