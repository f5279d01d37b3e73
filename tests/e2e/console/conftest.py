"""One stack with a pipeline of its own in the catalogue, and the console beside it as a process."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from mandate.work.operate.demo_tools import open_shop
from tests.fixtures.servers.http import Place
from tests.fixtures.servers.visits import Visits
from tests.fixtures.stack import MandateUp

PIPELINE = """\
name: ask-first
version: "1.0"
inputs:
  note: {type: string, default: none}
  where: {type: string, enum: [here, there], default: here}
stages:
  - {name: look, type: agent, template: default}
  - name: sign-off
    type: gate
    description: May it go on?
    requires: [look]
    config: {approvers: ["group:sre"], identity: [verified], reason: required, timeout: 30m}
"""


@dataclass(frozen=True)
class Served(Visits):
    """The console that is served, with the stack beside it."""

    stack: MandateUp
    pid: int = 0


@pytest_asyncio.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder: Path = tmp_path_factory.mktemp("console")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "ask-first.yaml").write_text(PIPELINE)
    shop = open_shop(folder / "shop")
    variables = {
        "MANDATE_PIPELINES": str(folder / "pipelines"),
        **{name: shop[name] for name in ("MANDATE_TOOLS", "MANDATE_TEMPLATES")},
    }
    async with MandateUp(folder, variables, "--console", "--console-port=0") as stack:
        found = re.search(r"^console +http://127\.0\.0\.1:(\d+)$", stack.said, re.MULTILINE)
        assert found, stack.said
        assert stack.env["MANDATE_CONSOLE"] == f"http://127.0.0.1:{found[1]}"
        [pid] = [pid for pid, words in stack.processes().items() if " serve " in words]
        passwords = json.loads((stack.data_dir / "people.json").read_text())
        yield Served(Place(int(found[1])), passwords, stack, pid)
    said = (stack.data_dir / "logs" / "console.log").read_text()
    assert "mandate serves no more" in said
    assert "bug of ours" not in said
