"""What Vault's failures become, seen on servers that really fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from dsl.core import Tier
from integrations.errors import DeniedError, UnavailableError
from integrations.vault import transport
from integrations.vault.client import Vault
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity.registry import Registrar, Registry
from integrations.vault.login.approle import Login
from tests.fixtures.servers.openbao import OpenBao, free_port_pair, govern
from tests.integration.vault.holders import BINDING, executing, living_tokens, new_agent, token_of


class Place:
    """A private server with everything that speaks to it."""

    def __init__(self, server: OpenBao) -> None:
        self.server = server
        self.vault = Vault(server.url)
        self.broker = Login(self.vault, server.roles_dir, "mandate")
        self.registry = Registry(self.vault, self.broker)
        self.issuer = TokenRoleIssuer(self.vault, self.broker)
        self.registrar = Registrar(self.vault, Login(self.vault, server.roles_dir, "mandate-trust"))

    async def register(self) -> tuple[str, str]:
        agent = new_agent()
        made = await self.registrar.register(agent, initial_tier=Tier.T2, binding=BINDING)
        return agent, made.entity_id


@pytest_asyncio.fixture
async def place(private_openbao: Callable[..., OpenBao]) -> AsyncIterator[Place]:
    server = private_openbao()
    await govern(server)
    found = Place(server)
    yield found
    found.vault.close()


async def test_a_sealed_vault_is_unavailable(place: Place) -> None:
    agent, entity_id = await place.register()
    place.server.as_root("PUT", "sys/seal")

    with pytest.raises(UnavailableError, match="sealed"):
        await place.registry.read(agent)
    with pytest.raises(UnavailableError, match="sealed"):
        async with executing(place.issuer, agent, entity_id):
            pass


async def test_a_credential_that_cannot_be_revoked_fails_nobody(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    agent, entity_id = await place.register()

    async with executing(place.issuer, agent, entity_id) as credential:
        token = str(credential._client.token) if credential._client else ""
        place.server.stop()

    assert "is not ended yet, and tried again" in caplog.text
    assert credential.accessor in caplog.text
    assert token
    assert token not in caplog.text


async def test_a_cancel_while_the_mint_is_under_way_leaves_no_living_token(place: Place) -> None:
    agent, entity_id = await place.register()
    await token_of(place.broker)
    place.server.pause()

    async def phase() -> None:
        async with executing(place.issuer, agent, entity_id):
            raise AssertionError("a cancelled phase begins")

    task = asyncio.create_task(phase())
    await asyncio.sleep(0.2)  # the request is sent, and nobody reads it yet
    task.cancel()
    await asyncio.sleep(0.1)
    place.server.resume()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.3)  # for a mint that goes on behind our back

    assert living_tokens(place.server, entity_id) == []


async def test_a_vault_that_is_gone_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs is, for so long as no test would wait."""
    for name in ("CONNECT_S", "REPLY_S"):
        monkeypatch.setattr(transport, name, 3_600.0)
    vault = Vault(f"http://127.0.0.1:{free_port_pair()}")

    with pytest.raises(UnavailableError, match="no answer from vault"):
        await vault.run(vault.client().adapter.get, "/v1/sys/health")

    vault.close()


async def test_a_vault_that_hangs_is_unavailable_in_seconds(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = await place.register()
    monkeypatch.setattr(transport, "REPLY_S", 0.3)
    place.server.pause()
    try:
        with pytest.raises(UnavailableError, match="no answer in time"):
            await Registry(place.vault, place.broker).read(agent)
    finally:
        place.server.resume()


async def test_no_failure_holds_on_to_the_request_and_its_token(place: Place) -> None:
    client = await place.broker.client()
    place.server.stop()

    with pytest.raises(UnavailableError) as failure:
        await place.vault.run(client.adapter.get, "/v1/auth/token/lookup-self")

    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__
    assert str(client.token) not in str(failure.value)


async def test_a_login_that_died_is_replaced_without_anybody_noticing(place: Place) -> None:
    agent, entity_id = await place.register()
    token = await token_of(place.broker)
    place.server.as_root("POST", "auth/token/revoke", token=token)

    known = await place.registry.read(agent)
    async with executing(place.issuer, agent, entity_id):
        place.server.as_root("POST", "auth/token/revoke", token=await token_of(place.broker))

    assert known.entity_id == entity_id
    assert await token_of(place.broker) != token


async def test_many_who_find_the_login_dead_log_in_once(place: Place) -> None:
    agent, _ = await place.register()
    token = await token_of(place.broker)
    place.server.as_root("POST", "auth/token/revoke", token=token)

    await asyncio.gather(*(place.registry.read(agent) for _ in range(8)))

    accessors = place.server.as_root("LIST", "auth/token/accessors")["data"]["keys"]
    logins = [
        accessor
        for accessor in accessors
        if "gov-broker"
        in place.server.as_root("POST", "auth/token/lookup-accessor", accessor=accessor)["data"][
            "policies"
        ]
    ]
    assert len(logins) == 1


async def test_a_role_that_vault_forgot_is_refused_and_says_what_to_do(place: Place) -> None:
    place.server.as_root("DELETE", "auth/workers/role/worker-mandate")

    with pytest.raises(DeniedError, match=r"mandate\.json .*install again"):
        await place.broker.client()


async def test_a_missing_role_file_is_named(place: Place, tmp_path) -> None:
    login = Login(place.vault, tmp_path, "mandate")

    with pytest.raises(DeniedError, match=r"cannot read the role file .*mandate\.json"):
        await login.client()


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8200", "ftp://h:1", "http://", "http://user:pass@host:8200"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="vault url"):
        Vault(url)


async def test_the_environment_decides_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "from-the-environment")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    vault = Vault(place.server.url)

    client = vault.client()

    assert client.token == ""
    assert await vault.run(client.adapter.get, "/v1/sys/health")
    vault.close()
