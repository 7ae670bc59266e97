"""python -m diffnet_tf restore: what is black and white, missing, noise, and what each depth holds."""

import re

import numpy as np
import pytest
import skimage.data
import tifffile

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.files import image_files, model_files

PRESET = "inverse-1pct"


def restore(*arguments):
    return main(["restore", *map(str, arguments)])


def write(path, image):
    with image_files.writing(path, (*image.shape, 1), image.dtype) as out:
        out[..., 0] = image
    return path


CAMERA = skimage.data.camera()[100:160, 150:220]
UNIT = CAMERA / np.float32(255)
HOLED = np.where(np.add.outer(np.arange(60), np.arange(70)) < 30, np.float32(-9999), UNIT)
HOT = UNIT.copy()
HOT[5, 5] = 20


@pytest.mark.parametrize(
    ("image", "name", "options", "words", "way_out"),
    [
        (CAMERA.astype("f4"), "o.png", "--depth 8", "in.tif reaches 2", "--scale 255"),
        (CAMERA.astype("u2") * 16, "o.tif", "--depth 8", "near black", "--scale"),
        (CAMERA.astype("u2") * 16, "o.tif", "--depth 8", "near black", "--scale 4095"),
        (1000 * UNIT - 500, "o.tif", "", "--black=-", "--black=-500 --white 300"),
        (1000 * UNIT - 500, "o.png", "--depth 8 --black=-500", "cannot hold negative values|floats up to 1", "--scale"),
        (HOLED, "o.tif", "", "--nodata=-9999", "--nodata=-9999"),
        (np.where(HOLED < 0, np.float32(np.nan), UNIT), "o.tif", "", "--nodata nan", "--nodata nan"),
        (np.where(HOLED < 0, np.float32(9.97e36), UNIT), "o.npy", "", r"--nodata=9.97e\+36", "--nodata=9.97e36"),
    ],
)
def test_values_are_refused_with_the_option_that_helps(image, name, options, words, way_out, small, tmp_path, capsys):
    given = (write(tmp_path / "in.tif", image), tmp_path / name, *small, *options.split())
    assert restore(*given) == 2
    assert re.search(words, capsys.readouterr().err) and not (tmp_path / name).exists()
    assert restore(*given, *way_out.split()) == 0
    assert capsys.readouterr().err == ""
    restored = image_files.read(tmp_path / name)[..., 0]
    if "nodata" in way_out:
        np.testing.assert_array_equal(restored[HOLED < 0], image[HOLED < 0])
        assert np.abs(restored - UNIT)[HOLED >= 0].max() < 0.5
    elif restored.dtype == np.uint8:
        assert np.median(restored) > 20 and (restored == 255).mean() < 0.1


def test_a_hot_pixel_is_warned_of_until_white_is_given(small, tmp_path, capsys):
    given = (write(tmp_path / "in.tif", HOT), tmp_path / "o.tif", *small)
    assert restore(*given) == 0
    assert capsys.readouterr().err.startswith("warning: Only 1 of 4,200 values lie above half of the maximum, 20.")
    for white in ("1", "99.8%"):
        assert restore(*given, "--white", white, "--force") == 0
        assert capsys.readouterr().err == ""
        of = white if "%" in white else 1.0
        expected = dn.restore(HOT, model_files.load(tmp_path / "small.keras"), white=of)
        np.testing.assert_array_equal(image_files.read(tmp_path / "o.tif")[..., 0], expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--white bright", "white='bright'; expected a number, or a percentile from '0%' to '100%'"),
        ("--black 120%", "black='120%'; expected a number, or a percentile"),
        ("--white 0", "has black at 0 and white at 0"),
        ("--nodata none", "argument --nodata: invalid float value: 'none'"),
        ("--scale dark", "scale='dark' is a str; expected a number above 0, or 'white'"),
        ("--scale 0", "scale=0.0; expected a finite number above 0"),
    ],
)
def test_wrong_values_are_refused(options, words, picture, small, tmp_path, capsys):
    assert restore(picture, tmp_path / "o.png", *small, *options.split()) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "o.png").exists()


