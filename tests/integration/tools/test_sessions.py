"""Tool servers in their sandbox: greeted and asked for their tools, however badly they take it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from dsl.limits import TOOLS_OF_SERVER_MAX
from dsl.tools.servers import ToolServer
from integrations.errors import DeniedError
from integrations.redaction import Redactor
from integrations.tools import session
from integrations.tools.listing import ListedTool, compare
from integrations.tools.serving import Surroundings, serving
from integrations.tools.wire import ToolServerError

SERVER = Path(__file__).parents[2] / "fixtures" / "tools" / "server.py"


def server(*words: str, **sandbox: object) -> ToolServer:
    command = words or (sys.executable, str(SERVER))
    opened = {"read": [str(SERVER.parent)], **sandbox}
    return ToolServer.model_validate(
        {"name": "pay", "tier": "T1", "command": list(command), "sandbox": opened}
    )


async def listed(mode: str = "good") -> list[ListedTool]:
    async with serving(server(sys.executable, str(SERVER), mode), Surroundings()) as served:
        return await served.tools()


@pytest.mark.parametrize("mode", ["good", "asks"])
async def test_a_server_is_greeted_and_lists_its_tools(mode):
    refund, other = await listed(mode)

    assert (refund.name, refund.description, other.name) == (
        "refund",
        "pays an amount back",
        "list",
    )
    assert refund.said["inputSchema"]["required"] == ["amount"]
    assert refund.digest.startswith("sha256:")
    assert not refund.fault


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("dies", "it has ended; it said: the key has expired: log in at a terminal"),
        ("other-id", "it answers request '3', and 2 is under way"),
        ("long-line", "a message of it is longer than 1 MiB"),
        ("floods", "it says more than 8 MiB"),
        ("key-twice", 'the key "result" is there twice'),
        ("no-list", "its list of tools is none"),
        ("refuses", "it refuses tools/list: not without\x1b[31m a login"),
        ("pages", "its list has more than 100 pages"),
        ("twice", "it lists tool 'refund' twice"),
        ("nameless", "it lists a tool without a name"),
        ("many", f"it lists more than {TOOLS_OF_SERVER_MAX} tools"),
    ],
)
async def test_a_server_that_breaks_the_protocol_is_ended_and_told_of(mode, why):
    with pytest.raises(ToolServerError) as failed:
        await listed(mode)

    assert why in str(failed.value)
    assert "\n" not in str(failed.value)


async def test_a_server_that_says_nothing_has_its_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "START_S", 2.0)
    with pytest.raises(ToolServerError, match=r"'pay': no answer to tools/list within 2 s"):
        await listed("silent")


class Dribbling:
    """Lists its tools a page at a time, and never comes to an end."""

    async def ask(self, number: int, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"tools": [], "nextCursor": str(number)}

    def last_words(self) -> str:
        return ""


async def test_all_pages_of_a_list_have_one_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "START_S", 0.05)
    with pytest.raises(ToolServerError, match=r"'pay': no answer to tools/list within 0.05 s"):
        await session.ToolSession("pay", cast("Any", Dribbling()), Redactor()).tools()


async def test_a_tool_that_nobody_can_name_is_listed_with_the_reason():
    pins = {each.name: each.digest for each in await listed()}

    found = {each.tool: each for each in compare(await listed("homoglyph"), pins)}
    assert found["refund"].is_pinned
    assert found["r\u0435fund"].state == "unusable"
    assert "CYRILLIC SMALL LETTER IE" in found["r\u0435fund"].why
    [one, _] = await listed("schemaless")
    assert (one.fault, one.digest) == ("it says nothing of its arguments", "")


@pytest.mark.parametrize(
    ("mode", "state"), [("good", "pinned"), ("pulled", "changed"), ("schema", "changed")]
)
async def test_another_description_or_schema_is_another_tool(mode, state):
    pins = {each.name: each.digest for each in await listed()}

    refund = {each.tool: each for each in compare(await listed(mode), pins)}["refund"]
    assert refund.state == state
    assert refund.is_pinned == (mode == "good")


async def test_a_tool_that_is_gone_is_told():
    pins = {each.name: each.digest for each in await listed()}

    assert [(each.tool, each.state) for each in compare(await listed("fewer"), pins)] == [
        ("list", "pinned"),
        ("refund", "gone"),
    ]


async def test_a_program_that_is_not_there_is_denied():
    with pytest.raises(DeniedError, match="'no-such-server' is not on the agents' PATH"):
        async with serving(server("no-such-server"), Surroundings()):
            pass


async def test_the_ports_of_the_engine_stay_closed_to_servers():
    wanted = server(sys.executable, str(SERVER), tcp=[8200])
    with pytest.raises(DeniedError, match="port 8200 belongs to the engine's own servers"):
        async with serving(wanted, Surroundings(ports=frozenset({8200}))):
            pass


async def test_a_server_reads_nothing_that_its_operator_has_not_opened(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("s")
    reader = f"import sys; open({str(secret)!r}); sys.stdout.write('read')"
    with pytest.raises(ToolServerError, match=r"PermissionError|No such file"):
        async with serving(server(sys.executable, "-c", reader), Surroundings()):
            pass
