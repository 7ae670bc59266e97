"""What the reference shows is true: the examples in docstrings give what is printed below them."""

import ast
import doctest
import importlib
import pkgutil
import re

import pytest

import diffnet_tf as dn
from tests import pages
from tests.conftest import ROOT, tensorflow_only

pytestmark = tensorflow_only

MODULES = [dn.__name__, *(module.name for module in pkgutil.walk_packages(dn.__path__, "diffnet_tf."))]
EXAMPLES = {
    f"{example.name}": example
    for name in MODULES
    if name != "diffnet_tf.__main__"
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    if example.examples
}


def test_there_are_examples_of_what_the_readme_uses():
    parts = ("data", "diffusion", "layers", "metrics", "models", "presets", "stencil")
    names = {getattr(dn, part).__name__ for part in parts}
    assert names | {"diffnet_tf.training.fitting", "diffnet_tf.restoration.arrays"} <= EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_prints_what_it_says(name):
    told = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(EXAMPLES[name], out=told.append)
    assert not runner.failures, "".join(told)


@pytest.mark.parametrize("page", pages.PAGES)
def test_the_rows_of_a_table_have_as_many_cells_as_its_head(page):
    """A bar in a cell that is not escaped makes two of it."""
    head = None
    for line in (ROOT / page).read_text().splitlines():
        cells = len(re.split(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert cells is None or head is None or cells == head, line
        head = cells and (head or cells)


@pytest.mark.parametrize("room", ["diffnet_tf", "experiments", "benchmarks", "gallery", "docs"])
def test_no_docstring_holds_the_quotes_of_a_string_that_was_broken_into_lines(room):
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                assert not re.search(r'"\n\s*"', ast.get_docstring(node) or ""), path
