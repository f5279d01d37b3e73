"""The ledger's file as its writer has it open, and how it is found again after it was lost.

A file that is moved, deleted, cut off or replaced under its writer must end no run, and must not be
written around. The rules:

1. Nothing is recorded while the file is not the one that was left: callers are told why, and may
   try again. Whoever runs ``mandate doctor`` is told as well.
2. Taken again, without a restart, is only a ledger that is whole, verifies from its first entry,
   and holds the last one that was acknowledged. What it holds beyond that is read before anything
   is appended.
3. None is ever made in place of a lost one.
4. A file that was refused is not read again until it changes: it may be large, and callers insist.
5. SQLite keeps state by file. A connection whose file was moved is closed before the next is
   opened: SQLite sees that it was moved, and leaves alone what lies there now. One whose log is
   gone holds it still, and closing writes it into the ledger. One whose file was cut off stays
   open, as closing it would write into what is left.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from integrations.errors import ConflictError, CorruptError, UnavailableError
from integrations.ledger.authority import Fold
from integrations.ledger.chain import Call, Chain, Outcome
from integrations.ledger.health import health_of
from integrations.ledger.lock import WriterLock
from integrations.ledger.noted import NotedHead
from integrations.ledger.scores import Cards
from integrations.ledger.store import OpenFiles, fingerprint, open_existing, open_ledger
from integrations.ledger.unended import Unended
from integrations.ledger.verify import Report, verify

logger = logging.getLogger(__name__)


class OpenedLedger:
    """Lock, file and chain of the one writer; keeps the folds equal to what stands in the file."""

    def __init__(self, path: Path, fold: Fold, cards: Cards, unended: Unended) -> None:
        """Take the lock, open the ledger (made when there is none), rebuild the folds.

        Raises:
            ConflictError: the ledger has a writer already.
            CorruptError: the file is not a ledger, or was altered.
            UnavailableError: the file cannot be written.
        """
        self._path = path
        self._fold = fold
        self._cards = cards
        self._unended = unended
        self._why = ""  # nothing is recorded; empty: all is well
        self._refused: object = None  # what the file looked like when it was refused (4)
        with ExitStack() as opened:
            self._lock = WriterLock(path)
            opened.callback(self._lock.close)
            self._connection = open_ledger(path)
            opened.callback(self._connection.close)
            self._take(self._connection, Chain(self._connection))
            opened.pop_all()

    def commit(self, calls: Sequence[Call]) -> list[Outcome]:
        """Append ``calls`` in one transaction; when this returns they are on disk.

        Raises:
            UnavailableError: nothing was appended; trying again may help (1).
        """
        if self._why:
            self._find_again()
        try:
            return self._commit(calls)
        except CorruptError as error:
            self._lose(str(error))
        self._find_again()  # it may have been replaced by what holds all of it
        try:
            return self._commit(calls)
        except CorruptError as error:
            self._lose(str(error))
            raise UnavailableError(self._why) from None

    @property
    def size(self) -> int:
        """How many entries stand in the file, as its writer left it."""
        return self._chain.head[0] + 1

    def keep(self, size: int, root: bytes, note: str) -> None:
        """Keep a signed note beside the entries, where the file is the one that was left.

        Raises:
            UnavailableError: it was not kept.
            CorruptError: the file is at fault; the next append finds out.
        """
        self.require()
        self._chain.keep(size, root, note)

    def tell(self, why: str) -> None:
        """Tell whoever runs ``mandate doctor`` why nothing is recorded; empty: all is."""
        if not self._lock.note(why) and why:
            logger.error("%s", why)

    def require(self) -> None:
        """Look whether the file is the one that was left; nothing is read of it.

        Raises:
            UnavailableError: it is not (1).
        """
        if self._why:
            raise UnavailableError(self._why)
        try:
            self._files.check()
        except CorruptError as error:
            raise UnavailableError(str(error)) from None

    def close(self) -> None:
        """Give file and lock back."""
        self._connection.close()
        self._lock.close()

    def _commit(self, calls: Sequence[Call]) -> list[Outcome]:
        self._files.check()
        return self._chain.commit(calls)

    def _lose(self, why: str) -> None:
        seq, digest = self._chain.head
        held = f" that holds entry {seq}, hash {digest.hex()}" if seq >= 0 else ""
        self._why = (
            f"{why}. Nothing is recorded meanwhile: put the file back, with its log, or a copy"
            f"{held}; the writer takes it by itself"
        )
        if not self._lock.note(self._why):
            logger.error("%s", self._why)

    def _find_again(self) -> None:
        """Take the ledger again that lies at the path (2).

        Raises:
            UnavailableError: it is not the one that was left, or not all of it.
        """
        seen = fingerprint(self._path)
        if seen == self._refused:
            raise UnavailableError(self._why)
        try:
            self._open_again()
        except (ConflictError, UnavailableError) as error:
            raise UnavailableError(f"{error}. {self._why}") from None
        except CorruptError as error:
            self._lose(str(error))
            self._refused = fingerprint(self._path)  # a reader leaves files beside it
            raise UnavailableError(self._why) from None
        self._why, self._refused = "", None
        self._lock.note("")
        logger.warning("the ledger %s is there again, head %s", self._path, self._chain.head[0])

    def _open_again(self) -> None:
        if not self._path.is_file():  # (3) none is made in its place
            raise CorruptError(f"the ledger {self._path} is gone")
        if not self._lock.is_in_place():
            lock = WriterLock(self._path)
            self._lock.close()
            self._lock = lock
        if self._files.may_be_closed():  # (5) SQLite keeps state by file
            self._connection.close()
        seq, digest = self._chain.head
        found = verify(self._path, NotedHead(seq, digest.hex()) if seq >= 0 else None)
        if found.problems:
            raise CorruptError(
                f"the ledger {self._path} is not the one its writer left: {found.problems[0]}"
            )
        connection = open_existing(self._path)
        before = self._connection
        try:
            chain = Chain(connection)
            _require_whole(self._path)
            _require_head(chain, found)
            self._take(connection, chain)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        before.close()

    def _take(self, connection: sqlite3.Connection, chain: Chain) -> None:
        self._fold.rebuild(connection)  # after the chain's head: what comes between is noticed
        self._cards.rebuild(connection)
        self._unended.rebuild(connection)
        self._chain, self._files = chain, OpenFiles(self._path)
        self._lock.opened(self._path)


def _require_whole(path: Path) -> None:
    """Look at what no chain covers: the index that tells what was recorded before."""
    said = health_of(path)
    if said != "ok":
        raise CorruptError(f"the ledger {path} is damaged: {said}")


def _require_head(chain: Chain, found: Report) -> None:
    if chain.head != (found.entries - 1, bytes.fromhex(found.head)):
        raise UnavailableError("the ledger grew while it was verified")
