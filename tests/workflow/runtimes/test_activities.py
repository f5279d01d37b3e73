"""An activity of somebody else's does the work of an agent stage, on a task queue of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from dsl.agent_protocol.messages import RequestLine
from dsl.values.canonical import canonical
from integrations.artifacts.store import Artifacts
from tests.fixtures.engine import Engine, failure_of, page_of, pipeline, stage
from tests.fixtures.outside.worker import (
    DONE,
    OutsideActivity,
    answers,
    be_deaf,
    deliver,
    hang,
    raw,
)
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.trust.standing import activities_of, agent_of, told
from tests.integration.stack.probes import eventually

ACTIVITY = "activity 'outside-work' of task queue 'outside-agents'"


def outside_stage(name: str = "work", template: str = "outside-activity", **config: Any) -> Any:
    return stage(name, template=template, config=config)


def is_running(status: dict[str, Any]) -> bool:
    return bool(status["stages"].get("work", {}).get("status") == "running")


def kept(engine: Engine, look: dict[str, Any], name: str) -> bytes:
    """Return what the store has of an output of a stage."""
    [digest] = [each["digest"] for each in look["outputs"] if each["name"] == name]
    return Artifacts(engine.settings.artifacts).get(digest)


async def test_what_it_answers_is_what_the_stage_has_put_out(
    engine: Engine, outside: OutsideActivity
):
    after = {
        "name": "route",
        "type": "condition",
        "requires": ["work"],
        "if": "stages.work.output.seen == 3",
        "then": [stage("yes")],
    }
    handle = await engine.start(pipeline(outside_stage(inputs={"depth": 2}), after))
    report = await handle.result()
    work = report["stages"]["work"]
    account = json.loads(kept(engine, work, "execute.json"))

    assert work["status"] == "completed"
    assert work["output"] == {"seen": 3}
    assert report["stages"]["route/yes"]["status"] == "completed"
    assert (account["summary"], account["output"]) == ("done outside", {"seen": 3})
    assert outside.requests[-1]["input"] == {"depth": 2}


async def test_report_board_and_ledger_say_that_no_sandbox_held_it(
    engine: Engine, outside: OutsideActivity
):
    handle = await engine.start(pipeline(outside_stage()))
    report = await handle.result()
    work = report["stages"]["work"]
    [intended] = told(engine, handle, "agent.intended")
    [preflight] = told(engine, handle, "agent.preflight")
    [executed] = told(engine, handle, "agent.execute")
    runtime = {
        "kind": "activity",
        "type": "outside-work",
        "queue": "outside-agents",
        "heartbeat_ms": 2_000,
    }

    assert work["detail"] == f"done by {ACTIVITY}, in no sandbox"
    assert f"{ACTIVITY}, in no sandbox" in await page_of(handle)
    assert f"done by: `{ACTIVITY}`, in no sandbox" in await page_of(
        await engine.child(handle, "work")
    )
    assert (
        f"{ACTIVITY}, on a worker of its own: no sandbox"
        in kept(engine, work, "report.md").decode()
    )
    assert json.loads(kept(engine, work, "execute.json"))["sandbox"] == "none"
    assert intended.payload["runtime"] == runtime
    assert preflight.payload.items() >= {("sandbox", "none")}
    assert executed.payload["sandbox"] == "none"


async def test_it_is_told_the_request_of_the_contract_and_no_secret(
    engine: Engine, outside: OutsideActivity, openbao: OpenBao
):
    handle = await engine.start(pipeline(outside_stage(inputs={"path": "."})))
    await handle.result()
    request = outside.requests[-1]
    read = RequestLine.model_validate_json(json.dumps(request))

    assert (read.phase, read.stage, read.attempt) == ("EXECUTE", "work", 1)
    assert read.run == f"{handle.id}/work"
    assert read.fence > 0
    assert (read.secrets, read.workdir, read.checkpoint, read.answers) == ({}, "", None, {})
    assert "admission.json" in read.prior
    assert str(engine.settings.workspace) not in json.dumps(request)
    child = await engine.child(handle, "work")
    said = "".join(str(event) for event in await engine.events(child))
    for secret in (openbao.root_token, *_tokens(engine)):
        assert secret not in said


def _tokens(engine: Engine) -> list[str]:
    roles = engine.settings.vault_roles
    return [file.read_text().strip() for file in roles.rglob("*") if file.is_file()]


async def test_every_phase_of_the_template_is_asked_for(engine: Engine, outside: OutsideActivity):
    handle = await engine.start(pipeline(outside_stage(template="outside-phases")))
    work = (await handle.result())["stages"]["work"]
    names = {each["name"] for each in work["outputs"]}

    assert [each["phase"] for each in outside.requests] == ["PLAN", "EXECUTE", "VERIFY"]
    assert names >= {"plan.json", "execute.json", "verify.json", "verification.json"}
    fences = [each["fence"] for each in outside.requests]
    assert fences == sorted(set(fences))


GARBAGE = {
    "text": (raw(b'"all good"'), "its answer is text and no result"),
    "null": (None, "expected JSON (json/plain), got 'binary/null'"),
    "bytes": (b"\x00\xff", "expected JSON (json/plain), got 'binary/plain'"),
    "no JSON": (raw(b'{"type": "result", '), "its answer cannot be taken: it is not JSON"),
    "not UTF-8": (raw(b'{"type": "\xff"}'), "it is not UTF-8, at byte 10"),
    "NaN": (raw(b'{"type":"result","status":"ok","output":{"n":NaN}}'), "NaN"),
    "twice": (
        raw(b'{"type":"result","type":"log","status":"ok"}'),
        'the key "type" is there twice',
    ),
    "too deep": (raw(b'{"type":"result","output":' + b"[" * 5_000 + b"]" * 5_000 + b"}"), "deep"),
    "status": ({"type": "result", "status": "fine"}, 'result.status must be "ok" or "failed"'),
    "a list": ([DONE], "its answer is a list and no result"),
    "another message": ({"type": "log", "message": "x"}, "an object of type 'log' and no result"),
    "output": ({**DONE, "output": [1]}, "result.output must be an object, got list"),
    "output too large": ({**DONE, "output": {"a": "x" * 70_000}}, "at most 65536 are allowed"),
    "too large": (raw(b'"' + b"x" * 600_000 + b'"'), "600002 bytes, and 524288 is the limit"),
    "an integer": ({**DONE, "output": {"n": 2**60}}, "an integer is beyond 2**53 - 1"),
}


@pytest.mark.parametrize("what", GARBAGE)
async def test_an_answer_that_is_none_fails_the_try_and_says_why(
    engine: Engine, outside: OutsideActivity, what: str
):
    answer, why = GARBAGE[what]
    outside.behaviours["work"] = answers(answer)
    handle = await engine.start(pipeline(outside_stage(retry=2)))
    failure = await failure_of(handle)
    work = failure.details[0]["stages"]["work"]

    assert why in work["detail"]
    assert work["status"] == "failed"
    assert len(outside.requests) == 1  # another try would break the contract as well
    assert "(violation: wrong-output)" in work["detail"]


async def test_a_failure_is_tried_again_as_the_pipeline_says(
    engine: Engine, outside: OutsideActivity
):
    async def fail_once(request: dict[str, Any]) -> Any:
        if request["attempt"] == 1:
            raise ApplicationError("the model is busy", type="Busy")
        return DONE

    outside.behaviours["work"] = fail_once
    handle = await engine.start(pipeline(outside_stage(retry=1)))
    work = (await handle.result())["stages"]["work"]
    ids = await activities_of(engine, f"{handle.id}/work")
    retried = told(engine, handle, "agent.retried")

    assert (work["status"], work["attempts"]) == ("completed", 2)
    assert {"work/EXECUTE#1/body", "work/EXECUTE#2/body"} <= set(ids)
    assert "Busy: the model is busy" in retried[0].payload["because"]
    assert b"the model is busy" in kept(engine, work, "try1.execute.log")


async def test_a_failure_that_it_means_is_not_tried_again(engine: Engine, outside: OutsideActivity):
    wrong = ApplicationError("no such folder", type="Wrong", non_retryable=True)
    outside.behaviours["work"] = answers(wrong)
    failure = await failure_of(await engine.start(pipeline(outside_stage(retry=3))))

    assert "its activity 'outside-work' failed: Wrong: no such folder" in failure.message
    assert len(outside.requests) == 1


async def test_work_that_says_it_failed_has_failed(engine: Engine, outside: OutsideActivity):
    said = {"type": "result", "status": "failed", "summary": "three files cannot be read"}
    outside.behaviours["work"] = answers(said)
    failure = await failure_of(await engine.start(pipeline(outside_stage())))

    assert "three files cannot be read" in failure.message


async def test_what_looks_like_a_token_is_taken_out(engine: Engine, outside: OutsideActivity):
    token = "hvs." + "A" * 40
    outside.behaviours["work"] = answers({**DONE, "summary": token, "output": {"key": token}})
    handle = await engine.start(pipeline(outside_stage()))
    report = await handle.result()

    assert token not in canonical(report)
    assert report["stages"]["work"]["output"] == {"key": "[redacted]"}


async def test_a_cancelled_run_tells_it_to_stop_and_waits_for_it(
    engine: Engine, outside: OutsideActivity
):
    outside.behaviours["work"] = hang
    handle = await engine.start(pipeline(outside_stage()))
    await outside.until_asked("work")
    child = await engine.child(handle, "work")
    await handle.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(WorkflowFailureError):
            await handle.result()

    assert outside.cancelled == ["work"]
    assert (await child.describe()).status is WorkflowExecutionStatus.CANCELED
    [ended] = told(engine, handle, "agent.ended")
    assert ended.payload["status"] == "cancelled"
    assert "unstopped" not in ended.payload


async def test_a_revoked_agent_is_stopped_where_it_works(engine: Engine, outside: OutsideActivity):
    outside.behaviours["work"] = hang
    handle = await engine.start(pipeline(outside_stage()))
    await outside.until_asked("work")
    await handle.signal("revoke", {"stage": "work", "reason": "it reads too much"})
    failure = await failure_of(handle)

    assert failure.type == "Revoked"
    assert outside.cancelled == ["work"]
    assert failure.details[0]["stages"]["work"]["status"] == "revoked"


async def test_what_does_not_stop_is_waited_for_so_long_and_told(
    engine: Engine, outside: OutsideActivity, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("workflows.lifecycle.delegated_phase.BODY_STOP_MS", 1_000)
    outside.behaviours["work"] = be_deaf
    handle = await engine.start(pipeline(outside_stage(retry=1)))
    await outside.until_asked("work")
    await handle.signal("revoke", {"stage": "work", "reason": "it reads too much"})
    failure = await failure_of(handle)
    [ended] = told(engine, handle, "agent.ended")
    why = f"{ACTIVITY} did not end within 3s of being told to: it may be at work still"

    assert why in failure.details[0]["stages"]["work"]["detail"]
    assert ended.payload["unstopped"] == why
    assert len(outside.requests) == 1


async def test_a_silent_one_is_given_up_and_counts_as_a_try(
    engine: Engine, outside: OutsideActivity
):
    async def say_nothing(request: dict[str, Any]) -> Any:
        if request["attempt"] == 1:
            await asyncio.sleep(3_600)
        return DONE

    outside.behaviours["work"] = say_nothing
    handle = await engine.start(pipeline(outside_stage(retry=1)))
    work = (await handle.result())["stages"]["work"]
    [retried] = told(engine, handle, "agent.retried")

    assert work["attempts"] == 2
    assert "gave no sign of life for 2s" in retried.payload["because"]


async def test_nobody_serving_it_is_a_wait_that_is_seen_and_ends_with_the_stage(engine: Engine):
    handle = await engine.start(pipeline(outside_stage(template="outside-nobody", timeout="4s")))
    await engine.until(handle, is_running)
    child = engine.client.get_workflow_handle(f"{handle.id}/work")

    async def is_seen() -> bool:
        waiting = (await child.describe()).raw_description.pending_activities
        return any(each.activity_type.name == "outside-work" for each in waiting)

    await eventually(is_seen)
    failure = await failure_of(handle)

    assert failure.message == (
        "stage 'work' failed: not finished within 4s; no worker took activity 'outside-work' of "
        "task queue 'nobody-serves-this'"
    )


async def test_a_lease_that_cannot_be_proved_stops_the_work(
    engine: Engine, outside: OutsideActivity, dragonfly: Any
):
    outside.behaviours["work"] = hang
    handle = await engine.start(pipeline(outside_stage()))
    await outside.until_asked("work")
    agent = await agent_of(engine, handle, "work")
    await dragonfly.delete(f"agent:{agent}:guard")
    failure = await failure_of(handle)

    assert "its lease cannot be proved any more, so it was told to stop" in failure.message
    assert outside.cancelled == ["work"]


async def test_two_of_one_agent_do_not_work_at_once(engine: Engine, outside: OutsideActivity):
    outside.behaviours["work"] = hang
    document = pipeline(outside_stage(concurrency=1))
    first = await engine.start(document)
    await outside.until_asked("work")
    second = await engine.start(document)
    child = engine.client.get_workflow_handle(f"{second.id}/work")
    await engine.until(second, is_running)

    async def waits() -> bool:
        return "BOOTSTRAP" in (await child.query("status"))["phases"]

    await eventually(waits)
    assert len(outside.requests) == 1
    await first.cancel()
    await outside.until_asked("work", times=2)
    outside.behaviours["work"] = deliver
    await second.cancel()


async def test_the_words_of_a_failure_are_cut(engine: Engine, outside: OutsideActivity):
    outside.behaviours["work"] = answers(ApplicationError("x" * 100_000, non_retryable=True))
    failure = await failure_of(await engine.start(pipeline(outside_stage())))

    assert len(failure.details[0]["stages"]["work"]["detail"]) < 10_000
