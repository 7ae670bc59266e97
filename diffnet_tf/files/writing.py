"""Files that are written whole or not at all.

Whatever stops the writing — a full disk, a lost device, SIGKILL, a power cut — the file afterwards is the old one or
the new one. It is written under another name in the same folder, flushed to the disk and then renamed, a single step
of the file system. What an earlier try left behind under that other name is overwritten by the next.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from diffnet_tf.base.types import PathLike


def temporary(path: PathLike) -> Path:
    """The name under which a file is written before it is renamed: with its suffix, which encoders go by."""
    path = Path(path)
    return path.with_name(f".{path.stem}.partial{path.suffix}")


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Yields the name of a file to write, which becomes `path` when the block ends, or is removed when it fails."""
    path, partial = Path(path), temporary(path)
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def _flush(path: Path) -> None:
    """Have the disk hold a file, or the names in a folder: else a power cut could leave a new name on an empty file."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: PathLike, writer: Callable[[BinaryIO], object]) -> None:
    """Write a file by a function of the open file."""
    with replacing(path) as partial, open(partial, "wb") as file:
        writer(file)


def write_bytes(path: PathLike, content: bytes) -> None:
    """Write bytes to a file."""
    write(path, lambda file: file.write(content))


def write_text(path: PathLike, text: str) -> None:
    """Write a text file in UTF-8; of a file's name that is not, the odd bytes as \\udcff, which JSON reads back."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: PathLike, values: Mapping[str, Any]) -> None:
    """Write a dict of plain values; see `json_text`."""
    write_text(path, json_text(values))


def json_text(values: Mapping[str, Any]) -> str:
    """A dict of plain values as JSON; NaN and infinity, which JSON does not have, are refused with a ValueError."""
    return json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def check_writable(directory: PathLike, option: str = "--results_dir") -> Path:
    """Make a results folder, or refuse it before any work is done.

    Args:
        directory: the folder.
        option: where another one can be given: for the message.

    Raises:
        ValueError: when the folder cannot be made or written to.
    """
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / f".writable-{os.getpid()}"
        probe.write_bytes(b"x")  # an empty file fits on a full disk
        probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError, UnboundLocalError):
            probe.unlink(missing_ok=True)
        raise ValueError(
            f"The results folder {directory} cannot be written to ({error.strerror}); "
            f"expected a folder of your own. Give another one with {option}."
        ) from error
    return directory
