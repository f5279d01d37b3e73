"""What a stage could not put on the ledger, and its run does in its stead."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ActivityError
from temporalio.worker import Worker

from activities.contracts import specs
from dsl import actions
from dsl.core import Tier
from integrations.ledger import scores
from tests.fixtures.engine import Engine
from tests.fixtures.hostile.masks import masked, somebody
from workflows.ledger.ledger_buffer import LedgerBuffer

QUEUE = "of-a-stage"


@workflow.defn(name="Stage", sandboxed=False)
class Stage:
    """Has noted how it ended, and cannot record it."""

    @workflow.run
    async def run(self, agent: str) -> list[dict[str, Any]]:
        records = LedgerBuffer("look", agent, Tier.T1)
        records.note("lease.granted", fence=7)
        records.note("agent.ended", status="failed", attempts=1)
        return [entry.model_dump(mode="json") for entry in records.handed_over()]


@workflow.defn(name="Caller", sandboxed=False)
class Caller:
    """Notes what came of one call while the intent of another is refused: it is no agent."""

    @workflow.run
    async def run(self, agent: str) -> dict[str, Any]:
        records = LedgerBuffer("look", agent, Tier.T1)
        records.note("call.seen", n=1)
        records.note(actions.TOOL_INTENDED, occurrence="o-1", effect="pay/1")
        with suppress(ActivityError):
            await records.flush("a call")
        kept = [entry.action for entry in records.unrecorded]
        await records.flush("the rest")
        records.note("trust.granted", n=2)  # and this is refused whole
        records.note("call.seen", n=3)
        with suppress(ActivityError):
            await records.flush("no intent among them")
        whole = [entry.action for entry in records.unrecorded]
        return {"kept": kept, "whole": whole, "given_up": [*records.given_up]}


async def test_an_intent_that_is_refused_takes_nothing_with_it(engine: Engine):
    async with Worker(engine.client, task_queue=QUEUE, workflows=[Caller]):
        run = await engine.client.start_workflow(
            "Caller", "an-agent", id=f"t-{uuid.uuid4()}", task_queue=QUEUE
        )
        told = await run.result()

    assert told["kept"] == ["call.seen", "entry.refused"]
    assert told["whole"] == ["entry.refused"]
    assert told["given_up"] == ["o-1"]


async def test_it_counts_for_the_stage_and_a_fence_is_no_grant_any_more(engine: Engine):
    client = await Client.connect(engine.settings.temporal)
    async with Worker(client, task_queue=QUEUE, workflows=[Stage]), masked(engine) as other:
        who = await somebody(engine, other, {})
        run = await who.start("Pipeline")
        stage = await client.start_workflow(
            "Stage", who.agent, id=f"{run.id}/look", task_queue=QUEUE
        )
        entries = await stage.result()
        answer = await who.send(run, specs.record.name, {"entries": entries})
        again = {"entries": [{"action": "gate.opened"}], "sent": ["run/ledger#1/0"]}
        places = [(await who.send(run, specs.record.name, again))["first"] for _ in range(2)]
        stranger = await who.start("Pipeline", f"t-{uuid.uuid4()}")
        refused = await who.send(stranger, specs.record.name, {"entries": entries})
    assert places[0] == places[1] > answer["last"]  # two activities, and one fact
    of = {"workflow": stage.id, "run": stage.first_execution_run_id}

    assert [entry["action"] for entry in entries] == ["agent.lease", "agent.ended"]
    assert all(entry["payload"]["of"] == of for entry in entries)
    assert answer["last"] == answer["first"] + 1
    assert "may not record 'agent.ended'" in refused["message"]
    assert scores.card_of(engine.settings.ledger, who.agent).burn == 100
