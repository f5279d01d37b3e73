"""Servers that others have written for anybody, as they come from PyPI, in the sandbox.

``make tools`` installs them; elsewhere these tests are left out, by name.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from integrations.tools.calling import CallAnswer
from tests.fixtures.tools.foreign import Foreign, make_repository


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
