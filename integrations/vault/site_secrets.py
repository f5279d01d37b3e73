"""Secrets of who tells people: read in Vault, and nothing else is.

The login is that of ``naming.NOTIFIER``. Its policy reads below one mount, which no agent and no
other worker reads.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import hvac

from integrations.errors import NotFoundError, UnavailableError
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.credentials.credential import field_of
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.login.approle import Login
from integrations.vault.login.roles import is_wrapped, role_file
from integrations.vault.login.unwrapping import take_role

if TYPE_CHECKING:
    from integrations.settings import Settings

logger = logging.getLogger(__name__)


class NotifySecrets:
    """Reads them; close it after use."""

    def __init__(self, url: str, roles_dir: Path, *, verify: bool | str = True) -> None:
        """Prepare it; nothing is sent before something is read.

        Raises:
            ValueError: the URL cannot be used.
        """
        self._vault = Vault(url, verify=verify)
        self._login = Login(self._vault, roles_dir, naming.NOTIFIER)
        self._role = role_file(roles_dir, naming.NOTIFIER)

    @classmethod
    def of(cls, settings: Settings) -> NotifySecrets:
        """Return those of the Vault that the environment names; errors as when made."""
        return cls(settings.vault_url, settings.vault_roles, verify=settings.vault_trust)

    async def begin(self) -> None:
        """Take the role that was handed over wrapped: when a secret is needed it may have ended.

        Raises:
            DeniedError: somebody else has taken it, or it cannot be kept.
        """
        if not is_wrapped(self._role):
            return
        try:
            await self._vault.run(take_role, self._vault.client, self._role, naming.NOTIFIER)
        except UnavailableError as error:  # it is taken when a secret is needed, if that is soon
            logger.warning("the role of %s is not taken yet: %s", naming.NOTIFIER, error)

    async def read(self, reference: str) -> str:
        """Return what stands at ``mount/path#field``.

        Raises:
            DeniedError: it may not be read, or is no text.
            NotFoundError: there is no such secret.
            UnavailableError: Vault does not answer.
        """
        ref = SecretRef.parse(reference)

        def ask(client: hvac.Client) -> object:
            return client.adapter.get(f"/v1/{ref.mount}/data/{ref.path}")

        try:
            return field_of(await self._vault.run_as(self._login, ask), ref)
        except NotFoundError:
            raise NotFoundError(f"there is no secret {ref} in vault: write it there") from None

    async def aclose(self) -> None:
        """End the login and the connections."""
        await self._login.aclose()
        self._vault.close()
