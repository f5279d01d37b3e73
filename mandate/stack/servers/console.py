"""The console beside a stack: ``mandate serve``, watched like every other child.

Where people come by another address, which ``MANDATE_CONSOLE`` of the caller names, it is served
for that one, and asks for a login.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mandate._path import own_command
from mandate.stack.process import Child, Command

NAME: Final = "console"
READY_LINE: Final = "mandate serves"
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0


def command(data_dir: Path, port: int, origin: str, env: Mapping[str, str]) -> Command:
    """Return how to start it; ``origin`` is the address that people use, where it is another."""

    async def ready(child: Child) -> bool:
        return READY_LINE in child.output().splitlines()

    known_as = ("--origin", origin) if origin else ()
    return Command(
        name=NAME,
        argv=(
            *(*own_command(), "serve", "--data-dir", str(data_dir)),
            *("--port", str(port), *known_as),
        ),
        env={**env, "PYTHONUNBUFFERED": "1"},
        log=data_dir / "logs" / f"{NAME}.log",
        ready=ready,
        start_timeout_s=START_TIMEOUT_S,
        stop_timeout_s=STOP_TIMEOUT_S,
    )
