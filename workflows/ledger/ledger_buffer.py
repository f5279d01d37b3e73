"""What a workflow tells the ledger: facts are noted as they happen, flushed before effects.

1. Intent before effect, outcome after: whoever starts something with an effect awaits
   ``flush`` first. No acknowledgement, no effect.
2. Facts that a failed flush took with it are put back, so that the next one carries them. Whether
   they are on the ledger nobody knows: it may have been cancelled, or given up, behind the append.
   So they are sent again under the names they were first sent by, and stand there once.
3. Flushes run one after another: a fact that another flush took must be on disk too before
   the one who noted it goes on. Then there is nothing left to send: a thousand gates that open
   at once are a handful of records.
4. What the ledger refuses for good is not sent again: one entry with its digest goes in its
   place, so that later facts still get there. What is noted is made to fit before (``facts``).
   Where intents of calls are among what was refused, it is these that are given up first: what
   came of other calls lets go of their effects. Whoever waits for such an intent is told so.
5. What an activity records itself before it acts is taken along by it, and nothing that a flush is
   awaited for. Where nobody knows that it got there it is put back, as (2) says.
6. The last word of a workflow keeps it for a while and no longer: what is not on the ledger by
   then stays noted, for the report or the parent to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Final

from pydantic_core import to_json
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.contracts import messages, specs
from dsl import actions
from dsl.core import Tier
from dsl.limits import LEDGER_ENTRIES_PER_RECORD_MAX, RECORD_BYTES_MAX
from dsl.rules.trust.scorecard import OF_STAGE
from dsl.shown.surfaces import Markdown
from dsl.values.canonical import digest_of_bytes
from dsl.values.sizes import wire_bytes
from workflows.ledger.facts import fact
from workflows.ledger.ledger_client import LedgerClient
from workflows.runtime import failures
from workflows.runtime.cancellation import CLEANING

REFUSED: Final = "entry.refused"
LATE: Final = {"lease.granted": "agent.lease"}  # names of what somebody else records


class LedgerBuffer:
    """The buffer between a workflow and the ledger."""

    def __init__(
        self, prefix: str, agent: str = "-", tier: Tier = Tier.T0, *, is_beside: bool = False
    ) -> None:
        """Begin with nothing; ``is_beside``: the workflow's own worker writes the ledger."""
        self.client = LedgerClient(is_beside=is_beside)
        self._prefix = prefix
        self._agent = agent
        self._tier = tier
        self._count = 0
        self._noted: list[messages.EntryDraft] = []
        self._sent: list[str] = []  # of the first of these, by which names they were sent (2)
        self._flushing = asyncio.Lock()
        self.first: int | None = None
        self.last: int | None = None
        self.taken: dict[str, int] = {}  # effects of calls that somebody else has, and its entry
        self.given_up: set[str] = set()  # occurrences of which the intent was refused (4)

    def note(self, action: str, /, **payload: Any) -> None:
        """Remember one fact until the next flush."""
        self.note_of(self._agent, self._tier, action, **payload)

    def note_of(self, agent: str, tier: Tier, action: str, /, **payload: Any) -> None:
        """Remember one fact about ``agent``."""
        self._noted.append(
            messages.EntryDraft(action=action, agent=agent, tier=tier, payload=fact(payload))
        )

    def take_over(self, entries: Sequence[messages.EntryDraft]) -> None:
        """Adopt what another workflow could not record."""
        self._noted.extend(entries)

    @property
    def unrecorded(self) -> tuple[messages.EntryDraft, ...]:
        """What is noted and not yet on the ledger."""
        return tuple(self._noted)

    def handed_over(self) -> tuple[messages.EntryDraft, ...]:
        """Return what is not yet on the ledger, for the parent to record in this one's stead.

        It says whose it is. A fence is named for what it then is, a fact: only the workflow that
        holds the lease may record one.
        """
        info = workflow.info()
        of = {"workflow": info.workflow_id, "run": info.run_id}
        return tuple(
            entry.model_copy(
                update={
                    "action": LATE.get(entry.action, entry.action),
                    "payload": {**entry.payload, OF_STAGE: of},
                }
            )
            for entry in self._noted
        )

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
        exhausted_of: str | None = None,
        effect: str | None = None,
        give_up_after: timedelta | None = None,
    ) -> messages.RecordResult:
        """Put everything noted on the ledger and wait until it is on disk.

        Raises:
            ActivityError: it is not there; what was noted is kept (2), or was refused (4).
        """
        async with self._flushing:  # (3) one after another
            entries = self._take()
            asks = authority_of or standing_of or agents or exhausted_of or effect
            # (3) another flush took it, and it is on disk
            if not entries and not asks and self.range is not None:
                return messages.RecordResult(first=self.range[0], last=self.range[1])
            while self._noted:
                full = messages.RecordRequest(entries=entries, sent=self._take_names(len(entries)))
                await self._send(why, full, give_up_after)
                entries = self._take()
            request = messages.RecordRequest(
                entries=entries,
                sent=self._take_names(len(entries)),
                authority_of=authority_of,
                standing_of=standing_of,
                agents=agents,
                exhausted_of=exhausted_of,
                effect=effect,
            )
            return await self._send(why, request, give_up_after)

    def take_along(self) -> tuple[messages.EntryDraft, ...]:
        """Take the intent of a call, which was noted last, and what may go before it (5)."""
        intent = self._noted.pop()
        size = wire_bytes(intent)
        taken: list[messages.EntryDraft] = []
        kept = self._noted[: len(self._sent)]  # (2) as it was sent before
        for entry in self._noted[len(self._sent) :]:
            size += wire_bytes(entry)
            fits = size <= RECORD_BYTES_MAX and len(taken) < LEDGER_ENTRIES_PER_RECORD_MAX - 1
            (taken if fits and _is_awaited_by_nobody(entry) else kept).append(entry)
        self._noted = kept
        return (*taken, intent)

    def put_back(self, entries: tuple[messages.EntryDraft, ...], activity_id: str) -> None:
        """Take back what an activity may have recorded (5)."""
        self._noted[:0] = entries
        self._sent[:0] = _names(messages.RecordRequest(entries=entries), activity_id)

    def acknowledge(self, result: messages.RecordResult) -> None:
        """Note that entries of this workflow are on the ledger, and where."""
        if self.first is None:
            self.first = result.first
        self.last = max(result.last, self.last or 0)

    async def flush_last(self, why: str, within: timedelta = CLEANING) -> None:
        """Put what is noted on the ledger before the workflow ends, or leave it noted (6)."""
        if not self._noted:
            return
        try:
            await self.flush(why, give_up_after=within)
        except ActivityError as error:
            workflow.logger.error("%s: not on the ledger: %s", why, failures.cause_of(error)[1])

    def _take(self) -> tuple[messages.EntryDraft, ...]:
        """Take what fits into one record, from the oldest on."""
        taken: list[messages.EntryDraft] = []
        size = 0
        for entry in self._noted[:LEDGER_ENTRIES_PER_RECORD_MAX]:
            size += wire_bytes(entry)
            if taken and size > RECORD_BYTES_MAX:
                break
            taken.append(entry)
        del self._noted[: len(taken)]
        return tuple(taken)

    def _take_names(self, count: int) -> tuple[str, ...]:
        """Take the names by which the first of so many entries were sent (2)."""
        taken = tuple(self._sent[:count])
        del self._sent[:count]
        return taken

    async def _send(
        self, why: str, request: messages.RecordRequest, give_up_after: timedelta | None
    ) -> messages.RecordResult:
        self._count += 1
        name = f"{self._prefix}/ledger#{self._count}"
        back, names = request.entries, _names(request, name)
        try:
            result = await self.client.ask(
                specs.record,
                request,
                activity_id=name,
                summary=Markdown.of("ledger: {}", why),
                give_up_after=give_up_after,
            )
            back, names = (), ()
        except ActivityError as error:
            if _refused(error):
                back, names = self._after_refusal(request.entries, names)  # (4) refused for good
            raise
        finally:
            self._noted[:0] = back  # (2) for the next flush
            self._sent[:0] = names
        self.acknowledge(result)
        self.taken |= result.taken
        return result

    def _after_refusal(
        self, entries: tuple[messages.EntryDraft, ...], names: tuple[str, ...]
    ) -> tuple[tuple[messages.EntryDraft, ...], tuple[str, ...]]:
        """Return what is sent in place of what was refused (4), and by which names (2)."""
        intents = tuple(each for each in entries if each.action == actions.TOOL_INTENDED)
        self.given_up |= {str(each.payload.get("occurrence")) for each in intents}
        sent = zip(entries, names, strict=True) if intents else ()
        kept = [each for each in sent if each[0].action != actions.TOOL_INTENDED]
        instead = self._in_place_of(intents or entries)
        back = (*(entry for entry, _ in kept), *instead)
        if not kept and not self._sent:
            return back, ()
        return back, (*(name for _, name in kept), *("" for _ in instead))

    def _in_place_of(
        self, entries: tuple[messages.EntryDraft, ...]
    ) -> tuple[messages.EntryDraft, ...]:
        if not entries:
            return ()
        payload = fact(
            {
                "actions": sorted({entry.action for entry in entries}),
                "count": len(entries),
                "digest": digest_of_bytes(to_json(entries)),
            }
        )
        return (
            messages.EntryDraft(
                action=REFUSED, agent=self._agent, tier=self._tier, payload=payload
            ),
        )


def _is_awaited_by_nobody(entry: messages.EntryDraft) -> bool:
    """Tell whether it is what became of a call, and lets go of no effect (5)."""
    became = entry.action in (actions.TOOL_ANSWERED, actions.TOOL_DENIED)
    return became and "frees" not in entry.payload


def _names(request: messages.RecordRequest, activity_id: str) -> tuple[str, ...]:
    """Return by which name each entry is sent: the one it was first sent by (2)."""
    own = (f"{activity_id}/{number}" for number in range(len(request.entries)))
    pairs = zip_longest(request.sent[: len(request.entries)], own, fillvalue="")
    return tuple(first or this for first, this in pairs)


def _refused(error: ActivityError) -> bool:
    """Tell whether the ledger said no, rather than nothing, or that the caller should stop."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.non_retryable
