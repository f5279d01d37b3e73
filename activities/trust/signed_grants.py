"""A grant that stands on the ledger, signed with the key of the ledger's head.

Signed again when asked again: the statement is made of the entry alone, so it is the same one, and
its time runs from when it was granted.
"""

from __future__ import annotations

import time

from activities.contracts import trust_specs as trust
from dsl.core import Tier
from dsl.rules.trust.grant import GRANT_LIFE_S_MAX, Grant, encode, refuse
from integrations.errors import DeniedError
from integrations.ledger.entries import Entry
from integrations.vault.signing.head_signer import HeadSigner


async def signed(entry: Entry, signer: HeadSigner) -> trust.Granted:
    """Return the grant that ``entry`` records.

    Raises:
        DeniedError: it is not good any more.
        UnavailableError: Vault does not sign.
    """
    said = entry.payload
    grant = Grant(
        kind=said["kind"],
        agent=entry.agent,
        entity=said["entity"],
        was=Tier[said["was"]],
        now=Tier[said["now"]],
        entry=entry.seq,
        granted=said["granted"],
        expires=said["granted"] // 1000 + GRANT_LIFE_S_MAX,
        epoch=said["epoch"],
        binding=said.get("binding", ""),
    )
    refusal = refuse(grant, kind=grant.kind, now_s=time.time())
    if refusal is not None:
        raise DeniedError(refusal)
    signature = await signer.sign(grant.message())
    return trust.Granted(grant=encode(grant, signature), entry=entry.seq)
