"""Coming back on an impostor's request: only with the ledger's word, and in the right order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle

from activities.contracts.trust_specs import lift_guard, reinstate
from activities.revocation.revocations_under_way import revocation_since
from dsl.core import Tier
from dsl.rules.run.reserved import REVOCATION, revocation_id
from dsl.rules.trust.grant import encode
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.vault.identity.brake import Release
from integrations.vault.identity.standing import Change
from tests.fixtures.engine import Engine
from tests.fixtures.hostile.impostor import QUEUE
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.trust.granting import (
    Forger,
    forging,
    promotion,
    reinstatement,
    sealed,
    signature_of,
)
from tests.integration.vault.holders import living_tokens, register
from tests.integration.vault.identity.test_brake import mint


@pytest_asyncio.fixture(scope="module")
async def forger(running_engine: Engine, openbao: OpenBao) -> AsyncIterator[Forger]:
    async with forging(running_engine, openbao) as made:
        yield made


async def revoked(forger: Forger, epoch: int, tier: Tier = Tier.T2) -> tuple[str, str]:
    agent, entity = await register(forger.registrar, tier)
    await forger.brake.disable(agent)
    await forger.revocations.revoke(agent, epoch, "why")
    return agent, entity


def ms() -> int:
    return int(time.time() * 1000)


async def being_revoked(forger: Forger, agent: str, token: str) -> WorkflowHandle[Any, Any]:
    """Start a revocation under the agent's id, or beside it, that goes on; wait until listed."""
    client = forger.client
    handle = await client.start_workflow(
        REVOCATION, id=revocation_id(agent, token), task_queue=QUEUE
    )
    async with asyncio.timeout(60):
        while await revocation_since(client, agent, ms() + 60_000) is None:  # noqa: ASYNC110  # the server is asked
            await asyncio.sleep(0.02)
    return handle


BESIDE = pytest.mark.parametrize("token", ["", "0f"])


async def test_a_revoked_agent_comes_back_with_a_grant_in_both_stores(forger: Forger):
    agent, entity = await revoked(forger, ms() - 10_000)
    grant = reinstatement(agent, entity, Tier.T2)
    word = await sealed(forger.server, grant)
    back = await forger.send(reinstate.name, word)
    lifted = [await forger.send(lift_guard.name, word) for _ in range(2)]
    known = await forger.registry.read(agent)

    assert (back["was"], back["now"], back["changed"]) == (2, 0, True)
    assert (known.tier, known.disabled) == (Tier.T0, False)
    assert [each["lines"][0]["confirmed"] for each in lifted] == [True, True]
    assert await forger.guards.read(agent) == GuardSeed(fence=0, epoch=grant.epoch, revoked=False)


async def test_a_token_that_outlived_the_revocation_does_not_come_back(forger: Forger):
    agent, entity = await register(forger.registrar)
    for role in ("gov", "gov3"):
        mint(forger.server, agent, role)
    await forger.brake.disable(agent)
    held = living_tokens(forger.server, entity)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    back = await forger.send(reinstate.name, word)

    assert len(held) == 2
    assert back["changed"] is True
    assert living_tokens(forger.server, entity) == []


async def test_who_is_not_stopped_in_vault_is_not_put_back_to_t0_either(forger: Forger):
    agent, entity = await register(forger.registrar)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))

    assert "is not revoked" in (await forger.send(reinstate.name, word))["message"]
    assert await forger.tier(agent) is Tier.T2


async def test_dragonfly_without_a_guard_has_nothing_to_lift(forger: Forger):
    agent, entity = await register(forger.registrar)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    [line] = (await forger.send(lift_guard.name, word))["lines"]

    assert (line["confirmed"], line["detail"]) == (True, "there is none, and nothing to lift")
    assert await forger.guards.read(agent) is None


async def test_what_came_after_the_grant_is_not_lifted(forger: Forger):
    agent, entity = await revoked(forger, later := ms() + 5_000)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    [line] = (await forger.send(lift_guard.name, word))["lines"]
    guard = await forger.guards.read(agent)

    assert (line["confirmed"], str(later) in line["detail"]) == (False, True)
    assert guard is not None
    assert guard.revoked


async def test_dragonfly_may_be_told_long_after_vault(forger: Forger):
    agent, entity = await revoked(forger, 1_000)
    grant = reinstatement(agent, entity, Tier.T2, granted=5_000, expires=60, epoch=5_000)
    word = await sealed(forger.server, grant)

    assert "expired" in (await forger.send(reinstate.name, word))["message"]
    [line] = (await forger.send(lift_guard.name, word))["lines"]
    assert line["confirmed"] is True
    assert (await forger.registry.read(agent)).disabled


