"""Presets are what their cards say, and nothing else is loaded."""

import hashlib
import io
import json
import zipfile

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.networks import cards, presets
from experiments import presets as packaging
from experiments.lib import records
from tests import oracle
from tests.conftest import ROOT

NAMES = dn.list_presets()
SIGMA = {"denoise": 25 / 255}  # problem → σ that the quality of a network with a noise map is for; 0.01 of others


def level(described):
    return SIGMA.get(described["problem"], 0.01)


def with_noise_map(described, images, sigma):
    """The images, with σ behind them for a network that takes it."""
    if not described["network"].get("noise_map"):
        return images
    return np.concatenate([images, np.full_like(images[..., :1], sigma)], axis=-1)


@pytest.fixture
def clean_and_diffused(photographs):
    """A function: the images and the diffusion that a card speaks of."""

    def make(described):
        if described["problem"] == "denoise":
            colour = described["network"].get("channels") == 3
            images = dn.data.load_images("skimage", split="test", limit=8, colour=colour, scale="white")
            return images, images
        if described["problem"] != "deconvolution":
            return photographs, np.asarray(dn.diffusion.perona_malik(photographs))
        disks = dn.data.disks(8, seed=5).pixels[..., None]
        time = described["diffusion"]["time"]
        return disks, np.asarray(dn.diffusion.isotropic(disks, time, steps=1, method="fourier"))

    return make


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_does_what_its_card_says(name, clean_and_diffused):
    described = presets.card(name)
    images, diffused = clean_and_diffused(described)
    given, wanted = (images, diffused) if described["problem"] == "forward" else (diffused, images)
    sigma = level(described) if described["network"].get("noise_map") else described["noise"]
    given = given + np.random.default_rng(0).normal(0, sigma, given.shape).astype("float32")
    model = dn.from_preset(name)
    restored = model(with_noise_map(described, given, sigma))
    before, after = (float(keras.ops.mean(dn.metrics.psnr(wanted, u))) for u in (given, restored))
    # What the card says of its test images, roughly holds for others.
    quality = described["quality"]
    gain = quality["output"]["mean"] - quality["input"]["mean"]
    assert after - before > 0.6 * gain, (before, after)


@pytest.mark.parametrize("name", NAMES)
def test_every_backend_gives_what_the_equations_give(name, clean_and_diffused):
    """Against NumPy in float64: what two backends give is within twice this of each other."""
    described = presets.card(name)
    image = clean_and_diffused(described)[1][0, 20:60, 20:55]
    network = described["network"]
    noise_map = level(described) if network.get("noise_map") else None
    more = {key: network[key] for key in ("points", "reaction", "relu", "dilations") if key in network}
    with np.load(cards.FOLDER / f"{name}.npz") as weights:
        expected = oracle.diffnet(image, weights, network["num_layers"], noise_map, **more)
    given = with_noise_map(described, image[None], level(described))
    output = keras.ops.convert_to_numpy(dn.from_preset(name)(given))[0].squeeze()
    np.testing.assert_allclose(output, expected, atol=5e-6, rtol=0)


def test_the_presets_are_made_of_committed_results(tmp_path):
    """The one documented command makes the files that come with the package, byte for byte."""
    packaging.main(["--results_dir", str(ROOT / "results"), "--folder", str(tmp_path)])
    made, kept = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in (tmp_path, cards.FOLDER))
    assert made == kept and len(made) == 2 * len(NAMES) + 3  # weights and a card each, those of the estimate, a page


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_that_of_the_record(name):
    described = presets.card(name)
    record, arrays = records.load(ROOT / "results" / described["training"]["experiment"])
    if described["problem"] == "denoise":
        (test,) = [key for key in ("psnr_bsd68_diffnet", "psnr_skimage_diffnet") if key in arrays]
        mean = float(arrays[test][0, record["levels"].index(25)].mean(dtype="float64"))
        output = {"psnr": {"mean": pytest.approx(mean, abs=1e-4)}}
        (training,) = [run for run in record["runs"] if run["method"] == "diffnet" and run["seed"] == 0]
    elif name == "inverse-any-noise":  # measured by another experiment than the one that trains it
        record, _ = records.load(ROOT / "results" / "any-noise")
        output, training = record["results"]["0.01"]["given"], record["training"]
    else:
        output, training = record["results"]["test" if name == "deconvolution" else "diffnet"], record
    assert described["quality"]["output"]["mean"] == output["psnr"]["mean"]
    assert described["training"]["steps"] == training["steps"]
    assert {"data", "note", "recipe", "seed", "commit"} <= described["training"].keys()
    assert described["limits"] and described["command"].startswith("python -m experiments.")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one small preset, in place of the package's."""
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    model = dn.models.DiffNet(num_layers=2, estimator_depth=2, width=4)
    presets.save("inverse", model, {"problem": "inverse"}, tmp_path)
    return tmp_path


