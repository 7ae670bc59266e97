"""What all commands share: their options, and how they report errors.

Options are written with hyphens (`--max-pixels`). Underscores in their names work as well, and are not shown. The help
of an option ends with its default. An error in the input is one line on stderr, and exit status 2. A bug in the program
(a TypeError that none of our checks raised, a KeyError, …) shows its traceback. If DIFFNET_TF_TRACEBACK=1 is set in the
environment, errors in the input show theirs as well.
"""

import argparse
import contextlib
import functools
import itertools
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn, ParamSpec

from diffnet_tf.base import checks, frameworks

TRACEBACK = "DIFFNET_TF_TRACEBACK"
COMPLETING = "_ARGCOMPLETE"  # set by a shell that wants to complete a command
# An ArithmeticError comes from a training that diverges.
INPUT_ERRORS = (ValueError, checks.InputTypeError, OSError, ArithmeticError, MemoryError)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")  # codes in Keras's messages
_CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)")
_Arguments = ParamSpec("_Arguments")


# ---- Errors ----------------------------------------------------------------------------------------------------------


def one_line(message: object) -> str:
    """A message without line breaks and colours."""
    text = " ".join(_COLOUR.sub("", str(message)).split())
    return text or type(message).__name__


def show(error: BaseException, message: str = "") -> None:
    """Print an input error to stderr, on one line; `message` replaces its own text."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    print(f"error: {one_line(message or error)}", file=sys.stderr)


def reports_errors(main: Callable[_Arguments, int | None]) -> Callable[_Arguments, int]:
    """Decorate the main function of a program, so that it returns the exit status.

    The status is that of the function (None counts as 0), 2 after an error in the input, 130 after Ctrl-C.
    """

    @functools.wraps(main)
    def run(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> int:
        try:
            status = main(*arguments, **options) or 0
            sys.stdout.flush()  # here, where a closed pipe is not an error
            return status
        except BrokenPipeError:  # `verify | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except ModuleNotFoundError as error:
            if not (advice := frameworks.advice(error)):
                raise
            show(error, advice)
            return 2
        except INPUT_ERRORS as error:
            show(error)
            return 2
        except KeyboardInterrupt:
            return 130

    return run


@contextlib.contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print warnings to stderr without their place in the code, which does not help the user of a command."""

    def show_warning(message: Warning | str, *_: Any) -> None:
        print(f"warning: {one_line(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show_warning  # type: ignore[assignment]
        yield


# ---- Options ---------------------------------------------------------------------------------------------------------


def number_or_fraction(text: str, others: str = "") -> float:
    """Convert a number, or a fraction such as 25/255, to a float.

    Args:
        text: the argument.
        others: what else the option takes, for the message.

    Raises:
        argparse.ArgumentTypeError: for other text.
    """
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        expected = f"a number, a fraction such as 25/255{others}" if others else "a number or a fraction such as 25/255"
        raise argparse.ArgumentTypeError(f"{text!r}; expected {expected}") from None


def option(name: str) -> str:
    """An option as it is typed: "max_pixels" → "--max-pixels"."""
    return f"--{name.replace('_', '-')}"


def with_hyphens(arguments: Iterable[str]) -> list[str]:
    """Arguments with hyphens in the names of options: `--data_dir=a_b` → `--data-dir=a_b`. Stops at `--`."""
    arguments = list(arguments)
    names = len(list(itertools.takewhile("--".__ne__, arguments)))
    changed = [re.sub(r"^--[^=]+", lambda name: name[0].replace("_", "-"), text) for text in arguments[:names]]
    return changed + arguments[names:]


class _Help(argparse.HelpFormatter):
    """Adds the default to the help of an option, unless its text says it already."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        shown = not any(action.default is hidden for hidden in (None, argparse.SUPPRESS, False))
        if not shown or "(default: " in (action.help or ""):
            return action.help
        return f"{action.help} (default: %(default)s)"


class _HelpOfModule(_Help, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of a module's docstring."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises a one-line ValueError, which suggests the nearest name for a misspelt one."""

    _given: Sequence[str] = ()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        is_docstring = "\n" in (options.get("description") or "")
        options.setdefault("formatter_class", _HelpOfModule if is_docstring else _Help)
        super().__init__(*arguments, **options)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        self._given = with_hyphens(sys.argv[1:] if args is None else args)
        parsed, rest = super().parse_known_args(self._given, namespace)
        if rest:
            self.error(f"unknown argument {rest[0]!r}", self._together())
        return parsed, rest

    def _together(self) -> str:
        """Advice about an argument that is left over: argparse reads lists only up to the next option."""
        names = [str(action.metavar or action.dest) for action in self._actions if not action.option_strings]
        is_list = any(action.nargs == "+" for action in self._actions if not action.option_strings)
        return f" Give {' and '.join(names)} without options in between." if is_list else ""

    def error(self, message: str, nearest: str = "") -> NoReturn:
        if choice := _CHOICE.fullmatch(message):
            checks.one_of(choice[2], choice[1], [name.strip("'") for name in choice[3].split(", ")])
        shown = [name for action in self._actions if action.help != argparse.SUPPRESS for name in action.option_strings]
        # After an unknown option, argparse may miss others, or take the option's value for an argument.
        for name in (argument.split("=")[0] for argument in itertools.takewhile("--".__ne__, self._given)):
            if name.startswith("--") and not any(known.startswith(name) for known in self._option_string_actions):
                message, nearest = f"unknown option {name!r}", checks.did_you_mean(name, shown)
                break
        raise ValueError(f"{message}; see {self.prog} --help.{nearest}")


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that wants to complete a command, if argcomplete is installed. Else do nothing, at no cost."""
    if COMPLETING in os.environ:
        with contextlib.suppress(ModuleNotFoundError):
            import argcomplete

            argcomplete.autocomplete(parser)


def completing() -> list[str]:
    """The words of the command that a shell wants to complete; empty if there is none."""
    return os.environ.get("COMP_LINE", "").split() if COMPLETING in os.environ else []
