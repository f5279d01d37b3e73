"""Secrets of a tool server: minted for one call of an agent, and seen by nobody but the server."""

from __future__ import annotations

import asyncio
import logging
import secrets
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from integrations.agents.contract.protocol import Request
from mandate.people.gates.rows import GateRow
from tests.fixtures.engine import Engine, failure_of, pipeline, stage
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.tools.shop import Shop
from tests.integration.stack.probes import eventually
from tests.workflow.proofs.test_minted_for_whom import metas_of

TOKEN = f"tok-{secrets.token_hex(16)}"
PLACE = "kv-shared/docs/of-the-shop"
HANDED = {"TOKEN": f"{PLACE}#token"}


def table(shop: Shop) -> dict[str, Any]:
    return {"tier": 1, "timeout": "2m", "tools": [shop.rule("allow")]}


def started_with_now() -> bytes:
    seen = b""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            seen += file.read_bytes()
        except OSError:
            continue
    return seen


async def argument_lists() -> bytes:
    """What any process of this machine was started with, until cancelled."""
    seen = b""
    try:
        while True:
            seen += await asyncio.to_thread(started_with_now)
    except asyncio.CancelledError:
        return seen


async def everything_kept(engine: Engine, handle: Any, but: Path | None = None) -> bytes:
    """What stands of a run in histories, on the ledger, in outputs and beside them."""
    kept = b""
    for workflow in (handle.id, f"{handle.id}/work"):
        async for event in engine.client.get_workflow_handle(workflow).fetch_history_events():
            kept += event.SerializeToString()
    for folder in (engine.settings.ledger.parent, engine.settings.artifacts):
        for file in sorted(folder.rglob("*")):
            if but is not None and file.is_relative_to(but):
                continue
            kept += file.read_bytes() if file.is_file() else b""
    return kept


async def test_nobody_but_the_server_sees_what_it_is_handed(
    engine: Engine, openbao: OpenBao, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    openbao.put_secret(PLACE, token=TOKEN)
    shop = Shop(engine.settings.tools[0], tmp_path)
    await shop.open("long-leaks", secrets=HANDED)
    told: list[tuple[str, str]] = []

    async def work(request: Request) -> dict[str, Any]:
        looking = asyncio.ensure_future(argument_lists())
        for amount in (82, 83):
            made = await engine.runner.call(request, f"{shop.name}/refund", {"amount": amount})
            told.append((made.status.value, made.text))
        looking.cancel()
        started_with.append(await looking)
        return {}

    started_with: list[bytes] = []
    engine.runner.behaviours["work"] = work
    handle = await engine.start(pipeline(stage("work", config=table(shop))))
    await handle.result()
    kept = await everything_kept(engine, handle)

    assert told[0][0] == "ok"
    assert told[0][1].startswith("with [redacted] of call 1")  # it was handed, and began anew
    assert told[1][1].startswith("with [redacted] of call 1")
    assert b"[redacted]" in kept
    for where in (kept, started_with[0], caplog.text.encode(), str(told).encode()):
        assert TOKEN.encode() not in where
        assert TOKEN.encode().hex().encode() not in where
    assert metas_of(openbao, handle.id) == []  # what was minted is revoked


async def test_what_is_minted_for_a_call_names_the_attempt_that_a_sweep_asks_about(
    engine: Engine, openbao: OpenBao, tmp_path: Path
):
    openbao.put_secret(PLACE, token=TOKEN)
    shop = Shop(engine.settings.tools[0], tmp_path)
    await shop.open("slow", secrets=HANDED)

    async def work(request: Request) -> dict[str, Any]:
        await engine.runner.call(request, f"{shop.name}/refund", {"amount": 82})
        return {}

    engine.runner.behaviours["work"] = work
    handle = await engine.start(pipeline(stage("work", config=table(shop))))
    await eventually(shop.paid_file.exists, within_s=60)
    minted = await asyncio.to_thread(metas_of, openbao, handle.id)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    named = [(each.get("activity"), each.get("attempt")) for each in minted]
    assert ("work/call#1", "1") in named


async def test_what_an_agents_tier_does_not_open_its_calls_do_not(
    engine: Engine, openbao: OpenBao, tmp_path: Path
):
    later = "kv-shared/docs/of-the-shop-later"
    openbao.put_secret("kv-prod/of-the-shop", token=TOKEN)
    shop = Shop(engine.settings.tools[0], tmp_path)
    await shop.open("good", secrets={"TOKEN": "kv-prod/of-the-shop#token"})
    told: list[tuple[str, str]] = []

    async def work(request: Request) -> dict[str, Any]:
        made = await engine.runner.call(request, f"{shop.name}/refund", {"amount": 1})
        told.append((made.status.value, made.text))
        # What was declared since the plan was compiled is no agent's either.
        shop.declare("good", secrets={"TOKEN": f"{later}#token"})
        return {}

    engine.runner.behaviours["work"] = work
    reads = stage("look", requires=["work"], config={"secrets": {"KEY": f"{later}#token"}})
    handle = await engine.start(pipeline(stage("work", config=table(shop)), reads))
    failed = await failure_of(handle)

    [(status, why)] = told
    assert status == "not_made"
    assert "kv-prod" in why
    assert shop.paid == []
    assert f"secret KEY is handed to tool server '{shop.name}', and to no agent" in str(failed)


async def test_an_argument_that_is_hidden_is_read_by_its_server_alone(engine: Engine, tmp_path):
    shop = await Shop.of(engine.settings.tools[0], tmp_path)
    shop.declare("good", tools={"refund": {"redact": {"arguments": ["card"]}}})
    card = f"card-{secrets.token_hex(8)}"
    told: list[str] = []

    async def work(request: Request) -> dict[str, Any]:
        for more in ({"card": card}, {"card": {"$sealed": "sha256:0"}}):
            given = {"amount": 82, **more}
            made = await engine.runner.call(request, f"{shop.name}/refund", given)
            told.append(f"{made.status.value}: {made.text}")
        for name in (f"{shop.name}/refnd", f"{shop.name}s/refund"):
            made = await engine.runner.call(request, name, {"card": card})
            told.append(f"{made.status.value}: {made.text}")
        return {}

    engine.runner.behaviours["work"] = work
    config = {"tier": 1, "timeout": "2m", "tools": [shop.asks()]}
    handle = await engine.start(pipeline(stage("work", config=config)))
    await engine.pending(handle, "work/call-1")
    [row] = await handle.query("gates")
    shown = row["call"]["arguments"]
    call = GateRow.model_validate(row).call
    await handle.signal("vote", {"gate": "work/call-1", "decision": "approve", "voter": "ann"})
    await handle.result()
    kept = await everything_kept(engine, handle, but=engine.settings.artifacts)

    assert told[0] == "ok: paid 82"
    assert told[1].startswith("denied: the call cannot be handed over: the arguments hold the key")
    assert all("denied: the call cannot be handed over: no tool" in each for each in told[2:])
    assert [each["card"] for each in shop.paid] == [card]
    assert shown["amount"] == 82
    assert [*shown["card"]] == ["$sealed"]
    assert call is not None
    assert call.digest("call") == row["subject"]["work"]["call-1"]  # what people approve
    assert shown["card"]["$sealed"].encode() in kept
    assert card.encode() not in kept
