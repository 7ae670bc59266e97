"""The ledger: for each claim of the paper, and each goal beyond it, what the records in a folder show. NumPy only.

A claim stands beside the experiment that makes its number, in its CLAIMS.
"""

import dataclasses
import html
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.lib import records, registry, verdicts
from experiments.lib.verdicts import Check, Finding


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim of the paper, or a goal beyond it.

    Attributes:
        text: what is claimed.
        reference: the paper's value or the goal, as text.
        check: (record, arrays) → `verdicts.Finding`; raises `verdicts.NotRun` where the record holds nothing of it.
        where: figure or section of the paper; nothing for a goal beyond it, which stands under the experiment's title.
        command: what makes the record, if not the experiment.
        load: results folder → (record, arrays), if not the experiment's.
    """

    text: str
    reference: str
    check: Check
    where: str = ""
    command: str = ""
    load: Callable[[Path], tuple[dict[str, Any], dict[str, Any]]] | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """A claim with what the records say."""

    where: str
    claim: Claim
    command: str
    finding: Finding

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
        words: verdicts that are called otherwise here.
    """

    title: str
    reference: str
    words: dict[str, str] = dataclasses.field(default_factory=dict)

    def rows(self, root):
        """All claims with what the records under a results folder say: a list of `Row`."""
        found = []
        for name in registry.names():
            try:
                module = registry.get(name)
            except Exception as error:  # somebody's unfinished experiment hides no other's claims
                print(f"warning: {name} is left out ({type(error).__name__}: {error})", file=sys.stderr)
                continue
            for claim in getattr(module, "CLAIMS", ()):
                if bool(claim.where) == (self is PAPER):
                    command = claim.command or registry.command(module)
                    found.append(Row(claim.where or module.TITLE, claim, command, _finding(claim, Path(root), name)))
        return found

    def word(self, verdict):
        """What a verdict is called here."""
        return self.words.get(verdict, verdict)

    def cells(self, root):
        """The rows of a table, its heads first: a list of tuples of text."""
        found = [("where", "claim", self.reference, "ours", "n", "budget; data; commit", "verdict")]
        for row in self.rows(root):
            claim, finding, n = row.claim, row.finding, "" if row.finding.n is None else str(row.finding.n)
            ours = (finding.ours, n, "; ".join(row.source), self.word(finding.verdict))
            found.append((row.where, claim.text, claim.reference, *ours))
        return found


PAPER = Ledger("The paper's claims", "paper")
_WORDS = {verdicts.REPRODUCED: "holds", verdicts.PARTIAL: "partly", verdicts.NOT_REPRODUCED: "does not hold"}
BEYOND = Ledger("Beyond the paper", "goal", _WORDS)


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
    found = [row.finding.verdict for row in rows]
    counts = [f"{found.count(kind)} {ledger.word(kind)}" for kind in verdicts.VERDICTS if kind in found]
    return f"{ledger.title}: {len(found)} claims, {', '.join(counts)}"


def listing(ledger, rows, verbose=False):
    """A ledger's rows as text: a line for each claim, or a paragraph."""
    width = max((len(ledger.word(kind)) for kind in verdicts.VERDICTS), default=0)
    lines = [ledger.title, ""]
    for row in rows:
        finding, word = row.finding, ledger.word(row.finding.verdict)
        run = finding.verdict != verdicts.NOT_RUN
        if not verbose:
            ours = f": {finding.ours}" if run else ""
            reference = f"[{ledger.reference}: {row.claim.reference}]"
            lines.append(f"{word:<{width}}  {row.where}, {row.claim.text}{ours} {reference}")
            continue
        lines.append(f"{word.upper()}: {row.where}, {row.claim.text}")
        lines.append(f"    {ledger.reference:<8} {row.claim.reference}")
        if run:
            number = "" if finding.n is None else f" (n = {finding.n})"
            lines += [f"    ours     {finding.ours}{number}", f"    from     {', '.join(row.source)}"]
        lines.append(f"    command  {row.command}\n")
    return "\n".join(lines).rstrip()


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
