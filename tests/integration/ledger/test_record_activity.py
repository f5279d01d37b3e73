"""``ledger.record`` as Temporal calls it: at least once, with another attempt number each time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import contracts
from activities.ledger import LedgerActivities
from integrations.ledger.ledger import Ledger
from integrations.ledger.verify import tail

STARTED = contracts.RecordRequest(
    entries=(contracts.EntryDraft(action="run.started", payload={"plan": "p"}),)
)


def _environment(**info: object) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, **info)  # type: ignore[arg-type]
    return environment


async def test_an_attempt_whose_answer_was_lost_records_nothing_twice(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        record = LedgerActivities(ledger).record
        first = await _environment(attempt=1).run(record, STARTED)
        again = await _environment(attempt=2).run(record, STARTED)

    assert again == first
    assert len(tail(tmp_path / "ledger.db", 10)) == 1


async def test_another_activity_of_the_same_run_is_another_entry(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        record = LedgerActivities(ledger).record
        await _environment(activity_id="run/ledger#1").run(record, STARTED)
        await _environment(activity_id="run/ledger#2").run(record, STARTED)

    assert len(tail(tmp_path / "ledger.db", 10)) == 2


async def test_who_asks_is_taken_from_temporal(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        await _environment(workflow_id="w-1", workflow_run_id="r-1").run(
            LedgerActivities(ledger).record, STARTED
        )
    [entry] = tail(tmp_path / "ledger.db", 1)

    assert (entry.workflow_id, entry.run_id) == ("w-1", "r-1")


@pytest.mark.parametrize(
    ("action", "workflow_type"),
    [
        ("agent.revoked", "Pipeline"),
        ("agent.reinstated", "Agent"),
        ("plan.registered", "Pipeline"),
        ("lease.granted", "Pipeline"),
        ("agent.registered", "Agent"),
    ],
)
async def test_entries_that_carry_authority_come_from_nowhere_else(
    tmp_path: Path, action: str, workflow_type: str
):
    request = contracts.RecordRequest(entries=(contracts.EntryDraft(action=action, agent="a"),))
    with Ledger(tmp_path / "ledger.db") as ledger:
        environment = _environment(workflow_type=workflow_type)
        with pytest.raises(ApplicationError, match="may not record"):
            await environment.run(LedgerActivities(ledger).record, request)

    assert tail(tmp_path / "ledger.db", 10) == []
