"""The connection to DragonflyDB, and how its failures become ours.

The client refuses a password in the URL: URLs end up in process lists and logs. The rules:

1. A command whose reply was lost is sent again, a few times. That is safe because nothing
   is sent but reads and replay-safe scripts (``lua.py``), and wrong for anything else.
2. A call ends within ``CALL_LIMIT_S``, whatever the network does. That is less than a lease can
   be proved (``holding.py``): one that took so long to be had can still be held.
3. Longer waiting is Temporal's: an outage is an ``UnavailableError`` after seconds.
4. A full pool makes callers wait; it does not fail them.
5. Who cancels a call is obeyed. The client library sends with ``asyncio.wait_for``, which on
   Python 3.11 swallows a cancellation that comes as it returns; so what was asked of the task
   meanwhile is looked up afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from redis import exceptions as theirs
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.maint_notifications import MaintNotificationsConfig

from integrations.errors import CorruptError, DeniedError, IntegrationError, UnavailableError
from integrations.unreached import why_unreached

CALL_LIMIT_S: Final = 8.0
_CONNECTIONS_MAX: Final = 64
_POOL_WAIT_S: Final = 2.0
_CONNECT_S: Final = 0.5
_REPLY_S: Final = 1.0
_IDLE_CHECK_S: Final = 15
_RETRIES: Final = 3
_BACKOFF_BASE_S: Final = 0.02
_BACKOFF_CAP_S: Final = 0.3

_DENIED: Final = (
    theirs.AuthenticationError,  # before ConnectionError, of which it is a kind
    theirs.AuthorizationError,
    theirs.AuthenticationWrongNumberOfArgsError,
    theirs.NoPermissionError,
)
_UNAVAILABLE: Final = (
    theirs.ConnectionError,  # LOADING and an exhausted pool are kinds of it
    theirs.TimeoutError,
    OSError,  # asyncio's own timeout among them
    theirs.OutOfMemoryError,
    theirs.ReadOnlyError,
    theirs.ClusterDownError,
    theirs.TryAgainError,
    theirs.NoScriptError,  # the server was emptied between loading and running
    theirs.InvalidResponse,  # bytes garbled on the way; the connection is dropped
)
_BUSY: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ")


def connect(url: str, password_file: Path | None) -> Redis:
    """Prepare a client; nothing is sent before its first command. The caller closes it.

    Args:
        url: ``redis://host:port/db``, ``rediss://`` for TLS; may name a user, no password.
        password_file: read once, surrounding white space dropped; None for no password.

    Raises:
        ValueError: the URL cannot be used.
        DeniedError: the password file cannot be read, or is empty.
    """
    _refuse_password(url)
    pool = BlockingConnectionPool.from_url(
        url,
        password=_password(password_file),
        decode_responses=True,
        max_connections=_CONNECTIONS_MAX,  # (4) a full pool waits
        timeout=_POOL_WAIT_S,
        socket_connect_timeout=_CONNECT_S,
        socket_timeout=_REPLY_S,
        health_check_interval=_IDLE_CHECK_S,
        retry=Retry(  # (1) a lost reply: sent again
            ExponentialWithJitterBackoff(base=_BACKOFF_BASE_S, cap=_BACKOFF_CAP_S), _RETRIES
        ),
        # A command that only one vendor's server knows; others log a warning for each try.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    return Redis.from_pool(pool)


@asynccontextmanager
async def answered(limit_s: float = CALL_LIMIT_S) -> AsyncIterator[None]:
    """Bound the calls made inside (2) and translate their failures."""
    asked_before = _times_cancelled()
    try:
        async with asyncio.timeout(limit_s):
            yield
    except (theirs.RedisError, OSError) as error:
        raise translate(error) from error
    if _times_cancelled() > asked_before:  # (5) swallowed on the way
        raise asyncio.CancelledError


async def now_ms(client: Redis) -> int:
    """Return the server's time; to be called where ``answered``."""
    seconds, micros = await client.time()
    return int(seconds) * 1000 + int(micros) // 1000


def _times_cancelled() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def translate(error: Exception) -> IntegrationError:
    """Say in our words what a failure of the client library means."""
    said = why_unreached(error) or str(error) or type(error).__name__
    if isinstance(error, _DENIED):
        return DeniedError(f"dragonfly denied access ({said}): check user, password and its rights")
    if isinstance(error, _UNAVAILABLE) or str(error).startswith(_BUSY):
        return UnavailableError(f"no service from dragonfly ({said})")
    return CorruptError(f"dragonfly refused a script of ours ({said})")


def _refuse_password(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("dragonfly url: expected redis://host:port, rediss://… or unix://…")
    if parts.password or "password=" in parts.query:
        raise ValueError(
            "dragonfly url carries a password: put it into a file of mode 0600 and name that file"
        )


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        password = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DeniedError(f"cannot read the dragonfly password file {file}: {error}") from error
    if not password:
        raise DeniedError(f"the dragonfly password file {file} is empty")
    return password
