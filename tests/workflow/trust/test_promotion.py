"""Promotion with everything real: evidence from the ledger, proven consent, a grant, Vault."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError, WorkflowAlreadyStartedError
from temporalio.testing import TimeSkipper

from dsl.core import Tier
from integrations.vault.identity.standing import Change
from integrations.vault.identity.tier_changes import TierChanges
from tests.fixtures.engine import Engine, failure_of
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.agents import GATE, WHY, Subject, say, subject, unmet
from tests.fixtures.voting import Signer, signer, update, vote_of
from tests.integration.stack.probes import eventually


@pytest_asyncio.fixture
async def ready(engine: Engine, openbao: OpenBao, ann: Signer) -> Subject:
    """An agent that meets every criterion of T3."""
    return await subject(engine, openbao, ann, runs=2)


async def test_what_has_earned_it_is_raised_when_two_people_consent(
    engine: Engine, ready: Subject, ann: Signer, bob: Signer
):
    handle = await ready.asked(Tier.T3)
    first = await say(engine, handle, ann)
    in_between = ready.tier
    second = await say(engine, handle, bob)
    report = await handle.result()

    assert (first["verdict"], in_between) == ("pending", "T2")
    assert second["verdict"] == "passed"
    assert (report["was"], report["now"], report["status"]) == ("T2", "T3", "completed")
    assert ready.tier == "T3"
    assert ready.entity["metadata"]["grant"] == str(report["grant"])


async def test_the_ledger_links_evidence_votes_grant_and_change(
    engine: Engine, ready: Subject, ann: Signer, bob: Signer
):
    handle = await ready.asked(Tier.T3)
    await eventually(lambda: "gate.opened" in ready.actions())  # it is recorded beside the wait
    for who in (ann, bob):
        await say(engine, handle, who)
    report = await handle.result()
    story = [e for e in ready.entries() if e.workflow_id == handle.id]
    by_action = {entry.action: entry for entry in story}
    granted, asked = by_action["trust.granted"], by_action["trust.asked"]

    assert [entry.action for entry in story] == [
        "trust.asked",
        "gate.opened",
        "vote.proven",
        "vote.proven",
        "gate.decided",
        "trust.granted",
        "agent.promoted",
    ]
    assert report["evidence"] == asked.seq
    assert report["grant"] == granted.seq == by_action["agent.promoted"].payload["grant"]
    assert granted.payload["inputs"] == asked.payload["inputs"]
    assert by_action["agent.promoted"].payload["was"] == "T2"
    assert by_action["agent.promoted"].payload["now"] == "T3"
    assert report["ledger"][1] == by_action["agent.promoted"].seq


async def test_people_are_shown_what_they_sign(engine: Engine, ready: Subject):
    handle = await ready.asked(Tier.T3)
    [row] = await handle.query("gates")
    pinned = await handle.query("plan")
    status = await handle.query("status")
    _, shown = await engine.cli("workflow", "metadata", "-w", handle.id)
    waiting = 'MandateGates="consent" AND MandateStatus="waiting"'
    async with asyncio.timeout(60):
        while handle.id not in [each.id async for each in engine.client.list_workflows(waiting)]:  # noqa: ASYNC110  # a list is behind
            await asyncio.sleep(0.1)
    await handle.cancel()

    assert (row["gate"], row["identity"], row["quorum"]) == (GATE, ["verified"], 2)
    assert ready.agent in row["description"]
    assert row["run_inputs"]
    assert row["plan"] == pinned["digest"]
    assert (status["held"], status["to"], status["state"]) == ("T2", "T3", "waiting for consent")
    assert f"mandate approve {handle.id}" in shown


async def test_votes_without_proof_of_strangers_and_about_something_else_count_for_nothing(
    engine: Engine, ready: Subject, people: People, ann: Signer, bob: Signer
):
    handle = await ready.asked(Tier.T3)
    await handle.signal("vote", vote_of(GATE, "ann", "approve", WHY))
    _, claimed = await update(engine, handle.id, vote_of(GATE, "bob", "approve", WHY))
    stranger = await say(engine, handle, await signer(people, "eve"))
    other = await say(engine, handle, ann, inputs="sha256:" + "1" * 64)
    twice = [(await say(engine, handle, ann))["counted"] for _ in range(2)]
    [row] = await handle.query("gates")

    assert "has not proven" in claimed["why"]
    assert "'eve' is not an approver" in stranger["why"]
    assert "is for inputs" in other["why"]
    assert twice == [True, False]
    assert (row["votes"], row["still_needed"], ready.tier) == (1, 1, "T2")
    assert any(
        "has not proven" in m["why"] for m in (await handle.query("status"))["void_messages"]
    )
    await say(engine, handle, bob)
    assert (await handle.result())["now"] == "T3"


async def test_a_rejection_changes_nothing(engine: Engine, ready: Subject, bob: Signer):
    handle = await ready.asked(Tier.T3)
    verdict = await say(engine, handle, bob, "reject")
    failure = await failure_of(handle)

    assert (verdict["verdict"], failure.type) == ("rejected", "GateRejected")
    assert WHY in failure.message
    assert ready.tier == "T2"
    assert ready.actions()[-2:] == ["gate.decided", "trust.refused"]
    assert "trust.granted" not in ready.actions()


async def test_nobody_answering_is_a_rejection(engine: Engine, ready: Subject, ann: Signer):
    handle = await ready.asked(Tier.T3)
    await say(engine, handle, ann)
    await TimeSkipper(engine.client).fast_forward(handle, timedelta(hours=24, seconds=1))
    failure = await failure_of(handle)

    assert failure.type == "GateRejected"
    assert "was not answered within 1d" in failure.message
    assert ready.tier == "T2"


async def test_a_cancelled_one_changes_nothing_and_can_be_asked_for_again(
    engine: Engine, ready: Subject, ann: Signer
):
    handle = await ready.asked(Tier.T3)
    await say(engine, handle, ann)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    again = await ready.asked(Tier.T3)
    [row] = await again.query("gates")
    await again.cancel()

    assert isinstance(caught.value.cause, CancelledError)
    assert row["votes"] == 0
    assert "gate.closed" in ready.actions()
    assert ready.tier == "T2"


async def test_there_is_one_promotion_of_an_agent_at_a_time(ready: Subject):
    handle = await ready.asked(Tier.T3)
    with pytest.raises(WorkflowAlreadyStartedError):
        await ready.ask(Tier.T3)
    await handle.cancel()


async def test_a_second_one_after_the_first_has_what_the_first_has_changed(
    engine: Engine, ready: Subject, ann: Signer, bob: Signer
):
    handle = await ready.asked(Tier.T3)
    for who in (ann, bob):
        await say(engine, handle, who)
    await handle.result()
    failure = await failure_of(await ready.ask(Tier.T3))

    assert unmet(failure) == ["it holds T3 already, and T3 was asked for"]
    assert ready.tier == "T3"


@pytest.mark.parametrize("state", ["disabled", "lowered"])
async def test_what_happens_to_the_agent_while_people_are_asked_counts(
    engine: Engine, ready: Subject, ann: Signer, bob: Signer, state: str
):
    handle = await ready.asked(Tier.T3)
    place = f"identity/entity/id/{ready.entity['id']}"
    metadata = ready.entity["metadata"]
    if state == "disabled":
        ready.server.as_root("POST", place, metadata=metadata, disabled=True)
    else:
        ready.server.as_root("POST", place, metadata={**metadata, "tier": "T1"})
    for who in (ann, bob):
        await say(engine, handle, who)
    failure = await failure_of(handle)

    assert failure.type == "PromotionRefused"
    assert ready.tier == ("T2" if state == "disabled" else "T1")
    assert ready.actions()[-1] == "trust.refused"
    assert "agent.promoted" not in ready.actions()


async def test_a_change_that_has_begun_is_recorded_though_it_is_cancelled(
    engine: Engine, ready: Subject, ann: Signer, bob: Signer, monkeypatch: pytest.MonkeyPatch
):
    begun, cancelled = asyncio.Event(), asyncio.Event()
    promote = TierChanges.promote

    async def slowly(changes: TierChanges, *grant: Any) -> Change:
        begun.set()
        await cancelled.wait()
        return await promote(changes, *grant)

    monkeypatch.setattr(TierChanges, "promote", slowly)
    handle = await ready.asked(Tier.T3)
    for who in (ann, bob):
        await say(engine, handle, who)
    await begun.wait()
    await handle.cancel()
    await handle.query("status")  # answered when the run has heard of it
    cancelled.set()
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()

    assert isinstance(failed.value.cause, CancelledError)
    assert ready.tier == "T3"
    assert ready.actions()[-1] == "agent.promoted"
