"""Evidence and grants, asked for by workflows that only bear the names of ours."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle

from activities.contracts import trust_specs as trust
from dsl.core import Tier
from dsl.rules.proofs.proof import Proof, encode
from dsl.rules.proofs.proof import decode as proof_of
from dsl.rules.run.reserved import promotion_id
from dsl.rules.trust.grant import decode
from dsl.values.canonical import digest_of
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login
from integrations.vault.signing.head_signer import HeadVerifier
from tests.fixtures.hostile.masks import Another, Masked
from tests.fixtures.servers.openbao import OpenBao

Handle = WorkflowHandle[Any, Any]


async def asked(who: Masked, **more: Any) -> tuple[Handle, dict[str, Any]]:
    handle = await who.promotion()
    return handle, await who.ask(handle, **more)


@pytest_asyncio.fixture(scope="module")
async def worthy(another: Another) -> tuple[Masked, Handle, dict[str, Any]]:
    """An agent of which all holds, and what its run was answered; nothing is granted to it."""
    who = await another()
    await who.runs(2)
    return who, *(await asked(who))


async def is_signed_by_the_ledger(server: OpenBao, word: str) -> bool:
    vault = Vault(server.url)
    login = Login(vault, server.roles_dir, "mandate-promoter")
    try:
        grant, signature = decode(word)
        return await HeadVerifier(vault, login).verify(grant.message(), signature)
    finally:
        await login.aclose()
        vault.close()


async def test_what_people_sign_is_on_the_ledger_with_its_evidence(worthy):
    who, _, evidence = worthy
    shown = evidence["inputs"]
    [entry] = who.told("trust.asked")

    assert evidence["unmet"] == []
    assert entry.seq == evidence["entry"]
    assert entry.payload["inputs"] == digest_of(shown)
    assert (shown["agent"], shown["entity"]) == (who.agent, who.entity)
    assert (shown["from"], shown["to"], shown["figures"]["compliant_in_a_row"]) == ("T0", "T1", 2)
    assert shown["ledger"] == {"entries": entry.payload["entries"], "head": entry.payload["head"]}
    assert shown["evidence"]["first"] < shown["evidence"]["last"] < shown["ledger"]["entries"]
    assert evidence["card"]["runs"]["compliant"] == 2
    assert [step["path"] for step in evidence["plan"]["steps"]] == [trust.GATE]


async def test_asked_again_a_run_is_answered_the_same(worthy):
    who, handle, evidence = worthy
    again = await who.ask(handle)

    assert again == evidence
    assert "asked for something else already" in (await who.ask(handle, to=3))["message"]


async def test_proven_votes_get_a_grant_that_the_ledger_has_signed(another, openbao):
    who = await another()
    await who.runs(2)
    handle, evidence = await asked(who)
    order = who.order(evidence, await who.ballot(handle, evidence, "ann"))
    answer = await who.send(handle, trust.grant.name, order)
    [entry] = who.told("trust.granted")
    grant, _ = decode(answer["grant"])

    assert (answer["refusal"], answer["entry"]) == ("", entry.seq)
    assert (grant.kind, grant.agent, grant.entity) == ("promote", who.agent, who.entity)
    assert (grant.was, grant.now, grant.entry, grant.epoch) == (Tier.T0, Tier.T1, entry.seq, 0)
    assert 0 < grant.expires - time.time() <= 600
    assert await is_signed_by_the_ledger(openbao, answer["grant"])
    assert [vote["voter"] for vote in entry.payload["votes"]] == ["ann"]


async def test_granted_twice_is_granted_once(another):
    who = await another()
    await who.runs(2)
    handle, evidence = await asked(who)
    order = who.order(evidence, await who.ballot(handle, evidence, "ann"))
    first, second = await asyncio.gather(
        *(who.send(handle, trust.grant.name, order) for _ in range(2))
    )

    assert first == second
    assert len(who.told("trust.granted")) == 1
    other = who.order({"inputs": {**evidence["inputs"], "to": "T3"}})
    assert "something else" in (await who.send(handle, trust.grant.name, other))["refusal"]


async def none(who: Masked, handle: Handle, evidence: dict[str, Any]) -> dict[str, Any]:
    return who.order(evidence)


def vote(name: str = "ann", decision: str = "approve", /, **bent: Any) -> Any:
    async def voted(who: Masked, handle: Handle, evidence: dict[str, Any]) -> dict[str, Any]:
        return who.order(evidence, await who.ballot(handle, evidence, name, decision, **bent))

    return voted


def bent(**changed: Any) -> Any:
    async def order(who: Masked, handle: Handle, evidence: dict[str, Any]) -> dict[str, Any]:
        return who.order(evidence, await who.ballot(handle, evidence, "ann"), **changed)

    return order


async def other_inputs(who: Masked, handle: Handle, evidence: dict[str, Any]) -> dict[str, Any]:
    """People have signed something nicer than what the run was answered."""
    nicer = {**evidence["inputs"], "reason": "whatever you like"}
    forged = {**evidence, "inputs": nicer}
    return who.order(forged, await who.ballot(handle, forged, "ann"))


async def other_entity(who: Masked, handle: Handle, evidence: dict[str, Any]) -> dict[str, Any]:
    forged = {**evidence, "inputs": {**evidence["inputs"], "entity": "0" * 8}}
    return who.order(forged, await who.ballot(handle, evidence, "ann"))


async def a_rejection(who: Masked, handle: Handle, evidence: dict[str, Any]) -> dict[str, Any]:
    yes = await who.ballot(handle, evidence, "ann")
    return who.order(evidence, yes, await who.ballot(handle, evidence, "bob", "reject"))


async def mixed(who: Masked, handle: Handle, evidence: dict[str, Any]) -> dict[str, Any]:
    one, other = [await who.ballot(handle, evidence, "ann") for _ in range(2)]
    proof = Proof(proof_of(one["proof"]).statement, proof_of(other["proof"]).signature)
    return who.order(evidence, {**one, "proof": encode(proof)})


async def many(who: Masked, handle: Handle, evidence: dict[str, Any]) -> dict[str, Any]:
    return who.order(evidence, *[await who.ballot(handle, evidence, "ann")] * 101)


ATTACKS: list[tuple[str, Any, str]] = [
    ("no votes", none, "is not approved"),
    ("a stranger's vote", vote("eve"), "'eve' is not an approver"),
    ("signed by another", vote("ann", signer="eve"), "the proof is of 'eve'"),
    ("a forged signature", mixed, "not made with the key"),
    ("a rejection", vote("ann", "reject"), "was rejected by ann"),
    ("a rejection among them", a_rejection, "was rejected by bob"),
    ("votes of another run", vote(run="another"), "the proof is for run 'another'"),
    ("votes of another workflow", vote(workflow="promotion/x"), "the proof is for workflow"),
    ("votes for other inputs", vote(inputs="sha256:" + "0" * 64), "the proof is for inputs"),
    ("votes for another plan", vote(plan="sha256:" + "0" * 64), "the proof is for plan"),
    ("votes for another opening", vote(opening=2), "the proof is for opening 2"),
    ("inputs nobody was shown", other_inputs, "is not what this run was answered"),
    ("another entity", other_entity, "is not what this run was answered"),
    ("another tier", bent(to=3), "evidence about something else"),
    ("another tier held", bent(held=1, to=2), "evidence about something else"),
    ("another kind", bent(kind="reinstate"), "only workflow"),
    ("no kind", bent(kind="{{ x }}"), "expected promote or reinstate, got '?? x ??'"),
    ("another agent", bent(agent="another"), "only workflow 'promotion/another'"),
    ("no agent", bent(agent="a/../*"), "is no agent"),
    ("too many votes", many, "at most 100 are verified"),
]


@pytest.mark.parametrize(("order", "said"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
async def test_what_is_not_proven_is_not_granted(worthy, order, said):
    who, handle, evidence = worthy
    answer = await who.send(handle, trust.grant.name, await order(who, handle, evidence))
    refused = who.told("trust.refused", handle.id)

    assert said in answer.get("refusal", answer), answer
    assert answer["grant"] == ""
    assert (refused[-1].seq, refused[-1].payload["why"]) == (answer["entry"], answer["refusal"])
    assert who.told("trust.granted") == []


async def test_a_token_in_place_of_a_name_does_not_reach_the_ledger(worthy):
    token = f"hvs.{'A1b2' * 12}"
    who, handle, evidence = worthy
    order = who.order(evidence, {**await who.ballot(handle, evidence, "ann"), "voter": token})
    await who.send(handle, trust.grant.name, order)
    [*_, refused] = who.told("trust.refused", handle.id)

    assert "does not hold" in refused.payload["why"]
    assert token not in refused.payload["why"]


async def test_a_run_that_asked_for_no_evidence_is_granted_nothing(another, worthy):
    who = await another()
    await who.runs(2)
    handle = await who.promotion()
    _, _, evidence = worthy
    answer = await who.send(handle, trust.grant.name, who.order(evidence))

    assert "never asked for evidence" in answer["refusal"]


async def test_what_was_missing_when_it_asked_is_not_granted_later(another):
    who = await another()
    handle, evidence = await asked(who)
    assert evidence["unmet"] == ["0 compliant runs in a row at T0, 1 needed"]
    assert evidence["plan"] is None
    await who.runs(1)
    answer = await who.send(handle, trust.grant.name, who.order(evidence))

    assert "not everything held when this run asked: 0 compliant" in answer["refusal"]


async def test_a_violation_while_people_were_asked_ends_it(another):
    who = await another("T2")
    await who.runs(2)
    handle, evidence = await asked(who, to=3, held=2)
    ballots = [await who.ballot(handle, evidence, name) for name in ("ann", "bob")]
    order = who.order(evidence, *ballots, to=3, held=2)
    await who.record("Agent", ("agent.violated", {"kind": "denied-path", "consequence": "warn"}))
    answer = await who.send(handle, trust.grant.name, order)

    assert "meanwhile not everything holds" in answer["refusal"]
    assert "1 violation(s) within 1d" in answer["refusal"]


async def test_t3_takes_two_people(another):
    who = await another("T2")
    await who.runs(2)
    handle, evidence = await asked(who, to=3, held=2)
    ann, bob = [await who.ballot(handle, evidence, name) for name in ("ann", "bob")]
    terms = {"to": 3, "held": 2}
    alone = await who.send(handle, trust.grant.name, who.order(evidence, ann, **terms))
    twice = await who.send(handle, trust.grant.name, who.order(evidence, ann, ann, **terms))
    both = await who.send(handle, trust.grant.name, who.order(evidence, ann, bob, **terms))

    assert "waiting for 1 more" in alone["refusal"]
    assert "waiting for 1 more" in twice["refusal"]
    assert decode(both["grant"])[0].now is Tier.T3


NAMES = ["a/b", "a*", "a+b", "a..b", "{{ identity.entity.id }}", "", "a\n", "A", "x" * 300]


@pytest.mark.parametrize("name", NAMES, ids=repr)
async def test_what_is_no_agent_is_refused_and_stands_on_the_ledger_harmlessly(another, name):
    who = await another()
    handle = await who.promotion()
    answer = await who.ask(handle, agent=name)
    [entry] = who.told("trust.refused", handle.id)

    assert "is no agent: expected the id of an agent" in answer["unmet"][0]
    assert (answer["plan"], answer["inputs"], answer["entry"]) == (None, {}, entry.seq)
    assert (entry.agent, who.told("trust.asked")) == ("-", [])
    assert not set(entry.payload["asked"]) & set("/*+{}\n")
    assert len(entry.payload["asked"]) < 100


async def test_only_the_workflow_for_it_may_ask(another):
    who = await another()
    for handle in (
        await who.start(trust.PROMOTION_WORKFLOW),
        await who.start(trust.REVOCATION_WORKFLOW, promotion_id(who.agent)),
    ):
        assert "only workflow" in (await who.ask(handle))["message"]
