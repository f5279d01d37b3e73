"""People whose names are those of their identity providers, from login to approval."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import AsyncIterator

import pytest_asyncio

from integrations.vault.client import Vault
from integrations.vault.people.demo_people import make_people
from tests.fixtures.engine import after_look, gate
from tests.fixtures.names import LOGINS
from tests.fixtures.person import Somebody
from tests.fixtures.stack import MandateUp, result_of, until_gate

TEAM = "platform team"


@pytest_asyncio.fixture(scope="module")
async def somebodies(mandate_up: MandateUp, tmp_path_factory) -> AsyncIterator[dict[str, Somebody]]:
    """Make them known to the stack, by their names; none is logged in yet."""
    passwords = {name: secrets.token_urlsafe(12) for name in LOGINS}
    installer = (mandate_up.data_dir / "openbao" / "installer").read_text().strip()
    vault = Vault(mandate_up.env["VAULT_ADDR"])
    groups = {TEAM: tuple(LOGINS)}
    await make_people(vault, installer, passwords, groups, LOGINS)
    vault.close()
    folder = tmp_path_factory.mktemp("homes")
    yield {
        name: Somebody(login, passwords[name], folder / login, mandate_up.env)
        for name, login in LOGINS.items()
    }


async def test_each_logs_in_and_approves_by_the_name_as_it_stands(
    mandate_up: MandateUp, somebodies: dict[str, Somebody]
):
    review = gate(
        "review", approvers=list(LOGINS), quorum=len(LOGINS), identity=["verified"], timeout="5m"
    )
    handle = await mandate_up.start(after_look(review))
    await until_gate(handle, "review")

    for name, person in somebodies.items():
        assert (await person.log_in()).out.startswith(f"logged in as {name} until ")
        assert (await person.mandate("whoami")).out.startswith(f"{name} until ")
        said = await person.mandate("approve", handle.id, "review")
        assert said.code == 0, said.out + said.err
        assert said.out.startswith("counted: approve at review; ")

    (approval,) = (await result_of(handle))["approvals"]
    assert [vote["voter"] for vote in approval["votes"]] == list(LOGINS)
    assert {vote["identity"] for vote in approval["votes"]} == {"verified"}


async def test_a_name_that_only_looks_the_same_is_nobody_asked(
    mandate_up: MandateUp, somebodies: dict[str, Somebody]
):
    others = ["ann-ops@example.com", "corp\\ann", "zoe\u0308", "o\u2019brien@example.com", "auth0"]
    review = gate("review", approvers=others, identity=["verified"], timeout="5m")
    handle = await mandate_up.start(after_look(review))
    await until_gate(handle, "review")

    for name, person in somebodies.items():
        await person.log_in()
        said = await person.mandate("approve", handle.id, "review")
        assert said.code == 1
        assert "is not an approver of gate 'review'" in said.out
        assert name in said.out
    await handle.cancel()


async def test_who_types_a_name_that_is_no_login_is_told_before_a_password_is_asked(
    somebodies: dict[str, Somebody],
):
    for name, person in somebodies.items():
        said = await person.mandate("login", name)

        assert (said.code, said.out) == (1, "")
        assert "cannot be a login with a password" in said.err
        assert "--token-stdin" in said.err


async def test_what_is_signed_by_such_a_name_goes_through_a_shell(
    mandate_up: MandateUp, somebodies: dict[str, Somebody]
):
    review = gate("review", approvers=[f"group:{TEAM}"], identity=["verified"], timeout="5m")
    handle = await mandate_up.start(after_look(review))
    await until_gate(handle, "review")
    person = somebodies["CORP\\ann"]
    await person.log_in()
    signed = await person.mandate("sign", handle.id, "review", "approve")
    typed = shlex.split(shlex.quote(signed.out))
    code, said = await mandate_up.cli(
        "workflow", "signal", "-w", handle.id, "--name", "vote", "--input", *typed
    )

    assert code == 0, said
    (approval,) = (await result_of(handle))["approvals"]
    assert approval["detail"] == "approved by CORP\\ann"
