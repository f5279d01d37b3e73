"""Does the ledger agree with the history of a run that is over? Asked of both, believing neither.

1. Only a run that is over is compared: of one under way either may be ahead of the other.
2. Histories are read first, then the ledger: what a history implies is on it by then.
3. A history that the server does not keep any more cannot be compared; the ledger's entries of that
   run are counted, and that is said. Of a stage whose history is gone the run's own is compared all
   the same.
4. Nothing that a history says keeps the runs after it from being compared: what a rule cannot read
   is a disagreement, and what is too large is not compared.
5. Entries of a run that cannot be read, in a ledger that can, were altered: that is a disagreement,
   and the runs after it are compared.
6. Of a stage that was taken back every run that it has been since is compared as well, once it is
   over. They are none of those that are told as compared: nothing of them is reused.
7. A store that does not answer leaves out whether outputs are kept, and that is said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.ledger.histories import bytes_of, read_history, runs_of, with_stages
from activities.runtime.engine import NO_SUCH_RUN, described
from dsl.rules.reconciliation.discrepancy import Discrepancy
from dsl.rules.reconciliation.forged import forged
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.reconcile import reconcile
from dsl.rules.reconciliation.recorded import Recorded
from dsl.shown.foreign import legible
from integrations.artifacts.store import Artifacts
from integrations.errors import CorruptError, DeniedError, NotFoundError, UnavailableError
from integrations.ledger.lookup import newest_run, of_runs, places_of

logger = logging.getLogger(__name__)

STAGES_MAX: Final = 1_000
BYTES_MAX: Final = 64 << 20  # of one run's histories
ENTRIES_MAX: Final = 50_000  # of one run
DISAGREEMENTS_MAX: Final = 100  # that are told of one run
UNDER_WAY: Final = "it is under way: ask again when it is over"
UNKNOWN: Final = (
    "neither temporal nor the ledger knows such a run: `mandate runs` lists those that there are"
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing one run."""

    workflow: str
    run: str
    entries: int
    events: int = 0
    disagreements: tuple[Discrepancy, ...] = ()
    untold: str = ""  # why it was not compared; empty: it was
    missing: tuple[str, ...] = ()  # stages whose histories are gone (3)
    unended: tuple[str, ...] = ()  # stages that are under way though their run is over
    runs: tuple[tuple[str, str], ...] = ()  # workflow and run of all that was compared, but for (6)


async def compare(
    client: Client, ledger: Path, artifacts: Artifacts | None, workflow: str, run: str = ""
) -> Comparison:
    """Compare a run, the newest of that id without ``run``.

    Raises:
        NotFoundError, CorruptError: the ledger cannot be read.
        UnavailableError: the server does not answer.
    """
    try:
        about = await described(client, workflow, run or None)
        run = about.execution.run_id
        if not about.HasField("close_time"):  # (1) only what is over
            return Comparison(workflow, run, 0, untold=UNDER_WAY)
        later: list[tuple[str, str]] = []  # (6) of stages that were taken back
        histories, missing = await _histories(client, workflow, run, later)
    except DeniedError as error:  # (4) too large
        return Comparison(workflow, run, 0, untold=str(error))
    except RPCError as error:
        if error.status not in NO_SUCH_RUN:
            raise UnavailableError(f"temporal does not tell of {workflow!r} ({error})") from None
        # (3) a history that is not kept any more
        return await asyncio.to_thread(_without_history, ledger, workflow, run)
    found = await judged(histories, ledger, artifacts, client.namespace)
    return replace(
        found,
        run=run,
        missing=missing,
        runs=tuple(each for each in found.runs if each not in later),
    )


