"""Agents among the voters of a gate: what they decide, and what goes to people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.fixtures.engine import Engine, as_json, fail, failure_of, gate, pipeline, stage
from tests.fixtures.ledger.entries import told_by

MEMBERS = [
    {"stage": "left", "weight": 2, "min_confidence": 0.7},
    {"stage": "right", "weight": 1, "min_confidence": 0.7},
]
SURE = {"decision": "approve", "confidence": 0.9, "rationale": "nothing stands against it"}
ESCALATE = {"escalate_to": {"approvers": ["ann"], "timeout": "1h"}}


def saying(answer: Any):
    async def behave(_request: Any) -> Any:
        return answer

    return behave


def council(**config: Any) -> dict[str, Any]:
    """Two agents review, then a gate hears them."""
    asked = {"approvers": [], "gate_type": "consensus", "members": MEMBERS, "quorum": 3, **config}
    return pipeline(
        stage("left"),
        stage("right"),
        gate("review", requires=["left", "right"], **asked),
        stage("after", requires=["review"]),
    )


async def run(engine: Engine, left: Any, right: Any, **config: Any) -> Any:
    for name, behaviour in (("left", left), ("right", right)):
        engine.runner.behaviours[name] = behaviour if callable(behaviour) else saying(behaviour)
    return await engine.start(council(**config))


async def approve(
    engine: Engine, handle: Any, *, gate: str = "review", decision: str = "approve"
) -> None:
    vote = {"gate": gate, "decision": decision, "voter": "ann"}
    code, said = await engine.cli(
        *("workflow", "update", "execute", "-w", handle.id, "--name", "vote"),
        *("--input", as_json(vote)),
    )
    assert code == 0, said


async def test_agents_of_one_mind_decide(engine: Engine):
    handle = await run(engine, SURE, SURE, **ESCALATE)
    report = await handle.result()

    assert report["approvals"][0]["verdict"] == "approved"
    assert "3 of 3" in report["approvals"][0]["detail"]
    assert report["approvals"][0]["votes"] == []


async def test_agents_of_one_mind_reject(engine: Engine):
    no = {**SURE, "decision": "reject", "rationale": "it deletes the database"}
    failure = await failure_of(await run(engine, no, no, **ESCALATE))

    assert failure.type == "GateRejected"


DOUBTS: dict[str, Any] = {
    "disagreement": {**SURE, "decision": "reject"},
    "low confidence": {**SURE, "confidence": 0.5},
    "no answer": {},
    "another shape": {"decision": "maybe", "confidence": 0.9, "rationale": "x"},
    "an error": fail,
}


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_doubt_goes_to_people(engine: Engine, doubt: str):
    handle = await run(engine, SURE, DOUBTS[doubt], **ESCALATE)
    status = await engine.pending(handle, "review")
    await approve(engine, handle)
    report = await handle.result()

    assert status["waiting_for"][0]["approvers"] == ["ann"]
    assert [v["voter"] for v in report["approvals"][0]["votes"]] == ["ann"]
    assert report["stages"]["after"]["status"] == "completed"


async def test_doubt_with_nobody_to_go_to_is_rejected(engine: Engine):
    handle = await run(engine, SURE, DOUBTS["disagreement"])
    failure = await failure_of(handle)
    over_ms = (await handle.query("status"))["stages"]["review"]["ended_ms"]
    [decided] = [
        each for each in told_by(engine.settings.ledger, handle.id) if each.action == "gate.decided"
    ]

    assert failure.type == "GateRejected"
    assert "nobody" in failure.message
    assert over_ms <= datetime.fromisoformat(decided.ts).timestamp() * 1_000  # when it was decided


async def test_the_vote_of_an_agent_never_counts_as_a_persons(engine: Engine):
    handle = await run(engine, SURE, SURE, approvers=["ann"], quorum=1)
    status = await engine.pending(handle, "review")
    await approve(engine, handle)
    report = await handle.result()

    assert status["waiting_for"][0]["votes"] == 0
    assert status["waiting_for"][0]["still_needed"] == 1
    assert len(report["approvals"][0]["votes"]) == 1


async def test_a_member_others_depend_on_fails_the_run(engine: Engine):
    engine.runner.behaviours["left"] = fail
    engine.runner.behaviours["right"] = saying(SURE)
    document = council(**ESCALATE)
    document["stages"].append(stage("needs-left", requires=["left"]))
    failure = await failure_of(await engine.start(document))

    assert failure.type == "StageFailed"
