"""All parsers: defaults in every help, one spelling of options, unknown ones named; errors and completion."""

import argparse
import ast
import importlib
import os
import pkgutil
import subprocess
import sys

import pytest

import benchmarks
import experiments
from diffnet_tf.__main__ import COMMANDS, main
from diffnet_tf.base import command_line
from experiments.lib import registry, results_folder, run
from tests.conftest import ROOT


def _parsers():
    """Name → function that makes the parser, of every command, experiment and benchmark."""
    for command in COMMANDS:
        yield command, lambda command=command: _of_command(command)
    for name in registry.names():
        yield name, lambda name=name: run.parser(registry.get(name))
    for package in (experiments, benchmarks):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            path = ROOT / f"{module.name.replace('.', '/')}.py"
            if path.exists() and "\ndef parser(" in path.read_text():
                yield module.name, lambda name=module.name: importlib.import_module(name).parser()


def _of_command(command):
    parser = command_line.Parser(prog=command)
    importlib.import_module(f"diffnet_tf.commands.{command.replace('-', '_')}").add_arguments(parser)
    return parser


PARSERS = dict(_parsers())


def test_all_parsers_are_found():
    assert {"restore", "fig06", "experiments.all", "experiments.render", "benchmarks.gpu"} <= PARSERS.keys()
    assert len(PARSERS) >= 7 + 29 + 5 + 5


def test_every_program_has_its_parser_here():
    """In no other file is there a parser of argparse's or absl's own."""
    own = {"diffnet_tf/base/command_line.py", "tests/torture.py", "tests/fuzzing/__main__.py"}
    for folder in ("diffnet_tf", "experiments", "benchmarks", "gallery"):
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.walk(ast.parse(path.read_text()))
            made = [n for n in tree if isinstance(n, ast.Attribute) and n.attr in ("ArgumentParser", "DEFINE_string")]
            assert not made or path.relative_to(ROOT).as_posix() in own, path


@pytest.mark.parametrize("name", PARSERS)
def test_every_help_has_defaults_and_one_spelling(name):
    parser = PARSERS[name]()
    helps = parser._get_formatter()
    grouped = {id(action) for g in parser._mutually_exclusive_groups if g.required for action in g._group_actions}
    for action in parser._actions:
        assert "_" not in "".join(action.option_strings), action.option_strings
        if action.help == argparse.SUPPRESS:
            continue
        assert action.help, action
        shown = helps._expand_help(action)
        assert shown.count("(default: ") <= 1 and "--results_dir" not in shown
        may_be_left_out = not action.required and id(action) not in grouped and action.nargs != 0
        assert not may_be_left_out or "(default: " in shown, shown
        if action.default not in (None, argparse.SUPPRESS) and action.nargs != 0 and "(default: %" not in shown:
            assert str(action.default) in shown or "(default: " in action.help, shown


def test_a_default_is_shown_whatever_its_kind():
    parser = command_line.Parser()
    for name, default in (("zero", 0), ("half", 0.5), ("word", "here")):
        parser.add_argument(f"--{name}", default=default, help="a value")
    parser.add_argument("--flag", action="store_true", help="a flag")
    text = parser.format_help()
    assert [text.count(f"(default: {value})") for value in ("0", "0.5", "here", "False")] == [1, 1, 1, 0]


def test_both_spellings_are_read_and_values_stay():
    given = ["--data_dir=a_b", "--max_pixels", "3", "x_y", "--", "--as_it_is"]
    assert command_line.with_hyphens(given) == ["--data-dir=a_b", "--max-pixels", "3", "x_y", "--", "--as_it_is"]
    for spelling in ("--data_dir", "--data-dir"):
        for name in ("make-pairs", "fig06", "experiments.all", "benchmarks.recipes"):
            more = {"make-pairs": ["out.npz"], "benchmarks.recipes": ["--test_dir", "t"]}.get(name, [])
            assert PARSERS[name]().parse_args([spelling, "here_it_is", *more]).data_dir == "here_it_is"


def test_a_command_has_both_spellings(tmp_path, capsys):
    for name in ("make-pairs", "make_pairs"):
        assert main([name, str(tmp_path / "pairs.csv")]) == 2
        assert "suffix='.csv'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "make_pairs" not in capsys.readouterr().out


def test_what_has_no_effect_is_not_shown_and_said(tmp_path, capsys, monkeypatch):
    parser = PARSERS["fig11"]()
    assert "--image" in parser.format_help() and "--steps" not in parser.format_help()
    monkeypatch.setattr(run, "execute", lambda experiment, options: print(options.image, options.steps))
    assert run._run(registry.get("fig11"), ["--image", "3", "--steps", "5"]) == 0
    said = capsys.readouterr()
    assert said.err == "warning: --steps has no effect on fig11.\n" and said.out.startswith("3 ")
    assert run._run(registry.get("fig06"), ["--steps", "5"]) == 0 and capsys.readouterr().err == ""


def test_a_program_says_in_one_line_what_is_missing(monkeypatch, capsys):
    @command_line.reports_errors
    def program(error=None):
        if error:
            raise error

    assert program() == 0 and program(KeyboardInterrupt()) == 130
    monkeypatch.setenv("KERAS_BACKEND", "")
    assert program(ModuleNotFoundError("x", name="tensorflow_datasets.core")) == 2
    assert capsys.readouterr().err == (
        "error: This needs TensorFlow Datasets, which is not installed. Install it: pip install tensorflow-datasets\n"
    )
    with pytest.raises(ModuleNotFoundError):
        program(ModuleNotFoundError("x", name="ours"))


def test_records_are_read_where_experiments_write_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("results", "runs"):
        assert str(results_folder.default()) == "results" and capsys.readouterr().err == ""
        (tmp_path / folder / "fig01").mkdir(parents=True)
        (tmp_path / folder / "fig01" / "record.json").write_text("{}")
    assert str(results_folder.default()) == "runs"
    assert "For the project's own records: --results-dir results" in capsys.readouterr().err
    from diffnet_tf.commands import verify

    parser = command_line.Parser()
    verify.add_arguments(parser)
    assert results_folder.DEFAULT in " ".join(parser.format_help().split())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("diffnet-tf res", "restore "),
        ("diffnet-tf restore a.png b.png --pre", "--preset --precision"),
        ("diffnet-tf restore a.png b.png --preset inverse-0", "inverse-0.1pct "),
        ("diffnet-tf make-pairs p.npz --data", "--data-dir "),
    ],
)
def test_the_shell_completes(line, expected, tmp_path):
    pytest.importorskip("argcomplete", reason="the extra `completion`")
    out = tmp_path / "out"
    code = "import os, sys; sys.argv = ['diffnet-tf']; from diffnet_tf.__main__ import main; main()"
    words = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME": out}
    environment = {**os.environ, **{key: str(value) for key, value in words.items()}, "_ARGCOMPLETE_IFS": " "}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(out.read_text().split()) == sorted(expected.split())
