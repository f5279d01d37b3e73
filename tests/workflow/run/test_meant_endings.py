"""An ending that is meant shows people no stack trace; a bug shows its own, without tokens."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, NamedTuple

import pytest
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from integrations.agents.contract.protocol import PROTOCOL, AgentError, Request
from integrations.errors import UnavailableError
from tests.fixtures.engine import Engine, fail, failure_of, gate, hang, pipeline, stage
from workflows.gates.gate_board import GateBoard

TOKEN: Final = "hvs." + "AbCdEfGhIjKlMnOpQrStUvWx"
Handle = WorkflowHandle[Any, Any]
Act = Callable[[Engine, Handle], Awaitable[object]]


async def misbehave(_request: Request) -> dict[str, Any]:
    raise AgentError(PROTOCOL, "it said nothing that can be read", retryable=False)


async def find_no_store(_request: Request) -> dict[str, Any]:
    raise UnavailableError("no answer from the store: start it")


async def nothing(_engine: Engine, _handle: Handle) -> None:
    """Do nothing: it ends by itself."""


async def reject(engine: Engine, handle: Handle) -> None:
    await engine.pending(handle, "ask")
    vote = {"gate": "ask", "decision": "reject", "voter": "ann", "reason": "not today"}
    await handle.signal("vote", vote)


async def revoke(engine: Engine, handle: Handle) -> None:
    await engine.runner.until_running("look")
    await handle.signal("revoke", {"stage": "look", "reason": "enough"})


class Ending(NamedTuple):
    """What is started, what makes it end, and what is said of that."""

    type: str
    inputs: tuple[Any, ...]
    kind: str
    says: str
    act: Act = nothing
    stage: str = ""  # whose workflow ends so as well


def run_of(*stages: dict[str, Any], **fields: Any) -> tuple[str, tuple[Any, ...]]:
    return "Pipeline", ({"definition": pipeline(*stages, **fields)},)


SLOWLY = {"timeout": "1s"}
ENDINGS = {
    "gate rejected": Ending(*run_of(gate("ask")), "GateRejected", "not today", reject),
    "gate timed out": Ending(*run_of(gate("ask", timeout="1s")), "GateRejected", "'ask' rejected"),
    "agent failed": Ending(*run_of(stage("bad")), "StageFailed", "its work failed", stage="bad"),
    "agent misbehaved": Ending(*run_of(stage("rude")), "Violation", "can be read", stage="rude"),
    "stage too slow": Ending(
        *run_of(stage("slow", config=SLOWLY)), "TimedOut", "not finished within 1s", stage="slow"
    ),
    "store away": Ending(
        *run_of(stage("away", config=SLOWLY)), "TimedOut", "not finished within 1s", stage="away"
    ),
    "run too slow": Ending(*run_of(stage("slow"), **SLOWLY), "TimedOut", "not finish within 1s"),
    "agent revoked": Ending(*run_of(stage("look")), "Revoked", "enough", revoke, stage="look"),
    "document of many problems": Ending(
        *run_of(stage("a", retry="x"), timeout="soon"), "InvalidPipeline", "is not a duration"
    ),
    "no such pipeline": Ending("no-such", (), "InvalidPipeline", "no pipeline is named 'no-such'"),
    "two inputs": Ending("Pipeline", (1, 2), "InvalidPipeline", "expected one input, got 2"),
    "agent started by hand": Ending("Agent", ({},), "InvalidPipeline", "start Pipeline instead"),
    "registration": Ending("Registration", ({},), "InvalidPipeline", "mandate register FILE"),
    "rebinding": Ending("Rebinding", ({},), "RebindingRefused", "mandate agent rebind"),
    "order to a circuit": Ending("Circuit", ({},), "CircuitRefused", "mandate breaker open"),
    "promotion": Ending("Promotion", ({},), "PromotionRefused", "expected agent and to"),
    "reinstatement": Ending("Reinstatement", ({},), "ReinstatementRefused", "expected "),
    "revocation": Ending("Revocation", ({},), "RevocationRefused", "expected "),
    "sweep": Ending("Sweep", (1,), "InvalidPipeline", "a sweep takes no input"),
}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log as a worker has it."""
    caplog.set_level(logging.INFO)
    return caplog


async def test_no_ending_that_is_meant_shows_a_stack_trace(
    engine: Engine, log: pytest.LogCaptureFixture
):
    engine.runner.behaviours |= {"bad": fail, "rude": misbehave, "away": find_no_store}
    engine.runner.behaviours |= {"slow": hang, "look": hang}
    found = await asyncio.gather(*(ended(engine, each) for each in ENDINGS.values()))
    lines = [record for record in log.records if record.name.startswith("temporalio.")]

    for name, (ending, handle, shown) in zip(ENDINGS, found, strict=True):
        sentence = [" ".join(text.split()) for text in shown]
        assert [ending.says in text for text in sentence] == [True, True], (name, shown)
        ours = [line for line in lines if f"run {handle.id}" in line.getMessage()]
        heads = [f"{ending.kind}: run {handle.id}: "]
        if ending.stage:
            heads.insert(0, f"{ending.kind}: run {handle.id}, stage {ending.stage}: ")
        told = [line.getMessage() for line in ours if line.name == "temporalio.workflow"]
        assert [text.startswith(head) for text, head in zip(told, heads, strict=True)], told
        assert ending.says in told[-1], name
        assert all(faults(line) == "" for line in ours), name
    assert "Completing activity as failed" not in log.text
    assert "Traceback" not in log.text


