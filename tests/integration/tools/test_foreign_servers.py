"""Servers that others have written for anybody, as they come from PyPI, in the sandbox.

``make tools`` installs them; elsewhere these tests are left out, by name.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dsl.tools.servers import ToolServer
from integrations.tools.session import Surroundings, serving

TOOLS = Path(__file__).resolve().parents[3] / ".tools"
REPOSITORY, DATABASE = "{repository}", "{database}"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder with a repository, in which there is room for a database."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "name", "arguments", "tool"),
    [
        ("mcp", "git", ["--repository", REPOSITORY], "git_commit"),
        ("mcp", "time", [], "convert_time"),
        ("mcp-sqlite", "sqlite", ["--db-path", DATABASE], "write_query"),
    ],
    ids=["git", "time", "sqlite"],
)
async def test_a_foreign_server_lists_tools_that_can_be_pinned(
    repository: Path, folder: str, name: str, arguments: list[str], tool: str
):
    program = TOOLS / folder / "bin" / f"mcp-server-{name}"
    if not program.exists():
        pytest.skip(f"mcp-server-{name} is not installed: make tools")
    places = {REPOSITORY: str(repository), DATABASE: str(repository / "shop.db")}
    server = ToolServer.model_validate(
        {
            "name": name,
            "tier": "T1",
            "command": [str(program), *(places.get(each, each) for each in arguments)],
            "sandbox": {"read": [str(program.parents[1])], "write": [str(repository)]},
        }
    )

    async with serving(server, Surroundings()) as session:
        found = {each.name: each for each in await session.tools()}

    assert found[tool].digest
    assert found[tool].description
    assert [each.name for each in found.values() if each.fault] == []
