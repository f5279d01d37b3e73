"""Approvers read what they sign: at a terminal, before it is signed, and nothing else is signed.

Real: the embedded stack, its sandboxed agents and their outputs, a pseudo-terminal.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from tests.fixtures.engine import gate, pipeline, stage
from tests.fixtures.person import Somebody, demo_person
from tests.fixtures.stack import MandateUp, result_of, until_gate

PROVEN: dict[str, Any] = {"approvers": ["group:sre"], "identity": ["verified"]}
QUESTION = "approve? [y/N] "


async def waiting(
    stack: MandateUp, *, name: str = "", template: str = "default", **config: Any
) -> WorkflowHandle[Any, Any]:
    """Start a run of one agent and one gate, and wait until that is pending."""
    look = {**stage("look"), "template": template}
    review = {**gate("review", **{**PROVEN, **config}), "requires": ["look"]}
    handle = await stack.start(
        pipeline(look, review, name=name or f"reading-{uuid.uuid4().hex[:6]}")
    )
    await until_gate(handle, "review")
    return handle


async def test_what_is_signed_is_read_first_and_the_answer_is_asked_for(
    mandate_up: MandateUp, ann: Somebody, bob: Somebody
):
    handle = await waiting(mandate_up, template="code-review", quorum=2)
    assert (await bob.mandate("approve", handle.id, "review")).code == 0

    async with ann.at_terminal("approve", handle.id, "review") as screen:
        shown = await screen.until(QUESTION)
        assert (await handle.query("gates"))[0]["votes"] == 1
        screen.types("y\n")
        said = await screen.ends()

    (report,) = (line for line in shown.splitlines() if "look: report.md" in line)
    assert "text/markdown, " in report
    assert " bytes  sha256:" in report
    assert f"  | # {(await handle.query('status'))['pipeline']}: look" in shown
    assert f"the whole: mandate artifact show {handle.id}/look " in shown
    assert "heads    read here in " in shown
    assert "votes    bob: approve (verified)" in shown
    assert "needed   waiting for 1 more of: group:sre" in shown
    assert (said.code, said.out.split(";")[0]) == (0, "counted: approve at review")
    assert (await result_of(handle))["approvals"][0]["verdict"] == "approved"


async def test_only_a_yes_that_is_typed_after_the_question_signs(
    mandate_up: MandateUp, ann: Somebody
):
    handle = await waiting(mandate_up)
    for ahead, typed in (("y\n", "\n"), ("", "n\n"), ("", "yup\n"), ("", "\x04")):
        async with ann.at_terminal("approve", handle.id, "review", ahead=ahead) as screen:
            await screen.until(QUESTION)
            screen.types(typed)
            said = await screen.ends()
        assert (said.code, said.out) == (1, ""), (ahead, typed)
        assert "nothing is signed" in said.err

    (row,) = await handle.query("gates")
    assert (row["votes"], row["refused"]) == (0, 0)
    async with ann.at_terminal("approve", handle.id, "review", "--yes") as screen:
        said = await screen.ends()
    assert (said.code, QUESTION in said.err) == (0, False)


async def test_nothing_is_signed_for_a_gate_that_changed_while_it_was_read(
    mandate_up: MandateUp, ann: Somebody
):
    handle = await waiting(mandate_up)
    async with ann.at_terminal("approve", handle.id, "review") as screen:
        before = await screen.until(QUESTION)
        reset = ("workflow", "reset", "-w", handle.id, "--type", "FirstWorkflowTask")
        code, why = await mandate_up.cli(*reset, "--reason", "another output")
        assert code == 0, why
        current = (await mandate_up.client()).get_workflow_handle(handle.id)
        await until_gate(current, "review")
        screen.types("y\n")
        said = await screen.ends()

    (row,) = await current.query("gates")
    assert row["subject_digest"] not in before
    assert said.err.count(row["subject_digest"]) == 1
    assert "what 'review' asks for changed while you read: nothing is signed" in said.err
    assert (said.code, said.out, row["votes"], row["refused"]) == (1, "", 0, 0)
    assert (await ann.mandate("approve", handle.id, "review")).code == 0


def place_of(stack: MandateUp, digest: str) -> Path:
    """Return where the artefact store keeps what has that digest."""
    name = digest.removeprefix("sha256:")
    return Path(stack.env["MANDATE_ARTIFACTS"]) / name[:2] / name


@pytest.fixture
def somebody(mandate_up: MandateUp, tmp_path: Path) -> Somebody:
    return demo_person(mandate_up, tmp_path, "cyd")


async def test_an_output_is_read_whole_while_its_run_waits_and_when_it_is_over(
    mandate_up: MandateUp, somebody: Somebody, ann: Somebody, tmp_path: Path
):
    handle = await waiting(mandate_up)
    for _ in range(2):
        listed = await somebody.mandate("artifact", "list", handle.id)
        told = await somebody.mandate("artifact", "list", handle.id, "--json")
        shown = await somebody.mandate("artifact", "show", f"{handle.id}/look", "report.md")
        await ann.mandate("approve", handle.id, "review")

    (row,) = [r for r in map(json.loads, told.out.splitlines()) if r["name"] == "report.md"]
    assert f"look: report.md  text/markdown, {row['size']:,} bytes  {row['digest']}" in listed.out
    assert shown.out.startswith("  | # reading-")
    assert row["digest"] in shown.err
    raw = await somebody.mandate("artifact", "show", f"{handle.id}/look", "report.md", "--raw")
    assert len(raw.out.encode()) == row["size"]
    place = (f"{handle.id}/look", "report.md", "--out", str(tmp_path / "kept"))
    assert (await somebody.mandate("artifact", "show", *place)).code == 0
    assert (tmp_path / "kept").read_text() == raw.out
    again = await somebody.mandate("artifact", "show", *place)
    assert (again.code, "kept is not written: File exists" in again.err) == (1, True)


async def test_bytes_that_are_not_what_the_run_says_are_shown_to_nobody(
    mandate_up: MandateUp, somebody: Somebody, ann: Somebody
):
    handle = await waiting(mandate_up)
    (row,) = await handle.query("gates")
    digest = row["subject"]["look"]["report.md"]
    kept = place_of(mandate_up, digest)
    kept.chmod(0o600)
    kept.write_text("nothing to see here")
    shown = await somebody.mandate("artifact", "show", f"{handle.id}/look", "report.md")
    async with ann.at_terminal("approve", handle.id, "review") as screen:
        asked = await screen.until(QUESTION)

    assert (shown.code, shown.out) == (1, "")
    assert f"artefact {digest} no longer matches its digest" in shown.err
    assert "no longer the bytes of its digest" in asked
    assert "nothing to see here" not in asked + shown.err
    kept.unlink()
    gone = await somebody.mandate("artifact", "show", f"{handle.id}/look", "report.md")
    assert "is not in the artefact store of this machine: set MANDATE_ARTIFACTS" in gone.err


async def test_where_there_is_no_output_it_is_said_what_there_is(
    mandate_up: MandateUp, somebody: Somebody
):
    handle = await waiting(mandate_up)
    for place, name, why in (
        (
            f"{handle.id}/nope",
            "report.md",
            f"there is no run or stage '{handle.id}/nope'; Temporal at ",
        ),
        (f"{handle.id}/look", "nope", "has no output 'nope'; it has: "),
    ):
        said = await somebody.mandate("artifact", "show", place, name)
        assert (said.code, said.out) == (2, "")
        assert why in said.err


async def test_what_changed_since_the_last_approval_is_said_first(
    mandate_up: MandateUp, ann: Somebody
):
    name = f"again-{uuid.uuid4().hex[:6]}"
    first = await waiting(mandate_up, name=name)
    alone = await ann.mandate("approve", first.id, "review")
    await result_of(first)
    async with asyncio.timeout(60):
        while True:
            second = await waiting(mandate_up, name=name)
            said = await ann.mandate("approve", second.id, "review")
            await result_of(second)
            if first.id in said.err or alone.err.split("\n")[0] != said.err.split("\n")[0]:
                break  # the list of runs follows them at a distance

    assert "before   no approval of this gate and plan" in alone.err.split("\n")[0]
    before, since, *_ = said.err.split("\n")
    assert " was approved by ann (verified) and ended " in before
    assert since.startswith("since    the same plan; outputs: 1 same; accounts of the engine: ")
