"""People are told of a run beside it: in order, once, however long that takes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowFailureError, WorkflowHandle

from activities.contracts.notify.specs import (
    NOTIFICATION_WORKFLOW,
    QUEUE_NOTIFY,
    NotificationRequest,
    Outgoing,
    QueuedMessages,
)
from dsl.limits import NOTIFY_GIVE_UP_MS
from dsl.rules.notify.changes import changes
from dsl.rules.notify.snapshot import RunSnapshot
from dsl.steps.notify import NotifyPlan
from tests.fixtures.engine import Engine, after_look, fail, failure_of, gate, pipeline, stage
from tests.fixtures.notify.receiver import Mailbox, Receiver, Reply, mailbox, receiver

SECRET = "a secret of ours"
EVERYTHING = ["gate-opened", "gate-reminder", "gate-escalated", "gate-decided", "ended"]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as served:
        yield served


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as served:
        yield served


@pytest.fixture
def site(engine: Engine, tmp_path: Path, hook: Receiver, box: Mailbox) -> Iterator[Path]:
    """The operator's file: a webhook and a mailbox."""
    (tmp_path / "url").write_text(f"{hook.url}/take/T0K3N\n")
    (tmp_path / "secret").write_text(SECRET)
    file = engine.settings.notify
    assert file is not None
    file.write_text(f"""\
webhook:
  hook: {{url_file: {tmp_path}/url, secret_file: {tmp_path}/secret}}
email:
  duty:
    host: 127.0.0.1
    port: {box.port}
    tls: none
    from: mandate@example.org
    to: [duty@example.org]
""")
    yield tmp_path
    file.write_text("{}")


def asked(**fields: Any) -> dict[str, Any]:
    """A pipeline with a gate that tells ``hook`` of everything."""
    return after_look(gate("sign-off", **fields), notify=[{"to": "hook", "when": EVERYTHING}])


async def approve(run: WorkflowHandle[Any, Any]) -> None:
    await run.execute_update("vote", {"gate": "sign-off", "decision": "approve", "voter": "ann"})


def kinds(hook: Receiver) -> list[str]:
    return [each.json["event"] for each in hook.heard]


async def told(engine: Engine, run: WorkflowHandle[Any, Any]) -> Any:
    """Return what its notification ends with."""
    [child] = [
        event.child_workflow_execution_started_event_attributes.workflow_execution
        for event in await engine.events(run)
        if event.HasField("child_workflow_execution_started_event_attributes")
        and event.child_workflow_execution_started_event_attributes.workflow_type.name
        == "Notification"
    ]
    handle = engine.client.get_workflow_handle(child.workflow_id, run_id=child.run_id)
    async with asyncio.timeout(90):
        return await handle.result()


async def test_who_is_named_is_told_in_order_signed_and_once(
    engine: Engine, site: Path, hook: Receiver
):
    run = await engine.start(asked())
    await hook.until(lambda heard: len(heard) >= 1)
    await approve(run)
    await run.result()
    await hook.until(lambda heard: len(heard) >= 3)
    answer = await told(engine, run)

    assert kinds(hook) == ["gate-opened", "gate-decided", "ended"]
    assert answer["told"]["hook"] == {"delivered": 3, "waiting": 0, "lost": 0} | {
        "delivered": answer["told"]["hook"]["delivered"]
    }
    first = hook.heard[0]
    assert first.path == "/take/T0K3N"
    said = dict(part.split("=") for part in first.headers["Mandate-Signature"].split(","))
    signed = hmac.new(SECRET.encode(), f"{said['t']}.".encode() + first.body, hashlib.sha256)
    assert said["v1"] == signed.hexdigest()
    assert first.json["gate"]["path"] == "sign-off"
    assert first.json["run"]["workflow"] == run.id
    assert "T0K3N" not in first.body.decode()
    assert len({each.headers["Mandate-Delivery"] for each in hook.heard}) == 3


async def test_who_is_away_is_told_later_and_the_run_waits_for_nothing(
    engine: Engine, site: Path, hook: Receiver
):
    hook.script = [Reply(429, {"Retry-After": "2"}), Reply(503), Reply(200, drop=True)]
    run = await engine.start(asked())
    await hook.until(lambda heard: len(heard) >= 1)
    await approve(run)
    await run.result()  # over, whatever the hook does
    await hook.until(lambda heard: len(heard) >= 6)
    await told(engine, run)

    ids = [each.headers["Mandate-Delivery"] for each in hook.heard]
    assert kinds(hook)[-1] == "ended"
    assert len(set(ids[:4])) == 1  # the one message, until it was taken
    assert len(set(ids)) == len(ids) - 3


async def test_what_a_reset_makes_of_a_run_is_told_of_anew_and_once(
    engine: Engine, site: Path, hook: Receiver
):
    first = await engine.start(asked())
    await hook.until(lambda heard: len(heard) >= 1)
    before = (await first.describe()).run_id
    event = next(
        each["event_id"] for each in await first.query("checkpoints") if each["before"] == "look"
    )
    reset = ("workflow", "reset", "-w", first.id, "--event-id", str(event), "--reason", "again")
    assert (await engine.cli(*reset))[0] == 0
    run = engine.adopt(first.id)
    await hook.until(lambda heard: any(each.json["run"]["run"] != before for each in heard))
    await approve(run)
    await run.result()
    await hook.until(lambda heard: len(heard) >= 5)

    told_of: dict[bool, list[str]] = {True: [], False: []}
    for each in hook.heard:
        told_of[each.json["run"]["run"] == before].append(each.json["event"])
    assert told_of == {
        True: ["gate-opened", "ended"],  # the server ends what was reset
        False: ["gate-opened", "gate-decided", "ended"],
    }
    assert len({each.headers["Mandate-Delivery"] for each in hook.heard}) == 5


