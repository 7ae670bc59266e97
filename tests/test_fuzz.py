"""Mutated files: each is read, or refused by an error that names it. See `tests.fuzzing` for longer runs.

The seed is that of the day, or FUZZ_SEED: `FUZZ_SEED=20261127 pytest tests/test_fuzz.py` does a day's files again.
"""

import pytest

from tests.conftest import mostly_slow, slow
from tests.fuzzing import SEED, readers, watching

# 10,500 in all, in `make test-all`.
CASES = {
    "image": 3000,
    "deep_png": 500,
    "folder": 1500,
    "stl10_binary": 300,
    "npy": 700,
    "mat": 2000,
    "record": 1000,
    "checkpoint": 500,
    "preset": 500,
    "shared_preset": 500,
}
FEW = 300


def read(name, cases, folder, least, most):
    """Read mutated files: nothing but results and errors by name may come of them, results of some but not of all."""
    report = watching.run(name, SEED, range(cases), folder)
    print(f"{name}: {report}")
    faults = [f"{watching.command(name, SEED, case)}: {what}" for case, what in report.faults]
    assert not faults, "\n".join(faults[:20])
    assert report.results + report.errors == cases
    # Mutations that always or never leave a file readable would reach little.
    assert least < report.results / cases < most


@pytest.mark.parametrize("name", mostly_slow(list(CASES), *CASES.keys() - {"shared_preset", "checkpoint", "preset"}))
def test_some_mutated_files_are_read_or_refused_by_name(name, tmp_path):
    read(name, FEW, tmp_path, 0, 0.75)


@slow
@pytest.mark.parametrize("name", CASES)
def test_mutated_files_are_read_or_refused_by_name(name, tmp_path):
    read(name, CASES[name], tmp_path, 0.02, 0.6)


def test_the_fuzzer_finds_every_fault(tmp_path):
    """In a reader that has all of them: each at the case that has it, whatever went before; and again alone."""
    report = watching.run("faulty", SEED, range(10), tmp_path, allowed=0.5, room=2**24)
    kinds = [*readers.FAULTS, *readers.FAULTS][:10]
    assert [case for case, _ in report.faults] == [case for case, kind in enumerate(kinds) if kind != "none"]
    assert all(kinds[case] in what for case, what in report.faults), report.faults
    assert (report.errors, report.results) == (2, 0)
    (alone,) = watching.run("faulty", SEED, range(2, 3), tmp_path).faults
    assert alone[0] == 2 and "KeyError" in alone[1]
