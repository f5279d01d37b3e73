"""Each task queue's identity does its own work and nobody else's: the negative space.

Tokens are real, calls are sent as they are: no client of ours stands between.
"""

from __future__ import annotations

from typing import Any

import pytest

from integrations.vault.client import Vault
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.conftest import logged_in
from tests.integration.vault.holders import mint_order, new_agent, register, token_of

TEXT = {"policy": 'path "x" {}'}
QUEUES = ("mandate", "mandate-t3", "mandate-trust", "mandate-ledger")
ROLE = {
    "allowed_policies": "gov-t0,gov-t1,gov-t2",
    "allowed_entity_aliases": "agent-x",
    "orphan": True,
    "renewable": False,
    "token_no_default_policy": True,
    "token_explicit_max_ttl": "30m",
    "token_type": "service",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"entity_alias": None},
        {"entity_alias": ""},
        {"entity_alias": "somebody"},
        {"policies": None},
        {"policies": []},
        {"policies": "gov-t0"},
        {"policies": ["root"]},
        {"policies": ["gov-t0", "gov-t1", "gov-t2", "gov-t3"]},
        {"policies": ["gov-t0", "gov-t4"]},
        {"policies": ["gov-t0", "default"]},
        {"policies": ["gov-broker"]},
        {"ttl": None},
        {"no_default_policy": None},
        {"no_default_policy": False},
        {"renewable": None},
        {"renewable": True},
        {"type": None},
        {"type": "batch"},
        {"id": "s.chosen"},
        {"period": "768h"},
        {"explicit_max_ttl": "768h"},
        {"num_uses": 1},
        {"no_parent": True},
    ],
    ids=str,
)
async def test_the_broker_mints_nothing_but_what_an_issuer_asks_for(
    openbao: OpenBao, registrar: Registrar, broker: Login, changes: dict[str, Any]
) -> None:
    agent, _ = await register(registrar)
    path, token = f"auth/token/create/gov-agent-{agent}", await token_of(broker)
    assert openbao.raw(token, "POST", path, **mint_order(agent, "gov-t0")).status_code == 200

    reply = openbao.raw(token, "POST", path, **mint_order(agent, "gov-t0", **changes))

    assert reply.status_code == 403


async def test_a_role_mints_for_its_own_agent_only(
    openbao: OpenBao, registrar: Registrar, broker: Login
) -> None:
    (agent, _), (other, _) = await register(registrar), await register(registrar)

    for alias in (other, new_agent()):
        reply = openbao.raw(
            await token_of(broker),
            "POST",
            f"auth/token/create/gov-agent-{agent}",
            **mint_order(alias, "gov-t0"),
        )
        assert (reply.status_code, "entity_alias" in reply.text) == (400, True)


async def test_even_root_cannot_mint_policies_beyond_the_role(
    openbao: OpenBao, registrar: Registrar
) -> None:
    agent, _ = await register(registrar)

    reply = openbao.raw(
        openbao.root_token,
        "POST",
        f"auth/token/create/gov-agent-{agent}",
        **mint_order(agent, "gov-t0", "gov-t3"),
    )

    assert reply.status_code == 400


@pytest.mark.parametrize("queue", QUEUES)
async def test_no_queue_mints_outside_its_own_roles(
    openbao: OpenBao, vault: Vault, registrar: Registrar, queue: str
) -> None:
    agent, _ = await register(registrar)
    order = mint_order(agent, "gov-t0")
    async with logged_in(vault, openbao, queue) as login:
        token = await token_of(login)
        refused = {
            path: openbao.raw(token, "POST", path, **order).status_code
            for path in (
                "auth/token/create",
                "auth/token/create-orphan",
                f"auth/token/create/gov-agent-{agent}",
                f"auth/token/create/gov3-agent-{agent}",
            )
        }

    expected = dict.fromkeys(refused, 403)
    if queue == "mandate":
        expected[f"auth/token/create/gov-agent-{agent}"] = 200
    if queue == "mandate-t3":
        expected[f"auth/token/create/gov3-agent-{agent}"] = 200
    assert refused == expected


@pytest.mark.parametrize("queue", ["mandate", "mandate-t3", "mandate-ledger"])
async def test_only_the_trust_queue_registers(openbao: OpenBao, vault: Vault, queue: str) -> None:
    agent = new_agent()
    async with logged_in(vault, openbao, queue) as login:
        token = await token_of(login)
        refused = [
            openbao.raw(token, "POST", path, **body).status_code
            for path, body in (
                (f"identity/entity/name/agent-{agent}", {"metadata": {"tier": "T0"}}),
                ("identity/entity-alias", {"name": f"agent-{agent}", "canonical_id": "x"}),
                (f"auth/token/roles/gov-agent-{agent}", ROLE),
            )
        ]

    assert refused == [403, 403, 403]


