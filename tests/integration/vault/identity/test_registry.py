"""Agents become known once, and stay what they were first seen as."""

from __future__ import annotations

import asyncio

import pytest

from dsl.core import Tier
from dsl.rules.trust.admission import agent_identity
from integrations.errors import CorruptError, DeniedError, NotFoundError
from integrations.vault.identity.registry import Registrar, Registry
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.holders import BINDING, mint_order, new_agent, set_tier


async def test_a_new_agent_is_known_as_it_was_registered(
    registrar: Registrar, registry: Registry
) -> None:
    agent = new_agent()

    made = await registrar.register(agent, initial_tier=Tier.T1, binding=BINDING)
    known = await registry.read(agent)

    assert made.created
    assert (made.tier, made.binding) == (Tier.T1, BINDING)
    assert (known.entity_id, known.tier) == (made.entity_id, Tier.T1)
    assert known.binding == BINDING
    assert not known.disabled


async def test_registering_again_changes_nothing(registrar: Registrar) -> None:
    agent = new_agent()
    first = await registrar.register(agent, initial_tier=Tier.T1, binding=BINDING)

    again = await registrar.register(
        agent, initial_tier=Tier.T2, binding={**BINDING, "pipeline": "another"}
    )

    assert not again.created
    assert again.entity_id == first.entity_id
    assert (again.tier, again.binding) == (Tier.T1, BINDING)


@pytest.mark.parametrize("tier", [Tier.T0, Tier.T4])
async def test_registering_again_neither_lowers_nor_raises_an_agent(
    openbao: OpenBao, registrar: Registrar, tier: Tier
) -> None:
    agent = new_agent()
    made = await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)
    set_tier(openbao, made.entity_id, tier)

    again = await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)

    assert again.tier is tier


async def test_registering_again_does_not_enable_a_disabled_agent(
    openbao: OpenBao, registrar: Registrar, registry: Registry
) -> None:
    agent = new_agent()
    made = await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)
    openbao.as_root("POST", f"identity/entity/id/{made.entity_id}", disabled=True)

    await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)

    assert (await registry.read(agent)).disabled


async def test_registering_finishes_what_was_left_half_done(
    openbao: OpenBao, registrar: Registrar
) -> None:
    agent = new_agent()
    made = await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)
    name, role = f"agent-{agent}", f"auth/token/roles/gov-agent-{agent}"
    (alias,) = openbao.as_root("GET", f"identity/entity/name/{name}")["data"]["aliases"]
    openbao.as_root("DELETE", f"identity/entity-alias/id/{alias['id']}")
    openbao.as_root("DELETE", role)

    again = await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)

    (alias,) = openbao.as_root("GET", f"identity/entity/name/{name}")["data"]["aliases"]
    assert alias["name"] == name
    assert openbao.as_root("GET", role)["data"]["allowed_entity_aliases"] == [name]
    assert again.entity_id == made.entity_id


async def test_registering_restores_a_role_that_was_widened(
    openbao: OpenBao, registrar: Registrar
) -> None:
    agent = new_agent()
    await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)
    role = f"auth/token/roles/gov-agent-{agent}"
    openbao.as_root("POST", role, allowed_policies=["root"], renewable=True)

    await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)

    restored = openbao.as_root("GET", role)["data"]
    assert restored["allowed_policies"] == ["gov-t0", "gov-t1", "gov-t2"]
    assert restored["renewable"] is False


async def test_a_registered_agent_gets_the_roles_of_its_later_tiers_too(
    openbao: OpenBao, registrar: Registrar
) -> None:
    agent = new_agent()
    await registrar.register(agent, initial_tier=Tier.T0, binding=BINDING)

    roles = {
        prefix: openbao.as_root("GET", f"auth/token/roles/{prefix}-agent-{agent}")["data"]
        for prefix in ("gov", "gov3", "gov3-gate")
    }

    assert {
        prefix: (role["allowed_policies"], role["token_explicit_max_ttl"])
        for prefix, role in roles.items()
    } == {
        "gov": (["gov-t0", "gov-t1", "gov-t2"], 1800),
        "gov3": (["gov-t0", "gov-t1", "gov-t2", "gov-t3", "gov-t4"], 1800),
        "gov3-gate": (["gov-t3"], 744 * 3600),
    }
    for role in roles.values():
        assert role["allowed_entity_aliases"] == [f"agent-{agent}"]
        assert (role["orphan"], role["renewable"]) == (True, False)


