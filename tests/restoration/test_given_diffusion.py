"""`restore` with a network that is given λ, T and σ: what it sees, tiles, and what is refused or warned about."""

import json
import warnings

import keras
import numpy as np
import pytest
import skimage.data
from PIL import Image

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.files import image_files
from diffnet_tf.networks import cards
from diffnet_tf.restoration import tiles
from tests.conftest import slow

GIVEN = {"noise": 0.02, "contrast": 0.3, "time": 0.2}
CARD = {
    "description": "It undoes any Perona–Malik diffusion.",
    "author": "Ada Lovelace",
    "license": "cc-by-4.0",
    "data": "photographs",
    "limits": "none known",
    "problem": "inverse",
    "noise": (0.001, 0.05),
    "diffusion": {"name": "perona_malik", "dt": 0.1, "contrast": (0.1, 0.4), "time": (0.2, 1.0)},
}


@pytest.fixture(scope="module")
def model():
    """Strong filters, and the physics twice in every layer: what a tile misses would show."""
    keras.utils.set_random_seed(3)
    options = {"residual": True, "correction": True, "start": 1, "initial_time_step": 0.5, "steps": 3}
    return dn.models.ConditionedDiffNet(2, 2, 8, diffusivities=["perona_malik_1", "weickert"], **options)


@pytest.fixture
def preset(model, tmp_path):
    dn.save_to_preset(model, tmp_path / "any", CARD)
    return tmp_path / "any"


@pytest.fixture
def image():
    image = np.random.default_rng(1).random((90, 61)).astype("float32")
    image[1, 1] = 1.0
    return image


def whole(model, image, **changes):
    inputs = model.inputs_of(image[None, ..., None], **{**GIVEN, **changes})
    return keras.ops.convert_to_numpy(model(inputs))[0, ..., 0]


@pytest.mark.parametrize(
    "changes",
    [{}, *(pytest.param(each, marks=slow) for each in ({"time": 0.23, "diffusivity": "weickert"}, {"contrast": 0.1}))],
)
def test_tiles_give_the_whole_image(model, image, changes):
    result = dn.restore(image, model, tile=40, **{**GIVEN, **changes})
    np.testing.assert_allclose(result, whole(model, image, **changes), atol=2e-6)


@slow
def test_a_smaller_halo_would_not_do(model, image, monkeypatch):
    monkeypatch.setattr(tiles, "reach", lambda *_: 4)
    assert np.abs(dn.restore(image, model, tile=16, **GIVEN) - whole(model, image)).max() > 1e-5


def test_a_longer_time_reaches_further(model):
    assert tiles.reach(model, 0.2) == 4 + 2 * (2 + 4) and tiles.reach(model) == 6 + 2 * (2 + 6)
    periodic = dn.models.ConditionedDiffNet(1, 1, 2, boundary="periodic")
    assert tiles.reach(periodic, 0.2) is None


def test_noise_is_estimated_if_it_is_not_given(model, image):
    smooth = skimage.data.camera()[100:190, 100:161] / 255
    tiled = tiles.Tiled(model, contrast=0.3, time=0.2)
    result = dn.restore(smooth.astype("float32"), tiled)
    (sigma,) = tiled.estimates
    assert 0 < sigma < 0.1
    scaled = (smooth / smooth.max()).astype("float32")
    np.testing.assert_allclose(result, smooth.max() * whole(model, scaled, noise=sigma), atol=1e-5)


def test_a_preset_by_its_name(preset, model, image):
    np.testing.assert_allclose(dn.restore(image, preset, **GIVEN), dn.restore(image, model, **GIVEN), atol=1e-6)
    card = dn.presets.card(preset)
    assert cards.of_diffusion(card) == {"contrast": (0.1, 0.4), "time": (0.2, 1.0)}
    text = "undoes Perona–Malik diffusion with λ from 0.1 to 0.4 and T from 0.2 to 1, 0.1 to 5 % noise"
    assert cards.task(card) == text
    assert "contrast=0.2, time=0.4, noise=0.01" in (preset / "README.md").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"contrast": 0.5}, "contrast=0.5. 'any' was trained on 0.1 to 0.4"),
        ({"contrast": 0.05}, "contrast=0.05. 'any' was trained on 0.1 to 0.4"),
        ({"time": 0.1}, "time=0.1. 'any' was trained on 0.2 to 1"),
        ({"noise": 0.1}, "σ = 10 % of white. 'any' was trained on at most 5 %"),
    ],
)
def test_a_warning_outside_the_ranges_of_the_card(preset, image, changes, message):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dn.restore(image, dn.from_preset(preset), **{**GIVEN, **changes})
    texts = [str(each.message) for each in caught]
    assert [text for text in texts if message in text] if message else texts == []


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"contrast": None}, ValueError, "contrast is missing; .* contrast=0.2, time=0.4 .--contrast 0.2 --time 0.4"),
        ({"time": None}, ValueError, "time is missing"),
        ({"time": 0.4}, ValueError, "at most 0.3"),
        ({"contrast": 0.0}, ValueError, "contrast"),
        ({"contrast": "0.2"}, ValueError, "contrast='0.2'; expected a number or 'auto'"),
        ({"diffusivity": "charbonnier"}, ValueError, "diffusivity='charbonnier'"),
        ({"noise": 1.0}, ValueError, "noise=1"),
    ],
)
def test_what_is_refused(model, image, changes, error, message):
    with pytest.raises(error, match=message):
        dn.restore(image, model, **{**GIVEN, **changes})


