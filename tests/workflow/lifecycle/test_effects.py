"""An effect is repeated by ``retry:`` and by nothing else that happens after a program started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Behaviour, Engine, failure_of, pipeline, stage
from tests.fixtures.trust.standing import told


@contextmanager
def breaking(engine: Engine) -> Iterator[Behaviour]:
    """A program during whose first run the disk of the artefact store breaks, until the second."""
    incoming = engine.settings.artifacts / "incoming"
    aside = incoming.with_name("aside")

    def mend() -> None:
        if aside.exists():
            incoming.unlink()
            aside.rename(incoming)

    async def deliver(_request: Request) -> dict[str, Any]:
        tries = executed(engine, "look")
        if tries == 1:
            incoming.rename(aside)
            incoming.write_text("in the way")
        else:
            mend()
        return {"tries": tries}

    try:
        yield deliver
    finally:
        mend()


def executed(engine: Engine, stage_path: str) -> int:
    return sum(request.stage == stage_path for request in engine.runner.requests)


@pytest.fixture(autouse=True)
def fresh(engine: Engine) -> None:
    engine.runner.requests.clear()


@pytest.mark.parametrize("retry", [0, 2])
async def test_an_exception_nobody_knows_is_final_once_the_program_may_have_started(
    engine: Engine, retry: int
):
    async def trip(_request: Request) -> dict[str, Any]:
        raise RecursionError("maximum recursion depth exceeded")

    engine.runner.behaviours["look"] = trip
    handle = await engine.start(pipeline(stage("look", config={"retry": retry})))
    failure = await failure_of(handle)
    [ended] = told(engine, handle, "agent.ended")

    assert failure.type == "StageFailed"
    assert "RecursionError: maximum recursion depth exceeded" in failure.message
    assert "its program had started, and is not started again for that" in failure.message
    assert executed(engine, "look") == 1
    assert (ended.payload["errors"], ended.payload["exhausted"]) == (0, False)


async def test_what_cannot_be_kept_is_not_done_again(engine: Engine):
    with breaking(engine) as deliver:
        engine.runner.behaviours["look"] = deliver
        handle = await engine.start(pipeline(stage("look")))
        failure = await failure_of(handle)
    [ended] = told(engine, handle, "agent.ended")

    assert failure.type == "StageFailed"
    assert "the program has delivered, and its outputs cannot be kept" in failure.message
    assert executed(engine, "look") == 1
    assert (ended.payload["errors"], ended.payload["exhausted"]) == (0, False)


async def test_what_cannot_be_kept_is_done_again_where_the_author_says_so(engine: Engine):
    with breaking(engine) as deliver:
        engine.runner.behaviours["look"] = deliver
        handle = await engine.start(pipeline(stage("look", config={"retry": 1})))
        report = await handle.result()
    [retried] = told(engine, handle, "agent.retried")

    assert report["stages"]["look"]["output"] == {"tries": 2}
    assert executed(engine, "look") == 2
    assert "cannot be kept" in retried.payload["because"]
