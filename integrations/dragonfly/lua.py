"""The scripts: how they are loaded and what their answers mean.

A script that is not one of ours does not run here. The rules every script keeps:

1. It touches no key but those in KEYS: Dragonfly locks these and refuses all others.
2. Running it again after a lost reply changes nothing more, because the client sends a
   command again whose reply it did not see.
3. It reads the same on Lua 5.1 and Lua 5.4, and never reads a stream.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from integrations.errors import ColdError, RevokedError

SCRIPTS: Final = (
    "acquire",
    "beat",
    "budget",
    "cas",
    "circuit",
    "ready",
    "release",
    "revoke",
    "seed",
    "unbind",
)
_FOLDER: Final = Path(__file__).parent / "scripts"


class Answer(IntEnum):
    """First element of what a script answers."""

    ORDER = -4
    LOST = -3
    REVOKED = -2
    COLD = -1
    REFUSED = 0  # held by another, other version, nothing to do: each script says which
    DONE = 1
    AGAIN = 2  # done before, by the same attempt or operation
    TAKEN_OVER = 3
    CLAIMED = 4


def script(client: Redis, name: str) -> AsyncScript:
    """Prepare a script of ours; it is sent to the server when first needed."""
    return client.register_script(source(name))


@cache
def source(name: str) -> str:
    """Return the text of a script of ours."""
    if name not in SCRIPTS:
        raise ValueError(f"unknown script {name!r}; expected one of {', '.join(SCRIPTS)}")
    return (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")


def require_authority(code: int, agent: str) -> None:
    """Raise when the guard stood in the way.

    Raises:
        ColdError: the server has no guard for the agent.
        RevokedError: the agent is revoked, or was since the caller learned its epoch.
    """
    if code == Answer.COLD:
        raise ColdError(f"no guard for agent {agent!r}: seed it with its authority from the ledger")
    if code == Answer.REVOKED:
        raise RevokedError(f"agent {agent!r} was revoked: its guard says so")
