"""A person logs in, signs and authorises, and can do nothing else."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from dsl.core import Tier
from integrations.errors import DeniedError, UnavailableError
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.identity.registry import Registrar
from integrations.vault.people.person import LOCKED_AFTER, LOCKED_S, Person, log_in
from integrations.vault.signing.voters import Voters
from tests.fixtures.servers.openbao import OpenBao, People, free_port_pair
from tests.integration.vault.holders import holder_at, register


async def test_logging_in_says_who_and_until_when(vault: Vault, people: People) -> None:
    login = await log_in(vault, "ann", people.password("ann"))

    assert (login.name, login.entity) == ("ann", people.entity("ann"))
    assert login.expires == pytest.approx(time.time() + 8 * 3600, abs=60)
    assert login.token not in repr(login)
    assert login.token not in repr(Person(vault, login.token))


async def test_the_first_login_makes_the_key_and_the_next_keeps_it(
    people: People, openbao: OpenBao, voters: Voters
) -> None:
    signature = await (await people.login("cyd")).sign(b"x")
    await people.login("cyd")

    key = openbao.as_root("GET", f"gov-transit/keys/approver-{people.entity('cyd')}")["data"]
    assert (key["type"], key["exportable"], key["latest_version"]) == ("ed25519", False, 1)
    assert await voters.verify(people.entity("cyd"), b"x", signature)


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("ann", ""), ("nobody", "x"), ("ann", "x" * 2000)]
)
async def test_a_wrong_name_or_password_is_refused(vault: Vault, name: str, password: str) -> None:
    with pytest.raises(DeniedError, match="check the name and the password") as refused:
        await log_in(vault, name, password)

    assert not password or password not in str(refused.value)


async def test_a_login_that_is_locked_says_so_and_when_it_ends_even_to_the_right_password(
    vault: Vault, people: People, openbao: OpenBao
) -> None:
    mount = openbao.as_root("GET", "sys/auth")["data"][f"{naming.APPROVER_AUTH}/"]["accessor"]
    try:
        for _ in range(LOCKED_AFTER):
            with pytest.raises(DeniedError, match="check the name and the password"):
                await log_in(vault, "eve", "wrong")
        for password in ("wrong", people.password("eve")):
            with pytest.raises(DeniedError) as refused:
                await log_in(vault, "eve", password)
            told = str(refused.value)
            assert "after 5 wrong ones a login is locked" in told
            assert "check the name and the password" not in told
            opens = re.search(r"by (\d\d:\d\d) \S+ at the latest \(15 minutes", told)
            assert opens is not None
            due = datetime.now().astimezone() + timedelta(seconds=LOCKED_S)
            times = [f"{due - timedelta(minutes=late):%H:%M}" for late in (0, 1)]
            assert opens[1] in times
    finally:
        openbao.raw(openbao.root_token, "POST", f"sys/locked-users/{mount}/unlock/eve")
    assert (await log_in(vault, "eve", people.password("eve"))).name == "eve"


async def test_who_is_disabled_is_not_told_to_check_the_password(
    vault: Vault, people: People
) -> None:
    await people.login("eve")
    people.disable("eve")
    try:
        with pytest.raises(DeniedError, match="Or the person is disabled"):
            await log_in(vault, "eve", people.password("eve"))
    finally:
        people.enable("eve")


async def test_a_name_that_vault_does_not_know_is_never_called_locked(vault: Vault) -> None:
    for _ in range(LOCKED_AFTER + 1):
        with pytest.raises(DeniedError, match="check the name and the password"):
            await log_in(vault, "nobody-of-that-name", "wrong")


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a..b", "../../sys", "ann\n", "x" * 129, "agent-x", "Agent-x", "ä"]
)
async def test_a_name_that_nobody_can_have_is_not_sent(vault: Vault, name: str) -> None:
    with pytest.raises(DeniedError, match="cannot be a login"):
        await log_in(vault, name, "x")


async def test_an_agent_is_no_person(vault: Vault, openbao: OpenBao, registrar: Registrar) -> None:
    holder = await holder_at(openbao, registrar, Tier.T4)
    for token in (holder.token, openbao.root_token):
        with pytest.raises(DeniedError):
            await Person(vault, token).sign(b"x")


async def test_a_login_that_has_ended_says_what_to_type(people: People) -> None:
    ann = await people.login("ann")
    await ann.whoami()
    await ann.log_out()
    await ann.log_out()

    for call in (ann.sign(b"x"), ann.request("x"), ann.authorise("x"), ann.make_key()):
        with pytest.raises(DeniedError, match="the login has ended: log in again"):
            await call


async def test_a_disabled_person_signs_nothing(people: People) -> None:
    eve = await people.login("eve")
    people.disable("eve")
    try:
        with pytest.raises(DeniedError):
            await eve.sign(b"x")
        with pytest.raises(DeniedError):
            await people.login("eve")
    finally:
        people.enable("eve")
    assert await eve.sign(b"x")


async def test_no_answer_is_unavailable() -> None:
    vault = Vault(f"http://127.0.0.1:{free_port_pair()}")

    with pytest.raises(UnavailableError):
        await log_in(vault, "ann", "x")
    vault.close()


async def test_a_person_signs_as_nobody_else_and_governs_nothing(
    people: People, openbao: OpenBao, registrar: Registrar
) -> None:
    ann, bob = people.entity("ann"), people.entity("bob")
    _, agent = await register(registrar, Tier.T0)
    token = await people.token("ann")
    await people.login("bob")
    sign = {"input": "aGVsbG8="}
    refused: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("POST", f"gov-transit/sign/approver-{bob}", sign),
        ("POST", "gov-transit/sign/ledger-head", sign),
        ("POST", "gov-transit/sign/artifact-build", sign),
        ("POST", f"gov-transit/sign/approver-{ann}/sha2-512", sign),
        ("POST", f"gov-transit/keys/approver-{bob}", {"type": "ed25519"}),
        ("POST", f"gov-transit/keys/approver-{ann}", {"type": "ed25519", "exportable": True}),
        ("POST", f"gov-transit/keys/approver-{ann}", {"type": "aes256-gcm96"}),
        ("POST", f"gov-transit/keys/approver-{ann}/config", {"exportable": True}),
        ("POST", f"gov-transit/keys/approver-{ann}/rotate", {}),
        ("DELETE", f"gov-transit/keys/approver-{ann}", {}),
        ("GET", f"gov-transit/export/signing-key/approver-{ann}", {}),
        ("GET", f"identity/entity/id/{bob}", {}),
        ("GET", f"identity/entity/id/{agent}", {}),
        ("GET", "identity/entity/name/ann", {}),
        ("POST", f"identity/entity/id/{ann}", {"metadata": {"t3": "prod"}}),
        ("GET", "identity/group/name/sre", {}),
        ("POST", "identity/group/name/sre", {"member_entity_ids": [ann]}),
        ("POST", "auth/approver/users/ann", {"password": "x"}),
        ("GET", "kv-gates/data/x", {}),
        ("GET", "kv-shared/data/docs/a", {}),
        ("POST", "auth/token/create", {}),
        ("POST", "auth/token/revoke-accessor", {"accessor": "x"}),
        ("GET", "sys/policies/acl/gov-t0", {}),
    )

    for method, path, body in refused:
        assert openbao.raw(token, method, path, **body).status_code == 403, path
    for method, path, body in (
        ("GET", f"identity/entity/id/{ann}", {}),
        ("POST", f"gov-transit/sign/approver-{ann}", sign),
        ("POST", f"gov-transit/keys/approver-{ann}", {"type": "ed25519"}),
    ):
        assert openbao.raw(token, method, path, **body).ok, path
