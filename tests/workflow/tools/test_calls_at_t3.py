"""Calls of a T3 stage: made by a worker that verifies votes and plan itself, whoever asks."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import pytest_asyncio

from activities.contracts import specs, tool_specs
from dsl.compiler import compile_text
from dsl.core import Tier
from dsl.rules.proofs.proof import PLAN, VOTE
from dsl.rules.tools.calls import Occurrence, call_of
from dsl.values.canonical import digest_of
from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Engine
from tests.fixtures.hostile.impostor import (
    INPUTS,
    Scene,
    document,
    impostors,
    raise_agent,
    scene,
    signed,
    signers,
)
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.tools.shop import Shop
from tests.fixtures.voting import Signer, honest_vote, update

PROVEN = {"approvers": ["group:sre"], "identity": ["verified"]}
LIFE_S = 300


@pytest_asyncio.fixture(scope="module")
async def everybody(people: People) -> dict[str, Signer]:
    return await signers(people)


@pytest_asyncio.fixture(scope="module")
async def shop(running_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(running_engine.settings.tools[0], tmp_path_factory.mktemp("shop"))
    await made.open()
    return made


def table(shop: Shop) -> list[dict[str, Any]]:
    return [
        shop.rule("allow", when="args.amount < 10", max_calls=2),
        shop.rule("deny", when="args.amount > 5000"),
        shop.asks(approve=PROVEN),
    ]


async def test_a_stage_of_t3_calls_what_people_have_proven_to_approve(
    engine: Engine, openbao: OpenBao, everybody: dict[str, Signer], shop: Shop
):
    told: list[tuple[str, str]] = []

    async def act(request: Request) -> dict[str, Any]:
        for amount in (5, 82, 820, 9_000):
            made = await engine.runner.call(request, f"{shop.name}/refund", {"amount": amount})
            told.append((made.status.value, made.text))
        return {}

    async def look(_request: Request) -> dict[str, Any]:
        return {"files": 3}

    engine.runner.behaviours |= {"act": act, "look": look}
    text = document(f"p-{uuid.uuid4().hex[:12]}", act_with={"tools": table(shop)}, quorum=1)
    compiled = compile_text(text, "p.yaml")
    about = {"plan": compiled.digest, "name": compiled.plan.name, "version": "1"}
    order = {"document": text, "proof": await signed(everybody["cyd"], PLAN, about)}
    await (await engine.start_type("Registration", order)).result()
    await raise_agent(openbao, engine, compiled, Tier.T3)
    before = len(shop.paid)
    handle = await engine.start_type("Pipeline", {"definition": text, "inputs": INPUTS})
    for gate, decision in (
        ("review", "approve"),
        ("act/call-1", "approve"),
        ("act/call-2", "reject"),
    ):
        await engine.pending(handle, gate)
        vote = await honest_vote(handle, gate, everybody["ann"], decision, because="so be it")
        code, verdict = await update(engine, handle.id, vote)
        assert (code, verdict.get("counted")) == (0, True), verdict
    await handle.result()

    assert told[:2] == [("ok", "paid 5"), ("ok", "paid 82")]
    assert told[2] == ("denied", "rejected by ann (so be it)")
    assert told[3] == ("denied", "rule 2 denies it")
    assert [each["amount"] for each in shop.paid[before:]] == [5, 82]


class Forger:
    """Somebody with a workflow called like a stage of ours, who has people's votes on one call."""

    def __init__(self, made: Scene, shop: Shop) -> None:
        self._made = made
        self._shop = shop
        self._calls = 0

    def occurrence(self, amount: int, ordinal: int = 0, **bent: Any) -> Occurrence:
        self._calls += 1
        made = self._made
        place = {
            "plan": made.compiled.digest,
            "run": made.run.id,
            "run_id": made.run.first_execution_run_id or "",
            "stage": "act",
            "ordinal": ordinal or self._calls,
        }
        call = call_of(self._shop.name, "refund", {"amount": amount})
        return Occurrence(call=call, **{**place, **bent})

    async def approval(
        self, of: Occurrence, *names: str, gate: str = "act/call-1", **bent: Any
    ) -> dict[str, Any]:
        """Return an approval with the votes of these people, signed or bent."""
        subject = {"act": {gate.rpartition("/")[2]: of.digest()}}
        ends = {key: bent.pop(key) for key in ("expires", "nonce") if key in bent}
        signer = bent.pop("signer", "")
        told = {"gate": gate, "subject": digest_of(subject), **bent}
        ballots = [
            {
                "voter": name,
                "decision": told.get("decision", "approve"),
                "reason": "fine",
                "proof": await signed(
                    self._made.people[signer or name], VOTE, self._made.about(**told), **ends
                ),
            }
            for name in names or ("ann",)
        ]
        return {"gate": gate, "opening": 1, "subject": subject, "ballots": ballots}

    async def send(
        self, of: Occurrence, approval: Any = None, queue: str = specs.QUEUE_T3, **bent: Any
    ) -> tuple[str, str]:
        request = {
            "occurrence": of.model_dump(mode="json"),
            "digest": of.digest(),
            "agent": self._made.compiled.plan.steps[2].agent,  # type: ignore[union-attr]
            "entity": self._made.request["entity"],
            "tier": int(Tier.T3),
            "good_until_ms": int(time.time() * 1_000) + 60_000 if approval else 0,
            "stage": self._made.request,
            "approval": approval,
            **bent,
        }
        answer = await self._made.child.execute_update(
            "send", args=[tool_specs.call.name, request, queue]
        )
        said = answer.get("answer", answer)
        return said.get("status", said.get("type")), said.get("text", said.get("message"))

    async def record(self, of: Occurrence, effect: str | None) -> str:
        """Say on the ledger that the call is intended, and return why that was refused."""
        said = {"effect": f"{self._shop.name}/{effect}"} if effect else {}
        payload = {"occurrence": of.digest(), "call": of.call.name, "arguments": of.call.arguments}
        entry = {
            "action": "tool.intended",
            "agent": self._made.compiled.plan.steps[2].agent,  # type: ignore[union-attr]
            "tier": int(Tier.T3),
            "payload": {**payload, **said},
        }
        answer = await self._made.child.execute_update(
            "send", args=[specs.record.name, {"entries": [entry]}, specs.QUEUE_LEDGER]
        )
        return str(answer.get("message", answer))


