"""The paper's experiments, one module a figure; `run` has the command line, `render` redraws from records."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def _quiet():
    """Keep what TensorFlow's libraries write to stderr as they load to ourselves, unless loading fails.

    They do so past Python and, at this time, past TF_CPP_MIN_LOG_LEVEL; it would bury our own one-line messages.
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


with _quiet():
    import diffnet_tf  # noqa: F401
