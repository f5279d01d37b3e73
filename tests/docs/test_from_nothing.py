"""The first page of ``docs/agents.md``, typed as it stands in an empty folder.

Real: the command line, the embedded stack on ports of its own, the program that was written.
"""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from mandate.work.operate.up import UP_LINE
from tests.docs.blocks import ROOT, blocks_of
from tests.unit.mandate.programs import environment

COMMANDS_MAX: Final = 5
PROGRAM_LINES_MAX: Final = 10
OWN_PROGRAM: Final = """\
import json
import sys
from pathlib import Path

asked = json.loads(sys.stdin.readline())
folder = Path(asked["input"]["workspace"], asked["input"]["path"])
names = sorted(each.name for each in folder.iterdir())
Path("names.txt").write_text("\\n".join(names))
named = {"name": "names.txt", "path": "names.txt", "media_type": "text/plain"}
print(json.dumps({"type": "artifact", **named}))
print(json.dumps({"type": "result", "status": "ok", "output": {"names": len(names)}}))
"""
UP_S: Final = 60
LINE_S: Final = 60
PORTS: Final = [f"--{name}-port=0" for name in ("temporal", "ui", "vault", "dragonfly")]


def typed(line: str, folder: Path) -> str:
    """Run a line that must succeed; return what it wrote."""
    done = subprocess.run(
        words_of(line),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LINE_S,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def words_of(line: str) -> list[str]:
    first, *rest = shlex.split(line)
    program = {"mandate": [sys.executable, "-m", "mandate"], "python3": [sys.executable]}[first]
    return [*program, *rest]


@asynccontextmanager
async def up(line: str, folder: Path) -> AsyncIterator[None]:
    """Have it running, as in another terminal."""
    process = await asyncio.create_subprocess_exec(
        *words_of(line),
        *PORTS,
        cwd=folder,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(UP_S):
            while (said := await process.stdout.readline()).decode() != f"{UP_LINE}\n":
                assert said
        yield
    finally:
        process.terminate()
        await process.communicate()


async def test_five_lines_lead_from_nothing_to_a_governed_run_of_ones_own_program(tmp_path: Path):
    first = next(b for b in blocks_of(ROOT / "docs" / "agents.md") if b.language == "console")
    new, test, start, run, show = first.commands
    written = typed(new, tmp_path)
    program = tmp_path / "templates" / "triage.py"
    assert program.is_file()
    program.write_text(OWN_PROGRAM)  # one's own, in the place of what was written
    said = typed(test, tmp_path)
    async with up(start, tmp_path):
        ran = await asyncio.to_thread(typed, run, tmp_path)
        shown = await asyncio.to_thread(typed, show, tmp_path)

    assert len(first.commands) <= COMMANDS_MAX
    assert written.count("written ") == 5
    assert len([line for line in OWN_PROGRAM.splitlines() if line.strip()]) <= PROGRAM_LINES_MAX
    assert said == "ok\n"
    assert "completed" in ran
    assert "  | templates" in shown
