"""Circuits in the store: the script does what the rules say, whoever asks, and nothing twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from dsl.core import RedisKeys
from dsl.rules.health import breaker
from dsl.rules.health.breaker import Circuit, CircuitOrder, CircuitState, Outcome, Probe
from dsl.rules.health.breaker_settings import BreakerSettings
from integrations.dragonfly.circuit_moves import CircuitMove, CircuitMoves
from integrations.dragonfly.circuits import CircuitReport, Circuits, letter
from integrations.dragonfly.client import connect
from tests.fixtures.dragonfly.holders import new_name
from tests.fixtures.dragonfly.lost_replies import LostReplies
from tests.fixtures.search import FACTOR, SEED

BAD = Outcome(failed=True)
STEPS = 1_000  # of one search; `make stress` goes twenty times as far
SETTINGS = BreakerSettings(
    minimum_calls=4, window_ms=60_000, wait_ms=60_000, wait_max_ms=60_000, permits=3
)


def told(name, outcomes, *, number=1, generation=0, settings=SETTINGS, worker="w"):
    return CircuitReport(
        name=name,
        settings=settings,
        generation=generation,
        worker=worker,
        number=number,
        calls=len(outcomes),
        failed=sum(each.failed for each in outcomes),
        slow=sum(each.slow for each in outcomes),
        last="".join(map(letter, outcomes)),
    )


async def opened(circuits, settings=SETTINGS):
    name = new_name("circuit")
    [reading] = await circuits.report([told(name, [BAD] * 4, settings=settings)])
    assert reading.state is CircuitState.OPEN
    return name, reading.generation


@pytest.mark.parametrize(
    "settings",
    [
        BreakerSettings(window_ms=100, minimum_calls=3, wait_ms=20, permits=2, lease_ms=25),
        BreakerSettings(
            window_ms=0, window_calls=6, minimum_calls=3, failure_rate=40, wait_ms=5, lease_ms=40
        ),
        BreakerSettings(window_ms=55, slow_rate=30, wait_ms=10, wait_max_ms=15, permits=1),
    ],
    ids=["time", "calls", "slow"],
)
async def test_the_script_does_what_the_rules_say(dragonfly, settings):
    """Random acts on a real server; after each the rules say the same of the same moment."""
    chance, circuits = random.Random(SEED), Circuits(dragonfly)
    name, circuit, seen = new_name("circuit"), Circuit(), set()
    given = 0
    for number in range(1, STEPS * FACTOR):
        act = chance.choice(
            ["report", "report", "ask", "ask", "settle", "settle", "alive", "order"]
        )
        generation = circuit.generation - (chance.random() < 0.1)
        caller = chance.choice("abcdef")
        came = [
            Outcome(chance.random() < 0.3, chance.random() < 0.3)
            for _ in range(chance.randint(1, 3))
        ]
        if act == "report":
            report = told(name, came, number=number, generation=generation, settings=settings)
            [reading] = await circuits.report([report])
            circuit = breaker.waited(circuit, settings, reading.now_ms)
            circuit = breaker.count(circuit, settings, reading.now_ms, generation, came)
        elif act == "ask":
            reading = await circuits.ask(name, settings, caller)
            circuit, leave = breaker.ask(circuit, settings, reading.now_ms, caller)
            assert (reading.is_let_through, reading.is_probe) == (leave.is_given, leave.is_probe)
        elif act == "settle":
            outcome = chance.choice([None, *came])
            probe = Probe(generation, caller)
            reading = await circuits.settle(name, settings, probe, outcome)
            circuit = breaker.settle(circuit, settings, reading.now_ms, probe, outcome)
        elif act == "alive":
            reading = await circuits.alive(name, settings, generation)
            circuit = breaker.alive(circuit, reading.now_ms, generation)
        elif chance.random() < 0.4:
            order = chance.choice([*CircuitOrder, *[CircuitOrder.RESET] * 3])
            given += chance.randint(-1, 3)
            if given <= 0:
                continue
            reading = await circuits.obey(name, settings, order, given)
            circuit = breaker.obey(circuit, reading.now_ms, order, given)
        else:
            await asyncio.sleep(chance.random() * 0.03)
            continue
        seen.add(circuit.state)
        left = breaker.left_ms(circuit, settings, reading.now_ms)
        assert (reading.state, reading.generation) == (circuit.state, circuit.generation), number
        assert (reading.left_ms, reading.order) == (left, circuit.order), number
    assert seen == set(CircuitState)


async def test_thirty_two_processes_that_report_one_outage_open_it_once(dragonfly):
    circuits = Circuits(dragonfly)
    name, generation = await opened(circuits)
    since = await dragonfly.hget(RedisKeys.circuit(name), "since")
    for worker in range(32):
        [reading] = await circuits.report([told(name, [BAD] * 4, worker=str(worker))])
        assert reading.generation == generation
    held = await dragonfly.hgetall(RedisKeys.circuit(name))
    assert (held["since"], held["opens"]) == (since, "1")


async def test_one_process_at_a_time_looks_whether_the_system_lives(dragonfly):
    circuits = Circuits(dragonfly)
    name, generation = await opened(circuits)
    looks = [CircuitReport(name, SETTINGS, generation, str(n), 1, looks=True) for n in range(5)]
    readings = await circuits.report(looks)
    assert [each.may_look for each in readings] == [True, False, False, False, False]
    assert (await circuits.alive(name, SETTINGS, generation)).state is CircuitState.HALF_OPEN


async def test_what_is_sent_again_after_a_lost_reply_counts_once(valkey, dragonfly):
    async with LostReplies(valkey.port) as proxy:
        client = connect(proxy.url, valkey.password_file)
        circuits = Circuits(client)
        name, generation = await opened(circuits)
        await circuits.alive(name, SETTINGS, generation)
        fresh = new_name("circuit")
        await circuits.report([told(fresh, [])])

        proxy.lose(1)
        [reading] = await circuits.report([told(fresh, [BAD] * 3)])  # a fourth would open it
        assert (proxy.lost, reading.state) == (1, CircuitState.CLOSED)

        proxy.lose(1)
        asked = await circuits.ask(name, SETTINGS, "one")
        await circuits.ask(name, SETTINGS, "two")
        assert (await circuits.ask(name, SETTINGS, "three")).is_let_through
        assert not (await circuits.ask(name, SETTINGS, "four")).is_let_through

        proxy.lose(1)
        probe = Probe(asked.generation, "one")
        assert (await circuits.settle(name, SETTINGS, probe, BAD)).state is CircuitState.HALF_OPEN
        assert await dragonfly.hget(RedisKeys.circuit(name), "failed") == "1"
        await client.aclose()


async def test_every_move_is_noted_once_with_why_and_no_order_is(valkey, dragonfly):
    async with LostReplies(valkey.port) as proxy:
        client = connect(proxy.url, valkey.password_file)
        circuits, moves = Circuits(client), CircuitMoves(dragonfly)
        before, _ = await until_the_last(moves, "-")
        settings = BreakerSettings(minimum_calls=4, permits=1, wait_ms=60_000)
        proxy.lose(1)
        name, generation = await opened(circuits, settings)
        half = await circuits.alive(name, settings, generation)
        await circuits.ask(name, settings, "one")
        await circuits.settle(name, settings, Probe(half.generation, "one"), BAD)
        await circuits.obey(name, settings, CircuitOrder.RESET, 5)
        await client.aclose()
    place, seen = await until_the_last(moves, before)
    again, nothing = await until_the_last(moves, place)

    assert [(each.circuit, each.was, each.now, each.why) for each in seen] == [
        (name, "closed", "open", "of 4 calls 4 failed and 0 were slow"),
        (name, "open", "half-open", "it was seen to live"),
        (name, "half-open", "open", "of 1 probes 1 failed and 0 were slow"),
    ]
    assert len({each.generation for each in seen}) == 3
    assert (again, nothing) == (place, [])


async def until_the_last(moves, place):
    """Return the last place, and every move after ``place``."""
    found: list[CircuitMove] = []
    while True:
        last, some = await moves.after(place)
        if last == place:
            return place, found
        place, found = last, found + some


async def test_an_order_does_not_run_out_and_anything_else_does(dragonfly):
    circuits = Circuits(dragonfly)
    name, _ = await opened(circuits)
    assert await dragonfly.pttl(RedisKeys.circuit(name)) > 0
    await circuits.obey(name, SETTINGS, CircuitOrder.OPEN, 5)
    assert await dragonfly.pttl(RedisKeys.circuit(name)) == -1
    await circuits.obey(name, SETTINGS, CircuitOrder.RESET, 6)
    assert await dragonfly.pttl(RedisKeys.circuit(name)) > 0
