"""What a site says of behaviour: the last entries of its ledger, and histories of its runs.

1. The ledger is read beside its writer. Histories are files, as ``temporal workflow show -o json``
   writes them, one or a folder of them; or the engine is asked for those of its newest runs, and of
   their stages.
2. What is no history, or is not kept any more, is told and left out: the others say something.
3. Two witnesses of one thing are one finding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from temporalio.service import RPCError, RPCStatusCode

from activities.ledger.histories import read_history, with_stages
from dsl.review.anomaly import Anomaly
from dsl.review.sighting import Sighting
from dsl.rules.reconciliation.history import History
from dsl.rules.review.behaviour import behaviour
from dsl.rules.review.fingerprints import named
from dsl.rules.review.witnessed import TOOL, witnessed
from integrations.errors import IntegrationError
from integrations.ledger import verify as ledger
from integrations.ledger.entries import Entry
from integrations.ledger.lookup import entries_after, recorded
from mandate.people.door import temporal
from mandate.people.errors import RefusalError, UsageError
from mandate.people.runs import listed
from mandate.unanswered import words_of
from mandate.work.look.replay import read_history as of_file

ENTRIES_MAX: Final = 200_000
FILES_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who is asked about behaviour; nobody, where nothing is named."""

    ledger: Path | None = None
    histories: Path | None = None
    runs: int = 0  # of the engine, the newest


def behaviour_of(
    witnesses: Witnesses, env: Mapping[str, str], now_ms: int
) -> tuple[list[Anomaly], list[str]]:
    """Return what is not as it used to be, and what was not read.

    Raises:
        RefusalError: a witness is not there, or does not answer.
    """
    seen: list[Sighting] = []
    notes: list[str] = []
    if witnesses.ledger is not None:
        seen += behaviour(map(recorded, _entries(witnesses.ledger, notes)), now_ms)
    histories: list[History] = []
    if witnesses.histories is not None:
        histories += _in_files(witnesses.histories, notes)
    if witnesses.runs:
        histories += asyncio.run(_of_engine(env, witnesses.runs, notes))
    seen += behaviour(witnessed(histories), now_ms, TOOL)
    return named(seen), notes  # (3) one finding


def _entries(path: Path, notes: list[str]) -> list[Entry]:
    try:
        length = ledger.length(path)
        last = entries_after(path, length - ENTRIES_MAX - 1)
        entries = list(islice(last, ENTRIES_MAX))
    except IntegrationError as error:
        raise RefusalError("--ledger {}: {}", path, error) from None
    if length > len(entries):
        notes.append(f"behaviour: only the last {len(entries)} of {length} entries were read")
    return entries


def _in_files(path: Path, notes: list[str]) -> list[History]:
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise UsageError("--histories {}: there is no file *.json", path)
    if len(files) > FILES_MAX:
        notes.append(f"histories: {len(files)} files; the first {FILES_MAX} were read")
    found = []
    for file in files[:FILES_MAX]:
        try:
            found.append(read_history(of_file(file)))
        except UsageError as error:
            if not path.is_dir():
                raise UsageError("--histories {}", error) from None
            notes.append(f"histories: {error}")  # (2) left out
    return found


async def _of_engine(env: Mapping[str, str], count: int, notes: list[str]) -> list[History]:
    client = await temporal(env)
    found: list[History] = []
    try:
        for run in await listed(client, limit=count):
            missing: list[tuple[str, str]] = []
            try:
                kept = with_stages(client, run.id, run.run_id, missing)
                found += [await asyncio.to_thread(read_history, each) async for each in kept]
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                missing.append((run.id, run.run_id))
            notes += (f"histories: that of {name} is not kept any more" for name, _ in missing)
    except RPCError as error:
        raise RefusalError("--runs: temporal refused: {}", words_of(error)) from None
    return found
