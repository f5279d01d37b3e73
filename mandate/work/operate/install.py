"""``mandate install``: our governance on a Vault that the embedded stack does not keep.

One file holds the token: root's at first, the installer's from then on.

1. A server that is not initialised is initialised; that takes one that unseals itself. Its root
   token is in the file before it is used, so a run that was killed is simply run again.
2. A root token is spent: exchanged for the installer's, and revoked.
3. Policies and roles are brought up to date; harmless when repeated.
4. Wrapped roles are issued anew each time: whatever carries them to the workers can steal one, but
   not without its worker saying so.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from dsl.shown.surfaces import Terminal
from integrations.errors import DeniedError, IntegrationError
from integrations.settings import vault_trust
from integrations.vault.checks.probe import health
from integrations.vault.client import Vault, data_of
from integrations.vault.install import WRAPPED_LIFE, bootstrap, install
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.stack import environment
from mandate.stack.files import write_private
from mandate.terminal import complain, note, say

_SHARES = {"recovery_shares": 1, "recovery_threshold": 1}
_ACTIVE_TIMEOUT_S = 60.0
_POLL_S = 0.2
_DONE = "installed on {}; roles in {}{}, the installer's token in {}"


def run(token_file: Path, roles_dir: Path | None, *, wrapped: bool) -> int:
    """Install, and say what was done; return the exit code.

    Args:
        token_file: holds root's token, or the installer's.
        roles_dir: where role files go; None: where ``MANDATE_VAULT_ROLES`` says.
        wrapped: file roles that each worker takes once (4).
    """
    env = environment.present()
    roles = str(roles_dir or "") or env.get("MANDATE_VAULT_ROLES", "")
    url = env.get("VAULT_ADDR", "")
    if not url or not roles:
        missing = "MANDATE_VAULT_ROLES or --roles-dir" if url else "VAULT_ADDR"
        note(Terminal.of("mandate: set {}: nothing says where to install", missing))
        return EXIT_USAGE
    try:
        vault = Vault(url, verify=vault_trust(env))
        asyncio.run(_install(vault, token_file, Path(roles), wrapped=wrapped))
    except ValueError as error:
        complain(error, "mandate")
        return EXIT_USAGE
    except (IntegrationError, OSError) as error:
        complain(error, "mandate")
        return EXIT_FAILED
    taken = Terminal.of(", to be taken within {}", WRAPPED_LIFE) if wrapped else Terminal()
    say(Terminal.of(_DONE, url, roles, taken, token_file))
    return 0


async def _install(vault: Vault, token_file: Path, roles: Path, *, wrapped: bool) -> None:
    try:
        if not (await health(vault)).initialised:  # (1) initialised where it is not
            await _initialise(vault, token_file)
        token = _token(token_file)
        if await _is_root(vault, token):  # (2) a root token is spent
            token = await bootstrap(vault, token)
            write_private(token_file, token)
        wrap_ttl = WRAPPED_LIFE if wrapped else None  # (4) issued anew each time
        # (3) harmless when repeated
        await install(vault, token, roles_dir=roles, wrap_ttl=wrap_ttl)
    finally:
        vault.close()


async def _initialise(vault: Vault, token_file: Path) -> None:
    _claim(token_file)
    reply = await vault.run(vault.client().adapter.put, "/v1/sys/init", json=_SHARES)
    write_private(token_file, str(reply["root_token"]))
    async with asyncio.timeout(_ACTIVE_TIMEOUT_S):
        while True:
            state = await health(vault)
            if not state.sealed and not state.standby:
                return
            await asyncio.sleep(_POLL_S)


def _claim(token_file: Path) -> None:
    if token_file.exists() and token_file.read_text().strip():
        raise DeniedError(
            f"vault is not initialised, but {token_file} holds a token of another one: remove it"
        )
    write_private(token_file, "")  # else a place that cannot be written is noticed too late


async def _is_root(vault: Vault, token: str) -> bool:
    client = vault.client(token)
    found = data_of(await vault.run(client.adapter.get, "/v1/auth/token/lookup-self"))
    return "root" in found.get("policies", ())


def _token(token_file: Path) -> str:
    try:
        token = token_file.read_text().strip()
    except OSError as error:
        raise DeniedError(f"cannot read the token file {token_file}: {error.strerror}") from None
    if not token:
        raise DeniedError(
            f"the token file {token_file} is empty: put the root token of vault into it, "
            "or, where nothing is in that vault yet, remove its storage"
        )
    return token
