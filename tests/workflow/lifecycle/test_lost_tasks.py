"""A phase whose workflow task was lost is asked for again; what came later there is no breach."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.leases import Lease, Leases
from integrations.errors import CircuitOpenError, IntegrationError
from integrations.ledger.verify import TAIL_MAX, tail
from tests.fixtures.engine import Engine, pipeline, stage


@pytest.mark.parametrize(
    "met",
    [
        LeaseLostError("a later attempt has the lease"),
        CircuitOpenError("dragonfly", "open", 10),
    ],
    ids=("fenced out", "held back"),
)
async def test_it_is_asked_for_again_where_the_lost_task_has_the_later_lease(
    engine: Engine, monkeypatch, met: IntegrationError
):
    """As with a worker, or a store, that was stopped and woke up: found by `mandate chaos search`.

    What is fenced out is asked for as a regular activity, what is held back under the next number.
    """
    acquire = Leases.acquire
    lost: list[str] = []

    async def acquire_behind_a_lost_task(self: Leases, **terms: Any) -> Lease:
        step = terms.get("step")
        lease = await acquire(self, **terms)
        if step is not None and step.name == "PREFLIGHT" and not lost:
            lost.append(step.op_id)
            plan = dataclasses.replace(
                step,
                name="PLAN",
                op_id="look/PLAN#1",
                not_after=(),
                fields={**step.fields, "phase": "PLAN"},
            )
            later = {"nonce": "of-a-lost-task", "begun_ms": terms["begun_ms"] + 1, "step": plan}
            await acquire(self, **{**terms, **later})
            raise met
        return lease

    monkeypatch.setattr(Leases, "acquire", acquire_behind_a_lost_task)
    run = await engine.start(pipeline(stage("look")))
    report = await run.result()

    assert lost == ["look/PREFLIGHT#1"]
    assert (report["status"], report["stages"]["look"]["attempts"]) == ("completed", 1)
    entries = [
        each for each in tail(engine.settings.ledger, TAIL_MAX) if run.id in each.workflow_id
    ]
    assert [each.action for each in entries if "demoted" in each.action] == []
