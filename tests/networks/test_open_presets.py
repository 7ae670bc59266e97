"""Presets in folders and on the hub: every network comes back as it was, and nothing else is loaded."""

import dataclasses
import json
import os
import re
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.base import backend, checks
from diffnet_tf.files import model_card
from diffnet_tf.networks import cards, hub, plain, presets
from tests.conftest import run_python, slow, slow_on_jax

CARD = {
    "description": "It undoes the blur of our microscope.\n\nIt was made for 8-bit images.",
    "author": "Ada Lovelace",
    "license": "cc-by-4.0",
    "data": "- 40 images of cells\n- 2 of dust",
    "limits": "It fails for σ > 10 %.",
}
NOISY = {**CARD, "noise": (0.0, 0.1)}
GIVEN = {**NOISY, "diffusion": {"contrast": (0.1, 0.4), "time": (0.2, 1.0)}}
DiffNet, LinearDiffNet = dn.models.DiffNet, dn.models.LinearDiffNet
ConditionedDiffNet = dn.models.ConditionedDiffNet
NETWORKS = {
    "DiffNet": lambda: DiffNet(2, 3, 4),
    "of one convolution": lambda: DiffNet(1, 1, 4, boundary="dirichlet", initial_scale=0.1, initial_time_step=0.3),
    "9 points": lambda: DiffNet(1, 2, 4, points=9),
    "13 points": lambda: DiffNet(1, 2, 4, points=13),
    "colour": lambda: DiffNet(2, 2, 4, channels=3),
    "mixing": lambda: DiffNet(1, 2, 4, channels=3, mixing=True),
    "noise map": lambda: DiffNet(2, 2, 4, noise_map=True),
    "all of these": lambda: DiffNet(1, 1, 4, points=13, channels=3, mixing=True, noise_map=True),
    "conditioned": lambda: ConditionedDiffNet(2, 2, 4, correction=True, diffusivities=["weickert", "charbonnier"]),
    "conditioned, all of it": lambda: ConditionedDiffNet(
        2, 2, 4, points=9, dilations=(1, 2), residual=True, correction=True, start=1, shared=True, steps=4, relu=False
    ),
    "linear": lambda: LinearDiffNet((12, 9), 2),
    "linear, mean-free": lambda: LinearDiffNet((12, 9), 1, generalised=False, boundary="dirichlet"),
    "U-Net": lambda: dn.models.UNet((2, 3, 4)),
    "U-Net of one scale": lambda: dn.models.UNet((3,)),
    "CNN": lambda: dn.models.ConvNet(3, 4),
    "CNN of one layer": lambda: dn.models.ConvNet(1, 4),
    "ResNet": lambda: dn.models.ResNet(2, 4),
    "TNRD": lambda: dn.models.ReactionDiffusionNet(2, 3, centres=9),
    "TNRD with fewer filters": lambda: dn.models.ReactionDiffusionNet(1, 5, 6, 20, 0.1, 0.3),
}
QUICK = ("all of these", "linear", "U-Net of one scale")  # on JAX


def made(name):
    """A network whose weights are all random: some begin as zeros."""
    model, rng = NETWORKS[name](), np.random.default_rng(5)
    model.set_weights([rng.normal(0, 0.1, weight.shape).astype("float32") for weight in model.get_weights()])
    return model


def output(model, rng):
    """What a network makes of an image of 12×9 pixels."""
    return keras.ops.convert_to_numpy(model(rng.uniform(0.1, 1, (1, 12, 9, model.input_channels)).astype("float32")))


def small():
    return DiffNet(1, 1, 2)


@pytest.fixture
def preset(tmp_path):
    """A folder with a small preset."""
    dn.save_to_preset(small(), tmp_path / "mine", CARD)
    return tmp_path / "mine"


