"""What grows is weighed before it is sent: no size ends a run, wedges it or blocks the ledger."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError, RetryState

from activities.contracts import messages, specs
from activities.plans.compile import Compile
from activities.plans.fitness import Site
from dsl.catalogue import Catalogue
from dsl.compiler import compile_loaded
from dsl.core import AgentOutput, AgentPhase, OutputType, Tier
from dsl.document.loader import load_data
from dsl.limits import (
    FACT_BYTES_MAX,
    GATES_SHOWN_BYTES_MAX,
    PLAN_BYTES_MAX,
    RECORD_BYTES_MAX,
    REPORT_BYTES_MAX,
    REQUEST_BYTES_MAX,
)
from dsl.notify.site_file import SiteFile
from dsl.tools.folders import ToolFolders
from dsl.values.canonical import digest_of
from dsl.values.sizes import wire_bytes
from integrations.agents.programs.catalogue import Programs
from integrations.artifacts.store import Artifacts
from integrations.ledger.entries import canonical_payload
from tests.fixtures.engine import Engine, gate, pipeline, stage
from workflows.ledger.facts import fact
from workflows.ledger.ledger_buffer import REFUSED, LedgerBuffer
from workflows.run.payload_budget import PayloadBudget
from workflows.run.report import within_limit
from workflows.runtime.failures import StageEndedError
from workflows.runtime.visibility import gate_names

BIG = "x" * 63_000  # just below what a stage may put out

LARGEST = AgentOutput(
    name="n" * 128,
    phase=AgentPhase.BOOTSTRAP,
    output_type=OutputType.ALPHA,
    digest=digest_of(""),
    size=16 << 20,
    media_type=f"{'a' * 63}/{'b' * 63}; charset={'c' * 63}",
)


async def _big(_request):
    return {"text": BIG}


# Gates


def test_few_gates_are_listed_by_name_and_path():
    assert gate_names(["a/review", "sign"]) == ["a/review", "review", "sign"]


def test_bare_names_come_before_paths_when_not_all_fit():
    paths = [f"all/{'b' * 60}{number}/gate-{number}" for number in range(50)]
    names = gate_names(paths)

    assert len(json.dumps(names)) <= GATES_SHOWN_BYTES_MAX
    assert {f"gate-{number}" for number in range(50)} <= set(names)
    assert not any(name.endswith("more") for name in names)


def test_the_list_says_how_many_gates_it_leaves_out():
    paths = [f"all/b-{number}/{'g' * 60}{number}" for number in range(50)]
    names = gate_names(paths)

    assert len(json.dumps(names)) <= GATES_SHOWN_BYTES_MAX
    assert names[-1] == f"+{50 - (len(names) - 1)} more"


async def test_fifty_pending_gates_with_long_paths_do_not_end_the_run(engine: Engine):
    outer, long = "o" * 60, "n" * 55
    branches = [
        {"name": f"{long}-{number}", "stages": [gate(f"{long}-g{number}")]} for number in range(50)
    ]
    handle = await engine.start(pipeline({"name": outer, "type": "parallel", "branches": branches}))
    status = await engine.until(handle, lambda s: len(s["waiting_for"]) == 50)
    for row in status["waiting_for"]:
        vote = {"gate": row["gate"], "decision": "approve", "voter": "ann"}
        await handle.signal("vote", vote)
    report = await handle.result()

    assert report["status"] == "completed"
    assert len(report["approvals"]) == 50


# Payloads


async def test_a_run_whose_stages_return_more_than_a_payload_still_ends(engine: Engine):
    names = [f"s-{number}" for number in range(34)]
    engine.runner.behaviours.update(dict.fromkeys(names, _big))
    handle = await engine.start(pipeline(*(stage(name) for name in names)))
    report = await handle.result()

    assert report["truncated"] is True
    assert report["left_out"] == ["output"]
    assert report["stages"]["s-0"]["output"] == {}
    assert "manifest.json" in {output["name"] for output in report["stages"]["s-0"]["outputs"]}


async def test_a_request_that_is_too_large_fails_its_stage():
    loaded = load_data(pipeline(stage("last")), "a test")
    (step,) = compile_loaded(loaded).plan.steps
    request = messages.AgentRequest(
        pipeline="p",
        plan=digest_of(""),
        project="p",
        agent="an-agent",
        step=step,
        given={f"s-{number}": (LARGEST,) * 100 for number in range(30)},
    )
    with pytest.raises(StageEndedError, match=f"at most {REQUEST_BYTES_MAX} are allowed") as caught:
        await PayloadBudget().admit(request)

    assert (caught.value.kind, caught.value.path) == ("StageFailed", "last")


async def test_large_requests_of_many_agents_at_once_take_turns(engine: Engine):
    config = {"inputs": {"path": "${{ inputs.text }}"}}
    stages = [stage(f"s-{number}", config=config) for number in range(50)]
    definition = pipeline(*stages, inputs={"text": {"type": "string"}})
    handle = await engine.start(definition, inputs={"text": "x" * 90_000})  # 4.5 MB together
    async with asyncio.timeout(60):
        while (await handle.query("checkpoints"))[49:] == []:  # noqa: ASYNC110  # nothing here can signal it
            await asyncio.sleep(0.05)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()


async def test_a_plan_too_large_for_history_is_refused_with_the_limit(tmp_path: Path):
    compiler = Compile(
        *(Catalogue(), Site(Programs(), ToolFolders(), SiteFile(None))),
        *(messages.Policy(), Artifacts(tmp_path / "artifacts")),
    )
    definition = pipeline(stage("look"), inputs={"text": {"type": "string"}})
    request = messages.CompileRequest(
        source="a test", data=definition, inputs={"text": "x" * PLAN_BYTES_MAX}
    )
    result = await compiler.run(request)

    assert result.plan is None
    assert f"at most {PLAN_BYTES_MAX} are allowed" in result.problems


def test_the_largest_report_of_an_agent_is_one_payload():
    report = messages.AgentReport(
        status="completed", output={"text": BIG}, outputs=(LARGEST,) * 101 * 8
    )

    assert wire_bytes(report) < REPORT_BYTES_MAX // 2  # the rest is for what is unrecorded


def _row(detail: str, outputs: int) -> dict[str, object]:
    listed = [{"name": f"o-{number}", "digest": digest_of(number)} for number in range(outputs)]
    return {
        "status": "completed",
        "detail": detail,
        "output": {},
        "outputs": [*listed, {"name": "manifest.json", "digest": digest_of("")}],
    }


@pytest.mark.parametrize(
    ("outputs", "votes", "detail", "left_out"),
    [
        (1, 1, 10, None),
        (100, 1, 10, ["output", "outputs"]),
        (1, 1_000, 10, ["output", "outputs", "votes"]),
        (1, 1, 10_000, ["output", "outputs", "votes", "detail"]),
    ],
)
def test_a_report_leaves_out_no_more_than_it_must(outputs, votes, detail, left_out):
    vote = {"voter": "ann", "reason": "r" * 2_000}
    report = {
        "status": "completed",
        "stages": {f"s-{number}": _row("d" * detail, outputs) for number in range(500)},
        "approvals": [{"gate": "review", "detail": "", "votes": [vote] * votes}],
    }
    short = within_limit(report)

    assert short.get("left_out") == left_out
    assert wire_bytes(short) <= REPORT_BYTES_MAX
    assert short["stages"]["s-0"]["outputs"][-1]["name"] == "manifest.json"


# The ledger


def test_a_small_fact_stays_as_it_is():
    payload = {"gate": "review", "votes": [{"voter": "ann"}], "quorum": 2, "none": None}

    assert fact(payload) == payload


@pytest.mark.parametrize(
    "payload",
    [
        {"stages": {f"stage-{number}": "completed" for number in range(5_000)}},
        {"votes": [{"voter": "ann", "reason": "r" * 2_000}] * 1_000, "detail": "d" * 40_000},
        {f"key-{number}": number for number in range(20_000)},
        {"quotes": '"\n\u00e9' * 20_000},
    ],
)
def test_a_fact_is_made_to_fit_the_ledger(payload):
    small = fact({"gate": "review", **payload})

    assert len(canonical_payload(small)) <= FACT_BYTES_MAX


def test_what_a_fact_leaves_out_can_be_proved():
    stages = {f"stage-{number}": "completed" for number in range(5_000)}
    small = fact({"status": "completed", "stages": stages})

    assert small == {
        "status": "completed",
        "stages": {"digest": digest_of(stages), "count": 5_000},
    }


def test_a_fact_holds_nothing_the_ledger_cannot_spell():
    deep: list[object] = []
    for _ in range(200):
        deep = [deep]
    small = fact({"a": 0.5, "b": 2**60, "c": {"d": float("nan")}, "e": "\ud800", "f": deep})

    canonical_payload(small)
    assert (small["a"], small["b"], small["c"], small["e"]) == (
        "0.5",
        str(2**60),
        {"d": "nan"},
        "?",
    )


class _Ledger:
    """Stands where ``specs.record`` does; a workflow is no place for a unit test."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.asked: list[messages.RecordRequest] = []

    async def __call__(self, request, **_options):
        self.asked.append(request)
        if self.refusals:
            raise self.refusals.pop(0)
        return messages.RecordResult(first=1, last=1)


