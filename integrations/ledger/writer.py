"""The one writer: a thread that commits what waits, as a group.

Batches form by themselves while the disk syncs the one before, so one fsync serves many and
nobody waits for a timer. The rules:

1. A receipt is given only after the commit reached the disk.
2. A call is refused before it is queued when the ledger will never take it.
3. A failed batch leaves nothing behind, and the writer goes on: the next call may succeed.
4. A writer that dies fails every call, those that wait and those that come: a thread that is
   gone must not keep anybody waiting for a receipt. A file that is lost is found again, see
   ``integrations.ledger.opened``.
5. A caller that stops waiting may or may not find its entries recorded; asking again with
   the same keys tells.
6. Nothing is recorded while somebody who has looked at an anchor says why not.
7. A signed note is kept by the same thread, which is the only one that writes to the file.
8. Callers are woken once a batch: waking an event loop for each takes longer than the entry.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from dsl import actions
from dsl.limits import LEDGER_BATCH_MAX, LEDGER_ENTRIES_PER_RECORD_MAX
from dsl.rules.ledger.note import SignedNote
from dsl.rules.trust.scorecard import objection
from integrations.errors import CorruptError, DeniedError, IntegrationError, UnavailableError
from integrations.ledger.authority import Fold
from integrations.ledger.entries import Content, Draft, Receipt, content_of
from integrations.ledger.errors import InvalidDraftError
from integrations.ledger.events.reading import Event, read_event
from integrations.ledger.opened import OpenedLedger
from integrations.ledger.scores import Cards
from integrations.ledger.unended import Unended

WAITING_CALLS_MAX: Final = 10_000
# What is to be known outside soon: ends of agents and runs, and what they may from now on.
URGENT: Final = frozenset(
    {
        actions.AGENT_ENDED,
        actions.AGENT_PROMOTED,
        actions.AGENT_REINSTATED,
        actions.AGENT_REVOKED,
        actions.RUN_ENDED,
    }
)
INSISTS_S: Final = 120.0  # who was told to try again has by then


@dataclass(frozen=True, slots=True)
class _Call:
    contents: tuple[Content, ...]
    events: tuple[Event, ...]
    note: SignedNote | None = None
    receipts: asyncio.Future[tuple[Receipt, ...]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


_Outcome: TypeAlias = tuple[Receipt, ...] | Exception


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the ledger has come."""

    size: int  # entries
    urgent: int  # the size when one was recorded last that is to be anchored soon; 0: none yet


