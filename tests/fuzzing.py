"""Every reader of files against mutated files: each ends in a result or in an error that names the file.

    python -m tests.fuzzing READER --cases 100000            # a longer run
    python -m tests.fuzzing READER --seed 0 --case 123       # one case again; its files are kept

A reader runs in a process of its own, so that a crash, a hang and memory can be told apart from an error, and laid to
the case that did it. A case is a function of the seed and its number, given the versions of the encoders that write
the unharmed files. Readers that need no Keras run without it: starting is quicker, and limits on memory are tighter.
"""

import argparse
import contextlib
import dataclasses
import faulthandler
import json
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import fuzzed_readers

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 5  # of processor time that a file may take
HANG = 60  # seconds on the clock, after which the process is given up: the machine may be busy
MEMORY = 2**30  # bytes that a file may take
ADDRESSES = 4 * 2**30  # bytes of address space: beyond them, allocations fail


@dataclasses.dataclass
class Report:
    """What came of a run.

    Attributes:
        faults: (case, what happened).
        results: number of files that were read in spite of their mutations.
        errors: number of files that were refused by name.
        memory: the most bytes above those at the start.
        seconds: on the clock, with the start of the process.
    """

    faults: list[tuple[int, str]]
    results: int = 0
    errors: int = 0
    memory: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.results + self.errors + len(self.faults)} files: {self.results} read, {self.errors} refused, "
            f"{len(self.faults)} faults; {self.seconds:.0f} s, {self.memory / 2**20:.0f} MiB"
        )


# ---- The process that reads ------------------------------------------------------------------------------------------


def _status(field: str) -> int:
    """A field of this process's status in bytes: VmHWM is the most memory it ever had, VmSize its address space."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: bytes
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith(field))


def _named(error: Exception, folder: Path) -> bool:
    """Whether it is an error that a user can act upon: a ValueError or of the file system, with the name of the file.

    ValueErrors of other kinds (UnicodeDecodeError, JSONDecodeError) speak of bytes, not of files.
    """
    return (type(error) is ValueError or isinstance(error, OSError)) and str(folder) in str(error)


def work(name: str, seed: int, cases: range, folder: Path) -> Iterator[dict]:
    """Read mutated files in this process; yields what came of each, and before it that it begins."""
    reader = fuzzed_readers.READERS[name]
    if name not in fuzzed_readers.NEEDS_KERAS:
        fuzzed_readers.without_keras()
    seeds = reader.seeds()
    for content in seeds:  # what is not mutated is read
        reader.lay(random.Random(0), [content], folder, False)()
    limit = _status("VmSize") + ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    start = _status("VmHWM")
    for case in cases:
        yield {"begun": case}
        faulthandler.dump_traceback_later(HANG, exit=True)
        for path in folder.iterdir():
            path.unlink()
        read = reader.lay(random.Random(f"{name} {seed} {case}"), seeds, folder, True)
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
        if seconds > SECONDS:
            fault = f"took {seconds:.1f} s"
        if memory > MEMORY:
            fault = f"took {memory / 2**20:.0f} MiB"
        yield {"fault": fault, "refused": refused, "memory": memory}
        if memory > MEMORY:  # the mark would stay there
            return


def _worker(name: str, seed: int, cases: range, folder: Path) -> None:
    faulthandler.enable()
    warnings.simplefilter("ignore")
    logging.disable()
    with open(folder / "report", "w", buffering=1) as report:
        files = folder / "files"
        files.mkdir(exist_ok=True)
        for event in work(name, seed, cases, files):
            report.write(json.dumps(event) + "\n")


# ---- The process that watches ----------------------------------------------------------------------------------------


def run(name: str, seed: int, cases: range, folder: Path, messages: Callable[[str], object] | None = None) -> Report:
    """Read mutated files, a process at a time; one that dies is laid to its case, and the next goes on after it."""
    report, began = Report([]), time.monotonic()
    while cases:
        command = [sys.executable, "-m", "tests.fuzzing", name, "--seed", str(seed), "--worker", str(folder)]
        command += ["--case", str(cases.start), "--cases", str(len(cases))]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace")
        reported = folder / "report"
        case = None
        for line in reported.read_text().splitlines() if reported.exists() else ():
            event = json.loads(line)
            if "begun" in event:
                case = event["begun"]
                continue
            report.memory = max(report.memory, event["memory"])
            if event["fault"]:
                report.faults.append((case, event["fault"]))
            elif event["refused"]:
                report.errors += 1
            else:
                report.results += 1
            if messages and event["refused"]:
                messages(event["refused"].replace(str(folder / "files"), "FOLDER"))
            cases = range(case + 1, cases.stop)
        if done.returncode:
            if case is None or case < cases.start:
                raise RuntimeError(f"{name} cannot be read at all:\n{done.stderr[-3000:]}")
            report.faults.append((case, f"ended with {done.returncode}: {done.stderr[-1500:]}"))
            cases = range(case + 1, cases.stop)
    report.seconds = time.monotonic() - began
    return report


def command(name: str, seed: int, case: int) -> str:
    """What reads one file again."""
    return f"python -m tests.fuzzing {name} --seed {seed} --case {case}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Read mutated files.")
    parser.add_argument("reader", choices=fuzzed_readers.READERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="the first one; the only one, without --cases")
    parser.add_argument("--cases", type=int, help="their number")
    parser.add_argument("--messages", action="store_true", help="print the messages of the errors")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    first = arguments.case or 0
    number = arguments.cases or (1000 if arguments.case is None else 1)
    cases = range(first, first + number)
    if arguments.worker:
        _worker(arguments.reader, arguments.seed, cases, arguments.worker)
        return
    with contextlib.ExitStack() as stack:
        if number == 1:
            folder = Path(tempfile.mkdtemp())
            print(f"The files are kept in {folder / 'files'}.")
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        report = run(arguments.reader, arguments.seed, cases, folder, print if arguments.messages else None)
    for case, what in report.faults:
        print(f"{what}\n    {command(arguments.reader, arguments.seed, case)}")
    print(f"{arguments.reader}: {report}")
    sys.exit(bool(report.faults))


if __name__ == "__main__":
    main()
