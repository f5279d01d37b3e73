"""One effect happens once at T3 and T4, whatever the ledger was told: noted by who brings it about.

See ``dsl.rules.tools.spent_effects``. The name of an effect is made here, of the declaration that
this worker reads and the arguments that it sends: no workflow can leave it out, or say another.
What is cancelled while it claims is not made, and the claim is let go of.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

from pydantic import ValidationError
from temporalio import activity

from activities.contracts import tool_specs
from dsl.rules.tools.calls import CallRefusedError
from dsl.rules.tools.effects import effect_of
from dsl.rules.tools.journal import CallStatus
from dsl.rules.tools.spent_effects import (
    EffectNote,
    EffectState,
    came_of_it,
    refuse_effect_again,
)
from dsl.steps.tools import KnownTool
from integrations.artifacts.spent import SpentCalls
from integrations.errors import CorruptError, DeniedError, IntegrationError, UnavailableError

TRIES_MAX: Final = 20  # so often another call may be first


class ProvenEffects:
    """Claims effects, each by one call."""

    def __init__(self, notes: SpentCalls) -> None:
        self._notes = notes

    async def claim(self, request: tool_specs.CallRequest, known: KnownTool) -> None:
        """Note that the call asks for its effect, before it is made.

        Raises:
            DeniedError: it has none, and should; or the effect is another call's.
            UnavailableError: nothing can be noted now.
        """
        claiming = asyncio.create_task(self._claim(request, known))
        try:
            await asyncio.shield(claiming)
        except asyncio.CancelledError:  # what a thread writes is written all the same
            await asyncio.wait((claiming,))
            if claiming.exception() is None:
                with suppress(IntegrationError):
                    await self.settle(request, known, CallStatus.NOT_MADE)
            raise

    async def _claim(self, request: tool_specs.CallRequest, known: KnownTool) -> None:
        effect = _effect(request, known)
        if not effect:
            return
        limit_ms = round(tool_specs.limit_of(known).total_seconds() * 1_000)
        asked = _note(request, _now_ms() + limit_ms)
        for _ in range(TRIES_MAX):
            notes = await asyncio.to_thread(self._read, effect)
            refusal = refuse_effect_again(effect, asked, notes, _now_ms())
            if refusal is not None:
                raise DeniedError(refusal)
            if await asyncio.to_thread(self._write, effect, len(notes), asked):
                return
        raise UnavailableError(f"other calls ask for effect {effect!r} all the time: try again")

    async def settle(
        self, request: tool_specs.CallRequest, known: KnownTool, status: CallStatus
    ) -> None:
        """Note what came of it, where it was this call that had asked."""
        effect = _effect(request, known)
        if not effect:
            return
        own, notes = _note(request), await asyncio.to_thread(self._read, effect)
        last = notes[-1] if notes else None
        if last is None or last.state is not EffectState.ASKED:
            return
        if last.is_of(own.occurrence, own.life):
            await asyncio.to_thread(self._write, effect, len(notes), came_of_it(last, status))

    def _read(self, effect: str) -> list[EffectNote]:
        try:
            return [EffectNote.model_validate(each) for each in self._notes.of((effect,))]
        except ValidationError as error:
            raise CorruptError(f"a note of an effect cannot be read: {error.errors()[0]}") from None

    def _write(self, effect: str, number: int, note: EffectNote) -> bool:
        return self._notes.note((effect,), number, note.model_dump(mode="json"))


def _effect(request: tool_specs.CallRequest, known: KnownTool) -> str:
    if known.effect is None:
        return ""
    try:
        return effect_of(request.occurrence.call, known.effect)
    except CallRefusedError as error:
        raise DeniedError(str(error)) from None


def _note(request: tool_specs.CallRequest, until_ms: int = 0) -> EffectNote:
    return EffectNote(
        occurrence=request.occurrence.digest(),
        life=activity.info().workflow_run_id or "",
        state=EffectState.ASKED,
        until_ms=until_ms,
    )


def _now_ms() -> int:
    return int(time.time() * 1_000)
