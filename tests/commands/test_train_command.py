"""python -m diffnet_tf train: from a folder of images to a network that restore takes."""

import keras
import numpy as np
import pytest
import skimage.data
from PIL import Image

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.training import run as training_run
from tests.conftest import mostly_slow, slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs")
    for k, image in enumerate(np.split(skimage.data.astronaut()[:384, :384], 4)):
        for j, square in enumerate(np.split(image, 4, axis=1)):
            Image.fromarray(square).save(path / f"{k}{j}.png")
    return path


def train(folder, out, *arguments):
    return main(["train", str(folder), "--out", str(out), *map(str, arguments)])


@pytest.mark.parametrize("init", mostly_slow(["inverse-1pct", "own.keras"], "own.keras"))
def test_a_network_is_fine_tuned_and_used(folder, tmp_path, capsys, monkeypatch, init):
    monkeypatch.chdir(tmp_path)
    start = dn.models.DiffNet(2, 2, 4) if init == "own.keras" else dn.from_preset(init)
    start.save(tmp_path / "own.keras")
    out = tmp_path / "mine.keras"
    assert train(folder, out, "--init", init, "--noise", 0.02, "--steps", 12) == 0
    printed = capsys.readouterr().out
    for name in ("the images as they are", init, str(out)):
        assert f"{name}: " in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.keras", "own.keras"]
    mine = keras.models.load_model(out)
    moved = [float(np.abs(a - b).max()) for a, b in zip(mine.get_weights(), start.get_weights())]
    assert all(0 < distance < 0.2 for distance in moved), moved
    assert main(["restore", str(folder / "00.png"), str(tmp_path / "00.png"), "--weights", str(out)]) == 0


@slow
def test_from_the_start_and_stopped_in_between(folder, tmp_path, monkeypatch, capsys):
    """Ctrl-C in the first run: the same command goes on. 40 steps gain a few decibels."""
    out = tmp_path / "mine.keras"
    after = training_run.Run.on_epoch_end

    def interrupt(self, epoch, logs=None):
        after(self, epoch, logs)
        if self.step == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(training_run.Run, "on_epoch_end", interrupt)
    assert train(folder, out, "--steps", 40) == 130
    assert not out.exists()
    monkeypatch.setattr(training_run.Run, "on_epoch_end", after)
    assert train(folder, out, "--steps", 40) == 0
    printed = capsys.readouterr().out
    assert "Going on from step 10 of 40" in printed
    before, after = (float(line.split(": ")[1].split()[0]) for line in printed.splitlines()[-2:])
    assert after > before + 2


def test_its_start_is_a_preset_or_a_file(tmp_path):
    from diffnet_tf.commands.train import _start

    dn.models.DiffNet(num_layers=1).save(tmp_path / "own.keras")
    assert len(_start(str(tmp_path / "own.keras")).diffusion_layers) == 1
    assert [len(_start(name).diffusion_layers) for name in ("inverse", "deconvolution")] == [5, 3]
