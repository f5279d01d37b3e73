"""Pages that are looked at, and the streams that tell what of them has moved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.web.answers import TurnedAwayError
from mandate.console.desk import Meant
from mandate.console.forms import asked
from mandate.console.live import Look, Moving
from mandate.console.pages.agents import agent_page, agents_page
from mandate.console.pages.gate import gate_page
from mandate.console.pages.run import board_part, run_page
from mandate.console.pages.runs import runs_page, runs_part
from mandate.console.pages.start import pipeline_page, start_page
from mandate.console.pages.system import system_page, system_part
from mandate.console.pages.waiting import waiting_page, waiting_part
from mandate.console.pages.words import output_page
from mandate.console.served_pages import ConsoleSite, in_a_sentence, looked_at, shown
from mandate.console.sessions import WebSession

PAGE_RUNS: Final = 100
SELDOM_S: Final = 5.0  # between looks that ask many runs, or many systems
PATH_MAX: Final = 2_000  # characters: of a stage or a gate
OPENING_DIGITS_MAX: Final = 18


class Looking:
    """Answers GET."""

    def __init__(self, console: ConsoleSite) -> None:
        """Look at ``console``."""
        self._of = console

    def routes(self) -> list[Route]:
        """Return the addresses."""
        pages = {
            "/": self._runs,
            "/run": self._run,
            "/waiting": self._waiting,
            "/gate": self._gate,
            "/output": self._output,
            "/start": self._start,
            "/agents": self._agents,
            "/agent": self._agent,
            "/system": self._system,
        }
        streams = {
            "/live/runs": self._live_runs,
            "/live/run": self._live_run,
            "/live/waiting": self._live_waiting,
            "/live/system": self._live_system,
        }
        return [
            Route(path, looked_at(self._of, answer), methods=["GET"])
            for path, answer in (pages | streams).items()
        ]

    async def _runs(self, request: Request, session: WebSession | None) -> Response:
        before = request.query_params.get("before", "")
        found = await self._of.engine.list(limit=PAGE_RUNS + 1, before=_moment(before))
        last = found[PAGE_RUNS - 1].started if len(found) > PAGE_RUNS else None
        older = last.isoformat() if last else ""
        return shown(request, runs_page(found[:PAGE_RUNS], older=older, before=before), session)

    async def _run(self, request: Request, session: WebSession | None) -> Response:
        board = await self._of.desk.board(asked(request, "id"), is_whole=True)
        return shown(request, run_page(board), session)

    async def _waiting(self, request: Request, session: WebSession | None) -> Response:
        return shown(request, waiting_page(await self._of.desk.waiting()), session)

    async def _gate(self, request: Request, session: WebSession | None) -> Response:
        run, gate = asked(request, "run"), asked(request, "gate", PATH_MAX)
        view = await self._of.desk.gate(run, gate, meant_in(request, gate))
        return shown(request, gate_page(view, session), session)

    async def _output(self, request: Request, session: WebSession | None) -> Response:
        run, stage = asked(request, "run"), asked(request, "stage", PATH_MAX)
        name = asked(request, "name")
        digest, size, lines = await self._of.desk.output(run, stage, name)
        return shown(request, output_page((run, stage, name), digest, lines, size), session)

    async def _start(self, request: Request, session: WebSession | None) -> Response:
        if "pipeline" not in request.query_params:
            return shown(request, start_page(await asyncio.to_thread(self._of.names)), session)
        found = await asyncio.to_thread(self._of.compiled, asked(request, "pipeline"))
        return shown(request, pipeline_page(found.plan, found.digest, session), session)

    async def _agents(self, request: Request, session: WebSession | None) -> Response:
        return shown(request, agents_page(await self._of.stores.agents()), session)

    async def _agent(self, request: Request, session: WebSession | None) -> Response:
        name = asked(request, "id")
        for card, following in await self._of.stores.agents():
            if card.agent == name:
                return shown(request, agent_page(card, following), session)
        raise TurnedAwayError(404, "the ledger knows no such agent")

    async def _system(self, request: Request, session: WebSession | None) -> Response:
        return shown(request, system_page(await self._of.stores.condition()), session)

    async def _live_runs(self, request: Request, _session: WebSession | None) -> Response:
        async def look() -> Moving:
            return Moving(runs_part(await self._of.engine.list(limit=PAGE_RUNS)))

        return self._stream(request, "runs", look)

    async def _live_run(self, request: Request, _session: WebSession | None) -> Response:
        run = asked(request, "id")
        await self._of.engine.describe(run)  # who asks for what is not there is told so

        async def look() -> Moving:
            board = await self._of.desk.board(run, is_whole=False)
            return Moving(board_part(board), is_last=not board.account.is_under_way)

        return self._stream(request, f"run {run}", look)

    async def _live_waiting(self, request: Request, _session: WebSession | None) -> Response:
        async def look() -> Moving:
            return Moving(waiting_part(await self._of.desk.waiting()))

        return self._stream(request, "waiting", look, SELDOM_S)

    async def _live_system(self, request: Request, _session: WebSession | None) -> Response:
        async def look() -> Moving:
            return Moving(system_part(await self._of.stores.condition()))

        return self._stream(request, "system", look, SELDOM_S)

    def _stream(
        self, request: Request, key: str, look: Look, look_s: float | None = None
    ) -> Response:
        def may_look() -> bool:  # a login may end while its page is open
            return self._of.is_open or self._of.sessions.of(request) is not None

        return self._of.live.stream(key, _sentenced(look), alive=may_look, look_s=look_s)


def _sentenced(look: Callable[[], Awaitable[Moving]]) -> Look:
    async def seen() -> Moving:
        with in_a_sentence():
            return await look()

    return seen


def meant_in(request: Request, gate: str) -> Meant | None:
    """Return which time a gate is open is meant by an address that a message has told of."""
    if "opening" not in request.query_params:
        return None
    number = asked(request, "opening", OPENING_DIGITS_MAX)
    if not (number.isascii() and number.isdigit()):
        raise TurnedAwayError(400, "expected in ?opening=… a number")
    return asked(request, "id"), gate, int(number)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise TurnedAwayError(400, "expected in ?before=… a time with its zone")
    return moment
