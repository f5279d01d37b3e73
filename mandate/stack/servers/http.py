"""The few HTTP calls the supervisor makes, to servers on the loopback interface.

No client library: the supervisor must not load one per server only to ask "are you there?", and
the standard library's `http.client` reads no proxy settings, no netrc and no token files.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 30.0  # initialising OpenBao is the slow one
ANSWER_BYTES_MAX = 1 << 20


async def call(method: str, url: str, body: object = None) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON object of the answer, ``{}`` when it is none.

    Raises:
        OSError: nobody answers, or not in HTTP.
    """
    return await asyncio.to_thread(_call, method, url, body)


async def status(url: str) -> int:
    """Return the status of a GET, 0 when nobody answers."""
    try:
        return (await call("GET", url))[0]
    except OSError:
        return 0


def _call(method: str, url: str, body: object) -> tuple[int, dict[str, Any]]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, parts.path, data, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read(ANSWER_BYTES_MAX)
    except http.client.HTTPException as error:
        raise OSError(f"{parts.netloc} does not speak HTTP: {error!r}") from error
    finally:
        connection.close()
    return answer.status, _object(text)


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
