"""The experiment `denoise-colour`: its photographs, the noise of cameras, what is gathered and what is drawn."""

import json

import keras
import numpy as np
import pytest

from diffnet_tf.restoration import tiles
from experiments import denoise_colour
from experiments.lib import (
    camera,
    colour,
    colour_classical,
    colour_figure,
    denoise_card,
    denoise_networks,
    denoising,
    study,
)
from tests.conftest import ROOT, slow
from tests.small_experiments import execute

RNG = np.random.default_rng(0)


def scene(height=64, width=80):
    """Smooth colours from dark to bright, (height, width, 3)."""
    y, x = np.mgrid[:height, :width].astype("float32")
    return np.stack([0.1 + 0.8 * x / width, 0.1 + 0.8 * y / height, 0.5 + 0.3 * np.sin(x / 9)], axis=-1)


# ---- The training ----------------------------------------------------------------------------------------------------


def test_the_committed_training_is_that_of_the_command():
    record = json.loads((ROOT / "results" / "denoise-colour" / "runs" / "DiffNet-cpu.json").read_text())
    recipe = denoise_networks.recipe(**denoise_colour.RECIPE)
    assert {"name": "fast", **study.dataclasses.asdict(recipe)} == record["recipe"]
    assert denoise_colour.BUDGETS["cpu"][1] == record["steps"] and record["data"] in denoise_colour.IMAGE_FLAGS
    import diffnet_tf as dn

    assert dn.models.DiffNet(**denoise_colour.NETWORK).count_params() == record["parameters"]


# ---- Photographs and denoisers ---------------------------------------------------------------------------------------


def test_no_test_photograph_was_trained_on():
    whole = colour.photographs("folder")
    assert list(whole) == list(colour.PHOTOGRAPHS) and next(iter(whole)) == colour.SHOWN
    assert all(image.shape[2] == 3 and image.max() <= 1 and image.dtype == "float32" for image in whole.values())
    assert list(colour.photographs("skimage")) == ["chelsea", "coffee", "stereo_motorcycle"]
    (small,) = colour.photographs("folder", small=True).values()
    assert small.shape == (colour.SMALL, colour.SMALL, 3)
    assert (small == colour.cut(whole[colour.SHOWN])[: colour.SMALL, : colour.SMALL]).all()
    assert colour.cut(small) is small


def test_a_network_of_colour_is_given_one_sigma_or_one_of_each_pixel():
    inputs = keras.Input((None, None, 4))
    function = denoising.of_network(keras.Model(inputs, inputs[..., :3] - inputs[..., 3:]))
    image = np.full((5, 6, 3), 0.5, "float32")
    assert function(image, 0.1) == pytest.approx(np.full((5, 6, 3), 0.4))
    sigma = np.linspace(0, 0.3, 30).reshape(5, 6)
    np.testing.assert_allclose(function(image, sigma), 0.5 - np.repeat(sigma[..., None], 3, axis=-1), atol=1e-6)
    with pytest.raises(ValueError, match="3 channels; expected 4, image and σ"):
        inputs = keras.Input((None, None, 3))
        denoising.of_network(keras.Model(inputs, 2.0 * inputs), colour.estimate)


def test_sigma_is_estimated_as_restore_does():
    noisy = scene() + RNG.normal(0, [0.02, 0.05, 0.1], (64, 80, 3)).astype("float32")
    inputs = keras.Input((None, None, 3))
    there = tiles.Tiled(keras.Model(inputs, 1.0 * inputs))
    expected = there.estimate(lambda rows, columns: noisy[rows, columns], (64, 80), "photograph")
    assert colour.estimate(noisy) == pytest.approx(expected)
    assert expected == pytest.approx(np.sqrt(np.mean(np.square([0.02, 0.05, 0.1]))), rel=0.3)


@pytest.mark.parametrize("name", ["nlm", pytest.param("wavelets", marks=slow), "tv"])
def test_classical_methods_take_colour_and_are_tuned(name):
    if name not in colour_classical.names():
        pytest.skip("needs PyWavelets")
    crops = np.stack([scene(32, 32), scene(40, 32)[8:]])
    record = colour_classical.measured(name, {"skimage": [scene()]}, crops, levels=(25,)).record
    start = denoising.psnr([scene()], denoising.noisy([scene()], 25))[0]
    assert record["psnr"]["skimage"][0][0] > start + 5
    assert set(record["settings"]["25"]) == set(colour_classical.METHODS[name].scales)
    again = colour_classical.denoiser(name, record)(denoising.noisy([scene()], 25)[0], 25 / 255)
    assert denoising.psnr([scene()], [again])[0] == pytest.approx(record["psnr"]["skimage"][0][0], abs=1e-3)


