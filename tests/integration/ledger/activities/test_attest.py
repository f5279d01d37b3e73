"""``ledger.attest``: what is said of agreement where not all of a run can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from activities.ledger import attest
from activities.ledger.attest import AttestActivities
from activities.ledger.comparing import BYTES_MAX
from dsl.rules.ledger.statement import Agreement
from dsl.rules.reconciliation.history import History
from integrations.ledger.ledger import Ledger
from tests.integration.ledger.drafts import draft


def history(workflow: str, end: str) -> History:
    """Return that of a workflow which did nothing."""
    event: dict[str, Any] = {"eventId": 1, "eventType": f"EVENT_TYPE_WORKFLOW_EXECUTION_{end}"}
    return History(workflow, f"of-{workflow}", "Unknown", (event,))


async def agreement(folder: Path, *histories: History, later: attest._Later) -> Agreement:
    with Ledger(folder / "ledger.db") as ledger:
        await ledger.append([draft(0)])
        activities = AttestActivities(ledger, folder / "artifacts")
        return await activities._agreement(histories, later, "default")


@pytest.mark.parametrize(
    ("stage", "untold"), [("TERMINATED", ""), ("STARTED", "run/look was under way")]
)
async def test_a_stage_that_outlives_its_run_was_not_compared_to_its_end(
    tmp_path: Path, stage: str, untold: str
):
    run, stage_of = history("run", "TERMINATED"), history("run/look", stage)
    said = await agreement(tmp_path, run, stage_of, later=attest._Later())

    assert said == Agreement(0, "", untold)


async def test_what_stages_were_since_refuses_nothing_and_what_of_it_is_lost_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run, again = history("run", "TERMINATED"), history("run/look", "TERMINATED")
    kept = attest._Later()
    kept.take(again, BYTES_MAX)
    kept.require([("run/look", "of-run/look")])
    gone, large, many = attest._Later(), attest._Later(), attest._Later()
    gone.require([("run/look", "r-2")])
    large.take(again, BYTES_MAX + 1)
    monkeypatch.setattr(attest, "STAGES_MAX", 1)
    many.take(again, 1)
    many.take(again, 1)
    said = [await agreement(tmp_path, run, later=each) for each in (kept, gone, large, many)]

    assert [each.disagreements for each in said] == [0] * 4
    assert [each.untold for each in said] == [
        "",
        "run/look, run r-2: temporal does not keep its history any more",
        f"what stages were since they were taken back has over {BYTES_MAX} bytes",
        "stages were taken back more than 1 times",
    ]
