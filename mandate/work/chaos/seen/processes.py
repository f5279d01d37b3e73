"""Processes of agents that are alive, read from the kernel's own table.

1. An agent's process works in a private directory below the workers' temporary one; whatever it has
   started stands there, too, unless it went elsewhere. What its keeper is, the roster says.
2. A process that ends while it is looked at is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from dsl.rules.chaos.evidence import LeftProcess
from integrations.agents.processes.roster import Roster

_PROC: Final = Path("/proc")
_PRIVATE: Final = re.compile(r"mandate-[0-9]+-.+")
_COMMAND_SHOWN_MAX: Final = 200  # characters


def processes_left(scratch: Path) -> tuple[LeftProcess, ...]:
    """Return the agents' processes below ``scratch``, by pid.

    Raises:
        CorruptError: an entry of the roster cannot be read.
    """
    keepers = {each.keeper: each.agent for each in Roster(scratch).alive()}
    at_work = {pid: keepers.get(pid, "") for pid in _working_below(scratch.resolve())}
    return tuple(
        LeftProcess(pid, agent, _command(pid)) for pid, agent in sorted((at_work | keepers).items())
    )


def _working_below(scratch: Path) -> Iterator[int]:
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):  # (2) it ended meanwhile
            place = (entry / "cwd").readlink()
            if place.is_relative_to(scratch) and any(map(_PRIVATE.fullmatch, place.parts)):
                yield int(entry.name)


def _command(pid: int) -> str:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode(errors="replace").strip()[:_COMMAND_SHOWN_MAX]
