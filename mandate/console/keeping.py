"""What goes on beside the pages: sessions that are over have their logins ended, at Vault as well.

1. Looked at every ``LOOK_S``; at the end of the server every session is over.
2. A login that was brought as a token is its owner's, and left alone.
3. Where Vault does not answer, or cannot be reached as things are set up now, a login ends by its
   own time, which is said to nobody: there is nothing that anybody could do. The next ones are
   ended all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final

from integrations.beside import ended
from integrations.errors import IntegrationError
from integrations.health.monitor import Monitor
from integrations.settings import SettingsError
from mandate.console.desk import Desk
from mandate.console.served_pages import ConsoleSite
from mandate.console.sessions import WebSession
from mandate.people.errors import RefusalError

LOOK_S: Final = 15.0
END_S: Final = 5.0  # at the end of the server, for all of them
AT_ONCE_MAX: Final = 16  # logins that are ended at a time


@asynccontextmanager
async def kept(site: ConsoleSite, monitor: Monitor) -> AsyncIterator[None]:
    """Keep what a console needs going."""
    keeping = asyncio.create_task(_keep(site))
    try:
        async with monitor.running():
            yield
    finally:
        await ended([keeping])
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await log_out(site.desk, site.sessions.all_ended())  # (1) every session is over


async def log_out(desk: Desk, sessions: Iterable[WebSession]) -> None:
    """End the logins of sessions, but those that were brought (2)."""
    turn = asyncio.Semaphore(AT_ONCE_MAX)

    async def end(session: WebSession) -> None:
        async with turn:
            with suppress(IntegrationError, RefusalError, SettingsError):  # (3) by its own time
                async with desk.acting(session) as who:
                    await who.person.log_out()

    await asyncio.gather(*(end(each) for each in sessions if not each.is_brought))


async def _keep(site: ConsoleSite) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        await log_out(site.desk, site.sessions.ended())
