"""The ledger as Markdown: in sections, as an excerpt, and counted."""

import re

import pytest

from experiments import readme
from experiments.lib import ledger, ledger_tables
from experiments.lib.verdicts import FAILS, HOLDS, NOT_RUN, OPEN, Finding
from tests.conftest import ROOT


def row(where, text="it is so", answer=HOLDS, commit="0123456", papers=True):
    claim = ledger.Claim(text, "> 1", None, where if papers else "")
    return ledger.Row(where, claim, "python", Finding("2 | 3", answer, "5 images", commit=commit))


def test_claims_stand_in_the_sections_of_the_paper_and_others_under_their_own_title():
    found = ledger_tables.sections([row("Colour"), row("Fig. 13"), row("Sec. 5"), row("Fig. 3"), row("Fig. 11")])
    assert [(title, [each.where for each in rows]) for title, rows in found.items()] == [
        ("Size of the networks", ["Sec. 5", "Fig. 3"]),
        ("The learned filters", ["Fig. 13", "Fig. 11"]),
        ("Colour", ["Colour"]),
    ]


def test_every_claim_of_the_paper_has_a_section(tmp_path):
    assert ledger_tables.sections(ledger.PAPER.rows(tmp_path)).keys() == ledger_tables.SECTIONS.keys()


def test_a_section_shows_the_answer_and_folds_in_where_the_number_comes_from():
    lines = ledger_tables.of_sections("paper", [row("Fig. 6"), row("Fig. 7", "not yet", NOT_RUN, commit="")]).split(
        "\n"
    )
    assert lines[:6] == [
        "### Undoing Perona–Malik diffusion",
        "",
        "| claim | does it hold? | paper | ours | conditions |",
        "|---|---|---|---|---|",
        "| Fig. 6: it is so | holds | > 1 | 2 \\| 3 |  |",
        "| Fig. 7: not yet | not run | > 1 | 2 \\| 3 |  |",
    ]
    assert lines[-3:] == ["| Fig. 6: it is so | 5 images | commit 0123456 |", "", "</details>"]
    assert "details" not in ledger_tables.of_sections("paper", [row("Fig. 7", commit="")])


def test_an_excerpt_is_one_table():
    lines = ledger_tables.excerpt("goal", [row("Colour", papers=False), row("Colour", "no", FAILS, papers=False)])
    assert lines.split("\n")[2:] == ["| it is so | holds | > 1 | 2 \\| 3 |", "| no | does not hold | > 1 | 2 \\| 3 |"]


@pytest.mark.parametrize("damaged", [False, True])
def test_answers_are_counted(damaged):
    rows = [row("A"), row("A", answer=OPEN), row("A", answer=OPEN), row("B", answer=NOT_RUN), row("C")]
    rows += [row("B", answer=ledger.BROKEN)] * damaged
    head, _, *lines = ledger_tables.summary(rows, {"B": "b.md", "A": "#a", "D": "d.md"}).split("\n")
    end = " 0 |" * damaged
    broken = " 1 |" * damaged
    assert head == "|  | holds | does not hold | can't tell | not run |" + " can't be read |" * damaged
    assert lines == [
        "| [B](b.md) | 0 | 0 | 0 | 1 |" + broken,
        "| [A](#a) | 1 | 0 | 2 | 0 |" + end,
        "| [D](d.md) | 0 | 0 | 0 | 0 |" + end,
        "| all | 1 | 0 | 2 | 1 |" + broken,
    ]


def test_the_links_of_the_totals_lead_to_headings():
    text = (ROOT / "docs" / "ledgers.md").read_text()
    anchors = {readme._anchor(heading) for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE)}
    links = re.findall(r"\]\(#([^)]*)\)", text)
    assert len(links) > 10 and set(links) <= anchors
    assert readme._anchor("Undoing Perona–Malik diffusion") == "undoing-peronamalik-diffusion"


def test_every_question_beyond_the_paper_has_a_page_with_its_rows():
    for name, page in readme.QUESTIONS.items():
        text = (ROOT / "docs" / "beyond" / page).read_text()
        if (ROOT / "results" / name / "record.json").exists():
            assert f"](../../results/{name}/record.json)" in text and f"](../../results/{name}/figure" in text
        assert f"({page})" in (ROOT / "docs" / "beyond" / "index.md").read_text()
