"""``kill -9`` of worker, tool server and Temporal around a call, at points that a seed draws.

A call that was let through is made once or nobody knows, none besides, and nobody is asked twice:
asked of what the stores say, by the oracles. In ``make test`` each of them is struck once; far more
often in ``make stress``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError

from dsl.rules.chaos.evidence import Evidence, Watched
from dsl.rules.chaos.oracles.ledger import AGREEMENT
from dsl.rules.chaos.oracles.tool_calls import TOOL_CALLS
from integrations.settings import read_settings
from mandate.work.chaos.seen.collect import Sources, collect
from mandate.work.operate.demo_tools import open_shop, pin
from tests.fixtures.search import SEED
from tests.fixtures.stack import MandateUp
from tests.integration.stack.probes import command_lines, eventually

STRUCK: Final = ("worker", "server", "temporal")
POINTS: Final = 20
BEFORE: Final = 5  # so many of the points lie before the vote
APART_S: Final = 0.15
ENDS_S: Final = 120
GATE, OUTCOME = "pay/call-1", "pay/outcome-1"
PERSON: Final = "team-lead"


@dataclass(frozen=True)
class Shopping:
    """A stack with a payment server."""

    stack: MandateUp
    shop: Path
    scratch: Path

    @property
    def paid_file(self) -> Path:
        return self.shop / "paid" / "payments"

    def paid(self, payment: str) -> tuple[Any, ...]:
        """What reached the server of one payment."""
        lines = self.paid_file.read_text().splitlines() if self.paid_file.exists() else []
        found = map(json.loads, lines)
        return tuple(each for each in found if each["payment"].startswith(payment))

    async def start(self, payment: str) -> WorkflowHandle[Any, Any]:
        """Start a run that pays a little alone, and then much with somebody's leave."""
        orders = [
            {"payment": f"{payment}-a", "amount": 5, "why": "a little"},
            {"payment": f"{payment}-b", "amount": 5_000, "why": "much"},
        ]
        people = {"approvers": [PERSON], "timeout": "10m"}
        rule = {"server": "pay", "tool": "refund"}
        table = [
            {**rule, "policy": "allow", "when": "args.amount < 100"},
            {**rule, "policy": "approve", "approve": people},
        ]
        config = {"tier": 1, "tools": table, "inputs": {"orders": json.dumps(orders)}}
        pay = {"name": "pay", "type": "agent", "template": "refunds", "config": config}
        return await self.stack.start({"name": f"run-{payment}", "version": "1", "stages": [pay]})

    async def strike(self, what: str) -> None:
        """Kill one of them; what is not up at that moment is left alone."""
        if what == "server":
            for pid, words in command_lines().items():
                if str(self.shop / "server" / "payments.py") in words:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            return
        await self.stack.kill(what)
        await self.stack.until_back(what)

    async def seen(self, handle: WorkflowHandle[Any, Any], payment: str) -> Evidence:
        client = await self.stack.client()
        sources = Sources(client, read_settings(self.stack.env), self.scratch)
        found = await collect(sources, [Watched(handle.id, ENDS_S * 1_000)])
        return replace(found, reached={"pay/refund": self.paid(payment)})


@pytest_asyncio.fixture(scope="module")
async def shopping(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shopping]:
    folder = tmp_path_factory.mktemp("shopping")
    given = open_shop(folder / "shop")
    variables = {name: given[name] for name in ("MANDATE_TOOLS", "MANDATE_TEMPLATES")}
    async with MandateUp(folder, variables) as stack:
        await pin(read_settings(stack.env))
        yield Shopping(stack, folder / "shop", folder / "tmp")


async def gates(handle: WorkflowHandle[Any, Any]) -> list[str]:
    try:
        return [each["gate"] for each in await handle.query("gates")]
    except (RPCError, WorkflowQueryFailedError):  # it was struck a moment ago
        return []


async def is_asked(handle: WorkflowHandle[Any, Any]) -> bool:
    return GATE in await gates(handle)


async def vote(handle: WorkflowHandle[Any, Any], gate: str, **more: str) -> None:
    await handle.signal("vote", {"gate": gate, "decision": "approve", "voter": PERSON, **more})


async def ended(shopping: Shopping, handle: WorkflowHandle[Any, Any], payment: str) -> Any:
    """Wait for the end; where nobody knows what became of a call, say what did."""

    async def is_over() -> bool:
        if OUTCOME in await gates(handle):
            happened = bool(shopping.paid(f"{payment}-b"))
            await vote(handle, OUTCOME, answer="happened" if happened else "did-not")
        try:
            return (await handle.describe()).close_time is not None
        except RPCError:
            return False

    await eventually(is_over, within_s=ENDS_S)
    return await handle.result()


@pytest.mark.stress
@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(200))
async def test_whatever_is_struck_a_call_is_made_once_or_nobody_knows(
    shopping: Shopping, number: int
):
    await struck(shopping, number)


@pytest.mark.timeout(400)
async def test_each_of_them_is_struck_around_a_call(shopping: Shopping):
    for number, point in enumerate((BEFORE, BEFORE + 1, 0)):
        await struck(shopping, POINTS * number + point, what=STRUCK[number])


async def struck(shopping: Shopping, number: int, what: str = "") -> None:
    chance = random.Random(SEED * 1_000 + number)
    point, what = number % POINTS, what or STRUCK[number % len(STRUCK)]
    payment = f"p-{SEED}-{number}-{what}"
    handle = await shopping.start(payment)
    if point < BEFORE:  # between the proposal and the answer
        await asyncio.sleep(point * APART_S + chance.uniform(0, APART_S))
        await shopping.strike(what)
    await eventually(lambda: is_asked(handle), within_s=ENDS_S)
    await vote(handle, GATE)
    if point >= BEFORE:
        await asyncio.sleep((point - BEFORE) * APART_S + chance.uniform(0, APART_S))
        await shopping.strike(what)
    report = await ended(shopping, handle, payment)
    evidence = await shopping.seen(handle, payment)

    assert [str(each) for each in TOOL_CALLS.look(evidence)] == []
    assert [str(each) for each in AGREEMENT.look(evidence)] == []
    asked = [each["gate"] for each in report["approvals"]]
    assert asked.count(GATE) == 1
    assert set(asked) <= {GATE, OUTCOME}
