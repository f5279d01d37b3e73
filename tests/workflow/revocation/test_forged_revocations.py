"""Revocations put on the ledger: by a person's proof, or by the engine's word; by nobody else."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.contracts import specs
from activities.contracts import trust_specs as trust
from dsl.rules.proofs.proof import REVOKE, START, reason_digest
from dsl.rules.run.reserved import revocation_id
from tests.fixtures.hostile.impostor import signed
from tests.fixtures.hostile.masks import Masked

REASON = "it read what it must not"


async def by_hand(who: Masked) -> WorkflowHandle[Any, Any]:
    return await who.start(trust.REVOCATION_WORKFLOW, revocation_id(who.agent))


async def as_child(who: Masked, parent: str) -> WorkflowHandle[Any, Any]:
    """Return a revocation that a workflow of that type has started."""
    child = revocation_id(who.agent)
    await who.start(parent, "", child)
    handle = who.client.get_workflow_handle(child)
    async with asyncio.timeout(60):
        while True:
            try:
                await handle.describe()
            except RPCError:
                await asyncio.sleep(0.05)
            else:
                return handle


async def proof(who: Masked, name: str = "ann", /, **bent: Any) -> str:
    ends = {"expires": int(time.time()) + bent.pop("lasts")} if "lasts" in bent else {}
    about = {"agent": who.agent, "reason": reason_digest(REASON), **bent}
    return await signed(who.people[name], REVOKE, about, **ends)


async def revoke(who: Masked, handle: WorkflowHandle[Any, Any], word: str = "") -> dict[str, Any]:
    order = {"agent": who.agent, "reason": REASON, "proof": word}
    return await who.send(handle, trust.record_revocation.name, order)


async def test_a_person_revokes_with_a_proof_and_learns_what_to_rotate(another):
    who = await another()
    await who.runs(1)
    handle = await by_hand(who)
    answer = await revoke(who, handle, await proof(who))
    [entry] = who.told("agent.revoked")
    started = (await handle.describe()).start_time.timestamp()

    assert answer["lines"] == [
        {
            "what": "ledger: revocation recorded",
            "confirmed": True,
            "detail": f"entry {entry.seq}",
        }
    ]
    assert (answer["by"], answer["rotate"]) == ("ann", ["kv-build/key#value"])
    assert entry.payload["epoch"] == int(started * 1000)
    assert (entry.payload["reason"], entry.payload["by"]) == (REASON, "ann")


async def test_what_is_recorded_keeps_the_agent_out(another):
    who = await another()
    await revoke(who, await by_hand(who), await proof(who))
    answer = await who.send(await who.start("Pipeline"), specs.authority.name, {"agent": who.agent})

    assert answer["revoked"] is True


async def test_an_agents_run_revokes_for_a_violation(another):
    who = await another()
    handle = await as_child(who, specs.AGENT_WORKFLOW)
    answer = await revoke(who, handle)
    [entry] = who.told("agent.revoked")

    assert answer["lines"][0]["confirmed"] is True
    assert entry.payload["how"] == "violation"
    assert answer["by"] == entry.payload["by"] != ""


async def test_without_a_proof_nobody_else_revokes(another):
    for start in (by_hand, partial(as_child, parent="Pipeline")):
        who = await another()
        handle = await start(who)
        answer = await revoke(who, handle)
        [refused] = who.told("trust.refused", handle.id)

        assert answer["type"] == "DeniedError"
        assert "this takes the proof of a person" in answer["message"]
        assert refused.payload["why"] == answer["message"]
        assert who.told("agent.revoked") == []


async def test_another_workflow_revokes_nobody_whatever_it_shows(another):
    who, other = await another(), await another()
    for handle in (
        await who.start(trust.REVOCATION_WORKFLOW),
        await who.start(trust.PROMOTION_WORKFLOW, revocation_id(who.agent)),
        await by_hand(other),
    ):
        answer = await revoke(who, handle, await proof(who))

        assert "only workflow" in answer["message"]
    assert who.told("agent.revoked") == []


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        ({"agent": "another"}, "the proof is for agent 'another'"),
        ({"reason": reason_digest("another")}, "the proof is for reason"),
        ({"lasts": -300}, "the proof expired"),
        ({"lasts": 9_000}, "good for more than 600 s"),
    ],
    ids=str,
)
async def test_a_proof_about_something_else_revokes_nobody(another, bent, said):
    who = await another()
    handle = await by_hand(who)
    word = await proof(who, **bent)
    answer = await revoke(who, handle, word)
    [refused] = who.told("proof.refused", handle.id)

    assert said in answer["message"]
    assert refused.payload["why"] == answer["message"]
    assert word not in str(refused.payload)
    assert who.told("agent.revoked") == []


async def test_a_proof_made_for_something_else_or_by_somebody_disabled_is_none(another, people):
    who = await another()
    handle = await by_hand(who)
    about = {"workflow": handle.id, "plan": "x", "inputs": "y"}
    start = await signed(who.people["ann"], START, about)
    assert "was made for" in (await revoke(who, handle, start))["message"]

    word = await proof(who, "bob")
    people.disable("bob")
    try:
        answer = await revoke(who, handle, word)
    finally:
        people.enable("bob")
    assert "'bob' is disabled" in answer["message"]
    assert who.told("agent.revoked") == []


async def test_asked_again_it_is_recorded_once_and_a_proof_is_good_once(another):
    who = await another()
    handle = await by_hand(who)
    word = await proof(who)
    first = await revoke(who, handle, word)
    assert await revoke(who, handle, word) == first
    await handle.terminate()
    again = await by_hand(who)  # reset, or started once more

    assert await revoke(who, again, word) == first
    assert len(who.told("agent.revoked")) == 1


@pytest.mark.parametrize("name", ["a/b", "*", "{{ x }}", "", "a~0123456789ab"])
async def test_what_is_no_agent_is_not_revoked(another, name):
    who = await another()
    handle = await who.start(trust.REVOCATION_WORKFLOW)
    order = {"agent": name, "reason": REASON}
    answer = await who.send(handle, trust.record_revocation.name, order)
    [refused] = who.told("trust.refused", handle.id)

    assert "is no agent" in answer["message"]
    assert refused.agent == "-"
