"""What the ledger's worker is asked, answered in its stead by the workflow's own where it can.

An activity of the workflow's own queue begins with the answer to the workflow task that asks for
it; one of the ledger's queue goes through the server's matching first (docs/adr/0059). The rules:

1. Where this process writes the ledger, its own activities answer, as they are: by who asks, and by
   what is asked. Nothing gets onto the ledger by another way.
2. Where it does not, not yet or not any more, nothing is done, and that is said at once. The
   workflow then asks the ledger's queue.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from temporalio import activity

from activities.contracts import messages, specs
from activities.ledger.record import LedgerActivities
from activities.runtime.boundary import governed
from integrations.errors import UnavailableError


class Prover(Protocol):
    """Finds out whose proof it is, where the ledger is written."""

    def prove(self, request: messages.ProveRequest) -> Awaitable[messages.Proven]:
        """Answer, and record the answer."""


@dataclass(frozen=True, slots=True)
class LedgerWriter:
    """The activities of whoever writes the ledger."""

    records: LedgerActivities
    proofs: Prover


class LedgerBeside:
    """Answers for the writer of this process, where there is one."""

    def __init__(self) -> None:
        self._find: Callable[[], LedgerWriter | None] | None = None

    def introduce(self, find: Callable[[], LedgerWriter | None]) -> None:
        """Be told of the writer of this process; it is None while it is not at work."""
        self._find = find

    @property
    def is_introduced(self) -> bool:
        """Tell whether the ledger is written in this process, as a rule."""
        return self._find is not None

    def recording(self) -> LedgerActivities | None:
        """Return who records in this process now."""
        writer = self._now()
        return writer.records if writer else None

    def activities(self) -> Sequence[Callable[..., Any]]:
        """Return what is answered here."""
        return (self.record, self.authority, self.prove)

    @activity.defn(name=specs.record.name)
    @governed
    async def record(self, request: messages.RecordRequest) -> messages.RecordResult:
        """Have it recorded."""
        return await self._writer().records.record(request)

    @activity.defn(name=specs.authority.name)
    @governed
    async def authority(self, request: messages.AuthorityRequest) -> messages.Authority:
        """Have it answered from the ledger as it is now."""
        return await self._writer().records.authority(request)

    @activity.defn(name=specs.prove.name)
    @governed
    async def prove(self, request: messages.ProveRequest) -> messages.Proven:
        """Have it proven."""
        return await self._writer().proofs.prove(request)

    def _now(self) -> LedgerWriter | None:
        return self._find() if self._find else None

    def _writer(self) -> LedgerWriter:
        """Return the writer of this process (1).

        Raises:
            UnavailableError: there is none (2).
        """
        writer = self._now()
        if writer is None:
            raise UnavailableError(
                f"this process does not write the ledger now: ask queue {specs.QUEUE_LEDGER}"
            )
        return writer
