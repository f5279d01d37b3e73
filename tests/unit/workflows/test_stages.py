"""When a stage began and ended."""

from __future__ import annotations

from itertools import count

from dsl.compiler import compile_text
from dsl.core import StageStatus
from dsl.plan import walk
from tests.unit.dsl.documents import document
from workflows.run.stages import Stages


def test_a_stage_has_the_time_it_first_began_and_the_time_it_ended():
    text = document(
        "- {name: a, type: agent, template: default}\n- {name: b, type: agent, template: default}"
    )
    stages = Stages(walk(compile_text(text, "p").plan.steps), count(1).__next__)
    stages.move("a", StageStatus.RUNNING)
    stages.move("a", StageStatus.WAITING)
    stages.finish("a", StageStatus.COMPLETED)
    stages.move("b", StageStatus.SKIPPED)
    timed = stages.timed()

    assert (timed["a"]["began_ms"], timed["a"]["ended_ms"]) == (1, 2)
    assert (timed["b"]["began_ms"], timed["b"]["ended_ms"]) == (0, 0)
    assert stages.report()["a"]["began_ms"] == 1
