"""Servers that others have written for anybody, as they come from PyPI, in the sandbox.

``make tools`` installs them; elsewhere these tests are left out, by name.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dsl.rules.tools.calls import call_of
from dsl.tools.servers import KnownServer, PinnedTool, ToolServer
from integrations.tools.calling import CallAnswer, make_call
from integrations.tools.session import Surroundings, serving

TOOLS = Path(__file__).resolve().parents[3] / ".tools"


class Foreign:
    """One of them, with every tool that it lists pinned."""

    def __init__(self, folder: str, name: str, room: Path, *arguments: str) -> None:
        program = TOOLS / folder / "bin" / f"mcp-server-{name}"
        if not program.exists():
            pytest.skip(f"mcp-server-{name} is not installed: make tools")
        about: dict[str, Any] = {"name": name, "tier": "T1", "command": [str(program), *arguments]}
        about["environment"] = {"GIT_CONFIG_NOSYSTEM": "1"}  # what a machine has set is not opened
        opened = {"read": [str(program.parents[1])], "write": [str(room)]}
        self.server = ToolServer.model_validate({**about, "sandbox": opened})
        self.pins: dict[str, PinnedTool] = {}

    async def pin(self) -> list[str]:
        async with serving(self.server, Surroundings()) as session:
            listed = await session.tools()
        assert [each.name for each in listed if each.fault or not each.description] == []
        self.pins = {each.name: PinnedTool(each.said, each.digest) for each in listed}
        return sorted(self.pins)

    async def call(self, tool: str, **arguments: Any) -> CallAnswer:
        call = call_of(self.server.name, tool, arguments)
        known = KnownServer(self.server, self.pins)
        return await make_call(call, call.digest(), known, Surroundings())


async def test_a_repository_is_read_and_written(tmp_path: Path):
    repository = tmp_path / "shop"
    await asyncio.to_thread(make_repository, repository)
    git = Foreign("mcp", "git", repository, "--repository", str(repository))
    assert "git_commit" in await git.pin()

    added = await git.call("git_add", repo_path=str(repository), files=["price"])
    made = await git.call("git_commit", repo_path=str(repository), message="raise it")
    log = await git.call("git_log", repo_path=str(repository))

    assert (added.ok, made.ok, log.ok) == (True, True, True), (added, made, log)
    assert "raise it" in log.text


async def test_a_database_is_written_and_read(tmp_path: Path):
    sqlite = Foreign("mcp-sqlite", "sqlite", tmp_path, "--db-path", str(tmp_path / "shop.db"))
    assert "write_query" in await sqlite.pin()

    await sqlite.call("create_table", query="CREATE TABLE price (name TEXT, cents INTEGER)")
    await sqlite.call("write_query", query="INSERT INTO price VALUES ('tea', 82)")
    read = await sqlite.call("read_query", query="SELECT cents FROM price")

    assert read == CallAnswer(ok=True, text="[{'cents': 82}]")


async def test_the_time_is_asked_for_and_a_wrong_zone_is_no(tmp_path: Path):
    clock = Foreign("mcp", "time", tmp_path)
    assert await clock.pin() == ["convert_time", "get_current_time"]

    zones = {"source_timezone": "UTC", "target_timezone": "Asia/Tokyo"}
    there = await clock.call("convert_time", time="12:00", **zones)
    wrong = await clock.call("get_current_time", timezone="Nowhere/At-All")

    assert json.loads(there.text)["time_difference"] == "+9.0h"
    assert not wrong.ok


def make_repository(repository: Path) -> None:
    """Make a repository with a file that is not added yet."""
    repository.mkdir()
    (repository / "price").write_text("82\n")
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    for name, value in (("user.name", "ann"), ("user.email", "ann@example.com")):
        subprocess.run(["git", "-C", str(repository), "config", name, value], check=True)
