"""Requests to the T3 worker that no run of ours made: whatever is not proven is refused.

An impostor sends them, from workflows of his own. His baseline is a request in which everything
is right, votes that people have really signed included: it runs. Each test bends one thing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from activities.contracts import specs
from dsl.core import AgentPhase, Tier
from dsl.limits import VERIFICATIONS_MAX
from dsl.rules.proofs.proof import PLAN, START, Proof, decode, encode
from dsl.values.canonical import digest_of
from tests.fixtures.engine import Engine
from tests.fixtures.hostile.impostor import INPUTS, QUEUE, Scene, impostors, scene, signed, signers
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.voting import Signer

Another = Callable[..., Awaitable[Scene]]
Bend = Callable[[Scene], Awaitable[dict[str, Any]]]
NOWHERE = "sha256:" + "0" * 64


@pytest_asyncio.fixture(scope="module")
async def everybody(people: People) -> dict[str, Signer]:
    return await signers(people)


@pytest_asyncio.fixture(scope="module")
async def impostor(running_engine: Engine) -> AsyncIterator[Client]:
    async with impostors(running_engine) as client:
        yield client


@pytest.fixture(scope="module")
def another(
    running_engine: Engine, impostor: Client, openbao: OpenBao, everybody: dict[str, Signer]
) -> Another:
    return partial(scene, running_engine, impostor, openbao, everybody)


@pytest_asyncio.fixture(scope="module")
async def stage_set(another: Another) -> Scene:
    """One for all tests that only bend the request."""
    return await another()


async def test_what_people_have_really_approved_runs(stage_set: Scene):
    answer = await stage_set.begin(stage_set.request)
    assert answer["facts"]["approved_by"] == ["ann", "bob"]

    answer = await stage_set.send(stage_set.request)
    assert answer["facts"]["sandbox"] == "scripted"
    asked = stage_set.engine.runner.requests[-1]
    assert (asked.tier, asked.input["path"], asked.input["max_files"]) == (Tier.T3, "modules", 3)


async def test_an_architect_acts_behind_two_people(another: Another):
    made = await another(tier=Tier.T4)
    answer = await made.begin(made.request)
    assert answer["facts"]["asked"] == "T4"

    alone = made.with_ballots(await made.ballot("ann"))
    assert "waiting for 1 more" in (await made.send(alone))["message"]


@pytest.mark.parametrize("word", ["promotion", "reinstatement", "revocation", "rebinding"])
async def test_who_voted_for_a_change_of_trust_has_let_nothing_act(another: Another, word: str):
    """A run of his, called as a promotion is: everything else about the votes is right."""
    made = await another(called=f"{word}/a-{uuid.uuid4().hex[:8]}")
    answer = await made.send(made.request, AgentPhase.BOOTSTRAP)

    assert answer["type"] == "DeniedError"
    assert f"{made.run.id!r} is the name of no run" in answer["message"]
    await made.run.terminate()


async def test_who_leaves_a_phase_out_is_refused(another: Another):
    made = await another()
    await made.send(made.request, AgentPhase.BOOTSTRAP)
    answer = await made.send(made.request)

    assert answer == {
        "type": "ViolationError",
        "message": "EXECUTE was asked for after BOOTSTRAP",
    }


def bend(*path: Any, to: Any) -> Bend:
    async def bent(made: Scene) -> dict[str, Any]:
        return made.bent(*path, to=to)

    return bent


def vote(name: str = "bob", **bent: Any) -> Bend:
    """Put a bent vote in the place of an honest one."""

    async def voted(made: Scene) -> dict[str, Any]:
        return made.with_ballots(await made.ballot("ann"), await made.ballot(name, **bent))

    return voted


async def other_plan(made: Scene) -> dict[str, Any]:
    about = {"plan": NOWHERE, "name": made.compiled.plan.name, "version": "1"}
    proof = await signed(made.people["cyd"], PLAN, about)
    return made.bent("warrant", "authors", to=[proof])


async def other_subject(made: Scene) -> dict[str, Any]:
    request = made.bent("given", "look", 0, "digest", to=NOWHERE)
    approval = request["warrant"]["approvals"][0]
    approval["subject"] = {"look": {"execute.json": NOWHERE}}
    return request


async def not_approved(made: Scene) -> dict[str, Any]:
    [output] = made.request["given"]["look"]
    return made.bent("given", "look", to=[output, {**output, "name": "more.json"}])


async def rejection(made: Scene) -> dict[str, Any]:
    said_no = {**await made.ballot("bob", decision="reject"), "decision": "reject"}
    return made.with_ballots(await made.ballot("ann"), said_no)


async def other_reason(made: Scene) -> dict[str, Any]:
    return made.with_ballots(
        await made.ballot("ann"), {**await made.ballot("bob"), "reason": "another"}
    )


async def twice(made: Scene) -> dict[str, Any]:
    return made.with_ballots(await made.ballot("ann"), await made.ballot("ann"))


async def one_vote(made: Scene) -> dict[str, Any]:
    return made.with_ballots(await made.ballot("ann"))


async def too_many(made: Scene) -> dict[str, Any]:
    ballot = made.request["warrant"]["approvals"][0]["ballots"][0]
    return made.with_ballots(*[ballot] * (VERIFICATIONS_MAX + 1))


async def start_of_another_run(made: Scene) -> dict[str, Any]:
    about = {"workflow": "another", "plan": made.compiled.digest, "inputs": NOWHERE}
    return made.bent("warrant", "starter", to=await signed(made.people["ann"], START, about))


async def start_of_an_earlier_run(made: Scene) -> dict[str, Any]:
    """The same id, plan and inputs, an hour ago."""
    genuine = {"workflow": made.run.id, "plan": made.compiled.digest, "inputs": digest_of(INPUTS)}
    ends = int(time.time()) - 3_600
    kept = await signed(made.people["ann"], START, genuine, expires=ends)
    return made.bent("warrant", "starter", to=kept)


async def clarified(made: Scene) -> dict[str, Any]:
    """A clarified plan that lets the agent err more: the plan has none, and nobody approved it."""
    return _clarified(made, before=made.compiled.digest)


async def clarified_elsewhere(made: Scene) -> dict[str, Any]:
    return _clarified(made, before=NOWHERE)


def _clarified(made: Scene, **bent: Any) -> dict[str, Any]:
    plan = {"reasons": ["it said so"], "constraints": [], "scope": []}
    forged = {"stage": "act", "number": 1, "plan": plan, "errors_until_ms": 2**53 - 1, **bent}
    return made.bent("clarified", to=forged)


ATTACKS: list[tuple[str, Bend, str]] = [
    ("no warrant", bend("warrant", to=None), "acts behind an approval only"),
    ("no approval", bend("warrant", "approvals", to=[]), "no proven one is shown"),
    ("no votes", bend("warrant", "approvals", 0, "ballots", to=[]), "is not approved"),
    ("too many votes", too_many, f"at most {VERIFICATIONS_MAX}"),
    ("unknown plan", bend("plan", to=NOWHERE), "has no plan sha256:0000"),
    ("no plan", bend("plan", to="x"), "expected a digest"),
    ("nobody vouches", bend("warrant", "authors", to=[]), "nobody vouches for plan"),
    ("vouched for another plan", other_plan, "nobody vouches for plan"),
    ("tier", bend("step", "tier", to=4), "the plan says otherwise about tier"),
    ("program", bend("step", "program", to="review"), "otherwise about program"),
    ("secrets", bend("step", "secrets", to={"A": "kv-prod/a#b"}), "otherwise about secrets"),
    ("time limit", bend("step", "timeout_ms", to=86_400_000), "otherwise about timeout_ms"),
    ("ports", bend("step", "sandbox", "tcp", to=[443]), "otherwise about sandbox"),
    ("phases", bend("step", "phases", to=["PLAN"]), "otherwise about phases"),
    ("template inputs", bend("step", "inputs", to={}), "otherwise about inputs"),
    ("stage", bend("step", "path", to="review"), "has the id"),
    ("agent", bend("agent", to="another"), "agent is"),
    ("pipeline", bend("pipeline", to="another"), "pipeline is"),
    ("project", bend("project", to="another"), "project is"),
    ("inputs", bend("inputs", "path", to="elsewhere"), "do not follow from what was approved"),
    ("type of an input", bend("inputs", "max_files", to="3"), "do not follow"),
    ("inputs of the run", bend("warrant", "inputs", "folder", to="x"), "is for inputs"),
    ("subject", other_subject, "the proof is for subject"),
    ("output not approved", not_approved, "no gate before this stage has approved that"),
    ("other gate", bend("warrant", "approvals", 0, "gate", to="act"), "has no gate 'act'"),
    ("escalated", bend("warrant", "approvals", 0, "escalated", to=True), "escalates to nobody"),
    ("opening", bend("warrant", "approvals", 0, "opening", to=2), "the proof is for opening 1"),
    ("proof of another gate", vote(gate="other"), "the proof is for gate 'other'"),
    ("proof of another run", vote(run="another"), "the proof is for run 'another'"),
    ("proof of another workflow", vote(workflow="x"), "the proof is for workflow 'x'"),
    ("proof of another opening", vote(opening=2), "the proof is for opening 2"),
    ("proof of a rejection", vote(decision="reject"), "the proof is for decision 'reject'"),
    ("other reason", other_reason, "the proof is for reason"),
    ("a rejection among them", rejection, "rejected by bob"),
    ("signed by another person", vote(signer="eve"), "the proof is of 'eve'"),
    ("a stranger", vote("eve"), "'eve' is not an approver"),
    ("one person twice", twice, "waiting for 1 more"),
    ("quorum not reached", one_vote, "waiting for 1 more"),
    ("too old", vote(expires=int(time.time()) - 7_300), "no run of this plan lasts as long"),
    ("good for ever", vote(expires=int(time.time()) + 9_000), "good for more than 600 s"),
    ("start of another run", start_of_another_run, "the proof is for workflow 'another'"),
    ("start of an earlier run", start_of_an_earlier_run, "is of another start"),
    ("a clarified plan", clarified, "'act' is clarified 0 times at most"),
    ("a clarified plan of another", clarified_elsewhere, "or of another plan"),
    ("no proof", bend("warrant", "starter", to="x"), "the proof is"),
    ("entity", bend("entity", to=str(uuid.UUID(int=0))), "was asked for"),
]


@pytest.mark.parametrize(("bending", "said"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
async def test_what_is_not_proven_is_refused(stage_set: Scene, bending: Bend, said: str):
    before = len(stage_set.engine.runner.requests)
    answer = await stage_set.send(await bending(stage_set))

    assert answer.get("type") == "DeniedError", answer
    assert said in answer["message"]
    assert len(stage_set.engine.runner.requests) == before


@pytest.mark.parametrize("phase", [AgentPhase.BOOTSTRAP, AgentPhase.EXECUTE])
async def test_every_phase_that_mints_or_asks_demands_the_warrant(
    stage_set: Scene, phase: AgentPhase
):
    answer = await stage_set.send(stage_set.bent("warrant", to=None), phase)

    assert (answer["type"], "acts behind an approval only" in answer["message"]) == (
        "DeniedError",
        True,
    )


async def test_a_forged_signature_is_nobodys(stage_set: Scene):
    ballot = await stage_set.ballot("bob")
    other = await stage_set.ballot("bob")
    mixed = encode(Proof(decode(ballot["proof"]).statement, decode(other["proof"]).signature))
    answer = await stage_set.send(
        stage_set.with_ballots(await stage_set.ballot("ann"), {**ballot, "proof": mixed})
    )

    assert "not made with the key of the person it names" in answer["message"]


async def test_somebody_disabled_since_has_approved_nothing(stage_set: Scene, people: People):
    people.disable("bob")
    try:
        answer = await stage_set.send(stage_set.request)
    finally:
        people.enable("bob")

    assert "'bob' is disabled in vault" in answer["message"]


async def test_an_agent_that_has_been_lowered_or_disabled_does_not_act(
    another: Another, openbao: OpenBao
):
    made = await another()
    place = f"identity/entity/id/{made.request['entity']}"
    metadata = openbao.as_root("GET", place)["data"]["metadata"]
    openbao.as_root("POST", place, metadata={**metadata, "tier": "T2"})
    answer = await made.send(made.request)
    assert "holds T2" in answer["message"]

    openbao.as_root("POST", place, metadata=metadata, disabled=True)
    assert (await made.send(made.request))["type"] == "RevokedError"


@pytest.mark.parametrize(
    ("starter", "said"),
    [("ann", "'ann' is excluded"), ("", "nobody has proven to be that")],
)
async def test_the_starter_does_not_approve_where_the_gate_excludes_them(
    starter: str, said: str, another: Another, everybody: dict[str, Signer]
):
    made = await another(exclude=["starter"])
    assert "facts" in await made.send(made.request)

    about = {name: made.about()[name] for name in ("workflow", "plan", "inputs")}
    proof = await signed(everybody[starter], START, about) if starter else ""
    answer = await made.send(made.bent("warrant", "starter", to=proof))

    assert said in answer["message"]


async def test_the_author_does_not_approve_where_the_gate_excludes_them(another: Another):
    made = await another(voters=("ann", "cyd"), exclude=["author"])

    assert "'cyd' is excluded" in (await made.send(made.request))["message"]


async def test_an_agent_started_by_hand_is_refused_with_everything_else_right(stage_set: Scene):
    alone = await stage_set.client.start_workflow(
        "Puppet", id=f"{stage_set.run.id}/by-hand-{uuid.uuid4()}", task_queue=QUEUE
    )
    name = specs.PHASES[AgentPhase.EXECUTE].name
    answer = await alone.execute_update("send", args=[name, stage_set.request, specs.QUEUE_T3])

    assert "the server knows no run that started it" in answer["message"]


async def test_a_forged_run_cannot_use_the_votes_of_another(stage_set: Scene, another: Another):
    made = await another()
    request = {**stage_set.request, "project": made.run.id}
    request["warrant"] = {**request["warrant"], "starter": ""}

    assert f"the proof is for workflow '{stage_set.run.id}" in (await made.send(request))["message"]


@pytest.mark.parametrize("phase", list(AgentPhase)[:7])
async def test_each_queue_runs_its_own_tiers_only(stage_set: Scene, phase: AgentPhase):
    high = await stage_set.send(stage_set.request, phase, specs.QUEUE)
    low = await stage_set.send(stage_set.bent("step", "tier", to=2), phase)

    assert high["message"] == (
        "a phase of T3 runs on queue mandate-t3, and this worker serves mandate"
    )
    assert (
        low["message"] == "a phase of T2 runs on queue mandate, and this worker serves mandate-t3"
    )


async def test_what_an_earlier_phase_put_out_may_be_forged_and_reaches_no_program(
    stage_set: Scene,
):
    [approved] = stage_set.request["given"]["look"]
    planted = [
        {**approved, "name": "plan.json", "phase": "PLAN"},
        {**approved, "name": "state.bin", "phase": "EXECUTE"},
    ]
    await stage_set.send(stage_set.bent("prior", to=planted))

    assert set(stage_set.engine.runner.requests[-1].prior) == {"look/execute.json"}


async def test_nothing_is_asked_of_vault_for_a_plan_that_nobody_vouches_for(stage_set: Scene):
    order = {"plan": stage_set.compiled.digest, "gate": "review", "opening": 1, "ttl_ms": 60_000}
    for name in (specs.request_gate.name, specs.withdraw_gate.name):
        answer = await stage_set.child.execute_update("send", args=[name, order, "mandate-t3"])

        assert "nobody vouches for plan" in answer["message"]
