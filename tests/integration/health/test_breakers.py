"""Circuits as worker processes have them: shared through a real Valkey, alone while it is away."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager

import pytest

from dsl.health.breakers import BreakerBook
from dsl.rules.health.breaker import CircuitOrder, CircuitState, Outcome, Probe
from dsl.rules.health.breaker_settings import BreakerSettings
from dsl.values.circuit_names import DRAGONFLY
from integrations.dragonfly.circuits import CircuitReport, Circuits
from integrations.errors import CircuitOpenError, DeniedError, UnavailableError
from integrations.health.breakers import TELL_EVERY_S, Breakers
from tests.fixtures.dragonfly import callers
from tests.fixtures.dragonfly.holders import new_name
from tests.integration.stack.probes import eventually

LONG = 60_000
SETTINGS = BreakerSettings(minimum_calls=2, wait_ms=LONG, wait_max_ms=LONG, permits=3)


class Commands:
    """What a server was asked, by the names of commands."""

    def __init__(self, client):
        self._client = client

    async def count(self):
        stats = await self._client.info("commandstats")
        return stats.get("cmdstat_evalsha", {}).get("calls", 0)


@asynccontextmanager
async def a_process(server, circuit, settings=SETTINGS):
    """The circuits of a process, here in a task of its own."""
    client = server.client()
    breakers = Breakers(Circuits(client), BreakerBook({circuit: settings}))
    try:
        async with breakers.running():
            yield breakers
    finally:
        await client.aclose()


def call(breakers, circuit, *, fails=False):
    with breakers.of(circuit).watching():
        if fails:
            raise UnavailableError("away")


async def let(breakers, circuit):
    try:
        async with breakers.let_through([circuit]):
            return True
    except CircuitOpenError:
        return False


def fail(breakers, circuit, times=4):
    for _ in range(times):
        with pytest.raises(UnavailableError):
            call(breakers, circuit, fails=True)


async def test_what_one_process_has_seen_is_heard_by_another(valkey):
    circuit = new_name("circuit")
    async with a_process(valkey, circuit) as one, a_process(valkey, circuit) as other:
        assert await let(other, circuit)
        fail(one, circuit)
        await eventually(lambda: one.of(circuit).state is CircuitState.OPEN)
        call(other, circuit)
        await eventually(lambda: other.of(circuit).state is CircuitState.OPEN)
        with pytest.raises(CircuitOpenError, match=rf"circuit {circuit} is open: half-open in \d+"):
            async with other.let_through([circuit]):
                pass


class Interrupted(Circuits):
    """Circuits of a process that ends while it tells of the first probe."""

    def __init__(self, client):
        super().__init__(client)
        self.begun = asyncio.Event()

    async def settle(self, *about):
        if not self.begun.is_set():
            self.begun.set()
            await asyncio.sleep(LONG)
        return await super().settle(*about)


async def test_what_came_of_a_probe_is_told_by_a_process_that_ends_meanwhile(dragonfly):
    circuit = new_name("circuit")
    report = CircuitReport(circuit, callers.PROBED, worker="w", number=1, calls=4, failed=4)
    circuits = Interrupted(dragonfly)
    await circuits.report([report])
    await asyncio.sleep(callers.PROBED.wait_ms / 1000)
    breakers = Breakers(circuits, BreakerBook({circuit: callers.PROBED}))

    async with breakers.running():
        async with breakers.let_through([circuit]):
            call(breakers, circuit)
        await circuits.begun.wait()

    late = [await circuits.ask(circuit, callers.PROBED, f"late-{number}") for number in range(5)]
    assert sum(each.is_let_through for each in late) == callers.PROBED.permits - 1
    readings = [
        await circuits.settle(
            circuit, callers.PROBED, Probe(each.generation, f"late-{number}"), Outcome()
        )
        for number, each in enumerate(late)
        if each.is_let_through
    ]
    assert readings[-1].state is CircuitState.CLOSED  # the first one counts


async def test_twenty_callers_of_two_processes_are_exactly_as_many_probes_as_permits(
    valkey, dragonfly
):
    circuit = new_name("circuit")
    circuits = Circuits(dragonfly)
    report = CircuitReport(circuit, callers.PROBED, worker="w", number=1, calls=4, failed=4)

    async def process():
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fixtures.dragonfly.callers"),
            *(valkey.url, str(valkey.password_file), circuit),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert started.stdout is not None
        assert await started.stdout.readline() == b"ready\n"
        return started

    async def said(started, word):
        started.stdin.write(f"{word}\n".encode())
        await started.stdin.drain()
        return int(await started.stdout.readline())

    one, other = await asyncio.gather(process(), process())
    try:
        assert (await circuits.report([report]))[0].state is CircuitState.OPEN
        await asyncio.sleep(callers.PROBED.wait_ms / 1000)
        began = time.monotonic()
        let_through = await asyncio.gather(said(one, "go 10"), said(other, "go 10"))
        assert sum(let_through) == callers.PROBED.permits
        assert await said(one, "go 10") == 0

        # One of them dies with what it holds: nobody gets that before the lease has ended. What
        # the other has used is not given out again.
        dead, alive = (one, other) if let_through[0] else (other, one)
        died_with = let_through[0] or let_through[1]
        dead.kill()
        alive.stdin.write(b"end\n")
        await asyncio.gather(dead.wait(), alive.wait())

        async def late(number):
            asked = await circuits.ask(circuit, callers.PROBED, f"late-{number}")
            return asked.is_let_through

        given = asks = 0
        async with asyncio.timeout(60):
            while given < died_with:  # their leases end one after another
                await asyncio.sleep(0.05)
                asks += 1
                given += await late(asks)
                assert not given or time.monotonic() - began >= callers.LEASE_MS / 1000
        assert not any([await late(asks + more) for more in range(1, 10)])
    finally:
        for each in (one, other):
            if each.returncode is None:
                each.kill()
                await each.wait()


async def test_a_closed_circuit_asks_the_store_once_a_second_at_most(private_valkey):
    server, circuit = private_valkey(), "vault"
    watch = server.client()
    async with a_process(server, circuit) as breakers:
        await let(breakers, circuit)
        before, began = await Commands(watch).count(), time.monotonic()
        times: list[float] = []
        while len(times) <= 100 or time.monotonic() < began + 3 * TELL_EVERY_S:
            asked = time.perf_counter()
            async with breakers.let_through([circuit, "artifacts"]):
                call(breakers, circuit)
            times.append(time.perf_counter() - asked)
            await asyncio.sleep(0.001)
        # One script for each of the two circuits, in one round trip.
        asked = await Commands(watch).count() - before
        seconds = time.monotonic() - began
    await watch.aclose()
    assert asked <= 2 * (seconds / TELL_EVERY_S + 1)
    assert sorted(times)[len(times) // 2] < 0.001


async def test_an_idle_process_is_silent(private_valkey):
    server = private_valkey()
    watch = server.client()
    async with a_process(server, "vault") as breakers:
        await let(breakers, "vault")
        before = await Commands(watch).count()
        await asyncio.sleep(2.5 * TELL_EVERY_S)
        assert await Commands(watch).count() == before
    await watch.aclose()


async def test_a_person_stops_every_process_and_lets_all_go_on_again(valkey, dragonfly):
    circuit = new_name("circuit")
    async with a_process(valkey, circuit) as one, a_process(valkey, circuit) as other:
        assert await let(one, circuit)
        assert await let(other, circuit)
        await Circuits(dragonfly).obey(circuit, SETTINGS, CircuitOrder.OPEN, 1)
        await asyncio.sleep(TELL_EVERY_S)
        for process in (one, other):
            with pytest.raises(CircuitOpenError, match=rf"circuit {circuit} is forced-open"):
                async with process.let_through([circuit]):
                    pass
        await Circuits(dragonfly).obey(circuit, SETTINGS, CircuitOrder.RESET, 2)
        await eventually(lambda: one.of(circuit).state is CircuitState.CLOSED)
        assert await let(one, circuit)


async def test_without_the_store_each_process_counts_for_itself_and_an_order_stands(private_valkey):
    server, circuit, ordered = private_valkey(), "vault", "github"
    client = server.client()
    async with a_process(server, circuit) as breakers:
        assert await let(breakers, circuit)
        await Circuits(client).obey(ordered, SETTINGS, CircuitOrder.OPEN, 5)
        fail(breakers, circuit)
        await eventually(lambda: breakers.of(circuit).state is CircuitState.OPEN)
        await eventually(lambda: breakers.of(ordered).state is CircuitState.FORCED_OPEN)

        server.stop()
        await eventually(lambda: breakers.of(circuit).is_alone, within_s=30)
        assert await let(breakers, circuit)  # it fails open
        assert not await let(breakers, ordered)
        fail(breakers, circuit)
        assert not await let(breakers, circuit)  # alone, and at once

        server.start()  # empty
        await eventually(lambda: not breakers.of(circuit).is_alone, within_s=30)
        assert await let(breakers, circuit)
        assert not await let(breakers, ordered)
        assert ordered in await Circuits(client).names()  # where orders are looked for

        async def is_told_again():
            reading = await Circuits(server_client).ask(ordered, SETTINGS, "x")
            return reading.state is CircuitState.FORCED_OPEN

        server_client = server.client()
        async with asyncio.timeout(60):
            while not await is_told_again():  # noqa: ASYNC110  # the store tells nobody
                await asyncio.sleep(0.05)
        await server_client.aclose()
    await client.aclose()


async def test_a_store_that_answers_nothing_delays_nobody_for_long(private_valkey):
    server, circuit = private_valkey(), "vault"
    async with a_process(server, circuit) as breakers:
        assert await let(breakers, circuit)
        server.pause()
        try:
            await asyncio.sleep(TELL_EVERY_S)
            assert await let(breakers, circuit)  # this one finds out
            times = []
            for _ in range(50):
                began = time.perf_counter()
                assert await let(breakers, circuit)
                times.append(time.perf_counter() - began)
        finally:
            server.resume()
        assert sorted(times)[25] < 0.001
        await eventually(lambda: not breakers.of(circuit).is_alone, within_s=30)


async def test_a_sign_of_life_ends_the_wait_and_probes_close_the_circuit(valkey):
    circuit, lives, looked = new_name("circuit"), False, 0

    async def look():
        nonlocal looked
        looked += 1
        if not lives:
            raise UnavailableError("away")

    async with a_process(valkey, circuit) as breakers:
        breakers.looks(circuit, look)
        assert await let(breakers, circuit)
        fail(breakers, circuit)
        await eventually(lambda: looked >= 2)
        with pytest.raises(CircuitOpenError):
            await breakers.look(circuit)
        assert breakers.of(circuit).state is CircuitState.OPEN

        lives = True
        await eventually(
            lambda: breakers.of(circuit).state is CircuitState.HALF_OPEN
        )  # by far not LONG
        await breakers.look(circuit)
        for _ in range(SETTINGS.permits):
            async with breakers.let_through([circuit]):
                call(breakers, circuit)
        await eventually(lambda: breakers.of(circuit).state is CircuitState.CLOSED)


async def test_work_that_made_no_call_gives_its_permit_back(valkey):
    circuit = new_name("circuit")
    async with a_process(valkey, circuit) as breakers:
        fail(breakers, circuit)
        await eventually(lambda: breakers.of(circuit).state is CircuitState.OPEN)
        breakers.looks(circuit, lambda: asyncio.sleep(0))
        await eventually(lambda: breakers.of(circuit).state is CircuitState.HALF_OPEN)
        for _ in range(3 * SETTINGS.permits):
            async with asyncio.timeout(60):
                while not await let(breakers, circuit):  # noqa: ASYNC110  # the store tells nobody
                    await asyncio.sleep(0.01)


async def test_an_answer_is_no_failure_and_neither_is_a_cancel():
    breakers = Breakers(None, BreakerBook({"vault": SETTINGS}))
    for _ in range(10):
        with pytest.raises(DeniedError), breakers.of("vault").watching():
            raise DeniedError("no")
        with pytest.raises(asyncio.CancelledError), breakers.of("vault").watching():
            raise asyncio.CancelledError
        with pytest.raises(ZeroDivisionError), breakers.of("vault").watching():
            1 / 0  # noqa: B018
    assert breakers.of("vault").state is CircuitState.CLOSED


async def test_it_counts_from_whatever_thread_a_call_is_made(valkey):
    circuit = new_name("circuit")
    async with a_process(valkey, circuit) as breakers:
        for _ in range(4):
            with pytest.raises(UnavailableError):
                await asyncio.to_thread(call, breakers, circuit, fails=True)
        await eventually(lambda: breakers.of(circuit).state is CircuitState.OPEN)


async def test_dragonflys_own_circuit_is_counted_in_each_process_alone(valkey):
    async with a_process(valkey, DRAGONFLY) as one, a_process(valkey, DRAGONFLY) as other:
        fail(one, DRAGONFLY)
        assert not await let(one, DRAGONFLY)
        assert await let(other, DRAGONFLY)
