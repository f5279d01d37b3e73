"""Work that begins, and whose call hangs: given up where its system answers nobody."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis.asyncio import Redis

from dsl.rules.health.breaker import CircuitOrder, CircuitState
from dsl.rules.health.vitality import Vitality
from dsl.values.circuit_names import DRAGONFLY, VAULT
from integrations.dragonfly.circuits import CircuitReading
from integrations.dragonfly.client import answered
from integrations.errors import CircuitOpenError, UnavailableError
from integrations.health import deaths, looking
from integrations.health.breakers import Breakers
from integrations.health.monitor import Monitor
from integrations.health.probes.stores import dragonfly_probe
from tests.integration.stack.probes import eventually

SOON_S = 0.02
SAYS_SO_S = 6.0  # a call alone takes eight


class Away:
    """Something that nobody can look at; ``lives`` says whether a look finds it."""

    def __init__(self) -> None:
        self.lives = False
        self.looks = 0
        self.breakers = Breakers()
        self.breakers.looks(VAULT, self.look)

    async def look(self) -> None:
        self.looks += 1
        if not self.lives:
            raise UnavailableError("no answer")


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    monkeypatch.setattr(looking, "STILL_S", SOON_S)
    return Away()


async def test_a_call_that_hangs_is_given_up_and_nothing_begins_meanwhile(away: Away):
    with pytest.raises(CircuitOpenError, match="circuit vault is open"):
        async with away.breakers.let_through([VAULT]), away.breakers.attending(VAULT):
            await asyncio.Event().wait()

    with pytest.raises(CircuitOpenError):
        async with away.breakers.let_through([VAULT]):
            pytest.fail("nothing begins")


async def test_what_was_found_silent_once_is_asked_again_soon(
    away: Away, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deaths, "ABOUT_MS", 50)
    with pytest.raises(CircuitOpenError):
        async with away.breakers.let_through([VAULT]), away.breakers.attending(VAULT):
            await asyncio.Event().wait()

    async def begins() -> bool:
        try:
            async with away.breakers.let_through([VAULT]):
                return True
        except CircuitOpenError:
            return False

    await eventually(begins)


async def test_a_slow_call_to_what_answers_others_goes_on(away: Away):
    away.lives = True
    async with away.breakers.let_through([VAULT]), away.breakers.attending(VAULT):
        await eventually(lambda: away.looks >= 3)

    assert away.breakers.of(VAULT).state is CircuitState.CLOSED


async def test_a_call_that_is_answered_soon_has_nothing_looked_at(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(looking, "STILL_S", 60.0)
    away = Away()
    async with away.breakers.let_through([VAULT]), away.breakers.attending(VAULT):
        await asyncio.sleep(SOON_S)

    assert away.looks == 0


async def test_what_no_circuit_may_hold_back_waits_for_its_call(away: Away):
    async with away.breakers.attending(VAULT):  # was not asked for leave
        await asyncio.sleep(5 * SOON_S)
    async with away.breakers.let_through([DRAGONFLY]), away.breakers.attending(VAULT):
        await asyncio.sleep(5 * SOON_S)

    assert away.looks == 0


async def test_what_a_person_has_ordered_to_be_let_through_waits_too(away: Away):
    away.breakers.of(VAULT).learned(
        CircuitReading(
            is_let_through=True,
            is_probe=False,
            state=CircuitState.FORCED_CLOSED,
            generation=1,
            left_ms=0,
            now_ms=1,
            may_look=False,
            order=1,
            was=None,
        )
    )
    assert away.breakers.of(VAULT)._order == (CircuitOrder.CLOSE, 1)
    async with away.breakers.let_through([VAULT]), away.breakers.attending(VAULT):
        await asyncio.sleep(5 * SOON_S)

    assert away.looks == 0


async def test_how_a_call_ends_by_itself_is_how_it_ends(away: Away):
    away.lives = True
    for error in (UnavailableError("away"), TimeoutError("its own"), ValueError("a bug")):
        with pytest.raises(type(error), match=str(error)):
            async with away.breakers.let_through([VAULT]), away.breakers.attending(VAULT):
                raise error


async def test_who_cancels_the_work_is_obeyed(away: Away):
    away.lives = True

    async def work() -> None:
        async with away.breakers.let_through([VAULT]), away.breakers.attending(VAULT):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await eventually(lambda: away.looks >= 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _asks(breakers: Breakers, client: Redis) -> None:
    async with breakers.let_through([DRAGONFLY]), breakers.attending(DRAGONFLY), answered():
        await client.ping()


async def test_a_frozen_server_is_told_of_before_its_call_would_end(private_valkey):
    server = private_valkey()
    client, looks = server.client(), server.client()
    breakers = Breakers()
    breakers.looks(DRAGONFLY, looks.ping)
    monitor = Monitor([dragonfly_probe(looks)])
    monitor.tells(breakers.deaths.heard)
    async with breakers.running(), monitor.running():
        await eventually(lambda: monitor.vitals()[0].state is Vitality.ALIVE)
        await client.ping()
        server.pause()
        began = time.monotonic()
        try:
            with pytest.raises(CircuitOpenError):
                await _asks(breakers, client)
            took = time.monotonic() - began
        finally:
            server.resume()
        print(f"a frozen server is told of after {took:.1f} s")

        async def begins() -> bool:
            try:
                await breakers.look(DRAGONFLY)
            except CircuitOpenError:
                return False
            return True

        await eventually(begins, within_s=30)
    await client.aclose()
    await looks.aclose()

    assert took < SAYS_SO_S
