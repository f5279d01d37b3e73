"""The contract of agents: its schema is its file, and what it lets be sent is taken."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.agent_protocol.messages import MESSAGE_TYPES, MESSAGES, RESERVED_NAMES
from dsl.agent_protocol.schema import message_schema, protocol_schema, schema_text
from dsl.core import AgentPhase, ClarifiedPlan, Tier
from dsl.limits import (
    AGENT_ARTIFACTS_MAX,
    AGENT_EVENTS_MAX,
    AGENT_LINE_BYTES_MAX,
    AGENT_OUTPUT_BYTES_MAX,
    AGENT_STDERR_BYTES_MAX,
    ARTIFACT_BYTES_MAX,
    CHECKPOINT_BYTES_MAX,
    CHECKPOINTS_MAX,
    JSON_DEPTH_MAX,
    RESULT_BYTES_MAX,
)
from dsl.rules.health.clarification import Clarification
from integrations.agents.conformance.findings import MENDS
from integrations.agents.contract.protocol import RESERVED, Request, parse_message, parse_result
from tests.docs.blocks import ROOT, blocks_of
from tests.fixtures.search import inputs

PAGE = ROOT / "docs" / "agent-protocol.md"
FILE = ROOT / "dsl" / "schemas" / "agent-protocol.schema.json"
LINE = jsonschema.Draft202012Validator(protocol_schema())
MESSAGE = jsonschema.Draft202012Validator(message_schema())
REQUEST, MESSAGES_SHOWN, ANSWER, CLARIFIED = (
    each.text for each in blocks_of(PAGE) if each.language == "json"
)
ONE_OF_EACH = [json.loads(line) for line in MESSAGES_SHOWN.splitlines()]

plain = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
more = st.dictionaries(st.sampled_from(["hint", "seconds", "x"]), st.integers(0, 9) | plain)
results = st.fixed_dictionaries(
    {"type": st.just("result"), "status": st.sampled_from(["ok", "failed"])},
    optional={
        "summary": plain,
        "output": st.dictionaries(plain, st.integers(-9, 9) | plain | st.booleans()),
    },
)


def test_the_file_is_the_schema():
    jsonschema.Draft202012Validator.check_schema(protocol_schema())

    assert FILE.read_text() == schema_text()


def test_every_type_of_message_is_shown_once_and_can_be_sent():
    assert sorted(each["type"] for each in ONE_OF_EACH) == sorted(MESSAGE_TYPES)
    assert len(MESSAGES) == len(MESSAGE_TYPES)
    assert [list(MESSAGE.iter_errors(each)) for each in ONE_OF_EACH] == [[]] * len(ONE_OF_EACH)


def test_an_answer_is_a_line_that_only_we_say():
    assert list(LINE.iter_errors(json.loads(ANSWER))) == []
    assert not MESSAGE.is_valid(json.loads(ANSWER))


@pytest.mark.parametrize("message", ONE_OF_EACH, ids=lambda each: each["type"])
def test_what_is_shown_is_taken(message):
    assert parse_message(json.dumps(message).encode()) == message


@pytest.mark.parametrize(
    "message",
    [
        {"type": "result", "status": "success"},
        {"type": "result", "status": "ok", "output": []},
        {"type": "log"},
        {"type": "artifact", "name": "report.md", "path": "report.md"},
        {"type": "artifact", "name": "a", "path": "/etc/passwd"},
        {"type": "artifact", "name": "../a", "path": "a"},
        {"type": "artefact", "name": "a", "path": "a"},
        {"type": "checkpoint"},
        {"type": "checkpoint", "data": {}, "path": "state"},
        {"type": "checkpoint", "path": "folder/state"},
        {"message": "no type"},
    ],
)
def test_what_nobody_takes_cannot_be_sent(message):
    assert not MESSAGE.is_valid(message)


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_no_name_looks_like_one_of_the_engine_s_own(name):
    alike = [name, name.upper(), name.title(), f"{name}.", f"{name}..."]
    alike += [name.replace("l", "1"), name.replace("l", "I"), name.replace("o", "0")]
    others = [f"my-{name}", f"{name}.txt", f"{name}x", name.replace(".", "-")]

    assert [each for each in alike if _sendable(each) or not RESERVED.fullmatch(each)] == []
    assert [each for each in others if not _sendable(each) or RESERVED.fullmatch(each)] == []


def _sendable(name: str) -> bool:
    return MESSAGE.is_valid({"type": "artifact", "name": name, "path": "a"})


@inputs(200)
@given(results, more)
def test_a_result_that_can_be_sent_is_taken(result, unknown):
    message: dict[str, Any] = {**unknown, **result}
    assert MESSAGE.is_valid(message)
    taken = parse_message(json.dumps(message).encode())

    assert taken == message
    assert parse_result(message).ok is (message["status"] == "ok")


def test_a_request_is_a_line_of_the_contract():
    request = Request(
        run="run",
        stage="stage",
        phase=AgentPhase.PLAN,
        attempt=1,
        deadline=1.5,
        workdir=Path("/tmp"),
        tier=Tier.T2,
    )

    assert LINE.is_valid(json.loads(request.line()))
    assert LINE.is_valid(json.loads(request.line(later={"a": 1})))
    assert not LINE.is_valid(json.loads(request.line(v=2)))


def test_the_request_shown_has_every_field_and_no_other():
    shown = json.loads(REQUEST)
    definition = protocol_schema()["$defs"]["RequestLine"]

    assert LINE.is_valid(shown)
    assert list(shown) == list(definition["properties"])
    # An activity of somebody else's worker calls no tools, and is not told of any.
    assert [*definition["required"], "tools"] == list(definition["properties"])


def test_the_clarification_shown_is_one_as_it_is_told():
    shown = json.loads(CLARIFIED)
    request = {**json.loads(REQUEST), "clarification": shown}
    definition = protocol_schema()["$defs"]["ClarificationLine"]
    plan = ClarifiedPlan(reasons=("it erred",))
    made = Clarification(stage="a", number=1, before="x", plan=plan, errors_until_ms=1)

    assert LINE.is_valid(request)
    assert not LINE.is_valid({**request, "clarification": {"number": 1}})
    assert list(shown) == list(made.told()) == definition["required"]


def test_the_page_tells_limits_names_and_rules_as_they_are():
    page = PAGE.read_text()
    mib, kib = 1 << 20, 1 << 10
    sentences = [
        f"{AGENT_LINE_BYTES_MAX // mib} MiB, {JSON_DEPTH_MAX} levels",
        f"all of stdout | {AGENT_OUTPUT_BYTES_MAX // mib} MiB",
        f"the last {AGENT_STDERR_BYTES_MAX // kib} KiB",
        f"events | {AGENT_EVENTS_MAX:,}",
        f"`output` of a result | {RESULT_BYTES_MAX // kib} KiB",
        f"{CHECKPOINTS_MAX:,}, `data` of {CHECKPOINT_BYTES_MAX // kib} KiB",
        f"artifacts | {AGENT_ARTIFACTS_MAX}, each of {ARTIFACT_BYTES_MAX // mib} MiB",
    ]

    assert [each for each in sentences if each not in page] == []
    assert {name for name in RESERVED_NAMES if f"`{name}`" not in page} == set()
    assert re.findall(
        r"^\| `([a-z-]+)` \|", page.partition("## What the check")[2], re.MULTILINE
    ) == list(MENDS)