@pytest.mark.parametrize("name", ["contrast", "time", "diffusivity"])
def test_other_networks_are_not_given_a_diffusion(image, model, name):
    value = "weickert" if name == "diffusivity" else 0.2
    with pytest.raises(ValueError, match=f"{name}={value!r} for a network that is not given the diffusion"):
        dn.restore(image, dn.models.DiffNet(1, 1, 2), **{name: value})
    with pytest.raises(ValueError, match=f"{name}={value!r} with a Tiled"):
        dn.restore(image, tiles.Tiled(model, **GIVEN), **{name: value})


def test_one_contrast_is_not_for_channels_of_different_scales(model, image):
    bands = np.stack([image, 0.5 * image, image], axis=-1)
    with pytest.raises(ValueError, match="contrast=0.3 with channels of different scales"):
        dn.restore(bands, model, colour="bands", **{**GIVEN, "noise": None})


def test_a_card_needs_the_ranges(model, tmp_path):
    for lacking in ("noise", "diffusion"):
        card = {key: value for key, value in CARD.items() if key != lacking}
        with pytest.raises(ValueError, match=f"card lacks '{lacking}'"):
            dn.save_to_preset(model, tmp_path / "mine", card)
    for wrong in ((0.4, 0.1), (0.0, 0.1), ("a", 1), (0.1,)):
        card = {**CARD, "diffusion": {**CARD["diffusion"], "contrast": wrong}}
        with pytest.raises(ValueError, match="diffusion with contrast"):
            dn.save_to_preset(model, tmp_path / "mine", card)


# ---- The command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(skimage.data.chelsea()[100:150, 100:160, 0]).save(path)
    return path


@slow
def test_the_command_gives_the_diffusion(preset, picture, model, tmp_path, capsys):
    options = ("--contrast", "0.3", "--time", "0.2", "--noise", "0.02", "--diffusivity", "weickert")
    model.save(tmp_path / "own.keras")
    for way in (("--preset", str(preset)), ("--weights", str(tmp_path / "own.keras"))):
        out = tmp_path / f"{way[0]}.png"
        assert main(["restore", str(picture), str(out), *way, *options]) == 0
        expected = dn.restore(image_files.read(picture), model, **GIVEN, diffusivity="weickert")
        np.testing.assert_array_equal(image_files.read(out), expected)
    assert main(["restore", str(picture), str(tmp_path / "no.png"), "--preset", str(preset)]) == 2
    assert "contrast is missing" in capsys.readouterr().err
    assert main(["restore", str(picture), str(tmp_path / "no.png"), "--preset", "inverse", "--time", "0.4"]) == 2
    assert "Leave out time (--time)" in capsys.readouterr().err
    assert main(["inspect", str(picture), "--weights", str(tmp_path / "own.keras")]) == 2
    assert "inspect cannot give" in capsys.readouterr().err


def test_a_folder_is_done_again_for_another_diffusion(picture, model, tmp_path, capsys):
    model.save(tmp_path / "own.keras")
    (tmp_path / "photos").mkdir()
    picture.rename(tmp_path / "photos" / "cat.png")
    command = ["restore", str(tmp_path / "photos"), str(tmp_path / "out"), "--weights", str(tmp_path / "own.keras")]
    command += ["--noise", "0.02", "--contrast", "0.3", "--time"]
    assert main([*command, "0.2"]) == 0
    first = json.loads((tmp_path / "out" / ".diffnet_tf_restore").read_text().splitlines()[0])
    assert (first["contrast"], first["time"]) == ("0.3", "0.2") and "diffusivity" not in first
    assert main([*command, "0.2"]) == 0 and "already done" in capsys.readouterr().out
    assert main([*command, "0.3"]) == 2 and "different options" in capsys.readouterr().err
