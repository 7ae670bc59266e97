"""python -m diffnet_tf inspect: its table and picture show what the analysis finds; nothing is overwritten."""

import keras
import numpy as np
import pytest
import skimage.data
from matplotlib.figure import Figure
from PIL import Image

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.commands import inspect

PRESET = "inverse-1pct"


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(skimage.data.chelsea()[100:161, 100:200]).save(path)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network of one's own, with two small layers."""
    path = tmp_path_factory.mktemp("weights") / "mine.keras"
    dn.models.DiffNet(num_layers=2, estimator_depth=1).save(path)
    return path


def run(*arguments):
    return main(["inspect", *map(str, arguments)])


def test_the_table(picture, capsys):
    assert run(picture, "--preset", PRESET, "--size", 32) == 0
    told = capsys.readouterr().out
    device, *lines = told.splitlines()
    assert device.startswith("Device: ")
    assert lines[0].startswith("cat.png, 100×61 pixels; the central 32×32, scaled for the network")
    assert f"preset {PRESET}" in told and max(map(len, lines)) <= 100
    rgb = skimage.data.chelsea()[100:161, 100:200].astype("float64")
    gray = rgb @ [0.2989, 0.5870, 0.1140]  # as `restore` has it: divided by the maximum of the whole image
    centre = (gray / gray.max()).astype("float32")[14:46, 34:66]
    layers = list(dn.analysis.layers(dn.from_preset(PRESET), centre))
    names = next(i for i, line in enumerate(lines) if line.startswith("layer"))
    assert len(layers) == 5
    for layer, line in zip(layers, lines[names + 1 :]):
        eigenvalues, margins = layer.spectrum, (layer.cfl_margin, layer.radius_margin)
        expected = [layer.number, layer.operator.dt, eigenvalues.lowest, eigenvalues.highest]
        expected += [eigenvalues.symmetric_lowest, eigenvalues.symmetric_highest, *margins]
        expected += [layer.mean_sum, layer.largest_sum, layer.asymmetry]
        expected += [100 * share for share in (layer.negative, layer.positive, layer.opposite)]
        expected += [layer.pearson, layer.spearman]
        shown = [float(cell.strip("<>")) for cell in line.split()]
        tolerance = np.array([0] + 9 * [6e-4] + [6e-4] + 3 * [1] + 2 * [6e-4])
        assert (abs(np.array(shown) - expected) < tolerance + 1e-9).all(), (line, expected)


def test_the_image_is_scaled_as_the_card_says(picture, tmp_path, capsys, monkeypatch):
    texts = {"description": "It denoises.", "author": "A", "license": "other", "data": "None.", "limits": "Untrained."}
    dn.save_to_preset(dn.models.DiffNet(1, 1, 2), tmp_path / "white", {**texts, "scale": "white"})
    seen, layers = [], dn.analysis.layers
    monkeypatch.setattr(dn.analysis, "layers", lambda model, u, noise: seen.append(u) or layers(model, u))
    for options in (["--preset", tmp_path / "white"], ["--preset", PRESET, "--white", "full"]):
        assert run(picture, *options, "--size", 32) == 0
    gray = skimage.data.chelsea()[100:161, 100:200].astype("float64") @ [0.2989, 0.5870, 0.1140]
    for u in seen:
        np.testing.assert_allclose(u, gray[14:46, 34:66] / 255, atol=1e-6)


def test_a_network_for_colour_is_refused(picture, capsys):
    assert run(picture, "--preset", "denoise-colour") == 2
    assert "inspect needs one for gray images" in capsys.readouterr().err


def test_cells_keep_their_columns():
    cells = {
        "  0.123": 0.12345,
        " -1.235": -1.23456,
        " -12.35": -12.3456,
        "  12346": 12345.6,
        "  1e+07": 12345678.9,
        " -2e-05": -2e-5,
        "  0.000": 0.0,
        "      –": np.nan,
    }
    assert {text: inspect._number(value, 7) for text, value in cells.items()} == {text: text for text in cells}
    shares = {"   0": 0.0, "  <1": 1e-3, "  50": 0.5, " >99": 0.999, " 100": 1.0}
    assert {text: inspect._percent(share, 4) for text, share in shares.items()} == {text: text for text in shares}


def test_the_picture(weights, tmp_path, capsys):
    strip, out = tmp_path / "strip.tif", tmp_path / "deep" / "layers.png"
    Image.fromarray(skimage.data.camera()[:12, :40]).save(strip)
    assert run(strip, "--weights", weights, "--size", 14, "--out", out) == 0
    told = capsys.readouterr().out
    assert "strip.tif, 40×12 pixels; the central 14×12" in told and "mine.keras" in told
    assert "layers.png and layers.pdf" in told
    first = {path.name: path.read_bytes() for path in out.parent.iterdir()}
    assert sorted(first) == ["layers.pdf", "layers.png"]
    with Image.open(out) as image:
        assert image.width > 1000 and np.asarray(image.convert("RGB")).std(axis=(0, 1)).min() > 20
    assert run(strip, "--weights", weights, "--size", 14, "--out", out, "--force") == 0
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == first


