"""The word of Slack or GitHub for an account: accepted where it is asked for, never a proof."""

from __future__ import annotations

import itertools

import pytest

from dsl.rules.gates.consensus import DOORS, IDENTITIES, Decision, Rules, Verdict, Vote, tally

ASKED = {"approvers": frozenset({"ann"})}


def vote(**fields: object) -> Vote:
    return Vote("ann", Decision.APPROVE, "entity", **fields)  # type: ignore[arg-type]


def passes(identity: set[str], given: Vote) -> bool:
    return tally(Rules(**ASKED, identity=frozenset(identity)), [given]).verdict is Verdict.PASSED  # type: ignore[arg-type]


@pytest.mark.parametrize("door", DOORS)
def test_a_door_is_never_verified_whatever_else_a_gate_takes(door: str):
    for size in range(1, len(IDENTITIES) + 1):
        for identity in itertools.combinations(IDENTITIES, size):
            takes = not {door, "claimed"}.isdisjoint(identity)
            assert passes(set(identity), vote(door=door)) is takes
            assert passes(set(identity), vote(proven=True))
    assert vote(door=door).known_by == door


def test_one_door_is_not_the_other_and_a_claim_is_none():
    assert not passes({"slack"}, vote(door="github"))
    assert not passes({"slack", "github", "verified"}, Vote("ann", Decision.APPROVE))


def test_a_vote_is_known_in_one_way_and_belongs_to_an_entity():
    for fields in ({"door": "slack", "proven": True}, {"door": "mail"}):
        with pytest.raises(ValueError, match="no proof"):
            vote(**fields)
    with pytest.raises(ValueError, match="belongs to an entity"):
        Vote("ann", Decision.APPROVE, door="slack")


def test_why_it_does_not_count_names_the_door():
    rules = Rules(**ASKED, identity=frozenset({"verified"}))  # type: ignore[arg-type]
    [(_, why)] = tally(rules, [vote(door="slack")], "sign-off").void

    assert why == "'ann' is known by slack alone, and gate 'sign-off' demands a proof"
