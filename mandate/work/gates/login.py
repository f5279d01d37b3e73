"""``mandate login``: become known to Vault, and keep the login in one's own state directory.

1. The password comes from standard input or is typed without echo. It is never an argument or a
   variable: both can be read by others.
2. Who logs in to Vault by other means (OIDC) hands the token over instead, the same way; it must
   be that person's.
3. The login that is replaced is ended, so that there is never more than one of ours.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from dsl.shown.surfaces import Terminal
from integrations.errors import IntegrationError
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.people.person import Person
from mandate.people.door import enter
from mandate.people.errors import UsageError
from mandate.people.login.arriving import adopt, by_password
from mandate.people.login.logins import Login
from mandate.people.login.session import address_of, connect, kept, login_at
from mandate.stack import environment
from mandate.terminal import say

SECRET_LENGTH_MAX: Final = 4_096


class Given(StrEnum):
    """What shows who somebody is, and where it comes from (1) (2)."""

    TYPED = "a password typed at the terminal"
    PASSWORD = "a password on standard input"  # noqa: S105 - what it is called
    TOKEN = "a token on standard input"  # noqa: S105


def run(name: str, given: Given, *, data_dir: Path | None) -> int:
    """Log in; return the exit code."""
    return enter("login", _log_in(name, given, environment.present(data_dir)))


def who(data_dir: Path | None) -> int:
    """Say who is logged in; return the exit code."""
    return enter("whoami", _who(data_dir))


def until(expires: int) -> str:
    """Return a time in seconds since 1970 as people read it."""
    return datetime.fromtimestamp(expires).astimezone().strftime("%Y-%m-%d %H:%M %Z")


async def _log_in(name: str, given: Given, env: Mapping[str, str]) -> int:
    url, logins = address_of(env), kept()
    earlier = logins.get(url)  # a file that cannot be used is refused before a password is asked
    if given is not Given.TOKEN:
        naming.login_name(name)  # and so is a name that is no login
    secret = _typed(name, url) if given is Given.TYPED else _from_stdin()
    vault = connect(env)
    try:
        adopts = given is Given.TOKEN
        made = await (adopt(vault, name, secret) if adopts else by_password(vault, name, secret))
        logins.put(url, made)
        if earlier is not None and earlier.token != made.token:
            await _end(vault, earlier)  # (3) never more than one of ours
    finally:
        vault.close()
    say(Terminal.of("logged in as {} until {}", made.name, until(made.expires)))
    return 0


async def _who(data_dir: Path | None) -> int:
    login = login_at(environment.present(data_dir))
    say(Terminal.of("{} until {}", login.name, until(login.expires)))
    return 0


async def _end(vault: Vault, login: Login) -> None:
    with suppress(IntegrationError):  # it may have ended by itself
        await Person(vault, login.token).log_out()


def _from_stdin() -> str:
    line = sys.stdin.readline(SECRET_LENGTH_MAX + 2)
    return _checked(line.rstrip("\r\n"))


def _typed(name: str, url: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to type a password at: add --password-stdin and pipe it in"
        )
    return _checked(getpass.getpass(Terminal.of("password of {} at {}: ", name, url)))


def _checked(secret: str) -> str:
    if not secret:
        raise UsageError("expected one line with the password or the token, got nothing")
    if len(secret) > SECRET_LENGTH_MAX:
        raise UsageError("expected at most {} characters on one line, got more", SECRET_LENGTH_MAX)
    return secret
