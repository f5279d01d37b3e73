"""What a workflow tells the ledger: facts are noted as they happen, flushed before effects.

1. Intent before effect, outcome after: whoever starts something with an effect awaits
   ``flush`` first. No acknowledgement, no effect.
2. Facts that a failed flush took with it are put back, so that the next one carries them.
3. Flushes run one after another: a fact that another flush took must be on disk too before
   the one who noted it goes on.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from activities import contracts
from dsl.core import Tier
from dsl.limits import LEDGER_ENTRIES_PER_RECORD_MAX


class Records:
    """The buffer between a workflow and the ledger."""

    def __init__(self, prefix: str, agent: str = "-", tier: Tier = Tier.T0) -> None:
        self._prefix = prefix
        self._agent = agent
        self._tier = tier
        self._count = 0
        self._noted: list[contracts.EntryDraft] = []
        self._flushing = asyncio.Lock()
        self.first: int | None = None
        self.last: int | None = None

    def note(self, action: str, /, **payload: Any) -> None:
        """Remember one fact until the next flush."""
        self.note_of(self._agent, self._tier, action, **payload)

    def note_of(self, agent: str, tier: Tier, action: str, /, **payload: Any) -> None:
        """Remember one fact about ``agent``."""
        self._noted.append(
            contracts.EntryDraft(action=action, agent=agent, tier=tier, payload=payload)
        )

    def take_over(self, entries: tuple[contracts.EntryDraft, ...]) -> None:
        """Adopt what another workflow could not record."""
        self._noted.extend(entries)

    @property
    def unrecorded(self) -> tuple[contracts.EntryDraft, ...]:
        """What is noted and not yet on the ledger."""
        return tuple(self._noted)

    @property
    def range(self) -> tuple[int, int] | None:
        """First and last entry of this workflow."""
        if self.first is None or self.last is None:
            return None
        return self.first, self.last

    async def flush(
        self,
        why: str,
        *,
        authority_of: str | None = None,
        standing_of: str | None = None,
        agents: tuple[str, ...] = (),
        give_up_after: timedelta | None = None,
    ) -> contracts.RecordResult:
        """Put everything noted on the ledger and wait until it is on disk."""
        async with self._flushing:  # (3)
            while len(self._noted) > LEDGER_ENTRIES_PER_RECORD_MAX:
                await self._send(why, contracts.RecordRequest(entries=self._take()), give_up_after)
            request = contracts.RecordRequest(
                entries=self._take(),
                authority_of=authority_of,
                standing_of=standing_of,
                agents=agents,
            )
            return await self._send(why, request, give_up_after)

    def _take(self) -> tuple[contracts.EntryDraft, ...]:
        taken = tuple(self._noted[:LEDGER_ENTRIES_PER_RECORD_MAX])
        del self._noted[:LEDGER_ENTRIES_PER_RECORD_MAX]
        return taken

    async def _send(
        self, why: str, request: contracts.RecordRequest, give_up_after: timedelta | None
    ) -> contracts.RecordResult:
        self._count += 1
        done = False
        try:
            result = await contracts.record(
                request,
                activity_id=f"{self._prefix}/ledger#{self._count}",
                summary=f"ledger: {why}",
                give_up_after=give_up_after,
            )
            done = True
        finally:
            if not done:
                self._noted[:0] = request.entries  # (2)
        if self.first is None:
            self.first = result.first
        self.last = result.last
        return result
