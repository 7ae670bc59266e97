"""The experiment `denoise`: how denoisers are measured, what is gathered, and each answer of each claim."""

import hashlib
import time

import numpy as np
import pytest
from skimage.io import imsave

from experiments.lib import denoise_claims, denoise_figure, denoise_record, denoising
from experiments.lib.verdicts import NotRun
from tests.experiments.rules_denoise import IMAGES, SETS, classical, network

CLAIMS = {claim.text: claim for claim in denoise_claims.CLAIMS}


def unchanged(noisy, sigma):
    return noisy


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of test images of two sizes, with a set12 beside it."""
    root = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    for name, shapes in {"mine": ((20, 30), (30, 20), (24, 30)), "set12": ((16, 16),)}.items():
        (root / name).mkdir()
        for k, shape in enumerate(shapes):
            imsave(root / name / f"{k}.png", rng.integers(0, 256, shape, "uint8"), check_contrast=False)
    return root


# ---- Images and noise ------------------------------------------------------------------------------------------------


def test_images_of_a_folder_are_divided_by_255_and_sorted(folders):
    found = denoising.sets(folders / "mine")
    assert list(found) == ["mine", "set12"] and [image.shape for image in found["mine"]] == [
        (20, 30),
        (30, 20),
        (24, 30),
    ]
    assert found["mine"][0].dtype == np.float32 and found["mine"][0].max() <= 1
    whole = np.rint(255 * found["mine"][0])
    assert np.array_equal((whole / 255).astype("float32"), found["mine"][0])
    assert list(denoising.sets(folders / "set12")) == ["set12"]  # not twice
    assert [len(images) for images in denoising.sets(folders / "mine", limit=2).values()] == [2, 1]


def test_other_images_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no PNG"):
        denoising.read(tmp_path)
    imsave(tmp_path / "colour.png", np.zeros((9, 9, 3), "uint8"), check_contrast=False)
    with pytest.raises(ValueError, match="8-bit gray"):
        denoising.read(tmp_path)


def test_the_photographs_of_skimage_are_whole():
    assert min(min(image.shape) for image in denoising.sets()["skimage"]) >= 300


def test_the_hash_is_that_of_sizes_and_bytes(folders):
    images = denoising.read(folders / "set12")
    pixels = np.rint(255 * images[0]).astype("uint8").tobytes()
    assert denoising.about(images)["sha256"] == hashlib.sha256(b"\x10\0\0\0\x10\0\0\0" + pixels).hexdigest()
    assert denoising.about([images[0].reshape(8, 32)])["sha256"] != denoising.about(images)["sha256"]


def test_noise_is_that_of_the_benchmark():
    """One generator a level for the whole set, not clipped."""
    images = [np.ones((4, 5), "float32"), np.zeros((3, 3), "float32")]
    rng = np.random.default_rng(25)
    for image, noisy in zip(images, denoising.noisy(images, 25)):
        assert np.array_equal(noisy, (image + rng.normal(0, 25 / 255, image.shape)).astype("float32"))
        assert noisy.dtype == np.float32
    assert denoising.noisy(images, 25)[0].max() > 1 and denoising.noisy(images, 25)[1].min() < 0
    assert not np.array_equal(denoising.noisy(images, 25, seed=3)[0], denoising.noisy(images, 25)[0])


# ---- Measurements ----------------------------------------------------------------------------------------------------


def test_outputs_are_clipped_before_they_are_measured():
    image = np.array([[0.0, 1.0]], "float32")
    assert denoising.psnr([image], [image + np.float32([[-9.0, 0.0]]) - np.float32([[0.0, 0.1]])]) == pytest.approx(
        10 * np.log10(2 / 0.1**2)
    )


def test_measured_gives_the_mean_over_images_at_each_level(folders):
    tests, given = denoising.sets(folders / "mine"), []

    def denoise(noisy, sigma):
        given.append(sigma)
        return noisy

    found = denoising.measured(denoise, tests)
    assert {15 / 255, 25 / 255, 50 / 255} == set(given)
    wanted = denoising.psnr(tests["mine"], denoising.noisy(tests["mine"], 50))
    assert found["psnr"]["mine"][2] == pytest.approx(wanted, abs=1e-4)
    assert found["results"]["mine"]["50"]["psnr"]["mean"] == pytest.approx(wanted.mean())
    assert found["results"]["set12"]["15"]["psnr"]["n"] == 1
    assert found["milliseconds_per_image"]["size"] == [20, 30] and found["milliseconds_per_image"]["n"] == 5


@pytest.mark.parametrize("wrong", [lambda u, s: u[1:], lambda u, s: np.full_like(u, np.nan)])
def test_an_output_that_is_none_is_refused(wrong, folders):
    with pytest.raises(ValueError, match="expected the same shape, all finite"):
        denoising.measured(wrong, denoising.sets(folders / "set12"))


def test_a_network_is_given_sigma_or_its_estimate():
    import keras

    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, inputs[..., :1] - inputs[..., 1:])
    image = np.full((5, 6), 0.5, "float32")
    assert denoising.of_network(model)(image, 0.1) == pytest.approx(np.full((5, 6), 0.4))
    assert denoising.of_network(model, lambda noisy: 0.3)(image, 0.1) == pytest.approx(np.full((5, 6), 0.2))
    inputs = keras.Input((None, None, 1))
    blind = keras.Model(inputs, 2.0 * inputs)
    assert denoising.of_network(blind)(image, 0.1) == pytest.approx(np.ones((5, 6)))
    with pytest.raises(ValueError, match="1 channels; expected 2"):
        denoising.of_network(blind, lambda noisy: 0.3)


# ---- Gathering -------------------------------------------------------------------------------------------------------


def gathered(*parts):
    result = denoise_record.gather(list(parts), None)
    return {"title": "Ordinary noise", **result.record}, result.arrays


def test_parts_of_a_row_are_its_seeds_and_levels():
    parts = [network("diffnet", k, by=k, auto=-1.0) for k in (1, 0)]
    parts += [{**network("tnrd", levels=(level,)), "name": f"tnrd-{level}"} for level in (50, 25)]
    record, arrays = gathered(*parts, classical("bm3d"))
    assert record["levels"] == [15, 25, 50] and list(record["methods"]) == ["diffnet", "diffnet-auto", "tnrd", "bm3d"]
    assert arrays["psnr_bsd68_diffnet"].shape == (2, 3, IMAGES)
    found = record["methods"]["diffnet"]["results"]["bsd68"]["25"]
    assert found["seeds"] == pytest.approx([29.2, 30.2]) and found["mean"] == pytest.approx(29.7)
    assert record["methods"]["diffnet-auto"]["results"]["bsd68"]["25"]["mean"] == pytest.approx(28.2)
    assert list(record["methods"]["tnrd"]["results"]["bsd68"]) == ["25", "50"]
    with pytest.raises(NotRun, match="σ = 15"):
        denoise_record.psnr(record, arrays, "tnrd", 15)
    assert denoise_record.psnr(record, arrays, "tnrd", 25).shape == (1, IMAGES)
    assert record["milliseconds_per_image"]["bm3d"]["median"] == 100
    assert {run["name"] for run in record["runs"]} == {"diffnet-seed-0", "diffnet-seed-1", "tnrd-25", "tnrd-50"}
    assert not {"psnr", "auto", "sets"} & record["runs"][0].keys()


def test_the_longest_training_counts_and_candidates_are_listed():
    short = network("diffnet", by=9.0, steps=10) | {"budget": "quick"}
    candidate = {"name": "search-wide", "steps": 5, "validation_psnr": 29.0, "budget": "cpu"}
    better = {"name": "search-deep", "steps": 5, "validation_psnr": 30.0, "budget": "cpu"}
    record, _ = gathered(short, network("diffnet"), candidate, better)
    assert record["methods"]["diffnet"]["results"]["bsd68"]["25"]["mean"] == pytest.approx(29.2)
    assert [run["name"] for run in record["search"]] == ["search-deep", "search-wide"]
    with pytest.raises(ValueError, match="Nothing was measured"):
        gathered(candidate)


def test_times_that_were_measured_in_turns_count(folders):
    image = denoising.read(folders / "set12")[0]
    turns = denoising.milliseconds({"bm3d": unchanged, "tv": lambda noisy, sigma: time.sleep(0.002) or noisy}, image)
    assert turns["bm3d"]["median"] < 2 <= turns["tv"]["median"] and turns["tv"]["size"] == [16, 16]
    record, _ = gathered(classical("bm3d"), classical("nlm"), {"name": "times", "budget": "cpu", "in_turns": turns})
    assert record["milliseconds_per_image"]["bm3d"] == turns["bm3d"]
    assert record["milliseconds_per_image"].keys() == {"bm3d", "nlm"}  # of tv there is no quality


def test_images_of_a_short_run_do_not_mix_with_all():
    few = {"bsd68": {**SETS["bsd68"], "count": 2, "sha256": "a" * 64}}
    part = classical("bm3d", sets=few)
    part["psnr"] = {"bsd68": [values[:2] for values in part["psnr"]["bsd68"]]}
    record, arrays = gathered(part, network("diffnet"))
    assert record["sets"] == SETS and "psnr_bsd68_bm3d" not in arrays
    other = {"bsd68": {**SETS["bsd68"], "sha256": "a" * 64}}
    with pytest.raises(ValueError, match="other images of bsd68"):
        gathered(classical("bm3d", sets=other), network("diffnet"))


# ---- Pictures and tables ---------------------------------------------------------------------------------------------


def drawn():
    """A record with all kinds of rows, and its arrays."""
    parts = [{**network("diffnet", k, by=0.1 * k, auto=-0.5), "label": "DiffNet"} for k in range(3)]
    parts += [{**network("tnrd", levels=(25,), by=-0.3), "label": "TNRD"}, classical("tv", "total variation", -2.0)]
    parts.append({**classical("input", "noisy image", -9.0), "kind": "input", "parameters": 0})
    found, arrays = denoising.photographed({"half": ("half as bright", lambda noisy, sigma: noisy / 2)})
    parts.append({"name": "photograph", "budget": "cpu", **found, "arrays": arrays})
    parts.append({"name": "a", "parameters": 9, "steps": 1_000, "validation_psnr": 28.256, "budget": "cpu"})
    return gathered(*parts)


def test_the_table_has_a_row_for_each_method_measured_or_published():
    record, _ = drawn()
    head, _, *lines = denoise_figure.table(record).splitlines()
    assert head == "| method | parameters | BSD68, σ = 15 / 25 / 50, dB | ms, 321×481 pixels | measured |"
    assert lines[0] == "| DiffNet, mean of 3 seeds | 102,000 | 31.80 / 29.30 / 26.30 | 100 | here |"
    assert lines[1] == "| DnCNN-S | 556,000 | 31.73 / 29.23 / 26.23 |  | published |"
    assert "| TNRD | 102,000 | – / 28.90 / – | 100 | here |" in lines
    assert "| total variation | 2 for each σ | 29.70 / 27.20 / 24.20 | 100 | here |" in lines
    assert lines[-1] == "| noisy image |  | 22.70 / 20.20 / 17.20 | 100 | here |"
    assert denoise_figure.search_table(record).splitlines()[-1] == "| a |  | 9 | 1,000 | 28.26 |"


def test_candidates_are_told_apart_in_words():
    network = {"num_layers": 3, "estimator_depth": 5, "width": 32, "points": 13, "reaction": True}
    recipe = {"optimizer": "adam", "loss": "log", "batch_size": 7, "crop": 96}
    run = {"name": "search-x", "label": "DiffNet", "candidate": "x", "network": network, "recipe": recipe}
    run |= {"parameters": 9, "steps": 10, "validation_psnr": 20.0}
    words = "3 layers, depth 5, width 32; 13 points; reaction; optimizer adam; batch size 7; crop 96"
    assert denoise_figure.search_table({"search": [run]}).splitlines()[-1] == f"| x | {words} | 9 | 10 | 20.00 |"


def test_the_answer_names_the_network_and_its_rivals():
    record, _ = drawn()
    text = denoise_figure.answer(record)
    assert text.startswith("One DiffNet with 102,000 parameters reaches 31.80 / 29.30 / 26.30 dB on BSD68")
    assert "mean of 3 seeds. On the same noise: TNRD – / 28.90 / – dB." in text and "total variation" not in text
    record["methods"].pop("diffnet")
    assert denoise_figure.answer(record) == "The network was not measured yet."


def test_the_picture_shows_each_number_once():
    record, arrays = drawn()
    figure = denoise_figure.draw(record, arrays)
    texts = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert [len(of) for of in texts] == [7, 8, 7]  # TNRD was measured at 25 alone
    assert {"29.30", "28.70", "28.90", "27.20", "29.23", "29.16", "28.92", "28.57"} == set(texts[1])
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[:4] == ["trained networks", "DiffNet", "TNRD", "DiffNet, σ estimated"]
    assert "noisy image" not in labels and "BSD68 (32 images)" in denoise_figure.caption(record)
    assert "trained networks, DiffNet with 29.30 dB" in denoise_figure.alt(record)


def test_other_images_are_drawn_without_the_numbers_of_papers():
    part = classical("tv", "total variation", sets={"skimage": SETS["bsd68"]})
    record, arrays = gathered(part)
    denoise_figure.draw(record, arrays)
    assert "photographs of scikit-image" in denoise_figure.caption(record)
    assert "Open dots" not in denoise_figure.caption(record) and "published" not in denoise_figure.table(record)


def test_the_photograph_has_a_panel_for_each_denoiser():
    record, arrays = drawn()
    figure = denoise_figure.draw_photograph(record, arrays)
    assert [axis.get_xlabel().splitlines()[0] for axis in figure.axes[:3]] == ["original", "noisy", "half as bright"]
    clean, half = (arrays[f"photograph_{name}"].astype(float) for name in ("clean", "half"))
    assert clean.shape == (160, 160) and half.mean() == pytest.approx(clean.mean() / 2, rel=0.1)
    assert record["photograph"]["images"]["noisy"]["psnr"] == pytest.approx(20.6, abs=0.2)
    assert "half as bright" in denoise_figure.photograph_alt(record)


# ---- Claims ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", CLAIMS)
def test_without_measurements_on_its_images_a_claim_was_not_run(text):
    record, arrays = gathered(
        {**classical("wavelets"), "sets": {"skimage": SETS["bsd68"]}, "psnr": {"skimage": [[9.0] * IMAGES] * 3}}
    )
    with pytest.raises(NotRun):
        CLAIMS[text].check(record, arrays)


def test_the_numbers_of_papers_have_three_levels():
    assert all(len(row[name]) == 3 for row in denoise_record.PUBLISHED.values() for name in ("bsd68", "set12"))
