"""Changes of health on the ledger, put there by its worker itself, which needs nobody for that.

1. A change is recorded once, however often that is tried: its key says what it became and when.
   What was recorded last is read from the ledger first, and nothing is recorded before.
2. While the ledger is away it is kept, and tried again until it stands; what came and went
   meanwhile is left out. That also makes the writer look for a file that was lost.
3. Of one thing a change is recorded every ``EVERY_S`` at most: what comes and goes all the time
   must not fill a record that cannot forget.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from dsl.actions import HEALTH_CHANGED
from dsl.limits import DETAIL_LENGTH_MAX
from dsl.rules.health.vitality import Vitality, to_record
from integrations.beside import beside
from integrations.errors import IntegrationError
from integrations.health.monitor import Vital
from integrations.ledger.entries import Draft
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.ledger import Ledger
from integrations.redaction import redact_tokens

EVERY_S: Final = 10.0
AGAIN_S: Final = 1.0
_READ_MAX: Final = 1_000  # entries: more than things that are looked at

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Told:
    """What stands on the ledger of one thing, and what is to stand there next."""

    recorded: Vitality = Vitality.ALIVE  # of what was never recorded
    at: float = -EVERY_S
    vital: Vital | None = None
    draft: Draft | None = None


class HealthRecord:
    """Records the changes that it hears of."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._told: dict[str, _Told] = {}
        self._is_recalled = False
        self._unread = ""  # why it is not

    def heard(self, vital: Vital) -> None:
        """Hear of a look; what is to be recorded of it is recorded soon."""
        self._told.setdefault(vital.name, _Told()).vital = vital

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Record meanwhile."""
        await self._recall()
        async with beside(self._keep()):
            yield

    async def _recall(self) -> None:
        """Read what was recorded last (1)."""
        try:
            entries = await self._ledger.latest(HEALTH_CHANGED, _READ_MAX)
        except IntegrationError as error:
            if self._unread != (unread := str(error)):
                logger.warning("what was recorded of health is not known: %s", error)
            self._unread = unread
            return
        self._is_recalled = True
        for entry in reversed(entries):
            now = entry.payload.get("now")
            if now in set(Vitality):
                told = self._told.setdefault(str(entry.payload.get("what")), _Told())
                told.recorded = Vitality(str(now))

    async def _keep(self) -> None:
        while not self._is_recalled:
            await asyncio.sleep(AGAIN_S)
            await self._recall()
        while True:
            await asyncio.sleep(AGAIN_S)
            for name, told in list(self._told.items()):
                await self._record(name, told)

    async def _record(self, name: str, told: _Told) -> None:
        if told.draft is None:
            if time.monotonic() < told.at + EVERY_S:  # (3) not all the time
                return
            told.draft = _draft(name, told)
        if told.draft is None:
            return
        try:
            await self._ledger.append([told.draft])
        except IdempotencyMismatchError:
            logger.warning("a change of %s stands on the ledger in other words", name)
        except IntegrationError as error:
            logger.info("a change of %s is not recorded yet: %s", name, error)  # (2) tried again
            return
        told.recorded = Vitality(told.draft.payload["now"])
        told.at, told.draft = time.monotonic(), None


def _draft(name: str, told: _Told) -> Draft | None:
    vital = told.vital
    if vital is None:
        return None
    now = to_record(told.recorded, vital.pulse, vital.grade)
    if now is None:
        return None
    since = vital.pulse.since_ms
    return Draft.of_no_run(
        f"health/{name}/{since}/{now.value}",  # (1) what it became, and when
        HEALTH_CHANGED,
        {
            "what": name,
            "was": told.recorded.value,
            "now": now.value,
            "since_ms": since,
            "why": redact_tokens(vital.detail)[:DETAIL_LENGTH_MAX],
        },
    )
