"""``ledger.record`` as Temporal calls it: at least once, with another attempt number each time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.contracts import messages
from activities.ledger.record import LedgerActivities
from dsl.core import Tier
from integrations.ledger.ledger import Ledger
from integrations.ledger.verify import tail
from tests.integration.ledger.drafts import draft

STARTED = messages.RecordRequest(
    entries=(messages.EntryDraft(action="run.started", payload={"plan": "p"}),)
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
        ("agent.revoked", "Revocation"),
        ("agent.reinstated", "Agent"),
        ("agent.promoted", "Agent"),
        ("agent.promoted", "Reinstatement"),
        ("agent.rebound", "Promotion"),
        ("rebind.proven", "Rebinding"),
        ("circuit.proven", "Circuit"),
        ("circuit.ordered", "Pipeline"),
        ("circuit.changed", "Agent"),
        ("plan.registered", "Pipeline"),
        ("lease.granted", "Pipeline"),
        ("agent.registered", "Agent"),
        ("trust.asked", "Promotion"),
        ("trust.granted", "Promotion"),
        ("agent.intended", "Pipeline"),
        ("agent.retried", "Pipeline"),
        ("agent.ended", "Pipeline"),
        ("agent.violated", "Promotion"),
        ("agent.demoted", "deploy"),
        ("run.disputed", "Pipeline"),
    ],
)
async def test_entries_that_carry_authority_come_from_nowhere_else(
    tmp_path: Path, action: str, workflow_type: str
):
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert "may not record" in await refusal(ledger, action, workflow_type)

    assert tail(tmp_path / "ledger.db", 10) == []


async def refusal(ledger: Ledger, action: str, workflow_type: str, **payload: Any) -> str:
    """Return what the ledger says to such an entry about agent ``a``."""
    entry = messages.EntryDraft(action=action, agent="a", payload=payload)
    environment = _environment(
        workflow_type=workflow_type, workflow_id="w-1", workflow_run_id="r-1"
    )
    with pytest.raises(ApplicationError) as caught:
        await environment.run(
            LedgerActivities(ledger).record, messages.RecordRequest(entries=(entry,))
        )
    return caught.value.message


BOUND = {"pipeline": "deploy", "template": "default", "program": "sha256:2", "binding": "sha256:3"}


@pytest.mark.parametrize("action", ["agent.promoted", "agent.reinstated", "agent.rebound"])
async def test_a_change_of_trust_is_recorded_behind_its_own_grant_only(tmp_path: Path, action: str):
    workflow_type = {
        "agent.promoted": "Promotion",
        "agent.reinstated": "Reinstatement",
        "agent.rebound": "Rebinding",
    }[action]
    change = {"now": "T1", "epoch": 5, **BOUND}
    with Ledger(tmp_path / "ledger.db") as ledger:
        other = draft(9, agent="a", workflow_id="w-1")
        [not_a_grant] = await ledger.append([other])
        places = {
            agent + workflow + run: (
                await ledger.append(
                    [
                        draft(
                            n,
                            agent=agent,
                            workflow_id=workflow,
                            run_id=run,
                            action="trust.granted",
                            payload=change,
                        )
                    ]
                )
            )[0].seq
            for n, (agent, workflow, run) in enumerate(
                [("b", "w-1", "r-1"), ("a", "w-2", "r-1"), ("a", "w-1", "r-0"), ("a", "w-1", "r-1")]
            )
        }
        for grant in (None, "3", 99, not_a_grant.seq):
            assert "names no grant" in await refusal(
                ledger, action, workflow_type, **change, grant=grant
            )
        for grant in (places["bw-1r-1"], places["aw-2r-1"], places["aw-1r-0"]):
            assert "is not what was granted" in await refusal(
                ledger, action, workflow_type, **change, grant=grant
            )
        raised = {**change, "now": "T2", "grant": places["aw-1r-1"]}
        assert "is not what was granted" in await refusal(ledger, action, workflow_type, **raised)
        entry = messages.EntryDraft(
            action=action, agent="a", payload={**change, "grant": places["aw-1r-1"]}
        )
        environment = _environment(
            workflow_type=workflow_type, workflow_id="w-1", workflow_run_id="r-1"
        )
        await environment.run(
            LedgerActivities(ledger).record, messages.RecordRequest(entries=(entry,))
        )

        assert ledger.card("a").tier is Tier.T1


@pytest.mark.parametrize(
    ("workflow_type", "workflow_id", "told"),
    [
        ("Pipeline", "run-1", True),
        ("deploy", "run-1", True),
        ("Pipeline", "run-2", False),
        ("Agent", "run-2/look", False),
        ("Agent", "run-1/look", False),
    ],
)
async def test_a_run_records_for_its_own_stages_what_they_could_not(
    tmp_path: Path, workflow_type: str, workflow_id: str, told: bool
):
    of = {"workflow": "run-1/look", "run": "r"}
    ended = {"status": "failed", "attempts": 1, "of": of}
    entry = messages.EntryDraft(action="agent.ended", agent="a", payload=ended)
    environment = _environment(workflow_type=workflow_type, workflow_id=workflow_id)
    with Ledger(tmp_path / "ledger.db") as ledger:
        recording = environment.run(
            LedgerActivities(ledger).record, messages.RecordRequest(entries=(entry,))
        )
        if told:
            await recording
        else:
            with pytest.raises(ApplicationError, match="may not record"):
                await recording

    assert len(tail(tmp_path / "ledger.db", 10)) == told


@pytest.mark.parametrize("action", ["run.started", "run.ended"])
async def test_nobody_says_that_another_run_has_begun_or_ended(tmp_path: Path, action: str):
    """It would be looked for no more, or be looked for though there is none."""
    other = {"status": "completed", "of": {"workflow": "run-2", "run": "r"}}
    entry = messages.EntryDraft(action=action, agent="-", payload=other)
    environment = _environment(workflow_type="Pipeline", workflow_id="run-1")
    recording = messages.RecordRequest(entries=(entry,))
    with (
        Ledger(tmp_path / "ledger.db") as ledger,
        pytest.raises(ApplicationError, match="may not record"),
    ):
        await environment.run(LedgerActivities(ledger).record, recording)
