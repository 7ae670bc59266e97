"""The ledger: checks each claim of the paper, and each goal beyond it, against the records in a folder. NumPy only.

There are two questions for each claim: does it hold, and under the paper's conditions? See `verdicts` and `conditions`.
A claim is defined in the CLAIMS of the experiment that makes its number. The ledger adds one answer to those of
`verdicts`: `BROKEN`, if the experiment's own record is damaged, if its check fails, or if all files are damaged. Other
damaged files, those of a part or of another seed, are left out, and the row names them.
"""

import dataclasses
import html
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.lib import conditions, damage, jobs, ledger_tables, records, registry, verdicts
from experiments.lib.verdicts import Check, Finding

BROKEN = "can't be read"
ANSWERS = (*verdicts.ANSWERS, BROKEN)
# Answer → (of one claim, of several) in the totals.
COUNTED = {
    verdicts.HOLDS: ("{} holds", "{} hold"),
    verdicts.FAILS: ("{} does not hold", "{} do not hold"),
    verdicts.OPEN: ("{} can't be decided", "{} can't be decided"),
    verdicts.NOT_RUN: ("{} was not run", "{} were not run"),
    BROKEN: ("{} can't be read", "{} can't be read"),
}
WIDTH, NARROWEST = 120, 60  # columns, where there is no terminal; of a terminal
# A hyphen that is a minus: of a number, after nothing that makes it a range or part of a name; or of an exponent.
_MINUS = re.compile(r"(?<![\w./)\]–−-])-(?=\.?\d)|(?<=\d[eE])-(?=\d)")
_SEEDS = re.compile(r"(\d+) seeds?")


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim of the paper, or a goal beyond it.

    Attributes:
        text: what is claimed.
        reference: the paper's value or the goal, as text.
        check: what was loaded → `verdicts.Finding`; raises `verdicts.NotRun` where there is nothing of it.
        where: figure or section of the paper; nothing for a goal beyond it, which stands under the experiment's title.
        command: what makes the record, if not the experiment.
        load: results folder → the arguments of `check`; those of the experiment, (record, arrays), if not given.
        answers: those that the rule can give; a test has seen each.
    """

    text: str
    reference: str
    check: Check
    where: str = ""
    command: str = ""
    load: Callable[[Path], tuple[Any, ...]] | None = None
    answers: tuple[str, ...] = verdicts.ANSWERS


@dataclasses.dataclass(frozen=True)
class Row:
    """A claim with what the records say.

    Attributes:
        where, claim, command: what is claimed, and what makes its record.
        finding: what the records say; its answer is one of `ANSWERS`.
        minutes: that all of its experiment takes on two idle cores.
        without: damaged files that were left out.
    """

    where: str
    claim: Claim
    command: str
    finding: Finding
    minutes: float = 0.0
    without: tuple[str, ...] = ()

    @property
    def time(self):
        """About how long what was not run takes on two idle cores: ": 18 h"; nothing of what was run."""
        if self.finding.answer != verdicts.NOT_RUN or not self.minutes:
            return ""
        return f": {jobs.in_words(self.minutes)}"

    @property
    def answer(self):
        """Does it hold; of what was not run, with its `time`."""
        return self.finding.answer + self.time

    @property
    def source(self):
        """Where the finding comes from: "budget cpu; data photos96 → stl10_real; commit 78d690e"."""
        return "; ".join(
            f"{name} {value}" for name in ("budget", "data", "commit") if (value := getattr(self.finding, name))
        )


@dataclasses.dataclass(frozen=True)
class Ledger:
    """Claims that are told together.

    Attributes:
        title: of them all.
        reference: what ours is compared with.
    """

    title: str
    reference: str

    def rows(self, root, only=None):
        """Claims with what the records under a results folder say: a list of `Row`; `only` is (where, text) of one."""
        found = []
        for name in registry.names():
            try:
                module = registry.get(name)
            except Exception as error:  # somebody's unfinished experiment hides no other's claims
                print(f"warning: {name} is left out ({type(error).__name__}: {error})", file=sys.stderr)
                continue
            for claim in getattr(module, "CLAIMS", ()):
                where = claim.where or module.TITLE
                if bool(claim.where) == (self is PAPER) and only in (None, (where, claim.text)):
                    command = claim.command or registry.command(module)
                    finding, without = _finding(claim, Path(root), name)
                    claim = dataclasses.replace(claim, reference=signs(claim.reference))
                    found.append(Row(where, claim, command, finding, jobs.minutes(name, "cpu"), without))
        return found

    def cells(self, rows):
        """Rows as those of a table, its heads first: a list of tuples of text."""
        found = [("where", "claim", self.reference, "ours", "n", "from", "conditions", "does it hold?")]
        for row in rows:
            claim, finding = row.claim, row.finding
            ours = (finding.ours, finding.n, row.source, str(finding.conditions), row.answer)
            found.append((row.where, claim.text, claim.reference, *ours))
        return found


PAPER = Ledger("The paper's claims", "paper")
BEYOND = Ledger("Beyond the paper", "goal")


def signs(words):
    """A text with a minus, −, where a number has a hyphen for it."""
    return _MINUS.sub("−", words)


def _finding(claim, root, name):
    """(finding, names of damaged files that were left out)."""
    own = root / name
    with damage.left_out() as damaged:
        try:
            found = claim.check(*(claim.load(root) if claim.load else records.load(own)))
        except (FileNotFoundError, verdicts.NotRun) as error:
            lost = isinstance(error, FileNotFoundError) and error.filename  # of a record that is there
            found = Finding(f"{error}", BROKEN) if lost else Finding("", verdicts.NOT_RUN)
        except (ValueError, OSError) as error:  # it names the file
            found = Finding(str(error), BROKEN)
        except Exception as error:
            found = Finding(f"{own}: its check fails ({type(error).__name__}: {error})", BROKEN)
    for place, error in damaged:
        if place == own or found.answer == verdicts.NOT_RUN:
            found = Finding(str(error), BROKEN)
    if found.answer == BROKEN:
        return found, ()
    for _, error in damaged:
        damage.say(f"warning: {error} It is left out.")
    without = tuple(str(place.relative_to(root)) if place.is_relative_to(root) else str(place) for place, _ in damaged)
    ours = "; ".join([signs(found.ours), *(f"without {place}, which can't be read" for place in without)])
    return dataclasses.replace(found, ours=ours), without


# ---- In a terminal ---------------------------------------------------------------------------------------------------


def show(root, markdown=False, verbose=False):
    """Print both ledgers, see `text`.

    Returns:
        The exit status: 1 where something can't be read, else 0, whatever the verdicts.
    """
    found = {ledger: ledger.rows(root) for ledger in (PAPER, BEYOND)}
    print(text(root, markdown, verbose, found))
    return int(any(row.without or row.finding.answer == BROKEN for rows in found.values() for row in rows))


def text(root, markdown=False, verbose=False, found=None):
    """Both ledgers, as text of the terminal's width or as Markdown tables.

    Args:
        root: results folder.
        markdown: as Markdown tables.
        verbose: a paragraph for each claim, with its data and command.
        found: ledger → its rows, where they were read before.
    """
    found = found or {ledger: ledger.rows(root) for ledger in (PAPER, BEYOND)}
    if markdown:
        return "\n\n".join(
            f"## {ledger.title}\n\n{ledger_tables.of_sections(ledger.reference, rows)}"
            for ledger, rows in found.items()
        )
    width = max(NARROWEST, shutil.get_terminal_size((WIDTH, 0)).columns)
    totals = "\n".join(_wrapped(total(ledger, rows), "  ", width) for ledger, rows in found.items())
    return "\n\n".join([totals, *(listing(ledger, rows, verbose, width) for ledger, rows in found.items())])


def _wrapped(line, indent, width):
    """A text in lines of a width, all but the first one indented. A file's name is not broken."""
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def total(ledger, rows):
    """How many claims hold, and how many do not, in one line."""
    found = [row.finding.answer for row in rows]
    counts = [(found.count(answer), answer) for answer in ANSWERS if answer in found]
    words = ", ".join(COUNTED[answer][number > 1].format(number) for number, answer in counts)
    marked = [sum(row.finding.conditions.marks().values()) for row in rows]
    papers = f"; {sum(marks >= 3 for marks in marked)} tested under at least three of five conditions"
    return f"{ledger.title} ({len(found)}): {words}{papers * (ledger is PAPER)}"


