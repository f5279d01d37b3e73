"""One connection of HTTP/1.1 to one host, and requests over it, one after the other.

1. It goes to the host of its address and nowhere else: nothing is followed, no proxy is asked, and
   plain HTTP is spoken to this machine alone, whatever its name resolves to.
2. TLS proves the host by its name, against the authorities of this machine or of one file.
3. What is read is bounded: the head, and each piece of a body. A head that two readers would take
   for two things is refused.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from integrations.errors import IntegrationError

CONNECT_S: Final = 10.0
_HEAD_BYTES_MAX: Final = 64 << 10
_PIECE_BYTES: Final = 64 << 10
_PORTS: Final = {"http": 80, "https": 443}
_BODILESS: Final = (204, 304)
_INFORMATIONAL_MAX: Final = 8  # heads before the one that counts
_END: Final = b"\r\n"


class HttpError(IntegrationError):
    """A server cannot be reached, or what it says is no HTTP."""


@dataclass(slots=True)
class HttpReply:
    """What was answered; ``body`` is read once, and to its end if the connection is to go on."""

    status: int
    headers: Mapping[str, str]  # by name in small letters
    body: AsyncIterator[bytes]


class HttpConnection:
    """Goes to one address; opened by the first request."""

    def __init__(self, url: str, ca: str | None = None) -> None:
        self._parts = urlsplit(url)
        self._ca = ca
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._goes_on = False  # the last reply was read whole, and the connection stays

    async def request(
        self, method: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> HttpReply:
        """Send a request, and return the reply as far as its head.

        Raises:
            HttpError: there is none.
        """
        if not self._goes_on:
            self.close()
        try:
            if self._writer is None or self._reader is None:
                await self._open()
            assert self._writer is not None  # noqa: S101  # it is open
            assert self._reader is not None  # noqa: S101
            self._goes_on = False
            self._writer.write(self._head(method, headers, body) + (body or b""))
            await self._writer.drain()
            return await self._reply(self._reader)
        except ssl.SSLError as error:
            raise HttpError(f"its TLS is not proved: {error.reason or error}") from None
        except (OSError, EOFError) as error:
            raise HttpError(f"it does not answer: {_why(error)}") from None
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise HttpError(f"what it answers is no HTTP: {error}") from None

    def close(self) -> None:
        """Let go of the connection; harmless when repeated."""
        if self._writer is not None:
            with suppress(RuntimeError):  # the loop is over
                self._writer.transport.abort()
        self._reader = self._writer = None
        self._goes_on = False

    async def _open(self) -> None:
        scheme, host = self._parts.scheme, self._parts.hostname or ""
        context = None
        if scheme == "https":  # (2) proved by its name
            context = await asyncio.to_thread(self._authorities)
        try:
            async with asyncio.timeout(CONNECT_S):
                self._reader, self._writer = await asyncio.open_connection(
                    host,
                    self._parts.port or _PORTS[scheme],
                    ssl=context,
                    limit=_HEAD_BYTES_MAX,
                )
        except TimeoutError:
            raise HttpError(f"it takes no connection within {CONNECT_S:g} s") from None
        peer = self._writer.get_extra_info("peername")
        if scheme == "http" and not ipaddress.ip_address(peer[0]).is_loopback:
            self.close()
            # (1) in the clear to this machine alone
            raise HttpError(f"{host!r} is not this machine, and plain HTTP goes nowhere else")

    def _authorities(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca)
        except OSError as error:  # a file that holds none is one of TLS
            raise HttpError(f"{self._ca} names no authorities: {_why(error)}") from None

    def _head(self, method: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        target = self._parts.path or "/"
        if self._parts.query:
            target += f"?{self._parts.query}"
        said = {"Host": self._parts.netloc, "Accept-Encoding": "identity", **headers}
        if body is not None:
            said["Content-Length"] = str(len(body))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {said[name]}" for name in said)]
        if any(not line.isprintable() or not line.isascii() for line in lines):
            raise HttpError("a header holds what no header can")
        return "\r\n".join(lines).encode() + _END * 2

    async def _reply(self, reader: asyncio.StreamReader) -> HttpReply:
        for _ in range(_INFORMATIONAL_MAX):
            status, headers = _read_head(await reader.readuntil(_END * 2))
            if status >= 200:  # noqa: PLR2004  # the final one
                break
        else:
            raise ValueError("it goes on telling that it goes on")
        stays = headers.get("connection", "").lower() != "close"
        return HttpReply(status, headers, self._body(reader, status, headers, stays=stays))

    async def _body(
        self,
        reader: asyncio.StreamReader,
        status: int,
        headers: Mapping[str, str],
        *,
        stays: bool,
    ) -> AsyncIterator[bytes]:
        try:
            pieces = _framed(reader, status, headers)
            if pieces is None:  # until it closes
                stays = False
                while piece := await reader.read(_PIECE_BYTES):
                    yield piece
            else:
                async for piece in pieces:
                    yield piece
            self._goes_on = stays
        except (OSError, EOFError) as error:
            raise HttpError(f"its answer ends in the middle: {_why(error)}") from None
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise HttpError(f"what it answers is no HTTP: {error}") from None


def _framed(
    reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]
) -> AsyncIterator[bytes] | None:
    """Return the pieces of a body; None: it goes on until the connection is closed."""
    length, coded = headers.get("content-length"), headers.get("transfer-encoding")
    if headers.get("content-encoding", "identity") != "identity":
        raise ValueError("its body is encoded, which was not asked for")
    if coded is not None and (length is not None or coded.lower() != "chunked"):
        raise ValueError("nobody can tell how long its body is")  # (3) two readers
    if status in _BODILESS:
        return _exactly(reader, 0)
    if coded is not None:
        return _chunks(reader)
    return None if length is None else _exactly(reader, _number(length, 10))


def _read_head(raw: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not (status.isascii() and status.isdigit()):
        raise ValueError(f"its first line is {first[:60]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        low = name.lower()
        if not colon or not name or name != name.strip():  # (3) two readers
            raise ValueError(f"a header of it is {line[:60]!r}")
        if low in headers and low in ("content-length", "transfer-encoding", "content-type"):
            raise ValueError(f"it says {low} twice")
        headers[low] = value.strip()
    return int(status), headers


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = await reader.readuntil(_END)
        size = _number(line.partition(b";")[0].strip().decode("latin-1"), 16)
        if size == 0:
            while await reader.readuntil(_END) != _END:
                pass  # trailers say nothing to us
            return
        async for piece in _exactly(reader, size):
            yield piece
        if await reader.readexactly(2) != _END:
            raise ValueError("a chunk of it has no end")


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    left = size
    while left:
        piece = await reader.read(min(left, _PIECE_BYTES))
        if not piece:
            raise EOFError("the connection was closed")
        left -= len(piece)
        yield piece


def _number(text: str, base: int) -> int:
    if not text or not text.isascii() or not text.isalnum():
        raise ValueError(f"{text[:20]!r} is no length")
    return int(text, base)


def _why(error: Exception) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return "the connection was closed"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
