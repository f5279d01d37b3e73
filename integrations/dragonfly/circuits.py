"""Circuits that all processes share: a script keeps the rules of ``dsl.rules.health.breaker``.

1. The server's clock counts; whoever asks brings none.
2. Everything may be sent again after a lost reply: a report has a number, a probe a name, an order
   its time, and whatever changes the state makes all of them old.
3. A circuit is state of the moment. An emptied server knows closed ones only.
4. Nobody waits for it: an answer takes ``CIRCUIT_LIMIT_S``, or there is none.
5. Orders are looked for under the names that are known here. So an order makes its name known: no
   worker may have called what it is about yet, or since the server was emptied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from dsl.core import RedisKeys
from dsl.limits import BREAKERS_MAX
from dsl.rules.health.breaker import CircuitOrder, CircuitState, Outcome, Probe
from dsl.rules.health.breaker_settings import BreakerSettings
from integrations.dragonfly.client import answered
from integrations.dragonfly.lua import script

CIRCUIT_LIMIT_S: Final = 0.5  # (4) nobody waits for it
_PROBE: Final = 2


@dataclass(frozen=True, slots=True)
class CircuitReading:
    """What a circuit is, in the server's words; times in its milliseconds."""

    is_let_through: bool
    is_probe: bool
    state: CircuitState
    generation: int
    left_ms: int  # -1: nobody can say
    now_ms: int
    may_look: bool  # whoever reads this may look whether the system lives; for a second nobody else
    order: int  # when a person last gave an order; 0: never
    was: CircuitState | None  # the state before, where this very question has changed it


@dataclass(frozen=True, slots=True)
class CircuitReport:
    """What calls of one process came to since it last said so; none: it only asks."""

    name: str
    settings: BreakerSettings
    generation: int = 0
    worker: str = ""
    number: int = 0  # rises with each report of the worker (2)
    calls: int = 0
    failed: int = 0
    slow: int = 0
    last: str = ""  # one letter a call, see ``letter``
    looks: bool = False


class Circuits:
    """The circuits of one store."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._circuit = script(client, "circuit")

    async def report(
        self, reports: Sequence[CircuitReport], limit_s: float = CIRCUIT_LIMIT_S
    ) -> list[CircuitReading]:
        """Tell and ask of several circuits in one round trip."""
        async with answered(limit_s), self._client.pipeline(transaction=False) as pipe:
            for each in reports:
                await self._circuit(
                    keys=_keys(each.name),
                    args=[
                        *_act("report", each.settings),
                        *(each.generation, each.worker, each.number),
                        *(each.calls, each.failed, each.slow, each.last, int(each.looks)),
                    ],
                    client=pipe,
                )
            return [_read(answer) for answer in await pipe.execute()]

    async def ask(self, name: str, settings: BreakerSettings, permit: str) -> CircuitReading:
        """Ask whether a call may go out, which would be known by ``permit``."""
        return await self._do(name, "ask", settings, permit)

    async def settle(
        self, name: str, settings: BreakerSettings, probe: Probe, outcome: Outcome | None
    ) -> CircuitReading:
        """Tell what a probe came to; None: it was not used."""
        said = (0, 0, 0) if outcome is None else (1, int(outcome.failed), int(outcome.slow))
        return await self._do(name, "settle", settings, *probe, *said)

    async def alive(self, name: str, settings: BreakerSettings, generation: int) -> CircuitReading:
        """Tell of a sign of life."""
        return await self._do(name, "alive", settings, generation)

    async def obey(
        self,
        name: str,
        settings: BreakerSettings,
        order: CircuitOrder,
        given_ms: int,
        limit_s: float = CIRCUIT_LIMIT_S,
    ) -> CircuitReading:
        """Pass on a person's order; an earlier one than is known changes nothing."""
        await self.told((name,), limit_s)  # (5) where orders are looked for
        return await self._do(name, "order", settings, order.value, given_ms, limit_s=limit_s)

    async def told(self, names: Sequence[str], limit_s: float = CIRCUIT_LIMIT_S) -> None:
        """Make known that there are circuits of these names."""
        if names:
            async with answered(limit_s):
                await self._client.sadd(RedisKeys.CIRCUITS, *names[:BREAKERS_MAX])

    async def names(self) -> set[str]:
        """Return the names of circuits that were ever told of."""
        async with answered():
            return {str(name) for name in await self._client.smembers(RedisKeys.CIRCUITS)}

    async def held_open(self, names: Sequence[str]) -> dict[str, int]:
        """Return which circuits an order keeps open, and when it was given."""
        held: dict[str, int] = {}
        for begun in range(0, len(names), BREAKERS_MAX):  # of all workers, there may be more
            some = names[begun : begun + BREAKERS_MAX]
            async with answered(), self._client.pipeline(transaction=False) as pipe:
                for name in some:
                    await pipe.hmget(RedisKeys.circuit(name), "state", "order")
                found = await pipe.execute()
            for name, (state, order) in zip(some, found, strict=True):
                if state == CircuitState.FORCED_OPEN:
                    held[name] = int(order or 0)
        return held

    async def _do(
        self,
        name: str,
        act: str,
        settings: BreakerSettings,
        *rest: str | int,
        limit_s: float = CIRCUIT_LIMIT_S,
    ) -> CircuitReading:
        async with answered(limit_s):
            answer = await self._circuit(keys=_keys(name), args=[*_act(act, settings), *rest])
        return _read(answer)


def letter(outcome: Outcome) -> str:
    """Return how a report spells what one call came to."""
    if outcome.failed:
        return "b" if outcome.slow else "f"
    return "s" if outcome.slow else "o"


def _keys(name: str) -> list[str]:
    return [RedisKeys.circuit(name), RedisKeys.CIRCUIT_MOVES]


def _act(act: str, settings: BreakerSettings) -> list[str | int]:
    return [
        act,
        settings.window_calls,
        settings.window_ms,
        settings.minimum_calls,
        settings.failure_rate,
        settings.slow_rate,
        settings.wait_ms,
        settings.wait_max_ms,
        settings.permits,
        settings.lease_ms,
    ]


def _read(answer: Sequence[Any]) -> CircuitReading:
    let, state, generation, left, now, looks, order, was = answer
    return CircuitReading(
        is_let_through=bool(let),
        is_probe=let == _PROBE,
        state=CircuitState(state),
        generation=int(generation),
        left_ms=int(left),
        now_ms=int(now),
        may_look=bool(looks),
        order=int(order),
        was=CircuitState(was) if was else None,
    )
