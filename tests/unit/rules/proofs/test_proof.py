"""Proofs: what is one, what is not, and that one is good for its own matter only."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.rules.proofs.proof import (
    CIRCUIT,
    CLOCK_SKEW_S,
    MATTERS,
    PLAN,
    PROOF_LENGTH_MAX,
    PROOF_LIFE_S_MAX,
    REBIND,
    REVIEW,
    REVOKE,
    START,
    VOTE,
    VOUCHED,
    Proof,
    ProofError,
    decode,
    encode,
    reason_digest,
    refuse_age,
    refuse_matter,
    refuse_time,
    statement_of,
)
from dsl.values.canonical import canonical

DIGEST = "sha256:" + "0" * 64
ENTITY = "0e0e0e0e-1111-2222-3333-444444444444"
NONCE = "ab" * 16
NOW = 1_800_000_000
_OF_A_VOTE: dict[str, Any] = {
    "workflow": "deploy-1",
    "run": "11111111-1111-1111-1111-111111111111",
    "gate": "checks/people/sign-off",
    "opening": 1,
    "escalated": False,
    "plan": DIGEST,
    "inputs": DIGEST,
    "subject": DIGEST,
    "decision": "approve",
    "reason": reason_digest("seen"),
}
ABOUT: dict[str, dict[str, Any]] = {
    VOTE: _OF_A_VOTE,
    VOUCHED: {**_OF_A_VOTE, "door": "slack", "account": "T0/U0"},
    START: {"workflow": "deploy-1", "plan": DIGEST, "inputs": DIGEST},
    PLAN: {"plan": DIGEST, "name": "deploy", "version": "1.0"},
    REVOKE: {"agent": "deploy.plan", "reason": reason_digest("it deletes")},
    CIRCUIT: {"circuit": "vault", "order": "open", "reason": reason_digest("moved")},
    REVIEW: {
        "suggestion": "pin-dependency-0123456789ab",
        "outcome": "accepted",
        "reason": reason_digest("done"),
    },
    REBIND: {
        "agent": "deploy.plan",
        "pipeline": "deploy",
        "template": "default",
        "program": DIGEST,
        "reason": reason_digest("release 2"),
    },
}


def statement(made_for: str = VOTE, /, **changes: Any) -> dict[str, Any]:
    made = statement_of(made_for, ABOUT[made_for], entity=ENTITY, expires=NOW + 590, nonce=NONCE)
    return {**made, **changes}


def proof(made_for: str = VOTE, /, **changes: Any) -> Proof:
    return Proof(statement(made_for, **changes), "vault:v1:c2lnbmF0dXJl")


def word_of(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name != key}


SENT = {"statement": statement(), "signature": "vault:v1:c2lnbmF0dXJl"}


# what is a proof


@pytest.mark.parametrize("purpose", MATTERS)
def test_a_proof_arrives_as_it_was_sent(purpose):
    sent = proof(purpose)
    found = decode(encode(sent))

    assert found == sent
    assert found.purpose == purpose
    assert (found.entity, found.nonce, found.expires) == (ENTITY, NONCE, NOW + 590)


def test_a_proof_is_one_word_for_any_shell():
    word = encode(proof())

    assert word.isascii()
    assert word.replace("-", "").replace("_", "").isalnum()
    assert len(word) < PROOF_LENGTH_MAX


def test_what_is_signed_hangs_on_the_values_and_on_nothing_else():
    turned = dict(reversed(statement().items()))

    assert Proof(turned, "x").message() == proof().message() == canonical(statement()).encode()


def test_padding_is_forgiven():
    word = encode(proof())

    assert decode(word + "=" * (-len(word) % 4)) == proof()


@pytest.mark.parametrize("change", ["missing", "too much"])
def test_a_statement_is_about_all_it_has_to_be_about(change):
    about = without(ABOUT[VOTE], "run") if change == "missing" else {**ABOUT[VOTE], "x": 1}

    with pytest.raises(ValueError, match="expected"):
        statement_of(VOTE, about, entity=ENTITY, expires=NOW, nonce=NONCE)


# what is none

NO_PROOFS: dict[str, tuple[str, str]] = {
    "nothing": ("", "there is no proof"),
    "a cut off one": (encode(proof())[:-40], "copy all of it"),
    "half of one": (encode(proof())[: len(encode(proof())) // 2], "copy all of it"),
    "one too many characters": (encode(proof()) + "A" * 5, "copy all of it"),
    "1 MB": ("A" * (1 << 20), f"{1 << 20} characters, and {PROOF_LENGTH_MAX}"),
    "no base64": ("hello, world!", "not base64url"),
    "no ascii": ("прове" * 10, "not base64url"),
    "a line break": (encode(proof())[:20] + "\n" + encode(proof())[20:], "not base64url"),
    "no JSON": (base64.urlsafe_b64encode(b"\xff" * 90).decode(), "cut off or altered"),
    "a number of a million digits": (base64.urlsafe_b64encode(b"9" * 6_000).decode(), "cut off"),
    "a deep nest": (base64.urlsafe_b64encode(b"[" * 6_000).decode(), "cut off or altered"),
    "another JSON": (word_of([1, 2]), "no statement with a signature"),
    "no signature": (word_of({"statement": statement()}), "no statement with a signature"),
    "another key": (word_of({**SENT, "more": 1}), "no statement with a signature"),
    "a signature of another type": (word_of({**SENT, "signature": 1}), "no statement with"),
    "a statement of another type": (word_of({**SENT, "statement": "x"}), "no statement with"),
    "another signature": (word_of({**SENT, "signature": "gpg:abc"}), "not one of Vault's"),
    "a long signature": (word_of({**SENT, "signature": "vault:v1:" + "A" * 600}), "Vault's"),
}
WRONG_STATEMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown purpose": (statement(purpose="mandate/vote/2"), "states nothing that is known"),
    "a purpose that is no text": (statement(purpose=[VOTE]), "states nothing that is known"),
    "no purpose": (without(statement(), "purpose"), "states nothing that is known"),
    "a field too few": (without(statement(), "run"), "states nothing that is known"),
    "a field too many": (statement(more=1), "states nothing that is known"),
    "the fields of another purpose": (statement(purpose=START), "states nothing that is known"),
    "no entity": (statement(entity="ann"), "no entity, end or nonce"),
    "an entity that is a path": (statement(entity=f"{ENTITY}/../x"), "no entity, end or nonce"),
    "an entity of another type": (statement(entity=None), "no entity, end or nonce"),
    "no nonce": (statement(nonce=""), "no entity, end or nonce"),
    "a nonce in capitals": (statement(nonce=NONCE.upper()), "no entity, end or nonce"),
    "a nonce with a line break": (statement(nonce=NONCE + "\n"), "no entity, end or nonce"),
    "an end as text": (statement(expires=str(NOW)), "no entity, end or nonce"),
    "an end as a fraction": (statement(expires=NOW + 0.5), "no entity, end or nonce"),
    "an end that is a truth": (statement(expires=True), "no entity, end or nonce"),
    "a number nobody spells alike": (statement(opening=2**60), "cut off or altered"),
    "no number at all": (statement(opening=float("nan")), "cut off or altered"),
}


@pytest.mark.parametrize(("word", "said"), NO_PROOFS.values(), ids=NO_PROOFS)
def test_no_proof_is(word, said):
    with pytest.raises(ProofError, match=said) as caught:
        decode(word)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("stated", "said"), WRONG_STATEMENTS.values(), ids=WRONG_STATEMENTS)
def test_nothing_is_proved_by(stated, said):
    with pytest.raises(ProofError, match=said):
        decode(word_of({**SENT, "statement": stated}))


@pytest.mark.parametrize("place", ["purpose", "gate", "entity"])
def test_no_depth_of_nesting_gets_through_to_a_crash(place):
    for depth in [*range(1, 100, 10), *range(700, 1_000), 1_500, 2_500]:
        nested = "[" * depth + "]" * depth
        text = json.dumps({**SENT, "statement": statement(**{place: "HERE"})})
        word = base64.urlsafe_b64encode(text.replace('"HERE"', nested).encode()).decode()
        try:
            decode(word)
        except ProofError:
            continue
        assert place == "gate"  # refused when it is compared


@given(st.text(max_size=300))
@settings(deadline=None)
def test_any_text_is_refused_and_nothing_worse(text):
    with pytest.raises(ProofError):
        decode(text)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_refused_and_nothing_worse(data):
    with pytest.raises(ProofError):
        decode(base64.urlsafe_b64encode(data).decode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(statement())), json_values), json_values)
@settings(deadline=None)
def test_what_is_nearly_a_proof_is_one_or_is_refused(changes, signature):
    for sent in ({**SENT, "signature": signature}, SENT):
        try:
            found = decode(word_of({**sent, "statement": statement(**changes)}))
        except ProofError:
            continue
        refuse_matter(found, VOTE, ABOUT[VOTE])
        assert found.message()


# what it is good for


@pytest.mark.parametrize("purpose", MATTERS)
def test_a_proof_is_good_for_its_own_matter(purpose):
    assert refuse_matter(proof(purpose), purpose, ABOUT[purpose]) is None


@pytest.mark.parametrize("made_for", MATTERS)
@pytest.mark.parametrize("used_for", MATTERS)
def test_a_proof_for_one_purpose_serves_no_other(made_for, used_for):
    refusal = refuse_matter(proof(made_for), used_for, ABOUT[used_for])

    assert (refusal is None) == (made_for == used_for)
    if refusal:
        assert f"was made for {made_for!r}" in refusal


@pytest.mark.parametrize(
    ("purpose", "field"), [(purpose, field) for purpose in MATTERS for field in MATTERS[purpose]]
)
def test_one_field_that_differs_and_it_is_about_something_else(purpose, field):
    value = ABOUT[purpose][field]
    other = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else "x"
    refusal = refuse_matter(proof(purpose), purpose, {**ABOUT[purpose], field: other})

    assert refusal is not None
    assert refusal.startswith(f"the proof is for {field} ")


@pytest.mark.parametrize(
    ("field", "signed"),
    [("opening", True), ("opening", 1.0), ("opening", "1"), ("escalated", 0), ("gate", None)],
)
def test_what_only_looks_equal_is_not(field, signed):
    assert refuse_matter(proof(**{field: signed}), VOTE, ABOUT[VOTE]) is not None


def test_a_long_value_is_not_quoted_whole():
    refusal = refuse_matter(proof(gate="g" * 5_000), VOTE, ABOUT[VOTE])

    assert refusal is not None
    assert len(refusal) < 300


# when it ends


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (-PROOF_LIFE_S_MAX, None),
        (-1, None),
        (0, None),
        (CLOCK_SKEW_S, None),
        (CLOCK_SKEW_S + 1, "expired 31 s ago"),
        (100_000, "expired"),
        (-PROOF_LIFE_S_MAX - CLOCK_SKEW_S, None),
        (-PROOF_LIFE_S_MAX - CLOCK_SKEW_S - 1, f"more than {PROOF_LIFE_S_MAX} s"),
    ],
)
def test_a_proof_ends_in_time(late, said):
    refusal = refuse_time(proof(expires=NOW), NOW + late)

    assert (refusal is None) == (said is None)
    assert said is None or said in str(refusal)


RUN_LASTS_S = 3_600


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (-PROOF_LIFE_S_MAX, None),
        (0, None),
        (RUN_LASTS_S + CLOCK_SKEW_S, None),
        (RUN_LASTS_S + CLOCK_SKEW_S + 1, "no run of this plan lasts as long"),
        (-PROOF_LIFE_S_MAX - CLOCK_SKEW_S, None),
        (-PROOF_LIFE_S_MAX - CLOCK_SKEW_S - 1, f"more than {PROOF_LIFE_S_MAX} s"),
    ],
)
def test_a_proof_is_good_as_long_as_its_run_may_last(late, said):
    refusal = refuse_age(proof(expires=NOW), RUN_LASTS_S, NOW + late)

    assert (refusal is None) == (said is None)
    assert said is None or said in str(refusal)
