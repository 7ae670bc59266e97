"""Process many images: find them, report what is left out, and remember which images are done.

A repeated command continues where the last one stopped, and retries files that failed. To make this possible, the file
`STATE` in the output folder lists the finished images. Its first line holds the settings; if they have changed, no
image counts as done.
"""

import dataclasses
import glob
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from diffnet_tf.files import image_files

STATE = ".diffnet_tf_restore"


@dataclasses.dataclass(frozen=True)
class Contents:
    """The images to process.

    Attributes:
        images: (source, target) paths of all images; those of a folder are sorted by name.
        left_out: one line that counts the files and subfolders left out; "" if there are none.
        unreadable: subfolders that cannot be opened, each with the error.
    """

    images: list[tuple[Path, Path]]
    left_out: str
    unreadable: dict[Path, OSError]


def named(text: str) -> list[Path]:
    """The files and folders that an argument names: itself, or all matches of a pattern such as `photos/*.png`.

    Most shells expand a pattern before a command sees it. This is for those that do not, and for quoted patterns.

    Raises:
        FileNotFoundError: if there is none.
    """
    if os.path.lexists(text):
        return [Path(text)]
    if not glob.has_magic(text):
        raise FileNotFoundError(f"{text} does not exist; expected an image or a folder of images. Check the path.")
    found = sorted(map(Path, glob.glob(text, recursive=True)))
    if not found:
        raise FileNotFoundError(f"{text} matches no file; expected images or folders of images. Check the pattern.")
    return found


def search(sources: Sequence[Path], target: Path, recursive: bool) -> Contents:
    """Find the images in a folder, or among several files and folders, and choose an output path for each.

    Skips the target folder if it lies inside.

    Args:
        sources: one folder, whose files go to the target; or files, and folders that become folders in the target.
        target: the folder to write to; files and subfolders keep their names.
        recursive: search the subfolders of the one folder, or the folders among several files.

    Raises:
        FileNotFoundError: if there is no image.
        ValueError: if two images would be written to the same file.
    """
    images: dict[Path, Path] = {}  # by target
    others, folders = Counter[str](), 0
    unreadable: dict[Path, OSError] = {}
    source = str(sources[0]) if len(sources) == 1 else "the given files"
    for path, output in _entries(sources, target, recursive, unreadable):
        if path.is_dir():
            folders += 1
        elif path.suffix.lower() in image_files.SUFFIXES:
            if output in images:
                raise ValueError(
                    f"{images[output]} and {path} would both be written to {output}; expected different names. Restore "
                    "them in two runs, or their folder with --recursive."
                )
            images[output] = path
        else:
            others[path.suffix.lower() or "no suffix"] += 1
    left = []
    if others:
        kinds = ", ".join(f"{number} with {kind}" for kind, number in sorted(others.items()))
        left.append(f"{_count(others.total(), 'file')} that cannot be read ({kinds})")
    if folders:
        left.append(
            f"{_count(folders, 'folder' if len(sources) > 1 else 'subfolder')} (give --recursive to include them)"
        )
    about = f"Left out of {source}: {'; '.join(left)}." if left else ""
    if not images:
        raise FileNotFoundError(
            f"{source} contain{'s' * (len(sources) == 1)} no images; expected files ending in "
            f"{', '.join(image_files.SUFFIXES)}." + (f" {about}" if about else "")
        )
    return Contents([(path, output) for output, path in images.items()], about, unreadable)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def _entries(
    sources: Sequence[Path], target: Path, recursive: bool, unreadable: dict[Path, OSError]
) -> Iterator[tuple[Path, Path]]:
    """Yield (path, output path) of files, and of folders that are not searched."""
    seen: set[Path] = set()
    for source in sources:
        if not source.is_dir() or (len(sources) > 1 and not recursive):
            yield source, target / source.name
            continue
        inside = target if len(sources) == 1 else target / source.resolve().name
        try:
            for path in _walk(source, target, recursive, unreadable, seen):
                yield path, inside / path.relative_to(source)
        except OSError as error:
            if len(sources) == 1:
                raise
            unreadable[source] = error


def _walk(
    folder: Path, target: Path, recursive: bool, unreadable: dict[Path, OSError], seen: set[Path]
) -> Iterator[Path]:
    """Yield files, and folders that are not searched, sorted by name. Skips hidden ones; visits no folder twice."""
    seen.add(folder.resolve())
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (path.exists() and target.exists() and path.samefile(target)):
            continue
        if path.is_dir() and recursive:
            if path.resolve() in seen:  # links may form a loop
                continue
            try:
                yield from _walk(path, target, recursive, unreadable, seen)
            except OSError as error:
                unreadable[path] = error
        elif path.is_dir() or path.is_file():
            yield path


class Progress:
    """Remembers, in a file in the output folder, which images are done.

    Args:
        folder: the output folder.
        settings: all other settings that the results depend on, as plain JSON values.

    Attributes:
        of_others: whether the folder holds results made with different settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder, self._path = folder, folder / STATE
        self._first = json.dumps(settings, sort_keys=True)
        self._entries: dict[str, list[int] | None] = {}
        self.of_others = False
        if self._path.exists():
            first, *lines = self._path.read_text(errors="replace").splitlines() or [""]
            self.of_others = first != self._first
            if not self.of_others:
                self._entries = dict(entry for line in lines if (entry := _entry(line)))

    def done(self, source: Path, target: Path) -> bool:
        """Whether an image is done: its result exists, and the image has not changed since."""
        return target.exists() and self._entries.get(self._name(target)) == stamp(source)

    def begun(self, target: Path) -> bool:
        """Whether this work started on the target before. If so, an existing file there may be replaced."""
        return self._name(target) in self._entries

    def begin(self, target: Path) -> None:
        """Note that work on an image starts."""
        self._add(target, None)

    def add(self, source: Path, target: Path) -> None:
        """Note that an image is done."""
        self._add(target, stamp(source))

    def _add(self, target: Path, stamped: list[int] | None) -> None:
        new, entry = not self._entries, (self._name(target), stamped)
        self._entries |= [entry]
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._path, "w" if new else "a") as file:  # starts on a new line, even after one that was cut off
            file.write((self._first if new else "") + "\n" + json.dumps(entry))

    def _name(self, target: Path) -> str:
        return os.fspath(target.relative_to(self._folder))

    def clear(self) -> None:
        """Forget all entries: no image counts as done."""
        self._entries = {}


def stamp(path: Path) -> list[int]:
    """The size in bytes and the modification time in ns of a file. They change when the file does."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _entry(line: str) -> tuple[str, list[int] | None] | None:
    """Parse a line of the state file; None for a line that is empty or was cut off."""
    try:
        name, stamped = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (name, stamped) if isinstance(name, str) else None
