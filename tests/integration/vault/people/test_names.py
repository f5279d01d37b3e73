"""People and groups by whatever name: made, logged in, read, and told from one another."""

from __future__ import annotations

import secrets

import pytest

from integrations.errors import DeniedError
from integrations.vault.client import Vault
from integrations.vault.people.demo_people import make_people
from integrations.vault.people.person import Person, PersonLogin, log_in
from integrations.vault.signing.voters import Voters
from tests.fixtures.names import GROUPS, LOGINS
from tests.fixtures.servers.openbao import OpenBao

MESSAGE = b"yes"


async def logged_in(
    vault: Vault, server: OpenBao, name: str, login: str, *groups: str
) -> PersonLogin:
    password = secrets.token_urlsafe(12)
    members = dict.fromkeys(groups, (name,))
    await make_people(vault, server.installer_token, {name: password}, members, {name: login})
    return await log_in(vault, login, password)


@pytest.mark.parametrize(("name", "login"), LOGINS.items(), ids=LOGINS)
async def test_a_person_is_known_by_the_name_as_it_stands(
    vault: Vault, openbao: OpenBao, voters: Voters, name: str, login: str
) -> None:
    made = await logged_in(vault, openbao, name, login, *GROUPS)
    signature = await Person(vault, made.token).sign(MESSAGE)
    found = await voters.read(made.entity, [*GROUPS, "another"])

    assert made.name == name
    assert await voters.verify(made.entity, MESSAGE, signature)
    assert found is not None
    assert (found.name, found.groups) == (name, frozenset(GROUPS))
    assert login in found.logins


async def test_two_spellings_of_one_word_are_two_people(
    vault: Vault, openbao: OpenBao, voters: Voters
) -> None:
    whole, parts = "chlo\u00e9", "chloe\u0301"
    one = await logged_in(vault, openbao, whole, "chloe-1")
    two = await logged_in(vault, openbao, parts, "chloe-2")

    assert one.entity != two.entity
    read = [await voters.read(each.entity) for each in (one, two)]
    assert [each.name for each in read if each is not None] == [whole, parts]


async def test_a_group_that_no_path_leads_to_has_no_members(
    vault: Vault, openbao: OpenBao, voters: Voters
) -> None:
    made = await logged_in(vault, openbao, "dora", "dora", "sre")
    found = await voters.read(
        made.entity, ["..", ".", "", "sre/../sre", "sre/.", "s\u200bre", " sre", "sre"]
    )

    assert found is not None
    assert found.groups == {"sre"}


@pytest.mark.parametrize("name", LOGINS)
async def test_a_name_that_is_no_login_says_what_to_give(vault: Vault, name: str) -> None:
    with pytest.raises(DeniedError, match="cannot be a login with a password") as caught:
        await log_in(vault, name, "x")

    assert name in str(caught.value)
    assert "--token-stdin" in str(caught.value)
