"""What a call of a tool costs that its stage's table allows, over asking the server oneself.

``direct`` speaks to the same server on its stdin and stdout: a process that is there, nobody
between. The agent is one inside the worker's process, so what is measured is the engine: ruling,
history, ledger, the server in its sandbox. The two take turns. Then many agents call at once, each
with a server process of its own.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle

from integrations.settings import read_settings
from integrations.tools import wire
from integrations.tools.shop import payments
from mandate.work.operate.demo_tools import open_shop, pin

ROUNDS: Final = 3
CALLS: Final = 60  # of a round
AGENTS: Final = 50
CALLS_EACH: Final = 4
TIMES: Final = "calls.jsonl"
RULE: Final = {"server": "pay", "tool": "refund", "policy": "allow"}


class Shop:
    """The payment server of the demo, declared where ``folder`` is."""

    def __init__(self, folder: Path) -> None:
        self.settings = open_shop(folder)
        self._paid = folder / "paid" / "direct"

    async def pin(self, env: dict[str, str]) -> None:
        """Pin its tools."""
        await pin(read_settings({**env, **self.settings}))

    async def direct_ms(self, calls: int) -> list[float]:
        """Ask it oneself."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, payments.__file__, str(self._paid), "nobody"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        times = []
        for number in range(calls + 1):
            arguments = {"payment": f"p-{number}", "amount": 1}
            asked = ("tools/call", {"name": "refund", "arguments": arguments})
            begun = time.perf_counter()
            process.stdin.write(wire.request(number, *(asked if number else ("initialize", {}))))
            await process.stdout.readline()
            times.append((time.perf_counter() - begun) * 1000)
        process.stdin.close()
        await process.wait()
        return times[1:]


async def tool_figures(
    client: Client, shop: Shop, folder: Path, *, many: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Return the figures; ``many`` calls are made in one stage."""
    direct: list[float] = []
    through: list[float] = []
    tell("warming up")
    few = await _run(client, [2])
    for _ in range(ROUNDS):
        direct += await shop.direct_ms(CALLS)
        tell(f"{CALLS} calls, one after the other")
        _take(folder)
        await _run(client, [CALLS])
        through += _take(folder)[0]
    tell(f"{many} calls in one stage")
    lots = await _run(client, [many])
    history = [event async for event in lots.fetch_history_events()]
    events = len(history) - len([each async for each in few.fetch_history_events()])
    tell(f"{AGENTS} agents calling at once")
    _take(folder)
    begun = time.perf_counter()
    await _run(client, [CALLS_EACH] * AGENTS)
    seconds = time.perf_counter() - begun
    at_once = [each for times in _take(folder) for each in times]
    return {
        "direct_p50_ms": statistics.median(direct),
        "call_p50_ms": statistics.median(through),
        "call_p99_ms": sorted(through)[int(len(through) * 0.99)],
        "added_p50_ms": statistics.median(through) - statistics.median(direct),
        "events_a_call": events / (many - 2),
        "many": many,
        "many_events": len(history),
        "many_history_mb": sum(each.ByteSize() for each in history) / 1e6,
        "agents_at_once": AGENTS,
        "at_once_p50_ms": statistics.median(at_once),
        "at_once_per_s": len(at_once) / seconds,
    }


async def _run(client: Client, stages: list[int]) -> WorkflowHandle[Any, Any]:
    """Run a pipeline whose agents call so often; return the workflow of its last agent."""
    config = {"tier": 1, "timeout": "10m", "tools": [RULE]}
    document = {
        "name": f"calls-{uuid.uuid4().hex[:8]}",
        "version": "1",
        "stages": [
            {"name": f"s{n}-{calls}", "type": "agent", "template": "default", "config": config}
            for n, calls in enumerate(stages)
        ],
    }
    run = f"calls-{uuid.uuid4()}"
    handle = await client.start_workflow("Pipeline", document, id=run, task_queue="mandate")
    report = await handle.result()
    statuses = {row["status"] for row in report["stages"].values()}
    assert statuses == {"completed"}, report
    return client.get_workflow_handle(f"{run}/{list(report['stages'])[-1]}")


def _take(folder: Path) -> list[list[float]]:
    """Return what agents have measured since, each of its calls."""
    file = folder / TIMES
    if not file.exists():
        return []
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.unlink()
    return rows