# ---- Every network ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", slow_on_jax(list(NETWORKS), *QUICK))
def test_a_network_comes_back_as_it_was(name, tmp_path):
    model = made(name)
    card = GIVEN if name.startswith("conditioned") else NOISY if "noise_map" in plain.describe(model) else CARD
    dn.save_to_preset(model, tmp_path / "mine", card)
    read = dn.from_preset(tmp_path / "mine")
    assert type(read) is type(model) and plain.describe(read) == plain.describe(model)
    np.testing.assert_array_equal(*(output(network, np.random.default_rng(1)) for network in (read, model)))
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["README.md", "weights.npz"]


@pytest.mark.parametrize("name", slow_on_jax(list(NETWORKS), "linear", "CNN of one layer"))
def test_its_parameters_are_counted_without_making_it(name):
    model = NETWORKS[name]()
    described = plain.describe(model)
    assert plain.parameters(described) == model.count_params()
    assert plain.parameters(json.loads(json.dumps(described))) == model.count_params()
    assert {variable.path for variable in plain.variables(model).values()} == {v.path for v in model.weights}


@slow
def test_it_is_the_same_in_a_fresh_process(tmp_path):
    """Keras numbers what it makes; the names in the file must not depend on what was made before."""
    for name in NETWORKS:
        DiffNet(1, 1, 2)
        dn.save_to_preset(made(name), tmp_path / name.replace(" ", "-"), GIVEN)
        np.save(tmp_path / f"{name.replace(' ', '-')}.npy", output(made(name), np.random.default_rng(1)))
    code = """
import sys, pathlib, keras, numpy as np, diffnet_tf as dn
for folder in sorted(path for path in pathlib.Path(sys.argv[1]).iterdir() if path.is_dir()):
    model = dn.from_preset(folder)
    image = np.random.default_rng(1).uniform(0.1, 1, (1, 12, 9, model.input_channels)).astype("float32")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(image)), np.load(f"{folder}.npy"))
    print(folder.name)
"""
    assert len(run_python(code, tmp_path).split()) == len(NETWORKS)


@pytest.mark.parametrize("name", slow_on_jax(["U-Net", "linear", "mixing"], "linear"))
def test_a_preset_in_another_precision(name, tmp_path, monkeypatch):
    """Also what is no DiffNet, and a card that promises that bfloat16 costs nothing."""
    monkeypatch.setattr(backend, "has_bfloat16", lambda: True)
    dn.save_to_preset(made(name), tmp_path / name, {**CARD, "quality": {"precision": {"auto": {"cost": 0.0}}}})
    for options in ({"dtype": "mixed_bfloat16"}, {"precision": "auto"}, {"precision": "bfloat16"}):
        model = dn.from_preset(tmp_path / name, **options)
        assert model.dtype_policy.name == "mixed_bfloat16"
        assert np.isfinite(output(model, np.random.default_rng(1))).all()
    other = presets.in_precision(dn.from_preset(tmp_path / name), "auto")
    assert other.dtype_policy.name == "mixed_bfloat16" and presets.card_of(other)["author"] == "Ada Lovelace"


def test_narrow_weights_are_kept_and_wide_ones_refused(tmp_path):
    narrow = DiffNet(1, 1, 2, dtype="float16")
    assert "float16" in {str(weight.dtype) for weight in narrow.get_weights()}
    dn.save_to_preset(narrow, tmp_path / "narrow", CARD)
    assert dn.from_preset(tmp_path / "narrow").dtype_policy.name == "float32"
    if keras.backend.backend() != "jax":  # which has no float64, unless it is asked to
        with pytest.raises(ValueError, match="time_step has dtype float64; expected float32. Make"):
            dn.save_to_preset(DiffNet(1, 1, 2, dtype="float64"), tmp_path / "wide", CARD)
    bad = small()
    bad.set_weights([np.full_like(weight, np.nan) for weight in bad.get_weights()])
    with pytest.raises(ValueError, match="diffusion1/.* hold .* NaN or infinite"):
        dn.save_to_preset(bad, tmp_path / "bad", CARD)
    assert not (tmp_path / "wide").exists() and not (tmp_path / "bad").exists()


