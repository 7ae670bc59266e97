"""The scripts of the gallery run by themselves, and show what their page says."""

import ast
import os
import re
import subprocess
import sys

import pytest
from PIL import Image

from tests.conftest import ROOT, slow, tensorflow_only

SCRIPTS = {path.stem: path for path in sorted((ROOT / "gallery").glob("*.py"))}
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "pictures" / "gallery"

DECIBELS, PARTS = r"(-?[\d.]+|inf|nan) dB", r"part\| ([\d.]+)"
# The numbers to look for in what a script prints, and what they have to show.
CLAIMS = {
    "classical_or_learned": (
        DECIBELS,
        lambda diffused, diffnet, newton, fixed_point, mask, noisy, learned, *classical: (
            newton > diffnet > fixed_point > mask > diffused and len(classical) == 5 and learned > max(classical) + 1
        ),
    ),
    "colour": (DECIBELS, lambda diffused, luminance, channels, network: network > max(luminance, channels) + 5),
    "diffusions": (
        DECIBELS,
        lambda noisy, isotropic, perona_malik, edges, lines: (
            min(perona_malik, edges) > isotropic + 0.5 and isotropic > lines + 1 > noisy + 2
        ),
    ),
    "export_onnx": (DECIBELS, lambda diffused, keras, onnx: onnx > diffused + 3 and abs(onnx - keras) < 0.02),
    "own_photographs": (DECIBELS, lambda diffused, restored: restored > diffused + 1.5),
    "own_physics": (DECIBELS, lambda camera, restored: restored > camera + 12),
    "pretrained": (DECIBELS, lambda diffused, restored, card: restored > diffused + 2 and abs(restored - card) < 2),
    "stencils_of_a_photograph": (
        PARTS,
        lambda quiet, w, noisy, noisy_w: w < 0.05 * quiet and 0.1 < noisy_w / noisy < 0.2,
    ),
    "transfer": (DECIBELS, lambda preset, time_steps, new: time_steps > preset + 10 and preset > new + 3),
}


@slow
@tensorflow_only
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_by_itself(name, tmp_path):
    if name == "export_onnx":
        pytest.importorskip("onnxruntime", reason="ONNX comes with the export extra")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, SCRIPTS[name]], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [path.name for path in tmp_path.glob("*.png")] == [f"{name}.png"]
    pattern, holds = CLAIMS[name]
    assert holds(*map(float, re.findall(pattern, done.stdout))), done.stdout
    if name == "export_onnx":
        (difference,) = re.findall(r"largest difference: (\S+)", done.stdout)
        assert float(difference) < 1e-5


def test_a_claim_about_each_script_is_tested():
    assert CLAIMS.keys() == SCRIPTS.keys()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_short_and_its_page_shows_it(name):
    source, page = SCRIPTS[name].read_text(), PAGE.read_text()
    question, _, rest = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")
    assert question.endswith("?") and "You learn" in rest and "It takes" in rest
    assert len(source.splitlines()) <= 60
    assert f'figure.savefig("{name}.png")' in source
    assert f"python gallery/{name}.py" in page
    (alternative,) = re.findall(rf"!\[(.*?)\]\(pictures/gallery/{name}\.png\)", page)
    assert len(alternative) > 80  # says what is seen
    path = PICTURES / f"{name}.png"
    assert path.stat().st_size < 200_000
    with Image.open(path) as picture:
        assert picture.width >= 800


def test_no_picture_is_left_over_and_all_notebooks_are_introduced():
    assert {path.stem for path in PICTURES.iterdir()} == SCRIPTS.keys()
    linked = set(re.findall(r"\(\.\./notebooks/(.*?)\)", PAGE.read_text()))
    assert linked == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
