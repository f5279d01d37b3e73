"""MCP clients in an agent's sandbox: they call tools by the relay, and know nothing of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dsl.rules.tools.journal import CallStatus
from integrations.agents.contract.calls import AskedCall, CallTold
from integrations.agents.contract.protocol import AgentError
from integrations.agents.programs.program import Program
from integrations.agents.relay import tool_server
from integrations.agents.sandbox.spec import SandboxSpec

AGENT = Path(__file__).parents[3] / "fixtures" / "agents" / "mcp_client.py"
SDK = Path(__file__).parents[4] / ".tools" / "mcp"
SCHEMA = {"type": "object", "properties": {"amount": {"type": "integer"}}}
TOOLS = (
    {"server": "pay", "tool": "refund", "description": "pays back", "input_schema": SCHEMA},
    {"server": "pay", "tool": "list"},
    {"server": "git", "tool": "list"},
)
CALLS = [["refund", {"amount": 82}], ["git__list", {}], ["refund", {"amount": 9_000}]]


async def shop(call: AskedCall) -> CallTold:
    if call.arguments.get("amount", 0) > 1_000:
        return CallTold(CallStatus.DENIED, "far too much")
    return CallTold(CallStatus.OK, f"{call.server}/{call.tool} {dict(call.arguments)}")


async def test_a_client_calls_the_tools_of_its_stage(run: Any):
    given = {"do": "plain", "calls": [*CALLS, ["void", {}]]}
    outcome = await run("mcp_client", given, tools=TOOLS, on_call=shop)
    answers = outcome.result.output["told"]

    assert outcome.result.output["tools"] == ["refund", "pay__list", "git__list"]
    assert [each.get("result", {}).get("isError") for each in answers] == [False, False, True, None]
    assert answers[0]["result"]["content"] == [
        {"type": "text", "text": "pay/refund {'amount': 82}"}
    ]
    assert answers[2]["result"]["content"][0]["text"] == "denied: far too much"
    assert answers[3]["error"]["message"] == "no such tool: void"
    said = [event.data for event in outcome.events]
    assert {"message": "it has listed"} in said  # calls go another way, and may be read before it


async def test_an_agent_behind_the_relay_ends_as_it_would_without(run: Any):
    with pytest.raises(AgentError, match="exit status 65") as caught:
        await run("mcp_client", {"do": "crashes", "calls": []}, tools=TOOLS, on_call=shop)

    assert not caught.value.retryable


async def test_the_official_client_needs_nothing_but_the_command_of_the_server(run: Any):
    python = SDK / "bin" / "python"
    if not (SDK / "ready").exists():
        pytest.skip("the MCP SDK is not installed: make tools")
    program = Program.from_file("mcp_client", AGENT)
    program = Program(program.name, program.file, program.digest, program.files, (str(python),))
    outcome = await run(
        program,
        {"do": "sdk", "calls": CALLS},
        tools=TOOLS,
        on_call=shop,
        sandbox=SandboxSpec(read=(SDK,)),
    )

    assert outcome.result.output["tools"] == ["refund", "pay__list", "git__list"]
    assert outcome.result.output["told"] == [
        [True, "pay/refund {'amount': 82}"],
        [True, "git/list {}"],
        [False, "denied: far too much"],
    ]


@pytest.mark.parametrize("params", [[], [1], "all", 7])
def test_params_that_are_no_object_end_no_server(tmp_path: Path, params: Any):
    (tmp_path / tool_server.LISTED).write_text(json.dumps(TOOLS))
    for name in (tool_server.ASKS, tool_server.TOLD):
        (tmp_path / name).touch()
    asked = ["initialize", "tools/list", "tools/call"]
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        for number, method in enumerate(asked)
    ]
    done = subprocess.run(
        [sys.executable, tool_server.__file__, str(tmp_path)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]

    assert (done.returncode, done.stderr) == (0, "")
    assert [each["id"] for each in answers] == [0, 1, 2]
    assert "no such tool" in answers[2]["error"]["message"]
