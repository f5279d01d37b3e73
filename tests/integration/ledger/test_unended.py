"""What has begun and not ended, in memory and after a restart."""

from __future__ import annotations

from typing import Any

from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from tests.integration.ledger.drafts import draft


def fact(n: int, action: str, workflow: str, run: str, **payload: Any) -> Draft:
    return draft(n, action=action, workflow_id=workflow, run_id=run, payload=payload)


async def test_begun_and_not_ended_is_the_same_in_memory_and_read_from_the_file(tmp_path):
    of = {"workflow": "w/late", "run": "4"}
    entries = [
        fact(0, "run.started", "w", "1"),
        fact(1, "agent.intended", "w/look", "2", path="look"),
        fact(2, "agent.intended", "w/quick", "3", path="quick"),
        fact(3, "agent.retried", "w/quick", "3", path="quick"),
        fact(4, "agent.ended", "w/quick", "3"),
        fact(5, "agent.intended", "w/late", "4", path="late"),
        fact(6, "agent.ended", "w", "1", of=of),
        fact(7, "agent.ended", "w/never-begun", "5"),
        fact(8, "agent.intended", "w/again", "6", path="again"),
        fact(9, "agent.intended", "w/again", "7", path="again"),
        fact(10, "agent.ended", "w/again", "7"),
    ]
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        await ledger.append(entries)
        await ledger.append(entries)  # repeated
        in_memory = ledger.unended()
    with Ledger(path) as ledger:
        read = ledger.unended()

    assert in_memory == read
    assert [(each.workflow, each.run, each.path, each.ends_with) for each in read] == [
        ("w", "1", "", "run.ended"),
        ("w/look", "2", "look", "agent.ended"),
        ("w/again", "6", "again", "agent.ended"),
    ]
