"""The experiment `denoise`: how denoisers are measured, what is gathered, and each answer of each claim."""

import hashlib

import numpy as np
import pytest
from skimage.io import imsave

from experiments.lib import denoise_claims, denoise_record, denoising, records
from experiments.lib.verdicts import NOT_RUN, NotRun
from tests.experiments import rules_denoise
from tests.experiments.rules_denoise import IMAGES, SETS, classical, network

CLAIMS = {claim.text: claim for claim in denoise_claims.CLAIMS}


def unchanged(noisy, sigma):
    return noisy


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of test images of two sizes, with a set12 beside it."""
    root = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    for name, shapes in {"mine": ((20, 30), (30, 20), (20, 30)), "set12": ((16, 16),)}.items():
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
        (20, 30),
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
    return result.record, result.arrays


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


def test_images_of_a_short_run_do_not_mix_with_all():
    few = {"bsd68": {**SETS["bsd68"], "count": 2, "sha256": "a" * 64}}
    part = classical("bm3d", sets=few)
    part["psnr"] = {"bsd68": [values[:2] for values in part["psnr"]["bsd68"]]}
    record, arrays = gathered(part, network("diffnet"))
    assert record["sets"] == SETS and "psnr_bsd68_bm3d" not in arrays
    other = {"bsd68": {**SETS["bsd68"], "sha256": "a" * 64}}
    with pytest.raises(ValueError, match="other images of bsd68"):
        gathered(classical("bm3d", sets=other), network("diffnet"))


# ---- Claims ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer", "make"),
    [
        pytest.param(text, answer, make, id=f"{text}: {answer} {number}")
        for text, answers in rules_denoise.CASES.items()
        for answer, makers in answers.items()
        for number, make in enumerate(makers)
    ],
)
def test_a_rule_gives_the_answer(text, answer, make, tmp_path):
    make(tmp_path)
    finding = CLAIMS[text].check(*records.load(tmp_path / "denoise"))
    assert finding.answer == answer, finding


@pytest.mark.parametrize("text", CLAIMS)
def test_every_answer_was_seen_and_without_measurements_nothing_was_run(text):
    assert {*rules_denoise.CASES[text], NOT_RUN} == set(CLAIMS[text].answers)
    record, arrays = gathered(
        {**classical("wavelets"), "sets": {"skimage": SETS["bsd68"]}, "psnr": {"skimage": [[9.0] * IMAGES] * 3}}
    )
    with pytest.raises(NotRun):
        CLAIMS[text].check(record, arrays)


def test_the_numbers_of_papers_have_three_levels():
    assert all(len(row[name]) == 3 for row in denoise_record.PUBLISHED.values() for name in ("bsd68", "set12"))
