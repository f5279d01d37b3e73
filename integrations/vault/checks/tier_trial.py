"""Is each tier granted what this release grants it? Asked of Vault itself, by canaries.

1. A canary's token is minted as an agent's is for EXECUTE, looked at, and revoked, whatever came
   of it. It is never used: nobody can.
2. What is asked for is what the agent of a tier may do now with what the phase may do: texts of
   policies, metadata of the entity and the server's reading of both, all at once.
3. A canary that holds other zones than its tier would be compared with something else: somebody
   has raised or lowered it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import hvac

from dsl.core import AgentPhase, Tier
from integrations.errors import IntegrationError
from integrations.vault import naming
from integrations.vault.checks import matrix
from integrations.vault.checks.facts import INSTALL, Fact, bad, good, not_found_out, shortened
from integrations.vault.client import Identity, Vault, data_of
from integrations.vault.credentials import control_group_tokens
from integrations.vault.credentials.ending import revoke
from integrations.vault.identity import tiers

NAME: Final = "tiers"
_LIFE_S: Final = 60


async def examine_tiers(vault: Vault, login: Identity, chosen: Sequence[Tier]) -> Fact:
    """Say whether each of the ``chosen`` tiers is granted what the matrix says.

    The login must be the broker's that mints at these tiers.
    """

    def ask(client: hvac.Client) -> tuple[str, ...]:
        return tuple(said for tier in chosen for said in _differences(client, tier))

    try:
        different = await vault.run_as(login, ask)
    except IntegrationError as error:
        return not_found_out(NAME, error, "what each is granted cannot be tried", INSTALL)
    if different:
        return bad(NAME, shortened(different), INSTALL)
    names = ", ".join(tier.name for tier in chosen)
    return good(
        NAME, f"{names} are granted what this release grants, on {len(matrix.MATRIX)} paths"
    )


def _differences(client: hvac.Client, tier: Tier) -> list[str]:
    entity = naming.TIER_CANARIES[tier]
    canary, other = _entity(client, entity), _entity(client, naming.CANARY)
    if canary["metadata"] != tiers.zone_metadata(tier):  # (3) somebody has moved it
        return [f"{entity} does not hold what an agent of {tier.name} holds"]
    role = naming.role_of(entity, tier)
    policies = tiers.policies_for(AgentPhase.EXECUTE, tier)
    token = control_group_tokens.mint_from(
        client, role, entity, canary["id"], policies, ttl_s=_LIFE_S, meta={}
    )
    try:
        real = matrix.paths(own=canary["id"], other=other["id"])
        order = {"accessor": token.accessor, "paths": list(real.values())}
        reply = data_of(client.adapter.post("/v1/sys/capabilities-accessor", json=order))
    finally:
        revoke(client, token.accessor)  # (1) whatever came of it
    granted = {row: reply[path] for row, path in real.items() if path in reply}
    return matrix.compare(tier, granted)  # (2) what a tier may do in a phase


def _entity(client: hvac.Client, name: str) -> dict[str, Any]:
    return data_of(client.adapter.get(f"/v1/identity/entity/name/{name}"))
