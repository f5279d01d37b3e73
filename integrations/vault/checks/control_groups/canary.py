"""The agent by which it is tried whether approvals are enforced. It is nobody and runs nothing.

1. It is an executor by tier, with a production secret that is worth nothing: what holds it back,
   holds back the others.
2. Making it again changes nothing.
"""

from __future__ import annotations

import hvac
from hvac import exceptions as theirs

from dsl.core import Tier
from integrations.vault import naming
from integrations.vault.checks.canaries import make_one


def make_canary(client: hvac.Client) -> None:
    """Make entity, alias, role and secret, as the installer (1) (2)."""
    role = naming.gate_role(naming.CANARY)
    shape = {"allowed_policies": naming.EXECUTOR_POLICY}
    make_one(client, naming.CANARY, Tier.T3, role, shape)
    _write_secret(client)


def _write_secret(client: hvac.Client) -> None:
    """Write the secret unless there is one: the installer may not read it."""
    order = {"options": {"cas": 0}, "data": {"value": "nothing: this secret is never redeemed"}}
    path = f"/v1/{naming.KV_PROD}/data/{naming.CANARY_SECRET}"
    try:
        client.adapter.post(path, json=order)
    except theirs.InvalidRequest as error:
        if "check-and-set" not in " ".join(map(str, error.errors or ())):
            raise
