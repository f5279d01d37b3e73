"""What is told of a vote that is not counted, who waits before a login, and what ends with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import Response

from dsl.shown.surfaces import Terminal
from integrations.errors import DeniedError
from integrations.settings import SettingsError
from integrations.web.answers import TurnedAwayError
from mandate.console.acting import LOGIN_RATE, Acting
from mandate.console.desk import Desk
from mandate.console.keeping import log_out
from mandate.console.live import Live
from mandate.console.served_pages import ConsoleSite
from mandate.console.sessions import Sessions
from mandate.people.errors import RefusalError, UsageError
from mandate.people.gates.sending import NoVerdictError
from mandate.people.gates.voting import Seen
from mandate.people.login.logins import Login
from tests.fixtures.servers.pages import row_of, session_of

OURS = "http://127.0.0.1:8300"


@dataclass
class Said:
    """A desk that says what it was told to say."""

    verdict: Exception | tuple[bool, Terminal] = (True, Terminal("counted"))
    logins: list[str] = field(default_factory=list)

    async def seen(self, _run: str, _gate: str) -> Seen:
        unused = cast("Any", None)
        return Seen(unused, row_of("x").model_copy(update={"question": None}), unused)

    async def vote(self, *_about: object) -> tuple[bool, Terminal]:
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    async def log_in(self, name: str, _secret: str, *, is_token: bool) -> Login:
        self.logins.append(name)
        if name == "nobody":
            raise DeniedError("vault does not let you in")
        return Login(name, "e-1", "hidden", 2**40)


def site(desk: Said, *, is_open: bool = True) -> ConsoleSite:
    unused = cast("Any", None)
    return ConsoleSite(
        engine=unused,
        desk=cast("Any", desk),
        stores=unused,
        sessions=Sessions(8300, [OURS]),
        live=Live(),
        names=list,
        compiled=unused,
        is_open=is_open,
    )


async def post(
    acting: Acting, path: str, form: Mapping[str, str], query: str = "", cookie: str = ""
) -> Response:
    kind = "application/x-www-form-urlencoded"
    given = {"origin": OURS, "content-type": kind, "cookie": cookie}
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8300),
        "scheme": "http",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": urlencode(form).encode()}

    (answer,) = (
        each.endpoint
        for each in acting.routes()
        if each.path == path and "POST" in (each.methods or ())
    )
    return cast("Response", await answer(Request(scope, receive)))


async def voted(verdict: Exception | tuple[bool, Terminal]) -> Response:
    console = site(Said(verdict))
    response = Response()
    session = console.sessions.begin(Login("ann", "e-1", "hidden", 2**40), response)
    cookie = response.headers["set-cookie"].partition(";")[0]
    form = {"token": session.token, "decision": "approve", "reason": "r"}
    return await post(Acting(console), "/vote", form, "run=r&gate=g", cookie)


@pytest.mark.parametrize(
    ("verdict", "status", "words"),
    [
        ((True, Terminal("counted")), 200, "Your vote counted"),
        ((False, Terminal("refused: twice")), 409, "Your vote did not count"),
        (
            NoVerdictError("it may count yet", typed="see: mandate gates"),
            504,
            "Nobody knows yet whether your vote counts",
        ),
    ],
)
async def test_a_page_says_what_a_vote_came_to(verdict, status: int, words: str):
    response = await voted(verdict)

    assert response.status_code == status
    page = bytes(response.body).decode()
    assert f"<h1>{words}</h1>" in page
    assert "see: mandate gates" not in page


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RefusalError("it asks for something else now"), 409),
        (UsageError("add a reason"), 400),
        (DeniedError("not you"), 403),
        (SettingsError("VAULT_CACERT: expected a file of certificates in PEM"), 503),
    ],
)
async def test_a_vote_that_is_not_signed_is_nothing_that_is_not_there(error, status: int):
    with pytest.raises(TurnedAwayError) as told:
        await voted(error)

    assert (told.value.status, told.value.message) == (status, str(error))


async def test_behind_a_proxy_nobody_keeps_others_from_logging_in():
    desk = Said()
    acting = Acting(site(desk, is_open=False))
    for _ in range(LOGIN_RATE.burst):
        await post(acting, "/login", {"name": "nobody", "secret": "guessed"})

    with pytest.raises(TurnedAwayError, match="too many logins"):
        await post(acting, "/login", {"name": "nobody", "secret": "guessed"})
    response = await post(acting, "/login", {"name": "ann", "secret": "hers"})

    assert response.status_code == 303
    assert desk.logins == ["nobody"] * LOGIN_RATE.burst + ["ann"]


async def test_on_one_machine_who_tries_every_name_is_one():
    acting = Acting(site(Said()))
    for number in range(LOGIN_RATE.burst):
        await post(acting, "/login", {"name": f"n{number}", "secret": "guessed"})

    with pytest.raises(TurnedAwayError, match="too many logins"):
        await post(acting, "/login", {"name": "ann", "secret": "guessed"})


async def test_who_logs_in_anew_leaves_no_login_behind():
    console = site(Said())
    acting = Acting(console)
    first = await post(acting, "/login", {"name": "ann", "secret": "hers"})
    cookie = first.headers["set-cookie"].partition(";")[0]
    await post(acting, "/login", {"name": "bob", "secret": "his"}, cookie=cookie)

    assert [each.login.name for each in console.sessions.ended()] == ["ann"]


@pytest.mark.parametrize(
    "env", [{"VAULT_ADDR": "https://127.0.0.1:1", "VAULT_CACERT": "/nowhere"}, {}]
)
async def test_a_login_that_cannot_be_ended_keeps_no_other_from_ending(env: dict[str, str]):
    unused = cast("Any", None)

    await log_out(Desk(unused, env), [session_of("ann"), session_of("bob")])
