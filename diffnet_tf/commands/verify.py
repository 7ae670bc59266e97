"""Say for each claim of the paper what the records under a results folder show."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from diffnet_tf import claims


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument("--results_dir", default="results", help="where the records are")
    parser.add_argument("--markdown", action="store_true", help="print the README's table")


def run(arguments: Namespace) -> int:
    """Print the ledger. Returns the exit status: 0, whatever the verdicts."""
    if not Path(arguments.results_dir).is_dir():
        raise FileNotFoundError(f"{arguments.results_dir} does not exist; expected the folder with the records.")
    found = claims.findings(arguments.results_dir)
    print(table(found) if arguments.markdown else listing(found))
    return 0


def listing(found: list[tuple[claims.Claim, claims.Finding]]) -> str:
    """The ledger as text, a paragraph a claim."""
    lines = []
    for claim, finding in found:
        lines.append(f"{finding.verdict.upper()}: {claim.where}, {claim.text}")
        lines.append(f"    paper    {claim.paper}")
        if finding.verdict != claims.NOT_RUN:
            number = "" if finding.n is None else f" (n = {finding.n})"
            lines.append(f"    ours     {finding.ours}{number}")
            told = [part for part in (finding.budget, finding.data, finding.commit) if part]
            lines.append(f"    from     {', '.join(told)}")
        lines.append(f"    command  {claim.command}\n")
    return "\n".join(lines + [summary(found)])


def table(found: list[tuple[claims.Claim, claims.Finding]]) -> str:
    """The ledger as a Markdown table."""
    lines = ["| where | claim | paper | ours | n | budget; data; commit | verdict |", "|---|---|---|---|---|---|---|"]
    for claim, finding in found:
        told = "; ".join(part for part in (finding.budget, finding.data, finding.commit) if part)
        number = "" if finding.n is None else finding.n
        cells = (claim.where, claim.text, claim.paper, finding.ours, number, told, finding.verdict)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def summary(found: list[tuple[claims.Claim, claims.Finding]]) -> str:
    """How many claims have which verdict."""
    verdicts = [finding.verdict for _, finding in found]
    kinds = (claims.REPRODUCED, claims.PARTIAL, claims.NOT_REPRODUCED, claims.NOT_RUN)
    return f"{len(found)} claims: " + ", ".join(f"{verdicts.count(kind)} {kind}" for kind in kinds)
