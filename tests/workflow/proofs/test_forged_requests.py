"""Phase requests that no ``Agent`` made: who may start workflows may send them to the queue.

Sent by a workflow of the attacker's own, to the real activities of the engine's worker.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from activities.contracts import messages, specs
from activities.phases.tries.prior import prior_of
from dsl.core import AgentOutput, AgentPhase, OutputType, Tier
from integrations.agents.sandbox import landlock
from integrations.artifacts.store import Artifacts
from integrations.errors import DeniedError
from tests.fixtures.engine import Engine, pipeline, stage

QUEUE = "of-an-attacker"
NAMES = ["../../x", "/tmp/x", "a/../../../x", "..", "", "a/b", "x\n", "a" * 129]


@workflow.defn(name="Forger", sandboxed=False)
class Forger:
    """Sends one request to one phase."""

    @workflow.run
    async def run(self, phase: str, request: dict[str, Any]) -> Any:
        return await workflow.execute_activity(
            phase,
            request,
            task_queue=specs.QUEUE,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


@pytest_asyncio.fixture
async def forger(engine: Engine) -> AsyncIterator[Client]:
    """The attacker has a client and a worker, and nothing of ours."""
    client = await Client.connect(engine.settings.temporal)
    async with Worker(client, task_queue=QUEUE, workflows=[Forger]):
        yield client


async def send(client: Client, phase: AgentPhase, request: dict[str, Any]) -> ApplicationError:
    """Return what the engine answers."""
    return await ask(client, specs.PHASES[phase].name, request)


async def ask(client: Client, name: str, request: dict[str, Any]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await client.execute_workflow(
            "Forger", args=[name, request], id=f"t-{uuid.uuid4()}", task_queue=QUEUE
        )
    error = caught.value.cause
    assert isinstance(error, ActivityError)
    assert isinstance(error.cause, ApplicationError)
    return error.cause


def forged(tcp: tuple[int, ...] = (), **fields: Any) -> dict[str, Any]:
    """A request that is complete, for an agent nobody admitted."""
    return {
        "pipeline": "forged",
        "plan": "sha256:" + "0" * 64,
        "project": "forged",
        "agent": f"forged.{uuid.uuid4().hex[:12]}",
        "step": {
            "path": "look",
            "name": "look",
            "template": "default",
            "program": "inventory",
            "phases": ["EXECUTE"],
            "agent": "forged",
            "tier": 0,
            "timeout_ms": 10_000,
            "sandbox": {"tcp": list(tcp)},
        },
        "authority": {"at_ms": int(time.time() * 1000)},
        "seed": True,
        **fields,
    }


def output(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "phase": "PLAN",
        "output_type": "beta",
        "digest": "sha256:" + "0" * 64,
        "size": 1,
    }


@pytest.mark.parametrize("action", ["vote.proven", "agent.intended", "trust.granted"])
async def test_where_the_ledger_is_written_beside_it_is_as_careful(forger: Client, action: str):
    error = await ask(forger, specs.record.name, {"entries": [{"action": action}]})

    assert error.type == DeniedError.__name__
    assert error.message == f"a workflow 'Forger' may not record {action!r}"


async def test_the_forgery_itself_is_understood(forger: Client):
    error = await send(forger, AgentPhase.EXECUTE, forged(prior=[output("x")]))

    assert error.type == "NotFoundError"  # all but the digest was believed


@pytest.mark.parametrize("name", NAMES[:3])
async def test_no_name_of_an_output_leads_out_of_the_private_directory(forger: Client, name: str):
    for fields in ({"prior": [output(name)]}, {"given": {"first": [output(name)]}}):
        error = await send(forger, AgentPhase.EXECUTE, forged(**fields))

        assert error.message == "Failed decoding arguments"
        assert "name\n  String should match pattern" in str(error.cause)


@pytest.mark.parametrize("path", ["../..", "/tmp", "a/../../..", "a//b", ""])
def test_a_stage_path_is_names_joined_by_slashes(path: str):
    with pytest.raises(ValidationError, match="pattern"):
        messages.PhaseRequest.model_validate(forged(given={path: [output("x")]}))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_an_output_is_the_name_of_a_file(name: str):
    with pytest.raises(ValidationError, match="pattern"):
        AgentOutput.model_validate(output(name))


@pytest.mark.parametrize(
    ("field", "path", "name"),
    [
        ("prior", "", "../../x"),
        ("prior", "", "/tmp/x"),
        ("given", "a", "../../x"),
        ("given", "../..", "x"),
        ("given", "/tmp", "x"),
        ("given", "..", "prior/../../x"),
    ],
)
def test_what_slips_through_the_patterns_is_refused_before_anything_is_made(
    tmp_path: Path, field: str, path: str, name: str
):
    store = Artifacts(tmp_path / "store")
    kept = store.put(b"forged", "text/plain")
    bad = AgentOutput.model_construct(
        name=name,
        phase=AgentPhase.PLAN,
        output_type=OutputType.BETA,
        digest=kept.digest,
        size=kept.size,
        media_type="text/plain",
    )
    step = SimpleNamespace(tier=Tier.T0)
    request = SimpleNamespace(prior=(bad,) if field == "prior" else (), given={}, step=step)
    if field == "given":
        request.given = {path: (bad,)}
    directory = tmp_path / "a" / "private"
    directory.mkdir(parents=True)

    with pytest.raises(DeniedError, match="leaves the private directory"):
        prior_of(
            SimpleNamespace(artifacts=store),  # type: ignore[arg-type]  # the part it uses
            request,  # type: ignore[arg-type]  # likewise
            AgentPhase.EXECUTE,
            directory,
        )

    assert list(directory.iterdir()) == []
    assert not (tmp_path / "x").exists()


def test_a_stage_named_prior_does_not_mix_with_earlier_phases(tmp_path: Path):
    store = Artifacts(tmp_path / "store")
    old, own = store.put(b"theirs", "text/plain"), store.put(b"own", "text/plain")
    request = messages.PhaseRequest.model_validate(
        forged(
            prior=[{**output("x"), "digest": own.digest}],
            given={"prior": [{**output("x"), "digest": old.digest}]},
        )
    )
    directory = tmp_path / "private"
    directory.mkdir()
    prior = prior_of(
        SimpleNamespace(artifacts=store),  # type: ignore[arg-type]  # the part it uses
        request,
        AgentPhase.EXECUTE,
        directory,
    )

    assert (directory / prior["x"]["path"]).read_bytes() == b"own"
    assert (directory / prior["prior/x"]["path"]).read_bytes() == b"theirs"


async def test_a_request_that_skips_preflight_cannot_open_a_port_of_the_engine(
    forger: Client, engine: Engine
):
    port = min(engine.settings.engine_ports)
    error = await send(forger, AgentPhase.EXECUTE, forged(tcp=(port,)))

    assert error.type == "DeniedError"
    assert f"port {port} belongs to the engine's own servers" in error.message


async def test_preflight_refuses_a_port_where_the_kernel_has_no_rules_for_tcp(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(landlock, "abi", lambda: 3)
    handle = await engine.start(pipeline(stage("look", config={"sandbox": {"tcp": [8443]}})))
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()

    assert "Linux 6.7 or newer" in str(caught.value.cause)