class Writer:
    """Appends to the ledger at ``path`` and keeps the folds equal to what stands there."""

    def __init__(
        self,
        path: Path,
        fold: Fold | None = None,
        cards: Cards | None = None,
        unended: Unended | None = None,
    ) -> None:
        """Take the lock, open the ledger (made when there is none), rebuild the folds.

        Raises:
            ConflictError: the ledger has a writer already.
            CorruptError: the file is not a ledger, or was altered.
            UnavailableError: the file cannot be written.
        """
        path = path.resolve()  # two names of one file share one lock
        self._fold = fold or Fold()
        self._cards = cards or Cards()
        self._unended = unended or Unended()
        self._opened = OpenedLedger(path, self._fold, self._cards, self._unended)
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._gate = threading.Lock()  # held while deciding whether a call may still be queued
        self._ended: UnavailableError | None = None
        self._held = ""  # why nothing is recorded (6); empty: all is
        self._progress = Progress(self._opened.size, 0)
        self._waits_since: float | None = None  # what was not recorded yet
        self._asked_at = 0.0
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    async def append(self, drafts: Sequence[Draft]) -> tuple[Receipt, ...]:
        """Record ``drafts`` as one unit and return their places, in order.

        Idempotent by key: what was recorded before is answered with its first receipt.

        Raises:
            InvalidDraftError: the ledger never takes such an entry; nothing was queued.
            IdempotencyMismatchError: a key stands on the ledger with other content.
            UnavailableError: the disk or the writer is not at hand, or the file is not what the
                writer left; nothing was recorded.
        """
        self.require_alive()
        if self._held:  # (6) an anchor knows better
            raise UnavailableError(self._held)
        if not drafts:
            return ()
        call = _call_of(drafts)
        self._queue(call)
        return await call.receipts

    @property
    def progress(self) -> Progress:
        """How far the ledger has come, every receipt given so far included."""
        return self._progress

    def hold(self, why: str) -> None:
        """Record nothing from now on, and say why (6); empty: record again."""
        self._held = why
        self._opened.tell(why)

    async def keep(self, note: SignedNote) -> None:
        """Keep a signed note beside the entries (7); harmless when repeated.

        Raises:
            UnavailableError: the disk, the file or the writer is not at hand.
            CorruptError: the file is at fault.
        """
        call = _Call((), (), note)
        self._queue(call)
        await call.receipts

    @property
    def lag_s(self) -> float:
        """For how long what is to be recorded has been waiting; 0: nothing is."""
        since, now = self._waits_since, time.monotonic()
        return 0.0 if since is None or now - self._asked_at > INSISTS_S else now - since

    def require_alive(self) -> None:
        """Raise ``UnavailableError`` when nothing can be recorded any more (4)."""
        if self._ended is not None:
            raise UnavailableError(*self._ended.args)

    def require_file(self) -> None:
        """Raise ``UnavailableError`` when the file at the path is not the one that was left."""
        self._opened.require()

    def close(self) -> None:
        """Record what waits, then give file and lock back. Harmless when repeated."""
        with self._gate:
            if self._ended is None:
                self._ended = UnavailableError("the ledger's writer is closed")
                self._calls.put(None)
        self._thread.join()
        self._opened.close()

    def _queue(self, call: _Call) -> None:
        with self._gate:
            self.require_alive()
            if self._calls.qsize() >= WAITING_CALLS_MAX:
                raise UnavailableError(
                    f"{WAITING_CALLS_MAX} calls wait for the ledger already: try again later"
                )
            self._asked_at = time.monotonic()
            if self._waits_since is None:
                self._waits_since = self._asked_at
            self._calls.put(call)

    def _run(self) -> None:
        going = True
        calls: list[_Call] = []
        try:
            while going:
                calls, going = self._take()
                if calls:
                    self._commit(calls)
        except BaseException as error:  # noqa: BLE001  # handed to every caller (4)
            self._die(error, calls)

    def _take(self) -> tuple[list[_Call], bool]:
        """Wait for a call, add those that wait behind it; False: no more will come."""
        calls: list[_Call] = []
        size = 0
        call = self._calls.get()
        while call is not None:
            if not call.receipts.cancelled():  # (5) who stops waiting asks again
                calls.append(call)
                size += len(call.contents)
            if size >= LEDGER_BATCH_MAX or self._calls.empty():
                return calls, True
            call = self._calls.get()
        return calls, False

    def _commit(self, waiting: Sequence[_Call]) -> None:
        _settle([(call, self._keep(call.note)) for call in waiting if call.note is not None])
        calls = [call for call in waiting if call.note is None]
        try:
            outcomes = self._opened.commit([call.contents for call in calls]) if calls else []
        except IntegrationError as error:  # (3) the next call may succeed
            _settle([(call, error) for call in calls])
            return
        self._waits_since = None if self._calls.empty() else time.monotonic()
        for call, outcome in zip(calls, outcomes, strict=True):
            if not isinstance(outcome, CorruptError):
                self._take_in(call, outcome)
        _settle(list(zip(calls, outcomes, strict=True)))  # (1) only after the commit

    def _take_in(self, call: _Call, receipts: Sequence[Receipt]) -> None:
        for event in call.events:
            self._fold.apply(event)
        for receipt, content in zip(receipts, call.contents, strict=True):
            self._cards.take(receipt.seq, receipt.ts, content)
            self._unended.take(receipt.ts, content)
        self._advance(call)

    def _advance(self, call: _Call) -> None:
        size, before = self._opened.size, self._progress
        is_urgent = any(content.action in URGENT for content in call.contents)
        self._progress = Progress(size, size if is_urgent else before.urgent)

    def _keep(self, note: SignedNote) -> _Outcome:
        known = note.checkpoint
        try:
            self._opened.keep(known.size, known.root, note.text())
        except IntegrationError as error:
            return error
        return ()

    def _die(self, error: BaseException, calls: Sequence[_Call]) -> None:
        with self._gate:
            self._ended = UnavailableError(f"the ledger's writer died ({error!r}): restart it")
        waiting = list(calls)
        while not self._calls.empty():
            call = self._calls.get()
            if call is not None:
                waiting.append(call)
        _settle([(call, self._ended) for call in waiting])


def _settle(outcomes: Sequence[tuple[_Call, _Outcome]]) -> None:
    """Tell every caller what became of its call, each of their event loops woken once (8)."""
    of_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Call, _Outcome]]] = defaultdict(list)
    for call, outcome in outcomes:
        of_loop[call.receipts.get_loop()].append((call, outcome))
    for loop, theirs in of_loop.items():
        with suppress(RuntimeError):  # it is closed: nobody waits there any more
            loop.call_soon_threadsafe(_tell, theirs)


def _tell(outcomes: Sequence[tuple[_Call, _Outcome]]) -> None:
    for call, outcome in outcomes:
        if call.receipts.done():
            continue  # cancelled, or told before the writer died
        if isinstance(outcome, Exception):
            call.receipts.set_exception(outcome)
        else:
            call.receipts.set_result(outcome)


def _call_of(drafts: Sequence[Draft]) -> _Call:
    if len(drafts) > LEDGER_ENTRIES_PER_RECORD_MAX:
        raise DeniedError(
            f"{len(drafts)} entries in one call and the limit is "
            f"{LEDGER_ENTRIES_PER_RECORD_MAX}: record them in several"
        )
    contents = tuple(content_of(draft) for draft in drafts)
    try:
        events = [_event(draft) for draft in drafts]
    except ValueError as error:
        actions = ", ".join(sorted({draft.action for draft in drafts}))
        raise InvalidDraftError(f"the ledger refuses a call of {actions}: {error}") from error
    return _Call(contents, tuple(event for event in events if event is not None))


def _event(draft: Draft) -> Event | None:
    refusal = objection(draft.action, draft.payload)
    if refusal is not None:
        raise ValueError(refusal)
    return read_event(draft.agent, draft.action, draft.payload)
