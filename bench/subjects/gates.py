"""From a vote at a gate to the next activity, against a bare run that waits for a signal."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any, Final

from temporalio.client import Client

from bench import bare
from bench.measure import vote_to_activity_ms
from bench.subjects.loads import starter

GATES: Final = 40
PARKED_AFTER_S: Final = 8.0  # their own start-up behind them
VOTE: Final = {"gate": "review", "decision": "approve", "voter": "ann"}
GATED: Final[dict[str, Any]] = {
    "name": "bench-gate",
    "version": "1",
    "stages": [
        {"name": "review", "type": "gate", "config": {"approvers": ["ann"], "timeout": "1h"}},
        {"name": "after", "type": "agent", "template": "default", "requires": ["review"]},
    ],
}


async def gate_ms(client: Client) -> dict[str, dict[str, float]]:
    """Park runs of both, answer them in turn; p50 and p99."""
    candidates = {
        "bare": starter(client, "BareGate", [], bare.QUEUE),
        "engine": starter(client, "Pipeline", [GATED], "mandate"),
    }
    parked = {name: [await start() for _ in range(GATES)] for name, start in candidates.items()}
    await asyncio.sleep(PARKED_AFTER_S)
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(GATES):
        for name, handles in parked.items():
            times[name].append(await vote_to_activity_ms(handles[number], VOTE))
    return {
        name: {"gate_p50_ms": statistics.median(each), "gate_p99_ms": max(each)}
        for name, each in times.items()
    }
