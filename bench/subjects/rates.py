"""What takes no server: the compiler, and the ledger on its own disk."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

import yaml

from bench.subjects.loads import pipeline
from dsl.compiler import compile_text
from dsl.core import Tier
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger

STAGES: Final = 1_000
PRODUCERS: Final = 256
EACH: Final = 80


def compile_ms() -> float:
    """Compile 1,000 stages from YAML text, best of five."""
    text = yaml.safe_dump(pipeline(STAGES))
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        compile_text(text, "bench.yaml")
        times.append((time.perf_counter() - begun) * 1000)
    return min(times)


async def ledger_rate(path: Path) -> float:
    """Append from many tasks at once; every append is acknowledged when it is on disk."""
    with Ledger(path) as ledger:

        async def produce(number: int) -> None:
            for count in range(EACH):
                await ledger.append([_draft(number, count)])

        begun = time.perf_counter()
        await asyncio.gather(*(produce(number) for number in range(PRODUCERS)))
        return PRODUCERS * EACH / (time.perf_counter() - begun)


def _draft(number: int, count: int) -> Draft:
    return Draft(
        key=f"bench/{number}/{count}",
        workflow_id="bench",
        run_id="bench",
        agent="bench",
        tier=Tier.T0,
        action="bench.appended",
        payload={"number": number, "count": count, "digest": "sha256:" + "0" * 64},
    )
