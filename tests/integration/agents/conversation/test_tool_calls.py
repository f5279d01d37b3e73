"""A program that calls tools: each is answered on its stdin in its turn, or breaks the contract."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from dsl.rules.tools.journal import CallStatus
from integrations.agents.contract.calls import AskedCall, CallTold
from integrations.agents.contract.protocol import AgentError

TOKEN = "s3cr3t-of-this-agent"


async def pay(call: AskedCall) -> CallTold:
    return CallTold(CallStatus.OK, f"paid {call.arguments['amount']} for {call.purpose}")


async def never(_call: AskedCall) -> CallTold:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def test_each_call_is_answered_on_stdin_in_its_turn(run: Any):
    outcome = await run("hostile", {"do": "calls"}, on_call=pay)

    assert outcome.result.output["told"] == [
        {"id": f"c{number}", "status": "ok", "text": f"paid {number} for order 17"}
        for number in (1, 2, 3)
    ]


async def test_the_time_limit_stands_still_while_calls_are_made(run: Any):
    async def think(call: AskedCall) -> CallTold:
        await asyncio.sleep(2.0)
        return await pay(call)

    began = time.monotonic()
    await run("hostile", {"do": "calls"}, on_call=think, timeout_s=5.5)

    assert time.monotonic() - began > 6.0  # and most of the limit is left for a busy machine


@pytest.mark.parametrize(
    ("do", "why"),
    [
        ("calls_and_delivers", "it delivers, and its call 'c1' waits for an answer"),
        ("calls_twice", "it uses the id 'c1' for a second tool_call in the same try"),
        ("floods_with_calls", "100 calls of it wait already"),
    ],
)
async def test_what_nobody_could_answer_breaks_the_contract(run: Any, do: str, why: str):
    with pytest.raises(AgentError) as caught:
        await run("hostile", {"do": do}, on_call=never)

    assert str(caught.value) == f"protocol: {why}"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"server": "pay", "tool": "refund"}, "tool_call.id must match"),
        ({"id": "a b", "server": "pay", "tool": "refund"}, "tool_call.id must match"),
        ({"id": "c1", "tool": "refund"}, "server must be text"),
        ({"id": "c1", "server": "pay", "tool": 1}, "tool must be text"),
        ({"id": "c1", "server": "pay", "tool": "x", "arguments": [1]}, "must be an object"),
    ],
)
async def test_a_call_without_its_parts_breaks_the_contract(run: Any, call: dict[str, Any], why):
    with pytest.raises(AgentError, match=why):
        await run("hostile", {"do": "calls_badly", "call": call}, on_call=never)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ('{"amount": 82, "amount": 8200}', 'the key "amount" is there twice'),
        ('{"amount": 1e400}', "a number is beyond"),
        ('{"note": "%s"}' % ("x" * (5 << 20)), "a line is longer than 1048576 bytes"),
    ],
    ids=["key-twice", "too-great", "five-megabytes"],
)
async def test_what_readers_read_differently_breaks_the_contract(run: Any, arguments: str, why):
    said = '"type": "tool_call", "id": "c1", "server": "pay", "tool": "refund"'
    line = f'{{{said}, "arguments": {arguments}}}'
    with pytest.raises(AgentError, match=why):
        await run("hostile", {"do": "calls_raw", "line": line}, on_call=never)


async def test_a_stage_without_tools_calls_nothing(run: Any):
    with pytest.raises(AgentError, match=r"it calls 'refund', and its stage has no config\.tools"):
        await run("hostile", {"do": "calls"})


async def test_a_call_holds_no_secret_of_the_agent(run: Any):
    outcome = await run(
        "hostile", {"do": "calls_with_its_secret"}, secrets={"TOKEN": TOKEN}, on_call=never
    )

    assert "a call holds no secret" in outcome.result.output["told"]
    assert outcome.secrets > 0
