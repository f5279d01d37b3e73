"""What the ledger of a site says of behaviour: its last entries, read beside its writer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dsl.review.anomaly import Anomaly
from dsl.rules.review.behaviour import behaviour
from dsl.rules.review.fingerprints import named
from integrations.errors import IntegrationError
from integrations.ledger import verify as ledger
from integrations.ledger.entries import Entry
from integrations.ledger.lookup import recorded
from mandate.people.errors import RefusalError

ENTRIES_MAX: Final = 200_000


def behaviour_of(path: Path, now_ms: int) -> tuple[list[Anomaly], list[str]]:
    """Return what is not as it used to be, and what of the ledger was not read.

    Raises:
        RefusalError: there is no ledger, or it cannot be read.
    """
    try:
        length = ledger.length(path)
        entries = list(_last(path, length))
    except IntegrationError as error:
        raise RefusalError("--ledger {}: {}", path, error) from None
    notes = []
    if length > len(entries):
        notes.append(f"behaviour: only the last {len(entries)} of {length} entries were read")
    return named(behaviour(map(recorded, entries), now_ms)), notes


def _last(path: Path, length: int) -> Iterator[Entry]:
    """Yield the last entries, in order; entries are numbered from 0 without a gap."""
    after = length - ENTRIES_MAX - 1
    while after < length - 1:
        batch = ledger.tail(path, ledger.TAIL_MAX, after)
        if not batch:
            return
        yield from batch
        after = batch[-1].seq
