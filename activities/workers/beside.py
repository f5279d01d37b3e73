"""What workers of one process do for each other, beside what each does for its queue."""

from __future__ import annotations

from collections.abc import Mapping

from activities.contracts.specs import QUEUE, QUEUE_LEDGER
from activities.workers.duties import Duties, WorkflowDuties
from activities.workers.ledger_duties import LedgerDuties


def introduce(duties: Mapping[str, Duties]) -> None:
    """Have whoever serves workflows answer by whoever writes the ledger here."""
    workflows, ledger = duties.get(QUEUE), duties.get(QUEUE_LEDGER)
    if isinstance(workflows, WorkflowDuties) and isinstance(ledger, LedgerDuties):
        workflows.beside.introduce(ledger.writer)
