"""Runs of which a look has found that their history and the ledger do not agree.

1. The ledger says so (``run.disputed``) and forgets nothing: a dispute is a finding for
   ``SHOWN_S``, and is counted for good.
2. A machine without the ledger's file knows nothing of it, and says that.
3. It is looked at all day, and disputes are rare: they are read when there is another than before,
   or another file. To know that takes one look into an index, however many there are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dsl.shown.foreign import legible
from integrations.health.probes.sighting import Figure, HealthProbe, Sighting, poor, unseen, well
from integrations.ledger.entries import Entry
from integrations.ledger.lookup import disputes, moment_ms, newest_dispute

DISPUTES: Final = "disputes"
SHOWN_S: Final = 7 * 24 * 3_600
_COUNTED_MAX: Final = 10_000
_FIX: Final = "`mandate ledger reconcile RUN`; see MandateDisputed in docs/operations.md"


def disputes_probe(ledger: Path, now: Callable[[], float] = time.time) -> HealthProbe:
    """Look at what the ledger at that path says of disputes."""
    known = _Known(ledger)

    async def look() -> Sighting:
        return await asyncio.to_thread(_seen, known, now)

    return HealthProbe(DISPUTES, look)


class _Known:
    """The disputes of a ledger, as they were read last (3)."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._read = (0, 0, -1)  # which file, and its newest dispute
        self._found: Sequence[Entry] = ()

    def latest(self) -> Sequence[Entry] | None:
        """Return them, the newest first; None: there is no such file."""
        try:
            file = self._ledger.stat()
        except FileNotFoundError:
            return None
        at = (file.st_dev, file.st_ino, newest_dispute(self._ledger))
        if at != self._read:
            self._found = disputes(self._ledger, _COUNTED_MAX)
            self._read = at
        return self._found


def _seen(known: _Known, now: Callable[[], float]) -> Sighting:
    found = known.latest()
    if found is None:  # (2) and says that
        return unseen("the ledger is not on this machine")
    runs = {(each.payload.get("workflow"), each.payload.get("run")) for each in found}
    since_ms = (now() - SHOWN_S) * 1_000
    late = [each for each in found if moment_ms(each) >= since_ms]
    new = dict.fromkeys((each.payload.get("workflow"), each.payload.get("run")) for each in late)
    figures = (
        Figure("mandate_disputed_runs", len(runs)),
        Figure("mandate_disputed_runs_new", len(new)),
    )
    if not new:  # (1) for a while
        return well(f"{len(runs)} runs were in dispute, none of late", *figures)
    last, _ = next(iter(new))
    return poor(
        f"history and ledger disagree on {len(new)} runs, the last is {legible(str(last))} "
        f"(entry {late[0].seq})",
        _FIX,
        *figures,
    )
