"""Who a worker is to Vault: the AppRole of its task queue.

1. The role file is read at each login, so a new one is found without a restart.
2. A token is used for three quarters of its life, then replaced by a new login: renewing many
   at once is what has brought servers down.
3. One login at a time; whoever waits for it uses the same token.
4. A wrapped role is taken before it is used, and stands unwrapped in its file from then on.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import hvac

from integrations.errors import DeniedError, IntegrationError
from integrations.vault import naming
from integrations.vault.client import Vault, auth_of
from integrations.vault.login.roles import WorkerRole, WrappedRole, read_role, role_file
from integrations.vault.login.unwrapping import take_role

_LIFE_USED: Final = 0.75


class Login:
    """The login of one task queue's workers; logs in when first needed."""

    def __init__(self, vault: Vault, roles_dir: Path, queue: str) -> None:
        self.queue = queue
        self._vault = vault
        self._file = role_file(roles_dir, queue)
        self._one_at_a_time = asyncio.Lock()
        self._client: hvac.Client | None = None
        self._use_until = 0.0

    async def client(self) -> hvac.Client:
        """Return a client that is logged in.

        Raises:
            DeniedError: Vault refuses the role, there is no role file, or somebody else took it.
            UnavailableError: Vault does not answer.
        """
        async with self._one_at_a_time:  # (3) one login at a time
            if self._client is None or time.monotonic() >= self._use_until:
                self._client, life_s = await self._log_in()
                # (2) three quarters of its life
                self._use_until = time.monotonic() + life_s * _LIFE_USED
            return self._client

    async def forget(self, client: hvac.Client) -> None:
        """Log in anew next time, unless that has happened already."""
        async with self._one_at_a_time:
            if self._client is client:
                self._client = None

    async def aclose(self) -> None:
        """End the login; harmless when there is none, or Vault is away."""
        async with self._one_at_a_time:
            client, self._client = self._client, None
        if client is not None:
            with suppress(IntegrationError):
                await self._vault.run(client.adapter.post, "/v1/auth/token/revoke-self")

    async def _log_in(self) -> tuple[hvac.Client, float]:
        role = read_role(self._file)  # (1) a new one needs no restart
        if isinstance(role, WrappedRole):  # (4) taken before it is used
            role = await self._vault.run(take_role, self._vault.client, self._file, self.queue)
        try:
            auth = auth_of(await self._vault.run(log_in, self._vault.client(), role))
        except DeniedError as error:
            raise DeniedError(
                f"vault refuses the role file {self._file} ({error}): install again to renew it"
            ) from None
        return self._vault.client(auth["client_token"]), float(auth["lease_duration"])


def log_in(client: hvac.Client, role: WorkerRole) -> Any:
    """Send one login; return Vault's reply, which holds the token. Leaves ``client`` alone."""
    return client.adapter.post(
        f"/v1/auth/{naming.WORKERS_AUTH}/login",
        json={"role_id": role.role_id, "secret_id": role.secret_id},
    )
