"""The ledger's signature: made by the ledger's worker alone, checked by those who act on it.

Both sides speak of bytes. What they mean, and how long they are good, is the caller's matter.

1. The key never leaves Vault; who may sign and who may check are different identities.
2. A signature that is wrong in any way is False; Vault away or a missing right is raised.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import hvac

from integrations.errors import CorruptError
from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of
from integrations.vault.signing.signatures import is_shaped, is_signed

_KEY: Final = "ledger-head"
_OTHER_KIND: Final = (
    f"expected an ed25519 signature of key {_KEY!r} and got another kind: "
    "the key was not made by mandate install"
)


class HeadSigner:
    """Signs in the ledger's name; only the identity of queue ``mandate-ledger`` may (1)."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        self._vault = vault
        self._login = login

    async def sign(self, message: bytes) -> str:
        """Return Vault's signature over ``message``, ``vault:v<version of the key>:<base64>``.

        Raises:
            UnavailableError: Vault does not answer.
            DeniedError: we may not.
            CorruptError: the key is of another kind than we made.
        """
        path = f"/v1/{naming.TRANSIT_MOUNT}/sign/{_KEY}"
        order = {"input": base64.b64encode(message).decode()}

        def ask(client: hvac.Client) -> str:
            return str(data_of(client.adapter.post(path, json=order)).get("signature"))

        return _shaped(await self._vault.run_as(self._login, ask))

    async def keys(self) -> dict[int, bytes]:
        """Return the public keys that may still sign, by version: what strangers verify with.

        Raises:
            UnavailableError: Vault does not answer.
            DeniedError: we may not.
            CorruptError: the key is of another kind than we made.
        """
        path = f"/v1/{naming.TRANSIT_MOUNT}/keys/{_KEY}"

        def ask(client: hvac.Client) -> dict[str, Any]:
            return data_of(client.adapter.get(path))

        found = await self._vault.run_as(self._login, ask)
        try:
            least = max(int(found.get("min_encryption_version") or 1), 1)
            return {
                int(version): base64.b64decode(key["public_key"], validate=True)
                for version, key in found["keys"].items()
                if int(version) >= least
            }
        except (KeyError, TypeError, ValueError):
            raise CorruptError(_OTHER_KIND) from None

    async def sign_as(self, message: bytes, version: int) -> bytes:
        """Return the bare signature of one version of the key; errors as ``sign``."""
        path = f"/v1/{naming.TRANSIT_MOUNT}/sign/{_KEY}"
        order = {"input": base64.b64encode(message).decode(), "key_version": version}

        def ask(client: hvac.Client) -> str:
            return str(data_of(client.adapter.post(path, json=order)).get("signature"))

        signature = _shaped(await self._vault.run_as(self._login, ask))
        return base64.b64decode(signature.rpartition(":")[2])


def _shaped(signature: str) -> str:
    if not is_shaped(signature):
        raise CorruptError(_OTHER_KIND)
    return signature


class HeadVerifier:
    """Checks what was signed in the ledger's name."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        self._vault = vault
        self._login = login

    async def verify(self, message: bytes, signature: str) -> bool:
        """Tell whether the ledger's worker has signed ``message`` (2).

        Raises:
            UnavailableError: Vault does not answer.
            DeniedError: we may not ask.
            NotFoundError: this Vault is not governed by us.
        """
        return await is_signed(self._vault, self._login, _KEY, message, signature)
