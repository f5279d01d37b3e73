"""People to try things out with: made twice they are the same, and nobody is thrown out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from integrations.errors import DeniedError
from integrations.vault.client import Vault
from integrations.vault.people.demo_people import make_people
from integrations.vault.people.person import log_in
from tests.fixtures.servers.openbao import OpenBao, govern

PASSWORDS = {"ann": "one", "bob": "two"}
GROUPS = {"sre": ("ann",), "council": ("ann", "bob")}


@pytest.fixture
def server(private_openbao: Callable[..., OpenBao]) -> OpenBao:
    return private_openbao()


@pytest_asyncio.fixture
async def here(server: OpenBao) -> AsyncIterator[Vault]:
    await govern(server)
    connection = Vault(server.url)
    yield connection
    connection.close()


def group(server: OpenBao, name: str, kind: str = "member_entity_ids") -> set[str]:
    return set(server.as_root("GET", f"identity/group/name/{name}")["data"][kind] or ())


def entity(server: OpenBao, name: str) -> dict[str, Any]:
    return dict(server.as_root("GET", f"identity/entity/name/{name}")["data"])


async def test_made_twice_they_are_the_same(server: OpenBao, here: Vault) -> None:
    await make_people(here, server.installer_token, PASSWORDS, GROUPS)
    before = [entity(server, name) for name in PASSWORDS]

    await make_people(here, server.installer_token, PASSWORDS, GROUPS)

    after = [entity(server, name) for name in PASSWORDS]
    for field in ("id", "name", "aliases", "last_update_time", "metadata", "policies"):
        assert [each[field] for each in after] == [each[field] for each in before]
    ids = {each["name"]: each["id"] for each in before}
    assert group(server, "sre") == {ids["ann"]}
    assert group(server, "council") == set(ids.values())
    sre, council = (
        server.as_root("GET", f"identity/group/name/{name}")["data"]["id"] for name in GROUPS
    )
    assert group(server, "gov-approvers-prod", "member_group_ids") == {sre}
    assert group(server, "gov-council", "member_group_ids") == {council}
    user = server.as_root("GET", "auth/approver/users/ann")["data"]
    assert user["token_policies"] == ["gov-approver"]
    assert (user["token_no_default_policy"], user["token_ttl"]) == (True, 8 * 3600)


async def test_members_and_nested_groups_are_added_and_never_removed(
    server: OpenBao, here: Vault
) -> None:
    mine = server.as_root("POST", "identity/entity/name/dan")["data"]["id"]
    team = server.as_root("POST", "identity/group/name/team", type="internal")["data"]["id"]
    server.as_root("POST", "identity/group/name/sre", type="internal", member_entity_ids=[mine])
    server.as_root(
        "POST",
        "identity/group/name/gov-approvers-prod",
        member_entity_ids=[mine],
        member_group_ids=[team],
    )

    await make_people(here, server.installer_token, PASSWORDS, GROUPS)

    assert group(server, "sre") == {mine, entity(server, "ann")["id"]}
    assert group(server, "gov-approvers-prod") == {mine}
    assert team in group(server, "gov-approvers-prod", "member_group_ids")
    assert len(group(server, "gov-approvers-prod", "member_group_ids")) == 2


async def test_who_gets_in_keeps_the_password_and_another_is_set_anew(
    server: OpenBao, here: Vault
) -> None:
    await make_people(here, server.installer_token, PASSWORDS, {})
    server.as_root("POST", "auth/approver/users/bob", password="changed")

    await make_people(here, server.installer_token, PASSWORDS, {})

    assert (await log_in(here, "ann", "one")).name == "ann"
    assert (await log_in(here, "bob", "two")).name == "bob"


async def test_a_login_that_vault_gave_an_entity_of_its_own_gets_its_name(
    server: OpenBao, here: Vault
) -> None:
    server.as_root("POST", "auth/approver/users/ann", password="one")
    made_up = server.call("", "POST", "auth/approver/login/ann", password="one")["auth"]

    await make_people(here, server.installer_token, PASSWORDS, {})

    login = await log_in(here, "ann", "one")
    assert login.name == "ann"
    assert login.entity == entity(server, "ann")["id"] != made_up["entity_id"]


async def test_two_logins_are_left_without_tokens(server: OpenBao, here: Vault) -> None:
    await make_people(here, server.installer_token, PASSWORDS, GROUPS)
    before = len(server.as_root("LIST", "auth/token/accessors")["data"]["keys"])

    await make_people(here, server.installer_token, PASSWORDS, GROUPS)

    assert len(server.as_root("LIST", "auth/token/accessors")["data"]["keys"]) == before


async def test_names_that_cannot_be_are_refused(vault: Vault, openbao: OpenBao) -> None:
    token = openbao.installer_token
    for name in ("agent-x", "Agent-x", "group:sre", " ann", "a\u200bnn", "ann\n", ""):
        with pytest.raises(DeniedError, match="cannot be the name of a person"):
            await make_people(vault, token, {name: "x"}, {}, {name: "somebody"})
    for name in ("a/b", "..", "a@b", "-a", "ann+ops"):
        with pytest.raises(DeniedError, match="cannot be a login"):
            await make_people(vault, token, {name: "x"}, {})
    for name in ("..", "a\tb"):
        with pytest.raises(DeniedError, match="cannot be the name of a group"):
            await make_people(vault, token, {}, {name: ()})
    with pytest.raises(ValueError, match="each with a password"):
        await make_people(vault, token, {}, {"sre": ("ann",)})


async def test_the_installer_makes_approvers_and_touches_no_agent(openbao: OpenBao) -> None:
    token = openbao.installer_token
    users = "auth/approver/users/mallory"
    shape = {"password": "x", "token_policies": "gov-approver", "token_no_default_policy": True}
    refused: tuple[tuple[str, dict[str, Any]], ...] = (
        (users, {**shape, "token_policies": "root"}),
        (users, {**shape, "token_policies": ["gov-approver", "gov-t3"]}),
        (users, {"password": "x"}),
        (users, {**shape, "token_no_default_policy": False}),
        (users, {**shape, "token_ttl": "768h"}),
        (f"{users}/policies", {"token_policies": "root"}),
        ("identity/entity/name/agent-x", {}),
        ("identity/entity/name/agent-x", {"metadata": {"t3": "prod"}}),
        ("identity/entity/name/mallory", {"metadata": {"t3": "prod"}}),
        ("identity/entity/name/mallory", {"policies": ["root"]}),
        ("identity/entity/name/mallory", {"disabled": False}),
        ("identity/group/name/sre", {"policies": ["gov-installer"]}),
        ("auth/token/roles/gov3-gate-agent-x", {"allowed_policies": "gov-t3"}),
        ("auth/token/roles/gov3-gate-agent-0-gate-probe", {"allowed_policies": "root"}),
    )

    for path, body in refused:
        assert openbao.raw(token, "POST", path, **body).status_code == 403, (path, body)
    assert openbao.raw(token, "POST", users, **shape).ok
    openbao.as_root("DELETE", users)
