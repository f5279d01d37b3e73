"""The sweeper's eyes and hands on a real OpenBao: agents' tokens, their leases, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from dsl.core import Tier
from integrations.errors import DeniedError, UnavailableError
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.credentials.sweeper import Sweeper
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from integrations.vault.policies.texts import policy_texts
from tests.fixtures.hostile.leaks import DYNAMIC_USERS, Leaks, dynamic_users, has_user
from tests.fixtures.servers.openbao import OpenBao, govern
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.stack.probes import eventually
from tests.integration.vault.conftest import logged_in
from tests.integration.vault.holders import executor, is_alive, token_of

MANY = 10_000
SWEEPERS = "gov-sweeper"


@pytest_asyncio.fixture
async def sweepers_login(vault: Vault, openbao: OpenBao) -> AsyncIterator[Login]:
    async with logged_in(vault, openbao, naming.SWEEPER) as login:
        yield login


@pytest_asyncio.fixture
async def sweeper(vault: Vault, sweepers_login: Login) -> Sweeper:
    return Sweeper(vault, sweepers_login)


async def no_lease(sweeper: Sweeper) -> bool:
    return await sweeper.leases() == ([], 0)


async def test_an_agents_token_is_found_with_what_it_says_of_its_run(
    openbao: OpenBao, vault: Vault, sweeper: Sweeper
) -> None:
    accessor, _ = await Leaks(vault, openbao.roles_dir).token(
        run="w/stage", run_id="r", phase="EXECUTE"
    )

    tokens, unseen = await sweeper.tokens(MANY)

    (found,) = (each for each in tokens if each.accessor == accessor)
    assert found.meta == {"run": "w/stage", "run_id": "r", "phase": "EXECUTE"}
    assert found.role.startswith("gov-agent-leaky.")
    assert found.entity_id
    assert not found.asks
    assert 0 <= found.age_s <= 5
    assert unseen == 0


async def test_a_token_that_asks_for_an_approval_is_told_from_the_others(
    openbao: OpenBao, sweeper: Sweeper, registrar: Registrar, requests: ControlGroupRequests
) -> None:
    openbao.put_secret("kv-prod/sweeper", v="x")
    agent, entity = await executor(openbao, registrar)
    await requests.file("r-1", "act", agent, entity, [SecretRef.parse("kv-prod/sweeper#v")], 60)

    tokens, _ = await sweeper.tokens(MANY)
    await requests.withdraw("r-1", "act")

    (found,) = (each for each in tokens if each.entity_id == entity)
    assert found.asks
    assert found.meta["run"] == "r-1"


async def test_tokens_of_workers_installer_root_and_others_are_no_agents(
    openbao: OpenBao, vault: Vault, sweeper: Sweeper, broker: Login
) -> None:
    await token_of(broker)
    others = {"ttl": "60s", "policies": ["default"], "meta": {"run": "w"}}
    openbao.as_root("POST", "auth/token/create", **others)
    openbao.as_root("POST", "auth/token/roles/of-others", allowed_policies="default")
    openbao.as_root("POST", "auth/token/create/of-others", **others)

    tokens, _ = await sweeper.tokens(MANY)

    assert all("-agent-" in each.role for each in tokens)
    assert len(tokens) < len(openbao.as_root("LIST", "auth/token/accessors")["data"]["keys"])


async def test_beyond_the_limit_the_rest_is_counted(sweeper: Sweeper, openbao: OpenBao) -> None:
    there = len(openbao.as_root("LIST", "auth/token/accessors")["data"]["keys"])

    tokens, unseen = await sweeper.tokens(1)

    assert len(tokens) <= 1
    assert unseen >= there - 1


async def test_an_accessor_that_has_ended_is_nothing(sweeper: Sweeper) -> None:
    assert await sweeper._look("of-nobody") is None
    assert await sweeper._lease("db/creds/sandbox-rw/of-nobody") is None
    await sweeper.revoke("of-nobody")


async def test_a_token_that_is_being_ended_hides_no_other(
    openbao: OpenBao, vault: Vault, sweeper: Sweeper
) -> None:
    """Vault refuses it in the words of whatever may not be looked at, for a moment."""
    leaks = Leaks(vault, openbao.roles_dir)
    (dying, _), (alive, _) = await leaks.token(run="dying"), await leaks.token(run="alive")
    text = policy_texts()[SWEEPERS]
    may = 'path "auth/token/lookup-accessor" { capabilities = ["update"] }'
    refused = f'{may[:-1]}\n  denied_parameters = {{ "accessor" = ["{dying}"] }}\n}}'
    assert may in text
    openbao.as_root("PUT", f"sys/policies/acl/{SWEEPERS}", policy=text.replace(may, refused))
    try:
        tokens, _ = await sweeper.tokens(MANY)
        openbao.as_root("PUT", f"sys/policies/acl/{SWEEPERS}", policy=text.replace(may, ""))
        with pytest.raises(DeniedError):  # where nothing may be looked at, that is said
            await sweeper.tokens(MANY)
    finally:
        openbao.as_root("PUT", f"sys/policies/acl/{SWEEPERS}", policy=text)

    assert alive in {each.accessor for each in tokens}
    assert dying not in {each.accessor for each in tokens}


async def test_a_dynamic_user_ends_with_the_token_that_asked_for_it(
    openbao: OpenBao, vault: Vault, sweeper: Sweeper, private_valkey: Callable[..., ValkeyProcess]
) -> None:
    valkey = private_valkey()
    assert await sweeper.leases() == ([], 0)  # nothing is mounted there
    with dynamic_users(openbao, valkey):
        accessor, token = await Leaks(vault, openbao.roles_dir).token(run="w")
        user = openbao.call(token, "GET", DYNAMIC_USERS)["data"]["username"]
        assert has_user(valkey, user)
        (lease,), _ = await sweeper.leases()

        await sweeper.revoke(accessor)

        assert lease.id.startswith(f"{DYNAMIC_USERS}/")
        assert lease.left_s > 0
        assert not await is_alive(vault, token)
        await eventually(lambda: not has_user(valkey, user))  # Vault ends leases beside the token
        await eventually(lambda: no_lease(sweeper))


async def test_a_user_whose_store_is_away_stays_listed_past_its_end(
    private_openbao: Callable[..., OpenBao], private_valkey: Callable[..., ValkeyProcess]
) -> None:
    server, valkey = private_openbao(), private_valkey()
    await govern(server)
    vault = Vault(server.url)
    sweeper = Sweeper(vault, Login(vault, server.roles_dir, naming.SWEEPER))
    with dynamic_users(server, valkey):
        accessor, token = await Leaks(vault, server.roles_dir).token(run="w")
        server.call(token, "GET", DYNAMIC_USERS)
        valkey.stop()
        await sweeper.revoke(accessor)

        (lease,), _ = await sweeper.leases()

        valkey.start()
    vault.close()
    assert lease.left_s <= 0


async def test_the_sweeper_mints_nothing_reads_no_secret_and_changes_nobody(
    openbao: OpenBao, registrar: Registrar, sweepers_login: Login
) -> None:
    openbao.put_secret("kv-shared/docs/sweeper", v="x")
    known = await registrar.register("swept", initial_tier=Tier.T0, binding={})
    token = await token_of(sweepers_login)
    refused = [
        openbao.raw(token, method, path, **body).status_code
        for method, path, body in (
            ("POST", "auth/token/create", {}),
            ("POST", "auth/token/create/gov-agent-swept", {"policies": ["gov-t0"]}),
            ("GET", "kv-shared/data/docs/sweeper", {}),
            ("POST", "identity/entity/name/agent-swept", {"metadata": {"tier": "T1"}}),
            ("POST", f"identity/entity/id/{known.entity_id}", {"disabled": True}),
            ("PUT", "sys/leases/revoke-prefix/auth/token/create/gov-agent-swept", {}),
            ("PUT", "sys/leases/renew", {"lease_id": "x"}),
        )
    ]

    assert refused == [403] * 7


async def test_a_vault_that_is_away_is_no_empty_answer(
    private_openbao: Callable[..., OpenBao],
) -> None:
    server = private_openbao()
    await govern(server)
    vault = Vault(server.url)
    sweeper = Sweeper(vault, Login(vault, server.roles_dir, naming.SWEEPER))
    server.stop()

    with pytest.raises(UnavailableError):
        await sweeper.tokens(MANY)
    with pytest.raises(UnavailableError):
        await sweeper.leases()
    vault.close()