async def ended(engine: Engine, ending: Ending) -> tuple[Ending, Handle, list[str]]:
    """Let it end so; return what the CLI shows of that, when no trace is in its history."""
    handle = await engine.start_type(ending.type, *ending.inputs)
    await ending.act(engine, handle)
    failure = await failure_of(handle)
    assert failure.type == ending.kind, failure
    await no_trace_in(engine, handle)
    shown = [
        (await engine.cli("workflow", what, "-w", handle.id))[1] for what in ("result", "describe")
    ]
    assert all("Stack" not in text for text in shown), shown
    return ending, handle, shown


async def no_trace_in(engine: Engine, handle: Handle) -> None:
    history = json.loads((await handle.fetch_history()).to_json())
    assert list(values_of("stackTrace", history)) == []
    for started in values_of("childWorkflowExecutionStartedEventAttributes", history):
        child = started["workflowExecution"]["workflowId"]
        await no_trace_in(engine, engine.client.get_workflow_handle(child))


def values_of(key: str, value: Any) -> Iterator[Any]:
    """Yield what stands under a key, wherever it is."""
    if isinstance(value, list):
        for each in value:
            yield from values_of(key, each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == key and each:
                yield each
            yield from values_of(key, each)


def faults(record: logging.LogRecord) -> str:
    """Return what makes a record more than one line."""
    return f"{record.exc_info or ''}{record.exc_text or ''}" + "\n" * record.getMessage().count(
        "\n"
    )


def activity_lines(log: pytest.LogCaptureFixture, run: Handle) -> list[logging.LogRecord]:
    """Return what activities of a run have logged; what others left running may log meanwhile."""
    lines = [record for record in log.records if record.name == "temporalio.activity"]
    return [line for line in lines if f"run {run.id}," in line.getMessage()]


async def test_an_activity_that_fails_is_one_line_that_names_run_stage_and_phase(
    engine: Engine, log: pytest.LogCaptureFixture
):
    engine.runner.behaviours["bad"] = fail
    handle = await engine.start(pipeline(stage("bad")))
    await failure_of(handle)
    [line] = activity_lines(log, handle)

    assert line.levelno == logging.WARNING
    assert line.getMessage() == (
        f"AgentFailed: run {handle.id}, bad/EXECUTE#1: failed: the agent says its work failed"
    )


async def test_a_message_that_is_refused_shows_no_trace(engine: Engine):
    handle = await engine.start(pipeline(gate("ask")))
    await engine.pending(handle, "ask")
    for name, message in (("vote", {}), ("vote", {"gate": "x"}), ("revoke", {}), ("vote", None)):
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await handle.execute_update(name, message)
        assert trace_in(caught.value.cause) == "", message
    with pytest.raises(WorkflowQueryFailedError, match="expected the name of a gate"):
        await handle.query("gates", 3)
    await handle.terminate()


def trace_in(cause: BaseException | None) -> str:
    assert isinstance(cause, ApplicationError)
    assert cause.failure is not None
    return cause.failure.stack_trace


def planted() -> None:
    """Go wrong as a program does, with a token in every word that is said of it."""
    raise KeyError(f"planted {TOKEN}") from OSError(f"connection refused, header {TOKEN}")


async def test_a_bug_in_an_activity_keeps_its_trace_without_tokens(
    engine: Engine, log: pytest.LogCaptureFixture
):
    async def behave(_request: Request) -> dict[str, Any]:
        planted()
        return {}

    engine.runner.behaviours["bug"] = behave
    handle = await engine.start(pipeline(stage("bug")))
    await failure_of(handle)
    child = engine.client.get_workflow_handle(f"{handle.id}/bug")
    history = (await child.fetch_history()).to_json()
    [trace] = values_of("stackTrace", json.loads(history))
    [line] = activity_lines(log, handle)

    assert 'raise KeyError(f"planted {TOKEN}") from OSError' in trace
    assert line.levelno == logging.ERROR
    assert line.getMessage().startswith(f"bug: run {handle.id}, bug/EXECUTE#1: KeyError: ")
    assert "OSError: connection refused, header [redacted]" in (line.exc_text or "")
    assert "planted [redacted]" in (line.exc_text or "")
    assert TOKEN not in history + log.text


async def test_a_bug_in_a_handler_is_told_logged_and_stops_nobody(
    engine: Engine, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(GateBoard, "cast", lambda _board, _vote: planted())
    handle = await engine.client.start_workflow(
        "Pipeline",
        {"definition": pipeline(gate("ask"))},
        id=f"t-{uuid.uuid4()}",
        task_queue="mandate",
    )
    await engine.pending(handle, "ask")
    vote = {"gate": "ask", "decision": "approve", "voter": "ann"}
    await handle.signal("vote", vote)
    status = await engine.until(handle, lambda now: bool(now["void_messages"]))
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("vote", vote)
    await handle.terminate()
    records = [record for record in log.records if "bug: " in record.getMessage()]

    assert status["void_messages"][0]["why"].startswith("KeyError: ")
    assert "in planted" in trace_in(caught.value.cause)
    assert [record.levelno for record in records] == [logging.ERROR] * 2
    assert all(f"bug: run {handle.id}: KeyError: " in record.getMessage() for record in records)
    assert all("OSError: connection refused" in (record.exc_text or "") for record in records)
    assert TOKEN not in log.text
