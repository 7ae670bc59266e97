"""Memory, disks, permissions and devices that are not there."""

import errno
import os
import subprocess
import sys

import pytest

import diffnet_tf as dn
from diffnet_tf import training
from diffnet_tf.__main__ import main
from diffnet_tf.restoration import tiles
from tests.conftest import ROOT, run_python, slow, tensorflow_only
from tests.hostile.common import GRAY, check, contents

pytestmark = tensorflow_only


def test_exhausted_memory_names_smaller_tiles_and_batches(folder, monkeypatch, capsys, model):
    def fail(*_, **__):
        raise RuntimeError("RESOURCE_EXHAUSTED: OOM when allocating tensor")

    monkeypatch.chdir(folder)
    monkeypatch.setattr(tiles.backend, "compiled", lambda function: fail)
    before = contents(folder)
    assert main(["restore", "images/00.png", "out.png", "--weights", "good.keras"]) == 2
    line = "Not enough memory for a tile of 512×512 pixels. Try tile=256."
    assert capsys.readouterr().err == f"error: {line}\n"
    with pytest.raises(MemoryError) as error:
        dn.restore(GRAY[0], model, tile=1)
    check(error, MemoryError, "Not enough memory for a tile of 1×1 pixels. Try tile=1.")
    assert contents(folder) == before
    monkeypatch.setattr(training.fitting, "_fit", fail)
    assert main(["train", "images", "--out", "m.keras", "--steps", "1", "--init", "good.keras"]) == 2
    line = "Not enough memory for a training step with batch_size=8 and crop=24. "
    line += "Try dataclasses.replace(recipe, batch_size=4)."
    assert capsys.readouterr().err == f"error: {line}\n"
    assert not (folder / "m.keras").exists()


def test_what_may_not_be_written_is_refused_before_any_work(folder, monkeypatch, capsys):
    """Root may write everything: the answer of the system is made up."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(os, "access", lambda *_: False)
    for command, name in (
        ("restore images/00.png out.png --preset inverse", "out.png"),
        ("make_pairs out.npz", "out.npz"),
        ("train images --out out.keras", "out.keras"),
    ):
        assert main(command.split()) == 2
        line = f"{name} cannot be written: no permission to write to .. Give another name."
        assert capsys.readouterr().err == f"error: {line}\n"


FULL_DISK = """
import os, resource, sys
from pathlib import Path
from diffnet_tf.__main__ import main
os.chdir(sys.argv[1])
sys.stderr = sys.stdout
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
before = sorted(Path(".").rglob("*"))
for command in sys.argv[2:]:
    print("status", main(command.split()), sorted(Path(".").rglob("*")) == before, flush=True)
"""


def test_files_that_may_not_grow_leave_nothing(folder):
    """As on a full disk, but for the number of the error: PNG, mapped TIFF and NPY, and pairs."""
    commands = [f"restore images/00.png out.{kind} --weights good.keras" for kind in ("png", "tif", "npy")]
    out = run_python(FULL_DISK, folder, *commands, "make_pairs p.npz --limit 2")
    lines = [line for line in out.splitlines() if line.startswith(("error", "status"))]
    assert lines == [f"error: [Errno {errno.EFBIG}] {os.strerror(errno.EFBIG)}", "status 2 True"] * 4, out


def test_a_disk_without_room_for_a_mapped_file_is_refused(folder, tmp_path, monkeypatch, capsys):
    """Writing to the map of a file that has no room kills the process: the room is asked for before."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    for kind in ("tif", "npy"):
        command = f"restore {folder}/images/00.png {tmp_path}/out.{kind} --weights {folder}/good.keras"
        assert main(command.split()) == 2
        assert capsys.readouterr().err == "error: [Errno 28] No space left on device\n"
    assert not list(tmp_path.iterdir())


@slow
def test_an_experiment_that_asks_for_absent_devices(tmp_path):
    options = ["--budget", "smoke", "--strategy", "mirrored", "--results_dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.fig07_samples", *options],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: strategy='mirrored' found no GPU and only one CPU;")
    assert done.stderr.count("\n") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
