"""What the identity of queue ``mandate-t3`` may do, and what nobody else may do in its place."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.core import Tier
from integrations.vault.client import Vault
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.conftest import logged_in
from tests.integration.vault.holders import executor, holder_at, mint_order, register, token_of

OTHER_QUEUES = ("mandate", "mandate-trust", "mandate-ledger")
ROLES = {
    "gov3": ("gov-t0,gov-t1,gov-t2,gov-t3,gov-t4", "30m"),
    "gov3-gate": ("gov-t3", "744h"),
}


def role_order(prefix: str, **changes: Any) -> dict[str, Any]:
    policies, life = ROLES[prefix]
    return {
        "allowed_policies": policies,
        "allowed_entity_aliases": "agent-x",
        "orphan": True,
        "renewable": False,
        "token_no_default_policy": True,
        "token_explicit_max_ttl": life,
        "token_type": "service",
        **changes,
    }


@pytest.mark.parametrize("queue", OTHER_QUEUES)
async def test_no_other_queue_mints_for_t3_or_sees_what_waits(
    openbao: OpenBao, vault: Vault, registrar: Registrar, queue: str
) -> None:
    agent, _ = await register(registrar)
    async with logged_in(vault, openbao, queue) as login:
        token = await token_of(login)
        refused = [
            openbao.raw(token, method, path, **body).status_code
            for method, path, body in (
                ("POST", f"auth/token/create/gov3-agent-{agent}", mint_order(agent, "gov-t0")),
                ("POST", f"auth/token/create/gov3-gate-agent-{agent}", mint_order(agent, "gov-t3")),
                ("GET", "kv-gates/data/x", {}),
                ("POST", "kv-gates/data/x", {"data": {"v": "x"}}),
                ("LIST", "kv-gates/metadata/", {}),
                ("POST", "sys/control-group/authorize", {"accessor": "x"}),
            )
        ]

    assert refused == [403] * 6


async def test_an_agent_neither_sees_what_waits_nor_signs_for_people(
    openbao: OpenBao, registrar: Registrar
) -> None:
    for tier in Tier:
        holder = await holder_at(openbao, registrar, tier)
        key = f"approver-{holder.entity_id}"
        for method, path, body in (
            ("GET", "kv-gates/data/x", {}),
            ("POST", f"gov-transit/keys/{key}", {"type": "ed25519"}),
            ("POST", f"gov-transit/sign/{key}", {"input": "aGVsbG8="}),
            ("POST", "sys/control-group/authorize", {"accessor": "x"}),
        ):
            assert openbao.raw(holder.token, method, path, **body).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"policies": ["gov-t0"]},
        {"policies": ["gov-t0", "gov-t3"]},
        {"policies": ["gov-t4"]},
        {"policies": ["root"]},
        {"policies": None},
        {"entity_alias": None},
        {"entity_alias": "ann"},
        {"renewable": True},
        {"type": "batch"},
        {"no_default_policy": False},
        {"period": "768h"},
        {"num_uses": 1},
    ],
    ids=str,
)
async def test_a_request_token_has_one_shape(
    openbao: OpenBao, registrar: Registrar, broker_t3: Login, changes: dict[str, Any]
) -> None:
    agent, _ = await executor(openbao, registrar)
    path, token = f"auth/token/create/gov3-gate-agent-{agent}", await token_of(broker_t3)
    assert openbao.raw(token, "POST", path, **mint_order(agent, "gov-t3")).ok

    reply = openbao.raw(token, "POST", path, **mint_order(agent, "gov-t3", **changes))

    assert reply.status_code == 403


@pytest.mark.parametrize("prefix", ROLES)
@pytest.mark.parametrize(
    "changes",
    [
        {"allowed_policies": "root"},
        {"allowed_policies": "gov-t0,gov-t1,gov-t2"},
        {"allowed_policies": ["gov-t3"]},
        {"allowed_entity_aliases": "*"},
        {"allowed_entity_aliases": "ann"},
        {"token_explicit_max_ttl": "768h"},
        {"token_period": "768h"},
        {"renewable": True},
        {"token_type": "batch"},
    ],
    ids=str,
)
async def test_the_registrar_writes_these_roles_in_one_shape_only(
    openbao: OpenBao, vault: Vault, prefix: str, changes: dict[str, Any]
) -> None:
    async with logged_in(vault, openbao, "mandate-trust") as login:
        token = await token_of(login)
        path = f"auth/token/roles/{prefix}-agent-shape"

        refused = openbao.raw(token, "POST", path, **role_order(prefix, **changes))
        assert refused.status_code == 403
        assert openbao.raw(token, "POST", path, **role_order(prefix)).ok


async def test_the_broker_reads_people_and_changes_none(
    openbao: OpenBao, broker_t3: Login, ledger_login: Login
) -> None:
    entity = openbao.as_root("GET", "identity/entity/name/agent-0-gate-probe")["data"]["id"]
    for login in (broker_t3, ledger_login):
        token = await token_of(login)
        for method, path, body, expected in (
            ("GET", f"identity/entity/id/{entity}", {}, 200),
            ("GET", "identity/group/name/gov-council", {}, 200),
            ("POST", f"identity/entity/id/{entity}", {"disabled": True}, 403),
            ("POST", "identity/group/name/gov-council", {"member_entity_ids": [entity]}, 403),
            ("POST", "gov-transit/sign/approver-x", {"input": "aGVsbG8="}, 403),
            ("POST", "gov-transit/keys/approver-x", {"type": "ed25519"}, 403),
            ("POST", "gov-transit/keys/approver-x/rotate", {}, 403),
        ):
            assert openbao.raw(token, method, path, **body).status_code == expected, path


async def test_the_revoker_ends_what_asks_in_an_agents_name(
    openbao: OpenBao, registrar: Registrar, broker_t3: Login
) -> None:
    agent, _ = await executor(openbao, registrar)
    path = f"auth/token/create/gov3-gate-agent-{agent}"
    minted = openbao.call(await token_of(broker_t3), "POST", path, **mint_order(agent, "gov-t3"))[
        "auth"
    ]
    order = {"policies": ["gov-revoker"], "ttl": "60s", "no_default_policy": True}
    revoker = openbao.as_root("POST", "auth/token/create", **order)["auth"]["client_token"]

    assert openbao.raw(revoker, "PUT", f"sys/leases/revoke-prefix/{path}").ok

    lookup = openbao.raw(
        openbao.root_token, "POST", "auth/token/lookup-accessor", accessor=minted["accessor"]
    )
    assert lookup.status_code in (400, 403)  # nothing is named by it
