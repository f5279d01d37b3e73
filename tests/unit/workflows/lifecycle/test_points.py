"""A stage at work goes back to before a phase: the points stand in the order of first entry."""

from __future__ import annotations

from datetime import UTC, datetime

from activities.contracts import messages
from dsl.core import AgentPhase
from tests.unit.activities.phase_request import phase_request
from workflows.lifecycle.page import Entered
from workflows.lifecycle.stage_state import StageState

PLAN, EXECUTE, VERIFY = AgentPhase.PLAN, AgentPhase.EXECUTE, AgentPhase.VERIFY


def test_a_phase_that_is_entered_again_stays_in_its_place():
    step = phase_request().step
    about = {"pipeline": "p", "plan": "sha256:1", "project": "p", "agent": "a"}
    state = StageState(messages.AgentRequest(step=step, **about))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for event, phase in enumerate((PLAN, EXECUTE, VERIFY, EXECUTE), 1):
        state._entered.append(Entered(phase, at, event))
    points = state.points()

    assert [each["before"] for each in points] == [f"look/{p}" for p in (PLAN, EXECUTE, VERIFY)]
    assert [each["event_id"] for each in points] == [1, 2, 3]
    assert points[2]["repeats"] == ["look/VERIFY", "look/EXECUTE"]
