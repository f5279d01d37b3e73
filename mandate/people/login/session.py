"""Being somebody to Vault: the login that is kept, used for one command.

1. Which Vault is asked follows from the environment, like every other address; the password goes
   nowhere else, so there is no default.
2. A login that has ended is said to have ended, with the words that make a new one.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dsl.shown.surfaces import Terminal
from integrations.errors import DeniedError
from integrations.settings import vault_trust
from integrations.vault.client import Vault
from integrations.vault.people.person import Person
from mandate.people.errors import UsageError
from mandate.people.login.logins import Login, Logins
from mandate.stack.home import home


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is logged in."""

    login: Login
    person: Person


def address_of(env: Mapping[str, str]) -> str:
    """Return the address of Vault (1).

    Raises:
        UsageError: nothing names one.
    """
    url = env.get("VAULT_ADDR", "")
    if not url:
        raise UsageError(
            "no Vault is named",
            typed="is `mandate up` running? else give --data-dir of a stack that is up, or set "
            "VAULT_ADDR",
        )
    return url


def connect(env: Mapping[str, str]) -> Vault:
    """Return the Vault of the environment; nothing is sent yet.

    Raises:
        UsageError: there is no usable address.
        SettingsError: what its certificate is verified against cannot be used.
    """
    address, trust = address_of(env), vault_trust(env)
    try:
        return Vault(address, verify=trust)
    except ValueError as error:
        raise UsageError("VAULT_ADDR: {}", error) from None


def kept() -> Logins:
    """Return the logins of whoever runs this command."""
    return Logins(home(os.environ))


def login_at(env: Mapping[str, str]) -> Login:
    """Return the login at the Vault of the environment.

    Raises:
        UsageError: there is none, or it has ended (2).
    """
    login = kept().get(address_of(env))
    if login is None:
        raise UsageError(
            "nobody is logged in at this Vault", typed="log in first: mandate login NAME"
        )
    if login.expires <= time.time():
        raise _ended(login)
    return login


@asynccontextmanager
async def session(env: Mapping[str, str]) -> AsyncIterator[Session]:
    """Act as whoever is logged in.

    Raises:
        UsageError: nobody is, or the login ends meanwhile.
    """
    login = login_at(env)
    vault = connect(env)
    try:
        yield Session(login, Person(vault, login.token))
    except DeniedError:
        if await vault.is_alive(vault.client(login.token)):
            raise
        raise _ended(login) from None
    finally:
        vault.close()


def _ended(login: Login) -> UsageError:
    line = Terminal.command("mandate login {}", login.login or login.name)
    return UsageError(  # (2) there is no default
        "the login of {} has ended", login.name, typed=Terminal.of("log in again: {}", line)
    )
