"""``mandate approve`` and ``mandate reject``: prove who you are, and answer a gate.

1. The exit code is 0 only when the vote counted, as the run itself says.
2. At a terminal the person is asked once, after having been shown everything, unless told not to.
   Elsewhere nobody can be asked, and typing the command is the answer.
"""

from __future__ import annotations

from pathlib import Path

from dsl.rules.gates.consensus import Decision
from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_FAILED
from mandate.people.door import enter, temporal
from mandate.people.gates.sending import send
from mandate.people.gates.voting import prepare
from mandate.people.gates.wishes import Wish
from mandate.people.login.session import session
from mandate.stack import environment
from mandate.terminal import at_terminal, confirmed, note, say, say_json


def run(wish: Wish, *, is_sure: bool = False, as_json: bool = False, data_dir: Path | None) -> int:
    """Vote, and print the verdict; return 0 when the vote counted (1)."""
    return enter(wish.decision, _answer(wish, data_dir, is_sure=is_sure, as_json=as_json))


async def _answer(wish: Wish, data_dir: Path | None, *, is_sure: bool, as_json: bool) -> int:
    env = environment.present(data_dir)
    asks = not is_sure and at_terminal()  # (2) asked once, where somebody can be
    question = Terminal.of("{}? [y/N] ", Decision(wish.decision))
    async with session(env) as who:
        ready = await prepare(
            *(await temporal(env), who, wish, note),
            env=env,
            confirm=(lambda: confirmed(question)) if asks else None,
        )
    counted, line = await send(ready, wish)
    if as_json:
        voted = {"run": wish.run, "gate": wish.gate, "decision": wish.decision}
        say_json({**voted, "counted": counted, "verdict": line})
    else:
        say(line)
    return 0 if counted else EXIT_FAILED
