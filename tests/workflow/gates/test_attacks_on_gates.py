"""Every way we know to pass a gate without being who it asks for: none of them does.

Each attack is a vote of the attacker's making at a gate for proven voters; it is answered with
``refused`` and why, stands on the ledger with the digest of its proof only, and harms nothing:
the people who are asked pass the gate after all of them, in the same opening.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from dsl.rules.proofs.proof import Proof, decode, encode
from tests.fixtures.engine import Engine, after_look, gate, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.servers.openbao import People
from tests.fixtures.voting import (
    Signer,
    honest_vote,
    matter_of,
    seal,
    signer,
    update,
    vote_of,
)

VERIFIED = {"approvers": ["group:sre"], "identity": ["verified"]}
ELSEWHERE = "sha256:" + "0" * 64


@dataclass
class Scene:
    """A run that waits at ``review`` for one of group sre (ann, bob), and who is around."""

    engine: Engine
    run: WorkflowHandle[Any, Any]
    ann: Signer
    bob: Signer
    eve: Signer  # belongs to no group


async def scene_of(engine: Engine, people: People) -> Scene:
    handle = await engine.start(after_look(gate("review", **VERIFIED)))
    await engine.pending(handle, "review")
    ann, bob, eve = [await signer(people, name) for name in ("ann", "bob", "eve")]
    return Scene(engine, handle, ann, bob, eve)


Attack = Callable[[Scene], Awaitable[dict[str, Any]]]


def bent(**fields: Any) -> Attack:
    """Ann's own proof, about something else."""

    async def attack(scene: Scene) -> dict[str, Any]:
        return await honest_vote(scene.run, "review", scene.ann, **fields)

    return attack


def spoiled(spoil: Callable[[str], str]) -> Attack:
    """Ann's honest proof, damaged on the way."""

    async def attack(scene: Scene) -> dict[str, Any]:
        vote = await honest_vote(scene.run, "review", scene.ann)
        return {**vote, "proof": spoil(vote["proof"])}

    return attack


async def claimed(scene: Scene) -> dict[str, Any]:
    return vote_of("review", "ann")


async def sent_as_another(scene: Scene) -> dict[str, Any]:
    return {**await honest_vote(scene.run, "review", scene.bob), "voter": "ann"}


async def of_nobody_asked(scene: Scene) -> dict[str, Any]:
    return await honest_vote(scene.run, "review", scene.eve)


async def signed_by_another(scene: Scene) -> dict[str, Any]:
    """Eve signs a statement that names ann."""
    about = await matter_of(scene.run, "review")
    proof = await scene.eve.word(seal(about, scene.ann.entity))
    return vote_of("review", "ann", proof=proof)


async def of_an_unknown_entity(scene: Scene) -> dict[str, Any]:
    about = await matter_of(scene.run, "review")
    proof = await scene.ann.word(seal(about, "00000000-0000-0000-0000-000000000000"))
    return vote_of("review", "ann", proof=proof)


async def with_another_decision(scene: Scene) -> dict[str, Any]:
    vote = await honest_vote(scene.run, "review", scene.ann, "reject")
    return {**vote, "decision": "approve"}


async def with_another_reason(scene: Scene) -> dict[str, Any]:
    vote = await honest_vote(scene.run, "review", scene.ann, because="after the backup")
    return {**vote, "reason": "right now"}


async def for_another_run(scene: Scene) -> dict[str, Any]:
    other = await scene.engine.start(after_look(gate("review", **VERIFIED)))
    await scene.engine.pending(other, "review")
    vote = await honest_vote(other, "review", scene.ann)
    code, verdict = await update(scene.engine, other.id, vote)
    assert (code, verdict["counted"]) == (0, True)
    await other.result()
    return vote


async def with_a_nonce_used_elsewhere(scene: Scene) -> dict[str, Any]:
    """The same nonce under other content, both signed by ann."""
    nonce = secrets.token_hex(16)
    other = await scene.engine.start(after_look(gate("review", **VERIFIED)))
    await scene.engine.pending(other, "review")
    await update(scene.engine, other.id, await honest_vote(other, "review", scene.ann, nonce=nonce))
    await other.result()
    return await honest_vote(scene.run, "review", scene.ann, nonce=nonce)


