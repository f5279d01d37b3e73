"""What can be done to a Vault of ours: sealed by a lost key, tokens ended, role files gone."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from integrations.chaos.fault import Fault, NotOursError, seen
from integrations.chaos.own import OwnTarget
from integrations.chaos.processes import Death
from integrations.errors import UnavailableError
from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of

SEALED_WITHIN_S: Final = 15.0
TOKENS_MAX: Final = 2_000
_ACCESSORS: Final = "/v1/auth/token/accessors"
_LOOKUP: Final = "/v1/auth/token/lookup-accessor"
_REVOKE: Final = "/v1/auth/token/revoke-accessor"
_LOGIN: Final = f"auth/{naming.WORKERS_AUTH}/login"
_MINTED: Final = "auth/token/create/"
_AWAY: Final = ".away"
_KEY_BYTES: Final = 32


class SealedVault(Fault):
    """Its seal key is another: started again, it stays sealed; undone by the key it had."""

    def __init__(self, vault: Vault, key: Path, process: Callable[[], OwnTarget]) -> None:
        """``process`` is the server as it runs now; whoever watches it starts it again."""
        self._vault = vault
        self._key = key
        self._process = process
        self._right_key = b""
        self._was_sealed = False

    async def strike(self) -> None:
        """Lose the key, and the server with it."""
        self._right_key = self._key.read_bytes()
        self._key.write_bytes(secrets.token_bytes(_KEY_BYTES))
        await Death(self._process()).strike()

    async def fired(self) -> bool:
        """Tell whether it said that it is sealed."""

        async def is_sealed() -> bool:
            try:
                state = await self._vault.run(_seal_state, self._vault.client())
            except UnavailableError:
                return False
            return state.get("sealed") is True

        self._was_sealed = self._was_sealed or await seen(is_sealed, SEALED_WITHIN_S)
        return self._was_sealed

    async def undo(self) -> None:
        """Find the key again."""
        if not self._right_key:
            return
        self._key.write_bytes(self._right_key)
        self._right_key = b""

        async def is_killed() -> bool:
            try:
                await Death(self._process()).strike()
            except NotOursError:  # it is being started
                return False
            return True

        await seen(is_killed, SEALED_WITHIN_S)


class EndedTokens(Fault):
    """Vault ends the tokens of workers and agents: whoever has one must log in or mint anew."""

    def __init__(self, vault: Vault, sweeper: Identity) -> None:
        self._vault = vault
        self._sweeper = sweeper
        self._ended: list[str] = []

    async def strike(self) -> None:
        """End them, all but the one that ends them."""
        self._ended = await self._vault.run_as(self._sweeper, _end_all)

    async def fired(self) -> bool:
        """Tell whether there were some, and are not any more."""

        def are_gone(client: hvac.Client) -> bool:
            return all(_looked_up(client, each) is None for each in self._ended)

        return bool(self._ended) and await self._vault.run_as(self._sweeper, are_gone)


class LostRoles(EndedTokens):
    """The workers' role files are gone, and their tokens ended; undone by putting them back."""

    def __init__(self, vault: Vault, sweeper: Identity, folder: Path) -> None:
        super().__init__(vault, sweeper)
        self._folder = folder
        self._away = folder.with_name(folder.name + _AWAY)
        self._did = False

    async def strike(self) -> None:
        """End the tokens once no other can be had."""
        await self._sweeper.client()  # it has to have its own by now
        self._folder.rename(self._away)
        self._folder.mkdir(mode=0o700)
        await super().strike()

    async def fired(self) -> bool:
        """Tell whether tokens were ended while there was no role."""
        self._did = self._did or await super().fired()
        return self._did

    async def undo(self) -> None:
        """Put the role files back."""
        if self._away.is_dir():
            if self._folder.is_dir():
                self._folder.rmdir()
            self._away.rename(self._folder)


def _seal_state(client: hvac.Client) -> dict[str, Any]:
    state: dict[str, Any] = client.sys.read_seal_status()
    return state


def _end_all(client: hvac.Client) -> list[str]:
    own = data_of(client.adapter.get("/v1/auth/token/lookup-self"))["accessor"]
    listed = data_of(client.adapter.list(_ACCESSORS))["keys"][:TOKENS_MAX]
    ended = []
    for accessor in listed:
        found = _looked_up(client, accessor)
        path = str(found.get("path", "")) if found else ""
        if accessor != own and (path == _LOGIN or path.startswith(_MINTED)):
            client.adapter.post(_REVOKE, json={"accessor": accessor})
            ended.append(str(accessor))
    return ended


def _looked_up(client: hvac.Client, accessor: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = data_of(client.adapter.post(_LOOKUP, json={"accessor": accessor}))
    except (theirs.InvalidRequest, theirs.InvalidPath, theirs.Forbidden):
        return None  # it has ended
    return found
