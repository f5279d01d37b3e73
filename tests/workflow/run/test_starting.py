"""Starting runs: every door of the Temporal CLI, and every kind of bad input.

Real: the Temporal CLI and server, workers, stores. Scripted: what agents do.
"""

from __future__ import annotations

import json
import uuid

import pytest
import yaml
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, ChildWorkflowError
from temporalio.worker import Worker

from tests.fixtures.engine import Engine, as_json, gate, pipeline, stage


async def _start(engine: Engine, *arguments: str, kind: str = "Pipeline") -> tuple[int, str, str]:
    workflow_id = f"t-{uuid.uuid4()}"
    code, said = await engine.cli(
        "workflow",
        "start",
        "--task-queue",
        "mandate",
        "--type",
        kind,
        "-w",
        workflow_id,
        *arguments,
    )
    return code, said, workflow_id


async def _failure(engine: Engine, workflow_id: str) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await engine.adopt(workflow_id).result()
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


async def test_a_catalogue_pipeline_is_a_workflow_type_of_its_own(engine: Engine):
    engine.runner.delivers["run"] = ("findings.json", "review.md", "review.sarif")
    code, said, run = await _start(
        engine, "--input", as_json({"environment": "staging"}), kind="infrastructure-deploy"
    )
    assert code == 0, said
    handle = engine.adopt(run)
    await engine.pending(handle, "review")
    status = await handle.query("status")
    await handle.signal("vote", {"gate": "review", "decision": "approve", "voter": "team-lead"})
    report = await handle.result()

    assert status["pipeline"] == "infrastructure-deploy"
    assert status["registered"]
    assert report["status"] == "completed"


async def test_a_catalogue_pipeline_starts_by_name_through_pipeline(engine: Engine):
    value = {"pipeline": "infrastructure-deploy", "inputs": {"environment": "staging"}}
    code, said, run = await _start(engine, "--input", as_json(value))
    assert code == 0, said
    handle = engine.adopt(run)
    await engine.pending(handle, "review")
    await handle.signal("vote", {"gate": "review", "decision": "reject", "voter": "team-lead"})

    assert (await _failure(engine, run)).type == "GateRejected"


async def test_a_yaml_file_runs_straight_from_the_cli(engine: Engine, tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(yaml.safe_dump(pipeline(stage("look"))))
    code, said, run = await _start(
        engine, "--input-file", str(file), "--input-meta", "encoding=yaml/plain"
    )
    assert code == 0, said
    report = await engine.adopt(run).result()

    assert report["stages"]["look"]["status"] == "completed"
    assert not report["registered"]


@pytest.mark.parametrize("form", ["object", "string", "definition"])
async def test_json_forms_of_a_document_are_accepted(engine: Engine, form: str):
    document = pipeline(stage("look"))
    value = {
        "object": document,
        "string": yaml.safe_dump(document),
        "definition": {"definition": document},
    }[form]
    handle = await engine.start_type("Pipeline", value)

    assert (await handle.result())["status"] == "completed"


BAD = {
    "no input": ((), "expected a pipeline"),
    "a number": (("--input", "7"), "expected a pipeline"),
    "two inputs": (("--input", "{}", "--input", "{}"), "expected one input, got 2"),
    "an unknown encoding": (
        ("--input", "{}", "--input-meta", "encoding=binary/odd"),
        "cannot read an input with encoding 'binary/odd'",
    ),
    "a protobuf message": (
        (
            "--input",
            '{"pipeline":"infrastructure-deploy"}',
            "--input-meta",
            "encoding=json/protobuf",
            "--input-meta",
            "messageType=google.protobuf.Struct",
        ),
        "cannot read an input with encoding 'json/protobuf': send JSON (json/plain)",
    ),
    "a protobuf message of no type": (
        ("--input", "{}", "--input-meta", "encoding=json/protobuf"),
        "cannot read an input with encoding 'json/protobuf'",
    ),
    "a type of message on plain JSON": (
        ("--input", "{}", "--input-meta", "messageType=google.protobuf.Struct"),
        "got nothing",
    ),
    "an unknown pipeline": (("--input", '{"pipeline":"infra-deploy"}'), "infrastructure-deploy"),
    "an unknown field": (
        ("--input", as_json(pipeline(stage("a", timeuot="5m")))),
        "unknown field 'timeuot'",
    ),
    "a cycle": (
        ("--input", as_json(pipeline(stage("a", requires=["b"]), stage("b", requires=["a"])))),
        "stages wait for each other: a → b → a",
    ),
    "a bad expression": (
        (
            "--input",
            as_json(
                pipeline(
                    {"name": "c", "type": "condition", "if": "inputs.x = 1", "then": [stage("a")]}
                )
            ),
        ),
        "==",
    ),
    "an unknown input": (
        ("--input", '{"pipeline":"infrastructure-deploy","inputs":{"enviroment":"x"}}'),
        "environment",
    ),
    "a T3 stage": (
        ("--input", as_json(pipeline(stage("a", config={"tier": 3})))),
        "T3",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_input_ends_the_run_with_one_clear_report(engine: Engine, case: str):
    arguments, said = BAD[case]
    code, output, run = await _start(engine, *arguments)
    assert code == 0, output
    failure = await _failure(engine, run)

    assert failure.type == "InvalidPipeline"
    assert said in failure.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "expected node content"),
        ("a: &x 1\nb: *x\n", "aliases"),
        ("[" * 100_000, "nested"),
        ("name: a\nname: b\n", "duplicate"),
    ],
)
async def test_bad_yaml_ends_the_run_with_file_line_and_column(
    engine: Engine, tmp_path, text: str, said: str
):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    code, output, run = await _start(
        engine, "--input-file", str(file), "--input-meta", "encoding=yaml/plain"
    )
    assert code == 0, output
    failure = await _failure(engine, run)

    assert failure.type == "InvalidPipeline"
    assert said in failure.message
    assert "input:1:" in failure.message or "input:2:" in failure.message


