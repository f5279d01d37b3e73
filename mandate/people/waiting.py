"""Waiting until somebody is asked: at one run, or at any.

1. It is over when a gate is open, and the server's lists tell of it: whoever looks there next,
   by whatever command, finds it. Lists that never do are not waited for longer than ``LISTED_S``.
2. A run that is over asks nobody any more, however it ended: that is said at once.
3. A run that does not answer may do so yet: only the time limit ends that, and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from temporalio.client import Client

from dsl.shown.surfaces import Terminal
from dsl.values.durations import render_duration
from mandate.people.errors import NotYetError
from mandate.people.gates import inbox
from mandate.people.gates.inbox import Inbox
from mandate.people.runs import doing_words

LOOK_S: Final = 0.5
LISTED_S: Final = 5.0


async def until_asked(client: Client, run: str | None, *, within_ms: int) -> Inbox:
    """Return what waits for somebody, at ``run`` or anywhere, once there is something.

    Raises:
        NotYetError: nobody is asked within the time (3).
        RefusalError: there is no such run, or it is over (2).
        temporalio.service.RPCError: the server does not answer.
    """
    looking = (lambda: inbox.look(client)) if run is None else (lambda: inbox.look_at(client, run))
    seen: list[Inbox] = []
    try:
        async with asyncio.timeout(within_ms / 1000):
            found = await _asking(looking, seen)
    except TimeoutError:
        where = Terminal.of("the run {!r} asks nobody", run) if run else Terminal("no run asks")
        limit = render_duration(within_ms)
        raise NotYetError("{} within {}{}", where, limit, _doing(seen)) from None
    if run is not None:
        await _listed(client, found)
    return found


async def _asking(looking: Callable[[], Coroutine[Any, Any, Inbox]], seen: list[Inbox]) -> Inbox:
    while True:
        seen[:] = [await looking()]
        if any(each.rows for each in seen[0].runs):
            return seen[0]
        await asyncio.sleep(LOOK_S)


async def _listed(client: Client, found: Inbox) -> None:
    """Wait until the lists tell of what was found (1)."""
    for _ in range(int(LISTED_S / LOOK_S)):
        if all([await inbox.is_listed(client, each) for each in found.runs if each.rows]):
            return
        await asyncio.sleep(LOOK_S)


def _doing(seen: list[Inbox]) -> Terminal:
    """Say what kept the run that was looked at last, as far as that is known."""
    for each in seen[0].runs if seen else ():
        if each.why:
            return Terminal.of(": {}", each.why)
        if each.doing:
            return Terminal.of("; at work: {}", doing_words(each.doing))
    return Terminal()
