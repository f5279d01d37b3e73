"""A plan within its limits runs: more stages than work at once, and hundreds of gates.

A thousand of each are in ``tests/stress``. Their agents are replayed by the tests of narrow plans;
here it is the run that may be too much for a worker that has to take it over in the middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from dsl.limits import (
    AGENTS_AT_ONCE_MAX,
    DETAIL_LENGTH_MAX,
    LEDGER_ENTRIES_PER_RECORD_MAX,
    REMINDERS_OF_RUN_MAX,
    STAGES_MAX,
)
from integrations.agents.contract.protocol import FAILED, AgentError
from tests.fixtures.engine import Engine, failure_of, gate, page_of, pipeline, stage
from tests.fixtures.replaying import replayer
from workflows.run.board import BOARD_GATES_MAX

WIDE = AGENTS_AT_ONCE_MAX + 20
GATES = 300
ANN: dict[str, Any] = {"decision": "approve", "voter": "ann"}


@pytest_asyncio.fixture
async def wide_engine(running_engine: Engine) -> AsyncIterator[Engine]:
    """The engine; histories of runs replay, those of their many agents are left out."""
    running_engine.runner.behaviours.clear()
    running_engine.started.clear()
    yield running_engine
    for handle in running_engine.started:
        result = await replayer().replay_workflow(
            await handle.fetch_history(), raise_on_replay_failure=False
        )
        assert result.replay_failure is None, result.replay_failure


def commands(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.HasField(f"{kind}_event_attributes")]


async def test_more_stages_than_may_work_at_once_complete(wide_engine: Engine):
    at_work: list[int] = []
    gone = asyncio.Event()

    async def count(_request):
        at_work.append(len(wide_engine.runner.running))
        await gone.wait()
        return {}

    names = [f"s{number}" for number in range(WIDE)]
    wide_engine.runner.behaviours.update(dict.fromkeys(names, count))
    handle = await wide_engine.start(pipeline(*(stage(name) for name in names)))
    status = await wide_engine.until(handle, lambda _: len(at_work) == AGENTS_AT_ONCE_MAX)
    page = await page_of(handle)
    # Every place for agents is taken, and the gate is opened by an activity of the same worker.
    other = await wide_engine.start(pipeline(gate("free"), stage("after", requires=["free"])))
    await wide_engine.pending(other, "free")
    await other.terminate()
    gone.set()
    report = await handle.result()

    moving = [row["status"] for row in status["stages"].values()]
    assert moving.count("running") == AGENTS_AT_ONCE_MAX
    assert moving.count("pending") == WIDE - AGENTS_AT_ONCE_MAX
    assert f"- {WIDE} stages: {WIDE - AGENTS_AT_ONCE_MAX} pending, " in page
    assert {row["status"] for row in report["stages"].values()} == {"completed"}
    assert max(at_work) == AGENTS_AT_ONCE_MAX
    events = await wide_engine.events(handle)
    assert not commands(events, "workflow_task_failed")
    starts = [
        each.start_child_workflow_execution_initiated_event_attributes
        for each in commands(events, "start_child_workflow_execution_initiated")
    ]
    assert len(starts) == WIDE
    by_task = [each.workflow_task_completed_event_id for each in starts]
    assert max(map(by_task.count, by_task)) <= AGENTS_AT_ONCE_MAX


async def test_hundreds_of_gates_that_open_at_once_are_shown_and_answered(wide_engine: Engine):
    names = [f"{'g' * 55}-{number}" for number in range(GATES)]
    handle = await wide_engine.start(pipeline(*(gate(name) for name in names)))
    status = await wide_engine.until(handle, lambda s: len(s["waiting_for"]) == GATES)
    rows = await handle.query("gates")
    (one,) = await handle.query("gates", names[7])
    page = await page_of(handle)
    for name in names:
        await handle.signal("vote", {"gate": name, **ANN})
    report = await handle.result()

    assert status["left_out"] == []
    assert [row["gate"] for row in rows] == sorted(names)
    assert one in rows
    assert page.count("Answer with More Actions") == BOARD_GATES_MAX
    assert f"### Also waiting for approval\n\n{GATES - BOARD_GATES_MAX} gates:" in page
    assert len(report["approvals"]) == GATES
    events = await wide_engine.events(handle)
    opened = next(
        number
        for number, event in enumerate(events)
        if event.HasField("workflow_execution_signaled_event_attributes")
    )
    before = events[:opened]
    # One says that it runs, then one for each group of gates that open together.
    assert len(commands(before, "upsert_workflow_search_attributes")) <= 3
    records = len(commands(before, "activity_task_scheduled"))
    assert records <= GATES // LEDGER_ENTRIES_PER_RECORD_MAX + 4
    assert len(events) < 25 * GATES


async def test_a_gate_that_is_named_is_unknown_to_the_query_when_it_is_not_pending(
    wide_engine: Engine,
):
    handle = await wide_engine.start(pipeline(gate("review")))
    await wide_engine.pending(handle, "review")

    assert await handle.query("gates", "nobody") == []
    await handle.signal("vote", {"gate": "review", **ANN})
    await handle.result()


async def test_one_stage_more_than_the_limit_is_refused_in_words(wide_engine: Engine):
    stages = [stage(f"s{number}") for number in range(STAGES_MAX + 1)]
    error = await failure_of(await wide_engine.start(pipeline(*stages)))

    assert error.type == "InvalidPipeline"
    assert f"{STAGES_MAX:,}" in error.message or str(STAGES_MAX) in error.message


async def test_a_million_characters_of_detail_are_one_sentence_in_the_run(wide_engine: Engine):
    async def rant(_request):
        raise AgentError(FAILED, "x" * 1_000_000, retryable=False)

    wide_engine.runner.behaviours["look"] = rant
    handle = await wide_engine.start(pipeline(stage("look")))
    error = await failure_of(handle)
    status = await handle.query("status")

    assert error.type == "StageFailed"
    assert len(error.message) < 2 * DETAIL_LENGTH_MAX
    assert 0 < len(status["stages"]["look"]["detail"]) <= DETAIL_LENGTH_MAX
    assert "more characters" in status["stages"]["look"]["detail"]


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        ("HISTORY_EVENTS_MAX", 10, "events of history"),
        ("HISTORY_BYTES_MAX", 1_000, "bytes of hist"),
    ],
)
async def test_no_stage_starts_where_the_server_would_end_the_run(
    monkeypatch: pytest.MonkeyPatch, wide_engine: Engine, limit: str, value: int, said: str
):
    monkeypatch.setattr(f"workflows.run.payload_budget.{limit}", value)
    error = await failure_of(await wide_engine.start(pipeline(stage("look"))))

    assert error.type == "StageFailed"
    assert said in error.message
    assert f"no stage starts beyond {value}" in error.message
    monkeypatch.undo()
    wide_engine.started.clear()  # it was made under another limit: it does not replay


async def test_all_gates_of_a_run_share_the_reminders(
    monkeypatch: pytest.MonkeyPatch, wide_engine: Engine
):
    assert REMINDERS_OF_RUN_MAX <= 1_000
    monkeypatch.setattr("workflows.gates.reminders.REMINDERS_OF_RUN_MAX", 3)
    gates = [gate(f"g{number}", remind_every="1s") for number in range(3)]
    handle = await wide_engine.start(pipeline(*gates))
    await wide_engine.until(
        handle, lambda s: sum(row["reminders"] for row in s["waiting_for"]) == 3
    )
    timers = len(commands(await wide_engine.events(handle), "timer_started"))
    for number in range(3):
        await handle.signal("vote", {"gate": f"g{number}", **ANN})
    await handle.result()

    assert timers == 1 + 3 + 3  # the run's, the gates', the reminders
    wide_engine.started.clear()  # it was made under another limit: it does not replay
