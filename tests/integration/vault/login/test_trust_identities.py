"""The identities of trust do one kind of act each, and none does another's: the negative space.

Tokens are of real logins, calls are sent as they are: no client of ours stands between.
"""

from __future__ import annotations

from typing import Any

import pytest

from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from tests.fixtures.servers.openbao import OpenBao, People
from tests.integration.vault.conftest import logged_in
from tests.integration.vault.holders import mint_order, new_agent, register, token_of

REVOKE = "sys/leases/revoke-prefix/auth/token/create"
LEASES = "sys/leases/lookup/auth/token/create"
T2 = {"tier": "T2", "t1": "sandbox", "t2": "build"}
OF_TRUST = (naming.PROMOTER, naming.REVOKER, naming.REINSTATER, naming.SWEEPER)

Call = tuple[str, str, dict[str, Any]]


def statuses(server: OpenBao, token: str, calls: tuple[Call, ...]) -> list[int]:
    return [server.raw(token, method, path, **body).status_code for method, path, body in calls]


def entity(agent: str) -> str:
    return f"identity/entity/name/agent-{agent}"


@pytest.mark.parametrize("identity", OF_TRUST)
async def test_none_mints_reads_secrets_signs_or_changes_governance(
    openbao: OpenBao, vault: Vault, registrar: Registrar, identity: str
) -> None:
    agent, entity_id = await register(registrar)
    openbao.put_secret("kv-build/identities", v="x")
    order = mint_order(agent, "gov-t0")
    calls: tuple[Call, ...] = (
        ("POST", "auth/token/create", order),
        ("POST", "auth/token/create-orphan", order),
        ("POST", f"auth/token/create/gov-agent-{agent}", order),
        ("POST", f"auth/token/create/gov3-agent-{agent}", order),
        ("POST", f"auth/token/create/gov3-gate-agent-{agent}", order),
        ("POST", f"auth/token/roles/gov-agent-{agent}", {"allowed_policies": "root"}),
        ("GET", "kv-build/data/identities", {}),
        ("GET", "kv-gates/data/x", {}),
        ("POST", "gov-transit/sign/ledger-head", {"input": "aGVsbG8="}),
        ("POST", "sys/policies/acl/gov-t0", {"policy": 'path "x" {}'}),
        ("POST", f"auth/workers/role/worker-{identity}/secret-id", {}),
        ("POST", "identity/entity-alias", {"name": f"agent-{agent}", "canonical_id": entity_id}),
        ("POST", f"identity/entity/id/{entity_id}", {"metadata": T2}),
        ("POST", entity(agent), {"policies": ["root"]}),
        ("POST", entity(agent), {"name": "agent-other"}),
        ("DELETE", entity(agent), {}),
        ("PUT", REVOKE, {}),
        ("PUT", "sys/leases/revoke-prefix/auth/workers", {}),
        ("POST", "auth/token/lookup", {"token": openbao.root_token}),
    )
    async with logged_in(vault, openbao, identity) as login:
        assert statuses(openbao, await token_of(login), calls) == [403] * len(calls)


@pytest.mark.parametrize("identity", OF_TRUST)
async def test_none_touches_a_person(
    openbao: OpenBao, vault: Vault, people: People, identity: str
) -> None:
    person = people.entity("eve")
    calls = tuple(
        ("POST", f"identity/entity/{which}", change)
        for which in ("name/eve", f"id/{person}")
        for change in ({"disabled": True}, {"disabled": False}, {"metadata": {"tier": "T4"}})
    )
    async with logged_in(vault, openbao, identity) as login:
        assert statuses(openbao, await token_of(login), calls) == [403] * 6

    found = openbao.as_root("GET", "identity/entity/name/eve")["data"]
    assert (found["disabled"], found["metadata"]) == (False, None)


@pytest.mark.parametrize("identity", [naming.PROMOTER, naming.SWEEPER])
async def test_neither_promoter_nor_sweeper_disables_or_enables(
    openbao: OpenBao, vault: Vault, registrar: Registrar, identity: str
) -> None:
    agent, _ = await register(registrar)
    calls: tuple[Call, ...] = (
        ("POST", entity(agent), {"disabled": True}),
        ("POST", entity(agent), {"disabled": False}),
        ("POST", entity(agent), {"disabled": False, "metadata": T2}),
        ("PUT", f"{REVOKE}/gov-agent-{agent}", {}),
    )
    async with logged_in(vault, openbao, identity) as login:
        assert statuses(openbao, await token_of(login), calls) == [403] * 4


