"""What the ledger of a site says of behaviour: its last entries, read beside its writer."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final

from dsl.review.anomaly import Anomaly
from dsl.rules.review.behaviour import behaviour
from dsl.rules.review.fingerprints import named
from integrations.errors import IntegrationError
from integrations.ledger import verify as ledger
from integrations.ledger.lookup import entries_after, recorded
from mandate.people.errors import RefusalError

ENTRIES_MAX: Final = 200_000


def behaviour_of(path: Path, now_ms: int) -> tuple[list[Anomaly], list[str]]:
    """Return what is not as it used to be, and what of the ledger was not read.

    Raises:
        RefusalError: there is no ledger, or it cannot be read.
    """
    try:
        length = ledger.length(path)
        last = entries_after(path, length - ENTRIES_MAX - 1)
        entries = list(islice(last, ENTRIES_MAX))
    except IntegrationError as error:
        raise RefusalError("--ledger {}: {}", path, error) from None
    notes = []
    if length > len(entries):
        notes.append(f"behaviour: only the last {len(entries)} of {length} entries were read")
    return named(behaviour(map(recorded, entries), now_ms)), notes
