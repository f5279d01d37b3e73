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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from dsl.tools.reach import filled, port_of
from dsl.tools.servers import ToolServer
from integrations.agents.keeper.process import Process
from integrations.agents.keeper.reserve import Reserve
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.sandbox.spec import SandboxSpec, launch, path_of
from integrations.agents.workdir import workdir
from integrations.clock import boottime
from integrations.errors import DeniedError
from integrations.redaction import Redactor
from integrations.tools.session import START_S, ToolSession
from integrations.tools.stdio import StdioWire
from integrations.tools.streamable import HttpWire

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
    """Start ``server``, or reach it, and greet it; it is gone, or let go, when this ends (1).

    Args:
        server: as its operator has declared it.
        around: what the machine offers.
        environment: the secrets that it is handed, by name; they are shown nowhere (2).
        alive_s: how long it may live after it was greeted, unless the session says longer.
        reserve: has a keeper that came up before, perhaps.
        on_start: hears the pid of its keeper before it starts.

    Raises:
        DeniedError: it cannot be started as it must.
        UnavailableError: this machine starts no process now.
        ToolServerError: it does not greet back.
    """
    handed = environment or {}
    if server.url is None:
        keepers = partial((reserve or Reserve(keeps=False)).begin, on_start=on_start)
        opened = _started(server, around, handed, alive_s, keepers)
    else:
        opened = _reached(server, server.url, around, handed)
    async with opened as session:
        await session.greet()
        yield session


@asynccontextmanager
async def _reached(
    server: ToolServer, url: str, around: Surroundings, handed: Mapping[str, str]
) -> AsyncIterator[ToolSession]:
    port = port_of(url)
    if port in around.ports:
        raise _engines_own(server, port)
    headers = filled(server.headers, handed)  # (2) nowhere else
    redact = Redactor((*handed.values(), *(headers.values() if handed else ())))
    wired = HttpWire(url, headers, redact, server.ca)
    try:
        yield ToolSession(server.name, wired, redact)
    finally:
        await wired.end()


@asynccontextmanager
async def _started(
    server: ToolServer,
    around: Surroundings,
    handed: Mapping[str, str],
    alive_s: float,
    begin: Callable[[dict[str, Any], Lifeline], Awaitable[Process]],
) -> AsyncIterator[ToolSession]:
    argv = _argv(server.command, around)
    with ExitStack() as stack:
        directory = stack.enter_context(workdir())
        spec = launch(argv, Path(argv[0]), directory, _sandbox(server, around, argv))
        spec["env"] = {**spec["env"], **server.environment, **handed}
        lifeline = Lifeline(boottime() + START_S + alive_s + _MARGIN_S)
        process = stack.enter_context(closing(await begin(spec, lifeline)))
        redact = Redactor(handed.values())
        pipe = StdioWire(process, redact)
        watching = None
        try:
            await process.ready()
            watching = asyncio.ensure_future(pipe.watch())
            yield ToolSession(server.name, pipe, redact, partial(_live, lifeline))
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
        raise _engines_own(server, taken[0])
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


def _engines_own(server: ToolServer, port: int | None) -> DeniedError:
    return DeniedError(
        f"tool server {server.name!r}: port {port} belongs to the engine's own servers"
    )


def _refuse_own_pins(server: ToolServer, around: Surroundings) -> None:
    for written in (Path(each).resolve() for each in server.sandbox.write):
        for folder in (each.resolve() for each in around.declared):
            if written.is_relative_to(folder) or folder.is_relative_to(written):  # (3) its own pins
                raise DeniedError(
                    f"tool server {server.name!r} would write into {written}, and servers are "
                    f"declared and pinned in {folder}: give it another directory"
                )
