"""Every rule of the ledger gives every answer that it can give, each on a made-up record; and the command prints it."""

import pytest

from experiments import denoise
from experiments.lib import ledger
from experiments.lib.verdicts import NOT_RUN
from tests.experiments import (
    rules_any_noise,
    rules_beyond,
    rules_conservative,
    rules_denoise,
    rules_denoise_colour,
    rules_denoise_stencils,
    rules_diffusion_estimates,
    rules_inverse_any,
    rules_layers,
    rules_longer_times,
    rules_paper,
)

BEYOND = (
    rules_beyond.CASES
    | rules_any_noise.CASES
    | rules_conservative.CASES
    | rules_denoise_stencils.CASES
    | rules_denoise_colour.CASES
    | rules_inverse_any.CASES
    | rules_diffusion_estimates.CASES
    | rules_longer_times.CASES
)
BEYOND |= {(denoise.TITLE, text): answers for text, answers in rules_denoise.CASES.items()}
CASES = {ledger.PAPER: rules_paper.CASES | rules_layers.CASES, ledger.BEYOND: BEYOND}
MADE = [
    pytest.param(each, key, answer, make, id=f"{key[0]}, {key[1]}: {answer} {number}")
    for each, cases in CASES.items()
    for key, answers in cases.items()
    for answer, makers in answers.items()
    for number, make in enumerate(makers)
]


def rows(each, root):
    """(where, text) → finding."""
    return {(row.where, row.claim.text): row.finding for row in each.rows(root)}


@pytest.mark.parametrize(("each", "key", "answer", "make"), MADE)
def test_a_rule_gives_the_answer(each, key, answer, make, tmp_path, capsys):
    make(tmp_path)
    (found,) = [row.finding for row in each.rows(tmp_path, key)]
    assert found.answer == answer, found
    assert not capsys.readouterr().err


@pytest.mark.parametrize("each", [ledger.PAPER, ledger.BEYOND])
def test_every_claim_was_seen_to_give_each_of_its_answers(each, tmp_path):
    claims = {(row.where, row.claim.text): set(row.claim.answers) for row in each.rows(tmp_path)}
    seen = {key: {*answers} | {NOT_RUN} for key, answers in CASES[each].items()}
    assert claims == seen


@pytest.mark.parametrize("each", [ledger.PAPER, ledger.BEYOND])
def test_without_records_nothing_was_run(each, tmp_path):
    assert {finding.answer for finding in rows(each, tmp_path).values()} == {NOT_RUN}
