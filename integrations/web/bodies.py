"""The body of a request, whole and as it came, or none of it.

It has ``bytes_max`` at most, whatever its ``Content-Length`` says, and is there within ``BODY_S``.
One that says beforehand that it is larger is not read at all.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request

from integrations.web.answers import TurnedAwayError

BODY_S: Final = 10.0
_BAD: Final = 400
_TIMED_OUT: Final = 408
_TOO_LARGE: Final = 413


async def raw_body(request: Request, bytes_max: int) -> bytes:
    """Return the body.

    Raises:
        TurnedAwayError: it is too large, too slow, or not whole.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared) > bytes_max:
        raise _too_large(bytes_max)
    parts = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                parts += part
                if len(parts) > bytes_max:
                    raise _too_large(bytes_max)
    except TimeoutError:
        raise TurnedAwayError(_TIMED_OUT, f"expected the body within {BODY_S:g} s") from None
    except ClientDisconnect:
        raise TurnedAwayError(_BAD, "expected the whole body, got a part of it") from None
    return bytes(parts)


def _too_large(bytes_max: int) -> TurnedAwayError:
    return TurnedAwayError(_TOO_LARGE, f"expected a body of {bytes_max:,} bytes at most, got more")
