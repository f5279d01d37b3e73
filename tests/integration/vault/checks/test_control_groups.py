"""Whether Vault enforces approvals is tried, and ways around a gate are found."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from integrations.errors import DeniedError, NotFoundError
from integrations.vault.checks.control_groups.examination import gate_lock
from integrations.vault.checks.control_groups.trial import is_enforced
from integrations.vault.checks.facts import Fact
from integrations.vault.client import Vault
from integrations.vault.install import install
from integrations.vault.login.approle import Login
from integrations.vault.policies.texts import policy_texts
from mandate.doctor.vault import vault_server
from tests.fixtures.servers.openbao import OpenBao, govern
from tests.integration.vault.holders import living_tokens

UNGATED = re.sub(r"\n  control_group = \{.*?\n  \}", "", policy_texts()["gov-t3"], flags=re.DOTALL)
LEAK = 'path "kv-prod/data/*" { capabilities = ["read"] }'


class Place:
    """A private server whose policies a test may change."""

    def __init__(self, server: OpenBao, vault: Vault) -> None:
        self.server = server
        self.vault = vault
        self.login = Login(vault, server.roles_dir, "mandate-t3")

    def write(self, name: str, text: str) -> None:
        self.server.as_root("POST", f"sys/policies/acl/{name}", policy=text)

    async def facts(self) -> dict[str, Fact]:
        return {fact.name: fact for fact in await gate_lock(self.vault, self.login)}


@pytest_asyncio.fixture
async def place(private_openbao: Callable[..., OpenBao]) -> AsyncIterator[Place]:
    server = private_openbao()
    await govern(server)
    vault = Vault(server.url)
    yield Place(server, vault)
    vault.close()


async def test_this_vault_enforces_approvals_and_the_trial_leaves_nothing(
    vault: Vault, openbao: OpenBao, broker_t3: Login
) -> None:
    assert await is_enforced(vault, broker_t3)

    canary = openbao.as_root("GET", "identity/entity/name/agent-0-gate-probe")["data"]
    assert living_tokens(openbao, canary["id"]) == []
    facts = await gate_lock(vault, broker_t3)
    assert [(fact.name, fact.good) for fact in facts] == [
        ("approvals", True),
        ("ways around a gate", True),
    ]
    assert facts[0].detail == "they are enforced by Vault"


async def test_a_vault_that_ignores_the_control_group_is_told_and_is_no_failure(
    place: Place,
) -> None:
    assert "control_group" not in UNGATED
    place.write("gov-t3", UNGATED)

    assert not await is_enforced(place.vault, place.login)
    fact = (await place.facts())["approvals"]
    assert fact.good
    assert fact.detail.startswith("not enforced by this Vault: T3 and T4 rest on Mandate's own")


async def test_the_installer_restores_the_lock(place: Place) -> None:
    place.write("gov-t3", UNGATED)
    await install(place.vault, place.server.installer_token, roles_dir=place.server.roles_dir)

    assert await is_enforced(place.vault, place.login)


@pytest.mark.parametrize("name", ["gov-a-leak", "gov-z-leak"])
async def test_a_policy_that_grants_what_is_gated_is_found(place: Place, name: str) -> None:
    place.write(name, LEAK)

    fact = (await place.facts())["ways around a gate"]

    assert not fact.good
    assert f"policy {name} grants read on kv-prod/data/*" in fact.detail


async def test_policies_that_a_worker_may_not_read_are_named(place: Place) -> None:
    place.write("team-x", LEAK)

    fact = (await place.facts())["ways around a gate"]

    assert fact.good
    assert "not readable to us: default; team-x" in fact.detail


async def test_without_a_canary_it_cannot_be_told(place: Place) -> None:
    canary = "identity/entity/name/agent-0-gate-probe"
    place.server.as_root("DELETE", "auth/token/roles/gov3-gate-agent-0-gate-probe")
    with pytest.raises(DeniedError):
        await is_enforced(place.vault, place.login)
    place.server.as_root("DELETE", canary)
    with pytest.raises(NotFoundError):
        await is_enforced(place.vault, place.login)

    fact = (await place.facts())["approvals"]
    assert not fact.good
    assert fact.fix == "install our governance again"


async def test_another_queue_may_not_try_it(vault: Vault, broker: Login) -> None:
    with pytest.raises(DeniedError):
        await is_enforced(vault, broker)


async def test_doctor_says_who_keeps_the_gate(place: Place) -> None:
    env = {"VAULT_ADDR": place.server.url, "MANDATE_VAULT_ROLES": str(place.server.roles_dir)}
    enforced = {finding.detail: finding.ok for finding in await vault_server(env)}
    place.write("gov-t3", UNGATED)
    ignored = {finding.detail: finding.ok for finding in await vault_server(env)}
    place.write("gov-a-leak", LEAK)
    leaking = ["\n".join(finding.lines()) for finding in await vault_server(env) if not finding.ok]

    assert enforced["approvals: they are enforced by Vault"]
    assert all(enforced.values())
    [told] = [said for said in ignored if said.startswith("approvals: not enforced by this Vault")]
    assert ignored[told]
    assert any("policy gov-a-leak grants read" in line for line in leaking)
