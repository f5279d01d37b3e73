"""What the ledger's worker signs, others check, and nobody else signs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from integrations.errors import DeniedError, NotFoundError, UnavailableError
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login
from integrations.vault.signing.head_signer import HeadSigner, HeadVerifier
from tests.fixtures.servers.openbao import OpenBao, People, govern
from tests.integration.vault.conftest import logged_in

MESSAGE = b'{"agent":"x","now":"T2"}'
LOOK_AT_ITSELF = 'path "auth/token/lookup-self" { capabilities = ["read"] }'


@pytest.fixture
def signer(vault: Vault, ledger_login: Login) -> HeadSigner:
    return HeadSigner(vault, ledger_login)


@pytest.fixture
def verifier(vault: Vault, promoter: Login) -> HeadVerifier:
    return HeadVerifier(vault, promoter)


@pytest_asyncio.fixture
async def broken(private_openbao: Callable[..., OpenBao]) -> AsyncIterator[tuple[OpenBao, Vault]]:
    """Return a server that the test may break."""
    server = private_openbao()
    await govern(server)
    vault = Vault(server.url)
    yield server, vault
    vault.close()


@pytest.mark.parametrize("identity", [naming.PROMOTER, naming.REINSTATER])
async def test_whoever_acts_on_a_grant_checks_who_signed_it(
    vault: Vault, openbao: OpenBao, signer: HeadSigner, identity: str
) -> None:
    signature = await signer.sign(MESSAGE)

    async with logged_in(vault, openbao, identity) as login:
        verifier = HeadVerifier(vault, login)
        assert signature.startswith("vault:v1:")
        assert await verifier.verify(MESSAGE, signature)
        assert not await verifier.verify(MESSAGE + b" ", signature)
        assert not await verifier.verify(b"", signature)


@pytest.mark.parametrize(
    "identity", [name for name in naming.IDENTITIES if name != "mandate-ledger"]
)
async def test_nobody_but_the_ledger_signs(vault: Vault, openbao: OpenBao, identity: str) -> None:
    async with logged_in(vault, openbao, identity) as login:
        with pytest.raises(DeniedError):
            await HeadSigner(vault, login).sign(MESSAGE)


@pytest.mark.parametrize(
    "bend",
    [
        lambda good: "",
        lambda good: good[:-1],
        lambda good: good + "\n",
        lambda good: good.replace(":v1:", ":v2:"),
        lambda good: "vault:v1:" + "A" * 86 + "==",
        lambda good: "vault:v1:" + "é" * 88,
    ],
)
async def test_what_is_no_signature_is_false(
    signer: HeadSigner, verifier: HeadVerifier, bend: Callable[[str], str]
) -> None:
    assert not await verifier.verify(MESSAGE, bend(await signer.sign(MESSAGE)))


async def test_a_persons_signature_is_not_the_ledgers(
    verifier: HeadVerifier, people: People
) -> None:
    signature = await (await people.login("ann")).sign(MESSAGE)

    assert not await verifier.verify(MESSAGE, signature)


async def test_many_at_once_are_signed_each_for_itself(
    signer: HeadSigner, verifier: HeadVerifier
) -> None:
    messages = [f"{number}".encode() for number in range(20)]
    signatures = await asyncio.gather(*map(signer.sign, messages))

    good = await asyncio.gather(*map(verifier.verify, messages, signatures))
    crossed = await asyncio.gather(*map(verifier.verify, messages, reversed(signatures)))
    assert all(good)
    assert not any(crossed)


async def test_vault_away_or_a_lost_right_is_raised_and_is_not_no(
    broken: tuple[OpenBao, Vault],
) -> None:
    server, vault = broken
    signer = HeadSigner(vault, Login(vault, server.roles_dir, "mandate-ledger"))
    verifier = HeadVerifier(vault, Login(vault, server.roles_dir, naming.PROMOTER))
    signature = await signer.sign(MESSAGE)
    assert await verifier.verify(MESSAGE, signature)

    server.as_root("POST", "sys/policies/acl/gov-promoter", policy=LOOK_AT_ITSELF)
    with pytest.raises(DeniedError):
        await verifier.verify(MESSAGE, signature)

    everything = 'path "*" { capabilities = ["read", "update"] }'
    server.as_root("POST", "sys/policies/acl/gov-promoter", policy=everything)
    server.as_root("DELETE", "sys/mounts/gov-transit")
    with pytest.raises(NotFoundError):
        await verifier.verify(MESSAGE, signature)

    server.stop()
    with pytest.raises(UnavailableError):
        await verifier.verify(MESSAGE, signature)
    with pytest.raises(UnavailableError):
        await signer.sign(MESSAGE)
