"""Logging in and out, vouching for a plan, and starting a run as somebody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import requests

from mandate.stack.home import home
from tests.fixtures.person import Said, demo_person
from tests.fixtures.processes import variables_of
from tests.fixtures.stack import MandateUp, until_gate

DOCUMENT = """
name: {name}
version: "1"
inputs:
  region: {{type: string, default: eu}}
stages:
  - {{name: look, type: agent, template: default}}
  - name: review
    type: gate
    requires: [look]
    config: {{approvers: [ann, bob], identity: [verified], exclude: [{excluded}], timeout: 10m}}
"""


def is_alive(stack: MandateUp, token: str) -> bool:
    reply = requests.get(
        f"{stack.env['VAULT_ADDR']}/v1/auth/token/lookup-self",
        headers={"X-Vault-Token": token},
        timeout=10,
    )
    return reply.ok


def document(folder: Path, name: str, excluded: str) -> str:
    file = folder / f"{name}.yaml"
    file.write_text(DOCUMENT.format(name=name, excluded=excluded))
    return str(file)


async def started(stack: MandateUp, said: Said) -> str:
    """Return the run that ``mandate run`` has started, once its gate is pending."""
    assert said.code == 0, said.err
    run_id = said.out.split()[1]
    await until_gate((await stack.client()).get_workflow_handle(run_id), "review")
    return run_id


async def test_a_login_is_private_replaced_and_ended(mandate_up: MandateUp, tmp_path: Path):
    ann = demo_person(mandate_up, tmp_path, "ann")
    said = await ann.log_in()
    first = ann.token
    who = await ann.mandate("whoami")

    assert f"MANDATE_HOME={home(os.environ)}" in variables_of(mandate_up.pid("worker"))  # hidden
    assert said.out.startswith("logged in as ann until 20")
    assert who.out.startswith("ann until 20")
    assert (ann.home / "login.json").stat().st_mode & 0o777 == 0o600
    assert first not in said.out + said.err + who.out + who.err
    await ann.log_in()
    assert not is_alive(mandate_up, first)

    second = ann.token
    out = await ann.mandate("logout")
    assert (out.code, out.out) == (0, "ann is logged out\n")
    assert not is_alive(mandate_up, second)
    assert (await ann.mandate("logout")).out == "nobody was logged in\n"
    assert (await ann.mandate("whoami")).code == 2


@pytest.mark.parametrize(
    ("words", "typed", "expected"),
    [
        (("ann", "--password-stdin"), "wrong", (1, "does not let 'ann' in")),
        (("eve", "--password-stdin"), "wrong", (1, "does not let 'eve' in")),
        (("ann", "--password-stdin"), "", (2, "got nothing")),
        (("ann", "--password-stdin"), "x" * 5_000, (2, "at most 4096 characters")),
        (("ann",), "wrong", (2, "add --password-stdin")),
        (("../x", "--password-stdin"), "wrong", (1, "cannot be a login")),
        (("agent-x", "--password-stdin"), "wrong", (1, "cannot be a login")),
        (("ann", "--token-stdin"), "s.wrong", (1, "login has ended")),
        (("ann", "--token-stdin", "--password-stdin"), "x", (2, "give one of")),
    ],
)
async def test_who_is_not_let_in_is_told_why_and_nothing_is_kept(
    mandate_up: MandateUp,
    tmp_path: Path,
    words: tuple[str, ...],
    typed: str,
    expected: tuple[int, str],
):
    somebody = demo_person(mandate_up, tmp_path, "ann")
    said = await somebody.mandate("login", *words, typed=typed)

    assert (said.code, said.out) == (expected[0], "")
    assert expected[1] in " ".join(said.err.split())
    assert not somebody.home.exists()


async def test_a_login_by_other_means_is_taken_over_if_it_is_that_persons(
    mandate_up: MandateUp, tmp_path: Path
):
    ann = demo_person(mandate_up, tmp_path / "there", "ann")
    await ann.log_in()
    here = demo_person(mandate_up, tmp_path / "here", "ann")
    other = await here.mandate("login", "bob", "--token-stdin", typed=ann.token)
    said = await here.mandate("login", "ann", "--token-stdin", typed=ann.token)
    again = await here.mandate("login", "ann", "--token-stdin", typed=ann.token)

    assert other.code == 2
    assert "the token belongs to 'ann'" in other.err
    assert said.code == again.code == 0
    assert here.token == ann.token
    assert is_alive(mandate_up, here.token)  # what replaces itself is not ended


async def test_who_starts_a_run_is_proven_and_can_be_excluded(
    mandate_up: MandateUp, tmp_path: Path
):
    ann, bob = (demo_person(mandate_up, tmp_path, name) for name in ("ann", "bob"))
    await ann.log_in()
    await bob.log_in()
    file = document(tmp_path, "logins-started", "starter")
    run_id = await started(mandate_up, await ann.mandate("run", file, "--input", "region=us"))
    own = await ann.mandate("approve", run_id, "review")
    other = await bob.mandate("approve", run_id, "review")

    assert (own.code, own.out) == (1, "refused: 'ann' is excluded from gate 'review'\n")
    assert other.code == 0


async def test_a_run_starts_without_a_login_and_a_dead_one_is_told(
    mandate_up: MandateUp, tmp_path: Path
):
    ann = demo_person(mandate_up, tmp_path, "ann")
    file = document(tmp_path, "logins-unknown", "")
    silent = await ann.mandate("run", file)
    await ann.log_in()
    (ann.home / "login.json").chmod(0o644)
    told = await ann.mandate("run", file)

    assert silent.err == ""
    assert "started without a proof of who starts it" in told.err
    for said in (silent, told):
        run_id = await started(mandate_up, said)
        await mandate_up.cli("workflow", "cancel", "-w", run_id)


async def test_a_plan_is_registered_by_its_author_who_can_be_excluded(
    mandate_up: MandateUp, tmp_path: Path
):
    ann, bob = (demo_person(mandate_up, tmp_path, name) for name in ("ann", "bob"))
    file = document(tmp_path, "logins-vouched", "author")
    nobody = await ann.mandate("register", file)
    await ann.log_in()
    await bob.log_in()
    first = await ann.mandate("register", file)
    again = await ann.mandate("register", file)

    assert nobody.code == 2
    assert "log in first" in nobody.err
    assert first.code == again.code == 0
    assert first.out.startswith("registered: logins-vouched 1 by ann, ledger entry ")
    assert "sha256:" in first.err
    assert again.out.endswith("(it was registered before)\n")
    run_id = await started(mandate_up, await bob.mandate("run", file))
    status: dict[str, Any] = await (
        (await mandate_up.client()).get_workflow_handle(run_id).query("status")
    )
    assert status["registered"]
    assert (await ann.mandate("approve", run_id, "review")).code == 1
    assert (await bob.mandate("approve", run_id, "review")).code == 0


@pytest.mark.parametrize("content", ["name: x\n", None])
async def test_what_does_not_compile_is_not_registered(
    mandate_up: MandateUp, tmp_path: Path, content: str | None
):
    ann = demo_person(mandate_up, tmp_path, "ann")
    file = tmp_path / "bad.yaml"
    if content is not None:
        file.write_text(content)
    said = await ann.mandate("register", str(file))

    assert (said.code, said.out) == (2, "")
    assert "bad.yaml" in said.err