# ---- The card --------------------------------------------------------------------------------------------------------


def test_the_card_comes_back_as_it_was(tmp_path):
    given = {
        **NOISY,
        "problem": "inverse",
        "diffusion": {"name": "perona_malik", "steps": 4},
        "quality": {"output": {"mean": 41.5}, "input": {"mean": 30}},
        "instrument": {"name": "Mikroskop-Ü ```", "wavelengths": [488, 561.5], "calibrated": None},
        "network": "what is added is not taken from here",
    }
    model = DiffNet(1, 1, 2, noise_map=True)
    dn.save_to_preset(model, tmp_path / "mine", given)
    card = dn.presets.card(tmp_path / "mine")
    expected = {**given, "noise": [0.0, 0.1], "name": "mine", "network": plain.describe(model)}
    assert card == {**expected, "sha256": card["sha256"]} and re.fullmatch("[0-9a-f]{64}", card["sha256"])
    read = dn.from_preset(tmp_path / "mine")
    assert dn.presets.card_of(read) == card and dn.presets.psnr_on_card(read) == 41.5
    assert cards.noise(card) == (0.0, 0.1)
    assert cards.task(card) == "undoes Perona–Malik diffusion, 0 to 10 % noise"
    dn.save_to_preset(read, tmp_path / "again", card)  # a card that was read can be written
    assert (tmp_path / "again" / "README.md").read_bytes() == (tmp_path / "mine" / "README.md").read_bytes()


def test_restore_takes_a_preset_with_a_noise_map(tmp_path):
    dn.save_to_preset(DiffNet(1, 1, 2, noise_map=True), tmp_path / "mine", {**NOISY, "problem": "inverse"})
    model = dn.from_preset(tmp_path / "mine")
    image = np.tile(np.arange(1, 201, dtype="uint8"), (12, 1))
    assert dn.restore(image, model, noise=0.05).shape == image.shape


def test_a_task_without_a_known_problem_is_the_first_line_of_the_description(preset):
    assert cards.task(dn.presets.card(preset)) == "It undoes the blur of our microscope."


def test_each_value_stands_once_in_the_file(preset):
    text = (preset / "README.md").read_text()
    card = dn.presets.card(preset)
    for value in (card["author"], card["license"], card["limits"], card["data"], card["sha256"], "estimator_depth"):
        assert text.count(value) == 1, value


def test_what_people_add_to_the_file_does_not_harm(preset):
    """Windows' line ends, another order of the front matter, tags, sections and pictures."""
    path = preset / "README.md"
    card = dn.presets.card(preset)
    text = (
        path.read_text().replace("license: cc-by-4.0\n", "").replace("tags:\n", "license: 'cc-by-4.0'\ntags:\n- own\n")
    )
    text = text.replace("## Limits", "![cells](cells.png)\n\n## How to cite\n\nPlease do.\n\n## Limits")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert dn.presets.card(preset) == {**card, "data": f"{card['data']}\n\n![cells](cells.png)"}
    path.write_text(text.replace("license: 'cc-by-4.0'", "").replace("## Training data", "## Data"))
    read = dn.presets.card(preset)
    assert read.keys() == card.keys() - {"license", "data"}
    assert dn.from_preset(preset).count_params() == small().count_params()


