"""What start-up and ``doctor`` find out about a Vault, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from integrations.vault.checks.facts import Fact
from integrations.vault.checks.probe import health, probe
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login
from tests.fixtures.servers.openbao import OpenBao, free_port_pair, govern


async def test_a_governed_vault_is_all_good(vault: Vault, broker: Login) -> None:
    facts = await probe(vault, broker)

    assert [fact.name for fact in facts] == [
        "server",
        "worker login",
        "policies",
        "tokens without an agent",
    ]
    assert all(fact.good for fact in facts), facts


async def test_the_version_is_told(vault: Vault) -> None:
    state = await health(vault)

    assert state.version.startswith("2.")
    assert state.initialised
    assert not state.sealed


async def test_a_server_that_is_gone_is_the_only_fact(tmp_path: Path) -> None:
    vault = Vault(f"http://127.0.0.1:{free_port_pair()}")

    (fact,) = await probe(vault, Login(vault, tmp_path, "mandate"))

    vault.close()
    assert not fact.good
    assert "no answer" in fact.detail


async def test_an_ungoverned_vault_says_that_nobody_can_log_in(
    private_openbao: Callable[..., OpenBao],
) -> None:
    server = private_openbao()
    vault = Vault(server.url)

    facts = await probe(vault, Login(vault, server.roles_dir, "mandate"))

    vault.close()
    assert [(fact.name, fact.good) for fact in facts] == [("server", True), ("worker login", False)]


async def test_what_somebody_changed_is_seen(private_openbao: Callable[..., OpenBao]) -> None:
    server = private_openbao()
    await govern(server)
    vault = Vault(server.url)
    broker = Login(vault, server.roles_dir, "mandate")
    server.as_root("POST", "sys/policies/acl/gov-t2", policy='path "x" {}')
    server.as_root("DELETE", "sys/policies/acl/gov-t3")
    loose = 'path "auth/token/create/*" { capabilities = ["update"] }\n'
    kept = server.as_root("GET", "sys/policies/acl/gov-broker")["data"]["policy"]
    server.as_root(
        "POST",
        "sys/policies/acl/gov-broker",
        policy=loose + kept.replace("auth/token/create/gov-agent-*", "x/*"),
    )

    facts = {fact.name: fact for fact in await probe(vault, broker)}
    server.as_root("PUT", "sys/seal")
    sealed = await probe(vault, broker)

    vault.close()
    assert not facts["policies"].good
    for name in ("gov-t2", "gov-t3", "gov-broker"):
        assert name in facts["policies"].detail
    assert "gov-t0" not in facts["policies"].detail
    assert not facts["tokens without an agent"].good
    said = f"{server.url} is sealed"
    assert sealed == (Fact("server", good=False, detail=said, fix="unseal it", away=True),)
