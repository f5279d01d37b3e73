"""The tree over the entries of one file, as far as it was read: roots and proofs of any size.

1. Of every ``TILE`` leaves only the root is kept, and the roots above these; the leaves of one tile
   are read again where a proof needs them. A million entries take 8,000 hashes in memory.
2. It is read in segments, as every reader does (``integrations.ledger.verify``), and goes on where
   it stopped.
3. A leaf is the hash that stands with an entry. That the entry still hashes to it is for
   ``integrations.ledger.verify`` to find out.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from threading import RLock
from typing import Final

from dsl.rules.ledger.merkle import (
    HASH_BYTES,
    Peaks,
    consistency_proof,
    inclusion_proof,
    node,
    root_of,
    root_of_peaks,
)
from integrations.errors import CorruptError, NotFoundError
from integrations.ledger.errors import sqlite_faults
from integrations.ledger.store import open_reader

TILE: Final = 256  # leaves
SEGMENT: Final = 20_000  # hashes read per transaction (2)
_HASHES: Final = "SELECT seq, hash FROM ledger WHERE seq >= ? AND seq < ? ORDER BY seq"


class LedgerTree:
    """Read on, and asked, by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Prepare it; nothing is read yet."""
        self._path = path
        self._rows: list[list[bytes]] = [[]]  # roots of tiles, of two tiles, of four ...
        self._part: list[bytes] = []
        self._one = RLock()  # one at a time: leaves are not to go in twice
        self._read_again: tuple[int, list[bytes]] = (-1, [])  # one tile's leaves, and their first

    @property
    def size(self) -> int:
        """How many entries were read."""
        return len(self._rows[0]) * TILE + len(self._part)

    def read_on(self) -> int:
        """Take in what was appended since; return how many entries there are.

        Raises:
            NotFoundError: there is no such file.
            CorruptError: it holds no ledger, or an entry is missing.
            UnavailableError: it cannot be read.
        """
        with self._one:
            while leaves := self._read(self.size, self.size + SEGMENT):
                self._extend(leaves)
            return self.size

    def root_at(self, size: int) -> bytes:
        """Return the root over the first ``size`` entries; errors as ``read_on``."""
        return self.root_between(0, self._require(size))

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """Return the proof that entry ``seq`` is one of the first ``size``.

        Raises:
            NotFoundError: it is not.
        """
        try:
            return inclusion_proof(seq, self._require(size), self.root_between)
        except ValueError as error:
            raise NotFoundError(f"the ledger {self._path}: {error}") from None

    def consistency(self, before: int, size: int) -> list[bytes]:
        """Return the proof that the first ``before`` entries are still those of ``size``.

        Raises:
            NotFoundError: it never had one of these sizes.
        """
        try:
            return consistency_proof(before, self._require(size), self.root_between)
        except ValueError as error:
            raise NotFoundError(f"the ledger {self._path}: {error}") from None

    def root_between(self, first: int, end: int) -> bytes:
        """Return the root over the entries from ``first``, where a subtree begins, to ``end``."""
        with self._one:
            return self._root_between(first, end)

    def _root_between(self, first: int, end: int) -> bytes:
        if first % TILE or end - first < TILE:
            return root_of(self._leaves(first, end))
        at, stop = first // TILE, end // TILE
        peaks = []
        while at < stop:
            height = (stop - at).bit_length() - 1  # where a subtree begins, any that fits is full
            peaks.append(self._rows[height][at >> height])
            at += 1 << height
        beside = Peaks()
        for leaf in self._leaves(end - end % TILE, end) if end % TILE else ():
            beside.add(leaf)
        return root_of_peaks([*peaks, *beside.peaks()])

    def _require(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise NotFoundError(
                f"the ledger {self._path} has {self.size} entries and {size} were asked for"
            )
        return size

    def _extend(self, leaves: Iterable[bytes]) -> None:
        self._part.extend(leaves)
        full = len(self._part) - len(self._part) % TILE
        for start in range(0, full, TILE):
            self._plant(root_of(self._part[start : start + TILE]))
        del self._part[:full]

    def _plant(self, root: bytes) -> None:
        for row in self._rows:
            row.append(root)
            if len(row) % 2:
                return
            root = node(row[-2], row[-1])
        self._rows.append([root])

    def _leaves(self, first: int, end: int) -> list[bytes]:
        """Return leaves of what was read, of one tile at most."""
        held = len(self._rows[0]) * TILE
        if first >= held:
            return self._part[first - held : end - held]
        start = first - first % TILE
        if self._read_again[0] != start:
            self._read_again = (start, self._read(start, start + TILE))
            if len(self._read_again[1]) < TILE:
                raise CorruptError(f"the ledger {self._path} was cut off while it was read")
        return self._read_again[1][first - start : end - start]

    def _read(self, first: int, end: int) -> list[bytes]:
        with closing(open_reader(self._path)) as connection, sqlite_faults("read the ledger"):
            rows = connection.execute(_HASHES, (first, end)).fetchall()
        for place, (seq, leaf) in enumerate(rows, start=first):
            if seq != place or not isinstance(leaf, bytes) or len(leaf) != HASH_BYTES:
                raise CorruptError(f"entry {place} is missing or has no hash: verify the ledger")
        return [leaf for _, leaf in rows]
