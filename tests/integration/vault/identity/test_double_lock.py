"""Two locks on every path: what the token may do, and what its agent may do now."""

from __future__ import annotations

import pytest

from dsl.core import AgentPhase, Tier
from integrations.errors import DeniedError
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.identity.registry import Registrar
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.holders import holder_at, register, set_tier

PLACES = ("kv-shared/docs/lock", "kv-sandbox/lock", "kv-build/lock", "kv-prod/lock")


@pytest.fixture(autouse=True)
def zones_filled(openbao: OpenBao) -> None:
    for place in PLACES:
        openbao.put_secret(place, v="x")


async def test_a_demotion_cuts_tokens_already_held_and_a_promotion_restores_them(
    openbao: OpenBao, registrar: Registrar
) -> None:
    holder = await holder_at(openbao, registrar, Tier.T3)

    def reached() -> list[int]:
        paths = (place.replace("/", "/data/", 1) for place in PLACES[:3])
        return [openbao.raw(holder.token, "GET", path).status_code for path in paths]

    seen = {Tier.T3: reached()}
    for tier in (Tier.T2, Tier.T1, Tier.T0):
        set_tier(openbao, holder.entity_id, tier)
        seen[tier] = reached()
    set_tier(openbao, holder.entity_id, Tier.T2)

    assert seen == {
        Tier.T3: [200, 200, 200],
        Tier.T2: [200, 200, 200],
        Tier.T1: [200, 200, 403],
        Tier.T0: [200, 403, 403],
    }
    assert reached() == [200, 200, 200]


async def test_a_demotion_cuts_a_credential_in_use(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar, Tier.T2)
    secret = SecretRef.parse("kv-build/lock#v")

    async with issuer.credential(
        agent, entity_id, phase=AgentPhase.EXECUTE, tier=Tier.T2, ttl_s=60, meta={}
    ) as credential:
        assert await credential.read_secret(secret) == "x"
        set_tier(openbao, entity_id, Tier.T1)
        with pytest.raises(DeniedError, match="may not read kv-build/lock with gov-t0, gov-t1"):
            await credential.read_secret(secret)


async def test_a_phase_sees_less_than_its_agent_holds(
    registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar, Tier.T2)

    async with issuer.credential(
        agent, entity_id, phase=AgentPhase.PLAN, tier=Tier.T2, ttl_s=60, meta={}
    ) as credential:
        assert await credential.read_secret(SecretRef.parse("kv-shared/docs/lock#v")) == "x"
        for place in PLACES[1:]:
            with pytest.raises(DeniedError):
                await credential.read_secret(SecretRef.parse(f"{place}#v"))


async def test_policies_alone_open_nothing_to_an_agent_of_a_lower_tier(
    registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar, Tier.T0)

    async with issuer.credential(
        agent, entity_id, phase=AgentPhase.EXECUTE, tier=Tier.T2, ttl_s=60, meta={}
    ) as credential:
        for place in PLACES[1:]:
            with pytest.raises(DeniedError):
                await credential.read_secret(SecretRef.parse(f"{place}#v"))
