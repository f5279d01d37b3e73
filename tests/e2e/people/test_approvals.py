"""Approvals as people give them: logged in, at a terminal, against ``mandate up``."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from tests.fixtures.engine import after_look, gate
from tests.fixtures.person import Somebody, demo_person
from tests.fixtures.stack import MandateUp, result_of, until_gate
from tests.integration.stack.probes import eventually

PROVEN: dict[str, Any] = {
    "approvers": ["group:sre"],
    "identity": ["verified"],
    "reason": "required",
}
WHY = ("--reason", "looks right")


async def waiting(stack: MandateUp, **config: Any) -> WorkflowHandle[Any, Any]:
    """Start a run of one gate, and wait until it is pending."""
    name = f"approvals-{uuid.uuid4().hex[:6]}"
    review = {**gate("review", **{**PROVEN, **config}), "description": "Go to production"}
    document = after_look(review, name=name)
    handle = await stack.start(document)
    await until_gate(handle, "review")
    return handle


async def test_who_is_not_logged_in_is_told_how_to(mandate_up: MandateUp, tmp_path: Path):
    nobody = demo_person(mandate_up, tmp_path, "cyd")
    handle = await waiting(mandate_up)

    for words in (("approve", handle.id, "review"), ("sign", handle.id, "review", "reject")):
        said = await nobody.mandate(*words, *WHY)
        assert (said.code, said.out) == (2, "")
        assert "log in first: mandate login NAME" in said.err
    assert (await nobody.mandate("whoami")).code == 2
    assert not nobody.home.exists()


async def test_a_vote_that_counts_is_exit_code_0_and_a_second_one_is_not(
    mandate_up: MandateUp, ann: Somebody, bob: Somebody
):
    handle = await waiting(mandate_up, quorum=2)
    first = await ann.mandate("approve", handle.id, "review", *WHY)
    second = await ann.mandate("approve", handle.id, "review", *WHY)
    last = await bob.mandate("approve", handle.id, "review", *WHY)

    assert (first.code, first.out) == (
        0,
        "counted: approve at review; waiting for 1 more of: group:sre\n",
    )
    assert "subject  sha256:" in first.err
    assert (second.code, second.out) == (
        1,
        "refused: 'ann' has already voted at gate 'review'; the first vote counts\n",
    )
    assert last.out.startswith("counted: approve at review; approved by ann (looks right), bob")
    (approval,) = (await result_of(handle))["approvals"]
    assert [vote["identity"] for vote in approval["votes"]] == ["verified", "verified"]


async def test_who_may_not_vote_is_refused_and_the_gate_stays_open(
    mandate_up: MandateUp, tmp_path: Path, ann: Somebody
):
    cyd = demo_person(mandate_up, tmp_path, "cyd")
    await cyd.log_in()
    handle = await waiting(mandate_up)
    said = await cyd.mandate("approve", handle.id, "review", *WHY)

    assert said.code == 1
    assert "'cyd' is not an approver of gate 'review'" in said.out
    assert (await ann.mandate("approve", handle.id, "review", *WHY)).code == 0


async def test_a_rejection_that_counts_is_exit_code_0_and_ends_the_run(
    mandate_up: MandateUp, ann: Somebody
):
    handle = await waiting(mandate_up)
    said = await ann.mandate("reject", handle.id, "review", "--reason", "not today")

    assert (said.code, said.out) == (
        0,
        "counted: reject at review; rejected by ann (not today)\n",
    )
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    late = await ann.mandate("approve", handle.id, "review", *WHY)
    assert late.code == 1
    assert "is rejected: nobody is waited for there" in late.err
    unknown = await ann.mandate("approve", handle.id, "nope", *WHY)
    assert unknown.code == 2
    assert f"the run '{handle.id}', which is over, never had a gate 'nope'" in unknown.err


async def test_what_is_signed_is_a_vote_for_the_plain_temporal_cli(
    mandate_up: MandateUp, ann: Somebody, bob: Somebody
):
    handle = await waiting(mandate_up, quorum=2)
    by_signal = await ann.mandate("sign", handle.id, "review", "approve", *WHY)
    by_update = await bob.mandate("sign", handle.id, "review", "approve", *WHY)

    assert by_signal.code == by_update.code == 0
    assert by_signal.out.count("\n") == 1
    assert json.loads(by_signal.out)["voter"] == "ann"
    vote = ("-w", handle.id, "--name", "vote", "--input")
    code, _ = await mandate_up.cli("workflow", "signal", *vote, by_signal.out)
    assert code == 0
    code, said = await mandate_up.cli("workflow", "update", "execute", *vote, by_update.out)
    assert code == 0, said
    assert "verdict:passed" in said
    assert (await result_of(handle))["approvals"][0]["verdict"] == "approved"


async def test_a_proof_is_sent_along_where_a_claim_would_do(mandate_up: MandateUp, ann: Somebody):
    handle = await waiting(mandate_up, approvers=["ann"], identity=["claimed"], reason="optional")

    assert (await ann.mandate("approve", handle.id, "review")).code == 0
    (approval,) = (await result_of(handle))["approvals"]
    assert approval["votes"][0]["identity"] == "verified"


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("review",), 2, "requires a reason; add --reason TEXT"),
        (("review", "--reason", "x" * 2_001), 2, "expected a reason of at most 2000 characters"),
        (("review", "--answer", "x" * 2_001), 2, "expected an answer of at most 2000 characters"),
        (("nope", *WHY), 2, "pending now: review"),
        (("review", "--answer", "no"), 2, "asks no question: give a reason"),
        (("review", "--answer", ""), 2, "asks no question: give a reason"),
    ],
)
async def test_what_is_typed_wrongly_is_refused_before_anything_is_signed(
    mandate_up: MandateUp, ann: Somebody, words: tuple[str, ...], code: int, why: str
):
    handle = await waiting(mandate_up)
    said = await ann.mandate("approve", handle.id, *words)

    assert (said.code, said.out) == (code, "")
    assert why in said.err
    assert (await handle.query("gates"))[0]["refused"] == 0
    assert "there is no run 'none'" in (await ann.mandate("reject", "none", "review")).err


async def test_the_inbox_shows_every_gate_and_the_runs_that_do_not_answer(
    mandate_up: MandateUp, ann: Somebody
):
    one, other = await waiting(mandate_up), await waiting(mandate_up)
    silent = f"silent-{uuid.uuid4().hex[:6]}"
    start = ("workflow", "start", "-w", silent, "--type", "X", "--task-queue", "nobody")
    await mandate_up.cli(*start, "--search-attribute", 'MandateStatus="waiting"')

    all_of_them = (silent, one.id, other.id)

    async def are_listed() -> bool:  # one by one, and a moment later
        shown = await ann.mandate("gates")
        return all(each in shown.out for each in all_of_them)

    await eventually(are_listed)
    shown = await ann.mandate("gates")
    listed = await ann.mandate("gates", "--json")

    assert shown.code == listed.code == 0
    assert f"review  in  {one.id}  (Pipeline)" in shown.out
    assert "what     Go to production" in shown.out
    assert "needed   waiting for 1 more of: group:sre" in shown.out
    assert "asks     verified, a reason" in shown.out
    assert f"'{silent}' did not answer the query 'gates' within 5 s" in shown.out
    rows = {row["run"]: row for row in map(json.loads, listed.out.splitlines())}
    assert rows[other.id]["description"] == "Go to production"
    assert rows[other.id]["link"].startswith(mandate_up.env["MANDATE_UI"])
    assert "did not answer" in rows[silent]["error"]
    await mandate_up.cli("workflow", "terminate", "-w", silent, "--reason", "done")


async def test_a_login_that_has_ended_says_so_by_name(mandate_up: MandateUp, ann: Somebody):
    handle = await waiting(mandate_up)
    logins = json.loads((ann.home / "login.json").read_text())
    for login in logins.values():
        login["token"] = "s." + "A" * 24
    (ann.home / "login.json").write_text(json.dumps(logins))
    said = await ann.mandate("approve", handle.id, "review", *WHY)

    assert (said.code, said.out) == (2, "")
    assert "the login of ann has ended; log in again: mandate login ann" in said.err
