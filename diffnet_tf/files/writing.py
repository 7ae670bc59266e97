"""Writing of files completely or not at all.

Whatever stops the writing (a full disk, a lost device, SIGKILL, a power cut), the file is afterwards either the old one
or the new one. It is written under a temporary name in the same folder, flushed to the disk and then renamed, which is
a single step of the file system. The next try overwrites what a failed one left under the temporary name.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from diffnet_tf.base.types import PathLike


def temporary(path: PathLike) -> Path:
    """The name under which a file is written before it is renamed. It keeps the suffix, which encoders look at."""
    path = Path(path)
    return path.with_name(f".{path.stem}.partial{path.suffix}")


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """A block that gives the name of a temporary file; it becomes `path` at the end, or is removed on failure."""
    path, partial = Path(path), _cleared(path)
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def _cleared(path: PathLike) -> Path:
    """The temporary name of a file. A link there is removed: in a stranger's folder it could lead to any file."""
    partial = temporary(path)
    if partial.is_symlink():
        partial.unlink()
    return partial


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files of one folder that belong together. All are on the disk before the first one is renamed.

    Args:
        contents: the files, with their bytes, in the order in which they are renamed.
    """
    partials = {path: _cleared(path) for path in contents}
    try:
        for path, partial in partials.items():
            partial.write_bytes(contents[path])
            _flush(partial)
        for path, partial in partials.items():
            os.replace(partial, path)
    finally:
        for partial in partials.values():
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
    _flush(next(iter(contents)).parent)


def _flush(path: Path) -> None:
    """Flush a file or folder to the disk: otherwise a power cut could leave an empty file under the new name."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open folders
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: PathLike, writer: Callable[[BinaryIO], object]) -> None:
    """Write a file with a function that takes the open binary file."""
    with replacing(path) as partial, open(partial, "wb") as file:
        writer(file)


def write_bytes(path: PathLike, content: bytes) -> None:
    """Write bytes to a file."""
    write(path, lambda file: file.write(content))


def write_text(path: PathLike, text: str) -> None:
    """Write a text file in UTF-8. Undecodable bytes of file names become \\udcff, which JSON can read again."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: PathLike, values: Mapping[str, Any]) -> None:
    """Write a dict of plain values as JSON; see `json_text`."""
    write_text(path, json_text(values))


def json_text(values: Mapping[str, Any]) -> str:
    """A dict of plain values as JSON text.

    Raises:
        ValueError: for NaN and infinity, which JSON does not have.
    """
    return json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def check_writable(directory: PathLike, option: str = "--results-dir") -> Path:
    """Make a results folder, and check that it can be written to, before any work is done.

    Args:
        directory: the folder.
        option: the option of the command that sets the folder: for the message.

    Returns:
        The folder.

    Raises:
        ValueError: if the folder cannot be made or written to.
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
            f"expected a folder that you may write to. Give another one with {option}."
        ) from error
    return directory
