"""What agents ask, and how plans are clarified, answered on the embedded stack with proof.

And a worker is killed while a plan is clarified.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle

from dsl.actions import STAGE_CLARIFIED
from tests.fixtures.engine import pipeline, stage
from tests.fixtures.person import Somebody
from tests.fixtures.stack import MandateUp, result_of, until_gate
from tests.integration.stack.probes import command_lines, eventually
from tests.replay.record import TEMPLATES as ASKS

GATE: Final = "work/clarify-1"
PROVEN: Final = {"approvers": ["group:sre"], "identity": ["verified"]}
PROGRAM: Final = """
import json, pathlib, sys, time

request = json.loads(sys.stdin.readline())
clarified = request["clarification"]
if request["phase"] == "EXECUTE" and clarified is None:
    busy = request["input"].get("works")  # a file: the agent works as long as it is there
    while busy and pathlib.Path(request["input"]["workspace"], busy).exists():
        time.sleep(0.05)
    print(json.dumps({"type": "error", "message": "the bucket is locked"}), flush=True)
    time.sleep(60)
output = {"told": clarified and clarified["constraints"]}
print(json.dumps({"type": "result", "status": "ok", "output": output}), flush=True)
"""
TEMPLATE: Final = """
name: errs-once
description: errs until its plan is clarified
tier: T0
program: ./errs_once.py
interpreter: python
phases: [PLAN, EXECUTE]
timeout: 2m
inputs:
  works: {type: string, default: ""}
"""


@pytest_asyncio.fixture(scope="module")
async def mandate_up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MandateUp]:
    """A stack that knows an agent which errs."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "errs-once.yaml").write_text(TEMPLATE)
    (folder / "errs_once.py").write_text(PROGRAM)
    servers = {"MANDATE_TEMPLATES": os.pathsep.join(map(str, (folder, ASKS)))}
    async with MandateUp(tmp_path_factory.mktemp("up"), servers) as running:
        yield running


def work(**config: Any) -> dict[str, Any]:
    """An agent whose plan is clarified when it errs once."""
    budget = {"error_budget": {"errors": 1, "window": "1h"}, "clarifications": 2}
    return pipeline(stage("work", template="errs-once", config={**budget, **config}))


def clarified(up: MandateUp, run: str) -> list[dict[str, Any]]:
    """Return what the ledger says of clarifications of a run."""
    return [dict(each.payload) for each in up.recorded(run) if each.action == STAGE_CLARIFIED]


async def test_a_person_answers_with_proof_and_the_agent_keeps_to_it(
    mandate_up: MandateUp, ann: Somebody, bob: Somebody
):
    document = work(clarify="human", clarifiers=PROVEN, sandbox={"tcp": [8443]})
    run = await mandate_up.start(document)
    await until_gate(run, GATE)
    shown = await ann.mandate("gates", run.id)
    answer = ("approve", run.id, GATE, "--answer")
    wider = await ann.mandate(*answer, '{"scope": ["tcp:8443", "tcp:22"]}')
    missing = await ann.mandate(*answer[:-1])
    said = await ann.mandate(*answer, "leave the bucket logs alone")
    report = await result_of(run)
    late = await bob.mandate(*answer, "roughly")
    [told] = clarified(mandate_up, run.id)
    shown_after = await ann.mandate("show", run.id)

    assert "the bucket is locked" in shown.out
    assert f"mandate approve {run.id} {GATE} --answer" in shown.out
    assert (wider.code, "'tcp:22' is not in the scope" in wider.out) == (1, True), wider
    assert missing.code != 0
    assert said.code == 0, said
    assert report["stages"]["work"]["output"] == {"told": ["leave the bucket logs alone"]}
    assert (told["by"], told["constraints"]) == ("human", ["leave the bucket logs alone"])
    [approval] = report["approvals"]
    assert [(each["voter"], each["identity"]) for each in approval["votes"]] == [
        ("ann", "verified")
    ]
    assert late.code != 0
    assert "plan clarified once" in shown_after.out


async def test_a_question_of_an_agent_is_answered_with_proof(mandate_up: MandateUp, ann: Somebody):
    run = await mandate_up.start(
        pipeline(stage("work", template="asks", config={"questions": PROVEN}))
    )
    for number, answer in ((1, "eu-west-1"), (2, "small")):
        gate = f"work/question-{number}"
        await until_gate_is_open(run, gate)
        said = await ann.mandate("approve", run.id, gate, "--answer", answer)
        assert said.code == 0, said
    report = await result_of(run)

    assert report["stages"]["work"]["output"] == {"region": "eu-west-1", "size": "small"}


async def until_gate_is_open(run: WorkflowHandle[Any, Any], gate: str) -> None:
    """Wait for a gate beside which the agent goes on."""

    async def is_open() -> bool:
        return gate in [each["gate"] for each in await run.query("gates")]

    await eventually(is_open, within_s=60)


@contextmanager
def standing_still(pid: int):
    """Let a process stand still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def works() -> bool:
    return any("errs_once.py" in words for words in command_lines().values())


async def test_a_worker_killed_while_a_plan_is_clarified_by_itself_counts_it_once(
    mandate_up: MandateUp,
):
    busy = mandate_up.workspace / f"busy-{uuid.uuid4().hex[:8]}"
    busy.touch()
    run = await mandate_up.start(work(inputs={"works": busy.name}))
    child = (await mandate_up.client()).get_workflow_handle(f"{run.id}/work")

    async def acts() -> bool:
        stages = (await run.query("status"))["stages"]
        begun = stages.get("work", {}).get("status") == "running"
        return begun and "EXECUTE" in (await child.query("status"))["phases"] and works()

    await eventually(acts, within_s=60)
    # It cannot be recorded, so it is not over: the agent errs, is ended, and begins no other life.
    with standing_still(mandate_up.pid("ledger")):
        busy.unlink()
        await eventually(lambda: not works(), within_s=60)
        before = clarified(mandate_up, run.id)
        await mandate_up.kill("worker")
        await mandate_up.until_back("worker")
    report = await result_of(run)
    [told] = clarified(mandate_up, run.id)

    assert before == []
    assert (told["by"], told["number"]) == ("auto", 1)
    assert report["stages"]["work"]["attempts"] == 2
    assert report["stages"]["work"]["detail"].startswith("plan clarified once")
