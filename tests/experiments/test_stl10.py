"""STL-10 for those who own it: known images found by their hashes, stl10_real taken out, all presets measured."""

import hashlib
import json
import shutil

import keras
import numpy as np
import pytest
import skimage.data

import diffnet_tf as dn
from diffnet_tf.data import binary
from diffnet_tf.data.gray import to_gray
from diffnet_tf.networks import presets
from experiments import stl10_real, stl10_test
from experiments.lib import measure, options, records, settings, stl10, weights
from tests.conftest import ROOT, tensorflow_only
from tests.experiments import fakes
from tests.small_experiments import execute

DATA = ROOT.parent / "shared" / "data"  # images that may not be committed lie beside a clone, if anywhere
KNOWN = (17, 3, 19)  # of the made-up images, in the order of the made-up stl10_real: two to train on, one to test on


def pictures(number):
    """Crops of scikit-image's colour photographs, no two alike, uint8 (number, 96, 96, 3)."""
    every = [getattr(skimage.data, name)()[..., :3] for name in ("chelsea", "coffee", "astronaut")]
    return np.stack([every[k % 3][9 * k : 9 * k + 96, 7 * k : 7 * k + 96] for k in range(number)])


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Twenty images in STL-10's layout, of which three are known: (folder, images)."""
    images = pictures(20)
    binary.write(tmp_path / binary.NAME, images)
    known = tuple(hashlib.sha256(to_gray(images[k]).tobytes()).hexdigest() for k in KNOWN)
    monkeypatch.setattr(stl10, "real", lambda: known)
    stored = np.concatenate([image[..., c].T.ravel() for image in images[list(KNOWN)] for c in range(3)])
    monkeypatch.setattr(stl10_real, "SHA256", hashlib.sha256(stored.tobytes()).hexdigest())
    return tmp_path, images


# ---- Known images ----------------------------------------------------------------------------------------------------


def test_there_is_a_hash_of_every_image():
    hashes = stl10.real()
    assert len(set(hashes)) == len(hashes) == 123
    assert all(len(each) == 64 and set(each) <= set("0123456789abcdef") for each in hashes)


@pytest.mark.skipif(not DATA.exists(), reason="stl10_real is not here")
def test_the_hashes_are_those_of_stl10_real(tmp_path, capsys):
    pixels = dn.data.open_images("stl10_binary", DATA / "stl10_real", "all").pixels
    assert tuple(hashlib.sha256(image.tobytes()).hexdigest() for image in pixels) == stl10.real()
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == options.STL10_REAL
    assert stl10_real.main([str(DATA / "stl10_real"), str(tmp_path / "out")]) == 0
    assert f"SHA-256 {stl10_real.SHA256}" in capsys.readouterr().out


def test_images_are_found_by_their_pixels(made_up):
    _, images = made_up
    pixels = to_gray(images)
    assert stl10.places(pixels) == {0: 17, 1: 3, 2: 19} and list(stl10.places(pixels)) == [0, 1, 2]
    assert stl10.places(pixels[:18]) == {0: 17, 1: 3}
    assert stl10.places(np.concatenate([pixels, pixels])) == {0: 17, 1: 3, 2: 19}  # the first of two
    assert stl10.places(pixels[:, ::-1]) == {} == stl10.places(pixels.astype("float32"))
    pixels[3, 95, 95] ^= 1
    assert stl10.places(pixels) == {0: 17, 2: 19}
    assert stl10.places(np.asfortranarray(pixels)) == {0: 17, 2: 19}


# ---- stl10_real out of STL-10 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [1_000, 4])
def test_stl10_real_is_taken_out_of_a_copy(part, made_up, monkeypatch, capsys):
    folder, images = made_up
    monkeypatch.setattr(stl10_real, "PART", part)
    for given in (folder, folder / binary.NAME):
        assert stl10_real.main([str(given), str(folder / "out")]) == 0
        np.testing.assert_array_equal(binary.opened(folder / "out" / binary.NAME), images[list(KNOWN)])
        shutil.rmtree(folder / "out")
    assert "3 images, SHA-256" in capsys.readouterr().out


