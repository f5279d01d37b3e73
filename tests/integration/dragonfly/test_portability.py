"""What Dragonfly demands of scripts, checked where no Dragonfly is at hand.

Dragonfly locks the keys a script declares and refuses all others, and runs Lua 5.4. The first
is checked by watching a real server under MONITOR, the second on fakeredis: a check of the
scripts, not a stand-in for the server.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
from redis.asyncio import Redis

from integrations.dragonfly.lua import SCRIPTS, source
from tests.fixtures.dragonfly.exercise import every_answer
from tests.fixtures.servers.valkey import ValkeyProcess

ROOT = Path(__file__).parents[3]
LINE = re.compile(r"^\+\d+\.\d+ \[\d+ (?P<who>[^\]]*)\] (?P<what>.*)$")
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
WITHOUT_KEYS = {"time", "publish"}


@dataclass
class Watched:
    """What MONITOR showed of the scripts that ran."""

    scripts: set[str] = field(default_factory=set)
    commands: int = 0
    undeclared: list[tuple[str, str]] = field(default_factory=list)


class Monitor:
    """Everything a server is asked, from the moment the block is entered until it is left."""

    def __init__(self, server: ValkeyProcess) -> None:
        self.lines: list[str] = []
        self._server = server

    def __enter__(self) -> Self:
        self._socket = socket.create_connection(("127.0.0.1", self._server.port))
        self._socket.sendall(f"AUTH {self._server.password}\r\nMONITOR\r\n".encode())
        self._file = self._socket.makefile("rb")
        assert [self._file.readline().strip() for _ in range(2)] == [b"+OK", b"+OK"]
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.command("PING end-of-watch")
        self._reader.join(5)
        self._file.close()
        self._socket.close()

    def _read(self) -> None:
        for line in self._file:
            text = line.decode("utf-8", "replace").strip()
            if "end-of-watch" in text:
                return
            self.lines.append(text)


async def watched(client: Redis, lines: Iterable[str]) -> Watched:
    """Compare the keys of every command inside a script with the keys it declared."""
    seen = Watched()
    declared: set[str] = set()
    for line in lines:
        match = LINE.match(line)
        assert match, line
        words = [_unescaped(word) for word in WORD.findall(match["what"])]
        if match["who"] == "lua":
            seen.commands += 1
            keys = await _keys(client, words)
            seen.undeclared += [(words[0], key) for key in keys if key not in declared]
        elif words[0].lower() in ("eval", "evalsha"):
            seen.scripts.add(words[1])
            declared = set(words[3 : 3 + int(words[2])])
    return seen


async def _keys(client: Redis, words: list[str]) -> list[str]:
    if words[0].lower() in WITHOUT_KEYS:
        return []
    return [str(key) for key in await client.command_getkeys(*words)]


def _unescaped(word: str) -> str:
    return word.encode().decode("unicode_escape")


async def test_no_script_touches_a_key_it_has_not_declared(
    private_valkey: Callable[..., ValkeyProcess],
) -> None:
    server = private_valkey()
    client = server.client()

    with Monitor(server) as monitor:
        await every_answer(client)

    seen = await watched(client, monitor.lines)
    assert seen.undeclared == []
    assert seen.scripts == {client.register_script(source(name)).sha for name in SCRIPTS}
    assert seen.commands > 150
    await client.aclose()


async def test_the_watch_notices_a_script_that_touches_an_undeclared_key(
    private_valkey: Callable[..., ValkeyProcess],
) -> None:
    server = private_valkey()
    client = server.client()

    with Monitor(server) as monitor:
        await client.eval("return redis.call('SET', 'sneaky:' .. ARGV[1], '1')", 1, "declared", "x")

    assert (await watched(client, monitor.lines)).undeclared == [("SET", "sneaky:x")]
    await client.aclose()


@pytest.mark.parametrize("version", ["5.1", "5.4"])
def test_the_scripts_answer_the_same_on_every_lua(version: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.fixtures.dragonfly.exercise"],
        cwd=ROOT,
        env=os.environ | {"FAKEREDIS_LUA_VERSION": version},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == f"Lua {version}"


async def test_the_scripts_answer_the_same_on_a_real_server(dragonfly: Redis) -> None:
    await every_answer(dragonfly)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_builds_no_key_reads_no_stream_and_names_no_dialect(name: str) -> None:
    text = source(name)

    assert text.startswith("-- ")
    assert "-- Answers" in text
    assert not re.search(r"#!|XREAD|XRANGE|setresp|EVAL", text)
    for first in re.findall(r"redis\.call\('\w+', *([^,)]+)", text):
        assert first.startswith(("KEYS[", "ARGV[5]")), first


def test_only_our_scripts_can_be_loaded() -> None:
    with pytest.raises(ValueError, match="acquire"):
        source("../../../etc/passwd")
    assert set(SCRIPTS) == {
        path.stem for path in (ROOT / "integrations/dragonfly/scripts").glob("*.lua")
    }
