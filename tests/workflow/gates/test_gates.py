"""Gates through the public door: signals and updates of the real CLI, time skipping, the inbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import TimeSkipper

from dsl.rules.gates.gate_rules import NO_OUTPUT
from tests.fixtures.engine import Engine, as_json, failure_of, gate, pipeline, stage
from tests.fixtures.stack import until_gate

APPROVE = {"gate": "review", "decision": "approve", "voter": "ann"}


async def _vote(engine: Engine, run: str, vote: object, *more: str) -> tuple[int, str]:
    return await engine.cli(
        "workflow", "signal", "-w", run, "--name", "vote", "--input", as_json(vote), *more
    )


async def _update(engine: Engine, run: str, *inputs: object) -> tuple[int, str]:
    arguments = [word for value in inputs for word in ("--input", as_json(value))]
    return await engine.cli(
        "workflow", "update", "execute", "-w", run, "--name", "vote", *arguments
    )


async def test_a_signal_from_the_cli_releases_the_gate(engine: Engine):
    handle = await engine.start(pipeline(gate("review"), stage("after", requires=["review"])))
    await engine.pending(handle, "review")
    code, said = await _vote(engine, handle.id, APPROVE)
    report = await handle.result()

    assert code == 0, said
    assert report["stages"]["after"]["status"] == "completed"
    assert report["approvals"][0]["votes"][0]["voter"] == "ann"
    assert report["approvals"][0]["votes"][0]["identity"] == "claimed"


async def test_an_update_answers_with_the_verdict(engine: Engine):
    handle = await engine.start(pipeline(gate("review", approvers=["ann", "bob"], quorum=2)))
    await engine.pending(handle, "review")
    code, said = await _update(engine, handle.id, APPROVE)
    assert code == 0, said
    assert "verdict:pending" in said
    code, said = await _update(engine, handle.id, {**APPROVE, "voter": "bob"})

    assert code == 0, said
    assert "verdict:passed" in said
    assert (await handle.result())["status"] == "completed"


async def test_a_wrong_voter_is_refused_by_name_and_leaves_no_event(engine: Engine):
    handle = await engine.start(pipeline(gate("review")))
    await until_gate(handle, "review")  # the record of the opening comes and goes beside the wait
    before = len(await engine.events(handle))
    code, said = await _update(engine, handle.id, {**APPROVE, "voter": "mallory"})
    after = len(await engine.events(handle))
    await _vote(engine, handle.id, APPROVE)
    await handle.result()

    assert code == 1
    assert "mallory" in said
    assert "ann" in said
    assert after == before


@pytest.mark.parametrize(
    "inputs", [(), (APPROVE, APPROVE), (7,), ({"gate": "review"},), ({**APPROVE, "x": 1},)]
)
async def test_a_bad_update_is_refused_and_harms_nothing(engine: Engine, inputs):
    handle = await engine.start(pipeline(gate("review")))
    await engine.pending(handle, "review")
    code, _ = await _update(engine, handle.id, *inputs)
    await _vote(engine, handle.id, APPROVE)

    assert code == 1
    assert (await handle.result())["status"] == "completed"


BAD_SIGNALS = {
    "no input": (("--name", "vote"), "no input"),
    "two inputs": (("--name", "vote", "--input", "{}", "--input", "{}"), ""),
    "a wrong type": (("--name", "vote", "--input", "7"), "vote is"),
    "a missing field": (("--name", "vote", "--input", '{"gate":"review"}'), "decision"),
    "a wrong decision": (
        ("--name", "vote", "--input", as_json({**APPROVE, "decision": "maybe"})),
        "approve or reject",
    ),
    "an unknown encoding": (
        ("--name", "vote", "--input", "{}", "--input-meta", "encoding=binary/odd"),
        "encoding",
    ),
    "two inputs in unknown encodings": (
        ("--name", "vote", "--input", "{}", "--input", "{}", "--input-meta", "encoding=x/y"),
        "",
    ),
    "an unknown gate": (
        ("--name", "vote", "--input", as_json({**APPROVE, "gate": "reviw"})),
        "unknown gate 'reviw'",
    ),
    "a wrong voter": (
        ("--name", "vote", "--input", as_json({**APPROVE, "voter": "mallory"})),
        "mallory",
    ),
    "an unknown name": (("--name", "aprove", "--input", as_json(APPROVE)), "unknown signal"),
}


@pytest.mark.parametrize("case", BAD_SIGNALS)
async def test_a_bad_signal_is_recorded_and_shown_and_harms_nothing(engine: Engine, case: str):
    arguments, said = BAD_SIGNALS[case]
    handle = await engine.start(pipeline(gate("review")))
    await engine.pending(handle, "review")
    code, output = await engine.cli("workflow", "signal", "-w", handle.id, *arguments)
    assert code == 0, output
    status = await engine.until(handle, lambda s: bool(s["void_messages"]))
    await _vote(engine, handle.id, APPROVE)

    assert said in status["void_messages"][0]["why"]
    assert (await handle.result())["status"] == "completed"


async def test_an_update_with_two_inputs_is_told_to_have_one(engine: Engine):
    handle = await engine.start(pipeline(gate("review")))
    await engine.pending(handle, "review")
    for name in ("vote", "revoke"):
        code, said = await engine.cli(
            *("workflow", "update", "execute", "-w", handle.id, "--name", name),
            *("--input", "{}", "--input", "{}"),
        )

        assert (code != 0, "expected one input, got 2" in said) == (True, True), said
    await _vote(engine, handle.id, APPROVE)
    assert (await handle.result())["status"] == "completed"


async def test_an_early_vote_is_void(engine: Engine):
    engine.runner.behaviours["first"] = _until_signalled(gone := asyncio.Event())
    handle = await engine.start(pipeline(stage("first"), gate("review", requires=["first"])))
    await engine.runner.until_running("first")
    await handle.signal("vote", APPROVE)
    gone.set()
    status = await engine.pending(handle, "review")
    await _vote(engine, handle.id, APPROVE)

    assert "is not pending" in status["void_messages"][0]["why"]
    assert (await handle.result())["status"] == "completed"


def _until_signalled(event: asyncio.Event):
    async def wait(_request):
        await event.wait()
        return {}

    return wait


async def test_a_rejection_ends_the_run_and_names_who_and_why(engine: Engine):
    handle = await engine.start(pipeline(gate("review"), stage("after", requires=["review"])))
    await engine.pending(handle, "review")
    await _vote(engine, handle.id, {**APPROVE, "decision": "reject", "reason": "too risky"})
    failure = await failure_of(handle)
    [report] = failure.details

    assert failure.type == "GateRejected"
    assert "ann (too risky)" in failure.message
    assert report["stages"]["after"]["status"] == "skipped"


async def test_a_second_vote_of_the_same_person_changes_nothing(engine: Engine):
    handle = await engine.start(pipeline(gate("review", approvers=["ann", "bob"], quorum=2)))
    await engine.pending(handle, "review")
    await _vote(engine, handle.id, APPROVE)
    code, said = await _update(engine, handle.id, {**APPROVE, "decision": "reject"})
    await _vote(engine, handle.id, {**APPROVE, "voter": "bob"})

    assert code == 1
    assert "ann" in said
    assert (await handle.result())["status"] == "completed"


async def test_a_gate_nobody_answers_rejects_when_its_time_is_up_and_not_before(engine: Engine):
    handle = await engine.start(pipeline(gate("review", timeout="30m")))
    await engine.pending(handle, "review")
    skipper = TimeSkipper(engine.client)
    await skipper.fast_forward(handle, timedelta(minutes=29, seconds=50))
    still = await engine.pending(handle, "review")
    await skipper.fast_forward(handle, timedelta(seconds=11))
    failure = await failure_of(handle)

    assert still["waiting_for"]
    assert failure.type == "GateRejected"
    assert "not answered within 30m" in failure.message


async def test_escalation_asks_others_and_forgets_earlier_votes(engine: Engine):
    handle = await engine.start(
        pipeline(
            gate(
                "review",
                approvers=["ann", "bob"],
                quorum=2,
                timeout="10m",
                on_timeout="escalate",
                escalate_to={"approvers": ["cyd", "ann"], "quorum": 2, "timeout": "10m"},
            )
        )
    )
    await engine.pending(handle, "review")
    await _vote(engine, handle.id, APPROVE)
    await TimeSkipper(engine.client).fast_forward(handle, timedelta(minutes=10, seconds=1))
    status = await engine.until(
        handle, lambda s: bool(s["waiting_for"]) and s["waiting_for"][0]["opening"] == 2
    )
    code, said = await _update(engine, handle.id, {**APPROVE, "voter": "cyd"})

    assert status["waiting_for"][0]["votes"] == 0
    assert code == 0, said
    assert "verdict:pending" in said
    await _vote(engine, handle.id, APPROVE)
    assert (await handle.result())["status"] == "completed"


async def test_a_gate_inside_a_branch_and_a_condition_works_like_any_other(engine: Engine):
    document = pipeline(
        {
            "name": "both",
            "type": "parallel",
            "branches": [
                {"name": "left", "stages": [gate("sign-off")]},
                {
                    "name": "right",
                    "stages": [
                        {"name": "maybe", "type": "condition", "if": "true", "then": [gate("ok")]}
                    ],
                },
            ],
        }
    )
    handle = await engine.start(document)
    await engine.pending(handle, "both/left/sign-off")
    await engine.pending(handle, "both/right/maybe/ok")
    first, _ = await _update(engine, handle.id, {**APPROVE, "gate": "sign-off"})
    second, _ = await _update(engine, handle.id, {**APPROVE, "gate": "both/right/maybe/ok"})

    assert (first, second) == (0, 0)
    assert (await handle.result())["status"] == "completed"


async def test_the_inbox_query_lists_the_run_while_the_gate_waits(engine: Engine):
    handle = await engine.start(pipeline(gate("inbox-review")))
    await engine.pending(handle, "inbox-review")
    query = 'MandateGates="inbox-review" AND ExecutionStatus="Running"'
    listed = ""
    async with asyncio.timeout(60):
        while handle.id not in listed:
            _, listed = await engine.cli("workflow", "list", "--query", query)
    await _vote(engine, handle.id, {**APPROVE, "gate": "inbox-review"})
    await handle.result()
    async with asyncio.timeout(60):
        while handle.id in listed:
            _, listed = await engine.cli("workflow", "list", "--query", query)


async def test_a_waiting_run_says_in_its_details_what_is_waited_for_and_how_to_answer(
    engine: Engine,
):
    handle = await engine.start(pipeline(gate("review")))
    await engine.pending(handle, "review")
    _, shown = await engine.cli("workflow", "metadata", "-w", handle.id)
    timers = [
        e.user_metadata.summary.data.decode()
        for e in await engine.events(handle)
        if e.HasField("timer_started_event_attributes")
    ]
    await _vote(engine, handle.id, APPROVE)
    await handle.result()

    assert "- gate: `review`" in shown
    assert "temporal workflow signal" in shown
    assert any("WAITING FOR APPROVAL `review` (`ann`)" in timer for timer in timers)


async def test_votes_applied_again_by_a_reset_approve_nothing(engine: Engine):
    handle = await engine.start(pipeline(stage("first"), gate("review", requires=["first"])))
    await engine.pending(handle, "review")
    await _vote(engine, handle.id, APPROVE)
    await handle.result()
    checkpoints = await handle.query("checkpoints")
    event = next(row["event_id"] for row in checkpoints if row["before"] == "first")
    code, said = await engine.cli(
        "workflow", "reset", "-w", handle.id, "--event-id", str(event), "--reason", "again"
    )
    assert code == 0, said
    again = engine.client.get_workflow_handle(handle.id)
    status = await engine.pending(again, "review")
    await _vote(engine, handle.id, APPROVE)
    report = await again.result()

    assert status["void_messages"]
    assert report["status"] == "completed"


async def test_a_reset_to_a_point_at_which_the_gate_was_open_voids_its_votes(engine: Engine):
    document = pipeline(gate("review", approvers=["ann", "bob"], quorum=1))
    handle = await engine.start(document)
    await until_gate(handle, "review")  # the record of the opening is on the ledger
    await _vote(engine, handle.id, APPROVE)
    await handle.result()
    events = await engine.events(handle)
    voted = next(
        e.event_id for e in events if e.HasField("workflow_execution_signaled_event_attributes")
    )
    point = max(
        e.event_id
        for e in events
        if e.HasField("workflow_task_completed_event_attributes") and e.event_id < voted
    )
    code, said = await engine.cli(
        "workflow", "reset", "-w", handle.id, "--event-id", str(point), "--reason", "again"
    )
    assert code == 0, said
    again = engine.adopt(handle.id)
    status = await engine.until(
        again, lambda s: bool(s["waiting_for"]) and s["waiting_for"][0]["opening"] == 2
    )
    await _vote(engine, handle.id, {**APPROVE, "voter": "bob"})
    report = await again.result()

    assert status["waiting_for"][0]["votes"] == 0
    assert [vote["voter"] for vote in report["approvals"][0]["votes"]] == ["bob"]
    assert report["approvals"][0]["opening"] == 2


async def test_a_gate_in_a_condition_binds_what_the_condition_went_by(engine: Engine):
    serious = {
        "name": "serious",
        "type": "condition",
        "requires": ["look"],
        "if": "stages.look.status == 'completed'",
        "then": [gate("sign-off")],
    }
    handle = await engine.start(pipeline(stage("look"), serious))
    state = await engine.pending(handle, "serious/sign-off")
    _, shown = await engine.cli("workflow", "metadata", "-w", handle.id)
    await _vote(engine, handle.id, {**APPROVE, "gate": "sign-off"})
    report = await handle.result()

    (row,) = state["waiting_for"]
    put_out = {each["name"]: each["digest"] for each in report["stages"]["look"]["outputs"]}
    assert put_out
    assert row["subject"] == {"look": put_out}
    assert NO_OUTPUT not in shown


async def test_who_votes_where_there_is_no_output_is_told_so(engine: Engine):
    handle = await engine.start(pipeline(gate("review")))
    state = await engine.pending(handle, "review")
    _, shown = await engine.cli("workflow", "metadata", "-w", handle.id)
    await _vote(engine, handle.id, APPROVE)
    await handle.result()

    assert state["waiting_for"][0]["subject"] == {}
    assert f"a vote binds {NO_OUTPUT}" in shown
