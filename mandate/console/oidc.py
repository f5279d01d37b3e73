"""Logins by OIDC: the browser goes to the issuer and comes back, and Vault says who that was.

1. Which mount of Vault does it the operator says (``MANDATE_CONSOLE_OIDC``). Where the issuer is,
   Vault says; it is https, or on this machine.
2. Who comes back is who went: what the issuer hands back names a login that was begun here, within
   ``UNDER_WAY_S``, by the browser that has its word in a cookie. It is good for one time.
3. The nonce of a login, without which Vault hands out nothing, does not leave this process. Neither
   does the token.
4. At most ``UNDER_WAY_MAX`` are under way; the oldest gives way.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from integrations.errors import DeniedError
from integrations.vault.client import Vault, auth_of, data_of
from mandate.people.login.arriving import arrive
from mandate.people.login.logins import Login

BEGIN: Final = "/login/oidc"
RETURN: Final = "/login/oidc/callback"
UNDER_WAY_S: Final = 600
UNDER_WAY_MAX: Final = 1_000
_MOUNT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_WORD_BYTES: Final = 32
_NOBODY: Final = "this login was not begun here, or has ended: log in again"


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that is under way."""

    address: str  # of the issuer
    word: str = field(repr=False)  # for the cookie


@dataclass(frozen=True, slots=True)
class _UnderWay:
    word: str = field(repr=False)
    nonce: str = field(repr=False)
    back: str
    until: float


class OidcLogins:
    """Logins by one mount of Vault."""

    def __init__(
        self, mount: str, vault: Callable[[], Vault], clock: Callable[[], float] = time.time
    ) -> None:
        """Log in at ``mount`` (1).

        Raises:
            ValueError: it cannot be the name of one.
        """
        if not _MOUNT.fullmatch(mount):
            raise ValueError("MANDATE_CONSOLE_OIDC: expected the path of an auth mount, like oidc")
        self._mount, self._vault, self._clock = mount, vault, clock
        self._under_way: dict[str, _UnderWay] = {}

    async def begin(self, origin: str, back: str) -> Begun:
        """Return where the browser is to go, which has come by ``origin``.

        Raises:
            DeniedError: Vault has no such login for that address.
            UnavailableError: Vault does not answer.
        """
        nonce, word = (secrets.token_urlsafe(_WORD_BYTES) for _ in range(2))
        comes_back = f"{origin}{RETURN}"
        order = {"redirect_uri": comes_back, "client_nonce": nonce}
        vault = self._vault()
        try:
            place = f"/v1/auth/{self._mount}/oidc/auth_url"
            reply = await vault.run(vault.client().adapter.post, place, json=order)
        finally:
            vault.close()
        address = str(data_of(reply).get("auth_url") or "")
        state = parse_qs(urlsplit(address).query).get("state", [""])[0]
        if not state or not _is_issuer(address):
            raise DeniedError(
                f"vault begins no login for {comes_back}: allow that address in "
                f"allowed_redirect_uris of the role of auth/{self._mount}"
            )
        while len(self._under_way) >= UNDER_WAY_MAX:  # (4) the oldest gives way
            self._under_way.pop(next(iter(self._under_way)))
        until = self._clock() + UNDER_WAY_S
        self._under_way[state] = _UnderWay(word, nonce, back, until)
        return Begun(address, word)

    async def end(self, state: str, code: str, word: str) -> tuple[Login, str]:
        """Return who came back, and the page they wanted.

        Raises:
            DeniedError: they did not go from here (2), or Vault does not let them in.
            UnavailableError: Vault does not answer.
        """
        went = self._under_way.pop(state, None)
        is_theirs = went is not None and hmac.compare_digest(went.word.encode(), word.encode())
        if went is None or not is_theirs or went.until <= self._clock():
            raise DeniedError(_NOBODY)
        asked = urlencode({"state": state, "code": code, "client_nonce": went.nonce})
        vault = self._vault()
        try:
            place = f"/v1/auth/{self._mount}/oidc/callback?{asked}"
            auth = auth_of(await vault.run(vault.client().adapter.get, place))
            return await arrive(vault, str(auth["client_token"])), went.back
        finally:
            vault.close()


def _is_issuer(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
