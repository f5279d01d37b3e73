"""What an agent must not do is seen, told, and has its consequence, whatever else is away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from dsl.core import Tier
from integrations.agents.contract.protocol import FAILED, PROTOCOL, AgentError, Request
from integrations.dragonfly import holding
from integrations.errors import DeniedError
from integrations.vault.credentials.paths import SecretRef
from tests.fixtures.engine import Engine, as_json, fail, failure_of, hang, pipeline, stage
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.trust.standing import (
    activities_of,
    agent_of,
    entity_of,
    held_token,
    tier_of,
    told,
)
from workflows.lifecycle import violations

SECRET = "correct-horse-battery-staple"
Behaviour = Callable[[Request], Awaitable[dict[str, Any]]]


def fails(kind: str) -> Behaviour:
    async def behave(_request: Request) -> dict[str, Any]:
        raise AgentError(kind, "as it does", retryable=False)

    return behave


async def repeat_the_secret(request: Request) -> dict[str, Any]:
    return {"said": request.secrets["KEY"].encode().hex()}


async def say_a_secret_and_fail(request: Request) -> dict[str, Any]:
    error = AgentError(FAILED, "it failed", retryable=True)
    error.secrets = 1
    raise error


@pytest.fixture
def place(openbao: OpenBao) -> str:
    """A secret that agents of T2 may read."""
    place = f"kv-build/{uuid.uuid4().hex[:12]}"
    openbao.put_secret(place, key=SECRET)
    return place


def look(place: str, **config: Any) -> dict[str, Any]:
    return pipeline(stage("look", config={"tier": 2, "secrets": {"KEY": f"{place}#key"}, **config}))


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (fails(PROTOCOL), "wrong-output"),
        (repeat_the_secret, "secret-in-output"),
        (say_a_secret_and_fail, "secret-in-output"),
    ],
)
async def test_a_violation_costs_one_tier_and_the_stage(
    engine: Engine, openbao: OpenBao, place: str, behaviour: Behaviour, kind: str
):
    engine.runner.behaviours["look"] = behaviour
    handle = await engine.start(look(place, retry=2))
    failure = await failure_of(handle)
    agent = await agent_of(engine, handle)
    [violated] = told(engine, handle, "agent.violated")
    [demoted] = told(engine, handle, "agent.demoted")
    [ended] = told(engine, handle, "agent.ended")

    assert failure.type == "Violation"
    assert f"(violation: {kind})" in failure.message
    assert "demoted from T2 to T1" in failure.message
    assert tier_of(openbao, agent) == "T1"
    assert violated.agent == demoted.agent == agent
    assert violated.payload.items() >= {
        ("kind", kind),
        ("consequence", "demote"),
        ("phase", "EXECUTE"),
    }
    assert violated.payload["key"].endswith(f"/look/EXECUTE#1/{kind}")
    assert demoted.payload == {"was": "T2", "now": "T1", "because": kind}
    assert (ended.payload["attempts"], ended.payload["errors"]) == (1, 1)
    assert ended.payload["exhausted"] is False
    assert SECRET not in failure.message + str(violated.payload)


async def test_a_held_token_is_refused_at_its_next_call(
    engine: Engine, openbao: OpenBao, place: str
):
    document = look(place)
    first = await engine.start(document)
    await first.result()
    agent, ref = await agent_of(engine, first), SecretRef.parse(f"{place}#key")
    async with held_token(openbao, agent, Tier.T2) as held:
        before = await held.read_secret(ref)
        engine.runner.behaviours["look"] = fails(PROTOCOL)
        await failure_of(await engine.start(document))
        with pytest.raises(DeniedError):
            await held.read_secret(ref)

    assert before == SECRET


async def test_the_brake_does_not_wait_for_the_ledger(engine: Engine, place: str):
    engine.runner.behaviours["look"] = fails(PROTOCOL)
    handle = await engine.start(look(place))
    await failure_of(handle)
    ids = await activities_of(engine, f"{handle.id}/look")

    assert set(ids[-4:]) == {
        "look/EXECUTE#1/demote/wrong-output",
        "look/EXIT#1",
        "look/ledger#2",
        "look/ledger#3",
    }
    assert ids[-1] == "look/ledger#3"  # what followed


async def test_text_like_a_token_is_told_and_costs_nothing(engine: Engine, openbao: OpenBao):
    async def quote(_request: Request) -> dict[str, Any]:
        return {"code": "s.abcdefghijklmnopqrstuvwxyz012345"}

    engine.runner.behaviours["look"] = quote
    handle = await engine.start(pipeline(stage("look")))
    report = await handle.result()
    [violated] = told(engine, handle, "agent.violated")

    assert report["stages"]["look"]["status"] == "completed"
    assert "(violation: token-in-output)" in report["stages"]["look"]["detail"]
    assert violated.payload["consequence"] == "warn"
    assert tier_of(openbao, await agent_of(engine, handle)) == "T2"


async def test_a_secret_beyond_its_tier_is_a_path_it_must_not_try(engine: Engine, openbao: OpenBao):
    handle = await engine.start(look("kv-prod/db"))
    failure = await failure_of(handle)

    assert failure.type == "Violation"
    assert "may not read kv-prod/db" in failure.message
    assert "(violation: denied-path)" in failure.message
    assert tier_of(openbao, await agent_of(engine, handle)) == "T1"


async def test_who_was_lowered_meanwhile_is_not_lowered_again(
    engine: Engine, openbao: OpenBao, place: str
):
    async def be_lowered(request: Request) -> dict[str, Any]:
        agent = await agent_of(engine, handle)
        metadata = entity_of(openbao, agent)["metadata"]
        lower = {key: value for key, value in metadata.items() if key != "t2"}
        openbao.as_root(
            "POST", f"identity/entity/name/agent-{agent}", metadata={**lower, "tier": "T1"}
        )
        return await fail(request)

    engine.runner.behaviours["look"] = be_lowered
    handle = await engine.start(look(place, retry=1))
    failure = await failure_of(handle)

    assert failure.type == "StageFailed"
    assert f"may not read {place}" in failure.message
    assert told(engine, handle, "agent.violated") == []
    assert tier_of(openbao, await agent_of(engine, handle)) == "T1"


async def test_a_program_that_delivers_without_its_lease_is_told_and_asked_again(
    engine: Engine, openbao: OpenBao, dragonfly: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(holding, "BEATS_PER_TTL", 120)
    tries = []

    async def deliver_late(_request: Request) -> dict[str, Any]:
        tries.append(1)
        if len(tries) == 1:
            agent = await agent_of(engine, handle)
            locks = [key async for key in dragonfly.scan_iter(f"agent:{agent}~*:lock")]
            await dragonfly.delete(*locks)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return {}
        return {"try": len(tries)}

    engine.runner.behaviours["look"] = deliver_late
    handle = await engine.start(pipeline(stage("look")))
    report = await handle.result()
    [violated] = told(engine, handle, "agent.violated")

    assert report["stages"]["look"]["output"] == {"try": 2}
    assert report["stages"]["look"]["attempts"] == 1  # no failure of the agent
    assert violated.payload.items() >= {("kind", "stale-fence"), ("consequence", "warn")}
    assert tier_of(openbao, await agent_of(engine, handle)) == "T2"


@pytest.mark.parametrize(
    ("published", "said"),
    [("REPORT", "VERIFY was asked for after REPORT"), ("PLAN", "VERIFY was asked for after PLAN")],
)
async def test_a_phase_out_of_order_is_refused(
    engine: Engine, openbao: OpenBao, dragonfly: Any, published: str, said: str
):
    async def pretend(_request: Request) -> dict[str, Any]:
        agent = await agent_of(engine, handle)
        [state] = [key async for key in dragonfly.scan_iter(f"agent:{agent}~*:state")]
        await dragonfly.hset(state, "phase", published)
        return {}

    engine.runner.behaviours["look"] = pretend
    handle = await engine.start(pipeline(stage("look")))
    failure = await failure_of(handle)

    assert failure.type == "Violation"
    assert f"{said} (violation: phase-order)" in failure.message
    assert tier_of(openbao, await agent_of(engine, handle)) == "T1"


@pytest.mark.parametrize("by", [{"run": "another/run"}, {"run_id": "of-before-the-reset"}])
async def test_what_another_run_has_published_is_not_compared(
    engine: Engine, dragonfly: Any, by: dict[str, str]
):
    async def pretend(_request: Request) -> dict[str, Any]:
        agent = await agent_of(engine, handle)
        [state] = [key async for key in dragonfly.scan_iter(f"agent:{agent}~*:state")]
        await dragonfly.hset(state, mapping={"phase": "EXIT", **by})
        return {}

    engine.runner.behaviours["look"] = pretend
    handle = await engine.start(pipeline(stage("look")))

    assert (await handle.result())["status"] == "completed"


async def test_three_runs_in_a_row_that_use_up_all_tries_cost_one_tier(
    engine: Engine, openbao: OpenBao
):
    engine.runner.behaviours["look"] = fail
    document, tiers = pipeline(stage("look", config={"retry": 1})), []
    for _ in range(4):
        handle = await engine.start(document)
        failure = await failure_of(handle)
        tiers.append(tier_of(openbao, await agent_of(engine, handle)))
        [ended] = told(engine, handle, "agent.ended")
        assert failure.type == "StageFailed"
        assert (ended.payload["errors"], ended.payload["exhausted"]) == (2, True)

    assert tiers == ["T2", "T2", "T1", "T1"]


async def test_a_good_run_between_is_a_new_beginning(engine: Engine, openbao: OpenBao):
    document = pipeline(stage("look"))
    for behaviour in (fail, fail, None, fail):
        engine.runner.behaviours.clear()
        if behaviour is not None:
            engine.runner.behaviours["look"] = behaviour
        handle = await engine.start(document)
        with suppress(WorkflowFailureError):
            await handle.result()

    assert tier_of(openbao, await agent_of(engine, handle)) == "T2"


@contextmanager
def nothing_written(openbao: OpenBao):
    """Let Vault answer "later" to whoever reads or writes an agent's entity."""
    name = f"sys/quotas/rate-limit/{uuid.uuid4().hex}"
    openbao.as_root("POST", name, path="identity/entity/*", rate=0.001, interval="1h")
    openbao.raw(openbao.root_token, "GET", "identity/entity/name/x")  # one call is let through
    try:
        yield
    finally:
        openbao.as_root("DELETE", name)