@pytest.mark.parametrize("key", cards.REQUIRED)
def test_what_a_card_lacks_is_named(key, tmp_path):
    with pytest.raises(ValueError, match=f"card lacks '{key}'; expected texts for description"):
        dn.save_to_preset(small(), tmp_path / "mine", {name: text for name, text in CARD.items() if name != key})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"author": "", "data": None}, "card lacks 'author', 'data'; expected texts"),
        ({"author": 3}, r"card\['author'\] is 3; expected a text"),
        ({"limits": "One.\n## Record\n"}, r"card\['limits'\] .* has a line that starts with '#'"),
        ({"data": "red \x1b[31m"}, r"card\['data'\] .* has control characters"),
        ({"license": "CC BY"}, r"card\['license'\] is 'CC BY'; expected a name of a licence"),
        ({"license": "mit\nlicense: other"}, r"card\['license'\] is .*; expected a name of a licence"),
        ({"name": "a\nb"}, r"card\['name'\] is 'a\\nb'; expected one line"),
        ({"name": "a" * 101}, "expected one line of at most 100 characters"),
        ({"scale": "255"}, "card has scale='255'; expected 'maximum' or 'white'"),
        ({"scale": None}, "card has scale=None; expected 'maximum' or 'white'"),
        ({"noise": 3}, r"card has noise=3; expected σ as a share of white, in \[0, 1\), or a range"),
        ({"noise": (0.1, 0.0)}, r"card has noise=\[0.1, 0.0\]; expected σ"),
        ({"noise": float("nan")}, "card has noise=nan; expected σ"),
        ({"problem": ["inverse"]}, r"card has problem=\['inverse'\]; expected a str"),
        ({"quality": 40.0}, "card has quality=40.0; expected a dict"),
        ({"images": {"between": 0.2}}, "card has images=.*expected a dict with kind"),
        (
            {"more": {"psnr": float("inf")}},
            r"card\['more'\] cannot be written as JSON .*expected texts, finite numbers",
        ),
        ({"more": np.zeros(3)}, r"card\['more'\] cannot be written as JSON"),
        ({"more": {"a": "\u202e"}}, r"card\['more'\] holds .* with control characters"),
        ({"more": json.loads("[" * 20 + "]" * 20)}, r"card\['more'\] holds values that are nested more than 12 deep"),
        ({3: "three"}, "card is a dict; expected a dict whose keys are texts"),
    ],
)
def test_a_card_that_cannot_be_written_is_refused(change, message, tmp_path):
    with pytest.raises((ValueError, TypeError), match=message):
        dn.save_to_preset(small(), tmp_path / "mine", {**CARD, **change})
    assert list(tmp_path.iterdir()) == []


def test_the_range_of_a_noise_map_is_required(tmp_path):
    for given in (CARD, {**CARD, "noise": 0.01}):
        with pytest.raises(ValueError, match=r"card lacks 'noise', the range \[low, high\]"):
            dn.save_to_preset(DiffNet(1, 1, 2, noise_map=True), tmp_path / "mine", given)


def test_networks_that_are_not_ours_are_not_saved(tmp_path):
    image = keras.Input((None, None, 1))

    own = type("DiffNet", (DiffNet,), {})  # it may compute something else
    for model in (keras.Model(image, keras.layers.ReLU()(image)), own(1, 1, 2), "inverse"):
        with pytest.raises(TypeError, match="expected one of DiffNet, LinearDiffNet, .*Keep it with model.save"):
            dn.save_to_preset(model, tmp_path / "mine", CARD)
    with pytest.raises(ValueError, match="cannot become a preset: .*expected a list of 1 to 10"):
        dn.save_to_preset(dn.models.UNet([1] * 11), tmp_path / "mine", CARD)
    assert list(tmp_path.iterdir()) == []


# ---- The folder ------------------------------------------------------------------------------------------------------


def test_other_peoples_files_are_not_replaced(tmp_path, preset):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "README.md").write_text("# My project\n")
    with pytest.raises(FileExistsError, match="README.md exists and is not the card of a preset"):
        dn.save_to_preset(small(), tmp_path / "project", CARD)
    assert (tmp_path / "project" / "README.md").read_text() == "# My project\n"
    (preset / "README.md").unlink()
    with pytest.raises(FileExistsError, match="weights.npz exists without a card of a preset"):
        dn.save_to_preset(small(), preset, CARD)


