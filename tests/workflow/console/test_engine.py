"""How who serves requests reaches runs, in words of adapters whatever happens."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from dsl.compiler import Compiled, compile_text
from integrations.errors import ConflictError, DeniedError, NotFoundError
from mandate.console.engine import TemporalEngine
from tests.fixtures.engine import Engine, gate, pipeline
from tests.fixtures.voting import vote_of
from tests.integration.stack.probes import eventually

EXAMPLES = Path(__file__).parents[3] / "dsl" / "examples"


def compiled(name: str) -> Compiled:
    return compile_text((EXAMPLES / f"{name}.yaml").read_bytes(), name)


async def until_listed(reached: TemporalEngine, run: str) -> None:
    """Wait until the server's lists tell of a run, which is a little later."""

    async def is_listed() -> bool:
        return [run] == [each.run for each in await reached.list(running=True, prefix=run)]

    await eventually(is_listed)


async def test_a_run_is_seen_asked_and_told(engine: Engine):
    reached = TemporalEngine(engine.client, compiled)
    handle = await engine.start(pipeline(gate("ask")))
    await engine.pending(handle, "ask")

    known = await reached.describe(handle.id)
    await until_listed(reached, handle.id)
    for none in (
        f"{handle.id[1:]}",
        f"{handle.id}/",
        f'{handle.id}" OR WorkflowId != "',
        "\\",
        "%",
    ):
        assert list(await reached.list(prefix=none)) == []
    status = await reached.query(handle.id, "status")
    voted = await reached.update(handle.id, "vote", vote_of("ask", "ann"), update_id="click-1")
    again = await reached.update(handle.id, "vote", vote_of("ask", "ann"), update_id="click-1")
    await handle.result()

    assert (known.is_under_way, known.type) == (True, "Pipeline")
    assert [row["gate"] for row in status["waiting_for"]] == ["ask"]
    assert voted["counted"] is True
    assert again == voted
    assert (await reached.describe(handle.id)).status == "completed"


async def test_a_pipeline_is_started_once_under_an_id_and_with_inputs_that_it_takes(
    engine: Engine,
):
    reached, run = TemporalEngine(engine.client, compiled), f"t-{uuid.uuid4()}"

    with pytest.raises(DeniedError, match="environment"):
        await reached.start("infrastructure-deploy", {"environment": "moon"}, run=run)
    started = await reached.start("infrastructure-deploy", {}, run=run)
    engine.adopt(run)
    with pytest.raises(ConflictError, match=run):
        await reached.start("infrastructure-deploy", {}, run=run)

    assert started.run == run
    assert (await reached.describe(run)).run_id == started.run_id


async def test_what_is_not_ours_or_not_there_is_not_found(engine: Engine):
    reached = TemporalEngine(engine.client, compiled)
    handle = await engine.start(pipeline(gate("ask")))
    await engine.pending(handle, "ask")

    for run in ("nobody", "", "x" * 2_000, "a\0b"):
        with pytest.raises(NotFoundError):
            await reached.describe(run)
    with pytest.raises(DeniedError, match="nonsense"):
        await reached.query(handle.id, "nonsense")
    with pytest.raises(DeniedError):
        await reached.update(handle.id, "nonsense", {}, update_id="u-1")
    await reached.cancel(handle.id)

    async def is_over() -> bool:
        return not (await reached.describe(handle.id)).is_under_way

    await eventually(is_over, within_s=60)
    with pytest.raises(NotFoundError, match="cancelled already"):
        await reached.update(handle.id, "vote", {}, update_id="u-2")
    for run in (handle.id, "nobody"):
        with pytest.raises(NotFoundError):
            await reached.cancel(run)
