"""The ends of credentials: each is ended, also where Vault was away or its worker has died.

Nobody can use a token of a Vault that does not answer, but when Vault is back it is there. Rules:

1. What was minted is noted before it is handed out, by its accessor, which opens nothing, and until
   Vault has ended it. A worker that is killed leaves the note: whoever is started after it on this
   machine ends what stands there, and notes it as its own until then.
2. What Vault does not end at first is tried again for as long as a credential lives at most; by
   then it has ended by itself. Every ``AGAIN_S`` at first, then ever more seldom, ``AT_ONCE`` at a
   time: a Vault that comes back is not overrun by all that was left.
3. Whoever leaves a run may wait for what is still to be ended of it, and names what is not.
4. A worker that ends in order while something is left leaves it to its successor.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from typing import Final

import hvac
from hvac import exceptions as theirs

from integrations.beside import ended
from integrations.errors import IntegrationError
from integrations.under_way import UnderWay
from integrations.vault.client import Identity, Vault
from integrations.vault.identity.registry import TOKEN_LIFE_MAX_S

logger = logging.getLogger(__name__)

AGAIN_S: Final = 0.5
SOON: Final = 10  # tries at that pace
AGAIN_MAX_S: Final = 10.0
AT_ONCE: Final = 16
KEPT_MAX: Final = 10_000  # of one process; what is beyond it ends by itself


@dataclass(frozen=True, slots=True)
class UnendedCredential:
    """A credential that was handed out and has not ended, as far as is known."""

    accessor: str
    run: str  # id of the workflow's run that it was minted for
    number: int  # of its note


class CredentialEnds:
    """Ends credentials as the identity that has minted them."""

    def __init__(self, vault: Vault, login: Identity, notes: UnderWay | None = None) -> None:
        """Prepare it; without ``notes`` nothing is left to a successor."""
        self._vault = vault
        self._login = login
        self._notes = notes
        self._kept: dict[str, UnendedCredential] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._fewer = asyncio.Event()  # another one when it has been set
        self._turn = asyncio.Semaphore(AT_ONCE)

    def keep(self, accessor: str, run: str = "") -> None:
        """Note that a credential is about to be handed out (1)."""
        if accessor in self._kept or len(self._kept) >= KEPT_MAX:
            return
        number = self._notes.begin(f"{accessor} {run}".encode()) if self._notes else 0
        self._kept[accessor] = UnendedCredential(accessor, run, number)

    async def end(self, accessor: str) -> None:
        """End a credential; where that fails it is tried again beside whatever comes next (2)."""
        error = await self._try(accessor)
        if error is not None:
            logger.warning("credential %s is not ended yet, and tried again: %s", accessor, error)
            self._go_on(accessor)

    async def end_left(self) -> None:
        """End what workers have left that died here (1)."""
        if self._notes is None:
            return
        left = []
        for number, note in (await asyncio.to_thread(self._notes.take_left)).items():
            accessor, _, run = note.decode(errors="replace").partition(" ")
            if accessor in self._kept:  # noted twice, by whoever died between
                self._notes.end(number)
                continue
            left.append(accessor)
            self._kept[accessor] = UnendedCredential(accessor, run, number)
        if left:
            logger.info("%d credentials of a worker that died are ended", len(left))
        await asyncio.gather(*map(self._end_in_turn, left))

    async def left_of(self, run: str, within_s: float) -> tuple[str, ...]:
        """Return the accessors that are not ended of a run, when ``within_s`` is over (3)."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._of(run):
                    await self._fewer.wait()
        return self._of(run)

    async def aclose(self) -> None:
        """Stop trying (4)."""
        await ended(self._tasks)
        if self._notes is not None and not self._kept:
            self._notes.close()

    def _of(self, run: str) -> tuple[str, ...]:
        return tuple(each.accessor for each in self._kept.values() if each.run == run)

    def _go_on(self, accessor: str) -> None:
        task = asyncio.create_task(self._until_ended(accessor))
        self._tasks.add(task)  # the loop holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    async def _end_in_turn(self, accessor: str) -> None:
        async with self._turn:
            await self.end(accessor)

    async def _until_ended(self, accessor: str) -> None:
        until = time.monotonic() + TOKEN_LIFE_MAX_S
        for wait_s in waits():
            if time.monotonic() >= until:
                break
            await asyncio.sleep(wait_s)
            async with self._turn:
                if await self._try(accessor) is None:
                    return
        self._forget(accessor)  # (2) it has ended by itself

    async def _try(self, accessor: str) -> IntegrationError | None:
        """Try once; return why it has not ended."""
        try:
            await self._vault.run_as(self._login, lambda client: revoke(client, accessor))
        except IntegrationError as error:
            return error
        self._forget(accessor)
        return None

    def _forget(self, accessor: str) -> None:
        kept = self._kept.pop(accessor, None)
        self._fewer.set()
        self._fewer = asyncio.Event()
        if kept is not None and self._notes is not None:
            self._notes.end(kept.number)


def waits() -> Iterator[float]:
    """Yield how long to wait before each try (2)."""
    yield from repeat(AGAIN_S, SOON)
    wait_s = AGAIN_S
    while True:
        wait_s = min(2 * wait_s, AGAIN_MAX_S)
        yield wait_s


def revoke(client: hvac.Client, accessor: str) -> None:
    """End the token that ``accessor`` names; harmless when it has ended."""
    # Some versions answer an unknown accessor with an error, others with a warning.
    with suppress(theirs.InvalidRequest, theirs.InvalidPath):
        client.adapter.post("/v1/auth/token/revoke-accessor", json={"accessor": accessor})