def test_its_own_output_is_read_again(picture, tmp_path, capsys):
    """Floats of colours have negative values."""
    assert restore(picture, tmp_path / "y.tif", "--preset", PRESET, "--depth", "float") == 0
    assert restore(tmp_path / "y.tif", tmp_path / "z.tif", "--preset", PRESET) == 0
    dark = tmp_path / "dark.tif"
    with image_files.writing(dark, (80, 100, 3), "float32") as out:
        out[...] = (image_files.read(picture) / np.float32(255)) ** 3
    assert restore(dark, tmp_path / "d.tif", "--preset", "inverse") == 0
    assert image_files.read(tmp_path / "d.tif").min() < -0.01
    assert restore(tmp_path / "d.tif", tmp_path / "e.tif", "--preset", "inverse") == 0


def test_what_a_preset_does_not_know_is_said_before_the_work(tmp_path, capsys, monkeypatch):
    write(tmp_path / "in.png", CAMERA)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("diffnet_tf.restoration.tiles.Tiled.__call__", stop)
    for preset, words in (
        ("inverse", "rounding acts like 0.1[1-4] % noise.*31.5 dB on average, the preset 'inverse-0.1pct' 43.4 dB"),
        ("deconvolution", "was trained on single disks of one gray value on black.*Expect speckle"),
    ):
        assert restore(tmp_path / "in.png", tmp_path / "o.png", "--preset", preset) == 130
        assert re.search(words, capsys.readouterr().err)


def test_help_says_what_is_black_and_white(capsys):
    with pytest.raises(SystemExit):
        restore("--help")
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "sees as 1",
        "default: the maximum of the image",
        "white is 255, 65535, or 1.0 in floats",
        "missing pixels",
    ):
        assert words in text


def test_what_a_geotiff_says_of_missing_pixels_is_heard(small, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "in.tif", HOLED, extratags=[(42113, "s", 0, "-9999", True)])
    assert restore(tmp_path / "in.tif", tmp_path / "out.tif", *small) == 0
    found = image_files.open_image(tmp_path / "out.tif")
    assert found.nodata == -9999
    np.testing.assert_array_equal(found.pixels[..., 0] == -9999, HOLED == -9999)


def test_a_channel_that_is_no_alpha_is_restored(small, tmp_path):
    """RGB and near infrared: as by itself, and still no alpha in the file."""
    image = np.dstack([skimage.data.chelsea()[100:140, 100:150], skimage.data.camera()[100:140, 100:150]])
    tifffile.imwrite(tmp_path / "in.tif", image, photometric="rgb", extrasamples=["unspecified"])
    assert restore(tmp_path / "in.tif", tmp_path / "out.tif", *small) == 0
    model = model_files.load(tmp_path / "small.keras")
    found = image_files.open_image(tmp_path / "out.tif")
    assert not found.alpha and found.metadata.extras == (0,)
    np.testing.assert_array_equal(found.pixels[..., 3], dn.restore(image[..., 3], model))
    np.testing.assert_array_equal(found.pixels[..., :3], dn.restore(image[..., :3], model))
    assert not np.array_equal(found.pixels[..., 3], image[..., 3])


