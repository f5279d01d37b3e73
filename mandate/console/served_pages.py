"""What the console is made of, and what every request for a page goes by.

1. Looking needs no login where only this machine can look; elsewhere everything does but the login.
2. What fails on the way is one sentence, for people; what is not there is told alike, whatever it
   is. The page leads back to what it is about, and shows who is logged in.
3. Nobody is told here what to type: that is for whoever types commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope
from temporalio.service import RPCError

from dsl.catalogue import UnknownPipelineError
from dsl.compiler import Compiled
from dsl.errors import DslError
from integrations.errors import DeniedError, IntegrationError, NotFoundError
from integrations.settings import SettingsError
from integrations.web.answers import TurnedAwayError, turned_away
from integrations.web.door import HOOKS_BELOW, Told
from integrations.web.engine import RunEngine
from mandate.console.desk import Desk
from mandate.console.live import Live
from mandate.console.oidc import OidcLogins
from mandate.console.pages.frame import Viewed, href, page
from mandate.console.pages.words import refusal_page
from mandate.console.sessions import Sessions, WebSession
from mandate.console.stores import SiteStores
from mandate.people.errors import RefusalError, UsageError
from mandate.unanswered import words_of

MISDIRECTED = 421
_SEE_OTHER = 303
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class ConsoleSite:
    """Everything that pages are made from."""

    engine: RunEngine
    desk: Desk
    stores: SiteStores
    sessions: Sessions
    live: Live
    names: Callable[[], Sequence[str]]  # of pipelines in the catalogue
    compiled: Callable[[str], Compiled]
    is_open: bool  # who can ask may look (1)
    oidc: OidcLogins | None = None  # where people may log in by it


Answer = Callable[[Request, WebSession | None], Awaitable[Response]]


def looked_at(console: ConsoleSite, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Return what serves a page that may be looked at (1)."""

    async def serve(request: Request) -> Response:
        session = console.sessions.of(request)
        if session is None and not console.is_open:
            return RedirectResponse(href("/login", next=here_of(request)), _SEE_OTHER)
        with in_a_sentence():
            return await answer(request, session)

    return serve


def shown(
    request: Request, viewed: Viewed, session: WebSession | None, *, status: int = 200
) -> Response:
    """Return a page as it is sent."""
    return HTMLResponse(page(viewed, here_of(request), session), status)


def here_of(request: Request) -> str:
    """Return the address that was asked for, without the name of the server."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def told_as_page(sessions: Sessions) -> Told:
    """Return what tells somebody who looks at pages that something was not done (2)."""

    def told(scope: Scope, error: TurnedAwayError) -> Response:
        """Tell them; a program in JSON."""
        accepts = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        if scope["path"].startswith(HOOKS_BELOW) or "text/html" not in accepts:
            return turned_away(error)
        request = Request(scope)
        is_ours = error.status != MISDIRECTED  # by another name nobody is logged in here
        session = sessions.of(request) if is_ours else None
        ways = ways_back(scope["path"], request.query_params)
        here = next(iter(ways), "/") if is_ours else "/"
        viewed = refusal_page(error.status, error.message, ways)
        response = HTMLResponse(page(viewed, here, session), error.status)
        if error.retry_after_s:
            response.headers["retry-after"] = str(error.retry_after_s)
        return response

    return told


def ways_back(path: str, asked: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses of what a request was about, each with what it is called."""
    run, gate = asked.get("run", ""), asked.get("gate", "")
    found = {}
    if path == "/vote" and run and gate:
        found[href("/gate", run=run, gate=gate)] = "the gate"
    if path in ("/vote", "/gate", "/output") and run:
        found[href("/run", id=run)] = "the run"
    if path == "/start" and "pipeline" in asked:
        found["/start"] = "the pipelines"
    return found


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Turn away in one sentence what fails (2)."""
    try:
        yield
    except UsageError as error:  # (3) without what is typed
        raise TurnedAwayError(400, error.sentence) from None
    except RefusalError as error:
        raise TurnedAwayError(404, error.sentence) from None
    except DslError as error:
        raise TurnedAwayError(400, str(error)) from None
    except (NotFoundError, UnknownPipelineError) as error:
        raise TurnedAwayError(404, str(error)) from None
    except DeniedError as error:
        raise TurnedAwayError(403, str(error)) from None
    except (IntegrationError, SettingsError) as error:  # a file it names may be there again soon
        raise TurnedAwayError(_UNAVAILABLE, str(error), retry_after_s=5) from None
    except (RPCError, TimeoutError) as error:
        said = f"temporal: {words_of(error)}"
        raise TurnedAwayError(_UNAVAILABLE, said, retry_after_s=5) from None