def test_crops_to_choose_on_are_spread_over_all():
    assert list(colour_classical.places(3)) == [0, 1, 2]
    assert len(colour_classical.places(2_700)) == colour_classical.TUNED and colour_classical.places(2_700)[-1] == 2_699


def test_pixels_that_are_apart_show_noise_that_is_alike_in_neighbours():
    noisy = camera.taken(scene(120, 160), camera.Camera("", 100, mosaic=True), 1)
    true = camera.local_sigma(scene(120, 160), camera.Camera("", 100, mosaic=True), 2).mean()
    assert colour.estimate(noisy) < 0.4 * true and 0.75 * true < colour.estimate(noisy, camera.APART) < 1.3 * true


# ---- The noise of cameras --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.3, 0.5, 0.8])
def test_the_noise_grows_with_the_light(value):
    """On the scale of light, its variance is L / N + (r / N)²; and the photograph has 8 bits."""
    setting, image = camera.Camera("", 400), np.full((200, 200, 3), value)
    taken = camera.taken(image, setting, 1)
    assert np.abs(255 * taken - np.rint(255 * taken)).max() < 1e-4
    light = ((value + 0.055) / 1.055) ** 2.4
    found = ((taken.astype("float64") + 0.055) / 1.055) ** 2.4
    assert found.std() == pytest.approx(np.sqrt(light / 400 + (camera.READING / 400) ** 2), rel=0.02)
    assert found.mean() == pytest.approx(light, rel=0.005)


def test_without_noise_a_camera_changes_nothing_but_by_its_mosaic():
    plain, mosaic = camera.Camera("", 100), camera.Camera("", 100, mosaic=True)
    image = RNG.uniform(size=(20, 30, 3)).astype("float32")
    np.testing.assert_allclose(camera.taken(image, plain), image, atol=1e-6)
    gray = np.full((20, 30, 3), 0.4, "float32") * np.array([0.5, 1.0, 2.0], "float32")
    np.testing.assert_allclose(camera.taken(gray, mosaic), gray, atol=1e-6)  # interpolation of equal values
    changed = np.abs(camera.taken(image, mosaic) - image) > 1e-5
    kept = ~changed
    assert (
        kept[::2, ::2, 0].all() and kept[::2, 1::2, 1].all() and kept[1::2, ::2, 1].all() and kept[1::2, 1::2, 2].all()
    )
    assert kept.mean() == pytest.approx(1 / 3, abs=0.01)


def test_demosaicing_makes_noise_alike_in_neighbours():
    image = np.full((100, 100, 3), 0.5)
    for mosaic, low, high in ((False, -0.05, 0.05), (True, 0.3, 0.7)):
        noise = camera.taken(image, camera.Camera("", 400, mosaic), 3)[..., 0] - 0.5
        assert low < np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] < high


def test_the_local_sigma_is_that_of_other_draws():
    image, setting = scene(), camera.Camera("", 100)
    sigma = camera.local_sigma(image, setting, 5)
    squares = [(camera.taken(image, setting, seed) - camera.taken(image, setting)) ** 2 for seed in range(40)]
    ratio = np.mean(squares, axis=(0, 3)) / sigma**2
    assert ratio.mean() == pytest.approx(1, abs=0.1) and sigma[:, :10].mean() > 1.2 * sigma[:, -10:].mean()


def test_errors_are_told_apart():
    target = scene()
    target[:10] = 0.1
    worse = target.copy()
    worse[:10] += 2 / 255
    found = camera.errors(target, worse)
    assert found == pytest.approx({"shadows": 2.0, "elsewhere": 0.0, "blotches": 0.0}, abs=1e-4)
    blotched = target + np.array([3, 0, -3], "float32") / 255
    assert camera.errors(target, blotched)["blotches"] == pytest.approx(np.sqrt(6), rel=0.01)
    fine = target + np.float32(10 / 255) * np.where(np.indices((64, 80)).sum(0) % 2, 1, -1)[..., None] * [1, 0, -1]
    assert camera.errors(target, fine)["blotches"] < 0.1
    assert camera.errors(np.ones((8, 8, 3)), np.ones((8, 8, 3)))["shadows"] is None


