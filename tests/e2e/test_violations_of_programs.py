"""What a real program in its sandbox must not do, and what it costs its agent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations.agents.sandbox import landlock
from tests.fixtures.engine import pipeline
from tests.fixtures.hostile.arena import Arena, identity_of, played
from tests.fixtures.trust.standing import entity_of, tier_of, told

Play = Callable[[str], Path]


@pytest.fixture(autouse=True)
def sandboxed() -> None:
    if landlock.level() == "none":
        pytest.skip("this kernel has no Landlock")


def _orders(arena: Arena, do: str) -> dict[str, Any]:
    return pipeline(played("look", config={"inputs": arena.orders(do=do, mark="300")}))


@pytest.mark.parametrize(
    ("do", "said"),
    [("reach_out", "leaves the private directory"), ("link_out", "is behind a symbolic link")],
)
async def test_a_program_that_reaches_out_of_its_directory_is_revoked(
    arena: Arena, play: Play, do: str, said: str
):
    play("unruly")
    document = _orders(arena, do)
    handle = await arena.start(document)
    failure, report = await arena.failure(handle)
    agent = identity_of(document, f"{document['name']}.look")
    receipt = await arena.client.get_workflow_handle(f"revocation/{agent}").result()
    again, _ = await arena.failure(await arena.start(document))

    assert failure.type == "Revoked"
    assert f"{said} (violation: sandbox-escape)" in failure.message
    assert report["stages"]["look"]["status"] == "revoked"
    assert receipt["complete"] is True
    assert entity_of(arena.openbao, agent)["disabled"] is True
    assert again.type == "Revoked"


async def test_a_program_that_reaches_out_is_revoked_though_its_revocations_id_is_taken(
    arena: Arena, play: Play
):
    play("unruly")
    document = _orders(arena, "reach_out")
    agent = identity_of(document, f"{document['name']}.look")
    squatter = await arena.client.start_workflow(
        "Pipeline", id=f"revocation/{agent}", task_queue="nobody-polls-this"
    )
    failure, _ = await arena.failure(await arena.start(document))
    [beside] = re.findall(rf"(revocation/{agent}/\w+) has been started", failure.message)
    receipt = await arena.client.get_workflow_handle(beside).result()
    again, _ = await arena.failure(await arena.start(document))
    await squatter.terminate()

    assert failure.type == "Revoked"
    assert "is taken by a workflow of type Pipeline on queue nobody-polls-this" in failure.message
    assert "under way" not in failure.message
    assert receipt["complete"] is True
    assert entity_of(arena.openbao, agent)["disabled"] is True
    assert again.type == "Revoked"


async def test_a_link_inside_the_directory_only_breaks_the_contract(arena: Arena, play: Play):
    play("unruly")
    document = _orders(arena, "link_about")
    failure, _ = await arena.failure(await arena.start(document))
    agent = identity_of(document, f"{document['name']}.look")

    assert failure.type == "Violation"
    assert "is behind a symbolic link (violation: wrong-output)" in failure.message
    assert tier_of(arena.openbao, agent) == "T1"
    assert entity_of(arena.openbao, agent)["disabled"] is False


@pytest.mark.parametrize("do", ["garbage", "double_fork"])
async def test_a_program_that_keeps_to_no_contract_costs_a_tier(arena: Arena, play: Play, do: str):
    play("unruly")
    document = _orders(arena, do)
    handle = await arena.start(document)
    await arena.failure(handle)
    agent = identity_of(document, f"{document['name']}.look")
    [demoted] = told(arena, handle, "agent.demoted")

    assert demoted.payload == {"was": "T2", "now": "T1", "because": "wrong-output"}
    assert tier_of(arena.openbao, agent) == "T1"


@pytest.mark.parametrize("do", ["crash", "segfault"])
async def test_a_program_that_only_fails_costs_nothing(arena: Arena, play: Play, do: str):
    play("unruly")
    document = _orders(arena, do)
    handle = await arena.start(document)
    failure, _ = await arena.failure(handle)
    agent = identity_of(document, f"{document['name']}.look")

    assert failure.type == "StageFailed"
    assert told(arena, handle, "agent.violated") == []
    assert tier_of(arena.openbao, agent) == "T2"
