"""A tool server at work: started in its sandbox or reached by its address, greeted, and ended.

1. One that is started runs under the keeper of agents, in a sandbox of its own: an empty
   environment, a private directory, no network but declared ports, no file but those its operator
   has opened. Whatever ends this session, the death of the worker too, ends its whole tree.
2. What it is handed stands in its environment, or in the headers of its requests, and nowhere else.
3. No server writes where servers are declared: it could pin what it says itself.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from dsl.tools.servers import ToolServer
from integrations.agents.keeper.reserve import Reserve
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.sandbox.spec import SandboxSpec, launch, path_of
from integrations.agents.workdir import workdir
from integrations.clock import boottime
from integrations.errors import DeniedError
from integrations.redaction import Redactor
from integrations.tools.asking import START_S, ToolSession
from integrations.tools.stdio import StdioWire

_MARGIN_S: Final = 30.0  # by which the keeper's deadline is later than ours


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine offers to servers."""

    path: tuple[Path, ...] = ()  # where their programs are found, besides the system's own places
    denied: tuple[Path, ...] = ()  # what nothing may read
    ports: frozenset[int] = frozenset()  # of the engine's own servers
    declared: tuple[Path, ...] = ()  # directories in which servers are declared, and pinned (3)
    required: bool = True  # without Landlock, refuse to start


@asynccontextmanager
async def serving(
    server: ToolServer,
    around: Surroundings,
    *,
    environment: Mapping[str, str] | None = None,
    alive_s: float = START_S,
    reserve: Reserve | None = None,
    on_start: Callable[[int], None] | None = None,
) -> AsyncIterator[ToolSession]:
    """Start ``server`` and greet it; it is gone when this ends (1).

    Args:
        server: as its operator has declared it.
        around: what the machine offers.
        environment: what it is given besides, by name; it is shown nowhere (2).
        alive_s: how long it may live after it was greeted, unless the session says longer.
        reserve: has a keeper that came up before, perhaps.
        on_start: hears the pid of its keeper before it starts.

    Raises:
        DeniedError: it cannot be started as it must.
        UnavailableError: this machine starts no process now.
        ToolServerError: it does not greet back.
    """
    argv = _argv(server.command, around)
    with ExitStack() as stack:
        directory = stack.enter_context(workdir())
        spec = launch(argv, Path(argv[0]), directory, _sandbox(server, around, argv))
        spec["env"] = {**spec["env"], **server.environment, **(environment or {})}
        lifeline = Lifeline(boottime() + START_S + alive_s + _MARGIN_S)
        keepers = reserve or Reserve(keeps=False)
        process = stack.enter_context(closing(await keepers.begin(spec, lifeline, on_start)))
        redact = Redactor((environment or {}).values())
        pipe = StdioWire(process, redact)
        watching = None
        try:
            await process.ready()
            watching = asyncio.ensure_future(pipe.watch())
            session = ToolSession(server.name, pipe, redact, partial(_live, lifeline))
            await session.greet()
            yield session
        finally:
            await process.end()
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)


def _live(lifeline: Lifeline, seconds: float) -> None:
    lifeline.renew(boottime() + seconds + _MARGIN_S)


def _argv(command: Sequence[str], around: Surroundings) -> list[str]:
    found = shutil.which(command[0], path=path_of(around.path))
    if found is None:
        raise DeniedError(
            f"{command[0]!r} is not on the agents' PATH: install it, or name it by its path"
        )
    return [found, *command[1:]]


def _sandbox(server: ToolServer, around: Surroundings, argv: Sequence[str]) -> SandboxSpec:
    declared = server.sandbox.model_dump(
        exclude={"read", "write", "tcp", "grace"}, exclude_none=True
    )
    taken = sorted(around.ports & set(server.sandbox.tcp))
    if taken:
        raise DeniedError(
            f"tool server {server.name!r}: port {taken[0]} belongs to the engine's own servers"
        )
    _refuse_own_pins(server, around)
    sandbox = SandboxSpec(
        read=tuple(map(Path, server.sandbox.read)),
        path=(Path(argv[0]).parent, *around.path),  # what it is made of mostly lies beside it
        write=tuple(map(Path, server.sandbox.write)),
        denied=around.denied,
        tcp=server.sandbox.tcp,
        required=around.required,
    )
    return replace(sandbox, **declared)


def _refuse_own_pins(server: ToolServer, around: Surroundings) -> None:
    for written in (Path(each).resolve() for each in server.sandbox.write):
        for folder in (each.resolve() for each in around.declared):
            if written.is_relative_to(folder) or folder.is_relative_to(written):  # (3) its own pins
                raise DeniedError(
                    f"tool server {server.name!r} would write into {written}, and servers are "
                    f"declared and pinned in {folder}: give it another directory"
                )
