"""What an agent asks is a gate of the run; with the answer it goes on from its checkpoint."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import TimeSkipper

from dsl.rules.gates.questions import Question
from integrations.agents.contract.protocol import QuestionAskedError, Request
from tests.fixtures.engine import Engine, failure_of, pipeline, replay, stage
from tests.fixtures.servers.openbao import People
from tests.fixtures.voting import honest_vote, signer, update

REGION = Question(id="region", text="Which region?", choices=("eu", "us"), default="us")
SIZE = Question(id="size", text="How large?")
GATE = "work/question-1"


def asking(**questions: Any) -> dict[str, Any]:
    questions = {"approvers": ["ann", "bob"], **questions}
    return pipeline(stage("work", config={"questions": questions, "timeout": "1m"}))


def vote(answer: str, gate: str = GATE, voter: str = "ann") -> dict[str, str]:
    return {"gate": gate, "decision": "approve", "voter": voter, "answer": answer}


@pytest.fixture
def seen(engine: Engine) -> list[Request]:
    """The requests of an agent that asks what it needs, one after the other."""
    requests: list[Request] = []

    async def work(request: Request) -> dict[str, Any]:
        requests.append(request)
        for number, question in enumerate((REGION, SIZE), 1):
            if question.id not in request.answers:
                engine.runner.checkpoint(request, {"asked": number})
                raise QuestionAskedError(question)
        return dict(request.answers)

    engine.runner.behaviours["work"] = work
    return requests


async def test_an_agent_goes_on_from_its_checkpoint_and_asks_nothing_twice(
    engine: Engine, seen: list[Request]
):
    handle = await engine.start(asking())
    [row] = (await engine.pending(handle, GATE))["waiting_for"]
    before = await engine.client.get_workflow_handle(f"{handle.id}/work").result()
    await update(engine, handle.id, vote("eu"))
    await engine.pending(handle, "work/question-2")
    await update(engine, handle.id, vote("large", "work/question-2", "bob"))
    report = await handle.result()

    assert row["question"] == REGION.model_dump(mode="json")
    assert row["subject"] == {"work": {"question-1": REGION.digest()}}
    assert "one of: eu, us" in row["description"]
    assert before["status"] == "waiting"  # it has ended, and holds nothing
    assert [(r.checkpoint, dict(r.answers), r.attempt) for r in seen] == [
        (None, {}, 1),
        ({"data": {"asked": 1}}, {"region": "eu"}, 1),
        ({"data": {"asked": 2}}, {"region": "eu", "size": "large"}, 1),
    ]
    assert report["stages"]["work"]["output"] == {"region": "eu", "size": "large"}
    assert report["stages"]["work"]["attempts"] == 1
    assert [each["votes"][0]["reason"] for each in report["approvals"]] == ["eu", "large"]
    await replay(engine, handle)


@pytest.mark.parametrize(
    ("answer", "why"),
    [("asia", "expected one of eu, us"), ("", "say what you answer")],
)
async def test_what_answers_nothing_is_refused_and_the_next_vote_counts(engine, seen, answer, why):
    handle = await engine.start(asking(timeout="1m"))
    await engine.pending(handle, GATE)
    code, said = await update(engine, handle.id, vote(answer))
    await update(engine, handle.id, vote("us"))
    await engine.pending(handle, "work/question-2")

    assert code != 0
    assert why in str(said)
    assert dict(seen[-1].answers) == {"region": "us"}
    await handle.cancel()


async def test_people_answer_together_only_with_the_same_words(engine, seen):
    handle = await engine.start(asking(quorum=2))
    await engine.pending(handle, GATE)
    await update(engine, handle.id, vote("eu"))
    code, said = await update(engine, handle.id, vote("us", voter="bob"))
    await update(engine, handle.id, vote("eu", voter="bob"))
    await engine.pending(handle, "work/question-2")

    assert code != 0
    assert "'ann' has answered 'eu'" in str(said)
    assert dict(seen[-1].answers) == {"region": "eu"}
    await handle.cancel()


async def test_whoever_rejects_a_question_ends_the_run(engine, seen):
    handle = await engine.start(asking())
    await engine.pending(handle, GATE)
    await update(engine, handle.id, {**vote("not now"), "decision": "reject"})
    failure = await failure_of(handle)

    assert failure.type == "GateRejected"
    assert "rejected by ann (not now)" in failure.message
    assert len(seen) == 1


async def test_a_question_that_nobody_answers_ends_the_run_and_no_default_is_applied(engine, seen):
    handle = await engine.start(asking(timeout="1s"))
    failure = await failure_of(handle)

    assert failure.type == "GateRejected"
    assert "was not answered within 1s" in failure.message
    assert len(seen) == 1


async def test_while_people_think_the_clock_of_the_stage_stands_still(engine, seen):
    handle = await engine.start(asking())
    await engine.pending(handle, GATE)
    # Longer than the stage may take.
    await TimeSkipper(engine.client).fast_forward(handle, timedelta(minutes=2))
    await update(engine, handle.id, vote("eu"))
    await engine.pending(handle, "work/question-2")
    await update(engine, handle.id, vote("large", "work/question-2"))

    assert (await handle.result())["stages"]["work"]["status"] == "completed"


async def test_a_proof_covers_the_answer(engine: Engine, seen: list[Request], people: People):
    ann = await signer(people, "ann")
    handle = await engine.start(asking(identity=["verified"]))
    await engine.pending(handle, GATE)
    bent = await honest_vote(handle, GATE, ann, because="eu")
    _, refused = await update(engine, handle.id, {**bent, "reason": "", "answer": "us"})
    made = await honest_vote(handle, GATE, ann, because="eu")
    _, counted = await update(engine, handle.id, {**made, "reason": "", "answer": "eu"})
    await engine.pending(handle, "work/question-2")

    assert "the proof is for reason" in refused["why"]
    assert counted["counted"]
    assert dict(seen[-1].answers) == {"region": "eu"}
    await handle.cancel()
