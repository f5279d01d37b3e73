"""From what shows who somebody is to a login: a password, or a token got by other means (OIDC)."""

from __future__ import annotations

import time
from typing import Final

from integrations.vault.client import Vault, data_of
from integrations.vault.people.person import Person, log_in
from mandate.people.errors import UsageError
from mandate.people.login.logins import Login

LIFE_S_MAX: Final = 24 * 3600  # after that a token without an end is asked for again


async def by_password(vault: Vault, name: str, password: str) -> Login:
    """Log in.

    Raises:
        integrations.errors.IntegrationError: Vault does not let that person in.
    """
    made = await log_in(vault, name, password)
    return Login(made.name, made.entity, made.token, made.expires, login=name)


async def adopt(vault: Vault, name: str, token: str) -> Login:
    """Return the login of whoever has that token already; it must be ``name``.

    Raises:
        UsageError: it is somebody else's.
        integrations.errors.IntegrationError: Vault does not let it sign.
    """
    who = await Person(vault, token).whoami()
    if who.name != name:
        raise UsageError("the token belongs to {!r}, and {!r} was to be logged in", who.name, name)
    return await arrive(vault, token)


async def arrive(vault: Vault, token: str) -> Login:
    """Return the login of whoever has that token, whose it is Vault says.

    Raises:
        integrations.errors.IntegrationError: Vault does not let it sign.
    """
    person = Person(vault, token)
    who = await person.whoami()
    await person.make_key()
    reply = await vault.run(vault.client(token).adapter.get, "/v1/auth/token/lookup-self")
    life_s = int(data_of(reply).get("ttl") or 0) or LIFE_S_MAX  # none: it does not end by itself
    return Login(who.name, who.entity, token, int(time.time()) + life_s)
