"""The reference on the site names what there is, and all that users are shown."""

import importlib
import inspect
import re

import pytest

import diffnet_tf as dn
from tests.conftest import ROOT, tensorflow_only

pytestmark = tensorflow_only

BLOCK = re.compile(r"^::: (\S+)\n    options:((?:\n      \w+: .*)+)", re.MULTILINE)
PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))


def found(path):
    """A module, or what stands in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


def blocks():
    """(the object that a part of the reference is about, its options)."""
    for page in PAGES:
        for path, options in BLOCK.findall(page.read_text()):
            yield found(path), dict(re.findall(r"(\w+): (.*)", options))


def named(thing, options):
    """The objects in a part: those that it lists, or all public ones that its module or class defines."""
    if not inspect.ismodule(thing):
        return [thing]
    chosen = re.findall(r"\w+", options.get("members", "")) or [
        name
        for name, value in vars(thing).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and (name in getattr(thing, "__all__", ()) or value.__module__ == thing.__name__)
    ]
    return [getattr(thing, name) for name in chosen]


PARTS = list(blocks())
SHOWN = [*(thing for thing, _ in PARTS), *(member for part in PARTS for member in named(*part))]


def shown(thing):
    return any(thing is other for other in SHOWN)


def test_every_part_is_read():
    assert len(PARTS) == sum(page.read_text().count(":::") for page in PAGES) > 10


@pytest.mark.parametrize(("thing", "options"), PARTS, ids=[options["heading"] for _, options in PARTS])
def test_a_part_names_what_it_is_and_shows_what_is_explained(thing, options):
    assert options["heading"] == options["toc_label"]
    short = options["heading"].removeprefix("dn.").removeprefix("diffnet_tf.")
    value = dn
    for name in short.split("."):
        value = getattr(value, name)
    assert value is thing
    assert all(inspect.getdoc(member) for member in named(thing, options))


@pytest.mark.parametrize("name", sorted(set(dn.__all__) - {"__version__"}))
def test_every_public_name_is_in_the_reference(name):
    assert shown(getattr(dn, name))


def test_what_pages_and_notebooks_use_is_in_the_reference():
    paths = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    used = {name for path in paths for name in re.findall(r"\bdn\.(\w+\.\w+)\(", path.read_text())}
    assert len(used) > 20
    values = {name: getattr(getattr(dn, name.split(".")[0]), name.split(".")[1]) for name in used}
    assert [name for name, value in values.items() if not shown(value)] == []
