"""How circuits have moved by themselves from state to state, as the store has noted it.

The script that moves a circuit notes it in the same breath, see ``circuit.lua``: so no move
between two looks is missed. The rules:

1. The newest thousand are kept, and none by a store that was emptied. Who reads begins anew then.
2. A move is known by its circuit and generation, however often it is read.
3. What cannot be read is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from dsl.core import RedisKeys
from dsl.rules.health.breaker import CircuitState
from integrations.dragonfly.client import answered

MOVES_READ_MAX: Final = 200
_WORDS: Final[Mapping[str, str]] = {
    "waited": "its wait is over",
    "alive": "it was seen to live",
    "calls": "of {calls} calls {failed} failed and {slow} were slow",
    "probes": "of {calls} probes {failed} failed and {slow} were slow",
}


@dataclass(frozen=True, slots=True)
class CircuitMove:
    """One move of one circuit."""

    circuit: str
    was: CircuitState
    now: CircuitState
    generation: int
    at_ms: int  # the server's time
    why: str


class CircuitMoves:
    """The moves that one store has noted."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def after(self, place: str) -> tuple[str, list[CircuitMove]]:
        """Return the oldest moves behind ``place``, and the place behind them; "-": all."""
        async with answered():
            found: Any = await self._client.xrange(
                RedisKeys.CIRCUIT_MOVES, min=place, count=MOVES_READ_MAX
            )
        new = [(at, fields) for at, fields in found if at != place]
        read = [move for _, fields in new if (move := _read(fields))]
        return str(new[-1][0]) if new else place, read


def _read(fields: Mapping[str, str]) -> CircuitMove | None:
    try:
        return CircuitMove(
            circuit=fields["circuit"].removeprefix(RedisKeys.circuit("")),
            was=CircuitState(fields["was"]),
            now=CircuitState(fields["now"]),
            generation=int(fields["generation"]),
            at_ms=int(fields["at"]),
            why=_WORDS[fields["why"]].format_map(fields),
        )
    except (KeyError, ValueError):  # (3) left out
        return None
