"""Grants: what is one, what is not, and what one is good for."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.core import Tier
from dsl.rules.proofs.proof import CLOCK_SKEW_S
from dsl.rules.trust.grant import (
    GRANT,
    GRANT_LENGTH_MAX,
    GRANT_LIFE_S_MAX,
    PROMOTE,
    REBIND,
    REINSTATE,
    Grant,
    GrantError,
    decode,
    encode,
    refuse,
)
from dsl.values.agent_ids import AGENT_IDENTITY_LENGTH_MAX
from dsl.values.canonical import canonical

ENTITY = "0e0e0e0e-1111-2222-3333-444444444444"
SIGNATURE = "vault:v1:c2lnbmF0dXJl"
NOW = 1_800_000_000
RAISED = Grant(
    kind=PROMOTE,
    agent="deploy.plan",
    entity=ENTITY,
    was=Tier.T1,
    now=Tier.T2,
    entry=41,
    granted=NOW * 1000,
    expires=NOW + GRANT_LIFE_S_MAX,
)
REBOUND = replace(RAISED, kind=REBIND, now=Tier.T0, binding="sha256:" + "b" * 64)
BACK = replace(RAISED, kind=REINSTATE, now=Tier.T0, epoch=NOW * 1000)
STATED: dict[str, Any] = {
    "purpose": GRANT,
    "kind": PROMOTE,
    "agent": "deploy.plan",
    "entity": ENTITY,
    "was": 1,
    "now": 2,
    "entry": 41,
    "granted": NOW * 1000,
    "expires": NOW + GRANT_LIFE_S_MAX,
    "epoch": 0,
}


def word_of(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def sent(**changes: Any) -> str:
    return word_of({"statement": {**STATED, **changes}, "signature": SIGNATURE})


# what is a grant


@pytest.mark.parametrize(
    "grant", [RAISED, BACK, REBOUND], ids=["promotion", "reinstatement", "rebinding"]
)
def test_a_grant_arrives_as_it_was_sent(grant):
    assert decode(encode(grant, SIGNATURE)) == (grant, SIGNATURE)


def test_what_is_signed_is_the_whole_grant_in_canonical_form():
    assert RAISED.message() == canonical(STATED).encode()


def test_every_field_is_signed():
    others: dict[str, Any] = {
        "kind": REINSTATE,
        "agent": "other",
        "entity": ENTITY.replace("0e", "1e"),
        "was": Tier.T2,
        "now": Tier.T3,
        "entry": 42,
        "granted": 1,
        "expires": 1,
        "epoch": 1,
    }
    assert set(others) == set(STATED) - {"purpose"}
    messages = {replace(RAISED, **{name: value}).message() for name, value in others.items()}

    assert len({*messages, RAISED.message()}) == len(others) + 1


def test_the_longest_grant_fits():
    longest = replace(BACK, agent="a" * AGENT_IDENTITY_LENGTH_MAX, entry=2**53 - 1)

    assert len(encode(longest, "vault:v1:" + "A" * 500)) < GRANT_LENGTH_MAX


# what is none

NO_GRANTS: dict[str, tuple[str, str]] = {
    "nothing": ("", "there is no grant"),
    "a cut off one": (sent()[:-40], "copy all of it"),
    "1 MB": ("A" * (1 << 20), f"{1 << 20} characters, and {GRANT_LENGTH_MAX}"),
    "no base64": ("hello, world!", "not base64url"),
    "no JSON": (base64.urlsafe_b64encode(b"\xff" * 90).decode(), "cut off or altered"),
    "another JSON": (word_of([1, 2]), "no statement with a signature"),
    "no signature": (word_of({"statement": STATED}), "no statement with a signature"),
    "another signature": (word_of({"statement": STATED, "signature": "x"}), "not one of Vault's"),
    "a field too many": (sent(more=1), "states nothing that is known"),
    "another purpose": (sent(purpose="mandate/vote/1"), "states nothing that is known"),
    "a purpose that is no text": (sent(purpose=[GRANT]), "states nothing that is known"),
    "an unknown kind": (sent(kind="demote"), "no kind, agent or entity"),
    "a kind that is no text": (sent(kind=[]), "no kind, agent or entity"),
    "an agent that is a path": (sent(agent="a/../b"), "no kind, agent or entity"),
    "an agent that is none": (sent(agent=None), "no kind, agent or entity"),
    "an entity that is a name": (sent(entity="agent-a"), "no kind, agent or entity"),
    "an entity with a line break": (sent(entity=ENTITY + "\n"), "no kind, agent or entity"),
    "a binding that is no text": (
        sent(kind=REBIND, binding=1),
        "no kind, agent or entity",
    ),
    "a binding of a promotion": (sent(binding=REBOUND.binding), "states nothing that is known"),
    "a rebinding to nothing": (sent(kind=REBIND), "states nothing that is known"),
    "a tier beyond T4": (sent(now=5), "no tier, place or time"),
    "a tier as text": (sent(now="T2"), "no tier, place or time"),
    "a tier that is a truth": (sent(was=True), "no tier, place or time"),
    "a place before the first": (sent(entry=-1), "no tier, place or time"),
    "a fraction of time": (sent(expires=NOW + 0.5), "no tier, place or time"),
    "a time nobody spells alike": (sent(granted=2**60), "cut off or altered"),
    "no epoch": (sent(epoch=None), "no tier, place or time"),
}


@pytest.mark.parametrize(("word", "said"), NO_GRANTS.values(), ids=NO_GRANTS)
def test_no_grant_is(word, said):
    with pytest.raises(GrantError, match=said) as caught:
        decode(word)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("field", STATED)
def test_a_grant_without_one_of_its_fields_is_none(field):
    statement = {name: value for name, value in STATED.items() if name != field}

    with pytest.raises(GrantError, match="states nothing that is known"):
        decode(word_of({"statement": statement, "signature": SIGNATURE}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(STATED)), json_values))
@settings(deadline=None)
def test_what_is_nearly_a_grant_is_one_or_is_refused(changes):
    try:
        grant, _ = decode(sent(**changes))
    except GrantError:
        return
    refuse(grant, kind=PROMOTE, now_s=NOW)
    assert grant.message()


# what it is good for


def test_a_grant_is_good_for_its_own_act():
    assert refuse(RAISED, kind=PROMOTE, now_s=NOW) is None
    assert refuse(BACK, kind=REINSTATE, now_s=NOW) is None
    assert refuse(REBOUND, kind=REBIND, now_s=NOW) is None


def test_a_grant_of_one_kind_serves_no_other():
    assert "to promote, not to reinstate" in str(refuse(RAISED, kind=REINSTATE, now_s=NOW))
    assert "to reinstate, not to promote" in str(refuse(BACK, kind=PROMOTE, now_s=NOW))


@pytest.mark.parametrize("was", Tier)
@pytest.mark.parametrize("now", Tier)
def test_a_promotion_is_one_tier_up(was, now):
    refusal = refuse(replace(RAISED, was=was, now=now), kind=PROMOTE, now_s=NOW)

    assert (refusal is None) == (now - was == 1)
    assert refusal is None or "one tier at a time" in refusal


@pytest.mark.parametrize(("now", "fits"), [(Tier.T2, True), (Tier.T3, False), (Tier.T4, False)])
def test_an_agent_of_an_inline_plan_is_raised_to_t2_at_most(now, fits):
    agent = "inline-0123456789ab.plan"
    grant = replace(RAISED, agent=agent, was=Tier(now - 1), now=now)

    assert (refuse(grant, kind=PROMOTE, now_s=NOW) is None) == fits


@pytest.mark.parametrize("now", [Tier.T1, Tier.T2, Tier.T3, Tier.T4])
def test_a_reinstatement_leads_to_t0_only(now):
    assert "comes back at T0" in str(refuse(replace(BACK, now=now), kind=REINSTATE, now_s=NOW))


def test_a_reinstatement_has_an_epoch_and_a_promotion_has_none():
    assert "names no epoch" in str(refuse(replace(BACK, epoch=0), kind=REINSTATE, now_s=NOW))
    assert "names an epoch" in str(refuse(replace(RAISED, epoch=1), kind=PROMOTE, now_s=NOW))


@pytest.mark.parametrize("was", Tier)
@pytest.mark.parametrize("now", Tier)
def test_a_rebinding_raises_nobody_and_keeps_no_production(was, now):
    refusal = refuse(replace(REBOUND, was=was, now=now), kind=REBIND, now_s=NOW)

    assert (refusal is None) == (now <= min(was, Tier.T2))


def test_a_rebinding_says_to_what_and_that_is_signed():
    other = replace(REBOUND, binding="sha256:" + "c" * 64)

    assert other.message() != REBOUND.message()
    assert "does not say to what" in str(
        refuse(replace(REBOUND, binding="sha256:1"), kind=REBIND, now_s=NOW)
    )
    assert "names an epoch" in str(refuse(replace(REBOUND, epoch=1), kind=REBIND, now_s=NOW))


@pytest.mark.parametrize(
    "grant", [RAISED, BACK, REBOUND], ids=["promotion", "reinstatement", "rebinding"]
)
@pytest.mark.parametrize(
    ("late", "said"),
    [
        (-CLOCK_SKEW_S - 1, "in the future"),
        (-CLOCK_SKEW_S, None),
        (0, None),
        (GRANT_LIFE_S_MAX + CLOCK_SKEW_S, None),
        (GRANT_LIFE_S_MAX + CLOCK_SKEW_S + 1, "expired 31 s ago"),
        (1_000_000, "expired"),
    ],
)
def test_a_grant_ends_in_time(grant, late, said):
    refusal = refuse(grant, kind=grant.kind, now_s=NOW + late)

    assert (refusal is None) == (said is None)
    assert said is None or said in str(refusal)


def test_a_grant_for_longer_than_grants_are_given_is_none():
    grant = replace(RAISED, expires=RAISED.expires + 1)

    assert f"more than {GRANT_LIFE_S_MAX} s" in str(refuse(grant, kind=PROMOTE, now_s=NOW))
