"""What a credential reads, what it says when it may not, and what it never shows."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from integrations.errors import DeniedError, IntegrationError, NotFoundError
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.errors import CredentialDeadError
from integrations.vault.identity.registry import Registrar
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.holders import executing, register, token_in


async def test_a_credential_reads_the_declared_secret(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    openbao.put_secret("kv-build/reads/it", password="hunter2", other="no")
    agent, entity_id = await register(registrar)

    async with executing(issuer, agent, entity_id) as credential:
        value = await credential.read_secret(SecretRef.parse("kv-build/reads/it#password"))

    assert value == "hunter2"


async def test_a_credential_reads_nothing_after_its_end(
    registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)

    async with executing(issuer, agent, entity_id) as credential:
        pass

    with pytest.raises(CredentialDeadError, match="has ended"):
        await credential.read_secret(SecretRef.parse("kv-build/x#v"))


async def test_a_credential_shows_and_hands_over_no_token(
    registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    agent, entity_id = await register(registrar)

    async with executing(issuer, agent, entity_id) as credential:
        token = token_in(credential)
        shown = (repr(credential), str(credential), f"{credential}", repr(vars(type(credential))))
        for copied in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="does not leave its activity"):
                copied(credential)
        with pytest.raises(TypeError):
            json.dumps(credential)

    assert all(token not in text for text in shown)
    assert agent in shown[0]


async def test_disabling_the_agent_ends_a_credential_in_use(
    openbao: OpenBao, registrar: Registrar, issuer: TokenRoleIssuer
) -> None:
    openbao.put_secret("kv-build/disabling", v="x")
    agent, entity_id = await register(registrar)

    async with executing(issuer, agent, entity_id) as credential:
        openbao.as_root("POST", f"identity/entity/id/{entity_id}", disabled=True)
        with pytest.raises(CredentialDeadError, match="ended early"):
            await credential.read_secret(SecretRef.parse("kv-build/disabling#v"))


@pytest.mark.parametrize(
    "case",
    [
        ("kv-build/odd#missing", NotFoundError, "has no field 'missing'"),
        ("kv-build/nowhere#v", NotFoundError, "there is no secret kv-build/nowhere"),
        ("kv-build/gone#v", NotFoundError, "there is no secret kv-build/gone"),
        ("kv-build/odd#number", DeniedError, "expected text"),
        ("kv-build/odd#long", DeniedError, "expected text of at most 65536"),
        ("kv-prod/odd#v", DeniedError, "may not read kv-prod/odd"),
        ("kv-nowhere/odd#v", DeniedError, "may not read kv-nowhere/odd"),
    ],
)
async def test_a_secret_that_cannot_be_handed_out_says_why(
    openbao: OpenBao,
    registrar: Registrar,
    issuer: TokenRoleIssuer,
    case: tuple[str, type[IntegrationError], str],
) -> None:
    reference, error, said = case
    openbao.put_secret("kv-build/odd", number=5, long="x" * 65_537)
    openbao.put_secret("kv-build/gone", v="x")
    openbao.as_root("DELETE", "kv-build/data/gone")
    agent, entity_id = await register(registrar)

    async with executing(issuer, agent, entity_id) as credential:
        with pytest.raises(error, match=said):
            await credential.read_secret(SecretRef.parse(reference))