async def test_an_inline_agent_gets_the_lowest_role_only(
    openbao: OpenBao, registrar: Registrar
) -> None:
    agent = agent_identity(new_agent(), "sha256:" + "b" * 64, registered=False)
    await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)

    assert openbao.as_root("GET", f"auth/token/roles/gov-agent-{agent}")
    for prefix in ("gov3", "gov3-gate"):
        role = f"auth/token/roles/{prefix}-agent-{agent}"
        assert openbao.raw(openbao.root_token, "GET", role).status_code == 404


async def test_the_roles_alone_open_nothing_to_an_agent_of_a_lower_tier(
    openbao: OpenBao, registrar: Registrar
) -> None:
    agent = new_agent()
    await registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)
    openbao.put_secret("kv-prod/roles", v="x")
    for role, policies in (
        ("gov3", ("gov-t0", "gov-t1", "gov-t2", "gov-t3")),
        ("gov3-gate", ("gov-t3",)),
    ):
        minted = openbao.as_root(
            "POST", f"auth/token/create/{role}-agent-{agent}", **mint_order(agent, *policies)
        )
        token = minted["auth"]["client_token"]
        assert openbao.raw(token, "GET", "kv-prod/data/roles").status_code == 403


async def test_many_at_once_make_one_agent(registrar: Registrar) -> None:
    agent = new_agent()

    made = await asyncio.gather(
        *(registrar.register(agent, initial_tier=Tier.T2, binding=BINDING) for _ in range(8))
    )

    assert len({known.entity_id for known in made}) == 1


@pytest.mark.parametrize("tier", [Tier.T3, Tier.T4])
async def test_no_agent_starts_as_executor_or_architect(registrar: Registrar, tier: Tier) -> None:
    with pytest.raises(DeniedError, match=r"cannot hold T[34]: expected T2 at most"):
        await registrar.register(new_agent(), initial_tier=tier, binding=BINDING)


async def test_ids_of_every_shape_in_use_become_identities(
    registrar: Registrar, registry: Registry
) -> None:
    digest = "sha256:" + "a" * 64
    unique = new_agent()
    agents = (
        f"{unique}_",
        f"{unique}--b",
        f"{unique}.b_c-d.e",
        agent_identity(unique, digest, registered=False),
        agent_identity(f"{unique}." + "x" * (127 - len(unique)), digest, registered=False),
    )

    for agent in agents:
        made = await registrar.register(agent, initial_tier=Tier.T0, binding=BINDING)
        assert (await registry.read(agent)).entity_id == made.entity_id


@pytest.mark.parametrize(
    "agent",
    ["", "a-", "a.", "a..b", "..", "../../sys/mounts", "a/b", "A", "1a", "a b", "a\n", "a%2fb",
     "a*", "a+b", "ä", "a" * 161],
)  # fmt: skip
async def test_ids_that_vault_cannot_hold_are_refused(
    registrar: Registrar, registry: Registry, agent: str
) -> None:
    with pytest.raises(DeniedError, match="cannot be an identity"):
        await registrar.register(agent, initial_tier=Tier.T0, binding=BINDING)
    with pytest.raises(DeniedError, match="cannot be an identity"):
        await registry.read(agent)


@pytest.mark.parametrize("value", ["a/b", "*", "a+b", "x" * 257, "a\n", " "])
async def test_a_binding_that_would_break_policies_is_refused(
    registrar: Registrar, value: str
) -> None:
    with pytest.raises(DeniedError, match="cannot be bound"):
        await registrar.register(
            new_agent(), initial_tier=Tier.T0, binding={**BINDING, "template": value}
        )


async def test_a_binding_cannot_smuggle_in_a_zone(registrar: Registrar) -> None:
    with pytest.raises(ValueError, match="expected pipeline, template, program"):
        await registrar.register(
            new_agent(), initial_tier=Tier.T0, binding={**BINDING, "t3": "prod"}
        )


async def test_an_agent_without_a_program_is_bound_to_none(
    registrar: Registrar, registry: Registry
) -> None:
    agent = new_agent()

    await registrar.register(agent, initial_tier=Tier.T0, binding={**BINDING, "program": ""})

    assert (await registry.read(agent)).binding == {**BINDING, "program": ""}


async def test_an_unregistered_agent_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="is not registered"):
        await registry.read(new_agent())


async def test_an_entity_made_by_somebody_else_is_no_agent(
    openbao: OpenBao, registrar: Registrar, registry: Registry
) -> None:
    agent = new_agent()
    openbao.as_root("POST", f"identity/entity/name/agent-{agent}", metadata={})

    with pytest.raises(CorruptError, match="holds no tier"):
        await registry.read(agent)
    with pytest.raises(CorruptError, match="holds no tier"):
        await registrar.register(agent, initial_tier=Tier.T0, binding=BINDING)