async def test_whatever_is_not_proven_calls_nothing(
    running_engine: Engine, openbao: OpenBao, everybody: dict[str, Signer], shop: Shop
):
    async with impostors(running_engine) as client:
        settled: dict[str, Any] = {"act_with": {"tools": table(shop)}, "kind": "Agent"}
        made = await scene(running_engine, client, openbao, everybody, **settled)
        forger = Forger(made, shop)
        before = len(shop.paid)
        once = forger.occurrence(82)
        voted = await forger.approval(once)
        other = forger.occurrence(820)
        past = int(time.time()) - 3_600
        bare = made.bent("warrant", to=None)
        alone = made.with_ballots(await made.ballot("ann"))
        wide = made.bent("step", "tools", 0, "when", to="true")

        refused = [
            (await forger.send(other), "no approval with proofs was handed down"),
            (await forger.send(other, voted), "is another call"),
            (
                await forger.send(other, {**voted, "subject": {"act": {"call-1": other.digest()}}}),
                "the proof is for subject",
            ),
            (
                await forger.send(other, await forger.approval(other, "eve")),
                "'eve' is not an approver",
            ),
            (
                await forger.send(other, await forger.approval(other, "bob", signer="eve")),
                "the proof is of 'eve'",
            ),
            (
                await forger.send(other, await forger.approval(other, decision="reject")),
                "was rejected by ann",
            ),
            (
                await forger.send(other, await forger.approval(other, run="another")),
                "the proof is for run",
            ),
            (
                await forger.send(other, await forger.approval(other, gate="review")),
                "asks nobody at such a gate",
            ),
            (
                await forger.send(other, await forger.approval(other, gate="act/outcome-1")),
                "asks nobody at such a gate",
            ),
            (
                await forger.send(other, {**await forger.approval(other), "ballots": []}),
                "is not approved",
            ),
            (
                await forger.send(other, await forger.approval(other, expires=past)),
                "the approval at 'act/call-1' has expired",
            ),
            (await forger.send(forger.occurrence(9_000), voted), "rule 2 denies it"),
            (await forger.send(forger.occurrence(5, run="another")), "decided on in another place"),
            (await forger.send(forger.occurrence(5, stage="look")), "decided on in another place"),
            (
                await forger.send(forger.occurrence(5), stage=None),
                "shows the stage that it is made for",
            ),
            (
                await forger.send(forger.occurrence(5), tier=int(Tier.T2)),
                "is made on queue mandate",
            ),
            (
                await forger.send(forger.occurrence(5), queue=specs.QUEUE),
                "is made on queue mandate-t3",
            ),
            (
                await forger.send(forger.occurrence(820), stage=wide),
                "the plan says otherwise about tools",
            ),
            (await forger.send(forger.occurrence(5), stage=bare), "no warrant for 'act'"),
            (await forger.send(forger.occurrence(5), stage=alone), "no warrant for 'act'"),
        ]
        assert shop.paid[before:] == []
        assert [got for got, why in refused if got[0] != "not_made" or why not in got[1]] == []
        assert await forger.send(once, voted) == ("ok", "paid 82")
        same = forger.occurrence(82, ordinal=once.ordinal)
        assert "was made before" in (await forger.send(same, voted))[1]
        small = [await forger.send(forger.occurrence(5)) for _ in range(3)]
        assert [status for status, _ in small] == ["ok", "ok", "not_made"]
        assert "lets 2 calls through" in small[2][1]
        assert [each["amount"] for each in shop.paid[before:]] == [82, 5, 5]

        # One effect happens once, though nobody has told the ledger of it.
        shop.declare("good", tools={"refund": {"effect": "refund:${{ args.amount }}"}})
        first, second = forger.occurrence(120), forger.occurrence(120)
        told = [await forger.send(each, await forger.approval(each)) for each in (first, second)]
        assert told[0] == ("ok", "paid 120")
        assert told[1][0] == "not_made"
        assert "was brought about before, by call " + first.digest() in told[1][1]
        said = [await forger.record(first, effect) for effect in ("refund:1", None)]
        assert all(f"is '{shop.name}/refund:120', and not" in why for why in said), said
        await made.run.terminate()
