"""Everything a report needs, asked for once: the server, the ledger's file, the artefact store.

1. Without the server there is no report. Whatever else does not answer is left out, by a sentence.
2. The ledger is verified as ``mandate ledger verify`` does it, up to ``VERIFIED_MAX`` entries; and
   what the run's history implies is looked for on it, and the reverse, where both are whole here:
   what was not read is not missing.
3. At most ``STAGES_MAX`` stages are read, and ``PREVIEWS_MAX`` outputs, the most telling first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.ledger.comparing import DISAGREEMENTS_MAX, disagreements
from activities.ledger.histories import read_history, runs_of, with_stages
from dsl.rules.chaos.histories import plan_of
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.recorded import Recorded
from dsl.shown.heads import HEADED_RANK_MAX, Head, rank
from integrations.artifacts.heads import read_head
from integrations.errors import IntegrationError
from integrations.ledger import verify as ledger
from integrations.ledger.lookup import of_runs
from mandate.people.accounts import Account, account_of
from mandate.people.errors import RefusalError, UsageError
from mandate.people.gates.contents import store
from mandate.stack.environment import ledger_of
from mandate.unanswered import words_of
from mandate.work.look.ledger_anchors import compared
from mandate.work.look.report.findings import Findings, LedgerVerdict, phases_of

STAGES_MAX: Final = 1_000
PREVIEWS_MAX: Final = 200
ENTRIES_MAX: Final = 50_000  # of one run
VERIFIED_MAX: Final = 200_000  # two seconds; a larger ledger is verified by its own command


async def gathered(client: Client, workflow: str, env: Mapping[str, str]) -> Findings:
    """Gather what is to be told of the newest run of that workflow id.

    Raises:
        RefusalError: there is none of ours.
        RPCError: the server does not answer (1).
    """
    account = await account_of(client, workflow)
    missing: list[str] = []
    histories = await _histories(client, account, missing)
    path = ledger_of(env)
    entries = await asyncio.to_thread(_entries, path, histories, missing)
    verdict = await verdict_on(
        *(path, env, histories, entries, client.namespace), is_whole=not missing
    )
    previews = await asyncio.to_thread(_previews, env, account, missing)
    return Findings(
        account=account,
        made=datetime.now(UTC),
        plan=plan_of(histories[0]) if histories else None,
        phases=phases_of(workflow, histories),
        entries=entries,
        verdict=verdict,
        previews=previews,
        missing=missing,
    )


async def _histories(client: Client, account: Account, missing: list[str]) -> list[History]:
    found: list[History] = []
    try:
        async for history in with_stages(client, account.workflow, account.run):
            found.append(await asyncio.to_thread(read_history, history))
            if len(found) > STAGES_MAX:
                missing.append(f"only the first {STAGES_MAX} stages have been read")
                break
    except RPCError as error:
        missing.append(f"not every history could be read: {words_of(error)}")
    return found


def _entries(path: Path, histories: Sequence[History], missing: list[str]) -> list[Recorded]:
    try:
        found = of_runs(path, runs_of(histories), ENTRIES_MAX + 1)
    except IntegrationError as error:
        missing.append(f"the ledger was not read: {error}")
        return []
    if len(found) > ENTRIES_MAX:
        missing.append(f"only the first {ENTRIES_MAX} entries of the run are told")
    return found[:ENTRIES_MAX]


async def verdict_on(
    path: Path,
    env: Mapping[str, str],
    histories: Sequence[History],
    entries: Sequence[Recorded],
    namespace: str,
    *,
    is_whole: bool,
) -> LedgerVerdict:
    """Say what was found out of the ledger (2)."""
    why = _not_compared(histories, entries, is_whole=is_whole)
    told = () if why else disagreements(histories, entries, namespace)
    apart = tuple(map(str, islice(told, DISAGREEMENTS_MAX)))
    unasked = (f"not compared with the history of the run: {why}",) if why else ()
    try:
        length = await asyncio.to_thread(ledger.length, path)
        if length > VERIFIED_MAX:
            sentence = f"{length} entries: to verify all of them, mandate ledger verify"
            return LedgerVerdict(False if apart else None, (sentence, *unasked), apart)
        anchors = await compared(path, env)
        report = await asyncio.to_thread(ledger.verify, path, None, anchors.held)
    except (IntegrationError, RefusalError, UsageError) as error:
        return LedgerVerdict(False if apart else None, (str(error), *unasked), apart)
    problems = [*report.problems, *anchors.problems, *apart]
    sentences = [f"{report.entries} entries, head {report.entries - 1}:{report.head}"]
    sentences += [f"compared with the anchor {name}" for name in anchors.by]
    sentences += [*map(str, anchors.silent), *unasked]
    return LedgerVerdict(not problems, tuple(sentences), tuple(problems), is_compared=not why)


def _not_compared(
    histories: Sequence[History], entries: Sequence[Recorded], *, is_whole: bool
) -> str:
    """Return why history and ledger cannot be compared here; empty: they can be."""
    if not is_whole:
        return "not all of both was read"
    if not histories or histories[0].end is None:
        return "the run is not over"
    return "" if entries else "the ledger has nothing of it"


def _previews(env: Mapping[str, str], account: Account, missing: list[str]) -> dict[str, Head]:
    wanted = sorted(
        (
            (rank(put.phase, put.name), put.digest)
            for row in account.told.stages.values()
            for put in row.outputs
            if rank(put.phase, put.name) <= HEADED_RANK_MAX
        ),
        key=lambda pair: pair[0],
    )
    digests = list(dict.fromkeys(digest for _, digest in wanted))
    try:
        artifacts = store(env)
        return {each: read_head(artifacts, each) for each in digests[:PREVIEWS_MAX]}
    except (RefusalError, IntegrationError) as error:
        missing.append(f"outputs are not shown: {error}")
        return {}
    finally:
        if len(digests) > PREVIEWS_MAX:
            missing.append(f"the first lines of {PREVIEWS_MAX} outputs of {len(digests)} are shown")
