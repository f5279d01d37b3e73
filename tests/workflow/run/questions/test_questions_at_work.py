"""An agent that waits for its answer: the same process goes on, and no message can forge either."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from dsl.rules.gates.questions import Question
from integrations.agents.contract.protocol import FAILED, AgentError, Request
from tests.fixtures.engine import Engine, failure_of, pipeline, stage
from tests.fixtures.voting import update
from tests.integration.stack.probes import eventually

REGION = Question(id="region", text="Which region?", choices=("eu", "us"), default="us")
SIZE = Question(id="size", text="How large?")
GATE = "work/question-1"
SEEN_S = 30


def asking(timeout: str = "1m", *, config: dict[str, Any] | None = None, **questions: Any) -> Any:
    questions = {"approvers": ["ann", "bob"], **questions}
    config = {"questions": questions, "timeout": timeout, **(config or {})}
    return pipeline(stage("work", config=config))


def vote(answer: str, gate: str = GATE, decision: str = "approve") -> dict[str, str]:
    return {"gate": gate, "decision": decision, "voter": "ann", "answer": answer}


@pytest.fixture
def seen(engine: Engine) -> list[Request]:
    """The requests of an agent that waits for the answers to what it asks."""
    requests: list[Request] = []

    async def work(request: Request) -> dict[str, Any]:
        requests.append(request)
        answers = dict(request.answers)
        for question in (REGION, SIZE):
            if question.id not in answers:
                engine.runner.checkpoint(request, {"asked": question.id})
                answers[question.id] = await engine.runner.ask(request, question)
        return answers

    engine.runner.behaviours["work"] = work
    return requests


async def test_an_agent_is_answered_where_it_waits(engine: Engine, seen: list[Request]):
    handle = await engine.start(asking())
    [row] = (await engine.pending(handle, GATE))["waiting_for"]
    await update(engine, handle.id, vote("eu"))
    await engine.pending(handle, "work/question-2")
    status = await handle.query("status")
    await update(engine, handle.id, vote("large", "work/question-2"))
    report = await handle.result()

    assert row["question"] == REGION.model_dump(mode="json")
    assert status["stages"]["work"]["status"] == "waiting"
    assert len(seen) == 1  # the same process, from its beginning to its end
    assert report["stages"]["work"]["output"] == {"region": "eu", "size": "large"}
    assert [each["votes"][0]["reason"] for each in report["approvals"]] == ["eu", "large"]


async def test_one_that_waited_too_long_is_parked_and_its_question_has_one_gate(engine, seen):
    handle = await engine.start(asking(park_after="1s"))
    await engine.pending(handle, GATE)
    child = engine.client.get_workflow_handle(f"{handle.id}/work")
    before = await child.result()  # it has ended, and holds nothing
    [row] = (await engine.pending(handle, GATE))["waiting_for"]
    await update(engine, handle.id, vote("eu"))
    await engine.pending(handle, "work/question-2")
    await update(engine, handle.id, vote("large", "work/question-2"))
    report = await handle.result()

    assert before["status"] == "waiting"
    assert row["opening"] == 1  # as it was put while the agent waited
    assert [(each.checkpoint, dict(each.answers)) for each in seen[:2]] == [
        (None, {}),
        ({"data": {"asked": "region"}}, {"region": "eu"}),
    ]
    assert [each["gate"] for each in report["approvals"]] == [GATE, "work/question-2"]


async def test_its_clock_stands_still_while_it_waits(engine: Engine, seen: list[Request]):
    handle = await engine.start(asking("4s"))
    await engine.pending(handle, GATE)
    await asyncio.sleep(4.5)  # longer than the stage may take
    await update(engine, handle.id, vote("eu"))
    await engine.pending(handle, "work/question-2")
    await update(engine, handle.id, vote("large", "work/question-2"))

    assert (await handle.result())["stages"]["work"]["status"] == "completed"
    assert len(seen) == 1


@pytest.mark.parametrize("how", ["rejected", "not answered"])
async def test_who_rejects_or_does_not_answer_ends_an_agent_that_waits(engine, seen, how):
    handle = await engine.start(asking() if how == "rejected" else asking_briefly())
    await engine.pending(handle, GATE)
    if how == "rejected":
        await update(engine, handle.id, vote("not now", decision="reject"))
    failure = await failure_of(handle)

    assert failure.type == "GateRejected"
    assert ("rejected by ann" if how == "rejected" else "was not answered") in failure.message
    assert not engine.runner.running
    assert len(seen) == 1


def asking_briefly() -> Any:
    document = asking()
    document["stages"][0]["config"]["questions"]["timeout"] = "2s"
    return document


async def test_no_message_asks_in_its_name_or_answers_it(engine: Engine, seen: list[Request]):
    handle = await engine.start(asking())
    await engine.pending(handle, GATE)
    child = engine.client.get_workflow_handle(f"{handle.id}/work")
    for to in (handle, child):
        await to.signal("asked", {"stage": "work", "question": {"id": "key", "text": "Your key?"}})
        await to.signal("answered", {"id": "region", "answer": "us"})
    await child.signal("asked")
    await handle.signal("asked", "work")
    await asyncio.sleep(2)
    gates = [each["gate"] for each in (await handle.query("status"))["waiting_for"]]
    await update(engine, handle.id, vote("eu"))
    await engine.pending(handle, "work/question-2")

    assert gates == [GATE]
    assert "region" not in seen[0].answers
    assert len(seen) == 1
    await handle.cancel()


async def test_no_message_stops_the_clock_of_an_agent_that_asks_nothing(engine: Engine):
    async def work(_request: Request) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    engine.runner.behaviours["work"] = work
    handle = await engine.start(asking("3s"))
    await engine.runner.until_running("work")
    child = engine.client.get_workflow_handle(f"{handle.id}/work")
    for _ in range(5):
        await child.signal("asked")
        await handle.signal("asked", "work")
    failure = await failure_of(handle)

    assert "not finished within 3s" in failure.message


async def test_what_was_answered_is_known_to_the_next_try(engine: Engine):
    requests: list[Request] = []

    async def work(request: Request) -> dict[str, Any]:
        requests.append(request)
        if "region" in request.answers:
            return dict(request.answers)
        await engine.runner.ask(request, REGION)
        raise AgentError(FAILED, "it fell over its own feet", retryable=True)

    engine.runner.behaviours["work"] = work
    handle = await engine.start(asking(config={"retry": 1}))
    await engine.pending(handle, GATE)
    await update(engine, handle.id, vote("eu"))
    report = await handle.result()

    assert [dict(each.answers) for each in requests] == [{}, {"region": "eu"}]
    assert [each["gate"] for each in report["approvals"]] == [GATE]


async def test_a_revocation_ends_an_agent_that_waits_and_closes_its_gate(engine, seen):
    handle = await engine.start(asking(config={"on_revoked": "skip"}))
    await engine.pending(handle, GATE)
    await handle.signal("revoke", {"stage": "work", "reason": "it asks too much"})
    await eventually(lambda: not engine.runner.running, within_s=SEEN_S)
    report = await handle.result()

    assert report["stages"]["work"]["status"] == "skipped"
    assert report["approvals"] == []
    assert (await handle.query("status"))["waiting_for"] == []


async def test_a_run_that_is_cancelled_ends_an_agent_that_waits(engine, seen):
    handle = await engine.start(asking())
    await engine.pending(handle, GATE)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert not engine.runner.running
