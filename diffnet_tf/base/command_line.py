"""What all commands share: what is wrong with the input is one line and exit status 2, and names the nearest name.

A mistake of the program itself — a TypeError that none of our checks raised, a KeyError, … — is no input error and
shows its traceback. With DIFFNET_TF_TRACEBACK=1 in the environment input errors show theirs as well.
"""

import argparse
import contextlib
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from diffnet_tf.base import checks

TRACEBACK = "DIFFNET_TF_TRACEBACK"
# Of an ArithmeticError: a training that diverges.
INPUT_ERRORS = (ValueError, checks.InputTypeError, OSError, ArithmeticError, MemoryError)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")  # Keras's messages have some


def one_line(message: object) -> str:
    """A message without line breaks and colours."""
    text = " ".join(_COLOUR.sub("", str(message)).split())
    return text or type(message).__name__


def show(error: BaseException) -> None:
    """Print an input error to stderr, on one line."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    print(f"error: {one_line(error)}", file=sys.stderr)


@contextlib.contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print warnings to stderr without the place in the code, which is of no use to whoever types a command."""

    def show_warning(message: Warning | str, *_: Any) -> None:
        print(f"warning: {one_line(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show_warning  # type: ignore[assignment]
        yield


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises a ValueError of one line, with the nearest name where one was misspelt."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see {self.prog} --help.")

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        given = sys.argv[1:] if args is None else list(args)
        if self._subparsers is None:  # else the options are those of a command
            self._check_options(given)
        parsed, rest = super().parse_known_args(given, namespace)
        if rest:
            self.error(f"unknown argument {rest[0]!r}")
        return parsed, rest

    def _check_options(self, given: Sequence[str]) -> None:
        """Refuse unknown options before argparse misses others because of them."""
        known = [option for option in self._option_string_actions if option.startswith("--")]
        for argument in given:
            name = argument.split("=")[0]
            if name == "--":
                return
            if name.startswith("--") and not any(option.startswith(name) for option in known):
                raise ValueError(f"unknown option {name!r}; see {self.prog} --help.{checks.did_you_mean(name, known)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None:
            name = action.option_strings[0] if action.option_strings else str(action.metavar or action.dest)
            checks.one_of(value, name, tuple(action.choices))
