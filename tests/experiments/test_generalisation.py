"""The pictures of `generalisation`, what it compares with, and its verdicts."""

import json

import numpy as np
import pytest

from diffnet_tf.networks import presets
from experiments.lib import crops, settings
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
