"""A consensus gate that decides suggestions one by one: by rule, and doubt is for people."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from tests.fixtures.engine import Engine, fail, failure_of, gate, hang, pipeline, stage
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


def council(late: dict[str, str] | None = None) -> dict[str, Any]:
    """Reviewers hear a suggester, and a gate hears them; ``late`` limits the time of some."""
    limited = {name: {"config": {"timeout": limit}} for name, limit in (late or {}).items()}
    return pipeline(
        stage("suggest"),
        *(stage(name, requires=["suggest"], **limited.get(name, {})) for name in REVIEWERS),
        gate("council", requires=list(REVIEWERS), **ASKED),
        stage("after", requires=["council"]),
    )


async def start(engine: Engine, suggested: Any, **said: Any) -> Any:
    engine.runner.behaviours["suggest"] = saying(suggested)
    for name in REVIEWERS:
        engine.runner.behaviours[name] = saying(said.get(name, SURE))
    return await engine.start(council())


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


# What one reviewer says of a suggestion that all others are for.
DOUBTS: dict[str, tuple[str, Callable[[str], list[Any]]]] = {
    "silent": ("reviewer-missing", lambda _name: []),
    "unsure": ("reviewer-unsure", lambda name: [opinion(name, confidence=0.5)]),
    "contradicting": ("reviewers-contradict", lambda name: [opinion(name, "reject")]),
    "of two minds": ("reviewer-unclear", lambda name: [opinion(name), opinion(name, "reject")]),
    "without a reason": ("reviewer-unclear", lambda name: [opinion(name) | {"rationale": " "}]),
}


async def test_each_reviewer_in_doubt_sends_it_to_people(engine: Engine):
    """Each reviewer is in each doubt about one suggestion, all in one run."""
    cases = {
        f"settle-note-{number:012x}": case
        for number, case in enumerate(itertools.product(REVIEWERS, DOUBTS))
    }
    said = {
        reviewer: {
            "opinions": [
                each
                for name, (who, doubt) in cases.items()
                for each in (DOUBTS[doubt][1](name) if who == reviewer else [opinion(name)])
            ]
        }
        for reviewer in REVIEWERS
    }
    suggested = [{"id": name, "risk": "low", "trial": "none"} for name in cases]
    handle = await start(engine, {"suggestions": suggested}, **said)
    status = await engine.pending(handle, "council")
    await handle.signal("vote", {"gate": "council", "decision": "approve", "voter": "ann"})
    report = await handle.result()

    expected = {name: ("human", DOUBTS[doubt][0]) for name, (_, doubt) in cases.items()}
    assert decided(status["waiting_for"][0]["decisions"]) == expected
    assert decided(report["approvals"][0]["decisions"]) == expected
    whys = {each["suggestion"]: each["why"] for each in report["approvals"][0]["decisions"]}
    assert all(who in whys[name] for name, (who, _) in cases.items())


async def test_a_reviewer_of_another_shape_sends_all_to_people(engine: Engine):
    handle = await start(engine, suggesting(low="low"), cost={"opinions": "approve"})
    status = await engine.pending(handle, "council")
    await approve_council(engine, handle)
    await handle.result()

    assert decided(status["waiting_for"][0]["decisions"]) == {LOW: ("human", "reviewer-unclear")}


async def test_each_reviewer_who_fails_or_comes_too_late_is_missing(engine: Engine):
    cases = [(reviewer, mood) for reviewer in REVIEWERS for mood in ("fails", "too late")]
    engine.runner.behaviours["suggest"] = saying(suggesting(low="low"))
    told: asyncio.Future[dict[str, tuple[str, str]]] = asyncio.get_running_loop().create_future()

    def reviewing(reviewer: str) -> Any:
        async def behave(request: Any) -> Any:
            moods = await told
            found = [case for run, case in moods.items() if run in request.run]
            if found == [(reviewer, "fails")]:
                return await fail(request)
            return await hang(request) if found == [(reviewer, "too late")] else SURE

        return behave

    for reviewer in REVIEWERS:
        engine.runner.behaviours[reviewer] = reviewing(reviewer)
    started = {
        (await engine.start(council({who: "5s"} if mood == "too late" else {}))).id: (who, mood)
        for who, mood in cases
    }
    told.set_result(started)
    for handle in list(engine.started):
        status = await engine.pending(handle, "council")
        await handle.signal("vote", {"gate": "council", "decision": "approve", "voter": "ann"})
        report = await handle.result()
        who, mood = started[handle.id]
        (decision,) = status["waiting_for"][0]["decisions"]

        assert (decision["ruling"], decision["rule"]) == ("human", "reviewer-missing")
        assert decision["why"].startswith(f"{who} did not complete")
        assert ("5s" in report["stages"][who]["detail"]) is (mood == "too late"), report


async def test_what_people_reject_goes_no_further(engine: Engine):
    handle = await start(engine, suggesting(high="high"))
    await engine.pending(handle, "council")
    await approve_council(engine, handle, decision="reject")
    failure = await failure_of(handle)

    assert failure.type == "GateRejected"


async def approve_council(engine: Engine, handle: Any, decision: str = "approve") -> None:
    await approve(engine, handle, gate="council", decision=decision)