def _failed(cause: Exception) -> ActivityError:
    error = ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="ledger.record",
        activity_id="run/ledger#1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


async def test_what_the_ledger_refuses_does_not_block_what_comes_later(monkeypatch):
    no = ApplicationError("no", type="InvalidDraftError", non_retryable=True)
    ledger = _Ledger(_failed(no))
    monkeypatch.setattr(specs, "record", ledger)
    records = LedgerBuffer("run", "an-agent", Tier.T1)
    records.note("bad.fact", text="secret of nobody")
    with pytest.raises(ActivityError):
        await records.flush("first")
    records.note("good.fact")
    await records.flush("second")

    refused, good = ledger.asked[-1].entries
    assert (refused.action, refused.agent, good.action) == (REFUSED, "an-agent", "good.fact")
    assert refused.payload["actions"] == ["bad.fact"]
    assert refused.payload["digest"].startswith("sha256:")


async def test_what_an_outage_held_back_is_sent_again_as_it_was(monkeypatch):
    ledger = _Ledger(_failed(ApplicationError("away", type="UnavailableError")))
    monkeypatch.setattr(specs, "record", ledger)
    records = LedgerBuffer("run")
    records.note("some.fact", number=1)
    with pytest.raises(ActivityError):
        await records.flush("first")
    await records.flush("second")

    assert ledger.asked[0].entries == ledger.asked[1].entries
    assert records.unrecorded == ()


async def test_a_record_is_never_larger_than_a_payload(monkeypatch):
    ledger = _Ledger()
    monkeypatch.setattr(specs, "record", ledger)
    records = LedgerBuffer("run")
    for number in range(150):
        records.note("some.fact", number=number, text="x" * 30_000)
    await records.flush("all")

    numbers = [e.payload["number"] for request in ledger.asked for e in request.entries]
    assert numbers == list(range(150))
    assert all(wire_bytes(request) <= RECORD_BYTES_MAX + 1_000 for request in ledger.asked)
