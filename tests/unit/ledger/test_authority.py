"""What a sequence of entries says about agents and plans."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.limits import ERROR_BUDGET_MAX
from dsl.rules.trust.admission import Binding
from integrations.ledger.authority import AUTHORS_MAX, Authority, Fold
from integrations.ledger.events.reading import Registration, read_event

PLAN = {"digest": "sha256:1", "name": "deploy", "version": "1.0", "author": "ann", "how": "proof"}
AGENT = {"pipeline": "deploy", "template": "terraform", "program": "sha256:2", "tier": 1}


def fold_of(*entries: tuple[str, str, dict[str, Any]]) -> Fold:
    fold = Fold()
    for agent, action, payload in entries:
        event = read_event(agent, action, payload)
        assert event is not None
        fold.apply(event)
    return fold


def test_an_error_counts_once_and_the_newest_are_kept():
    many = {f"e{number}": 1_000 + number for number in range(ERROR_BUDGET_MAX)}
    fold = fold_of(
        ("a", "agent.erred", {"phase": "PLAN", "errors": {"old": 1, "new": 5_000}}),
        ("a", "agent.erred", {"phase": "EXECUTE", "errors": {"new": 9_000}}),
        ("a", "agent.erred", {"phase": "EXECUTE", "errors": many}),
        ("b", "agent.erred", {"phase": "EXECUTE", "errors": {}}),
    )
    kept = dict(fold.authority("a").errors)

    assert len(kept) == ERROR_BUDGET_MAX
    assert kept["new"] == 5_000
    assert "old" not in kept
    assert fold.authority("b").errors == ()


@pytest.mark.parametrize(
    "errors",
    [
        None,
        [],
        {"e": -1},
        {"e": "1"},
        {"e": True},
        {str(n): 1 for n in range(ERROR_BUDGET_MAX + 1)},
    ],
)
def test_errors_that_cannot_be_read_are_refused(errors):
    with pytest.raises(ValueError, match="must be"):
        read_event("a", "agent.erred", {"errors": errors})


def test_an_agent_the_ledger_never_heard_of_has_no_authority():
    assert Fold().authority("a") == Authority(fence=0, epoch=0, revoked=False, binding=None)
    assert Fold().registrations("sha256:1") == ()


def test_the_floor_is_the_highest_fence():
    fold = fold_of(
        ("a", "lease.granted", {"fence": 7}),
        ("a", "lease.granted", {"fence": 5}),
        ("b", "lease.granted", {"fence": 9}),
    )

    assert fold.authority("a").fence == 7
    assert fold.authority("b").fence == 9


@pytest.mark.parametrize(
    ("marks", "epoch", "revoked"),
    [
        ([("agent.revoked", 5)], 5, True),
        ([("agent.revoked", 0)], 0, True),
        ([("agent.revoked", 5), ("agent.reinstated", 6)], 6, False),
        ([("agent.reinstated", 6), ("agent.revoked", 5)], 6, False),
        ([("agent.revoked", 5), ("agent.reinstated", 5)], 5, True),
        ([("agent.reinstated", 5), ("agent.revoked", 5)], 5, True),
        ([("agent.revoked", 5), ("agent.reinstated", 6), ("agent.revoked", 7)], 7, True),
    ],
)
def test_the_highest_epoch_rules_and_a_revocation_wins_a_tie(marks, epoch, revoked):
    authority = fold_of(*(("a", action, {"epoch": e}) for action, e in marks)).authority("a")

    assert (authority.epoch, authority.revoked) == (epoch, revoked)


def test_what_was_recorded_first_stays():
    fold = fold_of(
        ("a", "agent.registered", AGENT),
        ("a", "agent.registered", AGENT | {"program": "sha256:3"}),
    )

    assert fold.authority("a").binding == Binding("deploy", "terraform", "sha256:2")


def test_a_rebinding_is_what_counts_from_then_on_and_moves_nothing_else():
    fold = fold_of(
        ("a", "agent.registered", AGENT),
        ("a", "lease.granted", {"fence": 7}),
        ("a", "agent.rebound", AGENT | {"program": "sha256:3", "now": "T1"}),
        ("a", "agent.registered", AGENT),
    )

    assert fold.authority("a").binding == Binding("deploy", "terraform", "sha256:3")
    assert (fold.authority("a").fence, fold.authority("a").revoked) == (7, False)


def test_everybody_who_vouched_for_a_plan_is_known_once_and_in_order():
    ann, bob = {"entity": "e1", "proof": "p1"}, {"author": "bob", "entity": "e2", "proof": "p2"}
    fold = fold_of(
        ("-", "plan.registered", PLAN | ann),
        ("-", "plan.registered", PLAN | bob),
        ("-", "plan.registered", PLAN | ann | {"proof": "p3"}),
    )

    first, second = fold.registrations("sha256:1")
    assert first == Registration("sha256:1", "deploy", "1.0", "ann", "proof", "e1", "p1")
    assert (second.author, second.proof) == ("bob", "p2")


def test_the_authors_of_a_plan_are_limited():
    many = [("-", "plan.registered", PLAN | {"entity": f"e{n}"}) for n in range(AUTHORS_MAX + 5)]

    assert len(fold_of(*many).registrations("sha256:1")) == AUTHORS_MAX


def test_no_program_and_no_author_are_told_alike_whether_empty_or_null():
    fold = fold_of(
        ("a", "agent.registered", AGENT | {"program": ""}),
        ("b", "agent.registered", AGENT | {"program": None}),
        ("-", "plan.registered", PLAN | {"author": ""}),
    )

    assert fold.authority("a").binding == fold.authority("b").binding
    [plan] = fold.registrations("sha256:1")
    assert plan.author is None


@pytest.mark.parametrize(
    ("agent", "action", "payload"),
    [
        ("a", "lease.granted", {}),
        ("a", "lease.granted", {"fence": "7"}),
        ("a", "lease.granted", {"fence": True}),
        ("a", "lease.granted", {"fence": -1}),
        ("a", "lease.granted", {"fence": 2**53}),
        ("a", "agent.revoked", {"epoch": None}),
        ("a", "agent.reinstated", {}),
        ("a", "agent.registered", AGENT | {"program": 1}),
        ("a", "agent.registered", AGENT | {"pipeline": ""}),
        ("-", "plan.registered", PLAN | {"digest": ""}),
        ("-", "plan.registered", PLAN | {"author": 1}),
        ("-", "lease.granted", {"fence": 1}),
        ("a~0123456789ab", "lease.granted", {"fence": 1}),
    ],
)
def test_an_entry_that_should_count_and_cannot_be_read_is_refused(agent, action, payload):
    with pytest.raises(ValueError, match=r"must be|expected the identity"):
        read_event(agent, action, payload)


def test_other_actions_do_not_count():
    assert read_event("a", "agent.execute.intent", {"fence": "seven"}) is None


events = st.one_of(
    st.tuples(
        st.sampled_from("ab"),
        st.just("lease.granted"),
        st.fixed_dictionaries({"fence": st.integers(0, 9)}),
    ),
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["agent.revoked", "agent.reinstated"]),
        st.fixed_dictionaries({"epoch": st.integers(0, 4)}),
    ),
)


@given(st.lists(events), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_a_fence_or_a_revocation(entries, order):
    again = [*entries, *entries]
    random.Random(order.random()).shuffle(again)

    for agent in "ab":
        assert fold_of(*again).authority(agent) == fold_of(*entries).authority(agent)
