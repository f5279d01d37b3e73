"""Looking again and again: at what answers, hangs, lies, and is wrong itself."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dsl.rules.health.breaker import CircuitOrder, CircuitState
from dsl.rules.health.vitality import Vitality
from dsl.values.circuit_names import DRAGONFLY, VAULT
from integrations.dragonfly.circuits import Circuits
from integrations.errors import CircuitOpenError, UnavailableError
from integrations.health import monitor as monitoring
from integrations.health.breakers import Breakers
from integrations.health.monitor import Monitor
from integrations.health.probes.sighting import HealthProbe, gone, poor, unseen, well
from integrations.health.probes.stores import dragonfly_probe
from mandate.work.operate.health import exit_code
from tests.integration.stack.probes import eventually

SOON_S = 0.01


class Thing:
    """Something to look at, which is as the test says."""

    def __init__(self):
        self.is_like = "well"
        self.looks = 0
        self.hung = asyncio.Event()

    async def look(self):
        self.looks += 1
        if self.is_like == "away":
            raise UnavailableError("no answer from it")
        if self.is_like == "hung":
            await self.hung.wait()
        if self.is_like == "a bug":
            raise ZeroDivisionError
        found = {"poor": poor("is short", "give it more"), "gone": gone("lost")}
        found["elsewhere"] = unseen("it is not on this machine")
        return found.get(self.is_like, well("fine"))

    def probe(self, **changes):
        terms = {"can_die": True, "every_s": SOON_S, "limit_s": 0.05}
        return HealthProbe(VAULT, self.look, **(terms | changes))


@pytest.fixture
def thing(monkeypatch):
    monkeypatch.setattr(monitoring, "AGAIN_S", SOON_S)
    return Thing()


@asynccontextmanager
async def watched(thing, **changes):
    monitor = Monitor([thing.probe(**changes)])
    async with monitor.running():
        yield monitor


async def until(monitor, state):
    await eventually(lambda: monitor.vitals()[0].state is state)
    return monitor.vitals()[0]


async def test_it_dies_and_comes_back_and_everybody_who_listens_hears(thing):
    heard = []
    monitor = Monitor([thing.probe()])
    monitor.tells(lambda vital: heard.append(vital.state))
    async with monitor.running():
        await until(monitor, Vitality.ALIVE)
        thing.is_like = "away"
        vital = await until(monitor, Vitality.DEAD)
        thing.is_like = "well"
        await until(monitor, Vitality.ALIVE)

    assert vital.detail == "no answer from it"
    story = [each for each, before in zip(heard, [None, *heard], strict=False) if each != before]
    assert story == ["alive", "suspect", "dead", "suspect", "alive"]


async def test_a_look_that_hangs_is_no_answer_and_is_not_begun_again(thing):
    async with watched(thing) as monitor:
        await until(monitor, Vitality.ALIVE)
        thing.is_like, before = "hung", thing.looks
        vital = await until(monitor, Vitality.DEAD)
        assert thing.looks <= before + 1
        assert vital.detail == "no answer within 0.05 s"
        thing.is_like = "well"
        thing.hung.set()
        await until(monitor, Vitality.ALIVE)


async def test_of_what_cannot_die_nothing_is_known_while_nobody_answers(thing):
    async with watched(thing, can_die=False) as monitor:
        thing.is_like = "poor"
        assert (await until(monitor, Vitality.SUSPECT)).fix == "give it more"
        thing.is_like = "away"
        vital = await until(monitor, Vitality.UNKNOWN)

    assert (vital.detail, vital.fix) == ("not known: no answer from it", "")


async def test_a_mistake_of_ours_in_a_look_is_logged_once_and_says_nothing(thing, caplog):
    async with watched(thing) as monitor:
        await until(monitor, Vitality.ALIVE)
        thing.is_like = "a bug"
        await until(monitor, Vitality.UNKNOWN)
        seen = thing.looks
        await eventually(lambda: thing.looks > seen + 3)

    assert caplog.text.count("bug: the look at vault went wrong") == 1


async def test_who_looks_once_looks_until_more_would_change_nothing(thing):
    thing.is_like = "away"
    monitor = Monitor([thing.probe()])
    await monitor.settle()

    assert (monitor.vitals()[0].state, thing.looks) == (Vitality.DEAD, 3)


async def test_what_is_elsewhere_is_looked_at_once_and_is_no_finding(thing):
    thing.is_like = "elsewhere"
    monitor = Monitor([thing.probe()])
    await monitor.settle()
    [vital] = monitor.vitals()

    assert (vital.state, vital.is_elsewhere, thing.looks) == (Vitality.UNKNOWN, True, 1)
    assert exit_code([vital]) == 0
    thing.is_like = "a bug"
    await monitor.settle()
    [vital] = monitor.vitals()
    assert (vital.is_elsewhere, exit_code([vital])) == (False, 3)


async def test_what_is_elsewhere_is_not_looked_at_oftener(thing):
    other = Thing()
    thing.is_like, other.is_like = "elsewhere", "away"
    probes = [each.probe(every_s=3_600.0) for each in (thing, other)]
    monitor = Monitor([probes[0], replace(probes[1], name=DRAGONFLY)])
    async with monitor.running():
        await eventually(lambda: other.looks > 4)

    assert thing.looks == 1


async def let(breakers):
    try:
        async with breakers.let_through([VAULT]):
            return True
    except CircuitOpenError:
        return False


async def test_nothing_begins_while_what_it_needs_is_dead_and_all_goes_on_by_itself(thing):
    breakers = Breakers()
    breakers.looks(VAULT, thing.look)
    monitor = Monitor([thing.probe()])
    monitor.tells(breakers.deaths.heard)
    async with breakers.running(), monitor.running():
        await until(monitor, Vitality.ALIVE)
        assert await let(breakers)
        thing.is_like = "away"
        await until(monitor, Vitality.DEAD)
        assert not await let(breakers)
        with pytest.raises(CircuitOpenError, match="circuit vault is open"):
            await breakers.look(VAULT)
        # Nobody has called: it is open all the same, for looks count as calls.
        assert breakers.of(VAULT).state is CircuitState.OPEN
        async with breakers.as_probe(VAULT):
            """What ends or protects is never held back."""
        thing.is_like = "well"
        await until(monitor, Vitality.ALIVE)
        with breakers.of(VAULT).watching():  # a sign of life
            pass
        assert await let(breakers)


async def test_who_cannot_look_at_a_system_takes_nobodys_turn_to(thing):
    breakers = Breakers()
    thing.is_like = "away"
    monitor = Monitor([thing.probe()])
    monitor.tells(breakers.deaths.heard)
    async with breakers.running(), monitor.running():
        await until(monitor, Vitality.DEAD)

    assert breakers.states() == {}


async def test_a_half_open_circuit_lets_no_probe_out_to_what_is_dead(valkey, thing):
    client = valkey.client()
    breakers = Breakers(Circuits(client))
    breakers.looks(VAULT, thing.look)
    thing.is_like = "away"
    monitor = Monitor([thing.probe()])
    monitor.tells(breakers.deaths.heard)
    async with breakers.running(), monitor.running():
        await until(monitor, Vitality.DEAD)
        breaker = breakers.of(VAULT)
        await eventually(lambda: breaker.state is CircuitState.OPEN)
        await Circuits(client).alive(VAULT, breaker.settings, breaker._known()[1])
        await breakers._hear(is_asked=True)
        assert breaker.state is CircuitState.HALF_OPEN
        assert not await let(breakers)
        ordered = int(time.time() * 1000)
        await Circuits(client).obey(VAULT, breaker.settings, CircuitOrder.CLOSE, ordered)
        await breakers._hear(is_asked=True)
        assert await let(breakers)  # somebody has said: whatever comes of it
        await Circuits(client).obey(VAULT, breaker.settings, CircuitOrder.RESET, ordered + 1)
    await client.aclose()


async def test_a_frozen_server_is_dead_in_seconds_and_alive_when_it_goes_on(private_valkey):
    server = private_valkey()
    client = server.client()
    monitor = Monitor([dragonfly_probe(client)])
    async with monitor.running():
        await until(monitor, Vitality.ALIVE)
        server.pause()
        frozen = time.monotonic()
        vital = await until(monitor, Vitality.DEAD)
        took = time.monotonic() - frozen
        server.resume()
        await until(monitor, Vitality.ALIVE)
    await client.aclose()

    assert vital.name == DRAGONFLY
    assert took < 15  # looks of a second each; the machine may be busy