def test_a_preset_is_replaced_and_other_files_stay(preset):
    (preset / "cells.png").write_bytes(b"cells")
    dn.save_to_preset(DiffNet(2, 1, 2), preset, CARD)
    assert len(dn.from_preset(preset).diffusion_layers) == 2 and (preset / "cells.png").exists()


@pytest.mark.parametrize("fail_at", [1, 2, 3])
def test_a_full_disk_leaves_the_preset_that_was_there(fail_at, preset, failing):
    """Until the weights are renamed: then the card follows at once."""
    before = {path.name: path.read_bytes() for path in preset.iterdir()}
    failing.update(calls=0, fail_at=fail_at)
    try:
        dn.save_to_preset(DiffNet(2, 1, 2), preset, CARD)
    except (OSError, ValueError):
        assert {path.name: path.read_bytes() for path in preset.iterdir()} == before
    failing["fail_at"] = 0
    dn.from_preset(preset)


def test_a_link_under_the_temporary_name_is_not_followed(preset, tmp_path):
    """In a folder from elsewhere, it could lead to any file of the user."""
    (tmp_path / "precious").write_text("mine")
    for name in (".weights.partial.npz", ".README.partial.md"):
        (preset / name).symlink_to(tmp_path / "precious")
    dn.save_to_preset(DiffNet(2, 1, 2), preset, CARD)
    assert (tmp_path / "precious").read_text() == "mine" and not (preset / "weights.npz").is_symlink()


def test_names_and_folders_are_told_apart(tmp_path, monkeypatch, preset):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "./mine", "mine/", str(preset), preset, Path("mine")):
        assert dn.from_preset(name).count_params() == small().count_params()
    dn.save_to_preset(small(), "inverse", CARD)
    assert dn.from_preset("inverse").count_params() == 101_310  # the package's
    assert dn.from_preset("./inverse").count_params() == dn.from_preset(Path("inverse")).count_params() == 51
    (tmp_path / "a.keras").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for name, kind, message in (
        ("invers", ValueError, "'deconvolution', a folder with a preset, or hf://USER/NAME. Did you mean 'inverse'?"),
        ("", ValueError, "preset=''; expected one of 'denoise'"),
        ("no/such", FileNotFoundError, "no/such does not exist; expected a folder with README.md and weights.npz"),
        (Path("no"), FileNotFoundError, "no does not exist; expected a folder"),
        ("a.keras", ValueError, "preset='a.keras' is a file; expected a folder with README.md and weights.npz"),
        ("empty", FileNotFoundError, "README.md does not exist; expected a preset, README.md and weights.npz"),
        (3, checks.InputTypeError, "preset=3 is a int; expected a name or a folder"),
        (["inverse"], checks.InputTypeError, r"preset=['inverse'] is a list; expected"),
    ):
        for read in (dn.from_preset, dn.presets.card):
            with pytest.raises(kind, match=re.escape(message)):
                read(name)


def test_links_of_the_users_own_are_followed(preset, tmp_path):
    """The hub's cache is a folder of links."""
    (tmp_path / "links").mkdir()
    for path in preset.iterdir():
        (tmp_path / "links" / path.name).symlink_to(path)
    assert dn.from_preset(tmp_path / "links").count_params() == 51


# ---- The hub ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class About:
    """What the hub says of a file."""

    commit_hash: str
    file_size: int | None


@pytest.fixture
def fake(preset, monkeypatch):
    """A hub with one repository, ada/cells; what was asked of it, and what it does instead."""
    module = types.ModuleType("huggingface_hub")
    module.asked, module.sizes, module.files, module.error = [], {}, {}, None

    def hf_hub_download(repo_id, filename, *, revision=None, dry_run=False):
        module.asked.append((repo_id, filename, revision, dry_run))
        if module.error or repo_id != "ada/cells":
            raise module.error or RuntimeError("404 Client Error: no such repository\nsecond line")
        path = module.files.get(filename, preset / filename)
        if dry_run:
            return About("c0ffee", module.sizes.get(filename, path.stat().st_size))
        return str(path)

    module.hf_hub_download = hf_hub_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return module


