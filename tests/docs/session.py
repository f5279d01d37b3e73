"""A newcomer's place: a checkout, the embedded stack in it, and one shell in which lines are typed.

1. The checkout is a copy, for what a page tells to edit is edited: programs, criteria. Workers and
   commands run from it.
2. The stack is stopped and started again where a page says so, on the same data and ports: logins
   are kept by the address of Vault.
3. One shell serves a whole page, so that what is sourced or logged in stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from mandate.stack.environment import SERVER_VARIABLES
from mandate.stack.options import private_stack
from mandate.stack.up import Stack
from mandate.stack.workers import DEFAULT_WORKERS
from tests.docs.blocks import ROOT
from tests.fixtures.servers.temporal import temporal_cli
from tests.unit.mandate.programs import as_typed, environment

LINE_S: Final = 90.0
DONE: Final = "line-done"
CHECKOUT: Final = ("activities", "dsl", "integrations", "mandate", "workflows")


class Premises:
    """A directory of its own, where ``mandate up`` would have put ``.mandate``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack: Stack | None = None
        self._ports: list[int] = []  # as in SERVER_VARIABLES
        for name in CHECKOUT:  # (1) what a page edits
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "worker.py", folder)
        make_programs(folder / "bin")
        (folder / "workspace").mkdir()
        (folder / "workspace" / "main.py").write_text("print()\n")

    async def start(self, *, trial: bool = False, **settings: str) -> None:
        """Start the stack, after the end of the one before (2)."""
        await self.stop()
        program = (sys.executable, str(self.folder / "worker.py"))
        options = private_stack(
            self.folder / ".mandate",
            workers=tuple(replace(worker, program=program) for worker in DEFAULT_WORKERS),
            settings={"MANDATE_WORKSPACE": str(self.folder / "workspace"), **settings},
            trial=trial,
        )
        if self._ports:
            temporal, vault, dragonfly = self._ports
            options = replace(
                options, temporal_port=temporal, vault_port=vault, dragonfly_port=dragonfly
            )
        stack = Stack(options)
        await stack.__aenter__()
        self._stack = stack
        self._ports = [int(stack.env[name].rpartition(":")[2]) for name in SERVER_VARIABLES]

    async def stop(self) -> None:
        """Stop the stack that runs, if one does."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.__aexit__(None, None, None)


class Shell:
    """One shell for the whole session, so that what is sourced stays."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def types(self, line: str) -> str:
        """Run a line that must succeed; return all it wrote."""
        code, said = await self.tries(line)
        assert code == 0, f"{line}\n{said}"
        return said

    async def tries(self, line: str) -> tuple[int, str]:
        """Run a line; return its exit status and all it wrote."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f'{line}\nprintf "\\n{DONE} %s\\n" $?\n'.encode())
        said = ""
        async with asyncio.timeout(LINE_S):
            while not (word := (await self._process.stdout.readline()).decode()).startswith(DONE):
                assert word, f"the shell ended: {said}"
                said += word
        return int(word.split()[1]), said

    async def types_all(self, lines: list[str]) -> dict[str, str]:
        """Type lines one after the other; return what each has said."""
        return {line: await self.types(line) for line in lines}


@contextlib.asynccontextmanager
async def terminal(folder: Path) -> AsyncIterator[Shell]:
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh",),
        cwd=folder,
        env=environment(
            {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "MANDATE_HOME": str(folder / "home")}
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        shell = Shell(process)
        await shell.types(". .mandate/env")
        yield shell
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def make_programs(folder: Path) -> None:
    """Make what ``.venv/bin`` holds, also where we are not installed."""
    folder.mkdir()
    (folder / "temporal").symlink_to(temporal_cli())
    command = folder / "mandate"
    words = " ".join(as_typed(folder.parent))
    command.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    command.chmod(0o755)
    (folder / "python3").symlink_to(sys.executable)
