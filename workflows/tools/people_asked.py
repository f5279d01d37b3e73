"""Calls that wait for people: told to the run, which owns all gates, and read back from it.

1. A signal only has somebody look. What waits is what this workflow says when it is queried; what
   was decided is what the run says. So no message asks in the agent's name, or answers it.
2. While people think, the clock of the stage stands still.
3. A decision is for the one digest that was shown. There are ``TOOL_LOOKS_MAX`` looks, and beyond
   that nothing is approved. Looks in vain wait longer and longer before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.contracts import tool_specs
from dsl.limits import TOOL_LOOKS_MAX
from dsl.shown.surfaces import Markdown
from workflows.runtime.looks import rest_after


class PeopleAsked:
    """What one stage waits for people with, and what they have said."""

    def __init__(
        self, stage: str, standing_still: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._stage = stage
        self._standing_still = standing_still
        self._waiting: dict[str, tool_specs.WaitingCall] = {}  # by digest
        self._decided: dict[str, tool_specs.CallDecision] = {}
        self._looks = 0
        self._in_vain = 0
        self._is_told = False
        self._looking = False

    def look(self) -> None:
        """Be told that something may have been decided (1)."""
        self._is_told = True

    def waiting(self) -> tool_specs.Waiting:
        """Return what waits, for the run."""
        return tool_specs.Waiting(calls=tuple(self._waiting.values()))

    async def ask(self, call: tool_specs.WaitingCall) -> tool_specs.CallDecision:
        """Wait until people have decided on ``call``."""
        digest = call.digest()
        self._waiting[digest] = call
        try:
            await self._tell_run()
            with self._standing_still():  # (2) people think
                while digest not in self._decided:
                    await workflow.wait_condition(
                        lambda: digest in self._decided or self._may_look()
                    )
                    if digest in self._decided:
                        break
                    if self._looks >= TOOL_LOOKS_MAX:  # (3) nothing is approved
                        why = f"it was said more than {TOOL_LOOKS_MAX} times that it was decided"
                        return tool_specs.CallDecision(
                            digest=digest, gate="", is_approved=False, detail=why
                        )
                    await self._look()
        finally:
            del self._waiting[digest]
        return self._decided[digest]

    def _may_look(self) -> bool:
        return self._is_told and not self._looking

    async def _look(self) -> None:
        self._looking = True
        self._looks += 1
        try:
            await rest_after(self._in_vain)  # (3) whoever says so again and again
            self._is_told = False
            self._in_vain += 1
            found = await tool_specs.decisions(
                tool_specs.DecisionsRequest(stage=self._stage, digests=tuple(self._waiting)),
                activity_id=f"{self._stage}/decisions#{self._looks}",
                summary=Markdown.of("{}: what have people decided?", self._stage),
            )
        except ActivityError:
            return
        finally:
            self._looking = False
        for each in found.decisions:
            if each.digest in self._waiting:  # (3) for what was shown
                self._decided[each.digest] = each
                self._in_vain = 0

    async def _tell_run(self) -> None:
        parent = workflow.info().parent
        if parent is None:
            return
        run = workflow.get_external_workflow_handle(parent.workflow_id, run_id=parent.run_id)
        try:
            await run.signal(tool_specs.CALLED, self._stage)
        except ApplicationError:
            return  # it is over
