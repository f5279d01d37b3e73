"""Who is logged in at the console: for how long, how many, and by which word."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from starlette.requests import Request
from starlette.responses import Response

from integrations.web.answers import TurnedAwayError
from mandate.console.sessions import SESSION_S, SESSIONS_MAX, Sessions, WebSession
from mandate.people.login.logins import Login

OURS = "http://127.0.0.1:8300"
NOW = 1_000_000.0


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def request(*, cookie: str = "", origin: str = "") -> Request:
    headers = [(b"cookie", cookie.encode()), (b"origin", origin.encode("latin-1"))]
    return Request({"type": "http", "headers": headers})


def login(lasts_s: float = 1e6) -> Login:
    return Login("ann", "e-1", "hidden", int(NOW + lasts_s))


def begun(sessions: Sessions, lasts_s: float = 1e6) -> tuple[WebSession, str, str]:
    """Begin a session; return it, its cookie as a browser sends it, and as it was set."""
    response = Response()
    session = sessions.begin(login(lasts_s), response)
    told = response.headers["set-cookie"]
    return session, told.partition(";")[0], told


@pytest.mark.parametrize("lasts_s", [60.0, 1e6])
def test_a_session_ends_with_its_time_or_its_login(lasts_s: float):
    clock = Clock()
    sessions = Sessions(8300, [OURS], clock)
    session, cookie, _ = begun(sessions, lasts_s)
    life_s = min(lasts_s, SESSION_S)

    clock.now = NOW + life_s - 1
    assert sessions.of(request(cookie=cookie)) is session
    assert sessions.ended() == []
    clock.now = NOW + life_s
    assert sessions.of(request(cookie=cookie)) is None
    assert sessions.ended() == [session]
    assert sessions.all_ended() == []


def test_a_cookie_is_read_by_no_script_and_by_no_other_port():
    _, _, told = begun(Sessions(8300, [OURS]))
    _, _, secure = begun(Sessions(8300, ["https://mandate.example.org"]))

    assert told.startswith("mandate_8300=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {each.strip() for each in told.split(";")}
    assert "Secure" not in told
    assert "Secure" in secure
    assert "hidden" not in told


def test_who_has_ended_a_session_is_nobody():
    sessions = Sessions(8300, [OURS])
    session, cookie, _ = begun(sessions)

    sessions.end(session, Response())
    sessions.end(None, Response())

    assert sessions.of(request(cookie=cookie)) is None


def test_the_oldest_session_makes_room():
    sessions = Sessions(8300, [OURS], Clock())
    first = begun(sessions)[1]
    others = [begun(sessions)[1] for _ in range(SESSIONS_MAX)]

    assert sessions.of(request(cookie=first)) is None
    assert all(sessions.of(request(cookie=each)) for each in others)


def test_a_login_ends_with_the_session_that_made_room_or_was_replaced():
    sessions = Sessions(8300, [OURS], Clock())
    first, _, _ = begun(sessions)
    second = sessions.begin(login(), Response(), before=first)
    others = [begun(sessions)[0] for _ in range(SESSIONS_MAX)]

    assert sessions.ended() == [first, second]
    assert sessions.ended() == []
    third = sessions.begin(login(), Response(), before=others[-1])
    assert sessions.all_ended() == [others[-1], *others[:-1], third]


@pytest.mark.parametrize(
    "origin",
    ["", "null", "https://evil.example", f"{OURS}.evil.example", "http://127.0.0.1", "\xff"],
)
def test_what_another_page_sends_is_refused(origin: str):
    sessions = Sessions(8300, [OURS])

    with pytest.raises(TurnedAwayError, match="another page"):
        sessions.refuse_foreign(request(origin=origin))
    sessions.refuse_foreign(request(origin=OURS))


@pytest.mark.parametrize("word", ["", "x", "\u00e9", "\ud800"])
def test_a_form_without_the_word_of_its_session_is_refused(word: str):
    sessions = Sessions(8300, [OURS])
    session, _, _ = begun(sessions)

    with pytest.raises(TurnedAwayError, match="another session"):
        sessions.refuse_untold(session, {"token": word})
    sessions.refuse_untold(session, {"token": session.token})


def test_no_word_is_printed():
    session, _, _ = begun(Sessions(8300, [OURS]))

    assert session.word not in repr(session)
    assert session.token not in repr(session)
    assert "hidden" not in repr(session)