def test_the_best_single_sigma_is_found():
    target = scene()
    best = camera.best_sigma(lambda noisy, sigma: target + abs(sigma - 12 / 255), target, target, 40 / 255)
    assert 255 * best == pytest.approx(12, rel=0.1)


def test_cameras_are_measured():
    """A denoiser that adds the error of its σ: the best single one is not worse than the estimate."""
    setting = camera.Camera("one", 400)

    def function(noisy, sigma):
        target = camera.taken(scene(), setting)
        return target + 0.1 * (np.mean(sigma) - 20 / 255) if np.ndim(sigma) == 0 else target + 1 / 255

    (found,) = camera.measured(function, {"a": scene(), "b": scene()}, [setting])
    psnr = {method: of["psnr"] for method, of in found["results"].items()}
    assert set(psnr) == set(camera.METHODS) and psnr["local"] == pytest.approx([20 * np.log10(255)] * 2, abs=0.01)
    assert min(np.subtract(psnr["best"], psnr["auto"])) >= 0
    assert found["sigma"]["best"] == pytest.approx([20, 20], rel=0.1) and (found["name"], found["mosaic"]) == (
        "one",
        False,
    )
    assert found["results"]["input"]["shadows"][0] > 0


# ---- What is gathered and drawn --------------------------------------------------------------------------------------


def summary(mean):
    return {"psnr": {"mean": mean, "std": 1.0, "min": mean - 1, "max": mean + 1, "median": mean, "n": 2, "perfect": 0}}


def part(name, gain, budget="cpu", count=2, **more):
    """A part that measured a row of so many photographs, `gain` dB better than the noisy ones."""
    levels, means = [15, 25, 50], np.array([24.6, 20.2, 14.1])
    found = {
        "levels": levels,
        "sets": {"skimage": {"count": count, "sizes": {"9×9": count}, "sha256": f"{count}" * 8}},
        "psnr": {"skimage": [[mean + gain + 0.1 * k for k in range(count)] for mean in means]},
        "results": {"skimage": {str(level): summary(mean + gain) for level, mean in zip(levels, means)}},
        "milliseconds_per_image": {"median": 10.0, "size": [9, 9, 3]},
    }
    image = np.full((8, 8, 3), int(10 * gain), "uint8")
    return {"name": name, "budget": budget, **found, "arrays": {"part": image}, **more}


def parts(budget="cpu", count=2, gain=10.0, steps=500):
    recipe = {"batch_size": 16, "crop": 64, "optimizer": "soap", "loss": "log"}
    about = {"source": "folder", "data": "here", "note": None, "commit": "a" * 40, "versions": {}, "recipe": recipe}
    training = {"name": "DiffNet", "budget": budget, "seed": 0, "steps": steps, "parameters": 105_825, **about}
    training |= {"training_images": 9, "training_seconds": 5.0}
    test = part("test-DiffNet", gain, budget, count, of="DiffNet", photographs=["chelsea", "coffee"][:count])
    test["arrays"] |= {"clean": np.zeros((8, 8, 3), "uint8")}
    test["auto"] = {
        key: value for key, value in part("", gain - 0.5, count=count).items() if key not in ("name", "budget")
    }
    results = {method: {"psnr": [30.0 + k], "shadows": [None], "elsewhere": [2.0], "blotches": [1.0]}
               for k, method in enumerate(camera.METHODS)}  # fmt: skip
    cameras = [
        {"name": budget, "sigma": {"true": [5.0], "auto": [4.0], "apart": [4.5], "best": [6.0]}, "results": results}
    ]
    taken = {"before": np.zeros((8, 8, 3), "uint8"), "after": np.ones((8, 8, 3), "uint8")}
    filmed = {"name": "camera-DiffNet", "budget": budget, "of": "DiffNet", "cameras": cameras, "arrays": taken}
    rows = {"input": ("noisy image", "input", 0.0), "bm3d": ("BM3D", "classical", 9.0), "tv": ("TV", "classical", 7.0)}
    others = [
        part(f"classical-{method}", better, budget, count, method=method, kind=kind, label=label, parameters=0, steps=0)
        for method, (label, kind, better) in rows.items()
    ]
    milliseconds = {"diffnet": {"median": 1000.0 + steps, "size": [9, 9, 3]}}
    times = {"name": "times-DiffNet", "budget": budget, "of": "DiffNet", "in_turns": milliseconds}
    return [training, test, filmed, *others, times]


def gathered(*runs):
    result = denoise_colour.gather(list(runs), None)
    return {"title": "T", **result.record}, result.arrays


