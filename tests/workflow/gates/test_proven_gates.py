"""Gates for proven voters, in all their grammar: groups, exclusion, reasons, time, registration."""

from __future__ import annotations

import secrets
import shlex
from datetime import timedelta
from typing import Any

import pytest
import yaml
from temporalio.testing import TimeSkipper

from dsl.compiler import compile_text
from dsl.rules.proofs.proof import PLAN, START
from dsl.values.canonical import digest_of
from tests.fixtures.engine import Engine, after_look, failure_of, gate, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.servers.openbao import People
from tests.fixtures.voting import Signer, honest_vote, seal, signer, update
from workflows.run.provenance import STARTER_MEMO

VERIFIED: dict[str, Any] = {"approvers": [], "identity": ["verified"]}


async def vote(
    engine: Engine, handle: Any, who: Signer, decision: str = "approve", reason: str = ""
) -> dict[str, Any]:
    made = await honest_vote(handle, "review", who, decision, because=reason)
    code, verdict = await update(engine, handle.id, made)
    assert code == 0, verdict
    return verdict


def actions(engine: Engine, run: str) -> list[str]:
    return [e.action for e in told_by(engine.settings.ledger, run) if e.workflow_id == run]


async def test_a_vote_that_counts_is_on_the_ledger_as_proven(engine: Engine, people: People):
    handle = await engine.start(
        after_look(gate("review", **{**VERIFIED, "approvers": ["ann"]}), stage("after"))
    )
    await engine.pending(handle, "review")
    ann = await signer(people, "ann")
    verdict = await vote(engine, handle, ann)
    report = await handle.result()

    assert verdict["verdict"] == "passed"
    assert report["approvals"][0]["votes"] == [
        {"voter": "ann", "decision": "approve", "reason": "", "identity": "verified"}
    ]
    entries = told_by(engine.settings.ledger, handle.id)
    [proven] = [e for e in entries if e.action == "vote.proven"]
    assert (proven.payload["name"], proven.payload["entity"]) == ("ann", ann.entity)
    order = [e.action for e in entries]
    assert order.index("vote.proven") < order.index("gate.decided")


async def test_a_proven_rejection_rejects(engine: Engine, people: People):
    handle = await engine.start(after_look(gate("review", **{**VERIFIED, "approvers": ["ann"]})))
    await engine.pending(handle, "review")
    verdict = await vote(
        engine, handle, await signer(people, "ann"), "reject", "the plan deletes the database"
    )
    failure = await failure_of(handle)

    assert verdict["verdict"] == "rejected"
    assert "ann (the plan deletes the database)" in failure.message


async def test_each_group_has_a_count_of_its_own(engine: Engine, people: People):
    groups = [{"name": "sre", "quorum": 2}, {"name": "council", "quorum": 3}]
    handle = await engine.start(
        after_look(gate("review", **VERIFIED, groups=groups, quorum=3)), inputs={}
    )
    await engine.pending(handle, "review")
    verdicts = [
        (await vote(engine, handle, await signer(people, name)))["verdict"]
        for name in ("cyd", "ann", "bob")
    ]

    assert verdicts == ["pending", "pending", "passed"]
    assert (await handle.result())["status"] == "completed"


async def test_a_required_reason_is_required(engine: Engine, people: People):
    config = {**VERIFIED, "approvers": ["group:sre"], "reason": "required"}
    handle = await engine.start(after_look(gate("review", **config)))
    await engine.pending(handle, "review")
    ann = await signer(people, "ann")
    silent = await vote(engine, handle, ann)
    spoken = await vote(engine, handle, ann, reason="looked at the plan")

    assert "gives no reason" in silent["why"]
    assert spoken["verdict"] == "passed"
    await handle.result()


async def started_by(engine: Engine, document: dict[str, Any], who: Signer, **bent: Any) -> Any:
    """Start as ``mandate run`` does: with a proof in the memo."""
    run = f"t-{secrets.token_hex(8)}"
    digest = compile_text(yaml.safe_dump(document), "test").digest
    about = {"workflow": run, "plan": digest, "inputs": digest_of({})}
    proof = await who.word(seal(about, who.entity, purpose=START, **bent))
    handle = await engine.client.start_workflow(
        "Pipeline",
        {"definition": document, "inputs": {}},
        id=run,
        task_queue="mandate",
        memo={STARTER_MEMO: proof},
    )
    engine.started.append(handle)
    return handle


