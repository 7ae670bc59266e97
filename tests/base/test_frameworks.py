"""Which framework Keras runs on, the requirements without TensorFlow, and who imports TensorFlow Datasets."""

import ast
import os
import re

import pytest

from diffnet_tf.base import frameworks
from tests.conftest import ROOT, run_python, slow

# ---- The choice ------------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A function that pretends that these packages are installed, and returns the backend that is then chosen."""
    monkeypatch.delitem(frameworks.sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def chosen(*packages, given=None):
        monkeypatch.setattr(frameworks, "installed", lambda name: name in packages)
        monkeypatch.setenv(frameworks.VARIABLE, given or "")  # so that it is restored after the test
        if not given:
            monkeypatch.delenv(frameworks.VARIABLE)
        frameworks.choose()
        return os.environ.get(frameworks.VARIABLE)

    return chosen


def test_jax_is_chosen_where_tensorflow_is_not_installed(machine):
    assert machine("jax") == "jax" == machine("torch", "jax") and machine("torch") == "torch"
    assert machine("tensorflow", "jax") is None and machine() is None  # Keras's own choice


def test_what_the_user_has_chosen_stays(machine, tmp_path):
    assert machine("jax", given="torch") == "torch" and machine("jax", given="tensorflow") == "tensorflow"
    for content, expected in (('{"backend": "torch"}', None), ('{"backend": "tensorflow"}', "jax"), ("damaged", "jax")):
        (tmp_path / "keras.json").write_text(content)
        assert machine("jax", "torch") == expected


def test_what_is_imported_already_stays(machine, monkeypatch):
    monkeypatch.setitem(frameworks.sys.modules, "keras", frameworks)
    assert machine("jax") is None


def test_advice_says_what_to_do(machine):
    error = ModuleNotFoundError("x", name="tensorflow.python")
    machine("jax", given="tensorflow")
    assert frameworks.advice(error).startswith(
        "KERAS_BACKEND=tensorflow, but TensorFlow is not installed. Set KERAS_BACKEND=jax, which is installed"
    )
    machine(given="tensorflow")
    assert "is not installed. Install TensorFlow." in frameworks.advice(error)
    machine()
    assert "pip install -r requirements-jax.txt" in frameworks.advice(error)
    machine("jax")
    assert (
        frameworks.advice(error) == "This needs TensorFlow, which is not installed. Install it: pip install tensorflow"
    )
    assert frameworks.advice(ModuleNotFoundError("x", name="pandas")) == ""


# ---- requirements-jax.txt --------------------------------------------------------------------------------------------


def _setup():
    """What setup.py requires, and what the extras `jax` and `comparison` add: two lists."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    (call,) = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "setup"]
    found = {word.arg: word.value for word in call.keywords}
    required = ast.literal_eval(found["install_requires"])
    extras = dict(zip((key.value for key in found["extras_require"].keys), found["extras_require"].values))
    lists = {n.targets[0].id: n.value for n in ast.walk(tree) if isinstance(n, ast.Assign)}
    return required, [*ast.literal_eval(extras["jax"]), *ast.literal_eval(lists[extras["comparison"].id])]


OF_TENSORFLOW = {"tensorflow", "tensorflow-datasets", "importlib_resources"}  # the last for TensorFlow Datasets


def test_the_requirements_without_tensorflow_are_those_of_the_package():
    """The same packages in the same ranges, with JAX in the place of TensorFlow, and what all experiments need."""
    required, more = _setup()
    text = (ROOT / "requirements-jax.txt").read_text()
    lines = [found for line in text.splitlines() if (found := line.partition("#")[0].strip())]
    others = [line for line in required if re.match(r"[\w-]+", line)[0] not in OF_TENSORFLOW]
    assert len(lines) == len(set(lines)) and set(lines) == {*others, *more}
    assert len(others) == len(required) - len(OF_TENSORFLOW)


def test_pages_and_makefile_install_from_that_file():
    for path in ("docs/devices.md", "Makefile"):
        assert "requirements-jax.txt" in (ROOT / path).read_text(), path
    assert "pip install -r requirements-jax.txt\npip install --no-deps -e ." in (ROOT / "docs/devices.md").read_text()


# ---- TensorFlow Datasets ---------------------------------------------------------------------------------------------


def test_only_its_source_imports_tensorflow_datasets():
    places = []
    for folder in ("diffnet_tf", "experiments", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                for inner in ast.walk(node) if isinstance(node, ast.FunctionDef) else ():
                    if isinstance(inner, ast.Import) and inner.names[0].name.startswith("tensorflow_datasets"):
                        places.append((path.name, node.name))
            assert not re.search(r"^(import|from) tensorflow_datasets", path.read_text(), re.MULTILINE)
    assert places == [("sources.py", "_read_stl10")]


EVERYTHING = """
import importlib, pathlib, pkgutil, sys
import numpy as np
import diffnet_tf as dn
for module in pkgutil.walk_packages(dn.__path__, "diffnet_tf."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
folder = pathlib.Path(sys.argv[1])
images = dn.data.open_images("skimage", limit=20)
images.save(folder)
dn.data.load_images("npy", folder)
from PIL import Image
for k in range(2):
    Image.fromarray(images.pixels[k]).save(folder / f"{k}.png")
dn.data.load_images("folder", folder)
np.zeros(27_648 * 20, "uint8").__iadd__(9).tofile(folder / "unlabeled_X.bin")
dn.data.load_images("stl10_binary", folder)
dn.data.make_pairs(images, folder / "pairs.npz")
dn.training.fit(dn.models.DiffNet(1, 2, 4), images, "fast", steps=1, verbose=False)
dn.restore(images.pixels[0], dn.models.DiffNet(1, 2, 4))
assert not [name for name in sys.modules if name.startswith("tensorflow_datasets")]
print("done")
"""


@slow
def test_everything_else_works_without_it(tmp_path):
    assert run_python(EVERYTHING, tmp_path).endswith("done\n")
