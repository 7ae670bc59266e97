"""The classical methods of `denoise`: all of them denoise, and their parameters are those that were best."""

import dataclasses

import numpy as np
import pytest
import skimage.data

from experiments.lib import denoise_classical as classical
from experiments.lib import denoise_record, denoising
from experiments.lib.denoise_classical import METHODS

IMAGE = skimage.data.camera()[100:164, 180:244].astype("float32") / np.float32(255)
SLOW = ("edge-enhancing",)  # it compiles for seconds
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in METHODS]


def start(name):
    """Parameters of a method without a search."""
    method = METHODS[name]
    return method.tune(IMAGE[None], 25, search=False)[0] if method.chosen else {}


@pytest.mark.parametrize("name", NAMES)
def test_a_method_denoises(name):
    if name == "bm3d":
        pytest.importorskip("bm3d")
    (noisy,) = denoising.noisy([IMAGE], 25)
    output = METHODS[name].denoiser({"25": start(name)})(noisy, 25 / 255)
    before, after = denoising.psnr([IMAGE] * 2, [noisy, output])
    assert output.shape == IMAGE.shape and output.dtype == np.float32
    assert after == before if name == "input" else after > before + (6 if name == "bm3d" else 4)


@pytest.mark.parametrize("name", [name for name in NAMES if name.values[0] not in ("input", "bm3d")])
def test_parameters_are_on_the_scale_of_the_noise(name):
    """Twice the image with twice the noise gives twice the result, with the same parameters."""
    (noisy,) = denoising.noisy([IMAGE], 25)
    one, other = (next(METHODS[name].results(f * noisy[None], f * 25 / 255, **METHODS[name].start)) for f in (1, 2))
    assert 2 * np.asarray(one) == pytest.approx(np.asarray(other), abs=2e-3)


@pytest.mark.parametrize("name", ["tv", "nlm"])
def test_the_best_parameters_are_chosen(name):
    images = np.stack([IMAGE, IMAGE[::-1]])
    best, tried, _ = METHODS[name].tune(images, 25, {**METHODS[name].start, "strength": 0.3})
    top = max(tried, key=lambda one: one["psnr"])
    assert best == {key: value for key, value in top.items() if key != "psnr"} and len(tried) > 5
    noisy = denoising.noisy(images, 25, classical.SEED + 25)
    outputs = [METHODS[name].denoiser({"25": best})(each, 25 / 255) for each in noisy]
    assert denoising.psnr(images, outputs).mean() == pytest.approx(top["psnr"], abs=1e-3)


def test_a_diffusion_is_stopped_at_the_best_time():
    method = METHODS["perona-malik"]
    best, ((tried),), _ = method.tune(IMAGE[None], 25, search=False)
    (noisy,) = denoising.noisy([IMAGE], 25, classical.SEED + 25)

    def psnr(steps):
        return denoising.psnr([IMAGE], [method.denoiser({"25": {**best, "steps": steps}})(noisy, 25 / 255)])[0]

    assert psnr(best["steps"]) == pytest.approx(tried["psnr"], abs=1e-3)
    assert psnr(best["steps"]) > max(psnr(best["steps"] - 1), psnr(best["steps"] + 1))


def test_a_diffusion_that_is_stopped_by_its_limit_is_reported():
    method = dataclasses.replace(METHODS["perona-malik"], most=2)
    assert method.tune(IMAGE[None], 50, search=False)[0]["steps"] == 2
    assert method.tune(IMAGE[None], 50, search=False)[2] == ["steps"]


def test_each_level_has_its_parameters_and_a_part_can_be_gathered(monkeypatch):
    tests = {"mine": [IMAGE, IMAGE[:40]]}
    results = [classical.measured(name, tests, [IMAGE.T]) for name in ("tv", "input")]
    record = results[0].record
    assert list(record["settings"]) == ["15", "25", "50"]
    strengths = [record["settings"][level]["strength"] for level in ("15", "50")]
    assert strengths[0] < strengths[1] and record["parameters"] == 1
    assert record["tuning"] == {"images": 1, "side": 64, "seed": classical.SEED}
    parts = [{"name": each.record["method"], "budget": "cpu", **each.record} for each in results]
    gathered = denoise_record.gather(parts, None)
    assert gathered.arrays["psnr_mine_tv"].shape == (1, 3, 2)
    assert gathered.record["methods"]["input"]["kind"] == "input"
    mean = {name: row["results"]["mine"]["25"]["mean"] for name, row in gathered.record["methods"].items()}
    assert mean["input"] == pytest.approx(20 * np.log10(255 / 25), abs=0.7) and mean["tv"] > mean["input"] + 4
    (made,) = classical.tuned(parts, "tv", "nlm").values()
    assert made[0] == "total variation" and made[1](IMAGE, 25 / 255).shape == IMAGE.shape


def test_methods_without_their_package_are_left_out(monkeypatch, capsys):
    monkeypatch.setattr(classical.importlib.util, "find_spec", lambda name: None if name == "bm3d" else object())
    parts = classical.parts(dict, list)
    assert "classical-bm3d" not in {part.name for part in parts} and len(parts) == len(METHODS) - 1
    assert "BM3D is left out: pip install bm3d" in capsys.readouterr().out


def test_squares_are_of_the_middle_and_evenly_spaced():
    images = [np.full((9, 7 + k), k, "float32") for k in range(5)]
    images[2][4, 4] = 9
    found = classical.squares(images, 3, 5)
    assert found.shape == (3, 5, 5) and found[:, 0, 0].tolist() == [0, 2, 4] and found[1, 2, 2] == 9
    assert classical.squares(images, 9, 99).shape == (5, 7, 7)