def listing(ledger, rows, verbose=False, width=WIDTH):
    """A ledger's rows as text of a width: what was run first, an entry for each claim; how many were not run last.

    Verbose: a paragraph for each claim, with its data and command; those that were not run, too.
    """
    waiting = [row for row in rows if row.finding.answer == verdicts.NOT_RUN]
    done = [row for row in rows if row.finding.answer != verdicts.NOT_RUN]
    lines = [ledger.title, ""]
    if verbose:
        return "\n".join(sum((_paragraph(ledger, row, width) for row in (*done, *waiting)), lines)).rstrip()
    widest = max((len(row.answer) for row in done), default=0)
    for row in done:
        ours = f": {row.finding.ours}" if row.finding.ours else ""
        under = f" [{row.finding.conditions}]" if ledger is PAPER and str(row.finding.conditions) else ""
        reference = f"[{ledger.reference}: {row.claim.reference}]"
        entry = f"{row.answer:<{widest}}  {row.where}, {row.claim.text}{ours} {reference}{under}"
        lines.append(_wrapped(entry, " " * (widest + 2), width))
    if waiting:
        lines.append(f"{COUNTED[verdicts.NOT_RUN][len(waiting) > 1].format(len(waiting))} (--verbose lists them).")
    return "\n".join(lines)


def _paragraph(ledger, row, width):
    """All that is known of a claim, in lines. The command is on one, to be copied."""
    finding = row.finding
    ours = finding.ours + (f" (n = {finding.n})" if finding.n else "")
    said = {ledger.reference: row.claim.reference, "ours": ours, "from": row.source, "conditions": _listed(finding)}
    lines = [_wrapped(f"{finding.answer.upper()}{row.time}: {row.where}, {row.claim.text}", "    ", width)]
    lines += [_wrapped(f"    {name:<10} {words}", " " * 15, width) for name, words in said.items() if words]
    return [*lines, f"    {'command':<10} {row.command}\n"]


def _listed(finding):
    """All marks, first those that are given: "network; not: protocol, 3 seeds (1)"."""
    marks = finding.conditions.marks()
    given = ", ".join(word for word, mark in marks.items() if mark)
    missing = ", ".join(_SEEDS.sub(rf"{conditions.SEEDS} seeds (\1)", word) for word, mark in marks.items() if not mark)
    return "; ".join([given or "none", *[f"not: {missing}"] * bool(missing)]) if marks else ""


# ---- As a page -------------------------------------------------------------------------------------------------------


def page(ledger, rows):
    """A ledger's rows as an HTML table."""
    head, *rows = ledger.cells(rows)
    names = "".join(f"<th>{column}</th>" for column in head)
    body = ""
    for row in rows:
        cells = [f'<td data-label="{column}">{html.escape(cell)}</td>' for column, cell in zip(head, row)]
        body += f"<tr>{''.join(cells)}</tr>"
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"
