"""Who is logged in at the console: kept here, in memory, and for a short while.

1. A browser holds a random word and nothing else; the login it stands for, with its token, never
   leaves this process. A session ends ``SESSION_S`` after it began, with its login, or with the
   process, whichever comes first.
2. The cookie is read by no script and sent by no other site's form. It has the port in its name,
   since cookies know hosts and no ports.
3. What changes something carries a second word, which stands in the form alone; and it comes from a
   page of ours, as the browser says in ``Origin``.
4. At most ``SESSIONS_MAX``; the oldest goes first, and that of a browser that logs in anew. With a
   session its login ends, at Vault as well: see ``mandate.console.keeping``.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from integrations.web.answers import TurnedAwayError
from mandate.people.login.logins import Login

SESSION_S: Final = 1_800
SESSIONS_MAX: Final = 1_000
TOKEN_FIELD: Final = "token"  # noqa: S105 - its name
_WORD_BYTES: Final = 32
_FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True)
class WebSession:
    """Somebody who is logged in at the console."""

    login: Login
    word: str = field(repr=False)  # in the cookie (1)
    token: str = field(repr=False)  # in forms (3)
    until: float
    is_brought: bool = False  # the token, by its owner: it is not ours to end


class Sessions:
    """The sessions of this process."""

    def __init__(
        self, port: int, origins: Collection[str], clock: Callable[[], float] = time.time
    ) -> None:
        """Begin with none; ``origins`` are those of our own pages."""
        self._cookie = f"mandate_{port}"
        self._origins = frozenset(origin.lower() for origin in origins)
        self._secure = all(origin.startswith("https:") for origin in origins)
        self._clock = clock
        self._kept: dict[str, WebSession] = {}
        self._gone: list[WebSession] = []  # not kept any more, and not told by ``ended`` yet

    def of(self, request: Request) -> WebSession | None:
        """Return the session of whoever asks; None: nobody is logged in, or not any more."""
        found = self._kept.get(request.cookies.get(self._cookie, ""))
        return None if found is None or found.until <= self._clock() else found

    def begin(
        self,
        login: Login,
        response: Response,
        *,
        is_brought: bool = False,
        before: WebSession | None = None,
    ) -> WebSession:
        """Begin a session, and have the browser keep its word (2), not that of ``before``."""
        now = self._clock()
        if before is not None:
            self._drop(before.word)
        while len(self._kept) >= SESSIONS_MAX:
            self._drop(next(iter(self._kept)))  # (4) the oldest goes
        word, token = (secrets.token_urlsafe(_WORD_BYTES) for _ in range(2))
        until = min(now + SESSION_S, float(login.expires))
        session = self._kept[word] = WebSession(login, word, token, until, is_brought)
        response.set_cookie(
            self._cookie,
            word,
            max_age=max(1, int(until - now)),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
        return session

    def own_origin(self, request: Request) -> str:
        """Return by which of our addresses somebody has come."""
        host = request.headers.get("host", "").lower()
        found = [each for each in self._origins if each.partition("://")[2] == host]
        return found[0] if found else min(self._origins)

    def go(self, word: str, response: Response, *, path: str, life_s: int) -> None:
        """Have the browser keep a word for a login that is under way elsewhere."""
        response.set_cookie(
            f"{self._cookie}_gone",
            word,
            max_age=life_s,
            path=path,
            secure=self._secure,
            httponly=True,
            samesite="lax",  # it comes back from another site, by a link
        )

    def gone(self, request: Request) -> str:
        """Return the word that ``go`` has left; empty: none."""
        return request.cookies.get(f"{self._cookie}_gone", "")

    def ended(self) -> list[WebSession]:
        """Forget the sessions that are over by now, and return them."""
        now = self._clock()
        for each in [each for each in self._kept.values() if each.until <= now]:
            self._drop(each.word)
        over, self._gone = self._gone, []
        return over

    def all_ended(self) -> list[WebSession]:
        """Forget every session, and return them."""
        for word in list(self._kept):
            self._drop(word)
        over, self._gone = self._gone, []
        return over

    def end(self, session: WebSession | None, response: Response) -> None:
        """End a session; harmless where there is none."""
        if session is not None:
            self._kept.pop(session.word, None)
        response.delete_cookie(self._cookie, path="/")

    def _drop(self, word: str) -> None:
        """Keep a session no longer; whoever asks what has ended ends its login (4)."""
        dropped = self._kept.pop(word, None)
        if dropped is not None:
            self._gone.append(dropped)

    def refuse_foreign(self, request: Request) -> None:
        """Refuse a form that no page of ours has sent (3).

        Raises:
            TurnedAwayError: it is one.
        """
        origin = request.headers.get("origin", "").lower()
        if origin not in self._origins:
            raise TurnedAwayError(
                _FORBIDDEN, "this was sent by another page, or by none: open the page here anew"
            )

    def refuse_untold(self, session: WebSession, form: Mapping[str, str]) -> None:
        """Refuse a form without the word of the session (3).

        Raises:
            TurnedAwayError: it has none, or another.
        """
        given = form.get(TOKEN_FIELD, "").encode("utf-8", "replace")
        if not hmac.compare_digest(session.token.encode(), given):
            raise TurnedAwayError(_FORBIDDEN, "this page is of another session: open it anew")
