"""When a stage began and ended."""

from __future__ import annotations

from itertools import count

from dsl.compiler import compile_text
from dsl.core import StageStatus
from dsl.plan import walk
from tests.unit.dsl.documents import document
from workflows.run.stages import Stages


def stages_of(*names: str) -> Stages:
    """Return stages whose clock goes on with each look at it."""
    rows = (f"- {{name: {name}, type: agent, template: default}}" for name in names)
    return Stages(walk(compile_text(document("\n".join(rows)), "p").plan.steps), count(1).__next__)


def test_a_stage_has_the_time_it_first_began_and_the_time_it_ended():
    stages = stages_of("a", "b")
    stages.move("a", StageStatus.RUNNING)
    stages.move("a", StageStatus.WAITING)
    stages.finish("a", StageStatus.COMPLETED)
    stages.move("b", StageStatus.SKIPPED)
    timed = stages.timed()

    assert (timed["a"]["began_ms"], timed["a"]["ended_ms"]) == (1, 2)
    assert (timed["b"]["began_ms"], timed["b"]["ended_ms"]) == (0, 0)
    assert stages.report()["a"]["began_ms"] == 1


def test_when_a_stage_was_over_is_told_and_not_when_the_run_has_learned_of_it():
    stages = stages_of("a", "b", "c")
    for name in ("a", "b", "c"):
        stages.move(name, StageStatus.RUNNING)
    stages.finish("a", StageStatus.COMPLETED, ended_ms=2)
    stages.over("b", 1)
    stages.move("b", StageStatus.COMPLETED)
    stages.over("b", 9)
    stages.finish("c", StageStatus.COMPLETED, ended_ms=0)

    ended = {name: row["ended_ms"] for name, row in stages.timed().items()}
    assert ended == {"a": 2, "b": 1, "c": 4}
