"""What is done from a page: a login and its end, a vote, a start.

1. Everything here is a POST from a page of ours; whatever acts for somebody carries the word of
   their session as well. See ``mandate.console.sessions``.
2. Tries to log in are few, ``LOGIN_RATE`` for each address. Where everybody comes from the address
   of a proxy they are counted by the name that is given, so that nobody keeps all others out, and
   ``LOGINS_RATE`` for all together. Vault counts for each name besides.
3. After a login the way leads back to a page of ours and nowhere else. A login elsewhere begins and
   ends by a link, and is somebody's by ``mandate.console.oidc``.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dsl.compiler import Compiled
from dsl.inputs import InputsError, resolve_inputs
from dsl.plan import InputPlan
from integrations.errors import DeniedError, IntegrationError
from integrations.vault import naming
from integrations.web.answers import TurnedAwayError
from integrations.web.rates import Buckets, Rate
from mandate.console.forms import asked, form_of
from mandate.console.keeping import log_out
from mandate.console.looking import PATH_MAX
from mandate.console.oidc import BEGIN, RETURN, UNDER_WAY_S
from mandate.console.pages.decision import SHOWN_FIELD
from mandate.console.pages.frame import href
from mandate.console.pages.start import FIELD_NAME, pipeline_page
from mandate.console.pages.words import login_page, verdict_page
from mandate.console.served_pages import ConsoleSite, in_a_sentence, shown
from mandate.console.sessions import WebSession
from mandate.people.errors import RefusalError, UsageError
from mandate.people.gates.rows import GateRow
from mandate.people.gates.sending import NoVerdictError
from mandate.people.gates.wishes import APPROVE, REJECT, Wish
from mandate.typed_inputs import read_input

LOGIN_RATE: Final = Rate(per_s=0.2, burst=10)
LOGINS_RATE: Final = Rate(per_s=20, burst=200)
CODE_MAX: Final = 4_000  # characters that an issuer hands back
NAME_MAX: Final = 200  # characters, of which a name is known again
_SEE_OTHER: Final = 303
_TOKEN: Final = "token"  # noqa: S105 - what it is called


class Acting:
    """Answers POST."""

    def __init__(self, console: ConsoleSite) -> None:
        """Act on ``console``."""
        self._of = console
        self._tries = Buckets(LOGIN_RATE)
        self._all_tries = Buckets(LOGINS_RATE)

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/login", self._login_form, methods=["GET"]),
            Route("/login", self._login, methods=["POST"]),
            Route(BEGIN, self._go, methods=["GET"]),
            Route(RETURN, self._come_back, methods=["GET"]),
            Route("/logout", self._logout, methods=["POST"]),
            Route("/vote", self._vote, methods=["POST"]),
            Route("/start", self._start, methods=["POST"]),
        ]

    async def _login_form(self, request: Request) -> Response:
        viewed = login_page(back_of(request), elsewhere=self._elsewhere)
        return shown(request, viewed, self._of.sessions.of(request))

    @property
    def _elsewhere(self) -> str:
        return BEGIN if self._of.oidc is not None else ""

    async def _go(self, request: Request) -> Response:
        if self._of.oidc is None:
            raise TurnedAwayError(404, "nobody logs in by OIDC here")
        self._refuse_many(request, "")
        with in_a_sentence():
            origin = self._of.sessions.own_origin(request)
            begun = await self._of.oidc.begin(origin, back_of(request))
        response = RedirectResponse(begun.address, _SEE_OTHER)
        self._of.sessions.go(begun.word, response, path=RETURN, life_s=UNDER_WAY_S)
        return response

    async def _come_back(self, request: Request) -> Response:
        if self._of.oidc is None:
            raise TurnedAwayError(404, "nobody logs in by OIDC here")
        if "code" not in request.query_params:
            raise TurnedAwayError(403, "the issuer let nobody in: log in again")
        state, code = asked(request, "state"), asked(request, "code", CODE_MAX)
        with in_a_sentence():
            login, back = await self._of.oidc.end(state, code, self._of.sessions.gone(request))
        response = RedirectResponse(back, _SEE_OTHER)
        self._of.sessions.begin(login, response, before=self._of.sessions.of(request))
        return response

    async def _login(self, request: Request) -> Response:
        self._of.sessions.refuse_foreign(request)  # (1) from a page of ours
        form, back = await form_of(request), back_of(request)
        name, secret = form.get("name", ""), form.get("secret", "")
        self._refuse_many(request, name)
        is_token = form.get("by") == _TOKEN
        try:
            if not is_token:
                naming.login_name(name)
            login = await self._of.desk.log_in(name, secret, is_token=is_token)
        except (RefusalError, DeniedError, ValueError) as error:
            why = error.sentence if isinstance(error, RefusalError) else str(error)
            viewed = login_page(back, why, self._elsewhere)
            return shown(request, viewed, None, status=403)
        except IntegrationError as error:
            raise TurnedAwayError(503, str(error), retry_after_s=5) from None
        response = RedirectResponse(back, _SEE_OTHER)
        before = self._of.sessions.of(request)
        self._of.sessions.begin(login, response, is_brought=is_token, before=before)
        return response

    async def _logout(self, request: Request) -> Response:
        session, _ = await self._acted(request)
        response = RedirectResponse("/", _SEE_OTHER)
        self._of.sessions.end(session, response)
        await log_out(self._of.desk, [session])
        return response

    async def _vote(self, request: Request) -> Response:
        session, form = await self._acted(request)
        run, gate = asked(request, "run"), asked(request, "gate", PATH_MAX)
        decision = form.get("decision", "")
        if decision not in (APPROVE, REJECT):
            raise TurnedAwayError(400, f"expected {APPROVE} or {REJECT}")
        with in_a_sentence():
            seen = await self._of.desk.seen(run, gate)
            wish = Wish(run, gate, decision, _said(form, seen.row))
            shown_then = form.get(SHOWN_FIELD, "")
            try:
                counted, line = await self._of.desk.vote(session, wish, seen, shown_then)
            except NoVerdictError as error:
                viewed = verdict_page(run, gate, counted=None, line=error.sentence)
                return shown(request, viewed, session, status=504)
            except UsageError:
                raise
            except RefusalError as error:  # the gate is there, and nothing is signed at it
                raise TurnedAwayError(409, error.sentence) from None
        viewed = verdict_page(run, gate, counted=counted, line=line)
        return shown(request, viewed, session, status=200 if counted else 409)

    async def _start(self, request: Request) -> Response:
        session, form = await self._acted(request)
        with in_a_sentence():
            found = await asyncio.to_thread(self._of.compiled, asked(request, "pipeline"))
        try:
            inputs = inputs_of(found, form)
        except (InputsError, ValueError) as error:
            viewed = pipeline_page(found.plan, found.digest, session, str(error))
            return shown(request, viewed, session, status=400)
        run = f"pipeline/{found.plan.name}/{uuid.uuid4().hex[:8]}"
        with in_a_sentence():
            await self._of.desk.start(session, run, found, inputs)
        return RedirectResponse(href("/run", id=run), _SEE_OTHER)

    def _refuse_many(self, request: Request, name: str) -> None:
        """Refuse to try a login where too many were tried (2).

        Raises:
            TurnedAwayError: too many were.
        """
        address = request.client.host if request.client else ""
        wait_s = self._tries.take(address if self._of.is_open else name[:NAME_MAX])
        wait_s = wait_s or self._all_tries.take("")
        if wait_s:
            raise TurnedAwayError(429, "too many logins: try again", retry_after_s=wait_s)

    async def _acted(self, request: Request) -> tuple[WebSession, dict[str, str]]:
        """Return who acts, and the form (1).

        Raises:
            TurnedAwayError: nobody is logged in, or it is no form of this session.
        """
        self._of.sessions.refuse_foreign(request)
        form = await form_of(request)
        session = self._of.sessions.of(request)
        if session is None:
            raise TurnedAwayError(403, "nobody is logged in, or not any more: log in and try again")
        self._of.sessions.refuse_untold(session, form)
        return session, form


def back_of(request: Request) -> str:
    """Return the page that a login leads back to (3)."""
    back = request.query_params.get("next", "/")
    is_ours = back.startswith("/") and back[1:2] not in ("/", "\\") and back.isprintable()
    return back if is_ours and not back.startswith(("/login", "/live")) else "/"


def inputs_of(found: Compiled, form: dict[str, str]) -> dict[str, Any]:
    """Return the inputs that a form gives; what is left empty takes its default.

    Raises:
        ValueError: one is not of its type.
        InputsError: the plan does not take them.
    """
    values = {}
    for name, declared in found.plan.inputs.items():
        text = form.get(f"{FIELD_NAME}{name}", "")
        if text:
            values[name] = _input(name, declared, text)
    resolve_inputs(found.plan, values)
    return values


def _input(name: str, declared: InputPlan, text: str) -> Any:
    try:
        return declared.enum[int(text)] if declared.enum else read_input(text, declared.type)
    except (ValueError, IndexError):
        raise ValueError(f"input {name!r}: expected {declared.type}, got {text[:60]!r}") from None


def _said(form: dict[str, str], row: GateRow) -> str:
    """Return the reason of a vote, or the answer to what an agent asks."""
    choices = row.question.choices if row.question is not None else ()
    chosen = form.get("choice", "")
    if choices and form.get("decision") == APPROVE:
        if not chosen.isdecimal() or int(chosen) >= len(choices):
            raise TurnedAwayError(400, "expected one of the answers that are offered")
        return choices[int(chosen)]
    return form.get("reason", "")
