"""Whatever is sent to a live run, or completed in its stead: it goes on, and says why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.workflowservice.v1 import (
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskFailedByIdRequest,
    SignalWorkflowExecutionRequest,
)
from temporalio.client import WorkflowUpdateFailedError

from tests.fixtures.engine import Engine, failure_of, gate, hang, pipeline, stage
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.standing import told
from tests.fixtures.voting import honest_vote, signer
from tests.workflow.proofs.test_forged_completions import CONFIG, no_signature_checked

APPROVE = '{"gate":"a","decision":"approve","voter":"ann"}'
DEEP = '{"a":' * 300 + "1" + "}" * 300
VOTES: dict[bytes, str] = {
    b"": "it is not JSON",
    b"null": "a vote is",
    b"[]": "expected a JSON object",
    b'"x"': "expected a JSON object",
    APPROVE.replace("approve", "APPROVE").encode(): "expected approve or reject",
    APPROVE.replace("}", ',"decision":"reject"}').encode(): 'the key "decision" is there twice',
    APPROVE.replace("}", ',"more":NaN}').encode(): "NaN is no number of JSON",
    APPROVE.replace("}", ',"more":1}').encode(): "more: ",
    APPROVE.replace("}", f',"reason":{"1" * 5_000}}}').encode(): "an integer is beyond",
    APPROVE.replace("}", ',"reason":"\\ud800"}').encode(): "half of a surrogate pair",
    APPROVE.replace("}", f',"reason":{DEEP}}}').encode(): "nested 301 levels deep",
    b"[" * 200_000: "nested 200000 levels deep",
    APPROVE.encode("utf-16"): "it is UTF-16",
    APPROVE.encode("utf-8-sig"): "byte order mark",
    APPROVE.encode() + b"\xff": "it is not UTF-8",
    APPROVE.encode() * 2: "extra data",
}


async def send(engine: Engine, workflow_id: str, name: str, *inputs: bytes) -> None:
    await engine.client.workflow_service.signal_workflow_execution(
        SignalWorkflowExecutionRequest(
            namespace=engine.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            signal_name=name,
            input=payloads(*inputs),
        )
    )


def payloads(*inputs: bytes, encoding: bytes = b"json/plain") -> Payloads:
    return Payloads(payloads=[Payload(metadata={"encoding": encoding}, data=d) for d in inputs])


async def test_no_vote_that_cannot_be_read_counts_and_each_is_told_why(engine: Engine):
    handle = await engine.start(pipeline(gate("a"), gate("b")))
    await engine.pending(handle, "a")
    for data in VOTES:
        await send(engine, handle.id, "vote", data)
    status = await engine.until(handle, lambda s: len(s["void_messages"]) == len(VOTES))
    shown = [each["why"] for each in status["void_messages"]]

    assert [w for w, said in zip(VOTES.values(), shown, strict=True) if w not in said] == []
    assert all(row["votes"] == 0 for row in status["waiting_for"])
    for name in ("a", "b"):
        await handle.signal("vote", {"gate": name, "decision": "approve", "voter": "ann"})
    assert (await handle.result())["status"] == "completed"


async def test_two_inputs_are_refused_as_a_whole_and_in_words(engine: Engine):
    handle = await engine.start(pipeline(gate("a"), gate("b")))
    await engine.pending(handle, "b")
    both = (APPROVE.encode(), APPROVE.replace('"a"', '"b"').encode())
    why = "expected one input, got 2: put everything into one JSON"
    for name in ("vote", "revoke", "pause", "resume"):
        await send(engine, handle.id, name, *both)
    status = await engine.until(handle, lambda s: len(s["void_messages"]) == 4)
    refusals = []
    for name in ("vote", "revoke"):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update(name, args=[json.loads(each) for each in both])
        refusals.append(str(refused.value.cause))

    assert [each["why"] for each in status["void_messages"]] == [why] * 4
    assert all(why in refusal for refusal in refusals)
    assert all(row["votes"] == 0 for row in status["waiting_for"])
    await handle.cancel()


RESULTS: dict[bytes, str] = {
    b"": "it is not JSON",
    b"null": "expected a JSON object",
    b"[]": "expected a JSON object",
    b'{"output": "x"}': "output: ",
    b'{"unheard": 1}': "unheard: ",
    b'{"output": {}, "output": {"n": 1}}': 'the key "output" is there twice',
    b'{"fence": NaN}': "NaN is no number of JSON",
    b'{"fence": 18446744073709551616}': "an integer is beyond",
    b'{"output": {"s": "\\ud800"}}': "half of a surrogate pair",
    f'{{"output": {DEEP}}}'.encode(): "nested 301 levels deep",
    f'{{"output": {{"a": {"[" * 190 + "]" * 190}}}}}'.encode(): "it is nested 192",
    b"[" * 200_000: "bytes, and 131072 is the limit",
    b'{"output": {"s": "' + b"x" * 200_000 + b'"}}': "bytes, and 131072 is the limit",
    b'{"outputs": [{"name": "a"}]}': "outputs.0.",
    "{}".encode("utf-16"): "it is UTF-16",
}
DEEPER = {b'{"output": {"a": ' + b"[" * 250 + b"]" * 250 + b"}}": "nested 252 levels deep"}


async def complete(engine: Engine, handle: Any, *inputs: bytes, encoding: bytes) -> None:
    await engine.client.workflow_service.respond_activity_task_completed_by_id(
        RespondActivityTaskCompletedByIdRequest(
            namespace=engine.client.namespace,
            workflow_id=f"{handle.id}/look",
            activity_id="look/EXECUTE#1",
            result=payloads(*inputs, encoding=encoding),
        )
    )


async def at_work(engine: Engine, count: int) -> Sequence[Any]:
    engine.runner.behaviours["look"] = hang
    engine.runner.requests.clear()
    handles = [await engine.start(pipeline(stage("look"))) for _ in range(count)]
    async with asyncio.timeout(60):
        while len(engine.runner.requests) < count:  # noqa: ASYNC110  # programs are asked one by one
            await asyncio.sleep(0.02)
    return handles


async def no_task_failed(engine: Engine, handle: Any) -> bool:
    events = [
        *await engine.events(handle),
        *await engine.events(engine.client.get_workflow_handle(f"{handle.id}/look")),
    ]
    return not any(event.HasField("workflow_task_failed_event_attributes") for event in events)


async def test_a_completion_that_cannot_be_read_ends_its_stage_and_nothing_else(engine: Engine):
    odd: list[tuple[tuple[bytes, ...], bytes, str]] = [
        *(((data,), b"json/plain", why) for data, why in RESULTS.items()),
        *(((data,), b"json/plain", why) for data, why in DEEPER.items()),
        ((b"{}",), b"binary/plain", "expected JSON, got a bytes"),
        ((b"{}",), b"json/protobuf", "encoding 'json/protobuf'"),
        ((b"{}",), b"x/\xff", "encoding 'x/"),
    ]
    handles = await at_work(engine, len(odd))
    for handle, (inputs, encoding, _) in zip(handles, odd, strict=True):
        await complete(engine, handle, *inputs, encoding=encoding)
    failures = [await failure_of(handle) for handle in handles]

    said = [f.message for f in failures]
    assert {f.type for f in failures} == {"StageFailed"}
    assert [
        (why, message) for (*_, why), message in zip(odd, said, strict=True) if why not in message
    ] == []
    assert all("the answer of agent.execute cannot be read: " in message for message in said)
    assert len(engine.runner.requests) == len(odd)
    assert all([await no_task_failed(engine, handle) for handle in handles])
    assert all(told(engine, handle, "agent.ended") for handle in handles)


async def test_a_failure_with_details_nobody_can_read_is_a_failure(engine: Engine):
    odd = [(DEEP.encode(), b"json/plain"), (b"{", b"json/plain"), (b"?", b"x/odd")]
    handles = await at_work(engine, len(odd))
    for handle, (data, encoding) in zip(handles, odd, strict=True):
        info = ApplicationFailureInfo(
            type="Violation", non_retryable=True, details=payloads(data, encoding=encoding)
        )
        await engine.client.workflow_service.respond_activity_task_failed_by_id(
            RespondActivityTaskFailedByIdRequest(
                namespace=engine.client.namespace,
                workflow_id=f"{handle.id}/look",
                activity_id="look/EXECUTE#1",
                failure=Failure(message="forged", application_failure_info=info),
            )
        )
    failures = [await failure_of(handle) for handle in handles]

    assert {(f.type, "forged" in f.message) for f in failures} == {("StageFailed", True)}
    assert all([await no_task_failed(engine, handle) for handle in handles])


async def test_a_proof_whose_check_is_completed_with_nonsense_is_no_vote(
    engine: Engine, openbao: OpenBao, people: People
):
    handle = await engine.start(
        pipeline(stage("build"), gate("review", requires=["build"], **CONFIG))
    )
    await engine.pending(handle, "review")
    ann = await signer(people, "ann")
    vote = await honest_vote(handle, "review", ann)
    async with no_signature_checked(openbao):
        sending = asyncio.create_task(handle.execute_update("vote", vote))
        code, said = 1, ""
        async with asyncio.timeout(60):
            while code:
                code, said = await engine.cli(
                    *("activity", "complete", "-w", handle.id, "--activity-id", "review/vote#1"),
                    *("--result", DEEP),
                )
    verdict = await sending

    assert "the answer of ledger.prove cannot be read: it is nested 300" in verdict["why"], said
    await handle.execute_update("vote", await honest_vote(handle, "review", ann))
    assert (await handle.result())["status"] == "completed"
