"""Whatever an agent says is taken whole and can be handed on by everybody, or is refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.failure.v1 import Failure
from temporalio.common import RawValue

from activities.contracts import messages
from activities.contracts.answers import read_value
from activities.runtime.boundary import _failure
from activities.runtime.converter import MandatePayloadConverter, RedactingFailureConverter
from activities.runtime.violation import said
from dsl.agent_protocol.messages import MESSAGE_TYPES
from dsl.core import AgentOutput, AgentPhase, OutputType, StageStatus
from dsl.limits import (
    ARTIFACT_BYTES_MAX,
    PHASE_ANSWER_BYTES_MAX,
    REPORT_BYTES_MAX,
    TOOL_PURPOSE_LENGTH_MAX,
)
from dsl.values.canonical import canonical
from integrations.agents import workdir
from integrations.agents.contract.calls import NO_CALL, kept_of
from integrations.agents.contract.log import STDERR
from integrations.agents.contract.protocol import AgentError, Outcome
from integrations.agents.contract.transcript import Transcript
from integrations.redaction import Redactor
from tests.fixtures.hostile.json_texts import objects, spelled, values
from tests.fixtures.search import inputs

CONVERTER = MandatePayloadConverter()
SECRET = "correct-horse-battery"

told = spelled(
    objects(
        type=tuple(f'"{kind}"' for kind in sorted(MESSAGE_TYPES)),
        status=('"ok"', '"failed"'),
        output=("{}", '{"n": 1}', f'{{"s": "{SECRET}"}}'),
        summary=('"done"',),
        name=('"a.txt"', '"execute.json"', '"../a"'),
        path=('"a.txt"', '"/etc/passwd"', '"."', '"a\\u0000b"'),
        media_type=('"text/plain"',),
        message=('"42 of 100"',),
    )
) | spelled(values)
RESULT = b'{"type": "result", "status": "ok", "output": {"n": 1}}'


async def heard(lines: list[bytes]) -> Transcript:
    shown: list[Any] = []
    transcript = Transcript(Redactor([SECRET]), shown.append)
    stream = asyncio.StreamReader(limit=1 << 20)
    stream.feed_data(b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines))
    stream.feed_eof()
    await transcript.read_messages(stream)
    if transcript.result is None:
        raise transcript.no_result()
    return transcript


def is_handed_on(value: Any, limit: int = 2 << 20) -> bool:
    payload = CONVERTER.to_payload(value)
    return len(payload.data) < limit and CONVERTER.from_payload(payload) is not None


@inputs(1_500)
@given(st.lists(told, min_size=1, max_size=3), st.booleans())
def test_whatever_an_agent_says_is_handed_on_or_refused_in_a_sentence(lines, with_result):
    directory = Path(__file__).parent
    try:
        transcript = asyncio.run(heard([*lines, *([RESULT] if with_result else [])]))
        workdir.collect(directory, transcript.artifacts, Redactor([SECRET]))
    except AgentError as error:
        failure = Failure()
        RedactingFailureConverter().to_failure(
            _failure(error, may_have_acted=True), CONVERTER, failure
        )
        assert failure.application_failure_info.non_retryable
        assert failure.message
        assert failure.SerializeToString()
        assert "Error" not in failure.message
        return
    assert transcript.result is not None
    _can_be_handed_on(transcript)


def _can_be_handed_on(transcript: Transcript) -> None:
    """Follow what was said through everything that has to take it."""
    result = transcript.result
    assert result is not None
    outcome = Outcome(result=result, events=tuple(transcript.events))
    account = {
        "summary": result.summary,
        "output": result.output,
        "events": [{"type": event.type, **event.data} for event in outcome.events],
        "noise": transcript.noise,
    }
    assert len(canonical(account).encode()) <= ARTIFACT_BYTES_MAX
    output = AgentOutput(
        name="a.txt",
        phase=AgentPhase.EXECUTE,
        output_type=OutputType.BETA,
        digest="sha256:" + "0" * 64,
        size=1,
    )
    answer = messages.PhaseResult(
        output=result.output,
        outputs=(output,) * 100,
        facts={"summary": result.summary[:300], "sandbox": "none"},
        violations=said(*transcript.taken_out()),
    )
    [raw] = CONVERTER.from_payloads([CONVERTER.to_payload(answer)], [RawValue])
    found = read_value(raw, messages.PhaseResult, CONVERTER, bytes_max=PHASE_ANSWER_BYTES_MAX)
    assert found == answer
    report = messages.AgentReport(status=StageStatus.COMPLETED, output=found.output)
    assert is_handed_on(report, REPORT_BYTES_MAX)
    assert is_handed_on({"stages": {"a": {"b": {"c": report.model_dump(mode="json")}}}})


async def test_of_a_call_no_argument_is_kept_and_so_it_is_of_what_was_to_be_one():
    card = "4111-1111"
    call = f'{{"type": "tool_call", "id": "c1", "server": "pay", "why": "w", "arguments": "{card}"'
    taken: list[dict[str, Any]] = []
    transcript = Transcript(Redactor(), None, on_call=lambda said, _: taken.append(said))
    stream = asyncio.StreamReader()
    for line in (call + "}", call, call.replace("tool_call", "Toolcall") + ' "x": 1}'):
        stream.feed_data(line.encode() + b"\n")
    stream.feed_data(call.encode() + b', "id": "twice"}\n')
    with pytest.raises(AgentError, match="there twice"):
        await transcript.read_messages(stream)

    assert [each["arguments"] for each in taken] == [card]
    assert [each.data for each in transcript.events] == [{"id": "c1", "server": "pay", "why": "w"}]
    assert card.encode() not in transcript.log.lines()
    assert card not in "".join(transcript.noise)
    assert transcript.log.lines().count(b"is not kept") == 1  # for all of them


@pytest.mark.parametrize("sort_keys", [False, True])
async def test_of_a_call_that_is_written_over_several_lines_no_argument_is_kept(sort_keys: bool):
    card = "4111-1111"
    arguments = {"cards": [{"card": card}, {"card": card}], "n": 1}
    message = {"type": "tool_call", "id": "c1", "why": "w", "arguments": arguments}
    call = json.dumps(message, indent=2, sort_keys=sort_keys)
    transcript = Transcript(Redactor(), None)
    stream = asyncio.StreamReader()
    for text in ("before", call, '{"type": "progress", "message": "on"}', "{", "behind"):
        stream.feed_data(text.encode() + b"\n")
    stream.feed_eof()
    transcript.log.text(STDERR, b"beside\n")
    await transcript.read_messages(stream)

    said = transcript.log.lines().decode()
    assert card not in said + "".join(transcript.noise)
    assert said.count("is not kept") == 1
    assert all(word in said for word in ("before", "beside", "progress on", "stdout {", "behind"))
    assert transcript.noise == ["before", NO_CALL.decode().strip(), "{", "behind"]


def test_of_a_call_only_words_are_kept():
    card = {"card": "4111-1111"}
    said = {"id": "c1", "server": [card], "tool": card, "why": "w" * 5_000, "arguments": card}

    kept = kept_of(said)

    assert kept.keys() == {"id", "why"}
    assert len(kept["why"]) == TOOL_PURPOSE_LENGTH_MAX
