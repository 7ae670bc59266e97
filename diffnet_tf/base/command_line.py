"""What all commands share: an error in the input is one line on stderr, and exit status 2.

A bug in the program (a TypeError that none of our checks raised, a KeyError, …) shows its traceback. If
DIFFNET_TF_TRACEBACK=1 is set in the environment, errors in the input show theirs as well.
"""

import argparse
import contextlib
import itertools
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from diffnet_tf.base import checks

TRACEBACK = "DIFFNET_TF_TRACEBACK"
# An ArithmeticError comes from a training that diverges.
INPUT_ERRORS = (ValueError, checks.InputTypeError, OSError, ArithmeticError, MemoryError)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")  # codes in Keras's messages


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
    """Print warnings to stderr without their place in the code, which does not help the user of a command."""

    def show_warning(message: Warning | str, *_: Any) -> None:
        print(f"warning: {one_line(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show_warning  # type: ignore[assignment]
        yield


_CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises a one-line ValueError, which suggests the nearest name for a misspelt one."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        self._given = sys.argv[1:] if args is None else args
        parsed, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unknown argument {rest[0]!r}")
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        nearest = ""
        if choice := _CHOICE.fullmatch(message):
            checks.one_of(choice[2], choice[1], [name.strip("'") for name in choice[3].split(", ")])
        known = re.findall(r"--[\w-]+", self.format_usage())
        # After an unknown option, argparse may miss others, or take the option's value for an argument.
        for name in (argument.split("=")[0] for argument in itertools.takewhile("--".__ne__, self._given)):
            if name.startswith("--") and not any(option.startswith(name) for option in known):
                message, nearest = f"unknown option {name!r}", checks.did_you_mean(name, known)
                break
        raise ValueError(f"{message}; see {self.prog} --help.{nearest}")
