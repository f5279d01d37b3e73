"""May a call at T3 bring about an effect? Asked by the worker that makes it, of its own notes.

Whether an effect was asked for before is decided where the ledger is written, and what is told
there is a workflow's word. So this worker names the effect itself, by the operator's declaration
and the arguments that it is about to send, and notes it where no workflow reaches. Pure. The rules:

1. An effect is noted as asked before the call is made, and then what came of it: it is brought
   about where the server has answered, whatever it said, and open again where it was not asked, or
   nobody knows. Of that people say what happened, and the ledger lets go of it or does not.
2. What was brought about, and what is asked by another call, is refused.
3. A note that nothing came of counts until the server that was asked has been ended for certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from dsl.core import Value
from dsl.rules.tools.journal import MADE, CallStatus


class EffectState(StrEnum):
    """What is known of an effect."""

    ASKED = "asked"
    BROUGHT_ABOUT = "brought-about"
    OPEN = "open"


class EffectNote(Value):
    """What was known of an effect after one call."""

    occurrence: str  # digest
    life: str  # run id of the stage's own execution
    state: EffectState
    until_ms: int = 0  # of one that is asked: then its server is gone (3)

    def is_of(self, occurrence: str, life: str) -> bool:
        """Tell whether it is of this call of this execution."""
        return (self.occurrence, self.life) == (occurrence, life)


def refuse_effect_again(
    effect: str, wanted: EffectNote, notes: Sequence[EffectNote], now_ms: int
) -> str | None:
    """Say why ``wanted`` may not ask for the effect; None: it may (2)."""
    last = notes[-1] if notes else None
    if last is None or last.state is EffectState.OPEN:
        return None
    if last.state is EffectState.BROUGHT_ABOUT:
        return f"its effect {effect!r} was brought about before, by call {last.occurrence}"
    if last.is_of(wanted.occurrence, wanted.life) or now_ms > last.until_ms:  # (3) it is gone
        return None
    return f"its effect {effect!r} is asked for by call {last.occurrence}: nobody knows of it yet"


def came_of_it(asked: EffectNote, status: CallStatus) -> EffectNote:
    """Return what is noted when a call is over (1)."""
    state = EffectState.BROUGHT_ABOUT if status in MADE else EffectState.OPEN
    return asked.model_copy(update={"state": state, "until_ms": 0})
