"""``mandate approve`` and ``mandate reject``: prove who you are, and answer a gate.

1. The vote is an update: it has an answer. Its id is made from the proof's nonce, so a request
   that is sent again is the same vote.
2. The exit code is 0 only when the vote counted, as the run itself says.
3. Waiting for the answer ends after ``VERDICT``; the vote may still count then, and that is said.
4. At a terminal the person is asked once, after having been shown everything, unless told not to.
   Elsewhere nobody can be asked, and typing the command is the answer.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from dsl.rules.gates.consensus import Decision
from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_FAILED
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError
from mandate.people.gates.voting import Ready, prepare
from mandate.people.gates.wishes import Wish
from mandate.people.login.session import session
from mandate.stack import environment
from mandate.terminal import at_terminal, confirmed, note, say, say_json

VERDICT: Final = timedelta(seconds=60)


def run(wish: Wish, *, is_sure: bool = False, as_json: bool = False, data_dir: Path | None) -> int:
    """Vote, and print the verdict; return 0 when the vote counted (2)."""
    return enter(wish.decision, _answer(wish, data_dir, is_sure=is_sure, as_json=as_json))


def verdict_line(wish: Wish, answer: Any) -> tuple[bool, Terminal]:
    """Return whether the vote counted, and the verdict as people read it."""
    said = answer if isinstance(answer, dict) else {}
    if said.get("counted") is True:
        words = (wish.decision, said.get("gate", wish.gate), said.get("detail", ""))
        return True, Terminal.of("counted: {} at {}; {}", *words)
    return False, Terminal.of("refused: {}", said.get("why") or "the run does not say why")


async def _answer(wish: Wish, data_dir: Path | None, *, is_sure: bool, as_json: bool) -> int:
    env = environment.present(data_dir)
    asks = not is_sure and at_terminal()  # (4) asked once, where somebody can be
    question = Terminal.of("{}? [y/N] ", Decision(wish.decision))
    async with session(env) as who:
        ready = await prepare(
            *(await temporal(env), who, wish, note),
            env=env,
            confirm=(lambda: confirmed(question)) if asks else None,
        )
    counted, line = await _send(ready, wish)
    if as_json:
        voted = {"run": wish.run, "gate": wish.gate, "decision": wish.decision}
        say_json({**voted, "counted": counted, "verdict": line})
    else:
        say(line)
    return 0 if counted else EXIT_FAILED


async def _send(ready: Ready, wish: Wish) -> tuple[bool, Terminal]:
    try:
        async with asyncio.timeout(VERDICT.total_seconds()):
            answer = await ready.handle.execute_update(
                "vote",
                ready.vote,
                id=f"vote-{ready.nonce}",
                rpc_timeout=VERDICT,  # (1) sent again, it is the same vote
            )
    except WorkflowUpdateFailedError as failure:
        return False, Terminal.of("refused: {}", failure.cause)
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):  # (3) it may still count
        raise RefusalError(
            "no verdict within {:g} s: the vote is sent and may count yet; see: mandate gates",
            VERDICT.total_seconds(),
        ) from None
    except RPCError as error:
        return False, Terminal.of("refused: {}", error.message)
    return verdict_line(wish, answer)
