"""Keep what TensorFlow's libraries write to stderr as they load out of the way of our own one-line messages."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Keep back what is written to stderr, unless loading fails.

    The libraries write past Python and, at this time, past TF_CPP_MIN_LOG_LEVEL.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except BaseException:
            written.seek(0)
            os.write(kept, written.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def is_command() -> bool:
    """Whether this runs while Python looks for the module of `python -m`: then it is a command that loads us."""
    return sys.argv[:1] == ["-m"]
