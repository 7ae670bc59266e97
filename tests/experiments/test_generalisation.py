"""The pictures of `generalisation`, what it compares with, and its verdicts."""

import json

import numpy as np
import pytest

from diffnet_tf.networks import presets
from experiments import generalisation
from experiments.lib import crops, settings, verdicts
from tests.conftest import ROOT, run_python

OFFLINE = """
import socket
def refuse(*arguments, **options):
    raise OSError("there is no network")
socket.socket.connect = socket.getaddrinfo = refuse
from experiments.lib import crops
pixels, groups, names = crops.of_all(2)
print(pixels.shape, len(groups), len(set(names)), sorted(set(groups)) == sorted(crops.PICTURES))
"""


def test_all_pictures_come_with_scikit_image(tmp_path):
    """Without a network and with an empty cache."""
    out = run_python(OFFLINE, SKIMAGE_DATADIR=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    number = sum(map(len, crops.PICTURES.values()))
    assert out.split("\n")[-2].endswith(f"{number} True") and "96, 96)" in out


def test_crops_are_disjoint_parts_with_something_in_them(rng):
    picture = rng.random((200, 300)) * np.linspace(0, 1, 300)
    picture[:96, :96] = 0.5
    found = crops.crops(picture)
    expected = [picture[r : r + 96, c : c + 96] for r in (0, 96) for c in (0, 96, 192)][1:]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(crops.crops(picture, 2), [expected[0], expected[-1]])


@pytest.mark.parametrize("setting", settings.INVERSE)
def test_settings_are_those_of_the_records(setting):
    """The fixed point's iterations were chosen on training photographs, where the preset comes from."""
    assert presets.card(setting.preset)["training"]["experiment"] == setting.experiment
    record = json.loads((ROOT / "results" / setting.experiment / "record.json").read_text())
    assert record["fixed_point_iterations"] == setting.iterations and record["noise"] == setting.noise


def summary(mean):
    return {"psnr": {"mean": mean}}


@pytest.mark.parametrize(("gain", "verdict"), [(1.0, verdicts.REPRODUCED), (-1.0, verdicts.PARTIAL)])
def test_verdicts(gain, verdict):
    pictures = [{"group": g, "picture": f"{g} {k // 2}"} for g in ("text", "synthetic") for k in range(4)]
    theirs = np.array([60.0, 65, 70, 75, 60, 65, 70, 75])
    ours = theirs + np.array([1, 3, 2, 2, gain - 1, gain + 1, 2, 2])  # of every picture two crops
    ours[2] = theirs[2] = np.inf  # both perfect: no gain
    contrast = [
        {"value": v, "diffnet": summary(40.0), "degraded": summary(d)} for v, d in ((0.1, 40 - gain), (0.2, 30))
    ]
    record = {
        **{"budget": "cpu", "source": "s", "data": "here", "test_data": "there", "commit": None},
        "crops": pictures,
        "large": {"inverse": [{"diffnet_whole": 60.0, "diffnet_crops": 61.5 if gain < 0 else 60.5}]},
        "contrast": contrast,
        "test_images": 5,
    }
    arrays = {"inverse_diffnet": ours, "inverse_fixed_point": theirs}
    found = generalisation.ahead("inverse")(record, arrays)
    where = "" if gain > 0 else " (ahead on 1 of 2)"
    assert found.n == 4 and found.ours == f"dB: text +1.5, synthetic {(gain + 2) / 2:+.1f}{where}"
    assert found.verdict == generalisation.other("contrast")(record, arrays).verdict == verdict
    large = generalisation.large(record, arrays).verdict
    assert large == (verdicts.REPRODUCED if gain > 0 else verdicts.NOT_REPRODUCED)