async def test_all_problems_are_in_one_report(engine: Engine):
    document = pipeline(
        stage("a", requires=["zz"]), stage("a"), gate("g", approvers=["x"], quorum=2)
    )
    _, _, run = await _start(engine, "--input", as_json(document))
    failure = await _failure(engine, run)

    assert failure.message.count("DSL") >= 3


async def test_a_typo_in_the_workflow_type_names_what_there_is(engine: Engine):
    _, _, run = await _start(engine, kind="infrastructure-deploi")
    failure = await _failure(engine, run)

    assert "infrastructure-deploy" in failure.message


async def test_inline_yaml_named_like_a_catalogue_pipeline_gets_agents_of_its_own(engine: Engine):
    document = pipeline(stage("plan"), name="infrastructure-deploy")
    handle = await engine.start(document)
    report = await handle.result()
    registered = [r for r in engine.runner.requests if r.run == f"{handle.id}/plan"]
    [started] = [e for e in await engine.events(handle) if _child(e)]
    sent = json.loads(_child(started).input.payloads[0].data)

    assert not report["registered"]
    assert sent["agent"].startswith(f"inline-{report['plan'][7:19]}.infrastructure-deploy.")
    assert registered


def _child(event):
    name = "start_child_workflow_execution_initiated_event_attributes"
    return getattr(event, name) if event.HasField(name) else None


async def test_agent_started_by_hand_gets_nowhere(engine: Engine):
    _, _, run = await _start(engine, "--input", "{}", kind="Agent")
    failure = await _failure(engine, run)
    events = await engine.events(engine.client.get_workflow_handle(run))

    assert "start Pipeline instead" in failure.message
    assert not any(e.HasField("activity_task_scheduled_event_attributes") for e in events)


@pytest.mark.parametrize("arguments", [(), ("--input", "{}", "--input", "{}"), ("--input", "7")])
async def test_agent_started_by_hand_with_bad_input_ends_as_well(engine: Engine, arguments):
    _, _, run = await _start(engine, *arguments, kind="Agent")

    assert (await _failure(engine, run)).type == "InvalidPipeline"


PROTOBUF = (
    "--input-meta", "encoding=json/protobuf",
    "--input-meta", "messageType=google.protobuf.Struct",
)  # fmt: skip


async def test_a_protobuf_message_to_a_catalogue_pipeline_ends_the_run(engine: Engine):
    _, _, run = await _start(engine, "--input", "{}", *PROTOBUF, kind="infrastructure-deploy")
    failure = await _failure(engine, run)

    assert failure.type == "InvalidPipeline"
    assert "encoding 'json/protobuf'" in failure.message


@pytest.mark.parametrize("name", ["vote", "pause", "no-such-signal"])
async def test_a_protobuf_signal_leaves_the_run_alive(engine: Engine, name: str):
    handle = await engine.start(pipeline(gate("review")))
    await engine.pending(handle, "review")
    code, said = await engine.cli(
        "workflow", "signal", "-w", handle.id, "--name", name, "--input", "{}", *PROTOBUF
    )
    assert code == 0, said
    if name != "pause":
        await engine.until(handle, lambda status: bool(status["void_messages"]))
    await handle.signal("resume")
    await handle.signal("vote", {"gate": "review", "decision": "approve", "voter": "ann"})

    assert (await handle.result())["status"] == "completed"


ODD = {
    "json/protobuf": {"messageType": b"google.protobuf.Struct"},
    "json/plain": {},
    "binary/odd": {},
    "binary/null": {},
}


@workflow.defn(name="StartsAgent", sandboxed=False)
class StartsAgent:
    """Somebody's workflow that starts ``Agent`` as its child, with an odd input."""

    @workflow.run
    async def run(self, encoding: str) -> None:
        metadata = {"encoding": encoding.encode(), **ODD[encoding]}
        odd = RawValue(Payload(metadata=metadata, data=b"{}"))
        await workflow.execute_child_workflow("Agent", odd, task_queue="mandate")


@pytest.mark.parametrize("encoding", ODD)
async def test_agent_as_somebodys_child_refuses_what_is_no_request(engine: Engine, encoding: str):
    client = await Client.connect(engine.settings.temporal)
    async with Worker(client, task_queue="of-somebody", workflows=[StartsAgent]):
        with pytest.raises(WorkflowFailureError) as caught:
            await client.execute_workflow(
                "StartsAgent", encoding, id=f"t-{uuid.uuid4()}", task_queue="of-somebody"
            )
    failure = caught.value.cause
    assert isinstance(failure, ChildWorkflowError)
    assert isinstance(failure.cause, ApplicationError)
    assert failure.cause.type == "InvalidPipeline"


async def test_a_stand_alone_ledger_record_gets_nowhere(engine: Engine):
    code, said = await engine.cli(
        "activity", "execute",
        "--activity-id", f"forged-{uuid.uuid4()}",
        "--type", "ledger.record",
        "--task-queue", "mandate-ledger",
        "--start-to-close-timeout", "10s",
        "--input", as_json({"entries": [{"action": "forged.entry"}]}),
    )  # fmt: skip

    assert code != 0
    assert "runs only inside a workflow" in said
