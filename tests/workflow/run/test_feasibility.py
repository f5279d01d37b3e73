"""Nobody is asked for a run that cannot succeed, for every reason that can be known before."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from dsl.core import Tier
from dsl.template_folders import TemplateFile
from dsl.templates import RequiredTool
from integrations.agents.contract.protocol import Request
from integrations.agents.programs.catalogue import Programs
from tests.fixtures.engine import Engine, failure_of, gate, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.agents import Subject, subject, vouch
from tests.fixtures.voting import Signer, signer, vote_of


@pytest_asyncio.fixture
async def ann(people: People) -> Signer:
    return await signer(people, "ann")


def behind(name: str = "act", /, **fields: Any) -> tuple[dict[str, Any], ...]:
    """A gate that ann may answer, and an agent behind it."""
    return gate("review"), stage(name, requires=["review"], **fields)


async def refused(engine: Engine, document: dict[str, Any]) -> str:
    """Return why the run ended, which must be before anybody was asked."""
    handle = await engine.start(document)
    failure = await failure_of(handle)
    opened = [
        entry
        for entry in told_by(engine.settings.ledger, handle.id)
        if (entry.workflow_id, entry.action) == (handle.id, "gate.opened")
    ]

    assert failure.type == "StageFailed"
    assert opened == []
    return str(failure.message)


async def test_a_template_without_a_program(engine: Engine):
    said = await refused(engine, pipeline(*behind(template="declared")))

    assert said.startswith(
        "stage 'act' rejected: template 'declared' has no program yet: use another"
    )


async def test_a_tool_that_is_not_installed(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    genuine = Programs.template

    def wanting(programs: Programs, name: str) -> TemplateFile:
        found = genuine(programs, name)
        tool = RequiredTool(any_of=("no-such-tool", "nor-this"), install="get it from its makers")
        return replace(
            found, template=found.template.model_copy(update={"requires_tools": (tool,)})
        )

    monkeypatch.setattr(Programs, "template", wanting)

    assert (
        "template 'default' needs no-such-tool or nor-this, not installed for the worker: "
        "get it from its makers" in await refused(engine, pipeline(*behind()))
    )


async def test_a_secret_that_is_not_there(engine: Engine, openbao: OpenBao):
    place = f"kv-build/{uuid.uuid4().hex}"
    act = {"config": {"tier": "T2", "secrets": {"KEY": f"{place}#key"}}}

    assert f"there is no secret {place}" in await refused(engine, pipeline(*behind(**act)))
    openbao.put_secret(place, key="1")
    run = await engine.start(pipeline(*behind(**act)))
    await engine.pending(run, "review")
    await run.signal("vote", vote_of("review", "ann", "reject"))
    await failure_of(run)


async def test_a_secret_that_the_tier_does_not_open(engine: Engine, openbao: OpenBao):
    openbao.put_secret("kv-prod/of-feasibility", key="1")
    act = {"config": {"tier": "T2", "secrets": {"KEY": "kv-prod/of-feasibility#key"}}}

    assert "may not read kv-prod/of-feasibility" in await refused(engine, pipeline(*behind(**act)))


async def test_a_port_of_the_engine(engine: Engine):
    port = int(engine.settings.temporal.rpartition(":")[2])
    act = {"config": {"sandbox": {"tcp": [port]}}}

    assert str(port) in await refused(engine, pipeline(*behind(**act)))


async def asking(engine: Engine, known: Subject, ann: Signer) -> str:
    """Let the agent's pipeline ask somebody first, and start it."""
    work = {**known.document["stages"][0], "requires": ["review"], "agent": known.agent}
    document = {**known.document, "version": "2", "stages": [gate("review"), work]}
    await vouch(engine, document, ann)
    return await refused(engine, document)


async def test_an_agent_that_was_revoked(engine: Engine, openbao: OpenBao, ann: Signer):
    known = await subject(engine, openbao, ann, runs=1)
    held = known.entity
    openbao.as_root(
        "POST", f"identity/entity/id/{held['id']}", metadata=held["metadata"], disabled=True
    )

    assert "is disabled in Vault: reinstate it first" in await asking(engine, known, ann)


async def test_an_agent_that_holds_less(engine: Engine, openbao: OpenBao, ann: Signer):
    known = await subject(engine, openbao, ann, runs=1, config={"tier": "T2"})
    held = known.entity
    metadata = {**held["metadata"], "tier": Tier.T1.name}
    openbao.as_root("POST", f"identity/entity/id/{held['id']}", metadata=metadata)

    assert "asks for T2 (builder) and the agent holds T1 (operator)" in (
        await asking(engine, known, ann)
    )


async def test_an_agent_that_is_bound_to_something_else(
    engine: Engine, openbao: OpenBao, ann: Signer
):
    known = await subject(engine, openbao, ann, runs=1)
    held = known.entity
    metadata = {**held["metadata"], "program": "sha256:" + "e" * 64}
    openbao.as_root("POST", f"identity/entity/id/{held['id']}", metadata=metadata)

    said = await asking(engine, known, ann)

    assert f"rebind it (`mandate agent rebind {known.document['name']} {known.agent} --" in said


async def test_what_went_wrong_meanwhile_is_found_before_the_gate_opens(
    engine: Engine, openbao: OpenBao
):
    place = f"kv-build/{uuid.uuid4().hex}"
    openbao.put_secret(place, key="1")
    go = asyncio.Event()

    async def slow(_request: Request) -> dict[str, Any]:
        await go.wait()
        return {}

    engine.runner.behaviours["look"] = slow
    act = stage(
        "act",
        requires=["review"],
        config={"tier": "T2", "secrets": {"KEY": f"{place}#key"}},
    )
    run = await engine.start(pipeline(stage("look"), gate("review", requires=["look"]), act))
    await engine.until(run, lambda s: s["stages"].get("look", {}).get("status") == "running")
    await asyncio.sleep(2.1)  # what was looked at a moment ago is not looked at again
    openbao.as_root("DELETE", place.replace("/", "/metadata/", 1))
    go.set()
    failure = await failure_of(run)

    assert failure.message == (
        f"stage 'review' failed: nobody was asked: stage 'act' could not run: "
        f"there is no secret {place}"
    )


async def test_a_way_that_the_inputs_shut_is_not_looked_at(engine: Engine):
    route = {
        "name": "route",
        "type": "condition",
        "requires": ["review"],
        "if": 'inputs.where == "prod"',
        "then": [stage("deploy", template="declared")],
        "else": [stage("rehearse")],
    }
    document = pipeline(
        gate("review"), route, inputs={"where": {"type": "string", "default": "test"}}
    )
    run = await engine.start(document)
    await engine.pending(run, "review")
    await run.signal("vote", vote_of("review", "ann", "approve"))

    assert (await run.result())["stages"]["route/rehearse"]["status"] == "completed"


async def test_everything_that_stands_in_the_way_is_said_at_once(engine: Engine):
    stages = [stage(f"s{n}", template="declared", requires=["review"]) for n in range(7)]
    said = await refused(engine, pipeline(gate("review"), *stages))

    assert said.count("has no program yet") == 5
    assert said.endswith("and 2 more")


async def test_a_plan_that_asks_nobody_is_not_looked_at(engine: Engine):
    run = await engine.start(pipeline(stage("act", template="declared")))
    failure = await failure_of(run)
    history = await run.fetch_history()

    assert "has no program yet" in failure.message
    assert not any(
        event.activity_task_scheduled_event_attributes.activity_type.name == "run.feasible"
        for event in history.events
    )
