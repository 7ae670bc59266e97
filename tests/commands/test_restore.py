"""python -m diffnet_tf restore: files and folders, depth and colour, nothing overwritten, nothing half done."""

import imageio.v3 as imageio
import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.files import image_files
from tests.conftest import run_python, tensorflow_only

PRESET = "inverse-1pct"


def restore(*arguments):
    return main(["restore", *map(str, arguments)])


def test_a_file(picture, tmp_path, capsys):
    assert restore(picture, tmp_path / "out.png", "--preset", PRESET) == 0
    expected = dn.restore(image_files.read(picture), dn.from_preset(PRESET))
    np.testing.assert_array_equal(image_files.read(tmp_path / "out.png"), expected)
    assert "cat.png → " in capsys.readouterr().out


def test_a_single_image_is_decoded_once(picture, tmp_path, monkeypatch):
    read, opened = image_files.open_image, []
    monkeypatch.setattr(image_files, "open_image", lambda *arguments: opened.append(arguments) or read(*arguments))
    assert restore(picture, tmp_path / "out.png", "--preset", PRESET) == 0
    assert len(opened) == 1


@pytest.mark.parametrize(("depth", "dtype"), [("8", "uint8"), ("16", "uint16"), ("float", "float32")])
def test_the_depth_can_be_chosen(picture, tmp_path, depth, dtype):
    assert restore(picture, tmp_path / "out.tif", "--preset", PRESET, "--depth", depth) == 0
    assert image_files.read(tmp_path / "out.tif").dtype == dtype


def test_the_precision_can_be_chosen(picture, tmp_path, capsys):
    options = ("--preset", PRESET, "--depth", "float")
    for name in ("float32", "bfloat16"):
        assert restore(picture, tmp_path / f"{name}.tif", *options, "--precision", name) == 0
        device = capsys.readouterr().out.splitlines()[0]
        assert device.startswith("Device: ") and device.endswith(", bfloat16") == (name == "bfloat16")
    wide, half = (image_files.read(tmp_path / f"{name}.tif") for name in ("float32", "bfloat16"))
    assert 0 < np.abs(wide - half).max() < 0.01 * wide.max()
    assert restore(picture, tmp_path / "no.tif", *options, "--precision", "half") == 2
    assert "--precision='half'; expected one of 'float32', 'auto', 'bfloat16'" in capsys.readouterr().err


def test_ones_own_network_and_channels(picture, tmp_path):
    model = dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4)
    model.save(tmp_path / "mine.keras")
    assert restore(picture, tmp_path / "out.npy", "--weights", tmp_path / "mine.keras", "--colour", "channels") == 0
    expected = dn.restore(image_files.read(picture), model, colour="channels")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


def test_a_network_that_is_told_the_noise(picture, tmp_path, capsys):
    model = dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4, noise_map=True)
    model.save(tmp_path / "told.keras")
    assert restore(picture, tmp_path / "out.npy", "--weights", tmp_path / "told.keras", "--noise", "0.05") == 0
    expected = dn.restore(image_files.read(picture), model, noise=0.05)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
    for given in ([], ["--noise", "auto"]):
        assert restore(picture, tmp_path / "auto.npy", "--weights", tmp_path / "told.keras", "--force", *given) == 0
        assert "σ of the noise, estimated: " in capsys.readouterr().out
        np.testing.assert_array_equal(np.load(tmp_path / "auto.npy"), dn.restore(image_files.read(picture), model))
    assert restore(picture, tmp_path / "no.npy", "--weights", tmp_path / "told.keras", "--noise", "some") == 2
    assert "--noise: 'some'; expected a number, a fraction such as 25/255, or auto" in capsys.readouterr().err


def test_a_preset_whose_scale_is_white(picture, tmp_path, capsys):
    model = dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4, noise_map=True)
    texts = {"description": "It denoises.", "author": "A", "license": "other", "data": "None.", "limits": "Untrained."}
    dn.save_to_preset(model, tmp_path / "white", {**texts, "scale": "white", "noise": [0, 0.3]})
    model.save(tmp_path / "white.keras")
    assert "noise=25 / 255)  # σ of the noise" in (tmp_path / "white" / "README.md").read_text()
    preset, image = dn.from_preset(tmp_path / "white"), image_files.read(picture)
    assert restore(picture, tmp_path / "given.npy", "--preset", tmp_path / "white", "--noise", "25/255") == 0
    expected = dn.restore(image, preset, noise=25 / 255)
    np.testing.assert_array_equal(np.load(tmp_path / "given.npy"), expected)
    own = ("--weights", tmp_path / "white.keras", "--white", "full", "--noise", 25 / 255)
    assert restore(picture, tmp_path / "own.npy", *own) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "own.npy"), expected)
    capsys.readouterr()

    tifffile.imwrite(tmp_path / "below.tif", np.linspace(-1, 1, 1600, dtype="float32").reshape(40, 40))
    command = (tmp_path / "below.tif", tmp_path / "out.tif", "--preset")
    assert restore(*command, tmp_path / "white") == 0
    printed = capsys.readouterr()
    assert "% of white (" in printed.out and "/255)" in printed.out and "far below black" in printed.err
    assert restore(*command, PRESET, "--force") == 2
    assert "expected no negative values except noise" in capsys.readouterr().err
    assert main(["presets", str(tmp_path / "white")]) == 0
    assert "\nscale: white\n" in capsys.readouterr().out


