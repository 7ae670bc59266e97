"""The package is a house with rooms: imports point one way only, and the public names lead into the rooms."""

import ast
import graphlib
import re
import textwrap

import pytest

import diffnet_tf as dn
from tests import pages
from tests.conftest import ROOT, run_python

PACKAGE = ROOT / "diffnet_tf"
# From the ground up: a module imports from its own room and from those before it.
ROOMS = (
    "base",
    "files",
    "figures",
    "physics",
    "data",
    "metrics",
    "networks",
    "training",
    "restoration",
    "evaluation",
    "commands",
)


def _module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_module(path): path for path in PACKAGE.rglob("*.py")}


def named(node):
    """What is imported below a node of the syntax tree, in functions too, but not for static types alone."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "a relative import"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    only_types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    for child in node.orelse if only_types else ast.iter_child_nodes(node):
        yield from named(child)


def imports(source):
    """The modules of the package that a source text imports; a name of a module is that module."""
    found = set()
    for name in named(ast.parse(source)):
        while name.startswith("diffnet_tf") and name not in MODULES:
            name = name.rpartition(".")[0]
        found |= {name} & MODULES.keys()
    return found


def room(module):
    return module.split(".")[1] if "." in module else "the package itself"


def faults(module, source):
    """The imports of a module that do not point downwards."""
    own = room(module)
    allowed = ROOMS[: ROOMS.index(own) + 1]
    return [f"{module} imports {name}" for name in sorted(imports(source)) if room(name) not in allowed]


INSIDE = sorted(MODULES.keys() - {"diffnet_tf", "diffnet_tf.__main__"})


def test_imports_point_one_way_only():
    assert [fault for module in INSIDE for fault in faults(module, MODULES[module].read_text())] == []
    used = {room(name) for name in imports(MODULES["diffnet_tf.__main__"].read_text())}
    assert used == {"the package itself", "base"}  # a command's module by its name, when it is asked for


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("from diffnet_tf.networks import layers", "diffnet_tf.networks.layers"),
        ("def f():\n    import diffnet_tf.data.pairs as p", "diffnet_tf.data.pairs"),
        ("from diffnet_tf import stencil", "diffnet_tf"),  # a short name hides the room
        ("from diffnet_tf.metrics import psnr", "diffnet_tf.metrics"),
    ],
)
def test_an_import_that_points_upwards_is_found(source, fault):
    assert faults("diffnet_tf.physics.steps", source) == [f"diffnet_tf.physics.steps imports {fault}"]
    for_types = "if TYPE_CHECKING:\n" + textwrap.indent(source, "    ")
    assert faults("diffnet_tf.physics.steps", for_types) == []
    assert faults("diffnet_tf.physics.steps", "from diffnet_tf.base import checks\nimport numpy") == []


def test_there_are_no_circles():
    order = graphlib.TopologicalSorter({module: imports(MODULES[module].read_text()) for module in INSIDE})
    assert set(order.static_order()) == set(INSIDE)  # raises a CycleError that names the circle


def test_the_rooms_are_few_and_each_has_its_place():
    beside = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert len(beside) <= 4 and beside | folders == set(ROOMS)
    assert len(dn.__all__) <= 23 and all(hasattr(dn, name) for name in dn.__all__)


PUBLIC = """
import importlib, os, sys
import keras  # what takes long, once; each way then begins in a process that has seen nothing of the package

def look(way, short, place):
    import diffnet_tf as dn
    if way == "import":
        exec(f"import diffnet_tf.{short}")
        found = sys.modules[f"diffnet_tf.{short}"]
    elif way == "from":
        exec(f"from diffnet_tf import {short}")
        found = locals()[short]
    else:
        found = getattr(dn, short)
    inside = importlib.import_module(f"diffnet_tf.{place}")
    assert found is inside is getattr(dn, short), short
    assert inside.__spec__.name == inside.__name__ == f"diffnet_tf.{place}", inside.__spec__

for way in ("import", "from", "attribute"):
    if os.fork() == 0:
        status = 1
        try:
            if way == "from":
                from diffnet_tf.layers import DiffusionLayer
                assert DiffusionLayer.__module__ == "diffnet_tf.networks.layers"
            for name in sys.argv[1:]:
                look(way, *name.split("="))
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    assert os.wait()[1] == 0, way
print("done")
"""
PLACES = {
    "analysis": "evaluation.analysis",
    "classical": "evaluation.classical",
    "data": "data",
    "deepinv": "restoration.deepinv",
    "diffusion": "physics.diffusion",
    "diffusivity": "physics.diffusivity",
    "distribute": "training.distribute",
    "inverses": "physics.inverses",
    "layers": "networks.layers",
    "metrics": "metrics",
    "models": "networks.models",
    "presets": "networks.presets",
    "recipes": "training.recipes",
    "stencil": "physics.stencil",
    "training": "training",
    "transfer": "networks.transfer",
}
"""The modules with fixed names, and where they stand."""


def test_fixed_names_are_the_modules_in_their_rooms():
    """In fresh processes, whichever way of importing comes first."""
    assert run_python(PUBLIC, *(f"{short}={place}" for short, place in PLACES.items())) == "done\n"


def test_pages_import_fixed_names_only():
    used = {name for page in pages.PAGES for name in re.findall(r"\bdn\.(\w+)", pages.text(page))}
    assert used <= {*dn.__all__, "base", "deepinv"}, used - set(dn.__all__)
