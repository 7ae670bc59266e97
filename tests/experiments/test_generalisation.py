"""The pictures of `generalisation`, what it compares with, and its verdicts and those of `physics`."""

import json

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.networks import presets
from experiments import generalisation, physics
from experiments.lib import beyond_physics, pictures, records
from tests.conftest import ROOT, run_python

OFFLINE = """
import socket
def refuse(*arguments, **options):
    raise OSError("there is no network")
socket.socket.connect = socket.getaddrinfo = refuse
from experiments import pictures
pixels, groups, names = pictures.of_all(2)
print(pixels.shape, len(groups), len(set(names)), sorted(set(groups)) == sorted(pictures.PICTURES))
"""


def test_all_pictures_come_with_scikit_image(tmp_path):
    """Without a network and with an empty cache."""
    out = run_python(OFFLINE, SKIMAGE_DATADIR=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    number = sum(map(len, pictures.PICTURES.values()))
    assert out.split("\n")[-2].endswith(f"{number} True") and "96, 96)" in out


def test_crops_are_disjoint_parts_with_something_in_them(rng):
    picture = rng.random((200, 300)) * np.linspace(0, 1, 300)
    picture[:96, :96] = 0.5
    found = pictures.crops(picture)
    expected = [picture[r : r + 96, c : c + 96] for r in (0, 96) for c in (0, 96, 192)][1:]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(pictures.crops(picture, 2), [expected[0], expected[-1]])


def test_the_fixed_point_has_the_iterations_of_the_records():
    """Chosen on training photographs, in the experiments that the presets come from."""
    for preset, iterations in generalisation.PRESETS.items():
        record = json.loads(
            (ROOT / "results" / presets.card(preset)["training"]["experiment"] / "record.json").read_text()
        )
        assert record["fixed_point_iterations"] == iterations
        assert record["noise"] == generalisation.NOISE[preset]


def summary(mean):
    return {"psnr": {"mean": mean}}


def saved(root, name, record, **arrays):
    stated = {"budget": "cpu", "source": "s", "data": "here", "test_data": "there", "commit": None}
    records.save(root / name, {**stated, **record}, arrays)


@pytest.mark.parametrize(("gain", "verdict"), [(1.0, "reproduced"), (-1.0, "partial")])
def test_verdicts_on_generalisation(tmp_path, gain, verdict):
    crops = [{"group": g, "picture": f"{g} {k // 2}"} for g in ("text", "synthetic") for k in range(4)]
    theirs = np.array([60.0, 65, 70, 75, 60, 65, 70, 75])
    ours = theirs + np.array([1, 3, 2, 2, gain - 1, gain + 1, 2, 2])  # of every picture two crops
    large = {"inverse": [{"diffnet_whole": 60.0, "diffnet_crops": 61.5 if gain < 0 else 60.5}]}
    contrast = [
        {"value": v, "diffnet": summary(40.0), "degraded": summary(d)} for v, d in ((0.1, 40 - gain), (0.2, 30))
    ]
    record = {"crops": crops, "large": large, "contrast": contrast, "test_images": 5}
    saved(tmp_path, "generalisation", record, inverse_diffnet=ours, inverse_fixed_point=theirs)
    for check in (beyond_physics.ahead("inverse"), beyond_physics.other("contrast")):
        assert check(tmp_path).verdict == verdict
    found = beyond_physics.ahead("inverse")(tmp_path)
    where = "" if gain > 0 else " (ahead on 1 of 2)"
    assert found.n == 4 and found.ours == f"dB: text +2.0, synthetic {(gain + 2) / 2:+.1f}{where}"
    assert beyond_physics.large(tmp_path).verdict == ("reproduced" if gain > 0 else "not reproduced")


def run(name, part, method="DiffNet", time=0.4, levels=(None,)):
    budget = {"method": method, "budget": "800 steps" if method == "DiffNet" else "cpu"}
    run = {"name": name, "part": part, "time": time, **budget, "seed": 0, "validation_psnr": 40.0}
    return {**run, "results": [{"contrast": v} for v in levels]}


def test_verdicts_on_physics(tmp_path, rng):
    easy = rng.normal(0, 3, 50)
    runs = [
        run("edge-inverse-9-points", "edge"),
        run("edge-inverse-5-points", "edge"),
        run("time-1-5-layers", "time", time=1.0),
        {**run("time-1-10-layers", "time", time=1.0), "validation_psnr": 39.0},  # best on the test images: not chosen
        run("time-1-fixed-point", "time", "fixed point", 1.0),
        run("time-2-5-layers", "time", time=2.0),
        run("time-2-fixed-point", "time", "fixed point", 2.0),
        run("contrast-blind", "contrast", levels=(0.1, 0.2)),
        run("contrast-specialist", "contrast", levels=(0.1, 0.2)),
    ]
    psnr = [easy + 50.3, easy + 50 + rng.normal(0, 0.1, 50), easy + 45, easy + 99, easy + 44, easy + 40, easy + 41]
    psnr += [np.stack([easy + 50, easy + 48.5]), np.stack([easy + 40, easy + 49])]
    saved(tmp_path, "physics", {"runs": runs}, **{f"psnr_{r['name']}": np.atleast_2d(p) for r, p in zip(runs, psnr)})
    ahead = beyond_physics.compared("edge-inverse-9-points", "edge-inverse-5-points")(tmp_path)
    assert (ahead.verdict, ahead.n, ahead.budget) == ("partial", 50, "800 steps") and ahead.ours.startswith("+0.3")
    assert ahead.ours.endswith("; 1 seed")
    behind = beyond_physics.compared("edge-inverse-5-points", "edge-inverse-9-points")(tmp_path)
    assert behind.verdict == "not reproduced"
    longer = beyond_physics.longer("fixed-point")(tmp_path)
    assert longer.verdict == "partial" and longer.ours.startswith("T = 1: 45") and "T = 2: 40" in longer.ours
    blind = beyond_physics.blind("specialist")(tmp_path)
    assert blind.verdict == "reproduced" and blind.ours == "dB: +10.0 at 0.1, -0.5 at 0.2"
    for check in (beyond_physics.longer("stepwise"), beyond_physics.compared("colour-shared", "colour-gray")):
        with pytest.raises(FileNotFoundError):
            check(tmp_path)


def test_the_plan_of_physics():
    """Names are the names of files, each once; every part is there, with the runs that the verdicts compare."""
    runs = physics.plan()
    names = [r.name for r in runs]
    assert len(set(names)) == len(names) and all(" " not in name and "/" not in name for name in names)
    assert {r.part for r in runs} == {"colour", "edge", "time", "contrast"}
    assert {"colour-shared", "edge-inverse-9-points", "time-4-10-layers", "time-0.4-stepwise"} < set(names)
    assert not [r for r in runs if r.part == "time" and r.layers == 10 and r.time < 1]
    other = {r.name for r in physics.plan(3)}
    assert {r.name for r in runs if r.method != "DiffNet"} == other & set(names)  # seeds are kept apart


def test_a_gray_network_on_colours_sees_one_channel(rng):
    network = dn.models.DiffNet(2, 2, 4)
    u = rng.random((2, 9, 8, 3)).astype("float32")
    found = keras.ops.convert_to_numpy(physics._channel_by_channel(network)(u))
    for k in range(3):
        np.testing.assert_allclose(found[..., k : k + 1], network(u[..., k : k + 1]), atol=1e-6)