def test_the_estimate_on_a_jpeg_comes_with_a_word(picture, tmp_path, capsys):
    for name in ("cat.jpg", "cat.tif"):
        imageio.imwrite(tmp_path / name, image_files.read(picture))
        command = (tmp_path / name, tmp_path / f"{name}.npy", "--preset")
        assert restore(*command, "denoise-colour") == 0
        assert ("is a JPEG" in capsys.readouterr().err) == name.endswith("jpg")
    assert restore(*command, "denoise-colour", "--noise", "0.1", "--force") == 0
    assert "is a JPEG" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["25/0", "1/2/3", "/255", "25%"])
def test_a_fraction_that_is_none_is_refused(picture, tmp_path, capsys, text):
    assert restore(picture, tmp_path / "no.npy", "--preset", "inverse-any-noise", "--noise", text) == 2
    assert f"--noise: {text!r}; expected a number, a fraction such as 25/255, or auto" in capsys.readouterr().err


def test_nothing_is_overwritten_without_force(picture, tmp_path, capsys):
    before = picture.read_bytes()
    assert restore(picture, picture, "--preset", PRESET) == 2
    assert "cat.png exists; give another name, or --force" in capsys.readouterr().err
    assert picture.read_bytes() == before
    assert restore(picture, picture, "--preset", PRESET, "--force") == 0
    assert picture.read_bytes() != before


def test_a_damaged_model_is_refused(picture, tmp_path, capsys):
    (tmp_path / "bad.keras").write_bytes(b"no zip")
    assert restore(picture, tmp_path / "out.png", "--weights", tmp_path / "bad.keras") == 2
    assert "bad.keras cannot be loaded as a model" in capsys.readouterr().err


@tensorflow_only
def test_memory_is_bounded(tmp_path):
    """36 million pixels, 144 MB in and out: what is not mapped does not grow with the image."""
    dn.models.DiffNet(num_layers=1, estimator_depth=1).save(tmp_path / "small.keras")
    for size in (500, 6000):
        with image_files.writing(tmp_path / f"{size}.npy", (size, size, 1), "float32") as array:
            array[...] = 0.5
    code = (
        "import os, sys\n"
        "from diffnet_tf.__main__ import main\n"
        "os.chdir(sys.argv[1])\n"
        "for size in ('500', '6000'):\n"
        "    assert main(['restore', f'{size}.npy', f'out{size}.npy', '--weights', 'small.keras']) == 0\n"
        "    status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "    print('anonymous', size, int(status['RssAnon'].split()[0]) // 1024)"
    )
    lines = (line.split() for line in run_python(code, tmp_path).splitlines())
    used = {int(words[1]): int(words[2]) for words in lines if words[0] == "anonymous"}
    assert (tmp_path / "out6000.npy").stat().st_size > 4 * 36_000_000
    assert used[6000] < used[500] + 100, used


def test_what_a_file_says_is_kept_or_named(tmp_path, capsys):
    """Turned upright, with the coordinates that its pixels have on the map."""
    gray = skimage.data.camera()[:30, :40].astype("uint16") * 256
    tags = [(33550, 12, 3, (10.0, 10.0, 0.0), True), (42113, 2, 0, "-9999", True)]
    tifffile.imwrite(tmp_path / "map.tif", gray, resolution=(300, 300), extratags=tags, metadata=None)
    assert restore(tmp_path / "map.tif", tmp_path / "out.tif", "--preset", PRESET) == 0
    assert capsys.readouterr().err == ""
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages[0].tags[33550].value == (10, 10, 0) and file.pages[0].tags[42113].value == "-9999"
        assert file.pages[0].get_resolution(unit=2) == (300, 300)
    assert restore(tmp_path / "map.tif", tmp_path / "out.png", "--preset", PRESET) == 0
    assert (
        "out.png: PNG cannot keep these facts of the input: map coordinates (GeoTIFF); GDAL's tags.\n"
        in capsys.readouterr().err
    )
    with Image.open(tmp_path / "out.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    tifffile.imwrite(tmp_path / "side.tif", gray, extratags=[(274, 3, 1, 6, True)], compression="zlib", metadata=None)
    assert restore(tmp_path / "side.tif", tmp_path / "up.tif", "--preset", PRESET) == 0
    expected = dn.restore(np.rot90(gray, -1), dn.from_preset(PRESET))
    np.testing.assert_array_equal(image_files.read(tmp_path / "up.tif")[..., 0], expected)
    with tifffile.TiffFile(tmp_path / "up.tif") as file:
        assert 274 not in file.pages[0].tags


def test_a_last_channel_that_is_no_alpha_is_not_written_as_one(tmp_path, capsys):
    channels = np.stack([skimage.data.camera()[:30, :40]] * 4, -1)
    tifffile.imwrite(tmp_path / "nir.tif", channels, photometric="rgb", extrasamples=["unspecified"])
    assert restore(tmp_path / "nir.tif", tmp_path / "out.png", "--preset", PRESET) == 2
    assert "the last of 4 channels of a PNG is alpha; that of the image is not" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()
    assert restore(tmp_path / "nir.tif", tmp_path / "out.tif", "--preset", PRESET) == 0
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert [extra.name for extra in file.pages[0].extrasamples] == ["UNSPECIFIED"]
