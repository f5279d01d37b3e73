"""Credentials live as long as their phase, for exactly the agent and rights meant."""

from __future__ import annotations

import asyncio

import pytest

from dsl.core import AgentPhase, Tier
from integrations.errors import DeniedError, RevokedError
from integrations.vault.client import Vault
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity.registry import Registrar
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.stack.probes import eventually
from tests.integration.vault.holders import (
    executing,
    is_alive,
    living_tokens,
    new_agent,
    register,
    token_in,
)


async def test_a_credential_is_revoked_when_the_phase_succeeds(
    vault: Vault, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)

    async with executing(issuer, agent, entity_id) as credential:
        token = token_in(credential)
        assert await is_alive(vault, token)

    assert not await is_alive(vault, token)


async def test_a_credential_is_revoked_when_the_phase_fails(
    vault: Vault, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)

    tokens: list[str] = []

    async def phase() -> None:
        async with executing(issuer, agent, entity_id) as credential:
            tokens.append(token_in(credential))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await phase()

    assert not await is_alive(vault, tokens[0])


async def test_a_credential_is_revoked_when_the_phase_is_cancelled(
    vault: Vault, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)
    tokens: list[str] = []
    inside = asyncio.Event()

    async def phase() -> None:
        async with executing(issuer, agent, entity_id) as credential:
            tokens.append(token_in(credential))
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(phase())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not await is_alive(vault, tokens[0])


async def test_a_cancel_at_any_moment_leaves_no_living_token(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)

    async def phase() -> None:
        async with executing(issuer, agent, entity_id):
            await asyncio.sleep(60)

    for delay_ms in range(0, 12, 2):
        task = asyncio.create_task(phase())
        await asyncio.sleep(delay_ms / 1000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert living_tokens(openbao, entity_id) == []


async def test_a_second_cancel_does_not_stop_the_revocation(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)
    inside = asyncio.Event()

    async def phase() -> None:
        async with executing(issuer, agent, entity_id):
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(phase())
    await inside.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.gather(*issuer._ending)

    assert living_tokens(openbao, entity_id) == []


async def test_no_credential_for_an_entity_other_than_the_registered_one(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)
    _, other = await register(registrar)

    for wrong in (other, ""):
        with pytest.raises(DeniedError, match="vault minted something else"):
            await _mint(issuer, agent, wrong)

    assert living_tokens(openbao, entity_id) == []


async def test_policies_that_come_by_way_of_the_entity_are_refused(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)
    openbao.as_root("POST", f"identity/entity/id/{entity_id}", policies=["gov-t3"])

    with pytest.raises(DeniedError, match="expected policies"):
        await _mint(issuer, agent, entity_id)

    assert living_tokens(openbao, entity_id) == []


async def test_no_credential_for_an_unregistered_agent(issuer: TokenRoleIssuer) -> None:
    with pytest.raises(DeniedError, match="unknown role"):
        await _mint(issuer, new_agent(), "an-entity")


async def test_no_credential_for_a_disabled_agent(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)
    openbao.as_root("POST", f"identity/entity/id/{entity_id}", disabled=True)

    with pytest.raises(RevokedError, match="is disabled in Vault"):
        await _mint(issuer, agent, entity_id)


async def test_a_credential_ends_by_itself(
    vault: Vault, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)

    async with executing(issuer, agent, entity_id, ttl_s=2) as credential:
        token = token_in(credential)
        assert await is_alive(vault, token)

        async def has_ended() -> bool:
            return not await is_alive(vault, token)

        await eventually(has_ended)


async def test_a_credential_outlives_no_role_however_long_it_was_asked_for(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)

    async with executing(issuer, agent, entity_id, ttl_s=99_999) as credential:
        itself = openbao.call(token_in(credential), "GET", "auth/token/lookup-self")["data"]

    assert itself["ttl"] <= 1_800
    assert itself["renewable"] is False
    assert itself["orphan"] is True
    assert itself["meta"] == {"run": "r/1"}


@pytest.mark.parametrize("tier", [Tier.T0, Tier.T1, Tier.T2])
@pytest.mark.parametrize(
    "phase", [phase for phase in AgentPhase if phase not in (AgentPhase.EXIT, AgentPhase.REVOKED)]
)
async def test_the_broker_may_mint_for_every_phase_up_to_its_ceiling(
    registrar: Registrar, issuer: TokenRoleIssuer, phase: AgentPhase, tier: Tier
) -> None:
    agent, entity_id = await register(registrar)

    async with issuer.credential(
        agent, entity_id, phase=phase, tier=tier, ttl_s=60, meta={}
    ) as credential:
        assert credential.entity_id == entity_id


@pytest.mark.parametrize("tier", [Tier.T3, Tier.T4])
async def test_the_broker_of_the_phase_queue_does_not_mint_above_its_ceiling(
    registrar: Registrar, issuer: TokenRoleIssuer, tier: Tier
) -> None:
    agent, entity_id = await register(registrar)

    with pytest.raises(DeniedError, match="no credential"):
        async with executing(issuer, agent, entity_id, tier):
            pass


@pytest.mark.parametrize("phase", [AgentPhase.EXIT, AgentPhase.REVOKED])
async def test_leaving_takes_no_credential(issuer: TokenRoleIssuer, phase: AgentPhase) -> None:
    with pytest.raises(ValueError, match="gets no credential"):
        async with issuer.credential("a", "e", phase=phase, tier=Tier.T0, ttl_s=60, meta={}):
            pass


async def _mint(issuer: TokenRoleIssuer, agent: str, entity_id: str) -> None:
    async with executing(issuer, agent, entity_id):
        pass
