"""One tool server at work: started in its sandbox, greeted, asked, and ended.

1. It runs under the keeper of agents, in a sandbox of its own: an empty environment, a private
   directory, no network but declared ports, no file but those its operator has opened. Whatever
   ends this session, the death of the worker too, ends its whole tree.
2. One request is under way at a time, and has its time. A server that is silent, floods, ends or
   breaks the protocol is ended; what was asked may have been done by then.
3. What it writes to stderr is for people: its end is shown where it fails.
4. No word of it is shown that holds what it was handed: words are redacted whole, then cut.
5. No server writes where servers are declared: it could pin what it says itself.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from dsl.limits import TOOL_LIST_BYTES_MAX, TOOLS_OF_SERVER_MAX
from dsl.tools.servers import ToolServer
from integrations.agents.keeper.process import Process
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.sandbox.spec import SandboxSpec, launch, path_of
from integrations.agents.workdir import workdir
from integrations.clock import boottime
from integrations.errors import DeniedError
from integrations.redaction import Redactor
from integrations.tools import wire
from integrations.tools.listing import ListedTool, listed_in, refuse_list
from integrations.tools.wire import OutcomeUnknownError, Refusal, ToolServerError

START_S: Final = 60.0  # to be greeted: some load much before they listen
PAGES_MAX: Final = 100  # of a list
_STDERR_BYTES_MAX: Final = 4 << 10
_SHOWN_MAX: Final = 300  # characters of what it says, and of stderr
_UTF8_MAX: Final = 4  # bytes of a character
_MARGIN_S: Final = 30.0  # by which the keeper's deadline is later than ours


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine offers to servers."""

    path: tuple[Path, ...] = ()  # where their programs are found, besides the system's own places
    denied: tuple[Path, ...] = ()  # what nothing may read
    ports: frozenset[int] = frozenset()  # of the engine's own servers
    declared: tuple[Path, ...] = ()  # directories in which servers are declared, and pinned (5)
    required: bool = True  # without Landlock, refuse to start


class ToolSession:
    """A server that was greeted; ``redact`` knows what it was handed."""

    def __init__(self, name: str, process: Process, redact: Redactor) -> None:
        self.redact = redact
        self._name = name
        self._process = process
        # (4) a secret whose start is cut off is known by its end
        self._stderr_max = _STDERR_BYTES_MAX + _UTF8_MAX * redact.margin
        self._stderr_is_cut = False
        self._number = 0
        self._heard = 0  # bytes
        self._stderr = bytearray()

    async def greet(self) -> None:
        """Greet it.

        Raises:
            ToolServerError: it does not greet back.
        """
        try:
            _unrefused(await self._ask("initialize", wire.greeting(), START_S), "initialize")
        except ToolServerError as error:
            raise self._failed(error) from None
        await self._process.tell(wire.notice("notifications/initialized"))

    async def tools(self) -> list[ListedTool]:
        """Return the tools it lists now.

        Raises:
            ToolServerError: it lists none that can be gone by.
        """
        try:
            return await self._listed()
        except ToolServerError as error:
            raise self._failed(error) from None

    async def call(
        self, tool: str, arguments: Mapping[str, Any], timeout_s: float
    ) -> dict[str, Any] | str:
        """Return the answer to a call; a text: the server refuses the request.

        Raises:
            OutcomeUnknownError: no answer came that can be read.
        """
        params = {"name": tool, "arguments": dict(arguments)}
        try:
            answer = await self._ask("tools/call", params, timeout_s)
        except ToolServerError as error:
            raise OutcomeUnknownError(str(self._failed(error))) from None
        return self._shown(answer.message) if isinstance(answer, Refusal) else answer

    async def _listed(self) -> list[ListedTool]:
        found: list[ListedTool] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            answer = await self._ask(
                "tools/list", {} if not cursor else {"cursor": cursor}, START_S
            )
            page, cursor = listed_in(_unrefused(answer, "tools/list"))
            found += page
            if cursor is None or len(found) > TOOLS_OF_SERVER_MAX:
                refuse_list(found)
                return found
        raise ToolServerError(f"its list has more than {PAGES_MAX} pages")

    async def watch(self) -> None:
        """Keep the end of what it says to people (3), until cancelled."""
        while chunk := await self._process.stderr.read(1 << 12):
            self._stderr += chunk
            self._stderr_is_cut |= len(self._stderr) > self._stderr_max
            del self._stderr[: -self._stderr_max]

    async def _ask(
        self, method: str, params: Mapping[str, Any], timeout_s: float
    ) -> dict[str, Any] | Refusal:
        """Return the answer to one request (2)."""
        self._number += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._process.tell(wire.request(self._number, method, params))
                return await self._answer()
        except TimeoutError:
            raise ToolServerError(f"no answer to {method} within {timeout_s:g} s") from None

    async def _answer(self) -> dict[str, Any] | Refusal:
        while True:
            try:
                line = await self._process.stdout.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                raise ToolServerError("it has ended") from None
            except asyncio.LimitOverrunError:
                raise ToolServerError("a message of it is longer than 1 MiB") from None
            self._heard += len(line)
            if self._heard > TOOL_LIST_BYTES_MAX:
                raise ToolServerError(f"it says more than {TOOL_LIST_BYTES_MAX >> 20} MiB")
            taken = self._taken(line)
            if isinstance(taken, wire.Asked):
                await self._process.tell(taken.reply)
            elif taken is not None:
                return taken

    def _taken(self, line: bytes) -> dict[str, Any] | Refusal | wire.Asked | None:
        try:
            return wire.taken(line, self._number)
        except ToolServerError:
            if self.redact.found_in(line):  # (4) what is quoted of it may be half a secret
                raise ToolServerError(
                    "it breaks the protocol with a message that holds what it was handed"
                ) from None
            raise

    def _failed(self, why: ToolServerError) -> ToolServerError:
        said = self._stderr.decode(errors="replace")
        clean = self.redact.cut_text(said) if self._stderr_is_cut else self.redact.text(said)
        end = " ".join(self.redact.cut_end(clean).split())[-_SHOWN_MAX:]
        last = f"; it said: {end}" if end else ""
        return ToolServerError(f"tool server {self._name!r}: {self._shown(str(why))}{last}")

    def _shown(self, said: str) -> str:
        """Return words of the server as they may be shown (4)."""
        return " ".join(self.redact.text(said).split())[:_SHOWN_MAX]


def _unrefused(answer: dict[str, Any] | Refusal, method: str) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        raise ToolServerError(f"it refuses {method}: {answer.message}")
    return answer


@asynccontextmanager
async def serving(
    server: ToolServer,
    around: Surroundings,
    *,
    environment: Mapping[str, str] | None = None,
    alive_s: float = START_S,
) -> AsyncIterator[ToolSession]:
    """Start ``server`` and greet it; it is gone when this ends (1).

    Args:
        server: as its operator has declared it.
        around: what the machine offers.
        environment: what it is given besides, by name; it is shown nowhere (4).
        alive_s: how long it may live after it was greeted.

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
        process = stack.enter_context(closing(await Process.start()))
        session = ToolSession(server.name, process, Redactor((environment or {}).values()))
        watching = None
        try:
            await process.begin(spec, lifeline)
            await process.ready()
            watching = asyncio.ensure_future(session.watch())
            await session.greet()
            yield session
        finally:
            await process.end()
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)


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
            if written.is_relative_to(folder) or folder.is_relative_to(written):  # (5) its own pins
                raise DeniedError(
                    f"tool server {server.name!r} would write into {written}, and servers are "
                    f"declared and pinned in {folder}: give it another directory"
                )
