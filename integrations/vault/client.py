"""The connection to Vault, and how its failures become ours.

1. One ``hvac.Client`` per credential, never shared between identities: logins would change it
   under others. All of them share the connections, see ``integrations.vault.transport``.
2. The environment has no say: no token from ``~``, no proxy either.
3. Nothing is sent again here; longer waiting is Temporal's.
4. A failure of the client library holds the request, and with it the token. It is cut off, not
   chained.
5. A refusal may mean a dead credential or a missing right; texts differ between versions, so
   Vault is asked about the credential itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeVar
from urllib.parse import urlsplit

import hvac
from hvac import exceptions as theirs
from urllib3 import exceptions as unreached

from integrations.errors import (
    CorruptError,
    DeniedError,
    IntegrationError,
    NotFoundError,
    UnavailableError,
)
from integrations.unreached import why_unreached
from integrations.vault.transport import CALLS_MAX, Connections

if TYPE_CHECKING:
    from integrations.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

_SAID_MAX: Final = 300  # characters of Vault's own words

_UNAVAILABLE: Final = (
    theirs.InternalServerError,  # no leader; or the audit device cannot be written
    theirs.BadGateway,
    theirs.RateLimitExceeded,
)


class Identity(Protocol):
    """Somebody to speak to Vault as."""

    async def client(self) -> hvac.Client:
        """Return a client that is logged in."""

    async def forget(self, client: hvac.Client) -> None:
        """Hear that the credential of ``client`` is dead."""


class Vault:
    """One Vault server; close it after use."""

    def __init__(
        self,
        url: str,
        *,
        verify: bool | str = True,
        watch: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            url: ``http(s)://host:port``, nothing after it.
            verify: False, or the file of the authority that signed the server's certificate.
            watch: makes the context of every call, which sees how it ends.

        Raises:
            ValueError: the URL cannot be used.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("vault url: expected http://host:port or https://host:port")
        self.url = url.rstrip("/")
        self._connections = Connections(verify=verify)
        self._watch = watch
        self._threads = ThreadPoolExecutor(CALLS_MAX, thread_name_prefix="vault")

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        watch: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Vault:
        """Return the one that the environment names, verified as it says; errors as when made."""
        return cls(settings.vault_url, verify=settings.vault_trust, watch=watch)

    def client(self, token: str = "") -> hvac.Client:
        """Return a client that speaks with ``token``, or anonymously (1)."""
        return hvac.Client(
            url=self.url,
            token=token,  # never None, for which hvac looks around (2)
            session=self._connections,
            verify=self._connections.verify,
        )

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a blocking call in a thread of our own.

        Raises:
            UnavailableError: no answer, or sealed, or "try later".
            DeniedError: refused.
            NotFoundError: nothing is there.
        """
        work = partial(call, *args, **kwargs)
        with self._watch():
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
            except (theirs.VaultError, unreached.HTTPError) as error:
                raise translate(error) from None  # (4) it holds the token: cut off

    async def run_as(self, who: Identity, ask: Callable[[hvac.Client], T]) -> T:
        """Make ``ask`` as ``who``; a login that has died meanwhile is renewed, once.

        Raises:
            IntegrationError: as ``run``.
        """
        client = await who.client()
        try:
            return await self.run(ask, client)
        except DeniedError:
            if await self.is_alive(client):
                raise
        await who.forget(client)
        return await self.run(ask, await who.client())

    async def is_alive(self, client: hvac.Client) -> bool:
        """Ask whether the client's credential is good; needs the right to look at itself (5)."""
        try:
            await self.run(client.adapter.get, "/v1/auth/token/lookup-self")
        except DeniedError:
            return False
        return True

    async def require_alive(self) -> None:
        """Make sure that the server answers and can be worked with; needs no credential.

        Raises:
            UnavailableError: it does not, or it is sealed or has no leader.
        """
        said = await self.run(self.client().adapter.get, "/v1/sys/leader")
        is_of_many = isinstance(said, dict) and said.get("ha_enabled") is True
        if is_of_many and not said.get("leader_address"):
            raise UnavailableError("vault has no leader")

    async def now_ms(self) -> int:
        """Return the server's time in milliseconds since 1970; it tells whole seconds.

        Raises:
            UnavailableError: it does not answer, or is sealed.
        """
        said = await self.run(self.client().adapter.get, "/v1/sys/health?standbyok=true")
        seconds = said.get("server_time_utc") if isinstance(said, dict) else None
        if not isinstance(seconds, int):
            raise UnavailableError("vault does not tell its time")
        return seconds * 1000

    def close(self) -> None:
        """Drop the connections; calls under way end by themselves."""
        self._threads.shutdown(wait=False)
        self._connections.close()


def data_of(reply: Any) -> dict[str, Any]:
    """Return the data of a reply.

    Raises:
        CorruptError: it has none, so it is not Vault's.
    """
    return _section(reply, "data")


def auth_of(reply: Any) -> dict[str, Any]:
    """Return what a login or a mint was answered.

    Raises:
        CorruptError: it has none, so it is not Vault's.
    """
    return _section(reply, "auth")


def _section(reply: Any, name: str) -> dict[str, Any]:
    found = reply.get(name) if isinstance(reply, dict) else None
    if not isinstance(found, dict):
        raise CorruptError(f"expected {name!r} in vault's reply and got none: is this a Vault?")
    return found


def translate(error: Exception) -> IntegrationError:
    """Say in our words what a failure of the client libraries means."""
    if isinstance(error, unreached.HTTPError):
        return _unreached(error)
    said = _said(error)
    if isinstance(error, theirs.VaultDown):
        return UnavailableError(f"vault is sealed or not active ({said}): unseal it")
    if isinstance(error, theirs.VaultNotInitialized):
        return UnavailableError(f"vault is not initialised ({said})")
    if isinstance(error, _UNAVAILABLE):
        return UnavailableError(f"no service from vault ({said})")
    if isinstance(error, theirs.InvalidPath):
        return NotFoundError(f"vault has nothing there ({said})")
    return DeniedError(f"vault refused ({said})")


def _unreached(error: unreached.HTTPError) -> IntegrationError:
    why = why_unreached(error)
    said = f" ({why})" if why else ""
    if isinstance(error, unreached.SSLError):
        return DeniedError(
            f"vault's certificate is not trusted{said}: check the url, "
            "and let VAULT_CACERT name the file of who signed it"
        )
    return UnavailableError(f"no answer from vault{said}")


def _said(error: Exception) -> str:
    errors = getattr(error, "errors", None) or []
    words = " ".join(" ".join(map(str, errors)).split()) if isinstance(errors, list) else ""
    return words[:_SAID_MAX] or type(error).__name__
