"""Voters of whom the same is asked once at a time: for brakes, which ask together.

1. Who asks while the same is being asked hears Vault's answer to that: it is as old as a call
   takes, and nothing is remembered beyond it. Until an agent is disabled, every other call is time
   for whoever holds a token.
2. One who is cancelled leaves the question to the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, TypeVar

from integrations.vault.client import Identity, Vault
from integrations.vault.signing.voters import Voter, Voters

T = TypeVar("T")


class VotersAskedOnce(Voters):
    """See ``Voters``."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        super().__init__(vault, login)
        self._asked: dict[Hashable, asyncio.Future[Any]] = {}

    async def verify(self, entity: str, message: bytes, signature: str) -> bool:
        """See ``Voters.verify``."""
        ask = super().verify
        return await self._once(
            (entity, message, signature), lambda: ask(entity, message, signature)
        )

    async def read(self, entity: str, groups: Iterable[str] = ()) -> Voter | None:
        """See ``Voters.read``."""
        ask, asked = super().read, frozenset(groups)
        return await self._once((entity, asked), lambda: ask(entity, asked))

    async def _once(self, question: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        answer = self._asked.get(question)
        if answer is None:
            answer = self._asked[question] = asyncio.ensure_future(ask())
            answer.add_done_callback(lambda _: self._asked.pop(question))
        return await asyncio.shield(answer)  # (2) to the others
