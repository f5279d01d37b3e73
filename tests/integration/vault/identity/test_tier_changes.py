"""Raising takes a grant and goes by one; lowering goes by one, once per key."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dsl.core import Tier
from integrations.errors import CorruptError, DeniedError, NotFoundError, RevokedError
from integrations.vault.identity import tiers
from integrations.vault.identity.registry import Registrar, Registry
from integrations.vault.identity.standing import LOWERINGS_MAX, NO_GRANT, Change
from integrations.vault.identity.tier_changes import TierChanges
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.holders import BINDING, holder_at, new_agent, register


def metadata_of(server: OpenBao, agent: str) -> dict[str, str]:
    found: dict[str, str] = server.as_root("GET", f"identity/entity/name/agent-{agent}")["data"][
        "metadata"
    ]
    return found


async def test_a_new_agent_stands_as_it_was_registered(
    registrar: Registrar, changes: TierChanges
) -> None:
    agent, entity_id = await register(registrar, Tier.T1)

    held = await changes.read(agent)

    assert (held.entity_id, held.tier, held.disabled) == (entity_id, Tier.T1, False)
    assert held.metadata == {"tier": "T1", "t1": "sandbox", **BINDING}
    assert (held.grant, held.lowered) == (NO_GRANT, {})


async def test_an_agent_is_raised_tier_by_tier_and_lowered_again(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges
) -> None:
    agent, entity_id = await register(registrar, Tier.T0)

    for place, was in enumerate((Tier.T0, Tier.T1, Tier.T2, Tier.T3)):
        now = Tier(was + 1)
        change = await changes.promote(agent, entity_id, was, now, place)
        assert change == Change(was, now, changed=True)
        assert metadata_of(openbao, agent) == {
            **tiers.zone_metadata(now),
            **BINDING,
            "grant": str(place),
        }
    lowered = [await changes.demote(agent, f"violation {number}") for number in range(5)]

    assert [(change.was, change.now, change.changed) for change in lowered] == [
        (Tier.T4, Tier.T3, True),
        (Tier.T3, Tier.T2, True),
        (Tier.T2, Tier.T1, True),
        (Tier.T1, Tier.T0, True),
        (Tier.T0, Tier.T0, False),
    ]
    held = await changes.read(agent)
    assert (held.tier, held.grant, len(held.lowered)) == (Tier.T0, 3, 5)
    assert not {"t1", "t2", "t3"} & set(held.metadata)


async def test_a_held_token_loses_a_zone_by_demotion_and_gets_it_by_promotion(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges
) -> None:
    openbao.put_secret("kv-build/ci", v="x")
    holder = await holder_at(openbao, registrar, Tier.T2)
    statuses = [openbao.raw(holder.token, "GET", "kv-build/data/ci").status_code]

    await changes.demote(holder.agent, "seen")
    statuses.append(openbao.raw(holder.token, "GET", "kv-build/data/ci").status_code)
    await changes.promote(holder.agent, holder.entity_id, Tier.T1, Tier.T2, 7)
    statuses.append(openbao.raw(holder.token, "GET", "kv-build/data/ci").status_code)

    assert statuses == [200, 403, 200]


async def test_the_same_grant_again_changes_nothing(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges
) -> None:
    agent, entity_id = await register(registrar, Tier.T0)
    await changes.promote(agent, entity_id, Tier.T0, Tier.T1, 5)
    before = metadata_of(openbao, agent)

    again = await changes.promote(agent, entity_id, Tier.T0, Tier.T1, 5)

    assert again == Change(Tier.T0, Tier.T1, changed=False)
    assert metadata_of(openbao, agent) == before


async def test_a_grant_that_was_used_raises_nobody_after_a_demotion(
    registrar: Registrar, changes: TierChanges
) -> None:
    agent, entity_id = await register(registrar, Tier.T0)
    await changes.promote(agent, entity_id, Tier.T0, Tier.T1, 5)
    await changes.demote(agent, "seen")

    for place in (5, 4, 0):
        with pytest.raises(DeniedError, match="is used up: the last one applied is 5"):
            await changes.promote(agent, entity_id, Tier.T0, Tier.T1, place)
    assert (await changes.promote(agent, entity_id, Tier.T0, Tier.T1, 6)).changed


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (Tier.T0, Tier.T2),
        (Tier.T0, Tier.T3),
        (Tier.T1, Tier.T1),
        (Tier.T2, Tier.T1),
        (Tier.T1, Tier.T4),
    ],
)
async def test_nothing_but_one_tier_up_is_a_promotion(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges, was: Tier, now: Tier
) -> None:
    agent, entity_id = await register(registrar, Tier.T1)
    before = metadata_of(openbao, agent)

    with pytest.raises(DeniedError, match="is raised by one tier"):
        await changes.promote(agent, entity_id, was, now, 1)

    assert metadata_of(openbao, agent) == before


async def test_a_grant_for_another_state_or_another_entity_is_refused(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges
) -> None:
    (agent, entity_id), (_, other) = await register(registrar), await register(registrar)
    before = metadata_of(openbao, agent)

    with pytest.raises(DeniedError, match="from T1, it holds T2"):
        await changes.promote(agent, entity_id, Tier.T1, Tier.T2, 1)
    with pytest.raises(DeniedError, match="is for entity"):
        await changes.promote(agent, other, Tier.T2, Tier.T3, 1)
    with pytest.raises(DeniedError, match="grant -1"):
        await changes.promote(agent, entity_id, Tier.T2, Tier.T3, -1)

    assert metadata_of(openbao, agent) == before


async def test_a_disabled_agent_is_lowered_but_not_raised(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges
) -> None:
    agent, entity_id = await register(registrar, Tier.T1)
    openbao.as_root("POST", f"identity/entity/id/{entity_id}", disabled=True)

    with pytest.raises(RevokedError, match="is disabled"):
        await changes.promote(agent, entity_id, Tier.T1, Tier.T2, 1)
    lowered = await changes.demote(agent, "seen")

    assert lowered == Change(Tier.T1, Tier.T0, changed=True)
    assert (await changes.read(agent)).disabled


async def test_one_key_lowers_once_and_says_what_it_lowered_from(
    registrar: Registrar, changes: TierChanges
) -> None:
    agent, _ = await register(registrar, Tier.T2)
    key = "run/1 ../*+{{identity}} ü\n" * 50

    made = [await changes.demote(agent, key) for _ in range(3)]
    other = await changes.demote(agent, "another")

    assert made == [
        Change(Tier.T2, Tier.T1, changed=True),
        Change(Tier.T2, Tier.T1, changed=False),
        Change(Tier.T2, Tier.T1, changed=False),
    ]
    assert other == Change(Tier.T1, Tier.T0, changed=True)


async def test_a_retry_that_comes_after_a_promotion_lowers_nothing(
    registrar: Registrar, changes: TierChanges
) -> None:
    agent, entity_id = await register(registrar, Tier.T0)
    await changes.demote(agent, "at the bottom")
    await changes.promote(agent, entity_id, Tier.T0, Tier.T1, 1)

    assert await changes.demote(agent, "at the bottom") == Change(Tier.T0, Tier.T1, changed=False)


async def test_the_last_keys_are_remembered_and_no_more(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges
) -> None:
    agent, _ = await register(registrar, Tier.T2)

    for number in range(LOWERINGS_MAX + 3):
        await changes.demote(agent, str(number))

    held = await changes.read(agent)
    assert len(held.lowered) == LOWERINGS_MAX
    assert len(metadata_of(openbao, agent)["lowered"]) < 256
    assert not (await changes.demote(agent, str(LOWERINGS_MAX + 2))).changed


async def test_changes_at_once_do_not_overlap(registrar: Registrar, changes: TierChanges) -> None:
    agent, entity_id = await register(registrar, Tier.T2)
    set_to = [changes.promote(agent, entity_id, Tier.T2, Tier.T3, 1) for _ in range(4)]

    raised = await asyncio.gather(*set_to)
    lowered = await asyncio.gather(*(changes.demote(agent, str(n % 2)) for n in range(8)))

    assert [change.changed for change in raised].count(True) == 1
    assert [change.changed for change in lowered].count(True) == 2
    held = await changes.read(agent)
    assert (held.tier, held.grant, len(held.lowered)) == (Tier.T1, 1, 2)


async def test_a_change_whose_caller_has_gone_overlaps_with_none(
    registrar: Registrar, changes: TierChanges
) -> None:
    agent, _ = await register(registrar, Tier.T2)
    gone = asyncio.ensure_future(changes.demote(agent, "first"))
    await asyncio.sleep(0)
    gone.cancel()

    await changes.demote(agent, "second")

    held = await changes.read(agent)
    assert held.tier == Tier.T2 - len(held.lowered)


async def test_registering_again_keeps_tier_grant_and_lowerings(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges
) -> None:
    agent, entity_id = await register(registrar, Tier.T2)
    await changes.promote(agent, entity_id, Tier.T2, Tier.T3, 9)
    await changes.demote(agent, "seen")
    before = metadata_of(openbao, agent)

    again = await registrar.register(agent, initial_tier=Tier.T0, binding=BINDING)

    assert again.tier is Tier.T2
    assert {"grant", "lowered"} <= set(before)
    assert metadata_of(openbao, agent) == before


async def test_a_phase_worker_reads_a_raised_agent_as_before(
    registrar: Registrar, changes: TierChanges, registry: Registry
) -> None:
    agent, entity_id = await register(registrar, Tier.T0)
    await changes.promote(agent, entity_id, Tier.T0, Tier.T1, 2)

    known = await registry.read(agent)

    assert (known.tier, known.binding, known.entity_id) == (Tier.T1, BINDING, entity_id)


async def test_what_somebody_smuggled_into_metadata_is_gone_after_a_change(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges
) -> None:
    agent, entity_id = await register(registrar, Tier.T1)
    path = f"identity/entity/id/{entity_id}"
    metadata = {"tier": "T1", "t1": "sandbox", "t3": "prod", "more": "x", **BINDING}
    openbao.as_root("POST", path, metadata=metadata)

    await changes.demote(agent, "seen")

    assert set(metadata_of(openbao, agent)) == {"tier", "lowered", *BINDING}


@pytest.mark.parametrize(
    "bent", [{"grant": "x"}, {"grant": "-1"}, {"lowered": "x"}, {"tier": ""}, {"tier": "T9"}]
)
async def test_metadata_that_nobody_of_us_wrote_stops_every_change(
    openbao: OpenBao, registrar: Registrar, changes: TierChanges, bent: dict[str, Any]
) -> None:
    agent, entity_id = await register(registrar, Tier.T1)
    metadata = {**tiers.zone_metadata(Tier.T1), **BINDING, **bent}
    openbao.as_root("POST", f"identity/entity/id/{entity_id}", metadata=metadata)

    with pytest.raises(CorruptError):
        await changes.promote(agent, entity_id, Tier.T1, Tier.T2, 1)
    with pytest.raises(CorruptError):
        await changes.demote(agent, "seen")
    assert metadata_of(openbao, agent) == metadata


async def test_an_unknown_agent_is_not_found_and_not_made(
    openbao: OpenBao, changes: TierChanges
) -> None:
    agent = new_agent()

    with pytest.raises(NotFoundError, match="is not registered"):
        await changes.read(agent)
    with pytest.raises(NotFoundError, match="is not registered"):
        await changes.promote(agent, "x", Tier.T0, Tier.T1, 1)
    with pytest.raises(NotFoundError, match="is not registered"):
        await changes.demote(agent, "seen")

    path = f"identity/entity/name/agent-{agent}"
    assert openbao.raw(openbao.root_token, "GET", path).status_code == 404


@pytest.mark.parametrize("agent", ["", "a/b", "a*", "a+b", "a..b", "{{x}}", "../../sys/mounts"])
async def test_ids_that_vault_cannot_hold_are_refused(changes: TierChanges, agent: str) -> None:
    with pytest.raises(DeniedError, match="cannot be an identity"):
        await changes.promote(agent, "x", Tier.T0, Tier.T1, 1)
    with pytest.raises(DeniedError, match="cannot be an identity"):
        await changes.demote(agent, "seen")
