"""The page of an agent stage: which phase, which try, since when; and when it is over, how."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dsl.core import AgentPhase, StageStatus
from workflows.lifecycle.page import PHASES_SHOWN_MAX, Ended, Entered, now_of, page

START = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def entered(*phases: AgentPhase) -> list[Entered]:
    """Each began 1.5 s after the one before."""
    return [Entered(phase, START + n * timedelta(seconds=1.5)) for n, phase in enumerate(phases)]


def lines_of(phases: list[Entered], *, tries: int = 1, ended: Ended | None = None) -> list[str]:
    return [
        line
        for line in page("plan", "a.plan", "T1", phases, tries=tries, ended=ended).split("\n")
        if line
    ]


def test_a_stage_under_way_says_which_phase_which_try_and_since_when():
    execute = AgentPhase.EXECUTE

    assert lines_of(entered(AgentPhase.BOOTSTRAP, execute, execute), tries=2) == [
        "Stage `plan`",
        "- agent: `a.plan` (`T1`)",
        "- now: EXECUTE, try 2, since 2026-01-01T12:00:03+00:00",
        "- tries of the agent: 2",
        "### Phases",
        "- BOOTSTRAP: 1.5 s",
        "- EXECUTE: 1.5 s",
        "- EXECUTE: running",
    ]


def test_the_status_of_a_stage_says_of_its_phase_what_the_page_does():
    began_ms = int(START.timestamp() * 1_000) + 1_500
    plan, execute = AgentPhase.PLAN, AgentPhase.EXECUTE
    told = [
        now and now.as_json()
        for now in (now_of(entered(plan, execute), 2), now_of(entered(plan, plan), 0))
    ]

    assert told == [
        {"phase": "EXECUTE", "try": 2, "began_ms": began_ms},
        {"phase": "PLAN", "try": 2, "began_ms": began_ms},
    ]
    assert now_of([], 0) is None


def test_a_stage_that_is_over_says_how_it_ended():
    over = Ended(StageStatus.FAILED, "no such playbook", START + timedelta(seconds=2))

    assert lines_of(entered(AgentPhase.EXIT), ended=over)[2:] == [
        "- failed: `no such playbook`",
        "### Phases",
        "- EXIT: 2.0 s",
    ]


def test_a_stage_of_no_phase_yet_says_what_it_waits_for():
    assert lines_of([])[2:] == ["- now: it is put on the ledger"]


def test_of_many_phases_the_last_are_shown():
    lines = lines_of(entered(*[AgentPhase.EXECUTE] * 100))

    assert lines[-PHASES_SHOWN_MAX - 1] == "- 70 before that"
    assert lines[-1] == "- EXECUTE: running"
