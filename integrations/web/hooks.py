"""Hooks: where other systems tell us something, and what every one of them goes through.

Whoever has something to be told makes a ``Hook``. It is called with what was received, in this
order:

1. Rate and size, before anything else is looked at; see ``integrations.web.rates``, ``bodies``.
2. The signature, over the raw body; see ``integrations.web.signatures``. Nothing is parsed before.
3. Is it delivered for the first time? Again is answered by 200 and ``{"ok": true, "repeated":
   true}`` and nothing is done; see ``integrations.web.deliveries``.
4. ``handle(received)`` parses ``received.raw``, with ``dsl.values.strict_json``, does what must not
   be lost, and answers within ``within_s``, for as long as the sender waits: an answer of 2xx that
   is not ``again`` is an end, whatever else may be delivered again. It raises ``TurnedAwayError``
   for what it does not take, and an ``IntegrationError`` where a system is away.
5. What may be lost with this process goes into ``HookAnswer.later``, and is done within
   ``LATER_S``. Of ``LATER_MAX``, what has waited longest is given up for what comes: that may be
   delivered again, and nothing is turned away that was done.

It reaches runs through a ``RunEngine`` (``integrations.web.engine``) and no other way::

    def github_hook(secret: bytes, engine: RunEngine) -> Hook:
        signed = HmacSignature(secret, "x-hub-signature-256", "sha256=")

        async def handle(received: Received) -> HookAnswer:
            event = strict_json.read(received.raw, bytes_max=HOOK_BYTES_MAX)
            ...
            return HookAnswer()

        return Hook("/hooks/github", signed.verify, handle, delivery="x-github-delivery")
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.beside import Newest
from integrations.doors.payloads import UnreadableError
from integrations.errors import DeniedError, IntegrationError, NotFoundError
from integrations.web.answers import AWAY, OK, HookAnswer, TurnedAwayError
from integrations.web.bodies import raw_body
from integrations.web.deliveries import KEPT_S, REPLAY_S, Arrival, Deliveries, Seen
from integrations.web.rates import Buckets, Rate

HOOK_BYTES_MAX: Final = 1 << 20
HANDLE_S: Final = 10.0
END_S: Final = 3.0  # whoever ends this process does not wait for long
LATER_MAX: Final = 256
LATER_S: Final = 3_600.0
DELIVERY_ID_MAX: Final = 200  # characters
HOOK_RATE: Final = Rate(per_s=200, burst=400)  # for each hook: senders share few addresses
logger = logging.getLogger(__name__)

_SUCCESSES: Final = range(200, 300)
_CONFLICT: Final = 409
_BUSY: Final = 429


@dataclass(frozen=True, slots=True)
class Received:
    """What a hook is told: proven to be the sender's, and for the first time."""

    headers: Mapping[str, str]  # names in lower case
    raw: bytes
    delivery: str  # the sender's id for it, or the digest of what was sent


Verify = Callable[[bytes, Mapping[str, str]], Awaitable[None]]  # raises TurnedAwayError
Handle = Callable[[Received], Awaitable[HookAnswer]]


@dataclass(frozen=True, slots=True)
class Hook:
    """Where something may be told, who may tell it, and what is done then."""

    path: str
    verify: Verify
    handle: Handle
    delivery: str = ""  # the header with the sender's id for a delivery, in lower case
    bytes_max: int = HOOK_BYTES_MAX
    within_s: float = HANDLE_S  # the sender waits no longer


class Hooks:
    """Serves hooks; ``aclose`` waits for what is still done."""

    def __init__(self, hooks: tuple[Hook, ...], rate: Rate = HOOK_RATE) -> None:
        """Prepare; two hooks have no path in common."""
        self._hooks = hooks
        self._deliveries = Deliveries()
        self._buckets = Buckets(rate)
        self._later = Newest()

    def routes(self) -> list[Route]:
        """Return where they are served."""
        return [Route(hook.path, self._served(hook), methods=["POST"]) for hook in self._hooks]

    async def aclose(self, within_s: float = END_S) -> None:
        """Wait until what was put off is done; what is not by then is cancelled."""
        await self._later.finish(within_s)

    def _served(self, hook: Hook) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            wait_s = self._buckets.take(hook.path)
            if wait_s:  # (1) rate and size
                raise TurnedAwayError(_BUSY, "too many at once: try again", retry_after_s=wait_s)
            raw = await raw_body(request, hook.bytes_max)
            headers = dict(request.headers)  # names in lower case; of two the last
            await hook.verify(raw, headers)  # (2) nothing is parsed before
            return (await self._answer(hook, raw, headers)).response()

        return serve

    async def _answer(self, hook: Hook, raw: bytes, headers: Mapping[str, str]) -> HookAnswer:
        digest = hashlib.sha256(raw).hexdigest()
        given = headers.get(hook.delivery, "")[:DELIVERY_ID_MAX] if hook.delivery else ""
        names = [(f"{hook.path} {digest}", REPLAY_S)]
        names += [(f"{hook.path} id {given}", KEPT_S)] if given else []
        begun = self._deliveries.begin(*names)
        if begun.seen is Seen.DONE:  # (3) delivered already
            return HookAnswer(OK, {"ok": True, "repeated": True})
        if begun.seen is Seen.UNDER_WAY:
            raise TurnedAwayError(_CONFLICT, "this delivery is being worked on", retry_after_s=1)
        ended = False
        try:
            answer = await self._handled(hook, Received(headers, raw, given or digest))
            if answer.later is not None:
                self._later.begin(self._do(answer.later, begun), LATER_MAX)  # (5) behind it
            ended = answer.status in _SUCCESSES and not answer.again
        finally:
            (self._deliveries.done if ended else self._deliveries.failed)(begun)
        return answer

    async def _handled(self, hook: Hook, received: Received) -> HookAnswer:
        try:
            async with asyncio.timeout(hook.within_s):  # (4) within this time
                return await hook.handle(received)
        except TimeoutError:
            raise TurnedAwayError(
                AWAY, "not done in time: deliver again", retry_after_s=5
            ) from None
        except NotFoundError as error:
            raise TurnedAwayError(404, str(error)) from None
        except UnreadableError as error:  # it is no matter of who may do what
            raise TurnedAwayError(400, str(error)) from None
        except DeniedError as error:
            raise TurnedAwayError(403, str(error)) from None
        except IntegrationError as error:
            raise TurnedAwayError(AWAY, str(error), retry_after_s=5) from None

    async def _do(self, later: Callable[[], Awaitable[None]], begun: Arrival) -> None:
        """Do something when the answer is on its way (5)."""
        try:
            async with asyncio.timeout(LATER_S):  # (5) none is under way for good
                await later()
        except asyncio.CancelledError:  # given up, and it may be delivered again
            self._deliveries.failed(begun)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it may be delivered again
            self._deliveries.failed(begun)
            logger.warning("what a hook put off failed (%s): %s", type(error).__name__, error)
