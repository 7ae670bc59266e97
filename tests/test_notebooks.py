"""The notebooks run from start to end, and carry small outputs of a run."""

import json
import runpy

import pytest

from tests.conftest import ROOT, mostly_slow, tensorflow_only

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@tensorflow_only
@pytest.mark.parametrize("path", mostly_slow(NOTEBOOKS, NOTEBOOKS[0]), ids=lambda path: path.stem)
def test_it_runs(path):
    execute = runpy.run_path(str(ROOT / "notebooks" / "execute.py"))["execute"]
    executed, committed = execute(path), json.loads(path.read_text())
    kinds = [[output.output_type for output in cell.outputs] for cell in executed.cells if cell.cell_type == "code"]
    kept = [[output["output_type"] for output in cell["outputs"]] for cell in committed["cells"] if "outputs" in cell]
    assert [set(cell) for cell in kinds] == [set(cell) for cell in kept]


def test_they_are_few_and_small_and_define_no_functions():
    assert len(NOTEBOOKS) == 4
    for path in NOTEBOOKS:
        text = path.read_text()
        assert len(text) < 1_500_000, path
        code = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        assert not any("rcParams" in cell or "plt.rc(" in cell for cell in code)  # the setting is in matplotlibrc
        assert not any(line.startswith(("def ", "class ")) for cell in code for line in cell.splitlines())
