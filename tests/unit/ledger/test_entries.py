"""What may stand on the ledger, and how it is hashed; compared with an independent RFC 8785."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from dsl.core import Tier
from dsl.limits import LEDGER_PAYLOAD_BYTES_MAX
from integrations.errors import DeniedError
from integrations.ledger.entries import (
    KEY_LENGTH_MAX,
    PAYLOAD_DEPTH_MAX,
    Draft,
    canonical_payload,
    content_of,
    entry_bytes,
    entry_key,
    is_canonical,
    is_sound,
    leaf_hash,
)
from integrations.ledger.errors import InvalidDraftError

DRAFT = Draft("w/r/a", "w", "r", "agent-1", Tier.T1, "run.started", {"a": 1})
TS = "2030-01-02T03:04:05.000006Z"
PREV = bytes(range(32))

texts = st.text(st.characters(codec="utf-8"), max_size=20)
keys = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF), max_size=10)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
payloads = st.dictionaries(keys, values, max_size=5)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@given(payloads, names, names, names, st.sampled_from(Tier))
def test_an_entry_is_the_rfc_8785_text_of_its_fields(payload, key, workflow_id, agent, tier):
    content = content_of(Draft(key, workflow_id, "r", agent, tier, "run.started", payload))

    assert entry_bytes(7, TS, content, PREV) == rfc8785.dumps(
        {
            "v": 1,
            "seq": 7,
            "ts": TS,
            "idempotency_key": key,
            "workflow_id": workflow_id,
            "run_id": "r",
            "agent": agent,
            "tier": tier.name,
            "action": "run.started",
            "payload": payload,
            "prev": PREV.hex(),
        }
    )


@given(payloads)
def test_what_is_stored_is_recognised_as_canonical(payload):
    assert is_canonical(canonical_payload(payload))


def test_the_hash_is_the_rfc_6962_leaf_hash():
    assert leaf_hash(b"") == bytes.fromhex(
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )  # the value given with RFC 6962's test vectors
    assert leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 8},
        {"ts": "2030-01-02T03:04:05.000007Z"},
        {"prev_hash": bytes(32)},
        {"content": content_of(replace(DRAFT, tier=Tier.T2))},
        {"content": content_of(replace(DRAFT, payload={"a": 2}))},
        {"content": content_of(DRAFT)._replace(agent="\udcff")},
    ],
    ids=["seq", "ts", "prev", "tier", "payload", "bytes that are no text"],
)
def test_an_entry_with_one_field_changed_is_not_sound(change):
    fields: dict[str, Any] = {"seq": 7, "ts": TS, "content": content_of(DRAFT), "prev_hash": PREV}
    digest = leaf_hash(entry_bytes(**fields))

    assert is_sound(**fields, digest=digest)
    assert not is_sound(**fields | change, digest=digest)


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"a": 1.5}, "float 1.5 has no single spelling"),
        ({"a": [{"b": 1.0}]}, "float"),
        ({"a": float("nan")}, "float nan"),
        ({"a": 2**53}, "outside the range"),
        ({"a": -(2**53)}, "outside the range"),
        ({"\U0001f600": 1}, "cannot be a key"),
        ({1: 1}, "cannot be a key"),
        ({"a": "\ud800"}, "surrogates not allowed"),
        ({"\ud800": 1}, "surrogates not allowed"),
        ({"a": b"x"}, "a bytes has no canonical JSON form"),
        ({"a": {1}}, "a set has no canonical JSON form"),
        (["a"], "expected the payload to be an object, got a list"),
        (nested(PAYLOAD_DEPTH_MAX), "nested deeper"),
        ({"a": "x" * LEDGER_PAYLOAD_BYTES_MAX}, "store it as an artefact"),
    ],
)
def test_a_payload_that_two_readers_could_read_differently_is_refused(payload, words):
    with pytest.raises(InvalidDraftError, match=words):
        content_of(replace(DRAFT, payload=payload))


def test_a_payload_at_the_limits_is_taken():
    assert content_of(replace(DRAFT, payload=nested(PAYLOAD_DEPTH_MAX - 1)))
    assert content_of(replace(DRAFT, payload={"a": "x" * (LEDGER_PAYLOAD_BYTES_MAX - 8)}))


def test_a_payload_that_holds_itself_is_refused():
    payload: dict[str, Any] = {}
    payload["a"] = payload

    with pytest.raises(InvalidDraftError, match="nested deeper"):
        content_of(replace(DRAFT, payload=payload))


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1,"a":1}',
        '{"a": 1}',
        '{"a":1,"a":1}',
        '{"a":1.0}',
        '{"a":1e3}',
        '{"a":NaN}',
        '{"a":"\\u0041"}',
        '{},"prev":"00","x":{}',
        '{"a":' * 100_000 + "{}" + "}" * 100_000,
        "{",
        "[]",
    ],
    ids=range(11),
)
def test_a_payload_of_another_form_is_not_canonical(text):
    assert not is_canonical(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": ""}, "key has 0 characters, expected 1 to 512"),
        ({"key": "x" * 513}, "key has 513 characters"),
        ({"key": "a\0b"}, "NUL"),
        ({"workflow_id": ""}, "workflow_id"),
        ({"run_id": "x" * 2_001}, "run_id"),
        ({"agent": "\ud800"}, "surrogates not allowed"),
        ({"tier": 5}, "5 is not a valid Tier"),
        ({"action": "started"}, "dotted lower case"),
        ({"action": "Run.started"}, "dotted lower case"),
        ({"action": "run..started"}, "dotted lower case"),
        ({"action": "run.started\n"}, "dotted lower case"),
        ({"action": "run." + "x" * 100}, "dotted lower case"),
    ],
)
def test_a_field_that_is_not_ours_is_refused_for_good(change, words):
    with pytest.raises(InvalidDraftError, match=words) as refused:
        content_of(replace(DRAFT, **change))

    assert isinstance(refused.value, DeniedError)


@pytest.mark.parametrize("action", ["run.started", "agent.bootstrap.intent", "gate.vote-cast"])
def test_actions_are_dotted_and_lower_case(action):
    assert content_of(replace(DRAFT, action=action)).action == action


def test_a_key_joins_its_parts_and_stays_within_the_limit_without_colliding():
    long = "x" * KEY_LENGTH_MAX

    assert entry_key("w", "r", "a", "0") == "w/r/a/0"
    assert len(entry_key(long, "a")) == KEY_LENGTH_MAX
    assert entry_key(long, "a") != entry_key(long, "b")
    assert entry_key(long, "a") == entry_key(long, "a")
