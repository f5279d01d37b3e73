"""The sessions of README and pages, typed line by line into one shell, in the order they stand.

Real: the embedded stack with its workers, its people, the sandboxed agents, the Temporal CLI. Lines
are typed as they stand, one after the other, and nothing is waited for in between: what has to be
waited for, a line of the page waits for. ``mandate up`` itself and ``make`` have tests and checks
of their own: where a page says so, the stack is started anew as that line says.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from tests.docs.blocks import ROOT, Block, blocks_of
from tests.docs.session import LINE_S, Premises, Shell, terminal

RUN: Final = "deploy-1"
UP: Final = ".venv/bin/mandate up"


def console(page: str) -> list[Block]:
    return [block for block in blocks_of(ROOT / page) if block.language == "console"]


README = console("README.md")
OPERATIONS = console("docs/operations.md")
TRUST = console("docs/trust.md")


def pipeline_of(page: str) -> str:
    return next(block.text for block in blocks_of(ROOT / page) if block.language == "yaml")


@pytest_asyncio.fixture(scope="module")
async def premises(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Premises]:
    place = Premises(tmp_path_factory.mktemp("readme"))
    (place.folder / "my.yaml").write_text(pipeline_of("README.md"))
    (place.folder / "deploy.yaml").write_text(pipeline_of("docs/trust.md"))
    try:
        await place.start(trial=True)
        yield place
    finally:
        await place.stop()


@pytest_asyncio.fixture(scope="module")
async def shell(premises: Premises) -> AsyncIterator[Shell]:
    async with terminal(premises.folder) as shell:
        yield shell


def block_with(blocks: list[Block], words: str) -> list[str]:
    (block,) = (block for block in blocks if words in block.text)
    return block.commands


def answer(said: dict[str, str], words: str) -> str:
    (found,) = (text for line, text in said.items() if words in line)
    return found


async def test_the_first_real_approval_counts_and_so_does_one_over_the_plain_cli(shell: Shell):
    said = await shell.types_all(block_with(README, "mandate login"))

    assert "logged in as ann" in answer(said, "mandate login")
    assert "waiting for 1 more of: group:sre" in answer(said, "mandate gates")
    assert "mandate approve first-1 sign-off --reason ..." in answer(said, "mandate gates")
    assert "  | # release-check: review" in answer(said, "mandate artifact show")
    assert "counted: approve at sign-off; approved by ann" in answer(said, "mandate approve")
    assert "COMPLETED" in answer(said, "workflow result")
    assert await shell.types_all(block_with(console("docs/gates.md"), "artifact list"))

    said = await shell.types_all(block_with(README, "mandate sign"))

    assert "Signal workflow succeeded" in answer(said, "mandate sign")
    assert "COMPLETED" in answer(said, "workflow result")


async def test_a_run_is_started_found_answered_read_and_repeated(shell: Shell):
    said = await shell.types_all(block_with(README, "workflow list"))

    assert "review" in answer(said, "--type status")
    assert "team-lead" in answer(said, "--type status")
    assert "infrastructure-deploy" in answer(said, "workflow list")
    assert "Signal workflow succeeded" in answer(said, "workflow signal")
    assert "COMPLETED" in answer(said, "workflow result")

    show, reset = block_with(OPERATIONS, "workflow reset")
    (checkpoints,) = json.loads(await shell.types(f"{show} -o json"))["queryResult"]
    (plan,) = (each for each in checkpoints if each["before"] == "plan")
    # Which event it is depends on the run: the one word a person fills in.
    line = re.sub(r"--event-id \d+", f"--event-id {plan['event_id']}", reset)

    assert "workflow reset" in reset
    assert f"Resetting workflow {RUN}" in await shell.types(line)
    await shell.types(f"mandate gates {RUN} --wait")  # what was voted before is void
    await shell.types(f"temporal workflow cancel -w {RUN}")
    await shell.tries(f"temporal workflow result -w {RUN}")


async def test_an_update_answers_with_the_verdict_and_refuses_a_wrong_voter_by_name(shell: Shell):
    *begun, update, result = block_with(README, "update execute")
    history = "temporal workflow show -w deploy-2 -o json"
    await shell.types_all(begun)
    before = json.loads(await shell.types(history))["events"]
    code, refusal = await shell.tries(update.replace("team-lead", "mallory"))
    after = json.loads(await shell.types(history))["events"]
    said = await shell.types_all([update, result])

    assert code != 0
    assert "mallory" in refusal
    assert len(before) == len(after)
    assert "verdict:passed" in answer(said, "update execute")
    assert "COMPLETED" in answer(said, "workflow result")


async def test_a_pipeline_of_ones_own_is_checked_and_run_from_its_file(
    shell: Shell, premises: Premises
):
    validate, start, run = block_with(README, "mandate validate")

    assert "my.yaml: ok: release-check" in await shell.types(validate)
    assert "Pipeline" in await shell.types(start)
    async with terminal(premises.folder) as other:
        lead = asyncio.create_task(approve_all(other, "sign-off", "read it"))
        try:
            said = await shell.types(run)
        finally:
            lead.cancel()
            await asyncio.gather(lead, return_exceptions=True)

    assert "publish" in said
    assert "completed" in said


async def approve_all(shell: Shell, gate: str, reason: str) -> None:
    """Answer every gate of that name, as ann does at the inbox, until cancelled."""
    while True:
        rows = await shell.types("mandate gates --json")
        for row in (json.loads(line) for line in rows.splitlines() if line.startswith("{")):
            if row.get("gate") == gate:
                # Another line may have answered it meanwhile: that is no failure here.
                await shell.tries(f"mandate approve {row['run']} {gate} --reason '{reason}'")
        await asyncio.sleep(0.2)


async def test_the_ledger_verifies_and_the_doctor_finds_nothing(shell: Shell):
    runs, verify, health, doctor = block_with(README, "ledger verify")

    assert "deploy-2" in await shell.types(runs)
    assert ".mandate/ledger.db: ok, " in await shell.types(verify)
    assert "vault" in await shell.types(health)
    assert await shell.types(doctor)


async def test_a_change_of_production_is_tried_out_and_marked_as_a_trial(shell: Shell):
    said = await shell.types_all(block_with(README, "change-1"))

    assert "counted: approve at review; approved by ann" in answer(said, "mandate approve")
    assert "COMPLETED" in answer(said, "workflow result")
    shown = answer(said, "agent show")
    assert "tier        T3 (executor)" in shown
    assert "TRIAL       lent by `mandate up --trial`: nobody has consented" in shown
    assert "T3 (trial)" in await shell.types("mandate agents")


async def test_an_agent_is_looked_at_and_stopped_with_a_receipt(shell: Shell):
    said = await shell.types_all(block_with(README, "mandate revoke"))
    receipt = answer(said, "mandate revoke").splitlines()

    assert "infrastructure-deploy.plan" in answer(said, "mandate agents")
    assert "needed" in answer(said, "mandate agent show")
    assert len([line for line in receipt if line.startswith("confirmed")]) > 5
    assert not [line for line in receipt if line.startswith("NOT")]
    assert "revoked" in await shell.types("mandate agents")


async def test_a_program_is_released_anew_and_its_agent_keeps_name_and_record(
    shell: Shell, premises: Premises
):
    (release,) = block_with(README, "sed -i")
    criteria, up = block_with(TRUST, "quick.yaml")
    assert up == f"MANDATE_PROMOTION=quick.yaml {UP}"
    await shell.types_all([release, criteria])
    await premises.start(MANDATE_PROMOTION=str(premises.folder / "quick.yaml"))
    await shell.types(". .mandate/env")

    run, *rebind, show = block_with(README, "agent rebind")
    code, refusal = await shell.tries(run)
    said = await shell.types_all([*rebind, show])

    assert code == 1
    assert "mandate agent rebind production-change" in refusal
    assert "rebound: production-change.change holds T2, held T3" in answer(
        said, "production-change --"
    )
    assert "release-check.publish keeps T2" in answer(said, "my.yaml")
    assert "1 ended, 1 compliant" in answer(said, "agent show")


async def test_people_answer_three_runs_as_operations_say(shell: Shell):
    await shell.types_all(block_with(OPERATIONS, "-w ops-1"))
    said = await shell.types_all(block_with(OPERATIONS, "mandate whoami"))

    assert "ann" in answer(said, "whoami")
    assert "counted: approve at sign-off" in answer(said, "approve ops-1")
    assert "counted: reject at sign-off" in answer(said, "reject ops-2")
    assert "registered: release-check 1.0 by ann" in answer(said, "mandate register")

    said = await shell.types_all(block_with(OPERATIONS, "mandate pause"))

    assert "ops-3" in answer(said, "mandate runs")
    assert "completed" in answer(said, "mandate watch")

    said = await shell.types_all(block_with(OPERATIONS, "Mandate 0.2"))

    assert "new: code-review.review has not run yet" in answer(said, "agent rebind")


async def test_an_agent_is_raised_by_two_people_as_the_page_on_trust_says(shell: Shell):
    said = await shell.types_all(block_with(TRUST, "mandate register"))
    assert "registered: deploy 1.0 by ann" in answer(said, "mandate register")

    said = await shell.types_all(block_with(TRUST, "agent show deploy.plan --json"))
    assert "deploy.plan" in answer(said, "mandate agents")

    said = await shell.types_all(block_with(TRUST, "mandate promote"))
    assert "asks 2 of group:sre" not in answer(said, "agent show")
    assert "tier        T3 (executor)" in answer(said, "agent show")

    await shell.types_all(block_with(TRUST, "--type Promotion"))
    code, refusal = await shell.tries("temporal workflow result -w promotion/deploy.plan")
    assert code != 0
    assert "0 compliant runs in a row at T3, 1 needed" in refusal

    said = await shell.types_all(block_with(TRUST, "agent rebind"))
    assert all("unchanged: deploy.plan" in text for text in said.values())


async def test_an_agent_is_stopped_in_every_way_the_page_on_trust_knows(shell: Shell):
    human, machine = (await shell.types_all(block_with(TRUST, "it deletes what"))).values()
    assert "NOT" not in human
    assert all(line["confirmed"] for line in json.loads(machine.splitlines()[0])["lines"])

    said = await shell.types_all(block_with(TRUST, "--type Revocation"))
    assert "deploy.plan" in answer(said, "--type receipt")

    begin, stop = block_with(TRUST, "--name revoke")
    await shell.types(begin)
    async with asyncio.timeout(LINE_S):
        while (await shell.tries(stop))[0] != 0:  # as the page says, until it is at work
            pass
    _, report = await shell.tries("temporal workflow result -w stopped-1")
    assert "revoked" in report

    (reinstate,) = block_with(TRUST, "mandate reinstate")
    code, refusal = await shell.tries(reinstate)
    assert code == 1
    assert "ask again then" in refusal
    assert "Trigger request sent" in await shell.types(*block_with(TRUST, "schedule trigger"))


async def test_the_program_of_the_contract_passes_its_check(shell: Shell, premises: Premises):
    page = blocks_of(ROOT / "docs" / "agent-protocol.md")
    program = next(block.text for block in page if block.language == "python")
    (premises.folder / "greet.py").write_text(program)

    said = await shell.types_all(block_with(console("docs/agent-protocol.md"), "agent check"))

    assert "the program keeps the contract" in answer(said, "agent check --input")
