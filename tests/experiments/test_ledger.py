"""`python -m diffnet_tf verify`: what it prints, damaged records, and folders that are none of results."""

import os
import re

import pytest

from diffnet_tf import __main__ as command_line
from experiments.lib import jobs, ledger, study, verdicts
from tests.conftest import ROOT
from tests.experiments import fakes

SIXTH = ("Fig. 6", "inverse, no noise: test PSNR is at least the paper's")


def verify(root, *flags):
    return command_line.main(["verify", *flags, "--results_dir", str(root)])


def unwrapped(text):
    """Entries of a listing, a line each: of a wrapped one all lines but the first are indented."""
    return re.sub(r"\n +", " ", text).splitlines()


def test_the_command_lists_what_was_run(tmp_path, capsys):
    fakes.samples(tmp_path, "fig07", 34.5, 0.01, seeds=3)
    assert verify(tmp_path) == 0
    out = unwrapped(capsys.readouterr().out)
    paper, beyond = (each.rows(tmp_path) for each in (ledger.PAPER, ledger.BEYOND))
    assert out[:2] == [
        f"The paper's claims ({len(paper)}): 2 hold, {len(paper) - 2} were not run; "
        "2 tested under at least three of five conditions",
        f"Beyond the paper ({len(beyond)}): {len(beyond)} were not run",
    ]
    assert out[2:] == [
        *("", "The paper's claims", "", *out[5:7], f"{len(paper) - 2} were not run (--verbose lists them)."),
        *("", "Beyond the paper", "", f"{len(beyond)} were not run (--verbose lists them)."),
    ]
    assert all("Fig. 7, inverse, 1 % noise: test PSNR is" in line for line in out[5:7])
    (line,) = [line for line in out if "Fig. 7, inverse, 1 % noise: test PSNR is at least" in line]
    assert line.startswith("holds ") and "34.50" in line
    assert line.endswith("[3 of 5: network, test images (123 of 10,000), 3 seeds]")


def test_a_paragraph_names_what_is_met_and_what_is_not(tmp_path, capsys):
    fakes.samples(tmp_path, "fig07", 34.5, 0.01)
    assert verify(tmp_path, "--verbose") == 0
    out = unwrapped(capsys.readouterr().out)
    text = "\n".join(out)
    assert text.count("HOLDS: Fig. 7, inverse, 1 % noise: test PSNR is close to the paper's") == 1
    assert "conditions network, test images (123 of 10,000); not: protocol, training images, 3 seeds (1)" in text
    assert "from       budget cpu; data here → there; commit 0123456 " in text and "(n = 32 images)" in text
    assert f"NOT RUN: {jobs.minutes('fig10', 'cpu') / 60:.0f} h: Fig. 10" in text
    for each in (ledger.PAPER, ledger.BEYOND):
        for row in each.rows(tmp_path):  # one for each
            assert text.count(f": {row.where}, {row.claim.text} {each.reference:<10}") == 1
    assert text.index("HOLDS: Fig. 7") < text.index("NOT RUN") and "--verbose" not in text  # what was run is first
    assert all(f"command    {row.command}" in text for row in ledger.PAPER.rows(tmp_path))
    assert "| budget cpu; data here → there; commit 0123456 |" in ledger.text(tmp_path, markdown=True)


@pytest.fixture(scope="module")
def committed():
    """Ledger → its rows, of the committed records."""
    return {each: each.rows(ROOT / "results") for each in (ledger.PAPER, ledger.BEYOND)}


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("verbose", [False, True])
def test_lines_are_as_wide_as_the_terminal(columns, verbose, monkeypatch, committed):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = ledger.text(ROOT / "results", verbose=verbose, found=committed).splitlines()
    widest = max(len(line) for line in lines if not line.startswith("    command "))
    assert columns - 15 <= widest <= columns
    (start,) = [
        number for number, line in enumerate(lines) if "Fig. 6, inverse, no noise: test PSNR is at least" in line
    ]
    if not verbose:
        assert lines[start + 1].startswith(" " * lines[start].index("Fig. 6")) or columns == 200


def test_without_a_terminal_lines_have_120_columns(monkeypatch, committed):
    def none(*_):
        raise OSError("no terminal")

    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", none)
    widest = max(map(len, ledger.text(ROOT / "results", found=committed).splitlines()))
    assert 110 <= widest <= 120


def row(answer, minutes=0.0):
    claim = ledger.Claim("it is so", "yes", None)
    return ledger.Row("Fig. 1", claim, "python", verdicts.Finding("", answer), minutes)


