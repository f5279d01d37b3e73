"""A spent error budget has the plan clarified, as often as the stage allows; then it is over."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError

from dsl.core import AgentPhase
from dsl.rules.gates.questions import Question
from integrations.agents.contract.protocol import Event, Request
from integrations.artifacts.store import Artifacts
from mandate.people.budgets import live_budgets
from mandate.people.runs import stages_said
from tests.fixtures.engine import Engine, failure_of, gate, hang, page_of, pipeline, stage
from tests.fixtures.trust.standing import told
from tests.integration.stack.probes import eventually

ASKS = {"approvers": ["ann"], "identity": ["claimed"]}
FIRST, SECOND = "work/clarify-1", "work/clarify-2"
PLANS = "code-review"  # it takes part in PLAN


async def vote(handle: Any, gate: str, decision: str, voter: str, **more: str) -> None:
    message = {"gate": gate, "decision": decision, "voter": voter, **more}
    await handle.execute_update("vote", message)


def work(**config: Any) -> dict[str, Any]:
    budget = {"errors": 2, "window": "1h"}
    settings = {"error_budget": budget, "clarifications": 1, **config}
    return stage("work", template=PLANS, config=settings)


def said(engine: Engine, request: Request, *words: str) -> None:
    for each in words:
        engine.runner.hears[request.stage](Event("error", {"message": each}))


@pytest.fixture(autouse=True)
def fresh(engine: Engine) -> None:
    engine.runner.requests.clear()
    engine.runner.delivers["work"] = ("findings.json", "review.md", "review.sarif")


def clarification(request: Request) -> dict[str, Any]:
    """Return what the program was told of a clarification."""
    assert request.clarification is not None
    return dict(request.clarification)


def flaky(engine: Engine, times: int) -> None:
    """Have the agent spend its budget the first ``times`` it acts."""
    acted = []

    async def err(request: Request) -> dict[str, Any]:
        if request.phase is not AgentPhase.EXECUTE:
            return {}
        acted.append(request)
        if len(acted) > times:
            return {"done": len(acted)}
        said(engine, request, f"error {len(acted)}a", f"error {len(acted)}b")
        return await hang(request)

    engine.runner.behaviours["work"] = err


def asked(engine: Engine) -> list[tuple[str, int]]:
    """Return the phases in which the program was asked, each with the number it was told."""
    return [
        (each.phase.value, each.clarification["number"] if each.clarification else 0)
        for each in engine.runner.requests
        if each.stage == "work"
    ]


async def test_a_flaky_agent_is_clarified_once_sees_why_and_completes(engine: Engine):
    flaky(engine, 1)
    handle = await engine.start(pipeline(work()))
    report = await handle.result()
    [clarified] = told(engine, handle, "stage.clarified")
    status = await (await engine.child(handle, "work")).query("status")
    result = report["stages"]["work"]

    assert asked(engine) == [("PLAN", 0), ("EXECUTE", 0), ("PLAN", 1), ("EXECUTE", 1)]
    plan, act = engine.runner.requests[2:]
    assert plan.clarification == act.clarification
    assert plan.clarification == {
        "number": 1,
        "plan": clarified.payload["plan"],
        "reasons": ["error 1a", "error 1b"],
        "constraints": [],
        "scope": [],
    }
    assert clarified.payload["before"] == report["plan"] != clarified.payload["plan"]
    assert (clarified.payload["number"], clarified.payload["by"]) == (1, "auto")
    assert status["clarification"] == plan.clarification
    assert (result["status"], result["output"], result["attempts"]) == ("completed", {"done": 2}, 2)
    assert result["detail"] == f"plan clarified once: {clarified.payload['plan']}"


async def test_what_was_put_out_under_either_plan_is_kept_with_the_digest_of_that(engine: Engine):
    flaky(engine, 1)
    handle = await engine.start(pipeline(work()))
    report = await handle.result()
    [clarified] = told(engine, handle, "stage.clarified")
    outputs = {each["name"]: each for each in report["stages"]["work"]["outputs"]}
    before, after = outputs["plan1.plan.json"], outputs["plan.json"]

    assert (before["plan"], after["plan"]) == (report["plan"], clarified.payload["plan"])
    assert before["digest"] != after["digest"]
    assert clarified.payload["outputs"]["plan1.plan.json"] == before["digest"]
    assert {each["plan"] for each in outputs.values()} == {report["plan"], after["plan"]}
    kept = json.loads(Artifacts(engine.settings.artifacts).get(after["digest"]))
    assert kept["clarification"]["reasons"] == ["error 1a", "error 1b"]
    assert "plan1.plan.json" in engine.runner.requests[3].prior


async def test_a_hopeless_agent_is_clarified_so_often_and_then_it_has_failed(engine: Engine):
    flaky(engine, 9)
    handle = await engine.start(pipeline(work(clarifications=2)))
    failure = await failure_of(handle)
    numbers = [each.payload["number"] for each in told(engine, handle, "stage.clarified")]

    assert failure.type == "BudgetSpent"
    assert "its plan was clarified 2 times" in failure.message
    assert numbers == [1, 2]
    assert [n for phase, n in asked(engine) if phase == "EXECUTE"] == [0, 1, 2]
    assert clarification(engine.runner.requests[-1])["reasons"] == [
        *("error 1a", "error 1b", "error 2a", "error 2b")
    ]


async def test_or_its_agent_is_revoked_where_the_stage_says_so(engine: Engine):
    flaky(engine, 9)
    handle = await engine.start(pipeline(work(on_exhausted="revoke")))
    failure = await failure_of(handle)
    ended = told(engine, handle, "agent.ended")
    [violated] = told(engine, handle, "agent.violated")

    assert failure.type == "Revoked"
    assert failure.details[0]["stages"]["work"]["status"] == "revoked"
    assert [each.payload["phases"].split()[-1] for each in ended] == ["EXIT", "REVOKED"]
    assert violated.payload["kind"] == "plan-exhausted"
    assert len(told(engine, handle, "stage.clarified")) == 1


async def test_a_clarified_plan_has_a_whole_budget_and_another_run_has_not(engine: Engine):
    """What was erred before a clarification counts no more in its stage, and elsewhere it does."""
    flaky(engine, 1)
    definition = pipeline(work(clarifications=1))
    await (await engine.start(definition)).result()
    engine.runner.requests.clear()
    handle = await engine.start(definition)
    report = await handle.result()

    # The budget of the identity is spent still: another run does not begin, and is clarified.
    assert asked(engine) == [("PLAN", 0), ("PLAN", 1), ("EXECUTE", 1)]
    assert report["stages"]["work"]["status"] == "completed"


async def test_people_answer_at_a_gate_and_only_ever_narrow(engine: Engine):
    flaky(engine, 1)
    config = {"clarify": "human", "clarifiers": ASKS, "sandbox": {"tcp": [8443, 8444]}}
    handle = await engine.start(pipeline(work(**config)))
    row = (await engine.pending(handle, FIRST))["waiting_for"][0]
    page = await page_of(handle)
    wider = [
        ('{"scope": ["tcp:8443", "tcp:22"]}', "'tcp:22' is not in the scope"),
        ('{"scope": ["secret:KEY"]}', "'secret:KEY' is not in the scope"),
        ('{"scope": "all"}', "scope: "),
        ('{"widen": true}', "widen: there is no such field"),
        ("{", "expected a constraint, or an object"),
        ("x" * 501, "at most 500 characters"),
        ("  ", "the gate asks a question"),
    ]
    for answer, why in wider:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await vote(handle, FIRST, "approve", "ann", answer=answer)
        assert why in str(refused.value.cause)
    said_so = {"constraints": ["touch nothing of production"], "scope": ["tcp:8444"]}
    await vote(handle, FIRST, "approve", "ann", answer=json.dumps(said_so))
    report = await handle.result()
    [decided] = report["approvals"]
    [clarified] = told(engine, handle, "stage.clarified")
    plan = engine.runner.requests[2]

    assert "error 1b" in row["question"]["text"]
    assert "tcp:8443, tcp:8444" in row["question"]["text"]
    assert FIRST in page
    assert (decided["gate"], decided["verdict"]) == (FIRST, "approved")
    assert clarification(plan)["constraints"] == ["touch nothing of production"]
    assert clarification(plan)["scope"] == ["tcp:8444"]
    assert clarified.payload["by"] == "human"
    assert engine.runner.sandboxes["work"].tcp == (8444,)


async def test_an_answer_to_a_clarification_that_is_over_changes_nothing(engine: Engine):
    flaky(engine, 2)
    config = {"clarify": "human", "clarifiers": ASKS, "clarifications": 2}
    handle = await engine.start(pipeline(work(**config)))
    await engine.pending(handle, FIRST)
    await vote(handle, FIRST, "approve", "ann", answer="gently")
    await engine.pending(handle, SECOND)
    with pytest.raises(WorkflowUpdateFailedError) as late:
        await vote(handle, FIRST, "approve", "ann", answer="roughly")
    await vote(handle, SECOND, "approve", "ann", answer="slowly")
    await handle.result()

    assert f"gate '{FIRST}' is not pending" in str(late.value.cause)
    assert clarification(engine.runner.requests[-1])["constraints"] == ["gently", "slowly"]


async def test_who_rejects_ends_the_stage_and_what_it_put_out_is_kept(engine: Engine):
    flaky(engine, 1)
    config = {"clarify": "human", "clarifiers": ASKS}
    handle = await engine.start(pipeline(work(**config)))
    await engine.pending(handle, FIRST)
    await vote(handle, FIRST, "reject", "ann")
    failure = await failure_of(handle)
    result = failure.details[0]["stages"]["work"]

    assert failure.type == "GateRejected"
    assert result["status"] == "rejected"
    assert "ann" in result["detail"]
    assert "plan1.plan.json" in [each["name"] for each in result["outputs"]]
    assert told(engine, handle, "stage.clarified") == []


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_council_is_asked_anew_about_what_is_proposed(engine: Engine, decision: str):
    flaky(engine, 1)
    heard: list[Request] = []

    async def judge(request: Request) -> dict[str, Any]:
        heard.append(request)
        return {"decision": decision, "confidence": 0.9, "rationale": "seen"}

    engine.runner.behaviours["judge"] = judge
    council = {"clarify": "council", "clarifiers": {"members": [{"stage": "judge"}]}}
    document = pipeline(stage("judge"), {**work(**council), "requires": ["judge"]})
    handle = await engine.start(document)
    if decision == "reject":
        failure = await failure_of(handle)
        assert failure.type == "GateRejected"
        assert asked(engine) == [("PLAN", 0), ("EXECUTE", 0)]
        return
    report = await handle.result()
    first, anew = heard

    assert (first.stage, anew.stage) == ("judge", "work/clarify-1/judge")
    assert anew.input["clarification"]["reasons"] == ["error 1a", "error 1b"]
    assert anew.input["clarification"]["stage"] == "work"
    assert "work/plan.json" in anew.prior
    assert asked(engine)[2:] == [("PLAN", 1), ("EXECUTE", 1)]
    assert [(each["gate"], each["verdict"]) for each in report["approvals"]] == [
        (FIRST, "approved")
    ]


async def test_a_member_that_errs_when_asked_for_advice_says_nothing_and_is_not_revoked(
    engine: Engine,
):
    flaky(engine, 1)

    async def judge(request: Request) -> dict[str, Any]:
        if "clarification" in request.input:
            said(engine, request, "a", "b")
            return await hang(request)
        return {"decision": "approve", "confidence": 0.9, "rationale": "seen"}

    engine.runner.behaviours["judge"] = judge
    budget = {"error_budget": {"errors": 2, "window": "1h"}, "clarifications": 1}
    member = stage("judge", config={**budget, "on_exhausted": "revoke"})
    council = {"clarify": "council", "clarifiers": {"members": [{"stage": "judge"}]}}
    handle = await engine.start(pipeline(member, {**work(**council), "requires": ["judge"]}))
    failure = await failure_of(handle)

    assert failure.type == "GateRejected"
    assert told(engine, handle, "agent.violated") == []
    assert failure.details[0]["stages"]["judge"]["status"] == "completed"


async def test_what_burns_of_a_clarified_stage_is_seen_as_its_plan_counts_it(engine: Engine):
    going = asyncio.Event()

    async def err(request: Request) -> dict[str, Any]:
        if request.phase is not AgentPhase.EXECUTE:
            return {}
        if request.clarification is None:
            said(engine, request, "a", "b")
            return await hang(request)
        said(engine, request, "c")
        await going.wait()
        return {}

    engine.runner.behaviours["work"] = err
    handle = await engine.start(pipeline(work()))

    async def burn() -> list[int]:
        said = await stages_said(engine.client, handle.id, ["work"])
        found = await live_budgets(engine.settings, said)
        return [each.errors for each in found.values()]

    async def burns() -> bool:
        is_clarified = len(asked(engine)) == len(("PLAN", "EXECUTE")) * 2
        return is_clarified and await burn() == [1]

    await eventually(burns, within_s=60)
    going.set()
    await handle.result()


async def test_a_council_in_doubt_leaves_it_to_people(engine: Engine):
    flaky(engine, 1)

    async def unsure(_request: Request) -> dict[str, Any]:
        return {"decision": "approve", "confidence": 0.1, "rationale": "perhaps"}

    engine.runner.behaviours["judge"] = unsure
    members = [{"stage": "judge", "min_confidence": 0.8}]
    clarifiers = {"members": members, "escalate_to": {"approvers": ["ann"]}}
    council = {"clarify": "council", "clarifiers": {**clarifiers, "identity": ["claimed"]}}
    document = pipeline(stage("judge"), {**work(**council), "requires": ["judge"]})
    handle = await engine.start(document)
    await engine.pending(handle, FIRST)
    await vote(handle, FIRST, "approve", "ann", answer="half as much")
    await handle.result()

    assert clarification(engine.runner.requests[-1])["constraints"] == ["half as much"]


async def test_what_people_have_answered_the_agent_it_asks_again(engine: Engine):
    answers: list[dict[str, str]] = []
    region = Question(id="region", text="Which region?")

    async def ask(request: Request) -> dict[str, Any]:
        if request.phase is not AgentPhase.EXECUTE:
            return {}
        answers.append(dict(request.answers))
        answer = await engine.runner.ask(request, region)
        if request.clarification is None:
            said(engine, request, "a", "b")
            return await hang(request)
        return {"region": answer}

    engine.runner.behaviours["work"] = ask
    handle = await engine.start(pipeline(work(questions=ASKS)))
    for number, answer in ((1, "eu"), (2, "us")):
        await engine.pending(handle, f"work/question-{number}")
        await vote(handle, f"work/question-{number}", "approve", "ann", answer=answer)
    report = await handle.result()

    assert answers == [{}, {}]
    assert report["stages"]["work"]["output"] == {"region": "us"}


async def test_a_clarified_plan_goes_on_from_the_last_checkpoint(engine: Engine):
    async def err(request: Request) -> dict[str, Any]:
        if request.phase is not AgentPhase.EXECUTE:
            return {}
        if request.clarification is not None:
            return {"from": (request.checkpoint or {})["data"]}
        engine.runner.checkpoint(request, {"files": 42})
        said(engine, request, "a", "b")
        return await hang(request)

    engine.runner.behaviours["work"] = err
    report = await (await engine.start(pipeline(work()))).result()

    assert report["stages"]["work"]["output"] == {"from": {"files": 42}}


async def test_a_gate_behind_the_stage_approves_what_the_clarified_plan_put_out(engine: Engine):
    flaky(engine, 1)
    document = pipeline(work(), gate("review", requires=["work"], identity=["claimed"]))
    handle = await engine.start(document)
    row = (await engine.pending(handle, "review"))["waiting_for"][0]
    await vote(handle, "review", "approve", "ann")
    report = await handle.result()
    outputs = {each["name"]: each["digest"] for each in report["stages"]["work"]["outputs"]}

    assert row["subject"]["work"] == outputs


async def test_a_run_that_is_cancelled_while_people_think_is_cancelled(engine: Engine):
    flaky(engine, 1)
    config = {"clarify": "human", "clarifiers": ASKS}
    handle = await engine.start(pipeline(work(**config)))
    await engine.pending(handle, FIRST)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as cancelled:
        await handle.result()

    assert isinstance(cancelled.value.cause, CancelledError)
