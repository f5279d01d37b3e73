"""Activities that somebody else completes, or starts alone: who may write to the namespace can.

Up to T2 a forged completion passes a gate and is then missing from the ledger, which is how it is
found. At T3 it is worth nothing: the worker verifies again what it was told.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.service import RPCError

from activities.contracts import messages, specs
from activities.contracts.control_groups import GateRequest
from activities.plans import feasibility
from dsl.core import Tier
from dsl.rules.proofs.proof import CLOCK_SKEW_S
from integrations.ledger.entries import NONE
from integrations.ledger.verify import TAIL_MAX, tail
from tests.fixtures.engine import Engine, after_look, as_json, failure_of, gate, pipeline, stage
from tests.fixtures.hostile.impostor import raise_agent
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.voting import honest_vote, matter_of, seal, signer, vote_of
from tests.workflow.proofs.test_warrant import Deployment

ARGUMENT_BYTES_MAX = 100_000  # of a command line; Linux takes 128 KiB
GOOD_FOR_S = 8  # a proof that is signed and sent meanwhile, on a busy machine
CONFIG = {"approvers": ["group:sre"], "identity": ["verified"]}


@asynccontextmanager
async def no_signature_checked(openbao: OpenBao) -> AsyncIterator[None]:
    """Let Vault answer "later" to whoever has a signature verified, so that it stays pending."""
    name = f"sys/quotas/rate-limit/{uuid.uuid4().hex}"
    openbao.as_root("POST", name, path="gov-transit/verify/*", rate=0.001, interval="1h")
    openbao.raw(openbao.root_token, "POST", "gov-transit/verify/x")  # one call is let through
    try:
        yield
    finally:
        openbao.as_root("DELETE", name)


async def complete(
    engine: Engine, workflow_id: str, activity_id: str, result: dict[str, Any]
) -> None:
    """Complete a pending activity as the CLI can, or with more than an argument holds."""

    async def is_pending() -> bool:
        try:
            state = await engine.client.get_workflow_handle(workflow_id).describe()
        except RPCError:  # a child that has not been started yet
            return False
        pending = state.raw_description.pending_activities
        return any(each.activity_id == activity_id and each.attempt > 1 for each in pending)

    async with asyncio.timeout(60):
        while not await is_pending():  # noqa: ASYNC110  # the server's state
            await asyncio.sleep(0.05)
    if len(as_json(result)) > ARGUMENT_BYTES_MAX:
        handle = engine.client.get_async_activity_handle(
            workflow_id=workflow_id, run_id=None, activity_id=activity_id
        )
        await handle.complete(result)
        return
    code, said = await engine.cli(
        *("activity", "complete", "-w", workflow_id, "--activity-id", activity_id),
        *("--result", as_json(result)),
    )
    assert code == 0, said


async def forge_a_vote(engine: Engine, people: People, handle: Any) -> None:
    """Have eve's signature under ann's name pass, by completing its verification."""
    ann, eve = await signer(people, "ann"), await signer(people, "eve")
    about = await matter_of(handle, "review")
    forged = vote_of("review", "ann", proof=await eve.word(seal(about, ann.entity)))
    await handle.signal("vote", forged)
    proven = messages.Proven(entity=ann.entity, name="ann", groups=("sre",), entry=1)
    await complete(engine, handle.id, "review/vote#1", proven.model_dump(mode="json"))


async def test_up_to_t2_a_forged_completion_shows_as_a_vote_the_ledger_does_not_know(
    engine: Engine, openbao: OpenBao, people: People
):
    document = after_look(gate("review", **CONFIG), stage("after", requires=["review"]))
    handle = await engine.start(document)
    await engine.pending(handle, "review")
    async with no_signature_checked(openbao):
        await forge_a_vote(engine, people, handle)
    report = await handle.result()
    entries = told_by(engine.settings.ledger, handle.id)
    [decided] = [e for e in entries if e.action == "gate.decided"]

    assert report["status"] == "completed"
    assert decided.payload["votes"][0]["identity"] == "verified"
    assert [e for e in entries if e.action == "vote.proven"] == []


async def test_a_completion_that_names_nobody_is_no_vote_and_wedges_nothing(
    engine: Engine, openbao: OpenBao, people: People
):
    handle = await engine.start(after_look(gate("review", **CONFIG)))
    await engine.pending(handle, "review")
    ann = await signer(people, "ann")
    vote = await honest_vote(handle, "review", ann)
    async with no_signature_checked(openbao):
        sending = asyncio.create_task(handle.execute_update("vote", vote))
        await complete(engine, handle.id, "review/vote#1", {})
    verdict = await sending

    assert "names nobody" in verdict["why"]
    await handle.execute_update("vote", await honest_vote(handle, "review", ann))
    assert (await handle.result())["status"] == "completed"


async def test_a_vote_does_not_grow_old_behind_another_one(
    engine: Engine, openbao: OpenBao, people: People
):
    """Vault is away for longer than the second proof is good for; both came in time."""
    handle = await engine.start(after_look(gate("review", **{**CONFIG, "quorum": 2})))
    await engine.pending(handle, "review")
    ann, bob = await signer(people, "ann"), await signer(people, "bob")
    async with no_signature_checked(openbao):
        await handle.signal("vote", await honest_vote(handle, "review", ann))
        soon = int(time.time()) - CLOCK_SKEW_S + GOOD_FOR_S
        await handle.signal("vote", await honest_vote(handle, "review", bob, expires=soon))
        await asyncio.sleep(soon + CLOCK_SKEW_S + 1 - time.time())
    report = await handle.result()

    assert [v["voter"] for v in report["approvals"][0]["votes"]] == ["ann", "bob"]


@pytest.fixture
async def deployment(engine: Engine, openbao: OpenBao, people: People) -> Deployment:
    """A registered pipeline whose agent holds T3."""
    everybody = {name: await signer(people, name) for name in ("ann", "bob", "cyd")}
    made = Deployment(engine, openbao, everybody)
    await made.register()
    await raise_agent(openbao, engine, made.compiled, Tier.T3)
    return made


@pytest.mark.parametrize("obstacle", [("\x7f" * 1_400_000, "it"), ("after", "it " * 450_000)])
async def test_an_obstacle_of_more_than_a_failure_holds_ends_the_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, obstacle: tuple[str, str]
):
    """What looking ahead is answered stands in how the run ends: 1 MiB of it wedged the run."""

    def later(*_: Any) -> None:
        raise RuntimeError("not now")

    monkeypatch.setattr(feasibility, "require_program", later)
    handle = await engine.start(pipeline(gate("review"), stage("after", requires=["review"])))
    path, why = obstacle
    await complete(engine, handle.id, "run/feasible#1", {"obstacles": [{"path": path, "why": why}]})
    failure = await failure_of(handle)

    assert failure.type == "StageFailed"
    assert len(failure.message) < 6_000


async def test_at_t3_a_forged_vote_is_verified_again_and_refused(
    deployment: Deployment, openbao: OpenBao, people: People
):
    handle = await deployment.start()
    await deployment.asked(handle)
    async with no_signature_checked(openbao):
        await forge_a_vote(deployment.engine, people, handle)
    failure = await failure_of(handle)

    assert "signature" in failure.message
    assert deployment.engine.runner.requests[-1].stage != "act"


async def test_at_t3_a_forged_bootstrap_does_not_stand_in_for_the_check(
    deployment: Deployment, openbao: OpenBao, people: People
):
    """The vote is forged, and so is the phase that would notice."""
    engine = deployment.engine
    handle = await deployment.start()
    await deployment.asked(handle)
    child = f"{handle.id}/act"
    async with no_signature_checked(openbao):
        await forge_a_vote(engine, people, handle)
        result = messages.PhaseResult(fence=1, entity="00000000-0000-0000-0000-000000000000")
        await complete(engine, child, "act/BOOTSTRAP#1", result.model_dump(mode="json"))
    failure = await failure_of(handle)

    assert "signature" in failure.message
    assert engine.runner.requests[-1].stage != "act"


REQUESTS: dict[str, Callable[[], Any]] = {
    specs.record.name: lambda: messages.RecordRequest(
        entries=(messages.EntryDraft(action="run.started"),)
    ),
    specs.prove.name: lambda: messages.ProveRequest(purpose="x", about={}, proof="x"),
    specs.request_gate.name: lambda: GateRequest(
        plan="sha256:" + "0" * 64, gate="review", opening=1, ttl_ms=1_000
    ),
}
QUEUES = {
    specs.record.name: specs.QUEUE_LEDGER,
    specs.prove.name: specs.QUEUE_LEDGER,
    specs.request_gate.name: specs.QUEUE_T3,
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_an_activity_without_a_workflow_does_nothing(engine: Engine, name: str):
    [before] = tail(engine.settings.ledger, 1)
    code, said = await engine.cli(
        *("activity", "execute", "--activity-id", f"alone-{uuid.uuid4().hex}", "--type", name),
        *("--task-queue", QUEUES[name], "--start-to-close-timeout", "20s"),
        *("--retry-maximum-attempts", "1", "--input", REQUESTS[name]().model_dump_json()),
    )

    assert code != 0
    assert "runs only inside a workflow" in said
    # What other tests left running may record meanwhile, of their own runs.
    since = tail(engine.settings.ledger, TAIL_MAX, after=before.seq)
    assert [each.action for each in since if each.workflow_id in ("", NONE)] == []


async def test_what_is_proven_cannot_be_recorded_by_a_workflow(engine: Engine, people: People):
    """Also not by the pipeline itself: only by whoever has verified it."""
    handle = await engine.start(after_look(gate("review", **CONFIG)))
    await engine.pending(handle, "review")
    ann = await signer(people, "ann")
    await handle.execute_update("vote", await honest_vote(handle, "review", ann))
    await handle.result()
    told = told_by(engine.settings.ledger, handle.id)
    proven = [e for e in told if e.action == "vote.proven"]

    assert len(proven) == 1
