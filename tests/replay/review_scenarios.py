"""Scenarios of reviews: suggestions decided, with people and without, and an outcome."""

from __future__ import annotations

from typing import Final

from activities.contracts.specs import REVIEW_AGAIN_WORKFLOW, REVIEW_OUTCOME_WORKFLOW
from dsl.rules.run.reserved import review_outcome_id
from tests.fixtures.engine import gate, stage
from tests.replay.studio import Handle, Studio, ended

NAME: Final = "settle-note-0123456789ab"
RUNS: Final = {"outcome_told": review_outcome_id(NAME, "outcome-told")}


async def suggestions_decided(studio: Studio, name: str) -> Handle:
    """What is of low risk, and all are for: nobody is asked."""
    run = await _judged(studio, name, "low")
    await ended(run)
    return run


async def suggestions_for_people(studio: Studio, name: str) -> Handle:
    """What is of high risk goes to people."""
    run = await _judged(studio, name, "high")
    await studio.vote(run, "council", "approve", "ann")
    await ended(run)
    return run


async def outcome_told(studio: Studio, name: str) -> Handle:
    """What became of a suggestion, without a proof."""
    said = {"suggestion": NAME, "outcome": "accepted", "reason": "merged", "by": "ann"}
    told = await studio.start_type(name, REVIEW_OUTCOME_WORKFLOW, said)
    await ended(told)
    return told


async def reviewed_again(studio: Studio, name: str) -> Handle:
    """The shipped review, as a schedule starts it: nobody has to be asked."""
    again = await studio.start_type(name, REVIEW_AGAIN_WORKFLOW, {"path": "."})
    await ended(again)
    return again


async def _judged(studio: Studio, name: str, risk: str) -> Handle:
    return await studio.start(
        name,
        stage("suggest", template="judges", config={"inputs": {"risk": risk}}),
        stage("judge", template="judges", requires=["suggest"]),
        gate(
            "council",
            requires=["suggest", "judge"],
            approvers=[],
            gate_type="consensus",
            decides="suggest",
            members=[{"stage": "judge", "min_confidence": 0.8}],
            escalate_to={"approvers": ["ann"], "timeout": "1h"},
        ),
    )


SCENARIOS: Final = (suggestions_decided, suggestions_for_people, outcome_told, reviewed_again)
