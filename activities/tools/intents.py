"""The intent of a call, put on the ledger by the activity that makes it, where both are at hand.

A process that serves calls and writes the ledger needs no activity of its own for the intent, and
no workflow task between the two (docs/adr/0057). The rules:

1. Intent before effect: nothing is called before the ledger has acknowledged what is handed along.
   Where it is not in this process, or does not answer at once, nothing is called, and the workflow
   has it recorded by the worker of the ledger first.
2. What is handed along is the intent of this very call, last, and beside it nothing but what
   became of other calls of the stage. Who asks is taken from the activity, as for every record.
3. An attempt after another one has it recorded and calls nothing: the other may only stand still,
   and call later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from activities.contracts import tool_specs
from activities.contracts.messages import RecordRequest, RecordResult
from dsl import actions
from integrations.errors import IntegrationError

logger = logging.getLogger(__name__)

ANSWERS_S: Final = 5.0  # the ledger; what takes longer is waited for where people see it
_BESIDE: Final = (actions.TOOL_ANSWERED, actions.TOOL_DENIED)


class Recording(Protocol):
    """Writes the ledger in this process."""

    async def append(self, request: RecordRequest) -> RecordResult:
        """Record it for the activity that asks."""


class Intents:
    """Records intents of calls; ``recording``: who writes the ledger here, where anybody does."""

    def __init__(self, recording: Callable[[], Recording | None] = lambda: None) -> None:
        self._recording = recording

    async def record(self, request: tool_specs.CallRequest) -> RecordResult | None:
        """Put on the ledger what is handed along; None: it is not known to be there (1)."""
        handed, ledger = request.record, self._recording()
        if handed is None or ledger is None or not _is_of(handed, request.digest):
            return None
        try:
            async with asyncio.timeout(ANSWERS_S):
                return await ledger.append(handed)
        except (IntegrationError, TimeoutError):
            return None  # (1) the workflow has it recorded first
        except Exception:
            logger.exception("an intent is not recorded with its call")  # a bug, and no call
            return None


def _is_of(handed: RecordRequest, digest: str) -> bool:
    """Tell whether it is the intent of one call, and what may go with it (2)."""
    if not handed.entries:
        return False
    *others, intent = handed.entries
    return (
        intent.action == actions.TOOL_INTENDED
        and intent.payload.get("occurrence") == digest
        and all(each.action in _BESIDE for each in others)
    )
