"""Sweeps as the server's schedule starts them, on the whole engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WorkflowFailureError,
    WorkflowHandle,
)

from activities.runtime import engine as activities_engine
from activities.runtime.engine import SWEEP_SCHEDULE, ensure_sweep_schedule, start_sweep
from activities.runtime.orphans import OrphanInterceptor
from activities.sweep import sweep as sweeping_activity
from activities.sweep.watch import sweep_if_none
from dsl.rules.run import sweeping
from dsl.rules.run.reserved import SWEEP_ID
from integrations.ledger.verify import TAIL_MAX, tail
from integrations.under_way import UnderWay
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from tests.fixtures.engine import (
    Engine,
    failure_of,
    gate,
    hang,
    pipeline,
    settings_for,
    stage,
)
from tests.fixtures.hostile.leaks import DYNAMIC_USERS, Leaks, dynamic_users, has_user
from tests.fixtures.servers.namespaces import own_namespace
from tests.fixtures.servers.openbao import OpenBao, govern
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.stack.probes import eventually
from tests.integration.vault.holders import executor, is_alive, living_tokens
from worker import build_workers, plugin

SQUATTED_S = 20


@pytest_asyncio.fixture
async def leaks(openbao: OpenBao, vault: Vault) -> Leaks:
    return Leaks(vault, openbao.roles_dir)


async def sweep(engine: Engine) -> dict[str, Any]:
    """Trigger a sweep with the CLI, as a person would; return what it says."""
    schedule = engine.client.get_schedule_handle(SWEEP_SCHEDULE)
    before = (await schedule.describe()).info.num_actions
    code, said = await engine.cli("schedule", "trigger", "--schedule-id", SWEEP_SCHEDULE)
    assert code == 0, said
    async with asyncio.timeout(60):
        while (info := (await schedule.describe()).info).num_actions == before:  # noqa: ASYNC110  # the server is asked
            await asyncio.sleep(0.02)
    started = info.recent_actions[-1].action
    assert isinstance(started, ScheduleActionExecutionStartWorkflow)
    handle = engine.adopt(started.workflow_id)
    result: dict[str, Any] = await handle.result()
    return result


def recorded(engine: Engine) -> list[dict[str, Any]]:
    entries = tail(engine.settings.ledger, TAIL_MAX)
    return [dict(entry.payload) for entry in entries if entry.action == "sweep.revoked"]


async def ended_run(engine: Engine) -> WorkflowHandle[Any, Any]:
    handle = await engine.start(pipeline(stage("look")))
    await handle.result()
    return handle


async def waiting_run(engine: Engine) -> WorkflowHandle[Any, Any]:
    handle = await engine.start(pipeline(gate("asked")))
    await engine.pending(handle, "asked")
    return handle


async def end(handle: WorkflowHandle[Any, Any]) -> None:
    await handle.signal("vote", {"gate": "asked", "decision": "approve", "voter": "ann"})
    await handle.result()


async def test_a_token_leaked_by_a_run_that_is_over_is_ended_with_its_dynamic_user(
    engine: Engine,
    leaks: Leaks,
    openbao: OpenBao,
    vault: Vault,
    private_valkey: Callable[..., ValkeyProcess],
) -> None:
    valkey, over = private_valkey(), await ended_run(engine)
    with dynamic_users(openbao, valkey):
        accessor, token = await leaks.token(run=over.id, phase="EXECUTE")
        user = openbao.call(token, "GET", DYNAMIC_USERS)["data"]["username"]
        assert has_user(valkey, user)

        swept = await sweep(engine)

        assert accessor in swept["revoked"]
        assert swept["stuck"] == 0
        assert not await is_alive(vault, token)
        await eventually(lambda: not has_user(valkey, user))  # Vault ends leases beside the token
        assert (await sweep(engine))["leases"] == 0
    digest = f"sha256:{hashlib.sha256(accessor.encode()).hexdigest()}"
    assert digest in recorded(engine)[-1]["accessors"]
    assert accessor not in json.dumps(recorded(engine))


async def test_a_token_of_a_run_at_work_is_left_alone(
    engine: Engine, leaks: Leaks, vault: Vault
) -> None:
    at_work = await waiting_run(engine)
    described = await at_work.describe()
    _, by_id = await leaks.token(run=at_work.id)
    _, by_run = await leaks.token(run=at_work.id, run_id=described.run_id)

    await sweep(engine)

    assert await is_alive(vault, by_id)
    assert await is_alive(vault, by_run)
    await end(at_work)


async def test_a_token_of_an_earlier_run_of_a_workflow_at_work_is_ended(
    engine: Engine, leaks: Leaks, vault: Vault
) -> None:
    first = await waiting_run(engine)
    await end(first)
    second = await engine.client.start_workflow(
        "Pipeline", {"definition": pipeline(gate("asked"))}, id=first.id, task_queue="mandate"
    )
    _, of_first = await leaks.token(run=first.id, run_id=first.result_run_id or "")
    _, of_second = await leaks.token(run=first.id, run_id=second.result_run_id or "")

    await sweep(engine)

    assert not await is_alive(vault, of_first)
    assert await is_alive(vault, of_second)
    await engine.pending(second, "asked")
    await end(second)


async def test_a_request_for_an_approval_is_judged_by_its_own_run(
    engine: Engine, openbao: OpenBao, vault: Vault
) -> None:
    openbao.put_secret("kv-prod/swept", v="x")
    at_work, over = await waiting_run(engine), await ended_run(engine)
    registrar = Registrar(vault, Login(vault, openbao.roles_dir, "mandate-trust"))
    requests = ControlGroupRequests(vault, Login(vault, openbao.roles_dir, "mandate-t3"))
    living = []
    for run in (at_work, over):
        run_id, (agent, entity) = run.result_run_id or "", await executor(openbao, registrar)
        refs = [SecretRef.parse("kv-prod/swept#v")]
        await requests.file(run_id, "act", agent, entity, refs, 600, workflow=run.id)
        living.append(entity)

    await sweep(engine)

    assert [len(living_tokens(openbao, entity)) for entity in living] == [1, 0]
    assert not await requests.authorised(at_work.result_run_id or "", "act")
    await requests.withdraw(at_work.result_run_id or "", "act")
    await end(at_work)


async def test_requests_that_name_no_workflow_hold_up_the_end_of_nothing_else(
    engine: Engine,
    leaks: Leaks,
    openbao: OpenBao,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeping_activity, "UNANSWERED_MAX", 1)
    openbao.put_secret("kv-prod/swept", v="x")
    registrar = Registrar(vault, Login(vault, openbao.roles_dir, "mandate-trust"))
    requests = ControlGroupRequests(vault, Login(vault, openbao.roles_dir, "mandate-t3"))
    agent, entity = await executor(openbao, registrar)
    nameless = [f"nameless-{uuid.uuid4().hex}" for _ in range(8)]
    for run in nameless:
        await requests.file(run, "act", agent, entity, [SecretRef.parse("kv-prod/swept#v")], 600)
    over = [await ended_run(engine) for _ in range(3)]
    tokens = [(await leaks.token(run=each.id, phase="EXECUTE"))[1] for each in over]

    await sweep(engine)

    assert [await is_alive(vault, token) for token in tokens] == [False] * 3
    assert len(living_tokens(openbao, entity)) == len(nameless)
    for run in nameless:
        await requests.withdraw(run, "act")


async def test_unknown_runs_and_tokens_of_nobody_are_ended_after_a_grace(
    engine: Engine, leaks: Leaks, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[dict[str, str]] = [{"run": "never-started"}, {"run": "x", "run_id": "no-uuid"}, {}]
    tokens = [(await leaks.token(**run))[1] for run in runs]
    await sweep(engine)
    assert [await is_alive(vault, token) for token in tokens] == [True] * 3

    monkeypatch.setattr(sweeping, "GRACE_S", -1)
    await sweep(engine)

    assert [await is_alive(vault, token) for token in tokens] == [False] * 3


async def test_in_the_ordinary_case_nothing_is_ended_and_nothing_written(engine: Engine) -> None:
    await sweep(engine)  # what other tests have left
    before = recorded(engine)
    engine.runner.behaviours["busy"] = hang
    await ended_run(engine)
    busy = await engine.start(pipeline(stage("busy")))
    await engine.runner.until_running("busy")

    swept = await sweep(engine)

    assert (swept["revoked"], swept["stuck"]) == ([], 0)
    assert recorded(engine) == before
    await busy.cancel()
    with pytest.raises(WorkflowFailureError):
        await busy.result()


async def test_what_a_worker_did_not_live_to_note_is_ended_while_its_run_is_at_work(
    engine: Engine,
    leaks: Leaks,
    vault: Vault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was killed after Vault had minted, and before it was told."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    engine.runner.behaviours["busy"] = hang
    busy = await engine.start(pipeline(stage("busy")))
    await engine.runner.until_running("busy")
    told = await engine.client.get_workflow_handle(f"{busy.id}/busy").describe()
    [pending] = told.raw_description.pending_activities
    run = {"run": told.id, "run_id": told.run_id or "", "activity": pending.activity_id}
    _, under_way = await leaks.token(**run, attempt=str(pending.attempt))
    _, lost = await leaks.token(**run, attempt=str(pending.attempt + 1))
    _, of_old = await leaks.token(run=told.id, run_id=told.run_id or "")
    queue = f"of-{uuid.uuid4().hex}"
    server = engine.client.service_client.config.target_host
    UnderWay("attempts", f"{server} {engine.client.namespace} {queue}").begin(b"no such attempt")
    [notes] = (tmp_path / f"mandate-attempts-{os.getuid()}").iterdir()
    notes.rename(notes.with_name(f"{notes.name.partition('-')[0]}-{os.getpid()}-1"))

    async with OrphanInterceptor(engine.client, queue).succeeding(engine.client):

        async def is_ended() -> bool:
            return not await is_alive(vault, lost)

        await eventually(is_ended)

    assert await is_alive(vault, under_way)
    assert await is_alive(vault, of_old)  # of a release that named no attempt
    await busy.cancel()
    with pytest.raises(WorkflowFailureError):
        await busy.result()


async def test_a_sweep_takes_no_input(engine: Engine) -> None:
    one = await engine.start_type("Sweep", {"limit": 1})
    two = await engine.start_type("Sweep", {}, {})

    assert (await failure_of(one)).message == "a sweep takes no input: leave it out"
    assert (await failure_of(two)).message == "expected one input, got 2"


async def test_a_schedule_that_is_there_is_left_as_its_operator_has_it(engine: Engine) -> None:
    schedule = engine.client.get_schedule_handle(SWEEP_SCHEDULE)
    assert (await schedule.describe()).schedule.policy.overlap.name == "ALLOW_ALL"
    assert await ensure_sweep_schedule(engine.client) is None
    await schedule.pause(note="for a while")

    said = await ensure_sweep_schedule(engine.client)

    state = (await schedule.describe()).schedule.state
    assert (state.paused, state.note) == (True, "for a while")
    assert said is not None
    assert said.startswith("the schedule 'mandate-sweep' is paused; to go on: ")
    await schedule.unpause()


@pytest.mark.parametrize(("kind", "queue"), [("Pipeline", "mandate"), ("Sweep", "another")])
async def test_a_schedule_of_that_name_that_starts_no_sweep_is_said(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, kind: str, queue: str
) -> None:
    name = f"s-{uuid.uuid4()}"
    monkeypatch.setattr(activities_engine, "SWEEP_SCHEDULE", name)
    starts = ScheduleActionStartWorkflow(kind, id="anything", task_queue=queue)
    schedule = await engine.client.create_schedule(name, Schedule(starts, spec=ScheduleSpec()))

    said = await ensure_sweep_schedule(engine.client)
    await schedule.delete()

    assert said is not None
    assert said.startswith(f"the schedule {name!r} starts something else than Sweep on queue ")


async def test_who_holds_the_ids_of_sweeps_keeps_none_from_taking_place(
    engine: Engine,
    valkey: ValkeyProcess,
    private_openbao: Callable[..., OpenBao],
    tmp_path: Path,
) -> None:
    server = private_openbao()
    await govern(server)
    settings = settings_for(engine.settings.temporal, server, valkey, tmp_path)
    settings = replace(settings, queues=("mandate", "mandate-trust", "mandate-ledger"))
    client = await own_namespace(engine.client, plugin(settings))
    now = datetime.now(UTC).replace(microsecond=0)
    for number in range(SQUATTED_S):
        name = f"{SWEEP_ID}-{now + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"
        await client.start_workflow("Anything", id=name, task_queue="nobody-polls-this")
    await client.get_schedule_handle(SWEEP_SCHEDULE).trigger()  # which comes to nothing
    async with AsyncExitStack() as stack:
        for worker in build_workers(client, settings):
            await stack.enter_async_context(worker)
        started = await sweep_if_none(client)
        assert started is not None
        swept = await client.get_workflow_handle(started).result()
        async with asyncio.timeout(60):  # until the server lists it
            while await sweep_if_none(client) is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    assert (swept["tokens"], swept["revoked"]) == (0, [])


async def test_sweeps_that_are_paused_stay_paused(engine: Engine) -> None:
    schedule = engine.client.get_schedule_handle(SWEEP_SCHEDULE)
    await schedule.pause()
    try:
        assert await sweep_if_none(engine.client, datetime.now(UTC) + timedelta(days=1)) is None
        assert await start_sweep(engine.client) is None  # nor for what a worker died of
    finally:
        await schedule.unpause()


async def test_a_server_that_makes_no_schedule_is_a_warning(engine: Engine) -> None:
    elsewhere = await Client.connect(engine.settings.temporal, namespace="nowhere")

    said = await ensure_sweep_schedule(elsewhere)

    assert said is not None
    assert said.startswith("the schedule 'mandate-sweep' cannot be made: ")


async def test_a_sweep_waits_until_vault_is_back(
    engine: Engine,
    valkey: ValkeyProcess,
    private_openbao: Callable[..., OpenBao],
    tmp_path: Path,
) -> None:
    server = private_openbao(on_disk=True)
    await govern(server)
    address = engine.settings.temporal
    settings = replace(
        settings_for(address, server, valkey, tmp_path),
        queues=("mandate", "mandate-trust", "mandate-ledger"),
    )
    client = await own_namespace(engine.client, plugin(settings))
    async with AsyncExitStack() as stack:
        for worker in build_workers(client, settings):
            await stack.enter_async_context(worker)
        server.stop()
        handle = await client.start_workflow("Sweep", id="sweep", task_queue="mandate")
        why = await until_tried_again(handle)
        server.start()
        swept = await handle.result()

    assert "no answer from vault" in why
    assert (swept["tokens"], swept["revoked"]) == (0, [])


async def test_a_sweep_that_waits_for_the_ledger_holds_up_no_other(
    engine: Engine,
    valkey: ValkeyProcess,
    private_openbao: Callable[..., OpenBao],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was ended waits to be recorded. What is left behind meanwhile does not wait for that."""
    server = private_openbao()
    await govern(server)
    settings = settings_for(engine.settings.temporal, server, valkey, tmp_path)
    settings = replace(settings, queues=("mandate", "mandate-trust"))  # nobody writes the ledger
    client = await own_namespace(engine.client, plugin(settings))
    schedule = client.get_schedule_handle(SWEEP_SCHEDULE)
    vault = Vault(server.url)
    monkeypatch.setattr(sweeping, "GRACE_S", -1)
    async with AsyncExitStack() as stack:
        stack.callback(vault.close)
        for worker in build_workers(client, settings):
            await stack.enter_async_context(worker)
        for _ in range(2):
            _, token = await Leaks(vault, server.roles_dir).token(run="never-started")
            await schedule.trigger()
            await ended(vault, token)
            await asyncio.sleep(1.1)  # the server names what it starts by the second


async def ended(vault: Vault, token: str) -> None:
    """Wait until the token has been ended."""
    async with asyncio.timeout(60):
        while await is_alive(vault, token):  # noqa: ASYNC110  # the server is asked
            await asyncio.sleep(0.05)


async def until_tried_again(handle: WorkflowHandle[Any, Any]) -> str:
    """Wait until the sweep has failed once; return why."""
    async with asyncio.timeout(60):
        while True:
            described = (await handle.describe()).raw_description
            for pending in described.pending_activities:
                if pending.attempt > 1 and pending.last_failure.message:
                    return str(pending.last_failure.message)
            await asyncio.sleep(0.05)