async def test_a_vault_that_is_away_delays_no_end_and_the_report_says_so(
    engine: Engine, openbao: OpenBao, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(violations, "CLEANING", timedelta(seconds=3))

    async def go_wrong(request: Request) -> dict[str, Any]:
        limits.__enter__()
        return await fails(PROTOCOL)(request)

    limits = nothing_written(openbao)
    engine.runner.behaviours["look"] = go_wrong
    try:
        handle = await engine.start(pipeline(stage("look")))
        failure = await failure_of(handle)
    finally:
        limits.__exit__(None, None, None)

    assert failure.type == "Violation"
    assert "not demoted (" in failure.message
    assert len(told(engine, handle, "agent.violated")) == 1
    assert told(engine, handle, "agent.demoted") == []
    assert tier_of(openbao, await agent_of(engine, handle)) == "T2"


async def test_at_the_lowest_tier_there_is_nothing_to_lose(engine: Engine, openbao: OpenBao):
    engine.runner.behaviours["look"] = fails(PROTOCOL)
    document = pipeline(stage("look", config={"tier": 0}))
    said = [(await failure_of(await engine.start(document))).message for _ in range(3)]

    assert "demoted from T1 to T0" in said[1]
    assert "not demoted: it holds T0" in said[2]


@pytest.mark.parametrize(
    ("kind", "failed", "said"),
    [
        ("unheard-of", "StageFailed", "an unknown violation 'unheard-of'"),
        ("wrong-output", "Violation", "demoted from T2 to T1"),
    ],
)
async def test_a_forged_answer_ends_the_run_and_costs_one_tier_at_most(
    engine: Engine, kind: str, failed: str, said: str
):
    name = f"forged-{kind}"
    engine.runner.behaviours[name] = hang  # it hangs on for a while
    handle = await engine.start(pipeline(stage(name)))
    await engine.runner.until_running(name)
    forged = {"violations": [{"kind": kind}, {"kind": kind}]}
    code, answer = await engine.cli(
        *(
            "activity",
            "complete",
            "-w",
            f"{handle.id}/{name}",
            "--activity-id",
            f"{name}/EXECUTE#1",
        ),
        *("--result", as_json(forged)),
    )
    failure = await failure_of(handle)

    assert code == 0, answer
    assert failure.type == failed
    assert failure.message.count(said) == 1
