"""The board fits a screen or two, whatever the plan: what went wrong and what moves comes first."""

from __future__ import annotations

from dsl.compiler import compile_loaded
from dsl.core import StageStatus
from dsl.document.loader import load_data
from dsl.plan import walk
from workflows.run.board import BOARD_LINES_MAX, board
from workflows.run.stages import Stages


def stages_of(number: int) -> Stages:
    document = {
        "name": "wide",
        "version": "1",
        "stages": [
            {"name": f"s{n}", "type": "agent", "template": "default"} for n in range(number)
        ],
    }
    return Stages(walk(compile_loaded(load_data(document, "a test")).plan.steps))


def test_a_small_plan_is_shown_as_it_is():
    stages = stages_of(3)
    stages.move("s1", StageStatus.RUNNING)

    assert board("wide 1", "w", stages, {}).splitlines()[-3:] == [
        "- pending: `s0` (agent)",
        "- running: `s1` (agent)",
        "- pending: `s2` (agent)",
    ]


def test_a_run_that_is_over_says_how_it_ended():
    ended = ("GateRejected", "stage 'ask' rejected: rejected by ann (no)")
    lines = board("wide 1", "w", stages_of(1), {}, ended=ended).splitlines()

    assert lines[:3] == ["Run of `wide 1`", "", f"It ended as `{ended[0]}`: `{ended[1]}`"]


def test_a_thousand_stages_are_counted_and_what_moves_is_shown():
    stages = stages_of(1000)
    for number in range(400):
        stages.move(f"s{number}", StageStatus.COMPLETED)
    for number in range(400, 450):
        stages.move(f"s{number}", StageStatus.RUNNING)
    stages.move("s999", StageStatus.FAILED, "no")
    lines = board("wide 1", "w", stages, {}).splitlines()

    assert "- 1000 stages: 549 pending, 50 running, 400 completed, 1 failed" in lines
    assert "- 51 of them shown here" in lines
    assert lines.index("- failed: `s999` (agent): `no`") < lines.index("- running: `s400` (agent)")
    assert not any("completed: " in line or "pending: `" in line for line in lines)


def test_more_than_fit_are_counted():
    stages = stages_of(1000)
    for number in range(1000):
        stages.move(f"s{number}", StageStatus.FAILED, "x" * 1_000_000)
    page = board("wide 1", "w", stages, {})

    assert len(page.splitlines()) < BOARD_LINES_MAX + 10
    assert len(page) < 100_000
