"""Whose signature it is, and who that is now; Vault away is not "no"."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from dsl.core import Tier
from integrations.errors import DeniedError, NotFoundError, UnavailableError
from integrations.vault.client import Vault
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from integrations.vault.signing.voters import GROUPS_MAX, Voter, Voters
from tests.fixtures.servers.openbao import OpenBao, People, free_port_pair, govern
from tests.integration.vault.holders import register

MESSAGE = b'{"decision":"approve"}'
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest_asyncio.fixture
async def signature(people: People) -> str:
    return await (await people.login("ann")).sign(MESSAGE)


@pytest_asyncio.fixture
async def broken(private_openbao: Callable[..., OpenBao]) -> AsyncIterator[tuple[People, Voters]]:
    """Return people and voters of a server that the test may break."""
    server = private_openbao()
    await govern(server)
    vault = Vault(server.url)
    people = People(server, vault)
    await people.make()
    yield people, Voters(vault, Login(vault, server.roles_dir, "mandate-ledger"))
    vault.close()


async def test_what_a_person_signed_is_that_persons(
    voters: Voters, people: People, signature: str
) -> None:
    assert await voters.verify(people.entity("ann"), MESSAGE, signature)


async def test_the_executors_worker_may_verify_too(
    vault: Vault, broker_t3: Login, people: People, signature: str
) -> None:
    voters = Voters(vault, broker_t3)

    assert await voters.verify(people.entity("ann"), MESSAGE, signature)
    voter = await voters.read(people.entity("ann"), ["sre"])
    assert voter is not None
    assert voter.groups == {"sre"}


async def test_one_bit_of_the_message_makes_it_nobodys(
    voters: Voters, people: People, signature: str
) -> None:
    assert not await voters.verify(people.entity("ann"), MESSAGE + b" ", signature)
    assert not await voters.verify(people.entity("ann"), b"", signature)


@pytest.mark.parametrize("other", ["bob", NOBODY, "ann", "../x", "", f"{NOBODY}\n"])
async def test_a_signature_is_of_no_other_entity(
    voters: Voters, people: People, signature: str, other: str
) -> None:
    entity = people.entity(other) if other == "bob" else other

    assert not await voters.verify(entity, MESSAGE, signature)


@pytest.mark.parametrize(
    "bend",
    [
        lambda good: "",
        lambda good: "nonsense",
        lambda good: good.removeprefix("vault:"),
        lambda good: "vault:v1:",
        lambda good: "vault:v1:%%%",
        lambda good: good[:-1],
        lambda good: good + "=",
        lambda good: good + "\n",
        lambda good: good + ":x",
        lambda good: good.replace(":v1:", ":vx:"),
        lambda good: good.replace(":v1:", ":v0:"),
        lambda good: good.replace(":v1:", ":v-1:"),
        lambda good: good.replace(":v1:", ":v2:"),
        lambda good: good.replace(":v1:", f":v{'9' * 30}:"),
        lambda good: "vault:v1:" + base64.b64encode(bytes(64)).decode(),
        lambda good: "vault:v1:" + "é" * 88,
        lambda good: "vault:v1:" + "a" * 1_000_000,
    ],
)
async def test_what_is_no_signature_is_false(
    voters: Voters, people: People, signature: str, bend: Callable[[str], str]
) -> None:
    assert not await voters.verify(people.entity("ann"), MESSAGE, bend(signature))


async def test_a_signature_of_another_vault_is_nobodys_here(
    voters: Voters, people: People, broken: tuple[People, Voters]
) -> None:
    elsewhere, their_voters = broken
    theirs = await (await elsewhere.login("ann")).sign(MESSAGE)

    assert await their_voters.verify(elsewhere.entity("ann"), MESSAGE, theirs)
    assert not await voters.verify(people.entity("ann"), MESSAGE, theirs)
    assert not await voters.verify(elsewhere.entity("ann"), MESSAGE, theirs)


async def test_an_old_key_version_counts_until_it_is_ruled_out(
    broken: tuple[People, Voters],
) -> None:
    people, voters = broken
    entity, key = people.entity("ann"), f"gov-transit/keys/approver-{people.entity('ann')}"
    ann = await people.login("ann")
    old = await ann.sign(MESSAGE)
    people.server.as_root("POST", f"{key}/rotate")
    new = await ann.sign(MESSAGE)

    assert new.startswith("vault:v2:")
    assert [await voters.verify(entity, MESSAGE, each) for each in (old, new)] == [True, True]
    people.server.as_root("POST", f"{key}/config", min_decryption_version=2)
    assert [await voters.verify(entity, MESSAGE, each) for each in (old, new)] == [False, True]


@pytest.mark.parametrize("kind", ["aes256-gcm96", "ecdsa-p256"])
async def test_a_key_of_another_kind_verifies_nothing(
    broken: tuple[People, Voters], signature: str, kind: str
) -> None:
    people, voters = broken
    people.server.as_root("POST", f"gov-transit/keys/approver-{NOBODY}", type=kind)

    assert not await voters.verify(NOBODY, MESSAGE, signature)


async def test_vault_away_or_a_lost_right_is_raised_and_is_not_no(
    broken: tuple[People, Voters],
) -> None:
    people, voters = broken
    entity, signature = people.entity("ann"), await (await people.login("ann")).sign(MESSAGE)
    assert await voters.verify(entity, MESSAGE, signature)
    lookup = 'path "auth/token/lookup-self" { capabilities = ["read"] }'
    people.server.as_root("POST", "sys/policies/acl/gov-ledger", policy=lookup)
    with pytest.raises(DeniedError):
        await voters.verify(entity, MESSAGE, signature)
    with pytest.raises(DeniedError):
        await voters.read(entity)

    people.server.as_root(
        "POST",
        "sys/policies/acl/gov-ledger",
        policy='path "*" { capabilities = ["read", "update"] }',
    )
    people.server.as_root("DELETE", "sys/mounts/gov-transit")
    with pytest.raises(NotFoundError):
        await voters.verify(entity, MESSAGE, signature)

    people.server.as_root("PUT", "sys/seal")
    with pytest.raises(UnavailableError):
        await voters.verify(entity, MESSAGE, signature)
    with pytest.raises(UnavailableError):
        await voters.read(entity)


async def test_no_answer_is_unavailable(openbao: OpenBao) -> None:
    vault = Vault(f"http://127.0.0.1:{free_port_pair()}")
    voters = Voters(vault, Login(vault, openbao.roles_dir, "mandate-ledger"))

    with pytest.raises(UnavailableError):
        await voters.read(NOBODY)
    vault.close()


async def test_a_person_is_read_with_the_groups_asked_for(voters: Voters, people: People) -> None:
    entity = people.entity("ann")

    found = await voters.read(entity, ["sre", "council", "nobody", "a..b", "x@y", "-"])

    assert found is not None
    assert found == Voter(
        entity=entity,
        name="ann",
        groups=frozenset({"sre", "council"}),
        logins=found.logins,
        disabled=False,
    )
    assert "ann" in found.logins  # other tests may have given the person another


async def test_membership_through_another_group_counts(voters: Voters, people: People) -> None:
    groups = ["gov-approvers-prod", "gov-council"]
    held = [await voters.read(people.entity(name), groups) for name in ("ann", "cyd", "eve")]

    assert [voter and voter.groups for voter in held] == [
        {"gov-approvers-prod", "gov-council"},
        {"gov-council"},
        frozenset(),
    ]


async def test_nothing_is_remembered(voters: Voters, people: People) -> None:
    entity = people.entity("eve")
    people.disable("eve")
    try:
        disabled = await voters.read(entity)
    finally:
        people.enable("eve")
    enabled = await voters.read(entity)

    assert disabled is not None
    assert enabled is not None
    assert (disabled.disabled, enabled.disabled) == (True, False)


async def test_two_logins_of_one_person_are_one_entity(voters: Voters, people: People) -> None:
    other = await people.second_login("bob")
    signature = await other.sign(MESSAGE)

    assert (await other.whoami()).entity == people.entity("bob")
    assert await voters.verify(people.entity("bob"), MESSAGE, signature)
    voter = await voters.read(people.entity("bob"))
    assert voter is not None
    assert voter.logins == {"bob", "bob-elsewhere"}


async def test_an_agent_and_a_stranger_are_no_voters(voters: Voters, registrar: Registrar) -> None:
    _, entity_id = await register(registrar, Tier.T0)

    for entity in (entity_id, NOBODY, "x", "../../sys/mounts", f"{NOBODY}/../{NOBODY}"):
        assert await voters.read(entity, ["sre"]) is None


async def test_too_many_groups_are_refused(voters: Voters) -> None:
    with pytest.raises(ValueError, match=f"at most {GROUPS_MAX} groups"):
        await voters.read(NOBODY, [f"g{n}" for n in range(GROUPS_MAX + 1)])