async def test_the_starter_does_not_approve_his_own_run(engine: Engine, people: People):
    ann, bob = await signer(people, "ann"), await signer(people, "bob")
    config = {**VERIFIED, "approvers": ["group:sre"], "exclude": ["starter"]}
    handle = await started_by(engine, after_look(gate("review", **config)), ann)
    status = await engine.pending(handle, "review")
    own = await vote(engine, handle, ann)
    other = await vote(engine, handle, bob)

    assert status["starter"] == "ann"
    assert "'ann' is excluded" in own["why"]
    assert other["verdict"] == "passed"
    assert "start.proven" in actions(engine, handle.id)
    await handle.result()


@pytest.mark.parametrize("bent", [{"plan": "sha256:" + "1" * 64}, {"workflow": "another"}, None])
async def test_who_excludes_the_starter_must_know_him(engine: Engine, people: People, bent):
    config = {**VERIFIED, "approvers": ["group:sre"], "exclude": ["starter"]}
    document = after_look(gate("review", **config))
    if bent is None:
        handle = await engine.start(document)
    else:
        handle = await started_by(engine, document, await signer(people, "ann"), **bent)
    failure = await failure_of(handle)

    assert failure.type == "InvalidPipeline"
    assert "mandate run" in failure.message


async def register(engine: Engine, document: dict[str, Any], who: Signer, **bent: Any) -> Any:
    """Register as ``mandate register`` does."""
    text = yaml.safe_dump(document)
    plan = compile_text(text, "test")
    about = {"plan": plan.digest, "name": plan.plan.name, "version": plan.plan.version}
    proof = await who.word(seal(about, who.entity, purpose=PLAN, **bent))
    return await engine.start_type("Registration", {"document": text, "proof": proof})


async def test_a_registered_plan_has_an_author_who_does_not_approve_it(
    engine: Engine, people: People
):
    ann, bob = await signer(people, "ann"), await signer(people, "bob")
    config = {**VERIFIED, "approvers": ["group:sre"], "exclude": ["author"]}
    document = pipeline(stage("first"), gate("review", requires=["first"], **config))
    told = await (await register(engine, document, ann)).result()
    again = await (await register(engine, document, ann)).result()
    handle = await engine.start(document)
    status = await engine.pending(handle, "review")
    own = await vote(engine, handle, ann)
    other = await vote(engine, handle, bob)

    assert (told["author"], told["already"], again["already"]) == ("ann", False, True)
    assert status["registered"] is True
    assert engine.runner.requests[-1].stage == "first"
    assert "'ann' is excluded" in own["why"]
    assert other["verdict"] == "passed"
    await handle.result()


async def test_who_excludes_the_author_must_know_him(engine: Engine, people: People):
    config = {**VERIFIED, "approvers": ["group:sre"], "exclude": ["author"]}
    failure = await failure_of(await engine.start(after_look(gate("review", **config))))

    assert "mandate register" in failure.message


BAD_REGISTRATIONS: dict[str, tuple[Any, str]] = {
    "no input": (None, "mandate register"),
    "a number": (7, "mandate register"),
    "no document": ({"proof": "x"}, "mandate register"),
    "a bad document": ({"document": "name: 7", "proof": "x"}, "DSL"),
    "no proof": ({"document": yaml.safe_dump(pipeline(stage("a"))), "proof": ""}, "no proof"),
    "nonsense": ({"document": yaml.safe_dump(pipeline(stage("a"))), "proof": "!"}, "base64url"),
}


@pytest.mark.parametrize("case", BAD_REGISTRATIONS)
async def test_a_bad_registration_ends_at_once_and_says_why(engine: Engine, case: str):
    order, why = BAD_REGISTRATIONS[case]
    handle = await engine.start_type("Registration", *([] if order is None else [order]))

    assert why in (await failure_of(handle)).message


async def test_a_registration_is_for_the_document_that_was_signed(engine: Engine, people: People):
    ann = await signer(people, "ann")
    handle = await register(engine, pipeline(stage("a")), ann, plan="sha256:" + "2" * 64)
    failure = await failure_of(handle)

    assert failure.type == "NotProven"
    assert "is for plan" in failure.message
    assert "plan.registered" not in actions(engine, handle.id)


async def test_who_is_no_author_vouches_for_nothing(engine: Engine, people: People):
    failure = await failure_of(
        await register(engine, pipeline(stage("a")), await signer(people, "eve"))
    )

    assert failure.type == "NotProven"
    assert "'eve' may not vouch for plans: that takes group 'council'" in failure.message


