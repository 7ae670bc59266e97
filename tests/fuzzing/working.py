"""The process that reads: mutated files one after another, with an eye on time and memory."""

import faulthandler
import json
import logging
import random
import resource
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

from tests.fuzzing import readers

SECONDS = 5  # of processor time that a file may take
PATIENCE = 12  # times as many seconds on the clock, after which the process is given up: the machine may be busy
MEMORY = 2**30  # bytes that it may take
ADDRESSES = 4 * 2**30  # bytes of address space: beyond them, allocations fail


def _status(field: str) -> int:
    """A field of this process's status in bytes: VmHWM is the most memory it ever had, VmSize its address space."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: bytes
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith(field))


def _named(error: Exception, folder: Path) -> bool:
    """Whether it is an error that a user can act upon: a ValueError, one of our own kinds of it, or of the file system,
    with the name of the file.

    ValueErrors of other kinds (UnicodeDecodeError, JSONDecodeError) speak of bytes, not of files. What a file has made
    of the message must be printable.
    """
    if "\ud800" in str(error):
        return False
    ours = isinstance(error, ValueError) and type(error).__module__.startswith("diffnet_tf.")
    return (type(error) is ValueError or ours or isinstance(error, OSError)) and str(folder) in str(error)


def work(name: str, seed: int, cases: range, folder: Path, allowed: float, room: int) -> Iterator[dict]:
    """Read mutated files in this process; yields what came of each, and before it that it begins."""
    reader = readers.READERS[name]
    if name not in readers.NEEDS_KERAS:
        readers.without_keras()
    seeds = reader.seeds()
    for content in seeds:  # what is not mutated is read
        reader.lay(random.Random(0), [content], folder, None)()
    if Path("/proc").exists():
        limit = _status("VmSize") + ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    start = _status("VmHWM")
    for case in cases:
        yield {"begun": case}
        faulthandler.dump_traceback_later(PATIENCE * allowed, exit=True)
        for path in folder.iterdir():
            path.unlink()
        read = reader.lay(random.Random(f"{name} {seed} {case}"), seeds, folder, case)
        began, fault, refused = time.process_time(), None, None
        try:
            read()
        except Exception as error:
            refused = f"{type(error).__name__}: {error}"
            if not _named(error, folder):
                place = traceback.extract_tb(error.__traceback__)[-1]
                fault = f"{refused[:300]} ({Path(place.filename).name}:{place.lineno})"
        faulthandler.cancel_dump_traceback_later()
        seconds, memory = time.process_time() - began, _status("VmHWM") - start
        if seconds > allowed:
            fault = f"took {seconds:.1f} s"
        if memory > room:
            fault = f"took {memory / 2**20:.0f} MiB"
        yield {"fault": fault, "refused": refused, "memory": memory}
        if memory > room:  # the mark would stay there
            return


def report(name: str, seed: int, cases: range, folder: Path, allowed: float, room: int) -> None:
    """Write to the file `report` in a folder what comes of each case, a line of JSON as soon as it is known."""
    faulthandler.enable()
    warnings.simplefilter("ignore")
    logging.disable()
    with open(folder / "report", "w", buffering=1) as lines:
        files = folder / "files"
        files.mkdir(exist_ok=True)
        for event in work(name, seed, cases, files, allowed, room):
            lines.write(json.dumps(event) + "\n")
