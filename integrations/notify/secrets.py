"""Secrets of destinations and doors, read when they are needed, so that one can be replaced.

1. What is one is never told: not in a refusal, not in a log. It is never in the environment, nor
   among arguments.
2. What lies in a file is read at each use. What lies in Vault is read by the login of who tells
   people, and kept in memory for ``KEPT_S``: Vault is not asked for each of many messages.
3. A secret that cannot be read now keeps its message waiting, and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

from dsl.notify.secrets import SecretPlace
from integrations.errors import DeniedError
from integrations.notify.secret_files import read_secret

KEPT_S: Final = 30.0


class SecretVault(Protocol):
    """Reads secrets in Vault."""

    async def read(self, reference: str) -> str:
        """Return what stands at ``mount/path#field``."""


class SiteSecrets:
    """Reads what the operator's file names."""

    def __init__(self, vault: SecretVault | None = None) -> None:
        """Read files; and in ``vault``, where there is one."""
        self._vault = vault
        self._kept: dict[str, tuple[float, str]] = {}

    async def read(self, place: SecretPlace, *, fresh: bool = False) -> str:
        """Return a secret, less the white space at its ends; ``fresh``: as it is now.

        Raises:
            DeniedError: it cannot be read, or holds nothing that can be a secret.
            UnavailableError: Vault does not answer.
            NotFoundError: there is none.
        """
        if place.vault is None:
            return await asyncio.to_thread(read_secret, place.file or "")
        kept = self._kept.get(place.vault)
        if kept is not None and kept[0] > time.monotonic() and not fresh:
            return kept[1]
        if self._vault is None:
            raise DeniedError(f"the secret in {place} cannot be read: no Vault is named here")
        secret = (await self._vault.read(place.vault)).strip()
        if not secret:
            raise DeniedError(f"the secret in {place} is empty: write it anew")
        self._kept[place.vault] = time.monotonic() + KEPT_S, secret  # (2) for a while
        return secret


FILES: Final = SiteSecrets()  # where nothing lies in Vault
