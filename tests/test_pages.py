"""What README and docs say is true: each block of code runs alone, commands exist, links lead somewhere."""

import contextlib
import importlib.util
import io
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.lib import registry, run
from tests import pages
from tests.conftest import ROOT, slow, tensorflow_only

FAST = "README.md"
NEEDS_EXTRAS = ("docs/export.md",)  # its blocks: tests/networks/test_exports.py
STEPS = ["--steps", "2"]  # of a training in a Bash block
# Commands that are not ours; that they exist is not for us to test.
FOREIGN = {"mv", "pip", "python3", "source", "cd", "git", "tar", "export", "nvidia-smi", "mkdir", "nohup"}
FOREIGN |= {"eval", "hf", "mkdocs", "pre-commit"}
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
CLOSE, DECIBELS = 0.01, 0.3  # relative; of PSNRs absolute: processors round differently


def _cases(kind, but=()):
    """What a function of `tests.pages` finds on each page, as parameters; `make test` takes the README's."""
    return [
        pytest.param(*case, id=f"{page}:{line}", marks=() if page == FAST else slow)
        for page in pages.PAGES
        for line, *case in kind(page)
        if page not in but
    ]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with what commands on pages are given."""
    import imageio.v3 as imageio
    from skimage import data, transform

    import diffnet_tf as dn

    folder = tmp_path_factory.mktemp("files")
    gray, colour = data.camera()[::4, ::4], data.astronaut()[::4, ::4]
    imageio.imwrite(folder / "photo.png", gray)
    noisy = np.asarray(dn.diffusion.perona_malik(gray.astype("float32") / 255))
    noisy = noisy + np.random.default_rng(0).normal(0, 0.01, gray.shape)
    imageio.imwrite(folder / "diffused.png", (255 * noisy.clip(0, 1)).round().astype("uint8"))
    imageio.imwrite(folder / "colour.png", colour)
    imageio.imwrite(folder / "scan.tif", gray.astype("uint16") * 257)
    (folder / "photos").mkdir()
    for number, image in enumerate((data.camera(), data.coins(), data.moon(), data.page())):
        small = transform.resize(image, (120, 130), anti_aliasing=True)
        imageio.imwrite(folder / "photos" / f"{number}.png", (255 * small).astype("uint8"))
    dn.models.DiffNet(2, 2, 4, initial_scale=0.01).save(folder / "mine.keras")
    (folder / "stl10_binary").mkdir()
    (folder / "stl10_binary" / "unlabeled_X.bin").write_bytes(np.arange(4 * 3 * 96 * 96, dtype="uint8").tobytes())
    (folder / "my_program.py").write_text("print('mine')\n\n\ndef mine(image):\n    return image\n")
    return folder


@pytest.fixture
def here(files, tmp_path, monkeypatch):
    """A copy of it, where the test then is."""
    folder = tmp_path / "here"
    shutil.copytree(files, folder)
    (folder / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(folder)
    return folder


# ---- Python ----------------------------------------------------------------------------------------------------------


def _examples(page):
    """The Python blocks of a page that need no deepinv."""
    return [example for example in pages.examples(page) if not pages.needs_deepinv(example[1])]


@tensorflow_only
@pytest.mark.parametrize(("code", "printed"), _cases(_examples, but=NEEDS_EXTRAS))
def test_a_block_runs_alone_and_prints_what_it_says(code, printed, here):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "block", "exec"), {"__name__": "__main__"})
    assert not printed or alike(printed, out.getvalue()), out.getvalue()


def alike(expected, got):
    """The same words, and numbers that are the same but for rounding."""
    words = [NUMBER.sub("0", text).split() for text in (expected, got)]
    if words[0] != words[1]:
        return False
    pairs = zip(_values(expected), _values(got), strict=True)
    return all(abs(one - other) <= (DECIBELS if unit else CLOSE * abs(one) + 1e-6) for (one, unit), (other, _) in pairs)


def _values(text):
    """Numbers, each with whether it is a PSNR in dB."""
    found = NUMBER.finditer(text)
    return [(float(match[0].replace(",", "")), text[match.end() :].startswith(" dB")) for match in found]


def test_outputs_that_differ_are_told_apart():
    assert alike("29.7 dB\n66.0 dB", "29.71 dB\n65.9 dB\n") and alike("1,000 pixels", "1001 pixels")
    assert not alike("66.0 dB", "66.4 dB") and not alike("1,000 pixels", "1020 pixels")
    assert not alike("29.7 dB", "29.7 db") and not alike("1 2", "1")


# ---- Commands --------------------------------------------------------------------------------------------------------


@tensorflow_only
@pytest.mark.parametrize("lines", _cases(pages.commands))
def test_the_commands_of_a_block_run(lines, here, capsys):
    for words in lines:
        while "=" in words[0]:  # KERAS_BACKEND=jax …
            words = words[1:]
        assert check(words) == 0, (words, capsys.readouterr().err)


def check(words):
    """Run our own short commands, look up our long ones: the exit status."""
    from diffnet_tf import __main__

    program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    if program == "python" and arguments[0] == "-m":
        program, arguments = arguments[1], arguments[2:]
    if program in ("diffnet_tf", "diffnet-tf"):
        if arguments[0] == "train" and "--help" not in arguments:
            arguments = [*arguments, *STEPS]
        return __main__.main(arguments)
    if program.startswith("experiments."):
        return _experiment(program, arguments)
    if program == "make":
        return int(not all("=" in a or re.search(rf"^{a}:|[ :]{a}[ :\\]", MAKEFILE, re.MULTILINE) for a in arguments))
    if program == "python":
        return int(not any((folder / arguments[0]).exists() for folder in (ROOT, Path())))
    if program.startswith(("benchmarks", "tests.", "pytest")):
        return int(importlib.util.find_spec(program) is None)
    return int(program not in FOREIGN)


MAKEFILE = (ROOT / "Makefile").read_text()


def _experiment(module, arguments):
    """Whether there is such a module, and flags of these names."""
    found = importlib.import_module(module)
    if module.split(".")[1] in registry.names().values():
        run.parser(registry.load(module.split(".")[1])).parse_args([a for a in arguments if a != "…"])
    elif hasattr(found, "parser"):
        found.parser().parse_args(arguments)
    return int(not found.__doc__)


# ---- Links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages.PAGES)
def test_every_link_leads_somewhere(page):
    """To a file of the repository, and to a heading in it."""
    prose = re.sub(r"```.*?```", "", pages.text(page), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!\w+:)([^)\s]+)[^)]*\)", prose):
        path, _, anchor = target.partition("#")
        where = (ROOT / page).parent / path if path else ROOT / page
        assert where.exists(), target
        assert not anchor or anchor in _anchors(where.read_text()), target


def _anchors(text):
    """As GitHub makes them of headings."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\]\([^)]*\)", "", head).lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", pages.PAGES)
def test_a_picture_has_a_text_for_those_who_do_not_see_it(page):
    for said in re.findall(r"!\[([^]]*)\]\(", pages.text(page)):
        assert len(said) > 40, said


@slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="not installed: make docs installs it")
    import subprocess

    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for page in ("index.html", "api/physics.html", "ledgers.html", "results/fig06/figure.png"):
        assert (tmp_path / "site" / page).exists(), page
    ledgers = (tmp_path / "site" / "ledgers.html").read_text()
    assert "1\N{NO-BREAK SPACE}% noise" in ledgers and "1 % noise</td>" not in ledgers