def test_totals_are_sentences():
    one = "The paper's claims (5): 1 holds, 1 does not hold, 1 can't be decided, 1 was not run, 1 can't be read; "
    two = "The paper's claims (10): 2 hold, 2 do not hold, 2 can't be decided, 2 were not run, 2 can't be read; "
    conditions = "0 tested under at least three of five conditions"
    rows = [row(answer) for answer in ledger.ANSWERS]
    assert ledger.total(ledger.PAPER, rows) == one + conditions
    assert ledger.total(ledger.PAPER, rows * 2) == two + conditions


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, ""), (0.2, ": under a minute"), (1, ": 1 min"), (60, ": 60 min"), (2300, ": 38 h")]
)
def test_how_long_takes_what_was_not_run(minutes, words):
    assert row(verdicts.NOT_RUN, minutes).answer == f"not run{words}"
    assert f"NOT RUN{words}: Fig. 1, it is so" in ledger.listing(ledger.PAPER, [row(verdicts.NOT_RUN, minutes)], True)
    assert row(verdicts.HOLDS, minutes).answer == "holds"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-0.05 dB (-0.04 to -0.01)", "−0.05 dB (−0.04 to −0.01)"),
        ("(-1,-2), [-1, 1], ±-3, =-.5", "(−1,−2), [−1, 1], ±−3, =−.5"),
        ("1.2e-05", "1.2e−05"),
        ("1-3 a–b U-Net inverse-0.1pct 44e5ca3-1 a - 5 --5 runs/UNet-inverse-0-1.json x -seed", None),
    ],
)
def test_minus_signs(words, expected):
    assert ledger.signs(words) == (words if expected is None else expected)


def test_no_number_of_the_ledger_has_a_hyphen(committed):
    rows = [row for rows in committed.values() for row in rows]
    cells = [cell for row in rows for cell in (row.finding.ours, row.claim.reference, row.claim.text, row.finding.n)]
    assert any("−" in row.finding.ours for row in rows) and any("−" in row.claim.reference for row in rows)
    assert [cell for cell in cells if re.search(r"(^|[\s(\[±=:])-\.?\d", cell)] == []


# ---- Damaged records -------------------------------------------------------------------------------------------------


def told(root, where, text):
    """The row of one claim of the paper."""
    (row,) = ledger.PAPER.rows(root, (where, text))
    return row


MALFORMED = '{"seed": 0, "noise": 0.01, "recipe": 7}'


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda folder: cut(folder / "record.json"), "record.json cannot be read as JSON"),
        (lambda folder: cut(folder / "arrays.npz"), "arrays.npz cannot be read as arrays"),
        (lambda folder: (folder / "arrays.npz").unlink(), "arrays.npz"),
        (lambda folder: (folder / "record.json").write_text("[]"), "record.json holds a list"),
        (lambda folder: (folder / "record.json").write_text("{}"), "record.json has no seed"),
        (
            lambda folder: (folder / "record.json").write_text('{"seed": 0, "noise": 0.01, "recipe": 7}'),
            "fig07: its check fails (",
        ),
    ],
)
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_damaged_record_is_told_from_none(harm, reason, seeds, tmp_path):
    fakes.samples(tmp_path, "fig06", 67.0)
    fakes.samples(tmp_path, "fig07", 34.5, 0.01, seeds=seeds)
    harm(tmp_path / "fig07")
    for text in ("is at least", "is close to"):
        found = told(tmp_path, "Fig. 7", f"inverse, 1 % noise: test PSNR {text} the paper's").finding
        assert found.answer == ledger.BROKEN and reason in found.ours
    assert told(tmp_path, *SIXTH).finding.answer == verdicts.HOLDS


def test_a_record_without_its_arrays_is_not_none(tmp_path):
    (claim,) = [row.claim.text for row in ledger.PAPER.rows(tmp_path) if row.where == "Fig. 12"]
    assert told(tmp_path, "Fig. 12", claim).finding.answer == verdicts.NOT_RUN
    (tmp_path / "fig12").mkdir()
    (tmp_path / "fig12" / "record.json").write_bytes((ROOT / "results" / "fig12" / "record.json").read_bytes())
    found = told(tmp_path, "Fig. 12", claim).finding
    assert found.answer == ledger.BROKEN and "fig12/arrays.npz" in found.ours


def test_the_command_fails_where_something_cannot_be_read(tmp_path, capsys):
    fakes.samples(tmp_path, "fig07", 34.5, 0.01)
    cut(tmp_path / "fig07" / "record.json")
    assert verify(tmp_path) == 1
    out = unwrapped(capsys.readouterr().out)
    assert "can't be read; " in out[0]
    assert any(re.match("can't be read +Fig. 7, .*fig07/record.json cannot be read as JSON", line) for line in out)


