"""The pages that people read, and their blocks of code: what the tests of pages have in common."""

import itertools
import re
import shlex

from tests.conftest import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "diffnet_tf/networks/weights/*.md")
    for path in ROOT.glob(pattern)
)
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def text(page):
    """A page."""
    return (ROOT / page).read_text()


def blocks(page):
    """All blocks of code of a page: a list of (language, code without indentation, line on the page)."""
    whole = text(page)
    return [
        (language, re.sub(rf"^{indent}", "", code, flags=re.MULTILINE), whole[: match.start()].count("\n") + 1)
        for match in _BLOCK.finditer(whole)
        for indent, language, code in [match.groups()]
    ]


def examples(page):
    """The Python blocks of a page: a list of (line, code, what it prints or None)."""
    return [
        (line, code, printed if then == "text" else None)
        for (language, code, line), (then, printed, _) in itertools.pairwise([*blocks(page), ("", "", 0)])
        if language == "python"
    ]


def needs_deepinv(code):
    """Whether a block needs deepinv: tests/restoration/test_deepinv.py runs those, where deepinv is installed."""
    return "import deepinv\n" in code


def commands(page):
    """The commands of the Bash blocks of a page, block by block: a list of (line, list of lists of words)."""
    return [
        (line, [words for text in _lines(code) if (words := shlex.split(text, comments=True))])
        for language, code, line in blocks(page)
        if language in ("bash", "sh", "shell")
    ]


def _lines(code):
    """Lines, those that go on on the next one joined; `a && b` is two."""
    joined = re.sub(r"\\\n\s*", " ", code)
    quoted = re.sub(r"'[^']*'", lambda m: m[0].replace("\n", " "), joined)
    return [part for line in quoted.splitlines() for part in re.split(r"\s&&\s", line)]
