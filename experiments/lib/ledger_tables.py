"""Rows of the ledger as Markdown: all, section by section; an excerpt; and how many have which answer.

The answer stands beside the claim, so that it is seen on a phone; where the number comes from is folded in below.
"""

import functools

from experiments.lib import verdicts

# Section of a table → where in the paper its claims stand. Goals beyond the paper stand under their experiment's title.
SECTIONS = {
    "Size of the networks": ("Fig. 3", "Sec. 4.3.1", "Sec. 5", "Sec. 6"),
    "Deconvolution of disks": ("Fig. 4–5", "Sec. 5.1"),
    "Undoing Perona–Malik diffusion": ("Fig. 6", "Fig. 7", "Fig. 8", "Fig. 9"),
    "Number of training images": ("Fig. 10",),
    "Training time and depth": ("Sec. 5.2",),
    "The learned filters": ("Fig. 11", "Fig. 12", "Fig. 13", "Sec. 6.2"),
}


@functools.cache
def rows(ledger, root):
    """A ledger's rows, read once in a process: reading all records takes seconds."""
    return ledger.rows(root)


def sections(rows):
    """The rows by section, `SECTIONS` first.

    Args:
        rows: list of `ledger.Row`.
    """
    found = {}
    for row in rows:
        title = next((title for title, places in SECTIONS.items() if row.where in places), row.where)
        found.setdefault(title, []).append(row)
    return {title: found[title] for title in sorted(found, key=[*SECTIONS, *found].index)}


def of_sections(reference, rows):
    """A heading and a table for each section.

    Args:
        reference: heading of the column that ours is compared with.
        rows: list of `ledger.Row`.
    """
    parts = []
    for title, of_section in sections(rows).items():
        sources = [(_claim(row), row.finding.n, row.source) for row in of_section if row.source]
        parts += [f"### {title}", claims(reference, of_section)]
        if sources:
            parts.append('<details markdown="1">\n<summary>n, and where these numbers come from</summary>')
            parts += [table(("claim", "n", "from"), sources), "</details>"]
    return "\n\n".join(parts)


def claims(reference, rows):
    """The table of a section, one row for each claim."""
    cells = [
        (_claim(row), row.answer, row.claim.reference, row.finding.ours, str(row.finding.conditions)) for row in rows
    ]
    return table(("claim", "does it hold?", reference, "ours", "conditions"), cells)


def _claim(row):
    return f"{row.where}: {row.claim.text}" if row.claim.where else row.claim.text


def excerpt(reference, rows):
    """The same rows as one short table."""
    cells = [(row.claim.text, row.answer, row.claim.reference, row.finding.ours) for row in rows]
    return table(("claim", "does it hold?", reference, "ours"), cells)


def summary(rows, links):
    """The number of claims with each answer, section by section.

    Args:
        rows: list of `ledger.Row`.
        links: section → where to read more, in the order of the table; other sections are left out.
    """
    of_all = sections(rows)
    found = {title: [row.finding.answer for row in of_all.get(title, ())] for title in links}
    every = sum(found.values(), [])
    answers = [*verdicts.ANSWERS, *sorted(set(every) - set(verdicts.ANSWERS))]
    cells = [(f"[{title}]({links[title]})", *map(str, map(of.count, answers))) for title, of in found.items()]
    return table(("", *answers), [*cells, ("all", *map(str, map(every.count, answers)))])


def table(head, rows):
    """A Markdown table of text; bars in a cell are escaped."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])
