"""A folder of images that a command works through: what is in it, what is left out, and what is done already.

The same command goes on where it was stopped, or where some files failed: in the output folder, the file `STATE` lists
what is done. Its first line holds the settings: with others, nothing counts as done.
"""

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diffnet_tf.files import image_files

STATE = ".diffnet_tf_restore"


@dataclasses.dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        images: (source, target) of every image, in the order of their names.
        left_out: a line that counts what is left out; "" for nothing.
        unreadable: subfolders that cannot be looked into, each with the reason.
    """

    images: list[tuple[Path, Path]]
    left_out: str
    unreadable: dict[Path, OSError]


def search(source: Path, target: Path, recursive: bool) -> Found:
    """The images of a folder, and where each is written. What the target folder holds is none of them.

    Args:
        source: the folder.
        target: the folder to write to; files keep their names, and subfolders theirs.
        recursive: look into subfolders.

    Raises:
        FileNotFoundError: when there is no image.
    """
    images, others, folders = [], Counter[str](), 0
    unreadable: dict[Path, OSError] = {}
    for path in _walk(source, target, recursive, unreadable, set()):
        if path.is_dir():
            folders += 1
        elif path.suffix.lower() in image_files.SUFFIXES:
            images.append((path, target / path.relative_to(source)))
        else:
            others[path.suffix.lower() or "no suffix"] += 1
    left = []
    if others:
        kinds = ", ".join(f"{number} with {kind}" for kind, number in sorted(others.items()))
        left.append(f"{_count(others.total(), 'file')} that cannot be read ({kinds})")
    if folders:
        left.append(f"{_count(folders, 'subfolder')} (give --recursive to include them)")
    about = f"Left out of {source}: {'; '.join(left)}." if left else ""
    if not images:
        raise FileNotFoundError(
            f"{source} holds no image; expected files ending in {', '.join(image_files.SUFFIXES)}."
            + (f" {about}" if about else "")
        )
    return Found(images, about, unreadable)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def _walk(
    folder: Path, target: Path, recursive: bool, unreadable: dict[Path, OSError], seen: set[Path]
) -> Iterator[Path]:
    """Files, and the folders that are not looked into, in the order of their names; nothing hidden, no folder twice."""
    seen.add(folder.resolve())
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (path.exists() and target.exists() and path.samefile(target)):
            continue
        if path.is_dir() and recursive:
            if path.resolve() in seen:  # links may lead in circles
                continue
            try:
                yield from _walk(path, target, recursive, unreadable, seen)
            except OSError as error:
                unreadable[path] = error
        elif path.is_dir() or path.is_file():
            yield path


class Progress:
    """Which images of a folder are done, kept in the output folder.

    Args:
        folder: the output folder.
        settings: what else the results depend on, plain values.

    Attributes:
        of_others: whether the folder holds results that were made with other settings.
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
        """Whether an image is done: its result is there, and the image has not changed since."""
        return target.exists() and self._entries.get(self._name(target)) == stamp(source)

    def begun(self, target: Path) -> bool:
        """Whether what is there, if anything, is a result of this work: it may be replaced."""
        return self._name(target) in self._entries

    def begin(self, target: Path) -> None:
        """An image is about to be processed."""
        self._add(target, None)

    def add(self, source: Path, target: Path) -> None:
        """An image is done."""
        self._add(target, stamp(source))

    def _add(self, target: Path, found: list[int] | None) -> None:
        new, entry = not self._entries, (self._name(target), found)
        self._entries |= [entry]
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._path, "w" if new else "a") as file:  # a line of its own, also after one that was cut off
            file.write((self._first if new else "") + "\n" + json.dumps(entry))

    def _name(self, target: Path) -> str:
        return os.fspath(target.relative_to(self._folder))

    def clear(self) -> None:
        """Nothing counts as done."""
        self._entries = {}


def stamp(path: Path) -> list[int]:
    """What changes when a file does: its length and its time."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _entry(line: str) -> tuple[str, list[int] | None] | None:
    """A line of the state; None for an empty one, and one that was cut off."""
    try:
        name, found = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (name, found) if isinstance(name, str) else None
