"""One stack with a pipeline of its own in the catalogue, and the console beside it as a process."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from mandate.work.operate.demo_tools import open_shop
from tests.fixtures.servers.http import Place
from tests.fixtures.servers.visits import Visits
from tests.fixtures.stack import MandateUp
from tests.unit.mandate.programs import ROOT
from tests.unit.mandate.programs import environment as clean

UP_S = 90.0
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
    async with MandateUp(folder, variables) as stack:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mandate", "serve", "--port", "0"),
            *("--data-dir", str(stack.data_dir)),
            cwd=ROOT,
            env=clean(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        said = ""
        try:
            async with asyncio.timeout(UP_S):
                while "mandate serves\n" not in said:
                    line = (await process.stdout.readline()).decode()
                    assert line, said
                    said += line
            port = int(re.search(r"http://127\.0\.0\.1:(\d+)", said)[1])  # type: ignore[index]
            passwords = json.loads((stack.data_dir / "people.json").read_text())
            yield Served(Place(port), passwords, stack, process.pid)
            process.terminate()
            rest = (await process.communicate())[0].decode()
            assert process.returncode == 0, rest
            assert "bug of ours" not in rest
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
