"""Servers the caller already has.

1. ``TEMPORAL_ADDRESS``, ``VAULT_ADDR`` and ``MANDATE_DRAGONFLY_URL`` each name a server to use
   instead of our own. One that names a dead server is refused: silently starting another would
   run pipelines where nobody looks.
2. A variable that holds the address this very data directory gave its own server last time is
   not such a name; it comes from sourcing the ``env`` file, and the server is ours to start.
3. What we cannot make on a server that is not ours must be given: the role files of an external
   Vault, the password file of an external Dragonfly.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from mandate.stack.environment import SERVER_VARIABLES
from mandate.stack.errors import SettingError
from mandate.stack.files import write_private

ANSWER_TIMEOUT_S = 3.0
_DEFAULT_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}
_NEEDS = {
    "VAULT_ADDR": ("MANDATE_VAULT_ROLES", "the directory of its role files, one per task queue"),
    "MANDATE_DRAGONFLY_URL": ("MANDATE_DRAGONFLY_PASSWORD_FILE", "the file with its password"),
}


def named(data_dir: Path, caller: Mapping[str, str]) -> dict[str, str]:
    """Return the server variables of the caller that name servers other than our own."""
    own = _own(data_dir)
    return {
        name: caller[name]
        for name in SERVER_VARIABLES
        if caller.get(name) and caller[name] != own.get(name)  # (2) that one is ours to start
    }


def remember_own(data_dir: Path, own: Mapping[str, str]) -> None:
    """Record the addresses of the servers this data directory starts itself."""
    write_private(data_dir / "servers.json", json.dumps(dict(own), indent=2))


async def check(external: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, str]:
    """Return all variables that describe the external servers.

    Raises:
        SettingError: one does not answer, or what belongs to it is not given.
    """
    variables = dict(external)
    for name, address in external.items():
        await _answers(name, address)  # (1) a dead one is refused
        if name in _NEEDS:
            companion, meaning = _NEEDS[name]
            # (3) what we cannot make there
            variables[companion] = _companion(name, companion, meaning, caller)
    return variables


def _own(data_dir: Path) -> dict[str, str]:
    try:
        found = json.loads((data_dir / "servers.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _companion(name: str, companion: str, meaning: str, caller: Mapping[str, str]) -> str:
    value = caller.get(companion, "")
    if not value or not Path(value).exists():
        raise SettingError(
            f"{name} names a server of yours, so {companion} must name {meaning}; "
            f"got {value!r}: set it, or unset {name} to use our own server"
        )
    return str(Path(value).resolve())


async def _answers(name: str, address: str) -> None:
    host, port = _endpoint(name, address)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        raise SettingError(
            f"{name} names {host}:{port}, but no server answers there: "
            f"start it, or unset {name} to use our own"
        ) from None
    writer.close()


def _endpoint(name: str, address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.hostname or not port:
        # The value is not shown: a URL may carry a password.
        raise SettingError(f"{name} is no address: expected host:port or a URL with a host")
    return parts.hostname, port