async def test_mail_is_a_thread_of_ours_with_the_line_that_answers(
    engine: Engine, site: Path, box: Mailbox
):
    box.script = ["451 later"]
    definition = after_look(gate("sign-off"), notify=[{"to": "duty"}])
    run = await engine.start(definition)
    [first, *_] = await box.until(1)
    await approve(run)
    await run.result()
    mail = await box.until(2)

    assert first["Subject"] == f"{definition['name']}: sign-off waits for approval"
    assert f"mandate approve {run.id} sign-off" in first.get_content()
    assert mail[0]["References"] == mail[1]["References"]
    assert mail[0]["Message-ID"] != mail[1]["Message-ID"]
    assert "completed" in mail[1]["Subject"]


async def telling(engine: Engine, run: str) -> WorkflowHandle[Any, Any]:
    """Return who tells of a run, when the server's list has it."""
    while True:
        async for each in engine.client.list_workflows('WorkflowType="Notification"'):
            if f"/{run}/" in each.id:
                return engine.client.get_workflow_handle(each.id)
        await asyncio.sleep(0.1)


async def test_what_nobody_can_deliver_is_said_and_delivered_once_it_is_mended(
    engine: Engine, site: Path, hook: Receiver
):
    (site / "secret").unlink()
    run = await engine.start(asked())
    await engine.pending(run, "sign-off")
    await approve(run)
    await run.result()
    async with asyncio.timeout(60):
        handle = await telling(engine, run.id)
        while not (state := (await handle.query("status"))["hook"])["trouble"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    assert "cannot be read" in state["trouble"]
    assert state["waiting"] >= 1
    await handle.terminate("the test ends")


async def test_what_waited_goes_on_where_it_was_and_what_is_too_old_is_given_up(
    engine: Engine, site: Path, hook: Receiver
):
    run = await engine.start(pipeline(stage("look")))
    await run.result()
    seen = RunSnapshot(workflow=run.id, run=run.result_run_id or "", status="over", ended=True)
    [event] = changes(None, seen)
    now = time.time() * 1_000
    ages = {"young": 1_000, "old": NOTIFY_GIVE_UP_MS + 1_000}
    waiting = [
        Outgoing(event=event.model_copy(update={"id": name}), run=seen, since_ms=int(now - age))
        for name, age in ages.items()
    ]
    request = NotificationRequest(
        workflow=run.id,
        run=run.result_run_id or "",
        notify=(NotifyPlan(to="hook", when=()),),
        seen=seen,
        queues={"hook": QueuedMessages(waiting=tuple(waiting), tries=4)},
    )
    handle = await engine.client.start_workflow(
        NOTIFICATION_WORKFLOW,
        request,
        id=f"notification/{run.id}/anew",
        task_queue=QUEUE_NOTIFY,
    )
    answer = await handle.result()

    assert answer["told"]["hook"] == {"delivered": 1, "waiting": 0, "lost": 1}
    assert [each.json["id"] for each in hook.heard] == ["young"]
    ids = [
        each.activity_task_scheduled_event_attributes.activity_id
        for each in (await handle.fetch_history()).events
        if each.HasField("activity_task_scheduled_event_attributes")
    ]
    assert ids == ["hook/1#5"]


async def test_a_run_that_was_refused_or_failed_is_told_of(
    engine: Engine, site: Path, hook: Receiver
):
    engine.runner.behaviours["look"] = fail
    notify = [{"to": "hook", "when": ["stage-failed", "ended"]}]
    run = await engine.start(pipeline(stage("look"), notify=notify))
    await failure_of(run)
    await hook.until(lambda heard: len(heard) >= 2)

    assert kinds(hook) == ["stage-failed", "ended"]
    assert "look" in hook.heard[1].json["run"]["detail"]


async def test_a_destination_that_nobody_has_named_refuses_the_start(engine: Engine, site: Path):
    run = await engine.start(after_look(gate("sign-off"), notify=[{"to": "nobody"}]))
    with pytest.raises(WorkflowFailureError):
        await run.result()
    error = await failure_of(run)

    assert "notify names the destination 'nobody', and this worker knows duty, hook" in str(error)


async def test_reminders_and_escalations_are_told(engine: Engine, site: Path, hook: Receiver):
    run = await engine.start(
        asked(
            timeout="4s",
            remind_every="1s",
            on_timeout="escalate",
            escalate_to={"approvers": ["ann"], "timeout": "1h"},
        )
    )
    await hook.until(lambda heard: "gate-escalated" in [each.json["event"] for each in heard])
    await approve(run)
    await run.result()

    assert "gate-reminder" in kinds(hook)
    assert kinds(hook)[0] == "gate-opened"
