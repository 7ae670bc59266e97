"""The ledger: for each claim of the paper, and each goal beyond it, what the records in a folder show. NumPy only.

Two questions a claim: does it hold, and under whose conditions? See `verdicts` and `conditions`. A claim stands beside
the experiment that makes its number, in its CLAIMS.
"""

import dataclasses
import html
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.lib import jobs, records, registry, verdicts
from experiments.lib.verdicts import Check, Finding


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
    """A claim with what the records say."""

    where: str
    claim: Claim
    command: str
    finding: Finding
    minutes: float = 0.0

    @property
    def answer(self):
        """Does it hold; of what was not run, about how many hours all of its experiment takes on two idle cores."""
        answer = self.finding.answer
        if answer != verdicts.NOT_RUN or not self.minutes:
            return answer
        return f"{answer}: {self.minutes / 60:.0f} h" if self.minutes >= 90 else f"{answer}: {self.minutes:.0f} min"

    @property
    def source(self):
        """Budget, data and commit."""
        return [part for part in (self.finding.budget, self.finding.data, self.finding.commit) if part]


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
                    finding = _finding(claim, Path(root), name)
                    found.append(Row(where, claim, command, finding, jobs.minutes(name, "cpu")))
        return found

    def cells(self, root):
        """The rows of a table, its heads first: a list of tuples of text."""
        found = [("where", "claim", self.reference, "ours", "n", "from", "conditions", "does it hold?")]
        for row in self.rows(root):
            claim, finding = row.claim, row.finding
            ours = (finding.ours, finding.n, "; ".join(row.source), str(finding.conditions), row.answer)
            found.append((row.where, claim.text, claim.reference, *ours))
        return found


PAPER = Ledger("The paper's claims", "paper")
BEYOND = Ledger("Beyond the paper", "goal")


def _finding(claim, root, name):
    try:
        return claim.check(*(claim.load(root) if claim.load else records.load(root / name)))
    except (FileNotFoundError, verdicts.NotRun):
        return Finding("", verdicts.NOT_RUN)
    except Exception as error:
        print(f"warning: {name}, {claim.text}: {type(error).__name__}: {error}", file=sys.stderr)
        return Finding("its check fails", verdicts.NOT_RUN)


def text(root, markdown=False, verbose=False):
    """Both ledgers, as text or as Markdown tables.

    Args:
        root: results folder.
        markdown: as Markdown tables.
        verbose: a paragraph for each claim, with its data and command; else a line.
    """
    if markdown:
        return "\n\n".join(table(ledger, root) for ledger in (PAPER, BEYOND))
    ledgers = [(ledger, ledger.rows(root)) for ledger in (PAPER, BEYOND)]
    totals = "\n".join(_total(*each) for each in ledgers)
    return "\n\n".join([totals, *(listing(*each, verbose) for each in ledgers)])


def _total(ledger, rows):
    found = [row.finding.answer for row in rows]
    counts = [f"{found.count(answer)} {answer}" for answer in verdicts.ANSWERS if answer in found]
    marked = [sum(row.finding.conditions.marks().values()) for row in rows]
    papers = f"; {sum(marks >= 3 for marks in marked)} under three or more of the paper's five conditions"
    return f"{ledger.title}: {len(found)} claims: {', '.join(counts)}{papers * (ledger is PAPER)}"


def listing(ledger, rows, verbose=False):
    """A ledger's rows as text: a line for each claim, or a paragraph."""
    width = max(len(row.answer) for row in rows)
    lines = [ledger.title, ""]
    for row in rows:
        finding, answer = row.finding, row.answer
        run, under = finding.answer != verdicts.NOT_RUN, str(finding.conditions)
        if not verbose:
            ours = f": {finding.ours}" if run else ""
            reference = f"[{ledger.reference}: {row.claim.reference}]"
            under = f" [{under}]" if under and ledger is PAPER else ""
            lines.append(f"{answer:<{width}}  {row.where}, {row.claim.text}{ours} {reference}{under}")
            continue
        lines.append(f"{answer.upper()}: {row.where}, {row.claim.text}")
        lines.append(f"    {ledger.reference:<10} {row.claim.reference}")
        if run:
            lines.append(f"    ours       {finding.ours}" + (f" (n = {finding.n})" if finding.n else ""))
            lines.append(f"    from       {', '.join(row.source)}")
            lines += [f"    conditions {mark}" for mark in [_listed(finding.conditions)] if mark]
        lines.append(f"    command    {row.command}\n")
    return "\n".join(lines).rstrip()


def _listed(conditions):
    """All marks, those that are not given with "not"."""
    return ", ".join(word if mark else f"not the paper's {word}" for word, mark in conditions.marks().items())


def table(ledger, root):
    """A ledger as a Markdown table."""
    head, *rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in ledger.cells(root)]
    return "\n".join([head, "|---" * head.count(" | ") + "|---|", *rows])


def page(ledger, root):
    """A ledger as an HTML table."""
    head, *rows = ledger.cells(root)
    names = "".join(f"<th>{column}</th>" for column in head)
    body = ""
    for row in rows:
        cells = [f'<td data-label="{column}">{html.escape(cell)}</td>' for column, cell in zip(head, row)]
        body += f"<tr>{''.join(cells)}</tr>"
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"