def test_what_is_drawn_is_what_was_found():
    u = np.random.default_rng(0).random((9, 8), "float32")
    found = list(dn.analysis.layers(dn.models.DiffNet(num_layers=2, estimator_depth=1), u))
    figure = inspect.draw(found, "About.")
    panels = [axis for axis in figure.axes if axis.images]
    assert len(panels) == 10
    drawn = np.array([axis.images[0].get_array() for axis in panels]).reshape(2, 5, 9, 8)
    scales = [axis.images[0].get_clim() for axis in panels]
    assert scales[:5] == scales[5:] and scales[0] == (0, 1)
    np.testing.assert_allclose(drawn[0, 0], u, atol=1e-6)
    for layer, images in zip(found, drawn):
        u, action, diffusivity, smoothing, centre = images
        after = (layer.operator @ u.ravel()).reshape(9, 8)
        np.testing.assert_allclose(u + action + smoothing * u, after, atol=1e-5)
        np.testing.assert_allclose(4 * diffusivity + centre, smoothing, atol=1e-6)  # five filters and their sum


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    """A preset of scale "white" that is given σ, with 13 points and a reaction."""
    texts = {"description": "It denoises.", "author": "A", "license": "other", "data": "None.", "limits": "Untrained."}
    path = tmp_path_factory.mktemp("presets") / "denoiser"
    keras.utils.set_random_seed(0)
    model = dn.models.DiffNet(2, 1, 2, points=13, noise_map=True, reaction=True, relu=False)
    dn.save_to_preset(model, path, {**texts, "scale": "white", "noise": [0.0, 0.2]})
    return path


@pytest.mark.parametrize("given", [[], ["--noise", "auto"], ["--noise", "10/255"]])
def test_a_denoiser_is_given_the_noise(denoiser, picture, tmp_path, capsys, given):
    """σ of the whole image if it is estimated, as in `restore`; the reaction has a line and a column."""
    gray = skimage.data.chelsea()[100:161, 100:200].astype("float64") @ [0.2989, 0.5870, 0.1140] / 255
    noise = 10 / 255 if "10/255" in given else dn.estimate_noise(gray.astype("float32"), "photograph")
    assert run(picture, "--preset", denoiser, *given, "--size", 20, "--out", tmp_path / "layers.png") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"noise of σ = {noise:.3g} of white{'' if noise == 10 / 255 else ', estimated'};" in told
    centre = gray[20:40, 40:60].astype("float32")
    first, second = dn.analysis.layers(dn.from_preset(denoiser), centre, noise=noise)
    assert f"the share of the way back to the input): {second.reaction.mean():.3g} in layer 2." in told
    drawn = [axis for axis in inspect.draw([first, second], "About.").axes if axis.images]
    assert len(drawn) == 12
    np.testing.assert_array_equal(drawn[-1].images[0].get_array(), second.reaction)


def test_noise_for_a_network_without_a_noise_map_is_refused(picture, capsys):
    assert run(picture, "--preset", PRESET, "--noise", "0.1") == 2
    assert "noise=0.1 for a network without a noise map" in capsys.readouterr().err


@pytest.mark.parametrize("existing", ["layers.png", "layers.pdf"])
def test_nothing_is_overwritten_without_force(picture, weights, tmp_path, capsys, existing):
    (tmp_path / existing).write_text("mine")
    assert run(picture, "--weights", weights, "--out", tmp_path / "layers.png") == 2
    assert f"{existing} exists; give another name, or --force" in capsys.readouterr().err
    assert (tmp_path / existing).read_text() == "mine" and len(list(tmp_path.iterdir())) == 2


def test_a_picture_that_fails_leaves_nothing(picture, weights, tmp_path, capsys, monkeypatch):
    def full(figure, path, **_):
        path.write_bytes(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    assert run(picture, "--weights", weights, "--size", 8, "--out", tmp_path / "layers.png") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]


def test_images_and_networks_that_cannot_be_looked_at(picture, tmp_path, weights, capsys):
    dark = np.zeros((40, 40), "uint8")
    dark[0] = 255
    np.save(tmp_path / "dark.npy", dark)
    assert run(tmp_path / "dark.npy", "--weights", weights, "--size", 20) == 2
    assert "dark.npy is black; expected a positive maximum. Crop the image elsewhere." in capsys.readouterr().err
    assert run(tmp_path / "none.png", "--weights", weights) == 2
    assert "none.png does not exist; expected an image file" in capsys.readouterr().err
    dn.models.ConvNet().save(tmp_path / "convolutions.keras")
    assert run(picture, "--weights", tmp_path / "convolutions.keras") == 2
    assert "The model is a ConvNet; expected a DiffNet or LinearDiffNet" in capsys.readouterr().err


def test_what_a_file_says_of_missing_pixels_is_heard(tmp_path, capsys):
    """And what the message names can be given."""
    import tifffile

    image = np.random.default_rng(0).uniform(0.2, 1, (40, 40)).astype("float32")
    image[:20] = -9999
    tifffile.imwrite(tmp_path / "plain.tif", image)
    tifffile.imwrite(tmp_path / "geo.tif", image, extratags=[(42113, "s", 0, "-9999", True)])
    command = ["--preset", "inverse-1pct", "--size", "12"]
    assert main(["inspect", str(tmp_path / "plain.tif"), *command]) == 2
    assert "--nodata=-9999" in capsys.readouterr().err
    tables = []
    for arguments in ([str(tmp_path / "plain.tif"), "--nodata=-9999"], [str(tmp_path / "geo.tif")]):
        assert main(["inspect", *arguments, *command]) == 0
        tables.append(capsys.readouterr().out.splitlines()[3:])
    assert tables[0] == tables[1] and len(tables[0]) > 5
