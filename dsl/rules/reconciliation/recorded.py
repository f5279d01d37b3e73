"""Entries of the ledger as a stranger reads them, and what of one can be recomputed.

Restated from the form of an entry, not taken from the code that writes them: who judges a ledger
must not share the mistakes of its writer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dsl.values.canonical import canonical

KEY_LENGTH_MAX: Final = 512  # characters; a longer key ends in its digest
GENESIS: Final = "0" * 64  # what the first entry names as the one before it
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry; hashes are hexadecimal, the tier is its name."""

    seq: int
    ts: str  # UTC, by the writer's clock
    key: str
    workflow_id: str
    run_id: str
    agent: str
    tier: str
    action: str
    payload: Mapping[str, Any]
    prev_hash: str
    hash: str


def entry_ms(entry: Recorded) -> int:
    """Return when an entry was written, in milliseconds since 1970; 0 where that cannot be read."""
    try:
        return int(datetime.fromisoformat(entry.ts).timestamp() * 1000)
    except ValueError:
        return 0


def hash_of(entry: Recorded) -> str:
    """Return the hash the entry should have: the leaf hash (RFC 6962) of its canonical text."""
    text = canonical(
        {
            "action": entry.action,
            "agent": entry.agent,
            "idempotency_key": entry.key,
            "payload": dict(entry.payload),
            "prev": entry.prev_hash,
            "run_id": entry.run_id,
            "seq": entry.seq,
            "tier": entry.tier,
            "ts": entry.ts,
            "v": _VERSION,
            "workflow_id": entry.workflow_id,
        }
    )
    return hashlib.sha256(b"\x00" + text.encode()).hexdigest()


def key_of(*parts: str) -> str:
    """Return the key of a fact of these parts."""
    key = "/".join(parts)
    if len(key) <= KEY_LENGTH_MAX:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: KEY_LENGTH_MAX - len(digest) - 1]}~{digest}"
