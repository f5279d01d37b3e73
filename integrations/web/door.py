"""What every request comes through, whoever it is for.

1. ``Host`` is one of the names this server has. A page of somebody else whose name was made to lead
   here, by DNS, has another one.
2. Two values for a header that may have one, bytes that are no ASCII in a path, and a target that
   is none are turned away, before anybody reads them in one way or the other.
3. So many requests a second for each address, ``REQUEST_RATE``; see ``integrations.web.senders``.
4. What is answered may be framed, sniffed and kept by nobody, and loads nothing from elsewhere.
5. What nobody has foreseen is answered by 500 and logged by its kind, without what was sent.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from integrations.web.answers import TurnedAwayError, turned_away
from integrations.web.rates import Buckets, Rate
from integrations.web.senders import NO_PROXIES, Senders

REQUEST_RATE: Final = Rate(per_s=100, burst=400)
HEAD_BYTES_MAX: Final = 16 << 10
TARGET_MAX: Final = 4_000  # bytes
HOOKS_BELOW: Final = "/hooks/"  # these have a rate of their own
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_SINGLE: Final = (b"host", b"content-length", b"content-type", b"origin", b"authorization")
BROKEN: Final = TurnedAwayError(500, "something broke here; the log of the server says what")
logger = logging.getLogger(__name__)

Told = Callable[[Scope, TurnedAwayError], Response]


def as_json(_scope: Scope, error: TurnedAwayError) -> Response:
    """Tell a program that it was turned away."""
    return turned_away(error)


class Door:
    """ASGI around an application."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        told: Told = as_json,
        senders: Senders = NO_PROXIES,
    ) -> None:
        """Let in what names one of ``hosts`` (``name:port``); others learn it by ``told``."""
        self._app = app
        self._senders = senders
        self._hosts = frozenset(host.lower() for host in hosts)
        self._told = told
        self._buckets = Buckets(REQUEST_RATE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or turn it away."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message = {**message, "headers": _guarded(message.get("headers", ()))}
            await send(message)

        try:
            self._look(scope)
            await self._app(scope, receive, sent)
        except TurnedAwayError as error:
            if not begun:
                await self._told(scope, error)(scope, receive, sent)
        except Exception as error:  # noqa: BLE001 (5) whatever it is
            logger.error(  # noqa: TRY400 - a trace would tell what was sent
                "%s is a bug of ours: %s", type(error).__name__, _where(error)
            )
            if not begun:
                await self._told(scope, BROKEN)(scope, receive, sent)

    def _look(self, scope: Scope) -> None:
        names = Counter(name for name, _ in scope["headers"])
        twice = sorted(name.decode() for name in _SINGLE if names[name] > 1)
        if twice:  # (2) one reader takes the first, the next the last
            raise TurnedAwayError(
                400, f"expected one header {twice[0]}, got {names[twice[0].encode()]}"
            )
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:  # (1) somebody else's name
            raise TurnedAwayError(
                421, "expected a Host that this server has; another is named by --origin"
            )
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES_MAX:
            raise TurnedAwayError(431, f"expected {HEAD_BYTES_MAX:,} bytes of headers at most")
        target = scope.get("raw_path", b"") or b""
        if len(target) + len(scope.get("query_string", b"")) > TARGET_MAX:
            raise TurnedAwayError(414, f"expected an address of {TARGET_MAX:,} bytes at most")
        if not target.startswith(b"/"):
            raise TurnedAwayError(400, "expected an address that begins with /")
        if not scope["path"].startswith(HOOKS_BELOW):  # (3) so many a second
            client = scope.get("client")
            connected = client[0] if client else ""
            wait_s = self._buckets.take(self._senders.address(connected, scope["headers"]))
            if wait_s:
                raise TurnedAwayError(429, "too many requests: try again", retry_after_s=wait_s)


def _guarded(headers: Any) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those of (4)."""
    given = list(headers)
    names = {name.lower() for name, _ in given}
    more = [*_HEADERS, (b"cache-control", b"no-store")]
    return [*given, *(pair for pair in more if pair[0] not in names)]


def _where(error: Exception) -> str:
    """Return where it broke, without the values that are in its message."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return ", ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in last)
