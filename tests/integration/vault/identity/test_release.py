"""A revoked agent comes back at the lowest tier, with a grant, and with no token of before."""

from __future__ import annotations

import pytest

from dsl.core import Tier
from integrations.errors import DeniedError, NotFoundError
from integrations.vault.identity.brake import Brake, Release
from integrations.vault.identity.registry import Registrar
from integrations.vault.identity.standing import Change
from integrations.vault.identity.tier_changes import TierChanges
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.holders import BINDING, holder_at, new_agent, register


async def test_an_agent_comes_back_at_t0_without_its_old_tokens(
    openbao: OpenBao,
    registrar: Registrar,
    changes: TierChanges,
    brake: Brake,
    release: Release,
) -> None:
    holder = await holder_at(openbao, registrar, Tier.T3)
    await changes.demote(holder.agent, "seen")
    await brake.disable(holder.agent)

    change = await release.enable(holder.agent, holder.entity_id, 4)

    assert change == Change(Tier.T2, Tier.T0, changed=True)
    held = await changes.read(holder.agent)
    assert (held.tier, held.disabled, held.grant) == (Tier.T0, False, 4)
    assert set(held.metadata) == {"tier", "grant", "lowered", *BINDING}
    path = "auth/token/lookup-self"
    assert openbao.raw(holder.token, "GET", path).status_code == 403
    assert await brake.tokens_left(holder.agent) == 0


async def test_the_same_grant_again_changes_nothing_and_after_a_new_revocation_is_used_up(
    registrar: Registrar, changes: TierChanges, brake: Brake, release: Release
) -> None:
    agent, entity_id = await register(registrar)
    await brake.disable(agent)
    await release.enable(agent, entity_id, 4)

    again = await release.enable(agent, entity_id, 4)
    assert again == Change(Tier.T0, Tier.T0, changed=False)
    with pytest.raises(DeniedError, match="is used up"):
        await changes.promote(agent, entity_id, Tier.T0, Tier.T1, 4)

    await brake.disable(agent)
    for place in (4, 3):
        with pytest.raises(DeniedError, match="is used up: the last one applied is 4"):
            await release.enable(agent, entity_id, place)
    assert await brake.is_disabled(agent)


async def test_an_agent_that_is_not_revoked_is_left_as_it_is(
    registrar: Registrar, changes: TierChanges, release: Release
) -> None:
    agent, entity_id = await register(registrar)

    with pytest.raises(DeniedError, match="is not revoked"):
        await release.enable(agent, entity_id, 1)

    assert (await changes.read(agent)).tier is Tier.T2


async def test_a_new_grant_is_used_up_also_where_an_earlier_one_has_enabled_the_agent(
    registrar: Registrar, changes: TierChanges, brake: Brake, release: Release
) -> None:
    agent, entity_id = await register(registrar)
    await brake.disable(agent)
    await release.enable(agent, entity_id, 4)

    assert await release.enable(agent, entity_id, 7) == Change(Tier.T0, Tier.T0, changed=True)
    assert (await changes.read(agent)).grant == 7

    await brake.disable(agent)
    with pytest.raises(DeniedError, match="used up"):
        await release.enable(agent, entity_id, 7)


async def test_a_grant_for_another_entity_lets_nobody_back(
    registrar: Registrar, brake: Brake, release: Release
) -> None:
    (agent, _), (_, other) = await register(registrar), await register(registrar)
    await brake.disable(agent)

    with pytest.raises(DeniedError, match="is for entity"):
        await release.enable(agent, other, 1)

    assert await brake.is_disabled(agent)


async def test_an_agent_that_came_back_starts_to_climb_again(
    registrar: Registrar, changes: TierChanges, brake: Brake, release: Release
) -> None:
    agent, entity_id = await register(registrar)
    await brake.disable(agent)
    await release.enable(agent, entity_id, 4)

    assert (await changes.promote(agent, entity_id, Tier.T0, Tier.T1, 5)).changed
    with pytest.raises(DeniedError, match="used up"):
        await release.enable(agent, entity_id, 4)


async def test_an_unknown_agent_is_not_found_and_not_made(
    openbao: OpenBao, release: Release
) -> None:
    agent = new_agent()

    with pytest.raises(NotFoundError, match="is not registered"):
        await release.enable(agent, "x", 1)

    path = f"identity/entity/name/agent-{agent}"
    assert openbao.raw(openbao.root_token, "GET", path).status_code == 404
