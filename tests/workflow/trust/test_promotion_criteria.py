"""Every criterion refuses on its own, with its figure; what is asked wrongly names its fault."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from activities.contracts import specs
from dsl.core import Tier
from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Engine, fail, failure_of, pipeline, stage
from tests.fixtures.hostile.impostor import QUEUE, impostors
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.agents import Subject, begin, long_gone, say, subject, unmet
from tests.fixtures.trust.past import AGE_OF_T4_S
from tests.fixtures.voting import Signer, signer

Puppet = WorkflowHandle[Any, Any]


@pytest_asyncio.fixture
async def puppet(engine: Engine) -> AsyncIterator[Puppet]:
    """Somebody who can write facts on behalf of stages of his own."""
    async with impostors(engine) as client:
        handle = await client.start_workflow("Puppet", id=f"t-{uuid.uuid4()}", task_queue=QUEUE)
        yield handle
        await handle.terminate()


async def tell(puppet: Puppet, agent: str, action: str, **payload: Any) -> None:
    """Put a fact about the agent on the ledger, as a run does for its stage."""
    of = {"workflow": f"{puppet.id}/work", "run": str(uuid.uuid4())}
    entry = {"action": action, "agent": agent, "tier": 2, "payload": {**payload, "of": of}}
    order = {"entries": [entry]}
    told = await puppet.execute_update("send", args=["ledger.record", order, specs.QUEUE_LEDGER])
    assert told.get("last", -1) >= 0, told


async def violate(puppet: Puppet, made: Subject) -> None:
    fact = {"kind": "denied-path", "consequence": "warn", "phase": "EXECUTE", "detail": "x"}
    await tell(puppet, made.agent, "agent.violated", **fact)


async def refused(made: Subject, to: Tier) -> list[str]:
    """Ask, and return all that is not met; nothing has changed."""
    before = made.tier
    failure = await failure_of(await made.ask(to))
    last = made.entries()[-1]

    assert failure.type == "PromotionRefused"
    assert failure.message == "; ".join(unmet(failure))
    assert made.tier == before
    assert (last.action, last.payload["why"]) == ("trust.refused", unmet(failure))
    return unmet(failure)


async def test_too_few_runs(engine: Engine, openbao: OpenBao, ann: Signer):
    made = await subject(engine, openbao, ann, runs=1)

    assert await refused(made, Tier.T3) == ["1 compliant runs in a row at T2, 2 needed"]


async def test_too_many_failed_tries(engine: Engine, openbao: OpenBao, ann: Signer):
    tries = 0

    async def at_the_third_try(request: Request) -> dict[str, Any]:
        nonlocal tries
        tries += 1
        return {} if tries % 3 == 0 else await fail(request)

    engine.runner.behaviours["work"] = at_the_third_try
    made = await subject(engine, openbao, ann, runs=2, config={"retry": 2})

    assert await refused(made, Tier.T3) == ["67 % of tries failed in the last 2 runs, 50 % allowed"]


async def test_a_violation_not_long_ago(
    engine: Engine, openbao: OpenBao, ann: Signer, puppet: Puppet
):
    made = await subject(engine, openbao, ann, runs=1)
    await violate(puppet, made)
    await made.work(2)
    [said] = await refused(made, Tier.T3)

    assert said.startswith("1 violation(s) within 1d, the last ")
    assert "(denied-path), none allowed" in said


async def test_a_demotion_not_long_ago(
    engine: Engine, openbao: OpenBao, ann: Signer, puppet: Puppet
):
    made = await subject(engine, openbao, ann, runs=1, config={"tier": 0})
    for was, now in (("T2", "T1"), ("T1", "T0")):
        await tell(puppet, made.agent, "agent.demoted", was=was, now=now, because="x")
    set_tier(made, "T0")
    await made.work()
    [said] = await refused(made, Tier.T1)

    assert said.startswith("demoted ")
    assert said.endswith("1h have to pass after a demotion")


def set_tier(made: Subject, tier: str) -> None:
    held = made.entity
    kept = {name: held["metadata"][name] for name in ("pipeline", "template", "program")}
    place = f"identity/entity/id/{held['id']}"
    made.server.as_root("POST", place, metadata={**kept, "tier": tier})


async def test_too_short_at_its_tier_and_then_the_council_raises_it(
    engine: Engine, openbao: OpenBao, people: People, ann: Signer, bob: Signer
):
    made = await subject(engine, openbao, ann, runs=2)
    handle = await made.asked(Tier.T3)
    for who in (ann, bob):
        await say(engine, handle, who)
    await handle.result()
    await made.work()
    [said] = await refused(made, Tier.T4)
    assert said.startswith("at T3 for ")
    assert said.endswith(f"{AGE_OF_T4_S}s needed")

    handle = await asked_until_old_enough(made)
    alone = await say(engine, handle, await signer(people, "cyd"))
    both = await say(engine, handle, ann)
    report = await handle.result()

    assert (alone["verdict"], both["verdict"]) == ("pending", "passed")
    assert (report["was"], report["now"], made.tier) == ("T3", "T4", "T4")


async def asked_until_old_enough(made: Subject) -> WorkflowHandle[Any, Any]:
    """Ask for T4 until people are asked."""
    async with asyncio.timeout(60):
        while True:
            handle = await made.ask(Tier.T4)
            while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                if await handle.query("gates"):
                    return handle
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)


async def test_everything_that_is_not_met_is_listed(
    engine: Engine, openbao: OpenBao, ann: Signer, puppet: Puppet
):
    made = await subject(engine, openbao, ann, runs=2)
    await violate(puppet, made)
    said = await refused(made, Tier.T3)

    assert said[0] == "0 compliant runs in a row at T2, 2 needed"
    assert said[1].startswith("1 violation(s) within 1d")
    assert len(said) == 2


async def test_a_tier_is_not_skipped_and_not_held_twice(
    engine: Engine, openbao: OpenBao, ann: Signer
):
    made = await subject(engine, openbao, ann, runs=2)

    assert await refused(made, Tier.T4) == ["one tier at a time: T3 next, and T4 was asked for"]
    assert await refused(made, Tier.T2) == ["it holds T2 already, and T2 was asked for"]
    assert await refused(made, Tier.T0) == ["it holds T2 already, and T0 was asked for"]


async def test_nobody_is_raised_to_a_tier_that_the_criteria_leave_out(
    engine: Engine, openbao: OpenBao, ann: Signer, puppet: Puppet
):
    made = await subject(engine, openbao, ann, runs=2)
    await tell(puppet, made.agent, "agent.demoted", was="T2", now="T1", because="x")
    set_tier(made, "T1")

    assert await refused(made, Tier.T2) == [
        "this installation raises nobody to T2: its criteria leave it out"
    ]


async def test_a_revoked_agent_is_not_raised(engine: Engine, openbao: OpenBao):
    made = long_gone(engine, openbao, "raised")

    assert await refused(made, Tier.T3) == [f"agent {made.agent!r} is revoked: reinstate it first"]


async def test_an_agent_whose_tier_somebody_has_changed_is_not_raised(
    engine: Engine, openbao: OpenBao, ann: Signer
):
    made = await subject(engine, openbao, ann, runs=2)
    set_tier(made, "T1")

    assert await refused(made, Tier.T2) == [
        "vault says that it holds T1 and the ledger says T2: find out who has changed it"
    ]


async def test_the_agent_of_an_inline_plan_is_not_raised_to_t3(engine: Engine):
    document = pipeline(stage("work"))
    run = await engine.start(document)
    await run.result()
    digest = (await run.query("plan"))["digest"].removeprefix("sha256:")[:12]
    agent = f"inline-{digest}.{document['name']}.work"
    value = {"agent": agent, "to": "T3"}
    failure = await failure_of(await begin(engine, "Promotion", f"promotion/{agent}", value))

    assert unmet(failure)[0].startswith("T3 needs a registered plan")


async def test_a_violation_while_people_are_asked_stops_the_grant(
    engine: Engine, openbao: OpenBao, ann: Signer, bob: Signer, puppet: Puppet
):
    made = await subject(engine, openbao, ann, runs=2)
    handle = await made.asked(Tier.T3)
    await say(engine, handle, ann)
    await violate(puppet, made)
    await say(engine, handle, bob)
    failure = await failure_of(handle)

    assert failure.type == "PromotionRefused"
    assert "meanwhile not everything holds" in failure.message
    assert "1 violation(s)" in failure.message
    assert made.tier == "T2"
    assert "trust.granted" not in made.actions()
