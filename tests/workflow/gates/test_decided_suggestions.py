"""A consensus gate that decides suggestions one by one: by rule, and doubt is for people."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.engine import Engine, fail, failure_of, gate, pipeline, stage
from tests.workflow.gates.test_councils import approve, saying

LOW, HIGH = "settle-note-000000000001", "break-cycle-000000000002"
REVIEWERS = ("architect", "security", "reliability", "cost")
MEMBERS = [{"stage": name, "weight": 2, "min_confidence": 0.8} for name in REVIEWERS]
ASKED = {
    "approvers": [],
    "gate_type": "consensus",
    "members": MEMBERS,
    "quorum": 6,
    "decides": "suggest",
    "escalate_to": {"approvers": ["ann"], "timeout": "1h"},
}


def suggesting(**risks: str) -> dict[str, Any]:
    names = {"low": LOW, "high": HIGH}
    return {
        "suggestions": [
            {"id": names[name], "risk": risk, "trial": "none"} for name, risk in risks.items()
        ]
    }


def opinion(suggestion: str = LOW, decision: str = "approve", confidence: float = 0.9):
    return {
        "suggestion": suggestion,
        "decision": decision,
        "confidence": confidence,
        "rationale": "because",
    }


SURE = {"opinions": [opinion(), opinion(HIGH)]}


async def start(engine: Engine, suggested: Any, **said: Any) -> Any:
    engine.runner.behaviours["suggest"] = saying(suggested)
    for name in REVIEWERS:
        behaviour = said.get(name, SURE)
        engine.runner.behaviours[name] = behaviour if callable(behaviour) else saying(behaviour)
    return await engine.start(
        pipeline(
            stage("suggest"),
            *(stage(name, requires=["suggest"]) for name in REVIEWERS),
            gate("council", requires=list(REVIEWERS), **ASKED),
            stage("after", requires=["council"]),
        )
    )


def decided(rows: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {each["suggestion"]: (each["ruling"], each["rule"]) for each in rows}


async def test_what_all_are_for_passes_without_people(engine: Engine):
    handle = await start(engine, suggesting(low="low"))
    report = await handle.result()

    (verdict,) = report["approvals"]
    assert verdict["verdict"] == "approved"
    assert verdict["votes"] == []
    assert decided(verdict["decisions"]) == {LOW: ("auto-approve", "all-in-favour")}
    assert report["stages"]["after"]["status"] == "completed"


async def test_high_risk_goes_to_people_however_sure_all_are(engine: Engine):
    handle = await start(engine, suggesting(low="low", high="high"))
    status = await engine.pending(handle, "council")
    (waiting,) = status["waiting_for"]
    await approve_council(engine, handle)
    report = await handle.result()

    assert waiting["approvers"] == ["ann"]
    assert decided(waiting["decisions"])[HIGH] == ("human", "high-risk")
    assert [each["voter"] for each in report["approvals"][0]["votes"]] == ["ann"]
    assert decided(report["approvals"][0]["decisions"])[LOW] == ("auto-approve", "all-in-favour")


DOUBTS: dict[str, Any] = {
    "missing": (fail, "reviewer-missing"),
    "silent about it": ({"opinions": []}, "reviewer-missing"),
    "unsure": ({"opinions": [opinion(confidence=0.5)]}, "reviewer-unsure"),
    "contradicting": ({"opinions": [opinion(decision="reject")]}, "reviewers-contradict"),
    "contradicting itself": (
        {"opinions": [opinion(), opinion(decision="reject")]},
        "reviewer-unclear",
    ),
    "of another shape": ({"opinions": "approve"}, "reviewer-unclear"),
}


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_a_reviewer_in_doubt_sends_it_to_people(engine: Engine, doubt: str):
    said, rule = DOUBTS[doubt]
    handle = await start(engine, suggesting(low="low"), cost=said)
    status = await engine.pending(handle, "council")
    await approve_council(engine, handle)
    await handle.result()

    assert decided(status["waiting_for"][0]["decisions"]) == {LOW: ("human", rule)}


async def test_what_people_reject_goes_no_further(engine: Engine):
    handle = await start(engine, suggesting(high="high"))
    await engine.pending(handle, "council")
    await approve_council(engine, handle, decision="reject")
    failure = await failure_of(handle)

    assert failure.type == "GateRejected"


async def approve_council(engine: Engine, handle: Any, decision: str = "approve") -> None:
    await approve(engine, handle, gate="council", decision=decision)