def test_a_copy_that_lacks_some_is_refused(made_up, capsys):
    folder, images = made_up

    def refused(path):
        assert stl10_real.main([str(path), str(folder / "out")]) == 2 and not (folder / "out").exists()
        said = capsys.readouterr()
        assert not said.out and said.err.count("\n") == 1
        return said.err

    assert "none/unlabeled_X.bin does not exist; expected STL-10's unlabelled images" in refused(folder / "none")
    binary.write(folder / binary.NAME, images[:19])
    assert "holds 2 of the 3 images among its 19; expected all" in refused(folder)


def test_other_colours_of_the_same_gray_are_refused(made_up, capsys):
    folder, images = made_up
    red, gray = images[3].copy(), to_gray(images[3])
    green, blue = np.ogrid[:256, :256]
    colours = np.stack(np.broadcast_arrays(np.uint8(red[0, 0, 0]), np.uint8(green), np.uint8(blue)), axis=-1)
    others = colours[to_gray(colours) == gray[0, 0]]
    red[0, 0] = others[(others != red[0, 0]).any(axis=1)][0]
    assert (to_gray(red) == gray).all()
    images[3] = red
    binary.write(folder / binary.NAME, images)
    assert stl10_real.main([str(folder), str(folder / "out")]) == 2
    assert "their colours differ" in capsys.readouterr().err and not (folder / "out" / binary.NAME).exists()


# ---- All presets on the test images ----------------------------------------------------------------------------------


def test_every_preset_of_the_paper_is_measured():
    names = [setting.preset for setting in stl10_test.MEASURED]
    others = ["deconvolution", "inverse-any-noise", "denoise", "denoise-colour"]
    assert sorted([*names, *others]) == sorted(dn.list_presets())


@tensorflow_only
def test_parts_give_what_all_images_at_once_give(made_up, monkeypatch):
    (folder, _), task = made_up, measure.Task("inverse", 0.01)
    monkeypatch.setattr(stl10_test, "PART", 1)  # 16 images, and the last four
    images, model = dn.data.open_images("stl10_binary", folder, "all"), dn.models.DiffNet(1, 2, 2)
    found, summaries = stl10_test.on_many(task, model, images)
    inputs, targets = measure.pairs(task, images)
    for name, method in (("degraded", None), ("diffnet", model)):
        _, values, summary = measure.measured(method, inputs, targets)
        np.testing.assert_allclose(found[f"psnr_{name}"], values["psnr"], rtol=1e-4)
        np.testing.assert_allclose(found[f"ssim_{name}"], values["ssim"], rtol=1e-4)
        for kind in ("psnr", "authors_psnr", "ssim"):
            assert summaries[name][kind] == pytest.approx(summary[kind], rel=1e-4), kind
    np.testing.assert_array_equal(found["target_low"], targets.min(axis=(1, 2, 3)))
    np.testing.assert_array_equal(found["target_high"], targets.max(axis=(1, 2, 3)))


@pytest.fixture
def committed(made_up, monkeypatch):
    """Records of the two presets that are measured: on the known images, as they are measured at once, or 1 dB off.

    The presets are one small network.
    """
    folder, images = made_up
    keras.utils.set_random_seed(0)
    model = dn.models.DiffNet(1, 2, 2)
    monkeypatch.setattr(presets, "from_preset", lambda name: model)
    monkeypatch.setattr(stl10_test, "MEASURED", tuple(s for s in settings.SETTINGS if s.preset in RECORDED))
    real = dn.data.open_images("stl10_binary", folder, "all")[np.array(KNOWN)]
    sets = {"training": {"sha256": "5" * 64, "count": 3_600}}
    for setting in stl10_test.MEASURED:
        record, _ = records.load(weights.COMMITTED / setting.experiment)
        pair = measure.pairs(measure.Task(setting.problem, setting.noise), real)
        psnr = measure.measured(model, *pair)[1]["psnr"]
        off = RECORDED[setting.preset]
        records.save(folder / setting.experiment, record | {"image_sets": sets}, {"psnr_diffnet": psnr + off})
    monkeypatch.setattr(weights, "COMMITTED", folder)
    return folder, images


RECORDED = {"forward": 1.0, "inverse-1pct": 0.0}  # preset → dB by which its committed record is off


