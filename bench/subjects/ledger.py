"""A ledger as a stranger meets it: opened, verified, one entry proven. On its own disk, no server.

Verifying is told beside SHA-256 of the same bytes, which is what no verifier can be faster than.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from dsl.values.canonical import canonical
from integrations.ledger.entries import GENESIS, Content, entry_bytes, leaf_hash
from integrations.ledger.store import open_existing, open_ledger
from integrations.ledger.tree.texts import texts_from
from integrations.ledger.tree.tiles import LedgerTree
from integrations.ledger.verify import verify

_PROOFS: Final = 50
_TEXTS: Final = 10_000
_INSERT: Final = f"INSERT INTO ledger VALUES ({','.join('?' * 11)})"


def ledger_figures(folder: Path, entries: int) -> dict[str, float]:
    """Return rates and times for a ledger of so many entries."""
    path = folder / "figures.db"
    _write(path, entries)
    begun = time.process_time()
    found = verify(path)
    verified_s = time.process_time() - begun
    if found.problems or found.entries != entries:
        raise AssertionError(found.problems)
    tree = LedgerTree(path)
    tree.read_on()
    return {
        "entries": entries,
        "verify_per_s": entries / verified_s,
        "sha_per_s": _sha_rate(path),
        "open_ms": min(_opened_ms(path) for _ in range(5)),
        "proof_ms": _proof_ms(tree, entries),
    }


def _opened_ms(path: Path) -> float:
    begun = time.perf_counter()
    with closing(open_existing(path)) as connection:
        connection.execute("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1").fetchone()
        return (time.perf_counter() - begun) * 1000


def _proof_ms(tree: LedgerTree, entries: int) -> float:
    begun = time.perf_counter()
    for number in range(_PROOFS):
        tree.inclusion(number * entries // _PROOFS, entries)
    return (time.perf_counter() - begun) * 1000 / _PROOFS


def _sha_rate(path: Path) -> float:
    texts = [b"\0" + text.encode() for text in texts_from(path, -1, _TEXTS)]
    begun = time.process_time()
    for text in texts:
        hashlib.sha256(text).digest()
    return len(texts) / (time.process_time() - begun)


def _write(path: Path, entries: int) -> None:
    """Write a ledger quickly: what it costs to write one durably is another figure."""
    with closing(open_ledger(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, _rows(entries))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rows(entries: int) -> Iterator[tuple[Any, ...]]:
    prev, ts = GENESIS, "2030-01-01T00:00:00.000000Z"
    for seq in range(entries):
        outputs = [{"digest": f"sha256:{seq:064x}", "name": "report.md", "size": seq}]
        payload = canonical({"outputs": outputs, "path": "look", "phase": "EXECUTE", "tries": 1})
        content = Content(
            *(f"default/run-{seq // 20}/look/{seq}", f"run-{seq // 20}/look", f"{seq:036x}"),
            *("bench.look", "T1", "agent.execute", payload),
        )
        digest = leaf_hash(entry_bytes(seq, ts, content, prev))
        yield (seq, ts, *content, prev, digest)
        prev = digest