@pytest.mark.parametrize("number", [3, 4])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_bands_that_a_file_calls_gray_are_no_colours(small, number, planar, tmp_path, capsys):
    """As GDAL writes them: each as by itself, on its own scale, and so in the file that is written."""
    image = np.random.default_rng(0).uniform(0.1, 1, (30, 40, number)).astype("float32")
    image[..., 1] *= 100
    stored = image if planar == "contig" else np.moveaxis(image, -1, 0)
    tifffile.imwrite(tmp_path / "in.tif", stored, photometric="minisblack", planarconfig=planar, metadata=None)
    assert restore(tmp_path / "in.tif", tmp_path / "out.tif", *small) == 0
    model = model_files.load(tmp_path / "small.keras")
    found = image_files.open_image(tmp_path / "out.tif")
    assert found.bands and not found.alpha
    for k in range(number):
        np.testing.assert_array_equal(found.pixels[..., k], dn.restore(image[..., k], model))
    np.testing.assert_array_equal(found.pixels, dn.restore(image, model, colour="bands", alpha=False))
    np.save(tmp_path / "in.npy", image[..., :3])  # says nothing
    assert restore(tmp_path / "in.npy", tmp_path / "out.npy", *small, "--colour", "bands") == 0
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), found.pixels[..., :3])
    capsys.readouterr()
    if number == 3:
        assert restore(tmp_path / "in.tif", tmp_path / "loses.npy", *small) == 0
        assert "cannot keep these facts of the input: that its channels are not colours" in capsys.readouterr().err


def test_a_network_of_colours_names_the_file_that_has_none(tmp_path, capsys):
    dn.models.DiffNet(1, 2, 4, channels=3).save(tmp_path / "colour.keras")
    write(tmp_path / "in.png", CAMERA)
    assert restore(tmp_path / "in.png", tmp_path / "out.png", "--weights", tmp_path / "colour.keras") == 2
    assert (
        f"{tmp_path / 'in.png'} has 1 channel(s); expected RGB, because the network is for colour images"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("colour", ["luminance", "bands"])
def test_a_network_of_colours_refuses_what_it_would_ignore(colour, tmp_path, capsys):
    dn.models.DiffNet(1, 2, 4, channels=3).save(tmp_path / "colour.keras")
    skimage.io.imsave(tmp_path / "in.png", np.stack([CAMERA] * 3, axis=-1))
    of_network = ("--weights", tmp_path / "colour.keras")
    assert restore(tmp_path / "in.png", tmp_path / "out.png", *of_network, "--colour", colour) == 2
    assert f"colour='{colour}' with a network for colour images" in capsys.readouterr().err
    assert restore(tmp_path / "in.png", tmp_path / "out.png", *of_network, "--colour", "channels") == 0


@pytest.mark.parametrize("number", [2, 4])
def test_what_the_last_channel_of_an_npy_is_can_be_said(small, number, tmp_path, capsys):
    """The file does not: it is taken for alpha with a word."""
    image = np.random.default_rng(0).uniform(0.1, 1, (30, 40, number)).astype("float32")
    np.save(tmp_path / "in.npy", image)
    model = model_files.load(tmp_path / "small.keras")
    for options, alpha in (((), True), (("--alpha", "yes"), True), (("--alpha", "no"), False)):
        assert restore(tmp_path / "in.npy", tmp_path / "out.npy", *small, *options, "--force") == 0
        told = f"in.npy does not say whether the last of its {number} channels is alpha" in capsys.readouterr().err
        assert told == (not options)
        expected = dn.restore(image, model, alpha=alpha)
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
        assert np.array_equal(expected[..., -1], image[..., -1]) == alpha
    assert restore(tmp_path / "in.npy", tmp_path / "out.png", *small, "--alpha", "no", "--depth", "8") == 2
    assert "the last of" in capsys.readouterr().err
    np.save(tmp_path / "three.npy", image[..., :1].repeat(3, -1))
    assert restore(tmp_path / "three.npy", tmp_path / "out.npy", *small, "--alpha", "yes", "--force") == 0
    assert capsys.readouterr().err == ""


def test_a_scale_leaves_out_what_imagej_says_of_the_display(small, tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", 16 * CAMERA.astype("uint16"), description="ImageJ=1.54f\nmin=0\nmax=4080\n")
    for options, kept in (((), True), (("--scale",), False)):
        assert restore(tmp_path / "in.tif", tmp_path / "out.tif", *small, "--force", *options) == 0
        with tifffile.TiffFile(tmp_path / "out.tif") as file:
            assert ("max=4080" in file.pages[0].description) == kept
