"""Nothing an agent has said is lost, however it ends, and people can read it back.

Real processes in their sandbox under the whole engine; commands in processes of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from integrations.agents.sandbox import landlock
from integrations.artifacts.store import Artifacts
from mandate.people.outputs import outputs_of
from tests.fixtures.engine import pipeline
from tests.fixtures.hostile.arena import Arena, played
from tests.unit.mandate.programs import mandate

Play = Callable[[str], Path]
WAIT_S = 60
SAID = {
    *("progress step 1 of 3", "stderr looking closer"),
    *("stdout no message", "progress step 2 of 3"),
}


@pytest.fixture(autouse=True)
def sandboxed() -> None:
    if landlock.level() == "none":
        pytest.skip("this kernel has no Landlock")


async def begin(arena: Arena, then: str, **more: Any) -> WorkflowHandle[Any, Any]:
    orders = arena.orders(do="step_by_step", mark="0", then=then, once=more.pop("once", False))
    return await arena.start(pipeline(played("look", config={"inputs": orders, **more})))


async def left(arena: Arena, handle: WorkflowHandle[Any, Any]) -> dict[str, str]:
    """Return the text of each output of the stage, by name."""
    store = Artifacts(arena.settings.artifacts)
    found = await outputs_of(arena.client, f"{handle.id}/look")
    return {each.name: store.get(each.digest).decode() for each in found.outputs}


def lines(log: str) -> list[str]:
    return [line.partition(" ")[2] for line in log.splitlines()]


async def at_work(arena: Arena, handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until the agent has told its second step."""
    child = arena.client.get_workflow_handle(f"{handle.id}/look")
    async with asyncio.timeout(WAIT_S):
        while True:
            with suppress(RPCError):  # it has not been started yet
                pending = (await child.describe()).raw_description.pending_activities
                if any(b"step 2" in each.SerializeToString() for each in pending):
                    return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("crash", "exit: exit status 1"),
        ("fail", "failed: no luck"),
        ("nothing that is a result", "protocol: ended without a result"),
        ('{"type":"result","status":"ok","output":{"a":NaN}}', "'result' cannot be taken: NaN"),
        ('{"type":"result","output":' + "[" * 5_000 + "]" * 5_000 + "}", "nested 5001 levels deep"),
        ('{"type":"result","status":"ok"}\n{"type":"result","status":"ok"}', "after the result"),
        ('{"type":"result","status":"done"}', 'result.status must be "ok" or "failed"'),
        (
            '{"type":"result","status":"ok","output":[1]}',
            "result.output must be an object, got",
        ),
        ("{'type': 'result', 'status': 'ok'}", "looks like one, but it is not JSON"),
    ],
    ids=["crash", "failed", "none", "nan", "brackets", "two", "status", "shape", "quotes"],
)
async def test_a_failed_try_leaves_its_log_and_what_it_had_announced(
    arena: Arena, play: Play, then: str, why: str
):
    play("unruly")
    handle = await begin(arena, then)
    failure, _ = await arena.failure(handle)
    found = await left(arena, handle)

    assert why in failure.message
    assert "its last step: step 2 of 3" in failure.message
    assert found["found.txt"] == "what it had found"
    assert set(lines(found["execute.log"])) >= SAID


async def test_so_does_one_that_takes_too_long(arena: Arena, play: Play):
    play("unruly")
    handle = await begin(arena, "hang", timeout="4s")
    failure, _ = await arena.failure(handle)
    found = await left(arena, handle)

    assert failure.type == "TimedOut"
    assert failure.message.endswith("not finished within 4s; its last step: step 2 of 3")
    assert set(lines(found["execute.log"])) >= SAID
    assert found["found.txt"] == "what it had found"


@pytest.mark.parametrize("how", ["cancelled", "revoked"])
async def test_so_does_one_that_is_ended(arena: Arena, play: Play, how: str):
    play("unruly")
    handle = await begin(arena, "hang")
    await at_work(arena, handle)
    if how == "cancelled":
        await handle.cancel()
    else:
        child = arena.client.get_workflow_handle(f"{handle.id}/look")
        await child.signal("revoke", {"epoch": 7, "reason": "enough"})
    await arena.until_ended(handle)
    found = await left(arena, handle)

    assert set(lines(found["execute.log"])) >= SAID
    assert found["found.txt"] == "what it had found"


async def test_a_try_that_was_repeated_takes_no_name_of_what_was_delivered(
    arena: Arena, play: Play
):
    play("unruly")
    handle = await begin(arena, "crash", once=True, retry=1)
    await handle.result()
    found = await left(arena, handle)

    assert {"execute.log", "found.txt", "try1.execute.log", "try1.found.txt"} <= set(found)
    assert any("RuntimeError" in line for line in lines(found["try1.execute.log"]))
    # Two pipes have no order between them: what stderr got may stand behind the result.
    assert any(line.startswith('result {"status": "ok"') for line in lines(found["execute.log"]))


def said_by(arena: Arena, folder: Path, *words: str) -> Any:
    env = {
        "TEMPORAL_ADDRESS": arena.settings.temporal,
        "TEMPORAL_NAMESPACE": arena.client.namespace,
        "MANDATE_ARTIFACTS": str(arena.settings.artifacts),
    }
    return mandate(*words, cwd=folder, env=env)


async def test_people_read_it_back_and_save_it(arena: Arena, play: Play, tmp_path: Path):
    play("unruly")
    handle = await begin(arena, "fail")
    await arena.failure(handle)

    async def typed(*words: str) -> Any:
        return await asyncio.to_thread(said_by, arena, tmp_path, *words)

    shown = await typed("logs", handle.id)
    one = await typed("logs", handle.id, "look")
    listed = await typed("artifact", "list", f"{handle.id}/look", "--json")
    text = await typed("artifact", "show", handle.id, "found.txt")
    unknown = await typed("artifact", "show", handle.id, "other.txt")
    saved = await typed("artifact", "save", f"{handle.id}/look", "--into", "out")
    again = await typed("artifact", "save", f"{handle.id}/look", "found.txt", "--into", "out/look")
    names = {json.loads(line)["name"] for line in listed.stdout.splitlines()}

    assert "progress step 2 of 3" in shown.stdout
    assert one.stdout == shown.stdout
    assert {"found.txt", "execute.log", "execute.json"} <= names
    assert text.stdout == "  | what it had found\n"
    assert (unknown.returncode, "has no output 'other.txt'" in unknown.stderr) == (2, True)
    assert saved.returncode == 0, saved.stderr
    assert (tmp_path / "out" / "look" / "found.txt").read_text() == "what it had found"
    assert {each.name for each in (tmp_path / "out" / "look").iterdir()} == names
    assert (again.returncode, "found.txt is not written: File exists" in again.stderr) == (1, True)


async def test_an_agent_at_work_is_followed_to_its_end(arena: Arena, play: Play, tmp_path: Path):
    play("unruly")
    handle = await begin(arena, "hang", timeout="8s")
    await at_work(arena, handle)
    shown = await asyncio.to_thread(said_by, arena, tmp_path, "logs", handle.id, "look", "--follow")

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("look: step 2 of 3\n")
    assert "stderr looking closer" in shown.stdout
