"""``mandate cancel``, ``pause`` and ``resume``: what a person does to a run under way.

Whoever may write to the namespace may do it: each is a brake, or takes one off that anybody may
pull. None of them answers a gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHandle

from dsl.shown.surfaces import Terminal
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError
from mandate.people.runs import status_of, under_way
from mandate.stack import environment
from mandate.terminal import say

TAKEN_S: Final = 10.0  # until a run has taken a message
_POLL_S: Final = 0.2


def cancel(run: str, *, data_dir: Path | None) -> int:
    """Ask a run to end; what it started is stopped, and that is recorded."""
    return enter("cancel", _cancel(run, environment.present(data_dir)))


def pause(run: str, *, data_dir: Path | None) -> int:
    """Let a run start no further stage."""
    return enter("pause", _pause(run, environment.present(data_dir), paused=True))


def resume(run: str, *, data_dir: Path | None) -> int:
    """Let a run go on."""
    return enter("resume", _pause(run, environment.present(data_dir), paused=False))


async def _cancel(run: str, env: Mapping[str, str]) -> int:
    handle = await under_way(await temporal(env), run)
    await handle.cancel()
    say(
        Terminal.of("{}: cancel requested; what it started is stopped within two minutes", run),
        Terminal.of("follow it: {}", Terminal.command("mandate watch {}", run)),
    )
    return 0


async def _pause(run: str, env: Mapping[str, str], *, paused: bool) -> int:
    handle = await under_way(await temporal(env), run)
    was = await _answer(handle)
    if "paused" not in was:
        raise RefusalError("{!r} is no run of a pipeline: it has no stages to hold back", run)
    await handle.signal("pause" if paused else "resume")
    await _within(_until(handle, paused=paused), run)
    if paused:
        back = Terminal.command("mandate resume {}", run)
        say(Terminal.of("{}: paused; stages at work finish, none starts. Go on: {}", run, back))
    elif was["paused"] is True:
        say(Terminal.of("{}: goes on", run))
    else:  # sent all the same: a pause may be on its way
        back = Terminal.command("mandate resume {} --from STAGE", run)
        say(Terminal.of("{}: was not paused, and goes on. To take it back: {}", run, back))
    return 0


async def _answer(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    status = await status_of(handle)
    if not status:
        raise RefusalError("{!r} does not answer: is its worker running?", handle.id)
    return status


async def _until(handle: WorkflowHandle[Any, Any], *, paused: bool) -> None:
    while True:
        if (await status_of(handle)).get("paused") is paused:
            return
        await asyncio.sleep(_POLL_S)


async def _within(work: Coroutine[Any, Any, None], run: str) -> None:
    try:
        async with asyncio.timeout(TAKEN_S):
            await work
    except TimeoutError:
        raise RefusalError(
            "{!r} has not taken it within {:g} s: it is sent, and taken when its worker is back",
            run,
            TAKEN_S,
        ) from None
