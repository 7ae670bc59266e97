"""The process that watches: starts the one that reads, and starts it again when it has died of a file."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzzing.working import MEMORY, SECONDS

ROOT = Path(__file__).resolve().parent.parent.parent


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


def run(
    name: str,
    seed: int,
    cases: range,
    folder: Path,
    allowed: float = SECONDS,
    room: int = MEMORY,
    messages: Callable[[str], object] | None = None,
) -> Report:
    """Read mutated files, a process at a time; one that dies is laid to its case, and the next goes on after it.

    Args:
        name: of the reader.
        seed: of the mutations.
        cases: their numbers.
        folder: an empty one for the files.
        allowed: seconds of processor time a file.
        room: bytes of memory a file.
        messages: is called with every message of an error.
    """
    report, began = Report([]), time.monotonic()
    while cases:
        command = [sys.executable, "-m", "tests.fuzzing", name, "--seed", str(seed), "--worker", str(folder)]
        command += ["--allowed", str(allowed), "--room", str(room)]
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
            report.faults.append((case, f"ended with {done.returncode}: {_traces(done.stderr)}"))
            cases = range(case + 1, cases.stop)
    report.seconds = time.monotonic() - began
    return report


def _traces(text: str) -> str:
    """What faulthandler wrote, from its first line on."""
    starts = [text.find(word) for word in ("Fatal Python error", "Timeout (") if word in text]
    return text[min(starts) :][:1500] if starts else text[-1500:]


def command(name: str, seed: int, case: int) -> str:
    """What reads one file again."""
    return f"python -m tests.fuzzing {name} --seed {seed} --case {case}"
