"""See the package: `python -m tests.fuzzing READER`."""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from tests.fuzzing import readers, working
from tests.fuzzing.watching import command, run


def main() -> None:
    parser = argparse.ArgumentParser(description="Read mutated files.")
    parser.add_argument("reader", choices=readers.READERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="the first one; the only one, without --cases")
    parser.add_argument("--cases", type=int, help="their number")
    parser.add_argument("--messages", action="store_true", help="print the messages of the errors")
    parser.add_argument("--allowed", type=float, default=working.SECONDS, help="seconds of processor time a file")
    parser.add_argument("--room", type=int, default=working.MEMORY, help="bytes of memory a file")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    first = arguments.case or 0
    number = arguments.cases or (1000 if arguments.case is None else 1)
    cases = range(first, first + number)
    if arguments.worker:
        working.report(arguments.reader, arguments.seed, cases, arguments.worker, arguments.allowed, arguments.room)
        return
    with contextlib.ExitStack() as stack:
        if number == 1:
            folder = Path(tempfile.mkdtemp())
            print(f"The files are kept in {folder / 'files'}.")
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        messages = print if arguments.messages else None
        report = run(arguments.reader, arguments.seed, cases, folder, arguments.allowed, arguments.room, messages)
    for case, what in report.faults:
        print(f"{what}\n    {command(arguments.reader, arguments.seed, case)}")
    print(f"{arguments.reader}: {report}")
    sys.exit(bool(report.faults))


if __name__ == "__main__":
    main()
