"""Pickles, bombs and archives: refused before they do anything.

Every payload would change the canary, a file; that the payloads work is shown where they are let.
"""

import hashlib
import io
import json
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.data import recognise
from diffnet_tf.files import image_files
from diffnet_tf.networks import cards, presets
from diffnet_tf.training import checkpoint
from experiments.lib import records
from tests.conftest import tensorflow_only
from tests.hostile.common import png_bomb
from tests.security.conftest import UNTOUCHED

pytestmark = tensorflow_only


# ---- Pickles ---------------------------------------------------------------------------------------------------------


class Harm:
    """What writes to the canary when it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return type(self.canary).write_text, (self.canary, "harmed")


@pytest.fixture
def pickled(canary):
    """An array whose pickle harms."""
    return np.array([Harm(canary)], dtype=object)


def test_the_pickle_harms_where_it_is_let(pickled, canary, tmp_path):
    """Else the tests below would show nothing."""
    np.save(tmp_path / "a.npy", pickled)
    np.load(tmp_path / "a.npy", allow_pickle=True)
    assert canary.read_text() == "harmed"
    canary.write_text(UNTOUCHED)


def test_preset_weights_are_not_unpickled(pickled, tmp_path, monkeypatch, network):
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    presets.save("inverse", network, {}, tmp_path)
    with np.load(tmp_path / "inverse.npz") as arrays:
        values = {**arrays, "diffusion1/time_step": pickled}
    np.savez(tmp_path / "inverse.npz", **values)
    card = json.loads((tmp_path / "inverse.json").read_text())
    card["sha256"] = hashlib.sha256((tmp_path / "inverse.npz").read_bytes()).hexdigest()
    (tmp_path / "inverse.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="inverse.npz"):
        dn.from_preset("inverse")


def test_images_are_not_unpickled(pickled, tmp_path):
    for name in ("gray.npy", "image.npy"):
        np.save(tmp_path / name, pickled)
    with pytest.raises(ValueError, match="gray.npy cannot be read"):
        dn.data.load_images("npy", tmp_path)
    with pytest.raises(ValueError, match="image.npy cannot be read"):
        image_files.read(tmp_path / "image.npy")
    (tmp_path / "gray.npy").write_bytes(pickle.dumps(pickled))
    with pytest.raises(ValueError, match="gray.npy cannot be read"):
        dn.data.load_images("npy", tmp_path)


def test_checkpoints_are_not_unpickled(pickled, tmp_path, network):
    network.compile("adam", "mse")
    network.optimizer.build(network.trainable_variables)
    checkpoint.save(tmp_path / "checkpoint", network, 1, {}, {}, {"more": pickled})
    with pytest.warns(RuntimeWarning, match="is damaged"), pytest.raises(ValueError, match="checkpoint"):
        checkpoint.load(tmp_path / "checkpoint", {})


def test_records_are_not_unpickled(pickled, tmp_path):
    records.save(tmp_path / "run", {}, {"a": pickled})
    with pytest.raises(ValueError):
        records.load(tmp_path / "run")


# ---- Bombs -----------------------------------------------------------------------------------------------------------


def gif_bomb():
    """A GIF that announces 4 billion pixels in 46 bytes."""
    side = struct.pack("<HH", 65_535, 65_535)
    palette, image = b"\x80\0\0" + bytes(6), b"\x2c\0\0\0\0" + side + b"\0"
    return b"GIF89a" + side + palette + image + b"\x02\x02\x4c\x01\0\x3b"


def peak_memory(call):
    """By how many MiB the memory of this process grew while a function ran."""

    def resident(name):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1024

    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    before = resident("VmRSS")
    call()
    return resident("VmHWM") - before


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux")
@pytest.mark.parametrize("bomb", [png_bomb, gif_bomb])
def test_bombs_are_not_unpacked(bomb, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(bomb())

    def read():
        with pytest.raises(ValueError, match="a.png "):
            image_files.read(tmp_path / "a.png")
        with pytest.raises(ValueError, match="a.png "):
            dn.data.load_images("folder", tmp_path, "all")

    assert peak_memory(read) < 100


# ---- Archives --------------------------------------------------------------------------------------------------------


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 6 if kind == tarfile.REGTYPE else 0
    return info


INSIDE = "stl10_binary"
MEMBERS = {
    "upwards": member(f"{INSIDE}/../../canary.txt"),
    "absolute": member("/tmp/canary.txt"),
    "a symbolic link": member(f"{INSIDE}/link", tarfile.SYMTYPE, "../canary.txt"),
    "a hard link": member(f"{INSIDE}/link", tarfile.LNKTYPE, "../canary.txt"),
    "a device": member(f"{INSIDE}/device", tarfile.CHRTYPE),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_archives_that_write_elsewhere_are_named_and_not_unpacked(name, canary, tmp_path, capsys):
    with tarfile.open(tmp_path / recognise.ARCHIVE, "w:gz") as archive:
        for info in (member(INSIDE, tarfile.DIRTYPE), member(f"{INSIDE}/test_X.bin"), MEMBERS[name]):
            archive.addfile(info, io.BytesIO(b"harmed"))
    before = sorted(tmp_path.rglob("*"))
    assert main(["data", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert f"{MEMBERS[name].name!r}, which does not belong to STL-10" in printed and "Do not unpack it" in printed
    assert "tar -xzf" not in printed
    assert sorted(tmp_path.rglob("*")) == before
