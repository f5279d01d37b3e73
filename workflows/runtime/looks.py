"""A rest before one more look at calls, where the last ones were in vain."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio import workflow

from dsl.rules.tools.looks import pause_before

PATCH: Final = "looks-in-vain-wait"


async def rest_after(in_vain: int) -> None:
    """Wait as long as ``dsl.rules.tools.looks`` says; a run that has looked on before looks on."""
    pause_ms = pause_before(in_vain)
    if pause_ms and workflow.patched(PATCH):
        await workflow.sleep(timedelta(milliseconds=pause_ms))
