"""Whether an agent may be raised, or come back: each criterion alone, with its figure."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.core import Tier
from dsl.promotion import parse_criteria
from dsl.rules.trust.promotion import figures, unmet, unmet_reinstatement
from dsl.rules.trust.scorecard import Card, milliseconds
from dsl.values.canonical import canonical
from tests.fixtures.trust.facts import AGENT, REGISTERED, Story

CRITERIA = parse_criteria(
    """\
tiers:
  T2:
    compliant_runs: 10
    age: 3d
    no_violations_for: 14d
    budget_burn_max: 10
    evidence: verified
    gate: {approvers: [ann]}
  T3:
    compliant_runs: 2
    age: 0s
    no_violations_for: 0s
    budget_burn_max: 100
    evidence: verified
    gate: {approvers: ["group:sre"], quorum: 2}
after_demotion: 7d
reinstatement:
  gate: {approvers: ["group:council"], quorum: 2}
""",
    "criteria.yaml",
)
HOUR, DAY = 60, 24 * 60
TOKEN_LIFE_S = 1_800


def asked(
    story: Story, to: Tier = Tier.T2, *, days: int = 30, held: Tier | None = None, **more: Any
) -> tuple[str, ...]:
    """Ask so many days after the last entry; ``held`` in Vault as on the ledger."""
    card = story.card
    now = milliseconds(story.facts[-1].ts) + days * DAY * 60_000 if story.facts else 0
    return unmet(
        CRITERIA, card, card.tier if held is None else held, to, now, verified=True, **more
    )


def worthy() -> Story:
    story = Story()
    story.runs(10)
    return story


def test_an_agent_of_which_all_holds_may_be_raised():
    assert asked(worthy()) == ()


def test_too_few_compliant_runs():
    story = Story()
    story.runs(3)

    assert asked(story) == ("3 compliant runs in a row at T1, 10 needed",)


def test_too_young_at_its_tier():
    assert asked(worthy(), days=0) == ("at T1 for 20m, 3d needed",)
    assert asked(worthy(), days=2) == ("at T1 for 2d, 3d needed",)


def test_a_violation_within_the_window():
    story = Story()
    story.violate(story.begin(), "denied-path")
    story.runs(10)

    assert asked(story, days=5) == (
        "1 violation(s) within 14d, the last 5d ago (denied-path), none allowed",
    )
    assert asked(story, days=14) == ()


def test_too_much_burnt():
    story = worthy()
    story.end(story.begin(), attempts=4, errors=3)

    assert asked(story) == ("22 % of tries failed in the last 11 runs, 10 % allowed",)


def test_evidence_that_does_not_verify():
    story = worthy()
    now = milliseconds(story.facts[-1].ts) + 30 * DAY * 60_000
    [why] = unmet(CRITERIA, story.card, Tier.T1, Tier.T2, now, verified=False)

    assert "the evidence does not verify" in why


def test_too_soon_after_a_demotion_however_good_it_was_since():
    story = Story(registered=False)
    story.tell("agent.registered", **{**REGISTERED, "tier": "T2"})
    story.tell("agent.demoted", was="T2", now="T1", because="denied-path")
    story.runs(10)

    assert asked(story, days=6) == ("demoted 6d ago, 7d have to pass after a demotion",)
    assert asked(story, days=7) == ()


def test_everything_that_is_missing_is_told_at_once():
    story = Story()
    run = story.begin()
    story.violate(run)
    story.end(run, "failed")
    story.tell("agent.demoted", was="T2", now="T1")
    card = story.card
    told = unmet(CRITERIA, card, Tier.T1, Tier.T2, milliseconds(card.since), verified=False)

    assert [why.split()[0] for why in told] == ["0", "at", "1", "100", "demoted", "the"]


@pytest.mark.parametrize(
    ("held", "to", "why"),
    [
        (Tier.T0, Tier.T3, "one tier at a time: T1 next, and T3 was asked for"),
        (Tier.T1, Tier.T4, "one tier at a time: T2 next, and T4 was asked for"),
        (Tier.T1, Tier.T1, "it holds T1 already, and T1 was asked for"),
        (Tier.T2, Tier.T0, "it holds T2 already, and T0 was asked for"),
    ],
)
def test_tiers_are_climbed_one_by_one(held, to, why):
    story = Story(registered=False)
    story.tell("agent.registered", **{**REGISTERED, "tier": held.name})
    story.runs(20)

    assert asked(story, to) == (why,)


def test_where_vault_and_ledger_disagree_nobody_is_raised():
    [why] = asked(worthy(), held=Tier.T2, to=Tier.T3)

    assert why.startswith("vault says that it holds T2 and the ledger says T1")


def test_a_revoked_agent_is_raised_to_nothing():
    story = worthy()
    story.tell("agent.revoked", epoch=7)

    assert asked(story) == (f"agent {AGENT!r} is revoked: reinstate it first",)


def test_an_agent_the_ledger_does_not_know_is_raised_to_nothing():
    [why] = unmet(CRITERIA, Card("who"), Tier.T0, Tier.T1, 0, verified=True)

    assert why == "agent 'who' is unknown to the ledger: it was never registered"


def test_an_agent_of_an_inline_plan_never_gets_to_t3():
    card = Card("inline-0123456789ab.x", registered="2026-01-01T00:00:00Z", tier=Tier.T2)
    [why] = unmet(CRITERIA, card, Tier.T2, Tier.T3, 0, verified=True)

    assert "needs a registered plan" in why


def test_a_tier_the_criteria_leave_out_is_for_nobody():
    story = Story(registered=False)
    story.tell("agent.registered", **{**REGISTERED, "tier": "T0"})

    assert asked(story, Tier.T1) == (
        "this installation raises nobody to T1: its criteria leave it out",
    )


def test_a_revoked_agent_comes_back_once_every_token_is_dead():
    story = worthy()
    epoch = 1_767_225_600_000
    story.tell("agent.revoked", epoch=epoch)
    early = unmet_reinstatement(story.card, Tier.T0, epoch + 60_000, TOKEN_LIFE_S)

    assert early == (
        "a token given before the revocation may live until 2026-01-01T00:30:00Z, in 29m: ask "
        "again then",
    )
    assert unmet_reinstatement(story.card, Tier.T0, epoch + 1_800_000, TOKEN_LIFE_S) == ()

    story.tell("agent.revoked", epoch=epoch + 1_000_000)  # said again
    assert unmet_reinstatement(story.card, Tier.T0, epoch + 1_800_000, TOKEN_LIFE_S) == ()


def test_only_a_revoked_agent_comes_back_and_only_at_t0():
    [why] = unmet_reinstatement(worthy().card, Tier.T0, 0, TOKEN_LIFE_S)
    assert "is not revoked" in why

    story = worthy()
    story.tell("agent.revoked", epoch=0)
    [why] = unmet_reinstatement(story.card, Tier.T2, 10**13, TOKEN_LIFE_S)
    assert why == "whoever was revoked comes back at T0, and T2 was asked for"

    [why] = unmet_reinstatement(Card("who"), Tier.T0, 0, TOKEN_LIFE_S)
    assert "unknown to the ledger" in why


def test_what_people_sign_has_the_figures_and_no_floats():
    story = worthy()
    story.violate("r1")
    told = figures(story.card)

    assert (told["compliant"], told["ended"], told["violations"]) == (10, 10, 1)
    assert told["last_violation"].startswith("denied-path 2026-")
    assert canonical(told)
    assert not [value for value in told.values() if isinstance(value, float)]
