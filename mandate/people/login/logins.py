"""The logins of one person on one machine: which Vault knows them, as whom, until when.

A login is a token, so the file is as private as a key:

1. It lies in the caller's own state directory, never in a stack's: ``MANDATE_HOME``, else
   ``$XDG_STATE_HOME/mandate``, else ``~/.local/state/mandate``. Directory 0700, file 0600.
2. There is one login per address of Vault, so that two stacks do not mix.
3. A file that others may read, that is somebody else's, or that is a link is refused, not used:
   whoever could read it may have taken the token.
4. The token is shown to nobody: not printed, not in errors.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from mandate.people.errors import UsageError
from mandate.stack.files import private_directory, write_private
from mandate.stack.home import HOME_VARIABLE

LOGIN_FILE: Final = "login.json"
FILE_BYTES_MAX: Final = 64 << 10
LOGINS_MAX: Final = 100
_OTHERS: Final = 0o077
_UNREADABLE: Final = "cannot read the logins in {}: {}"
_DAMAGED: Final = "it is damaged: remove it and log in again"


@dataclass(frozen=True, slots=True)
class Login:
    """Who somebody is to one Vault, and the token that shows it (4)."""

    name: str
    entity: str
    token: str = field(repr=False)
    expires: int  # seconds since 1970
    login: str = ""  # what was typed, where that is not the person's name


class Logins:
    """The file with the logins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / LOGIN_FILE

    def get(self, vault: str) -> Login | None:
        """Return the login at that address; None when there is none.

        Raises:
            UsageError: the file cannot be trusted, or not be read (3).
        """
        found = self._read().get(_key(vault))
        return None if found is None else self._login(found)

    def put(self, vault: str, login: Login) -> None:
        """Keep a login in place of an earlier one at that address (2)."""
        others = {key: value for key, value in self._read().items() if key != _key(vault)}
        if len(others) >= LOGINS_MAX:
            raise UsageError("{} holds {} logins: log out somewhere", self._file, LOGINS_MAX)
        self._write({**others, _key(vault): asdict(login)})

    def remove(self, vault: str) -> None:
        """Forget the login at that address; harmless when there is none."""
        kept = self._read()
        if kept.pop(_key(vault), None) is not None:
            self._write(kept)

    def _write(self, logins: Mapping[str, Any]) -> None:
        private_directory(self._folder, fix=f"let {HOME_VARIABLE} name another")
        write_private(self._file, json.dumps(logins, indent=2) + "\n")

    def _read(self) -> dict[str, Any]:
        try:
            # Not through a link, and never waiting for the other end of a pipe (3).
            descriptor = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UsageError(_UNREADABLE, self._file, error.strerror) from None
        try:
            self._refuse_shared(os.fstat(descriptor))
            content = os.read(descriptor, FILE_BYTES_MAX + 1)
        finally:
            os.close(descriptor)
        try:
            found = strict_json.read(content, bytes_max=FILE_BYTES_MAX)
        except JsonError:
            found = None
        if not isinstance(found, dict):
            raise UsageError(_UNREADABLE, self._file, _DAMAGED)
        return found

    def _refuse_shared(self, state: os.stat_result) -> None:
        mode = stat.S_IMODE(state.st_mode)
        if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
            raise UsageError("{} is no file of yours: remove it and log in again", self._file)
        if mode & _OTHERS:
            raise UsageError(
                "{} is open to others (mode {:04o}) and holds your login: expected 0600; somebody "
                "may have read it, so remove it and log in again",
                self._file,
                mode,
            )

    def _login(self, found: Any) -> Login:
        try:
            login = Login(**found)
        except TypeError:
            raise UsageError(_UNREADABLE, self._file, _DAMAGED) from None
        texts = (login.name, login.entity, login.token, login.login)
        if not all(isinstance(text, str) for text in texts) or type(login.expires) is not int:
            raise UsageError(_UNREADABLE, self._file, _DAMAGED)
        return login


def _key(vault: str) -> str:
    return vault.rstrip("/")
