"""Is a production read held back until a person authorises it? Tried, never read off a version.

There are servers that accept a policy with a control group, keep it, and do not enforce it; and
an additional policy may silently drop one. Both show in what a read is answered.

1. The canary reads its own secret, with a token minted as every request token is.
2. The token and the answer are revoked, whatever came of it.
"""

from __future__ import annotations

from typing import Final

import hvac

from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of
from integrations.vault.credentials import control_group_tokens
from integrations.vault.credentials.ending import revoke

_LIFE_S: Final = 60


async def is_enforced(vault: Vault, login: Identity) -> bool:
    """Tell whether Vault holds production back, asked as queue ``mandate-t3``.

    Raises:
        DeniedError: the login may not ask, or there is no canary: install again.
        NotFoundError: there is no canary: install again.
        UnavailableError: Vault does not answer.
    """

    def trial(client: hvac.Client) -> bool:
        canary = data_of(client.adapter.get(f"/v1/identity/entity/name/{naming.CANARY}"))
        token = control_group_tokens.mint(
            client, naming.CANARY, canary["id"], ttl_s=_LIFE_S, meta={}
        )
        try:
            reader = vault.client(token.token)  # (1) its own secret
            answer = control_group_tokens.held_back(reader, naming.KV_PROD, naming.CANARY_SECRET)
            if answer is not None:
                revoke(client, answer.accessor)  # (2) whatever came of it
        finally:
            revoke(client, token.accessor)  # (2) whatever came of it
        return answer is not None

    return await vault.run_as(login, trial)
