"""Coming back with everything real: not too early, by the council, at T0, in every store."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from activities.contracts import specs
from activities.contracts.trust_specs import record_revocation, reinstate
from activities.trust import grants
from dsl.core import Tier
from dsl.rules.proofs.proof import REVOKE, reason_digest
from dsl.rules.run.reserved import revocation_id
from integrations.dragonfly.client import connect
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.revocations import Revocations
from integrations.errors import ColdError
from tests.fixtures.engine import Engine, failure_of
from tests.fixtures.hostile.impostor import Puppet, signed
from tests.fixtures.revoking import revoke, state_of
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.agents import Subject, long_gone, say, subject, unmet
from tests.fixtures.trust.granting import reinstatement, sealed
from tests.fixtures.trust.past import LONG_AGO
from tests.fixtures.voting import Signer, signer

THEIRS = "of-a-pretender"
FAST_S = 20.0  # less than what clocks may differ by


@workflow.defn(name="Revocation", sandboxed=False)
class Pretender(Puppet):
    """Has the ledger record a revocation, and pulls none of the brakes."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@asynccontextmanager
async def pretending(engine: Engine) -> AsyncIterator[Client]:
    client = await Client.connect(engine.settings.temporal)
    async with Worker(client, task_queue=THEIRS, workflows=[Pretender]):
        yield client


class Guards:
    """Dragonfly, as a test looks at it."""

    def __init__(self, engine: Engine) -> None:
        settings = engine.settings
        self.client = connect(settings.dragonfly_url, settings.dragonfly_password_file)

    async def revoke(self, agent: str) -> None:
        await Revocations(self.client).revoke(agent, LONG_AGO, "long ago")

    async def read(self, agent: str) -> GuardSeed | None:
        return await AgentGuards(self.client).read(agent)


@pytest_asyncio.fixture
async def guards(engine: Engine) -> AsyncIterator[Guards]:
    made = Guards(engine)
    yield made
    await made.client.aclose()


@pytest.fixture
def fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = SimpleNamespace(time=lambda: time.time() + FAST_S)
    monkeypatch.setattr(grants, "time", ahead)