async def test_the_promoter_writes_metadata(
    openbao: OpenBao, registrar: Registrar, promoter: Login
) -> None:
    agent, _ = await register(registrar)

    assert openbao.raw(await token_of(promoter), "POST", entity(agent), metadata=T2).ok


async def test_the_revoker_stops_and_never_lets_go(
    openbao: OpenBao, registrar: Registrar, revoker: Login
) -> None:
    agent, _ = await register(registrar)
    token = await token_of(revoker)
    allowed: tuple[Call, ...] = (
        ("POST", entity(agent), {"disabled": True}),
        ("PUT", f"{REVOKE}/gov-agent-{agent}", {}),
        ("PUT", f"{REVOKE}/gov3-agent-{agent}", {}),
        ("PUT", f"{REVOKE}/gov3-gate-agent-{agent}", {}),
    )
    refused: tuple[Call, ...] = (
        ("POST", entity(agent), {"disabled": False}),
        ("POST", entity(agent), {"metadata": T2}),
        ("POST", entity(agent), {"disabled": True, "metadata": T2}),
        ("LIST", f"{LEASES}/", {}),
        ("LIST", "auth/token/accessors", {}),
    )

    assert [status // 100 for status in statuses(openbao, token, allowed)] == [2] * 4
    assert statuses(openbao, token, refused) == [403] * 5
    assert openbao.as_root("GET", entity(agent))["data"]["disabled"]


async def test_the_reinstater_lets_go_and_never_stops(
    openbao: OpenBao, registrar: Registrar, reinstater: Login
) -> None:
    agent, _ = await register(registrar)
    openbao.as_root("POST", entity(agent), disabled=True)
    token = await token_of(reinstater)

    assert openbao.raw(token, "POST", entity(agent), disabled=False, metadata=T2).ok
    for change in ({"disabled": True}, {"disabled": True, "metadata": T2}):
        assert openbao.raw(token, "POST", entity(agent), **change).status_code == 403
    assert not openbao.as_root("GET", entity(agent))["data"]["disabled"]


async def test_the_sweeper_finds_and_ends_tokens_and_touches_no_entity(
    openbao: OpenBao, vault: Vault, registrar: Registrar
) -> None:
    agent, _ = await register(registrar)
    path = f"auth/token/create/gov-agent-{agent}"
    minted = openbao.as_root("POST", path, **mint_order(agent, "gov-t0"))["auth"]
    refused: tuple[Call, ...] = (
        ("POST", entity(agent), {"metadata": T2}),
        ("GET", entity(agent), {}),
        ("POST", "auth/token/revoke", {"token": minted["client_token"]}),
        ("POST", "auth/token/renew-accessor", {"accessor": minted["accessor"]}),
    )
    async with logged_in(vault, openbao, naming.SWEEPER) as login:
        token = await token_of(login)
        listed = openbao.call(token, "LIST", "auth/token/accessors")["data"]["keys"]
        leases = openbao.call(token, "LIST", f"{LEASES}/gov-agent-{agent}/")["data"]["keys"]
        assert statuses(openbao, token, refused) == [403] * 4
        openbao.call(token, "POST", "auth/token/revoke-accessor", accessor=minted["accessor"])

    assert minted["accessor"] in listed
    assert len(leases) == 1
    assert openbao.raw(minted["client_token"], "GET", "auth/token/lookup-self").status_code == 403


async def test_vault_does_not_tell_making_an_agent_from_writing_one(
    openbao: OpenBao, registrar: Registrar
) -> None:
    """Hold the comment in ``gov-registrar.hcl``: split the policy when this fails."""
    agent, _ = await register(registrar)
    text = (
        'path "identity/entity/name/agent-*" { capabilities = ["create"] }'
        'path "auth/token/lookup-self" { capabilities = ["read"] }'
    )
    name = new_agent("create-only").replace(".", "-")
    openbao.as_root("POST", f"sys/policies/acl/{name}", policy=text)
    order = {"policies": [name], "ttl": "60s", "no_default_policy": True}
    token = openbao.as_root("POST", "auth/token/create", **order)["auth"]["client_token"]

    for one in (agent, new_agent()):
        reply = openbao.raw(token, "POST", entity(one), metadata={"tier": "T0"})
        assert reply.status_code == 403
