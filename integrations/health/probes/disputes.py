"""Runs of which a look has found that their history and the ledger do not agree.

1. The ledger says so (``run.disputed``) and forgets nothing: a dispute is a finding for
   ``SHOWN_S``, and is counted for good.
2. A machine without the ledger's file knows nothing of it, and says that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from dsl.shown.foreign import legible
from integrations.health.probes.sighting import Figure, HealthProbe, Sighting, poor, unseen, well
from integrations.ledger.lookup import disputes, moment_ms

DISPUTES: Final = "disputes"
SHOWN_S: Final = 7 * 24 * 3_600
_COUNTED_MAX: Final = 10_000
_FIX: Final = "`mandate ledger reconcile RUN`; see MandateDisputed in docs/operations.md"


def disputes_probe(ledger: Path, now: Callable[[], float] = time.time) -> HealthProbe:
    """Look at what the ledger at that path says of disputes."""
    return HealthProbe(DISPUTES, partial(asyncio.to_thread, _seen, ledger, now))


def _seen(ledger: Path, now: Callable[[], float]) -> Sighting:
    if not ledger.exists():  # (2) and says that
        return unseen("the ledger is not on this machine")
    found = disputes(ledger, _COUNTED_MAX)
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
