"""Health as it is served: what stands there, what it costs, and what strangers may send."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import asynccontextmanager, suppress

import pytest

from dsl.rules.health.breaker import CircuitState
from dsl.rules.health.vitality import Pulse, Vitality
from integrations.errors import UnavailableError
from integrations.health import page as pages_module
from integrations.health.metrics import METRICS, figures_of, figures_of_circuits, text_of
from integrations.health.monitor import Vital
from integrations.health.page import (
    AT_ONCE_MAX,
    HOST,
    LIVE,
    METRICS_PATH,
    READY,
    REQUEST_BYTES_MAX,
    HealthPages,
    ProcessState,
)
from integrations.health.probes.sighting import Figure

SAMPLE = re.compile(r'[a-z_]+(\{[a-z_]+="[^"\n]*"\})? -?[0-9.e+]+')
SCRAPES_PER_S = 50
TEXT = "mandate_ready 1\n" * 200


class Asked:
    """What the pages are made of, and how often it was asked for."""

    def __init__(self):
        self.is_ready = True
        self.times = 0

    def ready(self):
        return ProcessState(is_ready=self.is_ready, states={"vault": "alive"})

    async def metrics(self):
        self.times += 1
        return TEXT


@asynccontextmanager
async def served(asked):
    async with HealthPages(asked.ready, asked.metrics).served(0) as port:
        yield port


async def said(port, request):
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request)
        answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return (int(head.split(b" ")[1]) if head else 0), body.decode()


async def get(port, path):
    return await said(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


async def test_the_three_pages_and_no_other():
    async with served(Asked()) as port:
        assert await get(port, LIVE) == (200, '{"live": true}\n')
        status, body = await get(port, READY)
        assert (status, json.loads(body)) == (200, {"ready": True, "states": {"vault": "alive"}})
        assert await get(port, f"{METRICS_PATH}?x=y") == (200, TEXT)
        assert (await get(port, "/etc/passwd"))[0] == 404
        assert await said(port, b"HEAD /metrics HTTP/1.1\r\n\r\n") == (200, "")


async def test_who_asks_whether_it_is_ready_does_not_wait_for_the_numbers():
    asked, begun, going = Asked(), asyncio.Event(), asyncio.Event()

    async def slow():
        begun.set()
        await going.wait()
        return TEXT

    pages = HealthPages(asked.ready, slow)
    numbers = asyncio.create_task(pages.page(METRICS_PATH))
    await begun.wait()
    async with asyncio.timeout(60):
        assert (await pages.page(READY)).status == 200
    assert not numbers.done()
    going.set()
    assert (await numbers).body == TEXT.encode()


async def test_what_is_not_ready_says_so_by_its_status():
    asked = Asked()
    asked.is_ready = False
    async with served(asked) as port:
        assert (await get(port, READY))[0] == 503


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"GET /metrics\r\n\r\n", 400),
        (b"\x00\xff\xfe\r\n\r\n", 400),
        (b"GET /" + b"x" * 2 * REQUEST_BYTES_MAX + b" HTTP/1.1\r\n\r\n", 400),
    ],
)
async def test_everything_else_is_turned_away(request_, status):
    async with served(Asked()) as port:
        assert (await said(port, request_))[0] == status
        assert (await get(port, LIVE))[0] == 200


async def test_who_says_nothing_keeps_nobody_from_asking(monkeypatch):
    monkeypatch.setattr(pages_module, "REQUEST_S", 1.0)  # all have to be there by then
    async with served(Asked()) as port:
        silent = [await asyncio.open_connection(HOST, port) for _ in range(AT_ONCE_MAX)]
        try:
            with suppress(ConnectionError):  # it is turned away unread
                assert (await get(port, LIVE))[0] == 503
            ends = await asyncio.gather(*(reader.read() for reader, _ in silent))
            assert set(ends) == {b""}
            assert (await get(port, LIVE))[0] == 200
        finally:
            for _, writer in silent:
                writer.close()


async def test_scraped_fifty_times_a_second_it_is_made_once_a_second():
    asked = Asked()
    async with served(asked) as port:
        begun, cpu = time.monotonic(), time.process_time()
        for _ in range(SCRAPES_PER_S):
            assert await get(port, METRICS_PATH) == (200, TEXT)
        took, cpu = time.monotonic() - begun, time.process_time() - cpu

    assert asked.times <= took + 1
    assert cpu < 0.25  # of a core, were it a second; with the client's half of it


async def test_a_port_that_is_taken_is_refused_by_the_name_of_its_variable():
    async with served(Asked()) as port:
        with pytest.raises(UnavailableError, match="MANDATE_HEALTH_PORT"):
            async with HealthPages(Asked().ready, Asked().metrics).served(port):
                pass


def test_the_text_is_what_prometheus_reads_and_each_metric_stands_together():
    vitals = [
        Vital("vault", can_die=True, pulse=Pulse(Vitality.DEAD), changes=3, took_s=1.25),
        Vital(
            "ledger",
            can_die=True,
            pulse=Pulse(Vitality.ALIVE),
            figures=(Figure("mandate_disk_free_bytes", 73_075_265_536, "ledger"),),
        ),
    ]
    circuits = {"vault": CircuitState.OPEN, 'odd"\\\nname': CircuitState.CLOSED}
    text = text_of([*figures_of(vitals), *figures_of_circuits(circuits)])
    samples = [line for line in text.splitlines() if not line.startswith("#")]

    assert 'mandate_health_state{what="vault"} 2' in samples
    assert 'mandate_disk_free_bytes{of="ledger"} 73075265536' in samples
    assert 'mandate_circuit_state{circuit="odd\\"\\\\\\nname"} 0' in samples
    assert all(SAMPLE.fullmatch(line.replace('\\"', "")) for line in samples)
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(set(names)) == len(names)
    assert set(names) <= set(METRICS)
