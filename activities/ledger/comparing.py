"""Does the ledger agree with the history of a run that is over? Asked of both, believing neither.

1. Only a run that is over is compared: of one under way either may be ahead of the other.
2. Histories are read first, then the ledger: what a history implies is on it by then.
3. A history that the server does not keep any more cannot be compared; the ledger's entries of that
   run are counted, and that is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.ledger.histories import read_history, with_stages
from activities.runtime.engine import NO_SUCH_RUN, described
from dsl.rules.reconciliation.discrepancy import Discrepancy
from dsl.rules.reconciliation.forged import forged
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.reconcile import reconcile
from dsl.rules.reconciliation.recorded import Recorded
from integrations.artifacts.store import Artifacts
from integrations.errors import CorruptError, DeniedError, NotFoundError, UnavailableError
from integrations.ledger.lookup import of_runs

STAGES_MAX: Final = 1_000
ENTRIES_MAX: Final = 50_000  # of one run
DISAGREEMENTS_MAX: Final = 100  # that are told of one run


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing one run."""

    workflow: str
    run: str
    entries: int
    events: int = 0
    disagreements: tuple[Discrepancy, ...] = ()
    untold: str = ""  # why it was not compared; empty: it was


async def compare(
    client: Client, ledger: Path, artifacts: Artifacts | None, workflow: str, run: str = ""
) -> Comparison:
    """Compare a run, the newest of that id without ``run``.

    Raises:
        NotFoundError, CorruptError: the ledger cannot be read.
        UnavailableError: the server does not answer.
    """
    try:
        found = await described(client, workflow, run or None)
        run = found.execution.run_id
        if not found.HasField("close_time"):  # (1) only what is over
            return Comparison(workflow, run, 0, untold="it is under way: ask again when it is over")
        histories = await _histories(client, workflow, run)
    except RPCError as error:
        if error.status not in NO_SUCH_RUN:
            raise UnavailableError(f"temporal does not tell of {workflow!r} ({error})") from None
        entries = await asyncio.to_thread(of_runs, ledger, [(workflow, run)], ENTRIES_MAX)
        # (3) a history that is not kept any more
        return Comparison(workflow, run, len(entries), untold=_forgotten(len(entries)))
    runs = [(each.workflow_id, each.run_id) for each in histories]
    entries = await asyncio.to_thread(of_runs, ledger, runs, ENTRIES_MAX + 1)
    if len(entries) > ENTRIES_MAX:
        return Comparison(workflow, run, ENTRIES_MAX, untold=f"it has more than {ENTRIES_MAX}")
    apart = disagreements(histories, entries, client.namespace, _kept_in(artifacts))
    return Comparison(
        workflow,
        run,
        len(entries),
        sum(len(each.events) for each in histories),
        tuple(islice(apart, DISAGREEMENTS_MAX)),
    )


def disagreements(
    histories: Sequence[History],
    entries: Sequence[Recorded],
    namespace: str,
    is_kept: Callable[[str], bool] | None = None,
) -> Iterator[Discrepancy]:
    """Yield all that is not as it should be between these histories and these entries."""
    yield from reconcile(histories, entries, namespace)
    yield from forged(histories, is_kept)


async def _histories(client: Client, workflow: str, run: str) -> list[History]:
    found: list[History] = []
    async for history in with_stages(client, workflow, run):
        found.append(await asyncio.to_thread(read_history, history))
        if len(found) > STAGES_MAX:
            raise DeniedError(f"{workflow!r} has more than {STAGES_MAX} stages")
    return found


def _forgotten(entries: int) -> str:
    return (
        f"temporal does not keep its history any more, past its retention; {entries} entries of it "
        "stand on the ledger and cannot be compared"
    )


def _kept_in(artifacts: Artifacts | None) -> Callable[[str], bool] | None:
    if artifacts is None:
        return None

    def is_kept(digest: str) -> bool:
        try:
            artifacts.get(digest)
        except (NotFoundError, CorruptError, DeniedError):
            return False
        return True

    return is_kept
