"""One minted credential, as long as its activity lives.

1. It is not printed, pickled or copied: its token stays in the activity that minted it.
2. After its end it reads nothing more, whatever still holds it.
3. It reads what it is asked to and says why it may not; the values it returns are the
   caller's to redact.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

import hvac

from integrations.errors import DeniedError, NotFoundError
from integrations.vault.client import Vault, data_of
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.errors import CredentialDeadError, PathDeniedError

SECRET_LENGTH_MAX: Final = 1 << 16  # characters


class Credential:
    """A token of Vault for one agent in one phase. Minted by a ``CredentialIssuer``."""

    __slots__ = ("_client", "_vault", "accessor", "agent", "entity_id", "policies")

    def __init__(
        self,
        vault: Vault,
        client: hvac.Client,
        *,
        agent: str,
        entity_id: str,
        accessor: str,
        policies: tuple[str, ...],
    ) -> None:
        self._vault = vault
        self._client: hvac.Client | None = client
        self.agent = agent
        self.entity_id = entity_id
        self.accessor = accessor  # names it in Vault's audit log; opens nothing
        self.policies = policies

    async def read_secret(self, ref: SecretRef) -> str:
        """Read one field of a secret.

        Raises:
            DeniedError: the agent may not, or it waits for an approval, or it is no text.
            NotFoundError: there is no such secret, or it has no such field.
            CredentialDeadError: the credential ended meanwhile.
            UnavailableError: Vault does not answer.
        """
        return field_of(await self._get("data", ref), ref)

    async def require_secret(self, ref: SecretRef) -> None:
        """Look for a secret by its metadata; no value is read.

        Whether it has the field is not looked for: that would take a read.

        Raises:
            DeniedError: the agent may not look there.
            NotFoundError: there is no such secret, or its latest version was deleted.
            CredentialDeadError: the credential ended meanwhile.
            UnavailableError: Vault does not answer.
        """
        found = data_of(await self._get("metadata", ref))
        latest = found["versions"].get(str(found["current_version"])) or {}
        if latest.get("deletion_time") or latest.get("destroyed"):
            raise NotFoundError(f"the secret {ref.mount}/{ref.path} was deleted")

    def end(self) -> None:
        """Forget the token (2); does not revoke it."""
        self._client = None

    def __repr__(self) -> str:
        return f"<Credential of {self.agent!r}, accessor {self.accessor}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential does not leave its activity")  # (1) it stays in its activity

    async def _get(self, what: str, ref: SecretRef) -> Any:
        client = self._client
        if client is None:  # (2) after its end it reads nothing
            raise CredentialDeadError(f"the credential of agent {self.agent!r} has ended")
        try:
            return await self._vault.run(client.adapter.get, f"/v1/{ref.mount}/{what}/{ref.path}")
        except NotFoundError:
            raise NotFoundError(f"there is no secret {ref.mount}/{ref.path}") from None
        except DeniedError:
            raise await self._refusal(client, ref) from None

    async def _refusal(
        self, client: hvac.Client, ref: SecretRef
    ) -> DeniedError | CredentialDeadError:
        if not await self._vault.is_alive(client):
            return CredentialDeadError(f"the credential of agent {self.agent!r} ended early")
        return PathDeniedError(
            f"agent {self.agent!r} may not read {ref.mount}/{ref.path} "
            f"with {', '.join(self.policies)}: raise its tier, or declare another secret"
        )


def field_of(reply: Any, ref: SecretRef) -> str:
    """Return the field that ``ref`` names from Vault's reply to a read.

    Raises:
        DeniedError: it waits for an approval, or is no text that can be handed out.
        NotFoundError: the secret has no such field.
    """
    if isinstance(reply, dict) and reply.get("wrap_info"):
        raise DeniedError(
            f"{ref.mount}/{ref.path} waits for an approval in vault, "
            "and none was asked for: declare it at the stage, behind a verified gate"
        )
    fields = data_of(reply).get("data") or {}
    if ref.field not in fields:
        raise NotFoundError(f"the secret {ref.mount}/{ref.path} has no field {ref.field!r}")
    value = fields[ref.field]
    if not isinstance(value, str) or len(value) > SECRET_LENGTH_MAX:
        raise DeniedError(
            f"the secret {ref} cannot be handed out: expected text of at most "
            f"{SECRET_LENGTH_MAX} characters"
        )
    return value