@pytest.fixture
def seeded_late(guards: Guards, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dragonfly gets a guard, by what the ledger says until then, when it was told already."""
    lift = Revocations.lift

    async def lifted(revocations: Revocations, agent: str, epoch: int, reason: str) -> bool:
        try:
            return await lift(revocations, agent, epoch, reason)
        except ColdError:
            await guards.revoke(agent)
            raise

    monkeypatch.setattr(Revocations, "lift", lifted)


def stands(made: Subject) -> tuple[str, bool]:
    held = made.entity
    return held["metadata"]["tier"], held["disabled"]


async def test_who_was_revoked_long_ago_comes_back_at_t0_by_two_of_the_council(
    engine: Engine, openbao: OpenBao, guards: Guards, ann: Signer, cyd: Signer
):
    made = long_gone(engine, openbao, "back")
    await guards.revoke(made.agent)
    await failure_of(await engine.start(made.document))
    handle = await made.asked_back()
    first = await say(engine, handle, ann)
    assert (first["verdict"], stands(made)) == ("pending", ("T2", True))
    await say(engine, handle, cyd)
    report = await handle.result()
    guard = await guards.read(made.agent)

    assert (report["now"], report["status"]) == ("T0", "completed")
    assert stands(made) == ("T0", False)
    assert guard is not None
    assert (guard.epoch, guard.revoked) == (report["epoch"], False)
    assert report["epoch"] > LONG_AGO
    assert [line["confirmed"] for line in report["lines"]] == [True]
    story = [e.action for e in made.entries() if e.workflow_id == handle.id]
    assert story[-2:] == ["trust.granted", "agent.reinstated"]
    assert (await made.work())["status"] == "completed"

    again = await failure_of(await made.ask_back())
    assert unmet(again) == [f"agent {made.agent!r} is not revoked: there is nothing to reinstate"]
    assert stands(made) == ("T0", False)


@pytest.mark.usefixtures("fast_clock")
async def test_a_clock_of_the_ledger_that_is_ahead_shields_nobody_from_the_next_revocation(
    engine: Engine,
    openbao: OpenBao,
    guards: Guards,
    ann: Signer,
    cyd: Signer,
):
    made = long_gone(engine, openbao, "clock")
    await guards.revoke(made.agent)
    handle = await made.asked_back()
    for who in (ann, cyd):
        await say(engine, handle, who)
    back = await handle.result()
    receipt = await revoke(engine, made.agent, ann)
    guard = await guards.read(made.agent)

    assert back["now"] == "T0"
    assert receipt["epoch"] > back["epoch"]
    assert state_of(receipt)["dragonfly: guard says revoked"] is True
    assert guard is not None
    assert guard.revoked
    assert (await failure_of(await engine.start(made.document))).type == "Revoked"


async def test_a_dragonfly_that_has_lost_everything_keeps_nobody_out(
    engine: Engine, openbao: OpenBao, guards: Guards, ann: Signer, cyd: Signer
):
    made = long_gone(engine, openbao, "cold")
    handle = await made.asked_back()
    for who in (cyd, ann):
        await say(engine, handle, who)
    report = await handle.result()

    assert [line["confirmed"] for line in report["lines"]] == [True]
    assert await guards.read(made.agent) is None
    assert (await made.work())["status"] == "completed"


@pytest.mark.usefixtures("seeded_late")
async def test_a_guard_that_was_seeded_before_the_ledger_knew_keeps_nobody_out(
    engine: Engine, openbao: OpenBao, guards: Guards, ann: Signer, cyd: Signer
):
    made = long_gone(engine, openbao, "late")
    handle = await made.asked_back()
    for who in (cyd, ann):
        await say(engine, handle, who)
    await handle.result()
    guard = await guards.read(made.agent)

    assert guard is not None
    assert not guard.revoked
    assert (await made.work())["status"] == "completed"


async def test_one_of_the_council_or_people_outside_it_let_nobody_back(
    engine: Engine, openbao: OpenBao, people: People, ann: Signer
):
    made = long_gone(engine, openbao, "no")
    handle = await made.asked_back()
    stranger = await say(engine, handle, await signer(people, "eve"))
    await say(engine, handle, ann)
    twice = await say(engine, handle, ann)
    verdict = await say(engine, handle, await signer(people, "bob"), "reject")
    failure = await failure_of(handle)

    assert "'eve' is not an approver" in stranger["why"]
    assert "has already voted" in twice["why"]
    assert (verdict["verdict"], failure.type) == ("rejected", "GateRejected")
    assert stands(made) == ("T2", True)
    assert "trust.granted" not in made.actions()


async def test_a_return_that_was_cut_off_half_way_can_be_asked_for_again(
    engine: Engine, openbao: OpenBao, guards: Guards, ann: Signer, cyd: Signer
):
    made = long_gone(engine, openbao, "half")
    await guards.revoke(made.agent)
    word = await sealed(openbao, reinstatement(made.agent, made.entity["id"], Tier.T2, entry=0))
    async with pretending(engine) as client:
        puppet = await client.start_workflow(
            "Revocation", id=f"half/{made.agent}", task_queue=THEIRS
        )
        order = [reinstate.name, {"grant": word}, specs.QUEUE_TRUST]
        await puppet.execute_update("send", args=order)
        await puppet.terminate()
    assert stands(made) == ("T0", False)

    handle = await made.asked_back()
    for who in (ann, cyd):
        await say(engine, handle, who)
    report = await handle.result()
    guard = await guards.read(made.agent)

    assert report["now"] == "T0"
    assert guard is not None
    assert not guard.revoked
    assert (await made.work())["status"] == "completed"


async def test_nobody_comes_back_before_the_last_token_has_run_out(
    engine: Engine, openbao: OpenBao, ann: Signer
):
    made = await subject(engine, openbao, ann, runs=1)
    about = {"agent": made.agent, "reason": reason_digest("it deletes")}
    proof = await signed(ann, REVOKE, about)
    order = {"agent": made.agent, "reason": "it deletes", "proof": proof}
    async with pretending(engine) as client:
        puppet = await client.start_workflow(
            "Revocation", id=revocation_id(made.agent), task_queue=THEIRS
        )
        told = await puppet.execute_update(
            "send", args=[record_revocation.name, order, specs.QUEUE_LEDGER]
        )
        await puppet.terminate()
    failure = await failure_of(await made.ask_back())
    [said] = unmet(failure)

    assert told["lines"][0]["confirmed"] is True
    assert failure.type == "ReinstatementRefused"
    assert said.startswith("a token given before the revocation may live until ")
    assert made.actions()[-2:] == ["trust.asked", "trust.refused"]


async def test_who_is_not_revoked_does_not_come_back(engine: Engine, openbao: OpenBao, ann: Signer):
    made = await subject(engine, openbao, ann, runs=1)
    failure = await failure_of(await made.ask_back())

    assert unmet(failure) == [f"agent {made.agent!r} is not revoked: there is nothing to reinstate"]
    assert stands(made) == ("T2", False)