async def test_the_command_to_copy_is_safe_whatever_a_run_is_called(engine: Engine):
    run = f"t-{secrets.token_hex(4)}'; touch /tmp/never; '"
    document = {"definition": after_look(gate("review", **{**VERIFIED, "approvers": ["ann"]}))}
    handle = await engine.client.start_workflow("Pipeline", document, id=run, task_queue="mandate")
    await engine.pending(handle, "review")
    _, shown = await engine.cli("workflow", "metadata", "-w", run)
    await handle.terminate()

    assert shlex.quote(run) in shown
    assert f"approve '{run}'" not in shown


async def test_reminders_and_escalation_come_to_the_second_and_are_timers(
    engine: Engine, people: People
):
    config = {
        **VERIFIED,
        "approvers": ["ann"],
        "timeout": "30m",
        "remind_every": "10m",
        "on_timeout": "escalate",
        "escalate_to": {"approvers": ["group:council"], "timeout": "20m"},
    }
    handle = await engine.start(after_look(gate("review", **config)))
    await engine.pending(handle, "review")
    of_first = await honest_vote(handle, "review", await signer(people, "ann"))
    skipper = TimeSkipper(engine.client)
    await skipper.fast_forward(handle, timedelta(minutes=29))
    [row] = await handle.query("gates")
    assert (row["opening"], row["reminders"], row["escalated"]) == (1, 2, False)
    await skipper.fast_forward(handle, timedelta(minutes=1))
    await engine.until(handle, lambda s: s["waiting_for"] and s["waiting_for"][0]["opening"] == 2)
    [row] = await handle.query("gates")
    _, stale = await update(engine, handle.id, of_first)
    assert (row["escalated"], row["approvers"]) == (True, ["group:council"])
    assert "is for opening 1" in stale["why"]
    await skipper.fast_forward(handle, timedelta(minutes=20, seconds=1))
    failure = await failure_of(handle)
    timers = [
        (
            e.user_metadata.summary.data.decode(),
            e.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta(),
        )
        for e in await engine.events(handle)
        if e.HasField("timer_started_event_attributes")
    ]

    assert "not answered within 20m by group:council" in failure.message
    for words, minutes in (
        ("reminder 1 of `review`", 10),
        ("WAITING FOR APPROVAL `review` (`ann`)", 30),
        ("WAITING FOR APPROVAL `review` (`group:council`)", 20),
    ):
        assert {lasts for said, lasts in timers if words in said} == {timedelta(minutes=minutes)}
    assert actions(engine, handle.id).count("gate.reminded") >= 2


async def test_the_escalation_is_answered_by_those_it_asks(engine: Engine, people: People):
    config = {
        **VERIFIED,
        "approvers": ["ann"],
        "timeout": "10m",
        "on_timeout": "escalate",
        "escalate_to": {"approvers": ["group:council"], "quorum": 2, "timeout": "10m"},
    }
    handle = await engine.start(after_look(gate("review", **config)))
    await engine.pending(handle, "review")
    await TimeSkipper(engine.client).fast_forward(handle, timedelta(minutes=10, seconds=1))
    await engine.until(handle, lambda s: s["waiting_for"] and s["waiting_for"][0]["opening"] == 2)
    first = await vote(engine, handle, await signer(people, "cyd"))
    second = await vote(engine, handle, await signer(people, "bob"))

    assert (first["verdict"], second["verdict"]) == ("pending", "passed")
    assert (await handle.result())["approvals"][0]["escalated"] is True


async def test_a_proven_gate_inside_a_branch_and_a_condition_works_like_any_other(
    engine: Engine, people: People
):
    config = {**VERIFIED, "approvers": ["group:sre"]}
    inner = {"name": "maybe", "type": "condition", "if": "true", "then": [gate("ok", **config)]}
    document = after_look(
        {
            "name": "both",
            "type": "parallel",
            "branches": [
                {"name": "left", "stages": [gate("sign-off", **config)]},
                {"name": "right", "stages": [inner]},
            ],
        }
    )
    handle = await engine.start(document)
    await engine.pending(handle, "both/left/sign-off")
    await engine.pending(handle, "both/right/maybe/ok")
    ann = await signer(people, "ann")
    for path in ("both/right/maybe/ok", "both/left/sign-off"):
        _, verdict = await update(engine, handle.id, await honest_vote(handle, path, ann))
        assert verdict["verdict"] == "passed"

    assert (await handle.result())["status"] == "completed"