@pytest.mark.parametrize("name", [reinstate.name, lift_guard.name])
async def test_nobody_comes_back_without_the_ledgers_word(forger: Forger, name: str):
    agent, entity = await revoked(forger, ms() - 10_000)
    grant = reinstatement(agent, entity, Tier.T2)
    good = signature_of(await sealed(forger.server, grant))
    signed_for_other = replace(grant, agent=f"x-{agent}")
    words = [
        encode(grant, "vault:v1:" + "A" * 86 + "=="),
        encode(signed_for_other, good),
        await sealed(forger.server, promotion(agent, entity, Tier.T2)),
        await sealed(forger.server, replace(grant, now=Tier.T2)),
        await sealed(forger.server, replace(grant, epoch=0)),
    ]
    for word in words:
        assert (await forger.send(name, word))["type"] == "DeniedError"
    guard = await forger.guards.read(agent)

    assert (await forger.registry.read(agent)).disabled
    assert guard is not None
    assert guard.revoked


@BESIDE
async def test_nobody_comes_back_while_being_revoked_or_after_it_again(forger: Forger, token: str):
    agent, entity = await revoked(forger, ms() - 10_000)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    await asyncio.sleep(0.01)  # the next one starts in a later millisecond
    revocation = await being_revoked(forger, agent, token)
    during = await forger.send(reinstate.name, word)
    await revocation.terminate()
    after = await forger.send(reinstate.name, word)

    assert "is under way" in during["message"]
    assert "was revoked again after the grant" in after["message"]
    assert (await forger.registry.read(agent)).disabled

    later = await sealed(forger.server, reinstatement(agent, entity, Tier.T2, entry=2))
    assert (await forger.send(reinstate.name, later))["changed"] is True


@BESIDE
async def test_it_is_the_servers_clock_that_says_what_came_after_the_grant(
    forger: Forger, token: str
):
    agent, entity = await revoked(forger, ms() - 10_000)
    ahead = reinstatement(agent, entity, Tier.T2, granted=ms() + 20_000)
    word = await sealed(forger.server, ahead)
    await asyncio.sleep(0.01)  # the next one starts in a later millisecond
    revocation = await being_revoked(forger, agent, token)
    await revocation.terminate()

    assert "was revoked again" in (await forger.send(reinstate.name, word))["message"]
    assert (await forger.registry.read(agent)).disabled


async def test_a_used_grant_lets_nobody_back_after_another_revocation(forger: Forger):
    agent, entity = await revoked(forger, ms() - 10_000)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    await forger.send(reinstate.name, word)
    await forger.brake.disable(agent)

    assert "is used up" in (await forger.send(reinstate.name, word))["message"]
    assert (await forger.registry.read(agent)).disabled


@BESIDE
async def test_who_is_revoked_while_being_enabled_is_disabled_again(
    forger: Forger, monkeypatch: pytest.MonkeyPatch, token: str
):
    """The brake was pulled and had read back "disabled", and then the enabling arrives."""
    agent, entity = await revoked(forger, ms() - 10_000)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    enable = Release.enable

    async def too_late(release: Release, agent: str, entity: str, grant: int) -> Change:
        await being_revoked(forger, agent, token)
        await forger.brake.disable(agent)
        return await enable(release, agent, entity, grant)

    monkeypatch.setattr(Release, "enable", too_late)
    answer = await forger.send(reinstate.name, word)
    await forger.client.get_workflow_handle(revocation_id(agent, token)).terminate()

    assert "is under way" in answer["message"]
    assert (await forger.registry.read(agent)).disabled


@BESIDE
async def test_a_retry_undoes_what_an_attempt_that_was_cut_off_has_enabled(
    forger: Forger, token: str
):
    agent, entity = await revoked(forger, ms() - 10_000)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    await forger.send(reinstate.name, word)
    revocation = await being_revoked(forger, agent, token)
    again = await forger.send(reinstate.name, word)
    await revocation.terminate()

    assert "is under way" in again["message"]
    assert (await forger.registry.read(agent)).disabled


async def test_what_holds_the_id_and_is_no_revocation_keeps_nobody_out(forger: Forger):
    agent, entity = await revoked(forger, ms() - 10_000)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    squatter = await forger.client.start_workflow(
        "Puppet", id=revocation_id(agent), task_queue=QUEUE
    )
    back = await forger.send(reinstate.name, word)
    await squatter.terminate()

    assert back["changed"] is True


async def test_a_revocation_that_the_server_does_not_list_yet_is_known_to_dragonfly(
    forger: Forger, monkeypatch: pytest.MonkeyPatch
):
    agent, entity = await revoked(forger, ms() - 10_000)
    word = await sealed(forger.server, reinstatement(agent, entity, Tier.T2))
    enable = Release.enable

    async def too_late(release: Release, agent: str, entity: str, grant: int) -> Change:
        await forger.brake.disable(agent)
        await forger.revocations.revoke(agent, ms() + 1_000, "again")
        return await enable(release, agent, entity, grant)

    monkeypatch.setattr(Release, "enable", too_late)
    answer = await forger.send(reinstate.name, word)

    assert "was revoked again after the grant" in answer["message"]
    assert (await forger.registry.read(agent)).disabled
