"""A checkpoint is handed to the next try, whoever makes it: Temporal, or ``retry:``."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.errors import UnavailableError
from tests.fixtures.engine import Engine, fail, pipeline, stage


async def lost(_request):
    """End as what Temporal tries again, as it does when a worker has died."""
    raise UnavailableError("the keeper said nothing")


@pytest.mark.parametrize("ending", [fail, lost], ids=["retry", "temporal"])
async def test_the_next_try_begins_where_the_last_one_was(engine: Engine, ending):
    seen: list[Any] = []

    async def work(request):
        seen.append(request.checkpoint)
        if len(seen) == 3:
            return {"done": True}
        if len(seen) == 1:  # the second says none: the first one's holds
            engine.runner.checkpoint(request, {"files": 1})
            engine.runner.checkpoint(request, {"files": 2})
        return await ending(request)

    engine.runner.behaviours["work"] = work
    handle = await engine.start(
        pipeline(stage("work", config={"retry": 2}), stage("next", requires=["work"]))
    )
    report = await handle.result()

    assert seen == [None, {"data": {"files": 2}}, {"data": {"files": 2}}]
    assert report["stages"]["work"]["output"] == {"done": True}
    assert next(r for r in engine.runner.requests if r.stage == "next").checkpoint is None