@pytest.mark.parametrize(
    "changes",
    [
        {"allowed_policies": "root"},
        {"allowed_policies": ["root"]},
        {"allowed_policies": "gov-t0,gov-t1,gov-t2,gov-t3"},
        {"allowed_policies": ["gov-t0,gov-t1,gov-t2", "root"]},
        {"allowed_policies": None},
        {"allowed_policies_glob": "*"},
        {"allowed_entity_aliases": "*"},
        {"allowed_entity_aliases": ["agent-x", "root"]},
        {"allowed_entity_aliases": None},
        {"orphan": False},
        {"renewable": True},
        {"token_type": "batch"},
        {"token_no_default_policy": False},
        {"token_explicit_max_ttl": "768h"},
        {"token_period": "768h"},
    ],
    ids=str,
)
async def test_the_registrar_writes_roles_of_one_shape_only(
    openbao: OpenBao, vault: Vault, changes: dict[str, Any]
) -> None:
    order = {key: value for key, value in {**ROLE, **changes}.items() if value is not None}
    async with logged_in(vault, openbao, "mandate-trust") as login:
        token = await token_of(login)
        path = f"auth/token/roles/gov-agent-{new_agent()}"

        assert openbao.raw(token, "POST", path, **order).status_code == 403
        assert openbao.raw(token, "POST", path, **ROLE).status_code == 204


async def test_the_registrar_gives_no_policies_and_touches_no_brake(
    openbao: OpenBao, vault: Vault, registrar: Registrar
) -> None:
    agent, entity_id = await register(registrar)
    name = f"identity/entity/name/agent-{agent}"
    async with logged_in(vault, openbao, "mandate-trust") as login:
        token = await token_of(login)
        refused = [
            openbao.raw(token, method, path, **body).status_code
            for method, path, body in (
                ("POST", name, {"policies": ["gov-t3"]}),
                ("POST", name, {"disabled": False}),
                ("DELETE", name, {}),
                ("POST", f"identity/entity/id/{entity_id}", {"metadata": {}}),
                ("POST", "identity/entity/name/person", {"metadata": {}}),
                ("POST", f"auth/token/roles/gov3-agent-{agent}", ROLE),
                ("POST", "auth/token/roles/anything", ROLE),
            )
        ]

    assert refused == [403] * 7


@pytest.mark.parametrize("queue", QUEUES)
async def test_no_queue_reads_secrets_or_changes_governance(
    openbao: OpenBao, vault: Vault, queue: str
) -> None:
    openbao.put_secret("kv-build/queues", v="x")
    async with logged_in(vault, openbao, queue) as login:
        token = await token_of(login)
        refused = [
            openbao.raw(token, method, path, **body).status_code
            for method, path, body in (
                ("GET", "kv-build/data/queues", {}),
                ("GET", "kv-shared/data/docs/a", {}),
                ("POST", "sys/policies/acl/gov-t0", TEXT),
                ("POST", "auth/workers/role/worker-mandate/secret-id", {}),
                ("LIST", "auth/token/accessors", {}),
                ("POST", "auth/token/lookup", {"token": openbao.root_token}),
            )
        ]

    assert refused == [403] * 6


@pytest.mark.parametrize("queue", QUEUES)
async def test_only_the_ledger_signs_its_head(openbao: OpenBao, vault: Vault, queue: str) -> None:
    async with logged_in(vault, openbao, queue) as login:
        reply = openbao.raw(
            await token_of(login), "POST", "gov-transit/sign/ledger-head", input="aGVsbG8="
        )

    assert reply.status_code == (200 if queue == "mandate-ledger" else 403)


async def test_the_installer_fills_zones_without_reading_them(openbao: OpenBao) -> None:
    token, path = openbao.installer_token, "kv-prod/data/filled"

    assert openbao.raw(token, "POST", path, data={"v": "x"}).ok
    for method, refused in (
        ("GET", path),
        ("DELETE", path),
        ("POST", "auth/token/create"),
        ("POST", "sys/policies/acl/root"),
        ("POST", "sys/seal"),
        ("GET", "sys/raw/x"),
    ):
        assert openbao.raw(token, method, refused, x="y").status_code == 403
