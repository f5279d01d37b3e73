"""One stack with a pipeline of its own in the catalogue, and the console beside it as a process."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio

from tests.fixtures.servers.http import Place, Reply
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
class Served:
    """The console that is served, and who may log in."""

    place: Place
    stack: MandateUp
    passwords: Mapping[str, str]
    pid: int = 0
    sessions: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.place.host}"

    async def post(
        self, path: str, form: Mapping[str, str], cookie: str = "", **headers: str
    ) -> Reply:
        """Send a form, as a page of ours would; ``headers`` win."""
        ours = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url}
        given = {**ours, "Cookie": cookie, "Accept": "text/html"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.place.ask("POST", path, urlencode(form).encode(), given)

    async def get(self, path: str, cookie: str = "") -> Reply:
        return await self.place.ask("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})

    async def log_in(self, name: str) -> tuple[str, str]:
        """Log in once, without a browser; return the cookie and the word of the session."""
        if name in self.sessions:
            return self.sessions[name]
        form = {"name": name, "secret": self.passwords[name]}
        reply = await self.post("/login?next=/start", form)
        assert (reply.status, reply.headers["location"]) == (303, "/start"), reply.text
        cookie = reply.headers["set-cookie"].partition(";")[0]
        word = hidden("token", (await self.get("/", cookie)).text)
        self.sessions[name] = cookie, word
        return cookie, word


def hidden(name: str, page: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])


def gate_address(run: str, gate: str = "sign-off") -> str:
    return f"/gate?run={quote(run, safe='')}&gate={gate}"


@pytest_asyncio.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder: Path = tmp_path_factory.mktemp("console")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "ask-first.yaml").write_text(PIPELINE)
    variables = {"MANDATE_PIPELINES": str(folder / "pipelines")}
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
            yield Served(Place(port), stack, passwords, process.pid)
            process.terminate()
            rest = (await process.communicate())[0].decode()
            assert process.returncode == 0, rest
            assert "bug of ours" not in rest
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
