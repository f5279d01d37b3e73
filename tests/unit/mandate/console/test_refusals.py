"""A page that says that something was not done: in words of a page, with a way back."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import Response
from temporalio.service import RPCError, RPCStatusCode

from integrations.errors import NotFoundError
from integrations.web.answers import TurnedAwayError
from mandate.console.engine import _ours
from mandate.console.served_pages import in_a_sentence, told_as_page
from mandate.console.sessions import Sessions
from mandate.people.errors import RefusalError, UsageError
from mandate.people.login.logins import Login

ORIGIN = "http://127.0.0.1:8300"


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UsageError("gate {!r} requires a reason", "g", typed="add --reason TEXT"), 400, "reason"),
        (RefusalError("there is no run {!r}", "r", typed="see: mandate runs"), 404, "no run"),
    ],
)
def test_nobody_in_a_browser_is_told_what_to_type(error: RefusalError, status: int, said: str):
    with pytest.raises(TurnedAwayError) as caught, in_a_sentence():
        raise error

    assert (caught.value.status, said in caught.value.message) == (status, True)
    assert not {"--reason", "mandate"} & set(caught.value.message.split())
    assert str(error).endswith(("; add --reason TEXT", "; see: mandate runs"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RPCError("http2 error", RPCStatusCode.INTERNAL, b""), "the server is not reached"),
        (
            RPCError("transport error", RPCStatusCode.UNAVAILABLE, b""),
            "the server is not reached",
        ),
        (RPCError("Timeout expired", RPCStatusCode.CANCELLED, b""), "no answer in time"),
        (RPCError("namespace is full", RPCStatusCode.RESOURCE_EXHAUSTED, b""), "namespace is full"),
        (RPCError("", RPCStatusCode.RESOURCE_EXHAUSTED, b""), "resource exhausted"),
        (TimeoutError(), "no answer in time"),
    ],
)
def test_nobody_reads_the_words_of_a_client_library(error: Exception, said: str):
    with pytest.raises(TurnedAwayError) as caught, in_a_sentence():
        raise error

    assert (caught.value.status, caught.value.message) == (503, f"temporal: {said}")


def test_nobody_at_another_door_is_told_what_to_type():
    with pytest.raises(NotFoundError) as caught, _ours():
        raise RefusalError("there is no run {!r}", "r", typed="see: mandate runs")

    assert str(caught.value) == "there is no run 'r'"


def shown(sessions: Sessions, path: str, query: str, cookie: str, status: int = 400) -> str:
    headers = [(b"accept", b"text/html"), (b"cookie", cookie.encode())]
    scope: Any = {"type": "http", "path": path, "query_string": query.encode(), "headers": headers}
    return bytes(told_as_page(sessions)(scope, TurnedAwayError(status, "why")).body).decode()


def test_who_is_logged_in_is_so_on_a_page_that_says_no_and_is_led_back():
    sessions, response = Sessions(8300, [ORIGIN]), Response()
    sessions.begin(Login("ann", "e-1", "a token", 2**40), response)
    cookie = response.headers["set-cookie"].partition(";")[0]
    page = shown(sessions, "/vote", "run=a%20b&gate=s%2Fg", cookie)
    by_another_name = shown(sessions, "/vote", "run=a&gate=g", cookie, status=421)

    assert "Log out" in page
    assert '<a href="/gate?run=a%20b&amp;gate=s%2Fg">' in page
    assert '<a href="/run?id=a%20b">' in page
    assert "Log out" not in by_another_name
    nobody = shown(sessions, "/output", "run=r&stage=s&name=n", "")
    assert "/login?next=%2Frun%3Fid%3Dr" in nobody
    assert '<a href="/">' in shown(sessions, "/nowhere", "", "")