def without_signature(word: str) -> str:
    return encode(Proof(decode(word).statement, "vault:v1:" + base64.b64encode(bytes(64)).decode()))


def with_a_key_of_another_version(word: str) -> str:
    proof = decode(word)
    return encode(Proof(proof.statement, proof.signature.replace("vault:v1:", "vault:v9:")))


def without_statement(_word: str) -> str:
    return base64.urlsafe_b64encode(b'{"signature":"vault:v1:x"}').decode().rstrip("=")


BY_WHOM: dict[str, tuple[Attack, str]] = {
    "claimed at a verified gate": (claimed, "has not proven"),
    "proof of another person": (sent_as_another, "proof is of 'bob'"),
    "a person nobody asked": (of_nobody_asked, "not an approver"),
    "signed with another's key": (signed_by_another, "not made with the key"),
    "an entity nobody knows": (of_an_unknown_entity, "not made with the key"),
}
ABOUT_WHAT: dict[str, tuple[Attack, str]] = {
    "another gate": (bent(gate="release"), "is for gate 'release'"),
    "another run": (for_another_run, "is for workflow"),
    "another execution of this run": (bent(run="11111111-2222-3333-4444-555555555555"), "for run"),
    "another opening": (bent(opening=2), "is for opening 2"),
    "the escalation": (bent(escalated=True), "is for escalated True"),
    "another plan": (bent(plan=ELSEWHERE), "is for plan"),
    "other inputs": (bent(inputs=ELSEWHERE), "is for inputs"),
    "other artefacts": (bent(subject=ELSEWHERE), "is for subject"),
    "another decision": (with_another_decision, "is for decision 'reject'"),
    "another reason": (with_another_reason, "is for reason"),
    "expired": (bent(expires=int(time.time()) - 60), "expired"),
    "good for too long": (bent(expires=int(time.time()) + 86_400), "more than 600 s"),
    "other content under a used nonce": (with_a_nonce_used_elsewhere, "used before"),
}
IN_WHAT_FORM: dict[str, tuple[Attack, str]] = {
    "no signature": (spoiled(without_signature), "not made with the key"),
    "a key version there is not": (spoiled(with_a_key_of_another_version), "not made with the key"),
    "no statement": (spoiled(without_statement), "no statement"),
    "truncated": (spoiled(lambda word: word[: len(word) // 2]), "proof"),
    "not base64": (spoiled(lambda word: "!" + word[1:]), "not base64url"),
    "one megabyte": (spoiled(lambda _: "A" * (1 << 20)), "8192 is the limit"),
}


@pytest.mark.parametrize(
    "attacks", [BY_WHOM, ABOUT_WHAT, IN_WHAT_FORM], ids=["whom", "what", "form"]
)
async def test_attacks_are_refused_and_recorded_and_harm_nothing(
    engine: Engine, people: People, attacks: dict[str, tuple[Attack, str]]
):
    scene = await scene_of(engine, people)
    made: list[dict[str, Any]] = []
    for name, (make, why) in attacks.items():
        vote = await make(scene)
        verdict = await _answer(scene, vote)
        [row] = (await scene.run.query("status"))["waiting_for"]

        assert (verdict["verdict"], verdict["counted"]) == ("refused", False), name
        assert why in verdict["why"], name
        assert (row["gate"], row["votes"]) == ("review", 0), name
        made.append(vote)

    verdict = await _answer(scene, await honest_vote(scene.run, "review", scene.bob))
    report = await scene.run.result()
    assert verdict["verdict"] == "passed"
    assert [v["voter"] for v in report["approvals"][0]["votes"]] == ["bob"]
    _assert_recorded(engine, scene.run.id, made)


async def _answer(scene: Scene, vote: dict[str, Any]) -> dict[str, Any]:
    if len(vote.get("proof", "")) > 100_000:  # longer than an argument of a command may be
        verdict: dict[str, Any] = await scene.run.execute_update("vote", vote)
        return verdict
    code, verdict = await update(scene.engine, scene.run.id, vote)
    assert code == 0, verdict
    return verdict


def _assert_recorded(engine: Engine, run: str, votes: list[dict[str, Any]]) -> None:
    entries = told_by(engine.settings.ledger, run)
    proofs = [vote.get("proof", "") for vote in votes]
    digests = [proof and f"sha256:{hashlib.sha256(proof.encode()).hexdigest()}" for proof in proofs]
    refused = [e.payload["proof"] for e in entries if e.action == "vote.refused"]
    told = json.dumps([dict(e.payload) for e in entries if e.action != "vote.proven"])

    assert sorted(refused) == sorted(digests)
    assert [proof for proof in proofs if proof and proof in told] == []


async def test_the_identity_of_the_command_line_is_nobodys(engine: Engine, people: People):
    scene = await scene_of(engine, people)
    vote = vote_of("review", "ann")
    code, said = await engine.cli(
        *("workflow", "signal", "-w", scene.run.id, "--name", "vote"),
        *("--input", json.dumps(vote), "--identity", "ann"),
    )
    assert code == 0, said
    status = await engine.until(scene.run, lambda s: bool(s["void_messages"]))
    assert "has not proven" in status["void_messages"][0]["why"]
    assert status["waiting_for"][0]["votes"] == 0
    await update(engine, scene.run.id, await honest_vote(scene.run, "review", scene.ann))
    await scene.run.result()


async def test_a_forged_rejection_does_not_use_up_the_vote_of_a_person(
    engine: Engine, people: People
):
    scene = await scene_of(engine, people)
    await update(engine, scene.run.id, vote_of("review", "ann", "reject"))
    about = await matter_of(scene.run, "review", "reject")
    forged = vote_of(
        "review", "ann", "reject", proof=await scene.eve.word(seal(about, scene.ann.entity))
    )
    await update(engine, scene.run.id, forged)
    _, verdict = await update(
        engine, scene.run.id, await honest_vote(scene.run, "review", scene.ann)
    )

    assert verdict["verdict"] == "passed"
    assert (await scene.run.result())["status"] == "completed"


async def test_a_proof_counts_once_also_when_it_is_sent_again(engine: Engine, people: People):
    handle = await engine.start(after_look(gate("review", **{**VERIFIED, "quorum": 2})))
    await engine.pending(handle, "review")
    ann, bob = await signer(people, "ann"), await signer(people, "bob")
    vote = await honest_vote(handle, "review", ann)
    _, first = await update(engine, handle.id, vote)
    _, second = await update(engine, handle.id, vote)
    _, third = await update(engine, handle.id, await honest_vote(handle, "review", ann))

    assert (first["counted"], second["counted"], third["counted"]) == (True, False, False)
    assert "used before" in second["why"]
    assert "already voted" in third["why"]
    await update(engine, handle.id, await honest_vote(handle, "review", bob))
    await handle.result()


async def test_a_disabled_person_is_refused_at_once(engine: Engine, people: People):
    scene = await scene_of(engine, people)
    vote = await honest_vote(scene.run, "review", scene.bob)
    people.disable("bob")
    try:
        _, verdict = await update(engine, scene.run.id, vote)
    finally:
        people.enable("bob")

    assert "'bob' is disabled" in verdict["why"]
    await update(engine, scene.run.id, await honest_vote(scene.run, "review", scene.ann))
    await scene.run.result()


async def test_two_logins_of_one_person_are_one_person(engine: Engine, people: People):
    handle = await engine.start(after_look(gate("review", **{**VERIFIED, "quorum": 2})))
    await engine.pending(handle, "review")
    ann = await signer(people, "ann")
    other = Signer("ann", ann.entity, await people.second_login("ann"))
    await update(engine, handle.id, await honest_vote(handle, "review", ann))
    _, verdict = await update(engine, handle.id, await honest_vote(handle, "review", other))

    assert "already voted" in verdict["why"]
    bob = await signer(people, "bob")
    await update(engine, handle.id, await honest_vote(handle, "review", bob))
    await handle.result()


async def test_a_signature_of_another_vault_is_none(
    engine: Engine, people: People, private_openbao: Callable[..., Any]
):
    scene = await scene_of(engine, people)
    elsewhere = private_openbao()
    stranger = await people.elsewhere(elsewhere, "ann")
    about = await matter_of(scene.run, "review")
    own = await stranger.word(seal(about, stranger.entity))
    borrowed = await stranger.word(seal(about, scene.ann.entity))
    verdicts = [
        (await update(engine, scene.run.id, vote_of("review", "ann", proof=proof)))[1]
        for proof in (own, borrowed)
    ]

    assert all("not made with the key" in verdict["why"] for verdict in verdicts)
    await update(engine, scene.run.id, await honest_vote(scene.run, "review", scene.ann))
    await scene.run.result()


async def test_a_hundred_votes_at_once_count_as_one_person_each(engine: Engine, people: People):
    handle = await engine.start(after_look(gate("review", **{**VERIFIED, "quorum": 2})))
    await engine.pending(handle, "review")
    ann, bob = await signer(people, "ann"), await signer(people, "bob")
    about = await matter_of(handle, "review")
    proofs = await asyncio.gather(*(ann.word(seal(about, ann.entity)) for _ in range(98)))
    votes = [vote_of("review", "ann", proof=proof) for proof in proofs]
    votes += [vote_of("review", "ann", "reject"), await honest_vote(handle, "review", bob)]
    await asyncio.gather(*(handle.signal("vote", vote) for vote in votes))
    report = await handle.result()

    assert sorted(v["voter"] for v in report["approvals"][0]["votes"]) == ["ann", "bob"]
    assert report["approvals"][0]["verdict"] == "approved"


async def test_proofs_of_before_a_reset_and_of_another_artefact_are_void(
    engine: Engine, people: People
):
    async def build(_request: Any) -> dict[str, Any]:
        return {"build": secrets.token_hex(4)}

    engine.runner.behaviours["build"] = build
    handle = await engine.start(
        pipeline(stage("build"), gate("review", requires=["build"], **VERIFIED))
    )
    await engine.pending(handle, "review")
    ann = await signer(people, "ann")
    before = await honest_vote(handle, "review", ann)
    subject = (await handle.query("gates"))[0]["subject_digest"]
    await update(engine, handle.id, before)
    await handle.result()
    checkpoints = await handle.query("checkpoints")
    event = next(row["event_id"] for row in checkpoints if row["before"] == "build")
    code, said = await engine.cli(
        "workflow", "reset", "-w", handle.id, "--event-id", str(event), "--reason", "again"
    )
    assert code == 0, said
    again = engine.adopt(handle.id)
    await engine.pending(again, "review")
    [row] = await again.query("gates")
    _, replayed = await update(engine, handle.id, before)
    _, on_old_artefact = await update(
        engine, handle.id, await honest_vote(again, "review", ann, subject=subject)
    )

    assert row["votes"] == 0
    assert row["subject_digest"] != subject
    assert "is for run" in replayed["why"] or "is for subject" in replayed["why"]
    assert "is for subject" in on_old_artefact["why"]
    await update(engine, handle.id, await honest_vote(again, "review", ann))
    assert (await again.result())["status"] == "completed"


async def test_a_vote_before_the_gate_opens_and_after_it_closed_is_refused(
    engine: Engine, people: People
):
    go_on = asyncio.Event()

    async def wait(_request: Any) -> dict[str, Any]:
        await go_on.wait()
        return {}

    engine.runner.behaviours["later"] = wait
    handle = await engine.start(
        after_look(
            gate("review", **VERIFIED),
            stage("later", requires=["review"]),
            gate("release", requires=["later"], **VERIFIED),
        )
    )
    await engine.pending(handle, "review")
    ann, bob = await signer(people, "ann"), await signer(people, "bob")
    early = await honest_vote(handle, "review", ann, gate="release")
    code, said = await update(engine, handle.id, {**early, "gate": "release"})
    assert code == 1
    assert "not pending" in str(said)
    late = await honest_vote(handle, "review", bob)
    await update(engine, handle.id, await honest_vote(handle, "review", ann))
    await engine.runner.until_running("later")
    code, said = await update(engine, handle.id, late)
    assert code == 1
    assert "not pending" in str(said)
    go_on.set()
    await engine.pending(handle, "release")
    await update(engine, handle.id, await honest_vote(handle, "release", ann))
    await handle.result()
