"""What follows on what an agent must not do."""

from __future__ import annotations

import pytest

from dsl.rules.trust.violations import (
    RULES,
    Consequence,
    Violation,
    consequence_of,
    uses_up_its_budget,
)

EXPECTED = {
    "phase-order": "demote",
    "wrong-output": "demote",
    "stale-fence": "warn",
    "budget-exhausted": "demote",
    "denied-path": "demote",
    "late-result": "warn",
    "plan-exhausted": "revoke",
    "sandbox-escape": "revoke",
    "secret-in-output": "demote",
    "token-in-output": "warn",
}


def test_every_kind_has_its_consequence():
    assert {kind.value: consequence_of(kind).value for kind in Violation} == EXPECTED


@pytest.mark.parametrize("kind", Violation)
def test_every_kind_says_why_in_a_sentence(kind):
    why = RULES[kind].why

    assert why.endswith(".")
    assert why[0].isupper()


def test_a_kind_nobody_knows_is_an_error_and_not_a_warning():
    with pytest.raises(ValueError, match="unheard-of"):
        consequence_of("unheard-of")


def test_what_may_be_an_accident_of_the_machine_costs_no_tier():
    assert consequence_of(Violation.STALE_FENCE) is Consequence.WARN


@pytest.mark.parametrize(
    ("in_a_row", "is_one"),
    [(0, False), (1, False), (2, False), (3, True), (4, False), (5, False), (6, True)],
)
def test_every_third_run_in_a_row_that_uses_up_all_tries_is_a_violation(in_a_row, is_one):
    assert uses_up_its_budget(in_a_row) is is_one
