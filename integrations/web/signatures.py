"""Who has sent these bytes? Found out before anything is read from them.

1. What is verified is the body as it came, byte by byte; nobody has parsed it by then.
2. Compared in constant time, as bytes: a header that is no ASCII is a wrong signature and no error.
3. Where the scheme signs a time, one that is more than ``WINDOW_S`` from now is refused, either
   way.
4. A secret of nothing would make everybody's signature good: there is none; and none is printed.
5. A secret that may be replaced is read anew each ``SECRET_KEPT_S``, so that one that was taken
   back is soon good for nothing; and where it does not fit, so that its successor is good at once,
   but not more often than each ``SECRET_AGAIN_S``, whoever sends what. While whoever keeps it is
   away, or hangs for ``SECRET_READ_S``, the last one is good: nobody who sends waits longer than
   that. Where there is none any more, nothing is verified.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from integrations.errors import IntegrationError, UnavailableError
from integrations.web.answers import AWAY, TurnedAwayError

WINDOW_S: Final = 300
SECRET_BYTES_MIN: Final = 16
SECRET_KEPT_S: Final = 30.0
SECRET_AGAIN_S: Final = 5.0
SECRET_READ_S: Final = 1.0
logger = logging.getLogger(__name__)

_STAMP: Final = re.compile(r"[0-9]{1,12}")
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class HmacSignature:
    """HMAC-SHA256 over the raw body, in hexadecimal, in a header: GitHub's way, and Slack's.

    GitHub: ``HmacSignature(secret, "x-hub-signature-256", "sha256=")``. Slack, which signs a time
    with it: ``HmacSignature(secret, "x-slack-signature", "v0=", stamp="x-slack-request-timestamp",
    base="v0:{}:")``.
    """

    secret: bytes = field(repr=False)
    header: str  # in lower case, as every name here
    prefix: str
    stamp: str = ""  # the header with the time that is signed as well
    base: str = "{}"  # what stands before the body then
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        """Refuse a secret that is none (4)."""
        if len(self.secret) < SECRET_BYTES_MIN:
            raise ValueError(
                f"a secret for signatures has {SECRET_BYTES_MIN} bytes at least, this one has "
                f"{len(self.secret)}: make one with: openssl rand -hex 32"
            )

    async def verify(self, raw: bytes, headers: Mapping[str, str]) -> None:
        """Return if the body is of whoever knows the secret.

        Raises:
            TurnedAwayError: it is not, or it is too old.
        """
        stamp = self._stamp(headers) if self.stamp else ""
        signed = self.base.format(stamp).encode() + raw if self.stamp else raw  # (1) as it came
        wanted = self.prefix + hmac.new(self.secret, signed, hashlib.sha256).hexdigest()
        given = headers.get(self.header, "").encode("utf-8", "replace")  # (2) no error
        if not hmac.compare_digest(wanted.encode(), given):
            raise TurnedAwayError(
                _UNAUTHORIZED,
                f"expected in {self.header} the signature of this body, got "
                f"{'another' if given else 'none'}: is the secret the same on both sides?",
            )

    def _stamp(self, headers: Mapping[str, str]) -> str:
        stamp = headers.get(self.stamp, "")
        if not _STAMP.fullmatch(stamp):
            raise TurnedAwayError(_UNAUTHORIZED, f"expected seconds since 1970 in {self.stamp}")
        if abs(self.clock() - int(stamp)) > WINDOW_S:  # (3) too old, or from the future
            raise TurnedAwayError(
                _UNAUTHORIZED,
                f"expected a time within {WINDOW_S} s of now in {self.stamp}: is one of the clocks "
                "wrong, or is this an old request?",
            )
        return stamp


class ReplacedSignature:
    """A signature by a secret that may be replaced (5)."""

    def __init__(
        self,
        first: HmacSignature,
        read: Callable[[], Awaitable[HmacSignature]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with ``first``; ``read`` returns the one of now."""
        self._kept: HmacSignature | None = first
        self._read = read
        self._clock = clock
        self._read_at = clock()
        self._reading = asyncio.Lock()

    async def verify(self, raw: bytes, headers: Mapping[str, str]) -> None:
        """Return if the body is of whoever knows the secret.

        Raises:
            TurnedAwayError: it is not, or nobody can tell now.
        """
        tried = await self._not_older_than(SECRET_KEPT_S)
        try:
            await tried.verify(raw, headers)
        except TurnedAwayError:
            newer = await self._not_older_than(SECRET_AGAIN_S)
            if newer == tried:
                raise
            await newer.verify(raw, headers)

    async def _not_older_than(self, seconds: float) -> HmacSignature:
        async with self._reading:
            age = self._clock() - self._read_at
            if age >= (SECRET_AGAIN_S if self._kept is None else seconds):
                await self._look()
            if self._kept is None:
                raise TurnedAwayError(
                    AWAY, "nothing can be verified here now: the log of the server says why"
                )
            return self._kept

    async def _look(self) -> None:
        self._read_at = self._clock()
        try:
            async with asyncio.timeout(SECRET_READ_S):  # senders wait meanwhile
                self._kept = await self._read()
        except (UnavailableError, TimeoutError) as error:  # the last one is good
            why = str(error) or f"no answer within {SECRET_READ_S:g} s"
            logger.warning("the secret of a hook is not read anew: %s", why)
        except IntegrationError as error:
            self._kept = None
            logger.warning("the secret of a hook is gone, nothing is taken: %s", error)
