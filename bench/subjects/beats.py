"""What a thousand agents that beat cost: whoever watches them, the store, and their workers.

The beats come from a process of their own, as those of workers do: no agent of ours beats in the
process that watches.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.measure import cpu_s
from dsl.limits import LEASE_TTL_MS
from integrations.dragonfly.client import connect
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.holding import BEATS_PER_TTL
from integrations.dragonfly.leases import Lease, Leases
from integrations.health.beats import Beats
from integrations.health.metrics import figures_of, text_of
from integrations.health.monitor import Monitor
from integrations.health.probes.agents import agents_probe
from integrations.health.probes.stores import dragonfly_probe

AGENTS: Final = 1_000
SECONDS: Final = 10.0
BEAT_S: Final = LEASE_TTL_MS / 1000 / BEATS_PER_TTL
_KNOWN: Final = GuardSeed(fence=0, epoch=0, revoked=False)
_AT_ONCE: Final = 50


async def beat_figures(env: Mapping[str, str], store: int) -> dict[str, float]:
    """Watch them for some seconds; return percent of one core. ``store`` is the server's pid."""
    url, password = env["MANDATE_DRAGONFLY_URL"], env["MANDATE_DRAGONFLY_PASSWORD_FILE"]
    beating = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.subjects.beats", url, password),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert beating.stdout is not None
    assert beating.stdin is not None
    assert (await beating.stdout.readline()).strip() == b"beating"
    client = connect(url, Path(password))
    monitor = Monitor((dragonfly_probe(client), agents_probe(Beats(client))))
    async with monitor.running():
        before = cpu_s(os.getpid()), cpu_s(beating.pid), cpu_s(store)
        begun, alive = time.monotonic(), 0.0
        while time.monotonic() < begun + SECONDS:
            await asyncio.sleep(1)
            text_of(figures_of(monitor.vitals()))
            alive = max(alive, *(f.value for v in monitor.vitals() for f in v.figures), 0)
        after = cpu_s(os.getpid()), cpu_s(beating.pid), cpu_s(store)
        took = time.monotonic() - begun
    await client.aclose()
    beating.stdin.close()
    await beating.wait()
    watching, beats, stored = ((b - a) / took * 100 for a, b in zip(before, after, strict=True))
    assert alive == AGENTS, f"{alive:.0f} agents were seen to beat, expected {AGENTS}"
    return {"watching_percent": watching, "beating_percent": beats, "store_percent": stored}


async def _beat(url: str, password: str) -> None:
    client = connect(url, Path(password))
    guards, leases = AgentGuards(client), Leases(client)
    slots, is_over = asyncio.Semaphore(_AT_ONCE), asyncio.Event()

    async def begin(number: int) -> Lease:
        name = f"bench-{os.getpid()}-{number}"
        async with slots:
            await guards.seed(name, _KNOWN)
            lease = await leases.acquire(
                agent=name,
                holder=name,
                owner="bench/1",
                nonce="1",
                begun_ms=1,
                authority=_KNOWN,
                project=f"bench-{number % _AT_ONCE}",
            )
            return await leases.bind(lease)

    async def hold(lease: Lease, number: int) -> None:
        await asyncio.sleep(BEAT_S * number / AGENTS)
        while not is_over.is_set():  # a cancellation may be swallowed by the client library
            due = time.monotonic() + BEAT_S
            await leases.beat(lease)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    held = await asyncio.gather(*map(begin, range(AGENTS)))
    tasks = [asyncio.create_task(hold(each, number)) for number, each in enumerate(held)]
    print("beating", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    is_over.set()
    await asyncio.gather(*tasks)
    for lease in held:
        await leases.release(lease)
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(_beat(*sys.argv[1:]))
