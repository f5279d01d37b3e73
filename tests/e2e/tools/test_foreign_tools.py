"""A run of agents that others' frameworks make, with tools of servers that others have written.

Nobody's code is changed: an agent reads freely, writes only after somebody has approved, and hears
why not where they have not. Models are scripted, all else is real, in its sandbox.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.chat_server import answer, asks, chat_server
from tests.fixtures.hostile.arena import PLAYED, Arena
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.tools.foreign import INSTALLED, Foreign, make_repository

AGENTS = Path(__file__).parents[2] / "fixtures" / "agents"
FRAMEWORKS = INSTALLED / "frameworks"
TYPES = [path for path in ("/etc/mime.types",) if Path(path).exists()]  # a client looks there
ANN = {"approvers": ["ann"], "timeout": "10m"}


@pytest.fixture
def templates() -> Iterator[None]:
    """Bring the agents of two frameworks, as people bring theirs."""
    if not (FRAMEWORKS / "ready").exists():
        pytest.skip("the frameworks are not installed: make tools")
    folder = Path(PLAYED.name)
    for name in ("openai_agent", "pydantic_agent"):
        shutil.copy(AGENTS / f"{name}.py", folder)
        template = {
            "name": name.replace("_", "-"),
            "description": "an agent of somebody's framework",
            "tier": "T0",
            "program": f"./{name}.py",
            "interpreter": str(FRAMEWORKS / "bin" / "python"),
            "phases": ["EXECUTE"],
            "sandbox": {"read": [str(FRAMEWORKS), *TYPES]},
        }
        (folder / f"{name.replace('_', '-')}.yaml").write_text(json.dumps(template))
    yield
    for file in folder.iterdir():
        file.unlink()


def rule(server: str, tool: str, **fields: Any) -> dict[str, Any]:
    return {"server": server, "tool": tool, "policy": "allow", **fields}


def asked(server: str, tool: str) -> dict[str, Any]:
    return rule(server, tool, policy="approve", approve=ANN)


def clerk(name: str, template: str, port: int, *rules: dict[str, Any], **more: Any) -> Any:
    inputs = {"endpoint": f"http://127.0.0.1:{port}/v1", "prompt": "Do your work.", **more}
    config = {"tier": 1, "tools": list(rules), "inputs": inputs, "timeout": "3m"}
    config["sandbox"] = {"tcp": [port], "processes": 200}
    return {"name": name, "type": "agent", "template": template, "config": config}


async def decide(arena: Arena, handle: Any, gate: str, decision: str, **more: Any) -> Any:
    [row] = (await arena.pending(handle, gate))["waiting_for"]
    await handle.signal("vote", {"gate": gate, "decision": decision, "voter": "ann", **more})
    return row["call"]["arguments"]


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("templates")
async def test_who_reads_freely_writes_after_an_approval_alone(arena: Arena, tmp_path: Path):
    shop, database = tmp_path / "shop", tmp_path / "database"
    await asyncio.to_thread(make_repository, shop)
    await asyncio.to_thread(git, shop, "add", "price")
    database.mkdir()
    with sqlite3.connect(database / "shop.db") as prices:
        prices.execute("CREATE TABLE price (name TEXT, cents INTEGER)")
    for server in (
        Foreign("mcp", "git", shop, "--repository", str(shop)),
        Foreign("mcp-sqlite", "sqlite", database, "--db-path", str(database / "shop.db")),
        Foreign("mcp", "time", tmp_path),
    ):
        await server.declare(arena.settings.tools[0])
    repo, insert = {"repo_path": str(shop)}, "INSERT INTO price VALUES ('tea', 82)"
    reads = [rule("git", "git_status"), rule("sqlite", "read_query"), rule("time", "convert_time")]
    with chat_server() as model:
        model.script = [
            asks(("git_status", repo)),
            asks(("git_commit", {**repo, "message": "raise it"}), saying="the price has changed"),
            asks(("git_reset", repo)),
            answer("committed"),
            asks(("read_query", {"query": "SELECT count(*) AS n FROM price"})),
            asks(("write_query", {"query": insert})),
            answer("inserted"),
            asks(
                (
                    "convert_time",
                    {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"},
                )
            ),
            asks(("write_query", {"query": "DELETE FROM price"})),
            answer("left alone"),
        ]
        port = model.port
        stages = [
            clerk("commit", "llm", port, reads[0], asked("git", "git_commit"), model="tiny"),
            clerk("insert", "openai-agent", port, reads[1], asked("sqlite", "write_query")),
            clerk("delete", "pydantic-agent", port, reads[2], asked("sqlite", "write_query")),
        ]
        stages[1]["requires"], stages[2]["requires"] = ["commit"], ["insert"]
        document = {"name": f"p-{uuid.uuid4().hex[:8]}", "version": "1", "stages": stages}
        handle = await arena.start(document)
        message = await decide(arena, handle, "commit/call-1", "approve")
        assert await asyncio.to_thread(log_of, shop) == ""  # not before
        written = await decide(arena, handle, "insert/call-1", "approve")
        deleted = await decide(arena, handle, "delete/call-1", "reject", reason="keep them")
        report = await handle.result()
        heard = [told for each in model.heard for told in tools_told(each["body"])]

    assert (message["message"], written["query"]) == ("raise it", insert)
    assert deleted == {"query": "DELETE FROM price"}
    outputs = {name: each["output"] for name, each in report["stages"].items()}
    assert (outputs["commit"]["answer"], outputs["commit"]["tools"]) == ("committed", 3)
    assert [outputs[name]["said"] for name in ("insert", "delete")] == ["inserted", "left alone"]
    assert await asyncio.to_thread(log_of, shop) == "raise it"
    with sqlite3.connect(database / "shop.db") as prices:
        assert prices.execute("SELECT * FROM price").fetchall() == [("tea", 82)]
    said = "\n".join(heard)
    for words in (
        "Changes to be committed",
        "there is no tool 'git_reset'",
        "'n': 0",
        "+9.0h",
        "keep them",
    ):
        assert words in said, words
    on_record = [
        (each.action, each.payload["call"])
        for each in told_by(arena.settings.ledger, handle.id)
        if each.action in ("tool.intended", "tool.denied")
    ]
    assert on_record == [
        ("tool.intended", "git/git_status"),
        ("tool.intended", "git/git_commit"),
        ("tool.intended", "sqlite/read_query"),
        ("tool.intended", "sqlite/write_query"),
        ("tool.intended", "time/convert_time"),
        ("tool.denied", "sqlite/write_query"),
    ]


def git(repository: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def log_of(repository: Path) -> str:
    return git(repository, "log", "--format=%s")


def tools_told(body: dict[str, Any]) -> list[str]:
    """What a model was told of tools in one request, as text."""
    return [json.dumps(each["content"]) for each in body["messages"] if each["role"] == "tool"]
