"""Requests that no workflow of ours would send: nothing is delegated that no document could ask."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from activities.contracts import specs
from dsl.compiler import compile_text
from dsl.template_folders import TemplateFolders
from tests.fixtures.engine import OUTSIDE, Engine, pipeline, stage
from tests.fixtures.hostile.impostor import QUEUE as HIS
from tests.fixtures.hostile.impostor import impostors, stage_of
from tests.fixtures.outside.worker import DONE

Send = Callable[..., Awaitable[dict[str, Any]]]

TEMPLATES = TemplateFolders([OUTSIDE]).look()
BEGIN, EXECUTE = "agent.begin", "agent.execute"


@pytest_asyncio.fixture
async def send(engine: Engine) -> AsyncIterator[Send]:
    """Send a right request to the worker of a queue, with its step bent."""
    document = json.dumps(pipeline(stage("work", template="outside-activity")))
    step = stage_of(compile_text(document, "p.json", TEMPLATES), "work").model_dump(mode="json")
    async with impostors(engine) as client:
        puppet = await client.start_workflow("Puppet", id=f"t-{uuid.uuid4()}", task_queue=HIS)

        async def sent(name: str, queue: str, *, heard: Any = None, **bent: Any) -> dict[str, Any]:
            request = {
                "pipeline": "p",
                "plan": f"sha256:{'0' * 64}",
                "project": "p",
                "agent": f"p.{uuid.uuid4().hex[:8]}",
                "authority": {"at_ms": int(time.time() * 1000)},
                "seed": True,
                "step": {**step, **bent},
                "heard": heard,
            }
            asked = {"phase": "EXECUTE", "request": request} if name == BEGIN else request
            answer: dict[str, Any] = await puppet.execute_update("send", args=[name, asked, queue])
            return answer

        yield sent
        await puppet.terminate()


async def test_a_right_one_is_begun(send: Send):
    assert (await send(BEGIN, specs.QUEUE))["fence"] > 0


@pytest.mark.parametrize(
    ("bent", "why"),
    [
        ({"tier": 3}, "takes at most T2, and the stage asks for T3"),
        ({"secrets": {"KEY": "kv-build/key#value"}}, "gets no secret"),
        ({"runtime": None}, "and a process in the plan"),
        (
            {"runtime": {"kind": "workflow", "type": "x", "queue": "mandate-t3"}},
            "and workflow 'x' of task queue 'mandate-t3' in the plan",
        ),
        ({"template": "default"}, "template 'default' is a process on this worker"),
    ],
)
async def test_one_that_says_more_than_its_template_is_refused(
    send: Send, bent: dict[str, Any], why: str
):
    answer = await send(BEGIN, specs.QUEUE, **bent)

    assert answer["type"] == "DeniedError"
    assert why in answer["message"]


async def test_an_answer_that_is_made_up_is_not_taken_at_t3(send: Send):
    heard = {"answer": json.dumps(DONE)}
    answer = await send(EXECUTE, specs.QUEUE_T3, heard=heard, tier=3)

    assert answer["type"] == "DeniedError"
    assert "takes at most T2, and the stage asks for T3" in answer["message"]
