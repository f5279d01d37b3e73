"""What is answered to somebody else's system, and how a request is turned away.

An answer is JSON: ``{"ok": true, …}``, or ``{"error": "one sentence"}`` with what was expected,
what was got and the smallest fix. Nothing of what was sent is repeated in it but lengths and names
of ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import JSONResponse, Response

OK: Final = 200
ACCEPTED: Final = 202
AWAY: Final = 503
AGAIN_S: Final = "5"


class TurnedAwayError(Exception):
    """A request is not served; the message is one sentence for whoever sent it."""

    def __init__(self, status: int, message: str, *, retry_after_s: int = 0) -> None:
        """Say so; with ``retry_after_s`` also when it may be tried again."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What a hook answers, and what it still does when the answer is on its way.

    ``later`` is for what may be lost with this process. At most ``hooks.LATER_MAX`` of them are
    under way; where one fails, the delivery counts as not made, so that it may be made again.
    """

    status: int = ACCEPTED
    body: Mapping[str, Any] = field(default_factory=lambda: {"ok": True})
    later: Callable[[], Awaitable[None]] | None = None
    again: bool = False  # nothing has come of it that stands: the delivery may be made again

    def response(self) -> Response:
        """Return it as it is sent."""
        headers = {"retry-after": AGAIN_S} if self.status == AWAY else None
        return JSONResponse(dict(self.body), self.status, headers)


def turned_away(error: TurnedAwayError) -> Response:
    """Return a refusal as it is sent to a program."""
    headers = {"retry-after": str(error.retry_after_s)} if error.retry_after_s else None
    return JSONResponse({"error": error.message}, error.status, headers)
