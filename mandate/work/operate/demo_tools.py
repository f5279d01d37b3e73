"""``mandate demo tools``: an agent pays refunds, and nothing that it does gets beyond its mandate.

A stack of its own, a fake payment server behind MCP, no network. Five refunds: a small one goes
through alone; 5,000 waits for a person, and while it waits the worker is killed; 9,000, right after
that approval, is another call, and asked about anew; of the last one the answer is lost when the
server has paid, a person says that it happened, and when the agent tries again nobody is paid
twice. The receipt at the end is what reached the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import TemporalError

from activities.runtime.client import connect
from dsl.shown.surfaces import Terminal
from dsl.tools.folders import ToolFolders
from dsl.values import strict_json
from integrations.ledger.verify import verify
from integrations.settings import Settings, read_settings
from integrations.tools.pins import write_pins
from integrations.tools.serving import serving
from integrations.tools.shop import payments
from integrations.tools.surroundings import surroundings_of
from mandate._entry import EXIT_FAILED
from mandate.columns import columns
from mandate.people.runs import stages_said
from mandate.stack.errors import StackError
from mandate.stack.options import private_stack
from mandate.stack.up import Stack
from mandate.terminal import complain, note, say
from mandate.work.run.calls import calls_in

RUN: Final = "refunds-demo"
STAGE: Final = "refund"
PERSON: Final = "team-lead"
LOST: Final = "p-4"
WAIT_S: Final = 180
RECEIPT_BYTES_MAX: Final = 1 << 20
_SHOP: Final = Path(payments.__file__).parent
ORDERS: Final = (
    {"payment": "p-1", "amount": 500, "why": "order 17 arrived broken"},
    {"payment": "p-2", "amount": 5_000, "why": "order 18 never arrived"},
    {"payment": "p-3", "amount": 9_000, "why": "the approval of a moment ago will do"},
    {"payment": LOST, "amount": 300, "why": "order 20 was paid twice"},
    {"payment": LOST, "amount": 300, "why": "the first try was not answered"},
)
_SERVER: Final = {"server": "pay", "tool": "refund"}
TABLE: Final = (
    {**_SERVER, "policy": "allow", "when": "args.amount <= 1000"},
    {
        **_SERVER,
        "policy": "approve",
        "when": "args.amount <= 10000",
        "approve": {"approvers": [PERSON], "timeout": "10m"},
    },
)
TEMPLATE: Final = """\
name: refunds
description: pays refunds
tier: T1
program: ./refunds.py
interpreter: python
phases: [EXECUTE]
inputs:
  orders: {type: string, description: "what is to be paid back, as JSON"}
"""


def run() -> int:
    """Show it once; return the exit code."""
    return asyncio.run(_demo())


async def _demo() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # we are in it
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with tempfile.TemporaryDirectory(prefix="mandate-demo-") as folder:
        shop = Path(folder) / "shop"
        settings = open_shop(shop)
        options = private_stack(Path(folder) / "data", settings=settings)
        say(Terminal("starting Temporal, OpenBao, Valkey and the workers ..."))
        try:
            async with Stack(options) as stack:
                return await _show(stack, shop)
        except (StackError, TimeoutError, TemporalError) as error:
            why = error if str(error) else StackError(f"nothing came of it within {WAIT_S} s")
            complain(why, "mandate demo tools")
            return error.exit_code if isinstance(error, StackError) else EXIT_FAILED
        except asyncio.CancelledError:
            return EXIT_FAILED


def open_shop(shop: Path) -> dict[str, str]:
    """Make the shop in a directory; return the settings by which a worker finds it."""
    for name in ("tools", "templates", "paid", "server"):
        (shop / name).mkdir(parents=True)
    (shop / "templates" / "refunds.yaml").write_text(TEMPLATE)
    shutil.copy(_SHOP / "refunds.py", shop / "templates")
    shutil.copy(_SHOP / "payments.py", shop / "server")
    server = {
        "name": "pay",
        "description": "a fake payment server",
        "tier": "T1",
        "command": [
            *(sys.executable, str(shop / "server" / "payments.py")),
            *(str(shop / "paid" / "payments"), LOST),
        ],
        "sandbox": {"read": [str(shop / "server")], "write": [str(shop / "paid")]},
        "tools": {"refund": {"effect": "refund:${{ args.payment }}"}},
    }
    (shop / "tools" / "pay.yaml").write_text(json.dumps(server))
    return {
        "MANDATE_TOOLS": str(shop / "tools"),
        "MANDATE_TEMPLATES": str(shop / "templates"),
        "MANDATE_WORKSPACE": str(shop),
    }


def pipeline() -> dict[str, Any]:
    """Return the pipeline: one agent, and the table of what it may call."""
    config = {
        "tier": 1,
        "tools": list(TABLE),
        "questions": {"approvers": [PERSON], "timeout": "10m"},
        "inputs": {"orders": json.dumps(ORDERS)},
    }
    stage = {"name": STAGE, "type": "agent", "template": "refunds", "config": config}
    return {"name": RUN, "version": "1", "stages": [stage]}


async def _show(stack: Stack, shop: Path) -> int:
    settings = read_settings(stack.env)
    client = await connect(settings)
    await pin(settings)
    say(
        Terminal("the agent is to pay five refunds. Its table: up to 1,000 alone, up to 10,000"),
        Terminal.of("when {} says so, above that nobody; what no rule names is denied.", PERSON),
    )
    handle = await client.start_workflow(
        "Pipeline", {"definition": pipeline()}, id=RUN, task_queue="mandate"
    )
    await _person(stack, handle)
    report = await asyncio.wait_for(handle.result(), WAIT_S)
    say(Terminal())
    return await _receipt(client, settings, shop / "paid" / "payments", report)


async def pin(settings: Settings) -> None:
    """Look at the tools of the shop's server, and pin them, as mandate tools check --pin does."""
    file = ToolFolders(settings.tools).named("pay").files["pay"]
    async with serving(file.server, surroundings_of(settings)) as session:
        write_pins(file.pins_path, "pay", await session.tools())