def test_a_preset_of_the_hub_is_loaded(fake, preset):
    assert dn.from_preset("hf://ada/cells").count_params() == 51
    assert dn.presets.card("hf://ada/cells") == dn.presets.card(preset)
    # First the length, then the file at the commit of that length; the weights at the commit of the card.
    assert fake.asked[:4] == [
        ("ada/cells", "README.md", None, True),
        ("ada/cells", "README.md", "c0ffee", False),
        ("ada/cells", "weights.npz", "c0ffee", True),
        ("ada/cells", "weights.npz", "c0ffee", False),
    ]
    assert {name for _, name, _, _ in fake.asked[4:]} == {"README.md"}
    dn.presets.card("hf://ada/cells@v1.0")
    assert fake.asked[-2] == ("ada/cells", "README.md", "v1.0", True)


@pytest.mark.parametrize(
    "address",
    [
        "hf://",
        "hf://ada",
        "hf://../etc",
        "hf://ada/../x",
        "hf://a/b/c",
        "hf://a/b@",
        "hf://a/b@../c",
        "hf://a/b@v/../../c",
        "hf://a/b\n",
        "hf://-a/b",
    ],
)
def test_other_addresses_are_refused(address, fake):
    with pytest.raises(ValueError, match="is no address on the hub; expected hf://USER/NAME"):
        dn.from_preset(address)
    assert fake.asked == []


def test_files_that_are_too_long_are_not_downloaded(fake):
    for name, size in (("README.md", 2**20 + 1), ("README.md", None), ("weights.npz", 2**30)):
        fake.sizes, fake.asked[:] = {name: size}, []
        with pytest.raises(ValueError, match=f"hf://ada/cells: the length of {name} is .*; expected at most"):
            dn.from_preset("hf://ada/cells")
        assert fake.asked[-1][1] == name and fake.asked[-1][3]


def test_a_hub_that_gives_other_files(fake, tmp_path, preset):
    """Other weights, a folder, a pipe, or a longer file than it said."""
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    fake.files = {"weights.npz": tmp_path / "other.npz"}
    with pytest.raises(ValueError, match="other.npz has SHA-256 .*; expected .*ask the author of hf://ada/cells"):
        dn.from_preset("hf://ada/cells")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        fake.files, fake.sizes = {"README.md": path}, {"README.md": 3}
        with pytest.raises(ValueError, match="is not a regular file: ask the author"):
            dn.from_preset("hf://ada/cells")
    (tmp_path / "long").write_bytes(bytes(2**20 + 1))
    fake.files = {"README.md": tmp_path / "long"}
    with pytest.raises(ValueError, match="has 1,048,577 bytes; expected at most 1,048,576"):
        dn.from_preset("hf://ada/cells")


def test_what_the_hub_raises_is_one_line(fake):
    with pytest.raises(OSError, match=r"hf://ada/none: README.md cannot be fetched \(404 .* repository\). Check"):
        dn.from_preset("hf://ada/none")
    fake.error = ConnectionError("")
    with pytest.raises(OSError, match=r"cannot be fetched \(ConnectionError\)"):
        dn.presets.card("hf://ada/cells")


def test_without_huggingface_hub_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        ValueError, match=r"needs the package huggingface_hub; install it with pip install 'diffnet_tf\[hub\]'"
    ):
        dn.from_preset("hf://ada/cells")
    assert hub.repository("hf://a/b@main") == hub.Repository("hf://a/b@main", "a/b", "main")


def test_the_largest_card_that_is_written_can_be_read(tmp_path):
    with pytest.raises(ValueError, match="README.md would have .* bytes; expected at most 1,048,576"):
        dn.save_to_preset(small(), tmp_path / "mine", {**CARD, "data": "x" * model_card.LARGEST})
    assert list(tmp_path.iterdir()) == []
