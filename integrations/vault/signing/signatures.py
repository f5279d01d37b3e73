"""Is this signature good? Asked of Vault's transit, for every key whose signatures we check.

1. What is no signature of Vault's in shape is not sent.
2. A signature that is wrong is False, whatever is wrong with it; only refusals whose words are
   known to be about the signature are taken for "no".
3. That Vault is away, or that we lack a right, says nothing about a signature: it is raised.
"""

from __future__ import annotations

import base64
import re
from typing import Final

import hvac
from hvac import exceptions as theirs

from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of

# Key version, and the 64 bytes of an ed25519 signature; base64 of Vault's would skip line breaks.
_SIGNATURE: Final = re.compile(r"vault:v[1-9][0-9]{0,8}:[A-Za-z0-9+/]{86}==")
_ABOUT_THE_SIGNATURE: Final = (
    "invalid signature",  # no prefix, version is too new
    "invalid base64 signature value",
    "version is disallowed by policy",  # too old
    "signature verification key not found",
    "does not support verification",
    "supplied signature is invalid",
)


def is_shaped(signature: str) -> bool:
    """Tell whether it looks like a signature of Vault's (1)."""
    return _SIGNATURE.fullmatch(signature) is not None


async def is_signed(
    vault: Vault, login: Identity, key: str, message: bytes, signature: str
) -> bool:
    """Tell whether ``signature`` over ``message`` was made with the transit key ``key`` (2).

    Raises:
        UnavailableError: Vault does not answer (3).
        DeniedError: we may not ask.
        NotFoundError: this Vault is not governed by us.
    """
    if not is_shaped(signature):
        return False
    path = f"/v1/{naming.TRANSIT_MOUNT}/verify/{key}"
    order = {"input": base64.b64encode(message).decode(), "signature": signature}

    def ask(client: hvac.Client) -> bool:
        try:
            return data_of(client.adapter.post(path, json=order)).get("valid") is True
        except theirs.InvalidRequest as error:
            if not _is_about_the_signature(error):
                raise
            return False

    return await vault.run_as(login, ask)


def _is_about_the_signature(error: theirs.InvalidRequest) -> bool:
    said = " ".join(map(str, error.errors or ()))
    return any(words in said for words in _ABOUT_THE_SIGNATURE)
