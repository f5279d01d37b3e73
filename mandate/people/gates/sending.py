"""A vote that is signed, on its way: sent once, and what became of it in the run's own words.

1. The vote is an update: it has an answer. Its id is made from the proof's nonce, so a request that
   is sent again is the same vote.
2. Waiting for the answer ends after ``VERDICT``; the vote may still count then, and that is said.
   So it is where the server was lost on the way: refused is what the server says it has refused.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from dsl.shown.surfaces import Terminal
from mandate.people.errors import RefusalError, words_of_cause
from mandate.people.gates.voting import Ready
from mandate.people.gates.wishes import Wish
from mandate.unanswered import words_of

VERDICT: Final = timedelta(seconds=60)
_REFUSED: Final = (
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.FAILED_PRECONDITION,
)


class NoVerdictError(RefusalError):
    """A vote is sent, and nobody knows yet whether it counts."""


async def send(ready: Ready, wish: Wish) -> tuple[bool, Terminal]:
    """Send it; return whether it counted, and the verdict as people read it.

    Raises:
        NoVerdictError: no verdict came in time, or the server was lost (2).
    """
    try:
        async with asyncio.timeout(VERDICT.total_seconds()):
            answer = await ready.handle.execute_update(
                "vote",
                ready.vote,
                id=f"vote-{ready.nonce}",
                rpc_timeout=VERDICT,  # (1) sent again, it is the same vote
            )
    except WorkflowUpdateFailedError as failure:
        return False, Terminal.of("refused: {}", words_of_cause(failure.cause))
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):  # (2) it may still count
        raise NoVerdictError(
            "no verdict within {:g} s: the vote is sent and may count yet",
            VERDICT.total_seconds(),
            typed="see: mandate gates",
        ) from None
    except RPCError as error:
        if error.status in _REFUSED:
            return False, Terminal.of("refused: {}", words_of(error))
        raise NoVerdictError(
            "no verdict ({}): the vote was on its way and may count yet",
            words_of(error),
            typed="see: mandate gates",
        ) from None
    return verdict_line(wish, answer)


def verdict_line(wish: Wish, answer: Any) -> tuple[bool, Terminal]:
    """Return whether the vote counted, and the verdict as people read it."""
    said = answer if isinstance(answer, dict) else {}
    if said.get("counted") is True:
        words = (wish.decision, said.get("gate", wish.gate), said.get("detail", ""))
        return True, Terminal.of("counted: {} at {}; {}", *words)
    return False, Terminal.of("refused: {}", said.get("why") or "the run does not say why")
