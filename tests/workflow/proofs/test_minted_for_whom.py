"""Every token names the run it was minted for: one left behind is told from one in use."""

from __future__ import annotations

from typing import Any

from dsl.core import Tier
from tests.fixtures.engine import Engine, pipeline, stage
from tests.fixtures.hostile.impostor import raise_agent, signers
from tests.fixtures.servers.openbao import OpenBao, People
from tests.workflow.proofs.test_warrant import Deployment


def metas_of(server: OpenBao, workflow: str) -> list[dict[str, str]]:
    """Return what living tokens say, as far as they name this workflow or a child of it."""
    found = []
    for accessor in server.as_root("LIST", "auth/token/accessors")["data"]["keys"]:
        path = "auth/token/lookup-accessor"
        reply = server.raw(server.root_token, "POST", path, accessor=accessor)
        meta = (reply.json()["data"]["meta"] or {}) if reply.ok else {}
        if workflow in (meta.get("workflow"), meta.get("run", "").partition("/")[0]):
            found.append(meta)
    return found


async def test_a_token_of_a_phase_names_the_run_of_its_stage(engine: Engine, openbao: OpenBao):
    openbao.put_secret("kv-shared/docs/for-whom", key="x")
    seen: list[dict[str, str]] = []

    async def look(request: Any) -> dict[str, Any]:
        seen.extend(metas_of(openbao, request.run.partition("/")[0]))
        return {}

    engine.runner.behaviours["look"] = look
    config = {"secrets": {"KEY": "kv-shared/docs/for-whom#key"}}
    handle = await engine.start(pipeline(stage("look", config=config)))
    await handle.result()
    child = f"{handle.id}/look"
    run_id = (await engine.client.get_workflow_handle(child).describe()).run_id

    attempt = {"activity": "look/EXECUTE#1", "attempt": "1"}
    assert seen == [{"phase": "EXECUTE", "run": child, "run_id": run_id, **attempt}]
    assert metas_of(openbao, handle.id) == []


async def test_a_token_that_asks_for_an_approval_names_the_run_of_its_gate(
    engine: Engine, openbao: OpenBao, people: People
):
    deployment = Deployment(engine, openbao, await signers(people))
    await deployment.register()
    await raise_agent(openbao, engine, deployment.compiled, Tier.T3)
    handle = await deployment.start()
    await deployment.asked(handle)
    run_id = (await handle.describe()).run_id

    filed = metas_of(openbao, handle.id)

    assert filed == [{"stage": "act", "run": run_id, "workflow": handle.id}]
    await deployment.vote(handle, "ann", "reject")
