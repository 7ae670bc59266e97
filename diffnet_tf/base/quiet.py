"""Keeps the output of our own commands free of TensorFlow's start-up lines, and printable in every terminal.

Nothing changes for other programs that import the package.
"""

import codecs
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

LEVEL = "TF_CPP_MIN_LOG_LEVEL"  # 0 shows everything
SCRIPT = "diffnet-tf"
_ROOT = Path(__file__).resolve().parents[2]


def is_script() -> bool:
    """Whether this process was started as the console script."""
    return Path(sys.argv[0] if sys.argv else "").stem == SCRIPT


def _command() -> str | None:
    """Which of our packages this process runs: "diffnet_tf", "experiments", or None in any other program.

    `python -m` imports the package while it looks for the module to run. Until it has found it, sys.argv[0] is "-m".
    """
    if is_script():
        return "diffnet_tf"
    if sys.argv[:1] != ["-m"] or "-m" not in sys.orig_argv[:-1]:
        return None
    package = sys.orig_argv[sys.orig_argv.index("-m") + 1].split(".")[0]
    if package == "experiments":  # ours, or somebody else's of the same name?
        return package if str(_ROOT / package) in getattr(sys.modules.get(package), "__path__", ()) else None
    return package if package == "diffnet_tf" else None


COMMAND = _command()

_PLAIN = {
    "→": "->",
    "×": "x",
    "−": "-",
    "–": "-",
    "≥": ">=",
    "≤": "<=",
    "√": "sqrt ",
    "σ": "sigma",
    "δ": "d",
    "λ": "lambda",
}


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what a terminal cannot print by other characters; undecodable bytes of file names become \\udcff."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lacking), error.end


codecs.register_error("diffnet_tf.plainly", _plainly)


def _print_anything() -> None:
    """Make sure that a character that cannot be printed never stops a command whose work is done."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # the stream may have been replaced by another object
            stream.reconfigure(errors="diffnet_tf.plainly")


if COMMAND is not None:
    _print_anything()


def _is_no_tracing(record: logging.LogRecord) -> bool:
    """Filter out the warning that a function is traced often: Keras traces its own again for each network."""
    return "triggered tf.function retracing" not in record.getMessage()


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """In our own commands, hold back what is written to stderr, unless loading fails.

    While they load, the libraries write directly to stderr and ignore TF_CPP_MIN_LOG_LEVEL; later they respect it. Set
    it to 0 to see all lines.
    """
    if COMMAND is None or os.environ.setdefault(LEVEL, "3") == "0":
        yield
        return
    logging.getLogger("tensorflow").addFilter(_is_no_tracing)
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except BaseException:
            written.seek(0)
            os.write(kept, written.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
