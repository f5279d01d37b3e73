"""Is this server fit to hold locks? Asked once at start, and by ``mandate doctor``.

What it refuses, each with the fix:

1. A server that obeys whoever connects, also on loopback: any agent on the machine could
   give itself a lease.
2. A server that evicts: under memory pressure it would drop locks and guards.
3. A replica: it takes no writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from redis import exceptions as theirs
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from integrations.dragonfly.client import answered
from integrations.errors import DeniedError, UnavailableError

_KEEPS_KEYS: Final = "noeviction"
_CREDENTIALS: Final = ("username", "password", "credential_provider")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server says of itself."""

    name: str  # dragonfly, valkey or redis
    version: str
    run_id: str  # changes when the server restarts, and so does what it knows; "" if untold


async def preflight(client: Redis) -> ServerFacts:
    """Refuse an unfit server, else say which one it is.

    Raises:
        DeniedError: open to everyone (1), evicting (2), or we may not look.
        UnavailableError: no answer, or a replica (3).
    """
    async with answered():
        is_open = await _answers_strangers(client)
    if is_open:
        raise DeniedError(
            "dragonfly obeys clients without a password: start it with --requirepass "
            "and name the password file in MANDATE_DRAGONFLY_PASSWORD_FILE"
        )
    async with answered():
        info = await client.info()
    _refuse_eviction(info)
    if (role := str(info.get("role", "master"))) != "master":
        raise UnavailableError(f"dragonfly is a {role}, expected the primary: connect to that")
    name, version = _name(info)
    return ServerFacts(name=name, version=version, run_id=str(info.get("run_id", "")))


async def _answers_strangers(client: Redis) -> bool:
    """Tell whether a connection without credentials is served (1)."""
    pool = client.connection_pool
    settings = {k: v for k, v in pool.connection_kwargs.items() if k not in _CREDENTIALS}
    settings["retry"] = Retry(NoBackoff(), 0)  # to be turned away is the answer hoped for
    stranger: AbstractConnection = pool.connection_class(**settings)
    try:
        await stranger.connect()  # type: ignore[no-untyped-call]  # untyped in redis-py
        await stranger.send_command("PING")
        await stranger.read_response()
    except (theirs.AuthenticationError, theirs.NoPermissionError):
        return False
    finally:
        await stranger.disconnect(nowait=True)
    return True


def _refuse_eviction(info: dict[str, Any]) -> None:
    policy = str(info.get("maxmemory_policy", "untold"))
    if info.get("cache_mode", "store") != "store":  # only Dragonfly says this
        raise DeniedError("dragonfly evicts locks in cache mode: start it with --cache_mode=false")
    if policy != _KEEPS_KEYS:
        raise DeniedError(
            f"maxmemory-policy is {policy!r}, expected {_KEEPS_KEYS!r}: eviction drops locks"
        )


def _name(info: dict[str, Any]) -> tuple[str, str]:
    for name in ("dragonfly", "valkey"):  # both also claim to be a redis
        if version := info.get(f"{name}_version"):
            return name, str(version).removeprefix("df-v")
    return "redis", str(info.get("redis_version", "unknown"))
