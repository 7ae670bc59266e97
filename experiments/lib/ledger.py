"""The ledger: for each claim of the paper, and each goal beyond it, what the records in a folder show. NumPy only."""

import dataclasses

from diffnet_tf.base.types import PathLike
from experiments.lib import beyond, claims


@dataclasses.dataclass(frozen=True)
class Ledger:
    """Claims that are told together.

    Attributes:
        title: of them all.
        rows: the claims.
        reference: what ours is compared with.
        words: verdicts that are called otherwise here.
    """

    title: str
    rows: tuple[claims.Claim, ...]
    reference: str
    words: dict[str, str] = dataclasses.field(default_factory=dict)

    def found(self, root: PathLike) -> list[tuple[claims.Claim, claims.Finding]]:
        """The claims with what the records under a results folder say."""
        return [
            (claim, dataclasses.replace(finding, verdict=self.words.get(finding.verdict, finding.verdict)))
            for claim, finding in claims.findings(root, self.rows)
        ]


PAPER = Ledger("The paper's claims", claims.CLAIMS, "paper")
BEYOND = Ledger(
    "Beyond the paper",
    beyond.CLAIMS,
    "goal",
    {claims.REPRODUCED: "holds", claims.PARTIAL: "partly", claims.NOT_REPRODUCED: "does not hold"},
)


def text(root: PathLike, markdown: bool = False) -> str:
    """Both ledgers, as text or as Markdown tables."""
    show = table if markdown else listing
    return "\n\n".join(show(ledger, root) for ledger in (PAPER, BEYOND))


def listing(ledger: Ledger, root: PathLike) -> str:
    """A ledger as text, a paragraph a claim."""
    found, lines = ledger.found(root), [f"{ledger.title}\n"]
    for claim, finding in found:
        lines.append(f"{finding.verdict.upper()}: {claim.where}, {claim.text}")
        lines.append(f"    {ledger.reference:<8} {claim.paper}")
        if finding.verdict != claims.NOT_RUN:
            number = "" if finding.n is None else f" (n = {finding.n})"
            lines.append(f"    ours     {finding.ours}{number}")
            told = [part for part in (finding.budget, finding.data, finding.commit) if part]
            lines.append(f"    from     {', '.join(told)}")
        lines.append(f"    command  {claim.command}\n")
    return "\n".join(lines + [summary(ledger, found)])


def table(ledger: Ledger, root: PathLike) -> str:
    """A ledger as a Markdown table."""
    heads = ("where", "claim", ledger.reference, "ours", "n", "budget; data; commit", "verdict")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for claim, finding in ledger.found(root):
        told = "; ".join(part for part in (finding.budget, finding.data, finding.commit) if part)
        number = "" if finding.n is None else finding.n
        cells = (claim.where, claim.text, claim.paper, finding.ours, number, told, finding.verdict)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def summary(ledger: Ledger, found: list[tuple[claims.Claim, claims.Finding]]) -> str:
    """How many claims have which verdict."""
    verdicts = [finding.verdict for _, finding in found]
    kinds = [ledger.words.get(kind, kind) for kind in claims.VERDICTS]
    return f"{len(found)} claims: " + ", ".join(f"{verdicts.count(kind)} {kind}" for kind in kinds)
