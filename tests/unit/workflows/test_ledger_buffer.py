"""What was sent to the ledger and may stand there is sent again under its first names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ActivityError, ApplicationError, RetryState

from activities.contracts import messages, specs
from dsl import actions
from dsl.limits import LEDGER_ENTRIES_PER_RECORD_MAX
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.implied import RECORD, keys_of
from dsl.rules.reconciliation.recorded import key_of
from workflows.ledger.ledger_buffer import REFUSED, LedgerBuffer


class Records:
    """Stands where the activity is asked for: fails as it is told to, before it answers."""

    def __init__(self) -> None:
        self.asked: list[messages.RecordRequest] = []
        self.fails: list[BaseException] = []

    async def __call__(self, request: messages.RecordRequest, **_: Any) -> messages.RecordResult:
        self.asked.append(request)
        if self.fails:
            raise self.fails.pop(0)
        return messages.RecordResult(first=1, last=len(request.entries))


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Records:
    found = Records()
    monkeypatch.setattr(specs, "record", found)
    return found


def refused() -> ActivityError:
    error = ActivityError(
        "refused",
        scheduled_event_id=1,
        started_event_id=2,
        identity="i",
        activity_type="ledger.record",
        activity_id="a",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = ApplicationError("no", non_retryable=True)
    return error


async def test_what_was_cancelled_behind_the_append_keeps_its_name_and_what_is_new_has_none(
    records: Records,
) -> None:
    buffer = LedgerBuffer("run")
    buffer.note("run.started")
    await buffer.flush("start")
    records.fails = [asyncio.CancelledError(), asyncio.CancelledError()]
    buffer.note("gate.decided", gate="ok")
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            await buffer.flush("decided")
        buffer.note("run.ended")
    await buffer.flush("end")

    sent = [each.sent for each in records.asked]
    assert sent == [(), (), ("run/ledger#2/0",), ("run/ledger#2/0", "run/ledger#3/1")]
    assert [len(each.entries) for each in records.asked] == [1, 1, 2, 3]
    assert "sent" not in records.asked[0].model_dump(mode="json")


async def test_names_go_with_their_entries_where_one_record_does_not_take_all(
    records: Records,
) -> None:
    buffer = LedgerBuffer("run")
    for number in range(LEDGER_ENTRIES_PER_RECORD_MAX):
        buffer.note("gate.opened", gate=str(number))
    records.fails = [asyncio.CancelledError()]
    with pytest.raises(asyncio.CancelledError):
        await buffer.flush("opened")
    buffer.note("gate.opened", gate="last")
    await buffer.flush("opened")

    whole = tuple(f"run/ledger#1/{number}" for number in range(LEDGER_ENTRIES_PER_RECORD_MAX))
    assert [each.sent for each in records.asked] == [(), whole, ()]


async def test_what_stands_in_the_place_of_a_refused_one_is_new(records: Records) -> None:
    buffer = LedgerBuffer("run")
    buffer.note("gate.opened")
    records.fails = [refused(), asyncio.CancelledError()]
    with pytest.raises(ActivityError):
        await buffer.flush("opened")
    with pytest.raises(asyncio.CancelledError):
        await buffer.flush("opened")
    await buffer.flush("opened")

    assert [each.action for each in records.asked[1].entries] == [REFUSED]
    assert [each.sent for each in records.asked] == [(), (), ("run/ledger#2/0",)]


async def test_what_was_refused_with_an_intent_keeps_its_name_and_is_sent_without_it(
    records: Records,
) -> None:
    buffer = LedgerBuffer("run")
    buffer.note(actions.TOOL_INTENDED, occurrence="o-1")
    buffer.note(actions.TOOL_ANSWERED, occurrence="o-0", frees="pay/1")
    records.fails = [refused(), refused()]
    for _ in range(2):
        with pytest.raises(ActivityError):
            await buffer.flush("a call")
    await buffer.flush("the rest")

    asked = [[each.action for each in request.entries] for request in records.asked]
    assert asked == [
        [actions.TOOL_INTENDED, actions.TOOL_ANSWERED],
        [actions.TOOL_ANSWERED, REFUSED],
        [REFUSED],  # a second time there is no intent among them
    ]
    assert [each.sent for each in records.asked] == [(), ("run/ledger#1/1", ""), ()]
    assert buffer.given_up == {"o-1"}


def test_who_compares_looks_for_it_under_the_name_of_then() -> None:
    request = {"entries": [{}, {}, {}], "sent": ["run/ledger#2/0", ""]}
    call = HistoryCall("run/ledger#3", RECORD, "r", asked=1, asked_ms=0, request=request)
    history = History("w", "r", "Pipeline", ())

    found = [key for number in range(3) for key in keys_of(history, call, number, "default")]

    names = ["run/ledger#2/0", "run/ledger#3/1", "run/ledger#3/2"]
    assert found == [key_of("default", "w", "r", name) for name in names]


async def test_a_call_takes_its_intent_along_and_nothing_that_somebody_waits_for(records: Records):
    buffer = LedgerBuffer("run")
    buffer.note(actions.TOOL_ANSWERED, occurrence="1")
    buffer.note(actions.AGENT_INTENDED)  # a phase waits until it is there
    buffer.note(actions.TOOL_ANSWERED, occurrence="2", frees="refund:2")
    buffer.note(actions.TOOL_DENIED, why="no rule")
    buffer.note(actions.TOOL_INTENDED, occurrence="3")
    along = buffer.take_along()

    assert [each.action for each in along] == ["tool.answered", "tool.denied", "tool.intended"]
    assert [each.action for each in buffer.unrecorded] == ["agent.intended", "tool.answered"]

    buffer.acknowledge(messages.RecordResult(first=7, last=9))
    await buffer.flush("the next")
    assert buffer.range == (7, 9)
    assert len(records.asked[0].entries) == 2


async def test_an_intent_of_which_nobody_knows_is_sent_again_by_its_name(records: Records):
    buffer = LedgerBuffer("run")
    buffer.note(actions.TOOL_ANSWERED, occurrence="1")
    buffer.note(actions.TOOL_INTENDED, occurrence="2")
    along = buffer.take_along()
    buffer.note(actions.TOOL_DENIED, why="meanwhile")
    buffer.put_back(along, "work/call#1")
    buffer.note(actions.TOOL_INTENDED, occurrence="3")
    later = buffer.take_along()
    await buffer.flush("call 1")
    [asked] = records.asked

    assert [each.action for each in later] == ["tool.denied", "tool.intended"]  # never sent before
    assert [each.action for each in asked.entries] == ["tool.answered", "tool.intended"]
    assert asked.sent == ("work/call#1/0", "work/call#1/1")


async def test_what_goes_with_a_call_is_bounded():
    buffer = LedgerBuffer("run")
    for number in range(LEDGER_ENTRIES_PER_RECORD_MAX + 5):
        buffer.note(actions.TOOL_DENIED, ordinal=number)
    buffer.note(actions.TOOL_INTENDED, occurrence="1")
    along = buffer.take_along()

    assert len(along) == LEDGER_ENTRIES_PER_RECORD_MAX
    assert along[-1].action == actions.TOOL_INTENDED
    assert len(buffer.unrecorded) == 6
