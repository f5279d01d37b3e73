"""Runs that are not ours and answer as if they were: nothing is signed for what they show.

Whoever may start a workflow can have it answer any query. What a person reads must be what the
person signs, and Vault must not be opened for somebody else.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from mandate.people.gates import inbox
from tests.fixtures.person import Somebody
from tests.fixtures.stack import MandateUp
from tests.unit.mandate.people.test_control_groups import COMPILED, FILED, answer
from tests.unit.mandate.people.test_rows import row

QUEUE = "of-a-liar"
HONEST = row(plan=COMPILED.digest)
AMBIGUOUS = "several gates are pending"  # which is meant is for whoever types to say


@workflow.defn(name="Liar", sandboxed=False)
class Liar:
    """Answers with whatever it was started with."""

    def __init__(self) -> None:
        self._said: dict[str, Any] = {}

    @workflow.run
    async def run(self, said: dict[str, Any]) -> None:
        self._said = said
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def gates(self) -> Any:
        return self._said["gates"]

    @workflow.query
    def plan(self) -> Any:
        return self._said.get("plan", answer())

    @workflow.update
    async def vote(self, _vote: dict[str, Any]) -> Any:
        return self._said.get("vote")


@pytest_asyncio.fixture
async def client(mandate_up: MandateUp) -> AsyncIterator[Client]:
    client = await Client.connect(mandate_up.env["TEMPORAL_ADDRESS"])
    async with Worker(client, task_queue=QUEUE, workflows=[Liar]):
        yield client


async def lies(client: Client, **said: Any) -> str:
    """Start a liar; return its workflow id."""
    name = f"liar-{uuid.uuid4().hex[:8]}"
    await client.start_workflow("Liar", said, id=name, task_queue=QUEUE)
    return name


def waiting(**vault: Any) -> dict[str, Any]:
    filed = {**FILED.model_dump(), **vault}
    return {**HONEST, "vault": {"state": "filed", "requests": [filed]}}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"gates": [{**HONEST, "subject": {"plan": {"x": "sha256:other"}}}]}, "not signed"),
        ({"gates": [{**HONEST, "plan": "sha256:" + "0" * 64}]}, "the gate is about sha256:0"),
        ({"gates": [HONEST], "plan": {"plan": {}}}, "does not show its plan"),
        ({"gates": [HONEST], "plan": None}, "does not show its plan"),
        ({"gates": 5}, "not that of a pipeline"),
        ({"gates": [{**HONEST, "opening": "1"}]}, "not that of a pipeline"),
        ({"gates": [HONEST, HONEST]}, AMBIGUOUS),
        ({"gates": [waiting(place="kv-prod/root")]}, "the plan declares kv-prod/web/db"),
        ({"gates": [waiting(stage="plan")]}, "does not stand behind 'review'"),
        ({"gates": [waiting(accessor="of-nothing")]}, "nothing waits"),
        ({"gates": [{**HONEST, "vault": {"state": "asking"}}]}, "is not filed in Vault after 10 s"),
    ],
)
async def test_nothing_is_signed_for_a_run_that_lies(
    client: Client, ann: Somebody, said: dict[str, Any], why: str
):
    run = await lies(client, **said)
    signed = await ann.mandate("sign", run, "review", "approve")

    assert (signed.code, signed.out) == (2 if why == AMBIGUOUS else 1, "")
    assert why in signed.err
    await client.get_workflow_handle(run).terminate()


@pytest.mark.parametrize("verdict", [None, {}, [], {"counted": "yes"}, {"counted": 1, "why": "no"}])
async def test_a_vote_that_is_not_said_to_have_counted_is_exit_code_1(
    client: Client, ann: Somebody, verdict: Any
):
    run = await lies(client, gates=[HONEST], vote=verdict)
    said = await ann.mandate("reject", run, "review")

    assert said.code == 1
    assert said.out.startswith("refused: ")
    await client.get_workflow_handle(run).terminate()


async def test_what_a_run_says_cannot_steer_the_terminal(client: Client, ann: Somebody):
    run = await lies(client, gates=[{**HONEST, "description": "\x1b[1A\x1b[2Kall is well\r"}])
    said = await ann.mandate("sign", run, "review", "reject")

    assert said.code == 0
    assert "\x1b" not in said.err
    assert "?[1A?[2Kall is well" in said.err
    await client.get_workflow_handle(run).terminate()


async def test_an_inbox_that_is_too_full_says_so(
    mandate_up: MandateUp, client: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inbox, "INBOX_RUNS_MAX", 1)
    monkeypatch.setattr(inbox, "_WAITING", f'TaskQueue="{QUEUE}" AND ExecutionStatus="Running"')
    runs = [await lies(client, gates=[HONEST]) for _ in range(2)]
    found = await inbox.look(client)
    while found.complete:  # the server lists a run a moment after its start
        found = await inbox.look(client)

    assert len(found.runs) == 1
    assert found.runs[0].rows[0].gate == "review"
    for run in runs:
        await client.get_workflow_handle(run).terminate()