def test_a_damaged_seed_is_left_out_and_named(tmp_path, capsys):
    fakes.samples(tmp_path, "fig07", 34.5, 0.01, seeds=3)
    cut(tmp_path / "seeds" / "1" / "fig07" / "record.json")
    assert verify(tmp_path) == 1
    said = capsys.readouterr()
    (line,) = [line for line in said.err.splitlines() if "seeds/1/fig07" in line]  # once
    assert "cannot be read as JSON" in line and line.endswith("It is left out.")
    found = told(tmp_path, "Fig. 7", "inverse, 1 % noise: test PSNR is at least the paper's")
    assert "2 seeds" in found.finding.ours and found.finding.n == "32 images × 2 seeds"
    assert found.finding.ours.endswith("; without seeds/1/fig07, which can't be read")


@pytest.mark.parametrize("content", ["{", "[]", "{}", None])
def test_a_damaged_part_breaks_only_what_nothing_is_left_for(content, tmp_path, capsys):
    """Of two trainings of the U-Net: the forward one is damaged; the rows of the inverse one, and others, stand."""
    fakes.samples(tmp_path, "fig06", 67.0)
    fakes.samples(tmp_path, "forward", 80.0)
    fakes.training(tmp_path, "UNet", ("inverse", 0.0), 52.0)
    fakes.training(tmp_path, "UNet", ("forward", 0.0), 60.0)
    (part,) = (tmp_path / "unet" / "runs").glob("UNet-forward*.json")
    if content is None:
        part.with_suffix(".npz").write_bytes(b"PK")
    else:
        part.write_text(content)
    assert told(tmp_path, "Fig. 8", "DiffNet is ahead of the U-Net, no noise").finding.answer == verdicts.HOLDS
    assert (
        f"without unet/runs/{part.name}, which"
        in told(tmp_path, "Fig. 8", "DiffNet is ahead of the U-Net, no noise").finding.ours
    )
    lost = told(tmp_path, "Fig. 10", "forward: DiffNet is ahead of the U-Net").finding
    assert lost.answer == ledger.BROKEN and str(part.with_suffix("")) in lost.ours
    assert told(tmp_path, *SIXTH).without == ()
    errors = [line for line in capsys.readouterr().err.splitlines() if str(part.with_suffix("")) in line]
    assert len(errors) == 1 and errors[0].endswith("It is left out.")
    with pytest.raises(ValueError, match="again"):  # a run refuses it
        study.finished(tmp_path / "unet")


def test_another_experiments_damaged_record_breaks_only_what_draws_from_it(tmp_path):
    fakes.samples(tmp_path, "fig06", 67.0)
    fakes.samples(tmp_path, "forward", 80.0)
    for problem in ("inverse", "forward"):
        fakes.training(tmp_path, "UNet", (problem, 0.0), 52.0)
    cut(tmp_path / "fig06" / "record.json")
    assert told(tmp_path, "Fig. 10", "forward: DiffNet is ahead of the U-Net").finding.answer == verdicts.HOLDS
    assert told(tmp_path, "Fig. 10", "inverse, no noise: DiffNet is ahead of the U-Net").finding.answer == ledger.BROKEN


# ---- Folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("below", "which"), [("fig07", "its parent"), ("seeds", "its parent"), ("a/b", "the folder a")]
)
def test_a_folder_without_records_is_refused(below, which, tmp_path, capsys):
    fakes.samples(tmp_path, "fig07", 34.5, 0.01, seeds=2)
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert verify(tmp_path / below) == 2
    said = capsys.readouterr()
    start = f"error: {tmp_path / below} holds no records; expected a results folder such as results or runs."
    assert said.err.startswith(f"{start} Did you mean {which}") and said.err.endswith(f", {tmp_path}?\n")
    assert not said.out and said.err.count("\n") == 1
    (tmp_path / "a" / "b" / "c" / "d").mkdir(parents=True)
    assert verify(tmp_path / "a" / "b" / "c" / "d") == 2 and capsys.readouterr().err.endswith("results or runs.\n")


def test_parts_alone_are_records(tmp_path):
    fakes.training(tmp_path, "UNet", ("inverse", 0.0), 52.0)
    assert verify(tmp_path) == 0


def test_a_folder_of_further_seeds_points_to_its_parent(tmp_path, capsys):
    fakes.samples(tmp_path, "fig07", 34.5, 0.01, seeds=3)
    place = tmp_path / "seeds" / "2"
    assert verify(place) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        f"{place} holds one further seed alone; it counts beside the others in {tmp_path}: --results-dir {tmp_path}"
    ]
    assert "34.50" in said.out
    assert verify(tmp_path) == 0 and not capsys.readouterr().err
