"""File names with any bytes, and terminals that lack our characters: nothing fails after the work."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from diffnet_tf import figures, files
from diffnet_tf.base import quiet
from tests.conftest import ROOT, tensorflow_only

NAME = os.fsdecode(b"st\xe9 $a_$ \xe2\x98\x83\n%d{x}")  # not UTF-8, half a formula for Matplotlib, two lines


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_help_is_printed_in_any_terminal(encoding):
    done = subprocess.run(
        [sys.executable, "-m", "diffnet_tf", "make_pairs", "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0 and ("σ" if encoding == "utf-8" else "sigma of") in done.stdout.decode(encoding)


@tensorflow_only
def test_a_file_of_any_name_is_restored_in_any_terminal(tmp_path):
    np.save(tmp_path / f"{NAME}.npy", np.linspace(0, 1, 24 * 24, dtype="float32").reshape(24, 24))
    command = ["restore", tmp_path / f"{NAME}.npy", tmp_path / NAME / f"{NAME}.tif", "--preset", "forward"]
    done = subprocess.run(
        [sys.executable, "-m", "diffnet_tf", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii", quiet.LEVEL: "3"},
        capture_output=True,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert b"\\udce9" in done.stdout and b" -> " in done.stdout
    assert (tmp_path / NAME / f"{NAME}.tif").exists()


def test_characters_that_a_terminal_lacks_are_replaced():
    assert "δt → 3×4 ☃ é".encode("latin-1", "diffnet_tf.plainly") == b"dt -> 3\xd74 \\u2603 \xe9"
    assert "\udcff".encode("utf-8", "diffnet_tf.plainly") == b"\\udcff"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", "diffnet_tf.plainly")


def test_a_record_keeps_any_name(tmp_path):
    files.write_json(tmp_path / "record.json", {"data": NAME})
    assert json.loads((tmp_path / "record.json").read_text()) == {"data": NAME}


def test_a_caption_holds_any_name(tmp_path):
    figure, _ = figures.panels(1, 1, f"Of {NAME}.")
    figures.save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1_000