@tensorflow_only
def test_presets_are_measured_on_the_last_tenth(committed, tmp_path, capsys):
    folder, images = committed
    record, arrays = execute(stl10_test, tmp_path / "runs", budget="quick", source="stl10_binary", data_dir=str(folder))
    real = record["stl10_real"]
    assert real["places"] == [[0, 17], [1, 3], [2, 19]] and (real["known"], real["in_test"]) == (3, 1)
    test = record["image_sets"]["test"]
    assert (test["shape"], test["split"], test["count"]) == ([20, 96, 96], "test", 2)
    assert test["sha256"] == hashlib.sha256(to_gray(images).tobytes()).hexdigest()
    assert record["image_sets"]["training"]["sha256"] == "5" * 64  # what the presets saw, not the folder's
    for setting in stl10_test.MEASURED:
        task, preset = measure.Task(setting.problem, setting.noise), setting.preset
        inputs, targets = measure.pairs(task, dn.data.open_images("stl10_binary", folder, "test"))
        _, values, summary = measure.measured(presets.from_preset(preset), inputs, targets)
        np.testing.assert_allclose(arrays[f"{preset}/psnr_diffnet"], values["psnr"], rtol=1e-4)
        assert record["results"][preset]["diffnet"]["psnr"] == pytest.approx(summary["psnr"], rel=1e-4)
        interval = record["authors_psnr"][preset]
        assert interval["value"] == pytest.approx(summary["authors_psnr"]["mean"], abs=0.01)
        assert interval["low"] <= interval["value"] <= interval["high"]
    out = capsys.readouterr().out
    assert f"not STL-10's 100,000 images: 20 images, SHA-256 {test['sha256'][:12]}…" in out
    assert "of stl10_real's 3 images 3 are among them, 1 in the test set" in out
    assert "34.21" in out and "dB: they agree" in out and "dB: they DISAGREE" in out
    assert (tmp_path / "runs" / "stl10-test" / records.FIGURE).exists()


def made(**changes):
    """A record as STL-10's images would leave it."""
    psnr = {"mean": 67.0, "std": 2.0, "n": 10_000}
    training = {"image_sets": {"training": {"count": 3_600}}, "recipe": fakes.FAST, "steps": 72_000, "seed": 0}
    training |= {"commit": "c" * 40, "parameters": 101_310, "budget": "cpu"}
    record = {
        "title": stl10_test.TITLE,
        "data": "photos96",
        "image_sets": {"test": {"shape": [100_000, 96, 96], "sha256": "ab" * 32, "split": "test", "count": 10_000}},
        "is_stl10": True,
        "stl10_real": {
            "known": 123,
            "places": [[k, k] for k in range(123)],
            "in_test": 12,
            "psnr": {"inverse": {"here": 67.361, "recorded": 67.365}},
        },
        "paper_psnr": {"inverse": 63.72},
        "authors_psnr": {"inverse": {"value": 66.5, "low": 66.4, "high": 66.6}},
        "results": {"inverse": {"diffnet": {"psnr": psnr}}},
        "trained": {"inverse": training},
        "budget": "cpu",
        "source": "stl10_binary",
        "test_data": "its test split",
    }
    return json.loads(json.dumps(record)) | changes


def test_the_report_says_whose_images_these_are_and_how_the_presets_did():
    lines = stl10_test.report(made()).splitlines()
    among = "of stl10_real's 123 images 123 are among them, 12 in the test set, 111 in the training set."
    assert lines[0] == f"STL-10's 100,000 images; {among}"
    assert " ".join(lines[3].split()) == "inverse 10,000 67.00 ± 2.00 66.50 (66.40–66.60) 63.72"
    assert lines[5].endswith("67.361 and 67.365 dB: they agree")
    (claim,) = [line for line in lines if "PSNR is at least" in line]
    assert claim.startswith("  holds: on the paper's own test images, inverse, no noise") and "paper: 63.72 dB" in claim
    assert claim.endswith("[2 of 5: network, test images (10,000 of 10,000)]")
    far = made()
    far["stl10_real"]["psnr"]["inverse"]["here"] = 67.2
    assert "67.200 and 67.365 dB: they DISAGREE" in stl10_test.report(far)
    assert "These are not STL-10's" in stl10_test.report(made(is_stl10=False))
    assert "10,000 test images. STL-10's 100,000 images" in stl10_test.caption(made())


def test_stl10_is_known_by_number_and_content():
    every = {number: number for number in range(123)}
    assert stl10_test.is_stl10([100_000, 96, 96], every)
    assert not stl10_test.is_stl10([99_999, 96, 96], every)
    assert not stl10_test.is_stl10([100_000, 96, 96], dict(list(every.items())[1:]))