def _sealed(folder, content):
    """Give the card the hash of other weights: what is left is whether their content fits."""
    (folder / "inverse.npz").write_bytes(content)
    card = json.loads((folder / "inverse.json").read_text())
    card["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "inverse.json").write_text(json.dumps(card))


def test_a_saved_preset_is_the_same_network(folder, photographs):
    model = dn.models.DiffNet(num_layers=2, estimator_depth=2, width=4)
    presets.save("forward", model, {}, folder)
    assert dn.list_presets() == ["forward", "inverse"]
    given, read = (keras.ops.convert_to_numpy(network(photographs)) for network in (model, dn.from_preset("forward")))
    np.testing.assert_array_equal(read, given)


def test_networks_that_a_card_does_not_describe_are_not_saved(folder):
    image = keras.Input((None, None, 1))
    with pytest.raises(TypeError, match="is a Functional; expected one of DiffNet, .*Keep it with model.save"):
        presets.save("forward", keras.Model(image, keras.layers.ReLU()(image)), {}, folder)
    assert dn.list_presets() == ["inverse"]


def test_under_mixed_precision_only_the_estimators_are_narrow(folder, photographs):
    model = dn.from_preset("inverse", dtype="mixed_bfloat16")
    assert model(photographs).dtype == dn.from_preset("inverse")(photographs).dtype
    assert str(model.diffusion_layers[0].estimator.compute_dtype) == "bfloat16"


def test_unknown_names_are_refused(folder):
    with pytest.raises(ValueError, match="preset='inverted'; expected one of 'inverse'"):
        dn.from_preset("inverted")


def test_one_changed_bit_is_refused(folder):
    content = bytearray((folder / "inverse.npz").read_bytes())
    content[-300] ^= 1
    (folder / "inverse.npz").write_bytes(content)
    with pytest.raises(ValueError, match="has SHA-256 .*; expected .*install the package again"):
        dn.from_preset("inverse")


def test_missing_weights_are_named(folder):
    (folder / "inverse.npz").unlink()
    with pytest.raises(FileNotFoundError, match="inverse.npz does not exist: the installation is incomplete"):
        dn.from_preset("inverse")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("diffusion1/time_step"), r"diffusion1/time_step has shape None; expected shape \(\)"),
        (
            lambda a: a.update(more=np.zeros(2, "float32")),
            r"more has shape \(2,\) and dtype float32; expected shape None",
        ),
        (lambda a: a.update({"diffusion2/conv1/bias": np.zeros(5, "float32")}), r"bias has shape \(5,\)"),
        (lambda a: a.update({"diffusion2/conv1/bias": np.zeros(4)}), "bias has shape .* and dtype float64"),
    ],
)
def test_other_names_shapes_or_dtypes_are_refused(folder, change, message):
    with np.load(folder / "inverse.npz") as arrays:
        values = dict(arrays)
    change(values)
    buffer = io.BytesIO()
    np.savez(buffer, **values)
    _sealed(folder, buffer.getvalue())
    with pytest.raises(ValueError, match=message):
        dn.from_preset("inverse")


def test_pickles_are_not_opened(folder):
    buffer = io.BytesIO()
    np.savez(buffer, **{"diffusion1/time_step": np.array([print], dtype=object)})
    _sealed(folder, buffer.getvalue())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        dn.from_preset("inverse")


def test_the_weights_are_plain_arrays():
    for name in NAMES:
        with zipfile.ZipFile(cards.FOLDER / f"{name}.npz") as archive:
            assert all(entry.endswith(".npy") for entry in archive.namelist())
