"""Signs of life while a program works, so that a cancel arrives.

Progress that the agent tells is passed on with them, seen in the Web UI while it works: the last
one, and of that no more than a server takes. So are its last checkpoint, what it asks,
and by what its calls are known.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from activities.contracts import question_specs
from activities.contracts.resumption import CheckpointRef
from activities.contracts.tool_specs import ChainHead
from activities.runtime.effect import beat, tell
from dsl.rules.gates.questions import Question
from integrations.agents.contract.protocol import Event

BEAT_EVERY_S: Final = 0.5  # the worker sends no more of them than that
FIELDS_SHOWN_MAX: Final = 10
FIELD_SHOWN_MAX: Final = 200  # characters


class Pulse:
    """Signs of life, and the last progress that the agent has told."""

    def __init__(self) -> None:
        self._progress: dict[str, str] = {}
        self._checkpoint: CheckpointRef | None = None
        self._question: Question | None = None
        self._chain: ChainHead | None = None

    def tell(self, event: Event) -> None:
        """Pass on ``event`` if it is progress."""
        if event.type == "progress":
            shown = {
                key[:FIELD_SHOWN_MAX]: str(event.data[key])[:FIELD_SHOWN_MAX]
                for key in itertools.islice(event.data, FIELDS_SHOWN_MAX)
            }
            self._progress = shown
            self._tell()

    def keep(self, checkpoint: CheckpointRef) -> None:
        """Have the server keep ``checkpoint`` for the next attempt."""
        self._checkpoint = checkpoint
        self._tell()

    def ask(self, question: Question | None) -> None:
        """Have the server keep what is asked now; None: nothing is."""
        self._question = question
        self._tell()

    def show(self, chain: ChainHead) -> None:
        """Have the server keep by what calls of this attempt are known."""
        self._chain = chain
        self._tell()

    async def beat(self) -> None:
        """Give signs of life until cancelled; that the attempt has begun is the first of them."""
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            beat()

    def _tell(self) -> None:
        told: list[dict[str, Any]] = [self._progress] if self._progress else []
        if self._question is not None:
            told.append(question_specs.Asks(question=self._question).model_dump(mode="json"))
        if self._chain is not None:
            told.append(self._chain.model_dump(mode="json"))
        if self._checkpoint is not None:
            told.append(self._checkpoint.model_dump(mode="json"))
        tell(*told)


@asynccontextmanager
async def pulsing() -> AsyncIterator[Pulse]:
    """Give signs of life meanwhile."""
    pulse = Pulse()
    beating = asyncio.create_task(pulse.beat())
    try:
        yield pulse
    finally:
        beating.cancel()