async def judged(
    histories: Sequence[History], ledger: Path, artifacts: Artifacts | None, namespace: str
) -> Comparison:
    """Compare histories of a run, which is the first, and of its stages with the ledger.

    Raises:
        NotFoundError, CorruptError: the ledger cannot be read.
    """
    workflow, run = histories[0].workflow_id, histories[0].run_id
    entries = await _entries(ledger, histories)
    if isinstance(entries, CorruptError):
        where = f"{workflow}, run {run}"
        altered = (Discrepancy("entries that can be read", str(entries), where),)
        return Comparison(workflow, run, 0, disagreements=altered)  # (5) altered
    if len(entries) > ENTRIES_MAX:
        many = f"it has more than {ENTRIES_MAX} entries on the ledger"
        return Comparison(workflow, run, ENTRIES_MAX, untold=many)
    apart = await asyncio.to_thread(_apart, histories, entries, namespace, _kept_in(artifacts))
    return Comparison(
        workflow,
        run,
        len(entries),
        sum(len(each.events) for each in histories),
        apart,
        unended=tuple(each.workflow_id for each in histories if each.end is None),
        runs=tuple(runs_of(histories)),
    )


def _without_history(ledger: Path, workflow: str, run: str) -> Comparison:
    run = run or newest_run(ledger, workflow)
    known = places_of(ledger, [(workflow, run)], ENTRIES_MAX)
    untold = _forgotten(len(known)) if known else UNKNOWN
    return Comparison(workflow, run, len(known), untold=untold)


async def _entries(ledger: Path, histories: Sequence[History]) -> list[Recorded] | CorruptError:
    """Return the entries of these runs; or why they cannot be read where the ledger can (5)."""
    runs = runs_of(histories)
    try:
        return await asyncio.to_thread(of_runs, ledger, runs, ENTRIES_MAX + 1)
    except CorruptError as error:
        await asyncio.to_thread(places_of, ledger, runs, 1)  # it can, or this says why not
        return error


def disagreements(
    histories: Sequence[History],
    entries: Sequence[Recorded],
    namespace: str,
    found_under: Callable[[str], str] | None = None,
) -> Iterator[Discrepancy]:
    """Yield all that is not as it should be between these histories and these entries."""
    yield from reconcile(histories, entries, namespace)
    yield from forged(histories, found_under)


def _apart(
    histories: Sequence[History],
    entries: Sequence[Recorded],
    namespace: str,
    found_under: Callable[[str], str] | None,
) -> tuple[Discrepancy, ...]:
    found: list[Discrepancy] = []
    try:
        apart = disagreements(histories, entries, namespace, found_under)
        found.extend(islice(apart, DISAGREEMENTS_MAX))
    except Exception as error:  # (4) whatever a history says
        first = histories[0]
        logger.exception("%s", f"{legible(first.workflow_id)} cannot be read")
        said = f"one that is not understood: {type(error).__name__}"
        where = f"{first.workflow_id}, run {first.run_id}"
        found.append(Discrepancy("a history that can be read", said, where))
    return tuple(found)


async def _histories(
    client: Client, workflow: str, run: str, later: list[tuple[str, str]]
) -> tuple[list[History], tuple[str, ...]]:
    found: list[History] = []
    missing: list[tuple[str, str]] = []
    size = 0
    async for history in with_stages(client, workflow, run, missing, later):
        size += bytes_of(history)
        if size > BYTES_MAX:
            raise DeniedError(f"its histories have more than {BYTES_MAX} bytes")
        found.append(await asyncio.to_thread(read_history, history))
        if len(found) > STAGES_MAX:
            raise DeniedError(f"it has more than {STAGES_MAX} stages")
    return found, tuple(f"{stage}, run {of}" for stage, of in missing)


def _forgotten(entries: int) -> str:
    return (
        f"temporal does not keep its history any more, past its retention; {entries} entries of it "
        "stand on the ledger and cannot be compared"
    )


def gone(stage: str) -> str:
    """Say that the history of a stage is not kept any more (3)."""
    return f"{stage}: temporal does not keep its history any more"


def _kept_in(artifacts: Artifacts | None) -> Callable[[str], str] | None:
    if artifacts is None:
        return None

    is_away = False

    @cache  # stages put out the same, and are handed what others have put out
    def found_under(digest: str) -> str:
        nonlocal is_away
        try:
            if not is_away:
                artifacts.get(digest)
        except CorruptError:
            return "other bytes"
        except NotFoundError:
            return "nothing"
        except DeniedError:
            return "what is no artefact"
        except UnavailableError as error:
            is_away = True  # (7) and is not asked for more of this run
            logger.warning("%s", f"whether outputs are kept was not looked at: {error}")
        return ""

    return found_under
