"""python -m diffnet_tf restore: files and folders, depth and colour, nothing overwritten, nothing half done."""

import re

import keras
import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image

import diffnet_tf as dn
from diffnet_tf import restoration
from diffnet_tf.__main__ import main
from diffnet_tf.files import image_files, model_files
from tests.conftest import run_python, tensorflow_only

PRESET = "inverse-1pct"


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(skimage.data.chelsea()[100:180, 100:200]).save(path)
    return path


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


def test_a_folder_keeps_names_and_kinds(picture, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "deep" / "out"
    folder.mkdir()
    gray = skimage.data.camera()[:50, :60]
    with image_files.writing(folder / "a.tif", (50, 60, 1), "float32") as array:
        array[..., 0] = gray / 300
    Image.fromarray(gray).save(folder / "b.png")
    (folder / "notes.txt").write_text("not an image")
    assert restore(folder, out, "--preset", PRESET) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.tif", "b.png"]
    assert image_files.read(out / "a.tif").dtype == np.float32


@pytest.mark.parametrize(("depth", "dtype"), [("8", "uint8"), ("16", "uint16"), ("float", "float32")])
def test_the_depth_can_be_chosen(picture, tmp_path, depth, dtype):
    assert restore(picture, tmp_path / "out.tif", "--preset", PRESET, "--depth", depth) == 0
    assert image_files.read(tmp_path / "out.tif").dtype == dtype


@pytest.fixture
def small(tmp_path):
    """Options for a small network."""
    keras.utils.set_random_seed(0)
    dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4).save(tmp_path / "small.keras")
    return "--weights", tmp_path / "small.keras"


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
        (1000 * UNIT - 500, "o.png", "--depth 8 --black=-500", "below what uint8 holds|floats up to 1", "--scale"),
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
        ("--scale dark", "scale='dark' is a str; expected a number above 0"),
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
        ("inverse", "rounding is noise of 0.1[1-4] %.*31.5 dB, the preset 'inverse-0.1pct' 43.4 dB"),
        ("deconvolution", "knows single disks of one gray value on black.*expect speckle"),
    ):
        assert restore(tmp_path / "in.png", tmp_path / "o.png", "--preset", preset) == 130
        assert re.search(words, capsys.readouterr().err)


def test_help_says_what_is_black_and_white(capsys):
    with pytest.raises(SystemExit):
        restore("--help")
    text = " ".join(capsys.readouterr().out.split())
    for words in ("gets as 1", "the maximum if not given", "White is 255, 65535, and 1 in floats", "missing pixels"):
        assert words in text


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
    assert restore(picture, tmp_path / "no.npy", "--weights", tmp_path / "told.keras") == 2
    assert "The network has to be told the noise" in capsys.readouterr().err and not (tmp_path / "no.npy").exists()


def test_nothing_is_overwritten_without_force(picture, tmp_path, capsys):
    before = picture.read_bytes()
    assert restore(picture, picture, "--preset", PRESET) == 2
    assert "cat.png exists; give another name, or --force" in capsys.readouterr().err
    assert picture.read_bytes() == before
    assert restore(picture, picture, "--preset", PRESET, "--force") == 0
    assert picture.read_bytes() != before


@pytest.fixture
def mixed(tmp_path):
    """A folder with two good images, two bad ones, and what is no image."""
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    cat = skimage.data.chelsea()[100:124, 100:124]
    for name in ("a.png", "c.png", "sub/d.png"):
        Image.fromarray(cat).save(source / name)
    (source / "b.png").write_bytes((source / "a.png").read_bytes()[:500])
    np.save(source / "e.npy", np.full((9, 9), np.nan))
    (source / "notes.txt").write_text("not an image")
    return source


def test_a_bad_file_of_a_folder_stops_no_other(mixed, tmp_path, capsys):
    """All failures are listed, the status says that there were some, and the same command tries them again alone."""
    out, command = tmp_path / "out", (mixed, tmp_path / "out", "--preset", PRESET)
    assert restore(*command) == 1
    said = capsys.readouterr()
    assert "1 file that cannot be read (1 with .txt); 1 subfolder (give --recursive" in said.out
    assert "b.png cannot be read as an image" in said.err and "e.npy holds 81 value(s) that are NaN" in said.err
    assert said.err.endswith("2 of 4 images failed: b.png, e.npy.\n")
    made = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert made.keys() == {"a.png", "c.png"}
    (mixed / "b.png").write_bytes((mixed / "a.png").read_bytes())
    (mixed / "e.npy").unlink()
    assert restore(*command) == 0
    said = capsys.readouterr()
    assert "2 of 3 images are done already" in said.out and "a.png →" not in said.out
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("[ac].png")} == made
    assert restore(*command) == 2  # finished: what is there is replaced by --force alone
    assert "a.png exists; give another name, or --force" in capsys.readouterr().err


def test_a_folder_that_was_stopped_goes_on(mixed, tmp_path, monkeypatch, capsys):
    """With other settings it does not: what is there would be of two kinds."""
    command = (mixed, tmp_path / "out", "--preset", PRESET, "--recursive")
    (mixed / "b.png").unlink()
    (mixed / "e.npy").unlink()
    whole, calls = restoration.restore, []

    def stopped(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(restoration, "restore", stopped)
    assert restore(*command) == 130 and len(calls) == 2
    assert restore(*command, "--depth", "16") == 2
    assert "out/a.png exists" in capsys.readouterr().err
    assert restore(*command) == 0 and len(calls) == 4
    assert "1 of 3 images are done already." in capsys.readouterr().out
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == ["a.png", "c.png", "sub/d.png"]


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
    assert "out.png: PNG does not keep the input's map coordinates (GeoTIFF); GDAL's tags.\n" in capsys.readouterr().err
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
    assert "the last of 4 channels of a PNG is alpha; that of the image is another channel" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()
    assert restore(tmp_path / "nir.tif", tmp_path / "out.tif", "--preset", PRESET) == 0
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert [extra.name for extra in file.pages[0].extrasamples] == ["UNSPECIFIED"]


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


def test_what_a_geotiff_says_of_missing_pixels_is_heard(small, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "in.tif", HOLED, extratags=[(42113, "s", 0, "-9999", True)])
    assert restore(tmp_path / "in.tif", tmp_path / "out.tif", *small) == 0
    found = image_files.open_image(tmp_path / "out.tif")
    assert found.nodata == -9999
    np.testing.assert_array_equal(found.pixels[..., 0] == -9999, HOLED == -9999)
