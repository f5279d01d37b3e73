"""The application: hooks, pages, and the door before both.

``make_app`` is all there is to compose: hooks from those who are told something, routes from those
who show something, the names this server has, and what has to be open meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from integrations.web.answers import TurnedAwayError
from integrations.web.door import BROKEN, Door, Told, as_json
from integrations.web.hooks import Hook, Hooks
from integrations.web.senders import NO_PROXIES, Senders

LIVE: Final = "/live"
_FOUND: Final = {
    404: TurnedAwayError(404, "there is nothing here"),
    405: TurnedAwayError(405, "this address is not asked by that method"),
}
Open = Callable[[], AbstractAsyncContextManager[object]]


def make_app(
    *,
    hooks: Sequence[Hook] = (),
    routes: Sequence[BaseRoute] = (),
    hosts: Collection[str],
    told: Told = as_json,
    opened: Open = nullcontext,
    senders: Senders = NO_PROXIES,
) -> ASGIApp:
    """Return the application.

    Args:
        hooks: what other systems may tell.
        routes: pages.
        hosts: ``name:port`` of this server, as they stand in ``Host``.
        told: how somebody is told that a request was turned away.
        opened: what is open for as long as it is served.
        senders: by which address somebody asks.
    """
    served = Hooks(tuple(hooks))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with opened():
            try:
                yield
            finally:
                await served.aclose()

    def refused(request: Request, error: Exception) -> Response:
        return told(request.scope, _turned_away(error))

    app = Starlette(
        routes=[Route(LIVE, _live, methods=["GET"]), *served.routes(), *routes],
        lifespan=lifespan,
        exception_handlers={TurnedAwayError: refused, HTTPException: refused, Exception: refused},
    )
    app.router.redirect_slashes = False
    return Door(app, hosts, told, senders)


async def _live(_request: Request) -> Response:
    return JSONResponse({"live": True})


def _turned_away(error: Exception) -> TurnedAwayError:
    """Return it as it is told: what a page raised, what the router found, or that it is a bug."""
    if isinstance(error, TurnedAwayError):
        return error
    status = error.status_code if isinstance(error, HTTPException) else BROKEN.status
    return _FOUND.get(status, BROKEN)
