"""Scenarios of agents whose work somebody else's worker does."""

from __future__ import annotations

from typing import Any

from temporalio.exceptions import ApplicationError

from tests.fixtures.engine import stage
from tests.fixtures.outside.worker import DONE, serving
from tests.replay.studio import Handle, Studio, ended


def _stage(template: str, **config: Any) -> dict[str, Any]:
    return stage("look", template=template, config=config)


async def delegated(studio: Studio, name: str) -> Handle:
    """An activity that is asked in every phase; its first EXECUTE fails, the second delivers."""

    async def fail_once(request: dict[str, Any]) -> Any:
        if (request["phase"], request["attempt"]) == ("EXECUTE", 1):
            raise ApplicationError("the model is busy", type="Busy")
        return DONE

    async with serving(studio.address) as outside:
        outside.behaviours["look"] = fail_once
        run = await studio.start(name, _stage("outside-phases", retry=1))
        await ended(run)
    return run


async def delegated_in_vain(studio: Studio, name: str) -> Handle:
    """An activity that nobody serves: the time limit of its stage ends the wait."""
    return await studio.start(name, _stage("outside-nobody", timeout="2s"))


async def delegated_and_stopped(studio: Studio, name: str) -> Handle:
    """A workflow at work, and its agent is stopped."""
    async with serving(studio.address):
        run = await studio.start(name, _stage("outside-workflow", inputs={"do": "hang"}))
        await studio.until_body_works(run, "look")
        await run.signal("revoke", {"stage": "look", "reason": "it looks where it should not"})
        await ended(run)
    return run