async def _person(stack: Stack, handle: WorkflowHandle[Any, Any]) -> None:
    """Answer what the run asks, as a person would; kill the worker meanwhile."""
    gate = await _until_gate(handle, f"{STAGE}/call-1")
    say(Terminal(), *_asked(gate))
    worker = stack.pid("worker")
    if worker is not None:
        os.kill(worker, signal.SIGKILL)
        say(Terminal("kill -9 of the worker while it waits. Nothing changes:"))
    await _vote(handle, f"{STAGE}/call-1", "approve")
    gate = await _until_gate(handle, f"{STAGE}/call-2")
    say(Terminal(), *_asked(gate), Terminal("that approval was for 5,000: this is asked anew."))
    await _vote(handle, f"{STAGE}/call-2", "reject", reason="9,000 was never agreed")
    gate = await _until_gate(handle, f"{STAGE}/outcome-1")
    say(Terminal(), *_asked(gate), Terminal("the bank's statement says that it was paid."))
    await _vote(handle, f"{STAGE}/outcome-1", "approve", answer="happened")


def _asked(row: Mapping[str, Any]) -> Sequence[Terminal]:
    call = row["call"]
    given = json.dumps(call["arguments"])
    return (
        Terminal.of(
            "waiting  {}: {} of {} with {}", row["gate"], call["tool"], call["server"], given
        ),
        Terminal.of("         {}; the agent says: {}", call["rule"], call["purpose"]),
    )


async def _until_gate(handle: WorkflowHandle[Any, Any], gate: str) -> Mapping[str, Any]:
    async with asyncio.timeout(WAIT_S):
        while True:
            rows: Sequence[Mapping[str, Any]] = await handle.query("gates")
            for row in rows:
                if row["gate"] == gate:
                    return row
            if (await handle.describe()).close_time is not None:
                raise StackError(f"the run ended before {gate} was asked: it went wrong")
            await asyncio.sleep(0.2)


async def _vote(handle: WorkflowHandle[Any, Any], gate: str, decision: str, **more: str) -> None:
    vote = {"gate": gate, "decision": decision, "voter": PERSON, **more}
    await handle.execute_update("vote", vote)
    words = more.get("answer") or more.get("reason", "")
    say(Terminal.of("{} says {}{}", PERSON, decision, f": {words}" if words else ""))


async def _receipt(
    client: Client, settings: Settings, paid_file: Path, report: Mapping[str, Any]
) -> int:
    told = report["stages"][STAGE]["output"].get("told", ())
    calls = calls_in(await stages_said(client, RUN, [STAGE]))
    if not len(ORDERS) == len(calls) == len(told):
        raise StackError(
            f"{len(ORDERS)} refunds were asked for, and {len(calls)} calls with {len(told)} "
            "answers are known: it went wrong"
        )
    rows = [
        (
            f"{order['payment']}",
            f"{order['amount']:,}",
            call.policy,
            answer["status"],
            answer["text"],
        )
        for order, call, answer in zip(ORDERS, calls, told, strict=True)
    ]
    say(*columns([("PAYMENT", "AMOUNT", "RULED", "THE AGENT HEARD", "WHY"), *rows]))
    paid = [
        strict_json.read(line, bytes_max=RECEIPT_BYTES_MAX)
        for line in (await asyncio.to_thread(paid_file.read_text, "utf-8")).splitlines()
    ]
    said = ", ".join(f"{each['payment']} {each['amount']:,}" for each in paid)
    say(Terminal(), Terminal.of("what reached the payment server: {}", said))
    verdict = verify(settings.ledger)
    if verdict.problems:
        note(*(Terminal.of("ledger: {}", each) for each in verdict.problems))
        return EXIT_FAILED
    say(Terminal.of("ledger: {} entries, chain verified", verdict.entries))
    expected = [("p-1", 500), ("p-2", 5_000), (LOST, 300)]
    if [(each["payment"], each["amount"]) for each in paid] != expected:
        note(Terminal("something was paid that should not have been"))
        return EXIT_FAILED
    return 0
