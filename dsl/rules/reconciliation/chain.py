"""Does a ledger hold together? Every entry hashed again, from the first to the last.

1. Numbers follow each other without a gap, from 0.
2. Each entry hashes to what stands beside it, and names the hash of the one before.
3. No key stands twice: a fact is recorded once, however often it was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsl.rules.reconciliation.discrepancy import Discrepancy
from dsl.rules.reconciliation.recorded import GENESIS, Recorded, hash_of


def broken(entries: Sequence[Recorded]) -> Iterator[Discrepancy]:
    """Yield every place at which the chain does not hold."""
    before = GENESIS
    places: dict[str, int] = {}
    for number, entry in enumerate(entries):
        where = f"entry {entry.seq}"
        if entry.seq != number:  # (1) without a gap
            yield Discrepancy(f"entry {number} next", f"entry {entry.seq}", where)
            return
        if entry.prev_hash != before:  # (2) it names the one before
            yield Discrepancy(f"the hash before to be {before}", entry.prev_hash, where)
        if hash_of(entry) != entry.hash:
            yield Discrepancy(f"the hash {hash_of(entry)}", entry.hash, f"{where}, {entry.action}")
        if entry.key in places:  # (3) once
            found = f"the key of entry {places[entry.key]} again"
            yield Discrepancy("every key once", found, where)
        places[entry.key] = entry.seq
        before = entry.hash
