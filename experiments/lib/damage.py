"""Damaged files of records: an experiment refuses them; the ledger leaves them out, names them, and continues.

with damage.left_out() as damaged:
    load()  # `note` in it raises nothing: damaged is a list of (place, error)
"""

import contextlib
import contextvars
import functools
import sys

_NOTED: contextvars.ContextVar[list | None] = contextvars.ContextVar("noted", default=None)


@contextlib.contextmanager
def left_out():
    """A `with` block in which damaged files are skipped; yields the list to which `note` appends them."""
    noted = []
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


def note(place, error):
    """Skip a damaged file (or the folder of a record) inside a `left_out` block; elsewhere raise its error."""
    noted = _NOTED.get()
    if noted is None:
        raise error
    noted.append((place, error))


@functools.cache
def say(line):
    """Print a line on stderr, once per process, because many claims read the same file."""
    print(line, file=sys.stderr)
