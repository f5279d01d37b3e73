"""``mandate logs``: what agents have said, stage by stage, however they ended.

1. The log of a try is an output of its stage, told when the try is over. It is looked for by the
   digest that the stage's history has, and hashed.
2. Of an agent at work there is its last progress, as the server has it. ``--follow`` goes on until
   the run or stage is over; leaving it leaves the run alone.
3. What is shown is text of others: see ``dsl.shown.surfaces``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.runtime.engine import NO_SUCH_RUN, described
from dsl.shown.surfaces import Terminal
from integrations.artifacts.store import Artifacts
from mandate._entry import EXIT_INTERRUPTED
from mandate.people.door import enter, temporal
from mandate.people.gates.contents import store
from mandate.people.outputs import StageOutputs, read_output, stages_of
from mandate.stack import environment
from mandate.terminal import note, say
from mandate.work.look.artifact import say_lines

LOOK_EVERY_S: Final = 1.0
SUFFIX: Final = ".log"
_PROGRESS_FIELDS_MAX: Final = 10


def run(workflow: str, stage: str | None, *, follow: bool, data_dir: Path | None) -> int:
    """Show the logs of a run, or of one of its stages; return the exit code."""
    place = workflow if stage is None else f"{workflow}/{stage}"
    return enter("logs", _logs(place, environment.present(data_dir), follow=follow))


async def _logs(place: str, env: Mapping[str, str], *, follow: bool) -> int:
    client = await temporal(env)
    shown = _Shown(client, store(env))
    try:
        while True:
            was_over = await _is_over(client, place)
            await shown.look(place)
            if was_over or not follow:
                break
            await asyncio.sleep(LOOK_EVERY_S)
    except asyncio.CancelledError:  # (2) leaving it leaves the run alone
        note(Terminal.of("{} goes on", place))
        return EXIT_INTERRUPTED
    if not shown.anything:
        note(Terminal.of("no agent of {!r} has said anything yet", place))
    return 0


async def _is_over(client: Client, place: str) -> bool:
    try:
        return (await described(client, place)).HasField("close_time")
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            return True  # said by whoever looks next
        raise


class _Shown:
    """Shows what has not been shown yet."""

    def __init__(self, client: Client, artifacts: Artifacts) -> None:
        self._client = client
        self._artifacts = artifacts
        self._logs: set[tuple[str, str, str]] = set()
        self._steps: dict[str, str] = {}

    @property
    def anything(self) -> bool:
        """Tell whether there was anything to show."""
        return bool(self._logs or self._steps)

    async def look(self, place: str) -> None:
        """Show what is new of a run or stage."""
        async for stage in stages_of(self._client, place):
            self._show_logs(stage)
            await self._show_step(stage)

    def _show_logs(self, stage: StageOutputs) -> None:
        for output in stage.outputs:
            known = (stage.stage, output.name, output.digest)
            if not output.name.endswith(SUFFIX) or output.phase == "" or known in self._logs:
                continue
            self._logs.add(known)
            note(Terminal.of("{}: {}  {}", stage.stage, output.name, output.digest))
            say_lines(read_output(self._artifacts, output))

    async def _show_step(self, stage: StageOutputs) -> None:
        handle = self._client.get_workflow_handle(f"{stage.run}/{stage.stage}")
        about = await handle.describe()
        for pending in about.raw_description.pending_activities:
            details = await self._client.data_converter.decode(
                list(pending.heartbeat_details.payloads)
            )
            step = _step(details)
            if step and self._steps.get(stage.stage) != step:
                self._steps[stage.stage] = step
                say(Terminal.of("{}: {}", stage.stage, step))


def _step(details: list[Any]) -> str:
    told = details[0] if details and isinstance(details[0], dict) else {}
    words = [f"{name}={value}" for name, value in [*told.items()][:_PROGRESS_FIELDS_MAX]]
    return str(told.get("message") or " ".join(words))