def test_the_card_is_made_of_the_record():
    record, arrays = gathered(*parts())
    about = {**parts()[0], "file": "DiffNet-cpu"}
    card = denoise_card.card(
        {**record, "experiment": "denoise-colour"}, arrays, about, "colour photographs", {}, "make"
    )
    quality = card["quality"]
    assert quality["data"] == "scikit-image's chelsea and coffee" and quality["output"]["n"] == 2
    assert quality["levels"]["50/255"] == pytest.approx({"input": 14.15, "given": 24.15, "estimated": 23.65})
    assert record["photographs"] == ["chelsea", "coffee"] and record["cameras"][0]["name"] == "cpu"
    assert arrays["part_diffnet"].max() == 100 and arrays["after"].max() == 1


def test_of_several_budgets_the_longest_training_counts():
    short, long = parts("quick", gain=5.0, steps=200), parts("cpu")
    smoke = parts("smoke", count=1, gain=2.0, steps=2)
    smoke.append(
        part("classical-nlm", 1.0, "smoke", 1, method="nlm", kind="classical", label="", parameters=0, steps=0)
    )
    short[3]["arrays"]["part"] += 1  # which measured on as many photographs
    record, arrays = gathered(*long, *short, *smoke)
    assert record["methods"]["diffnet"]["results"]["skimage"]["25"]["mean"] == pytest.approx(30.25)
    assert arrays["part_diffnet"].max() == 100 and record["cameras"][0]["name"] == "cpu"
    assert record["milliseconds_per_image"]["diffnet"]["median"] == 1_500
    assert arrays["part_input"].max() == 0 and "nlm" not in record["methods"]
    assert record["sets"]["skimage"]["count"] == 2 and record["photographs"] == ["chelsea", "coffee"]


def test_without_a_training_the_classical_methods_are_gathered_and_drawn():
    record, arrays = gathered(*parts()[3:-1])
    assert "photographs" not in record and colour_figure.shown(record) == ["input", "bm3d"]
    assert denoise_colour.draw(record, arrays).axes[0].get_xlabel() == "with noise, σ = 25, 20.2 dB"
    assert colour_figure.camera_table(record) == "Not run."
    with pytest.raises(ValueError, match="Nothing was measured"):
        denoise_colour.gather(parts()[:1], None)


def test_the_picture_shows_the_best_classical_method_and_the_network():
    record, arrays = gathered(*parts())
    axes = denoise_colour.draw(record, arrays).axes
    labels = [axis.get_xlabel() for axis in axes]
    assert labels == ["original", "with noise, σ = 25, 20.2 dB", "BM3D, 29.2 dB", "DiffNet, 30.2 dB"]
    assert axes[3].images[0].get_array()[0, 0, 0] == pytest.approx(100 / 255)
    assert "BM3D 29.25 and DiffNet 30.25 dB" in denoise_colour.caption(
        record
    ) and "after BM3D, without specks" in denoise_colour.alt(record)


def test_the_tables():
    record, _ = gathered(*parts())
    _, _, first, second, *_, last = colour_figure.table(record).splitlines()
    assert first == "| DiffNet | 34.65 / 30.25 / 24.15 | 105,825 | 1,500 |" and "σ estimated" in second
    assert last.startswith("| noisy image | 24.65 / 20.25 / 14.15 |  |")
    *_, row = colour_figure.camera_table(record).splitlines()
    assert row == "| cpu | 5.0 / 4.0 / 4.5 / 6.0 | 30.00 | 31.00 | 32.00 | 33.00 | 34.00 |"
    *_, row = colour_figure.left_table(record).splitlines()
    assert row == "| cpu | – / – / – | 2.0 / 2.0 / 2.0 | 1.0 / 1.0 / 1.0 |"


# ---- All of it -------------------------------------------------------------------------------------------------------


@slow
def test_it_runs(tmp_path):
    record, arrays = execute(denoise_colour, tmp_path, only="DiffNet,test-,camera-,classical-input,classical-tv,times-")
    assert set(record["methods"]) == {"diffnet", "diffnet-auto", "input", "tv"}
    assert len(record["cameras"]) == len(camera.CAMERAS)
    assert set(record["milliseconds_per_image"]) == set(record["methods"])
    assert arrays["before"].shape == arrays["after"].shape == (64, 64, 3) == arrays["part_diffnet"].shape
    with pytest.raises(FileNotFoundError, match="Train it first: --only DiffNet"):
        execute(denoise_colour, tmp_path / "other", only="test-")
