"""What a sandbox and a log cost: an agent as a process against the same program started plainly.

The program is a shell script that says one line. ``start`` is from the call to that line: the copy
of the program, the keeper, namespaces, private disk, Landlock, seccomp. ``run`` is to the end of
it all, when nothing of it is left. The keeper is in reserve, as in a worker whose agents start one
after the other; ``unready`` is without, as for those that start at once with another. The log is
that of an agent that has said a thousand lines.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from dsl.core import AgentPhase, Tier
from integrations.agents.contract import log
from integrations.agents.contract.protocol import Event, Request
from integrations.agents.keeper.reserve import Reserve
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.runner import ProcessRunner
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.agents.workdir import workdir
from integrations.artifacts.store import Artifacts
from integrations.clock import boottime
from integrations.redaction import Redactor

ROUNDS: Final = 20
LINES: Final = 1_000
LIMIT_S: Final = 60.0
SCRIPT: Final = """#!/bin/sh
read -r request
echo '{"type":"progress","message":"up"}'
echo '{"type":"result","status":"ok","output":{},"summary":"up"}'
"""


class Took(NamedTuple):
    """Milliseconds from the call to the first line, and to the end."""

    start: float
    run: float


async def agent_ms(folder: Path) -> dict[str, float]:
    """Return medians in ms; both ways of starting take turns."""
    file = folder / "says-one-line.sh"
    file.write_text(SCRIPT)
    file.chmod(0o500)
    program = Program.from_file("bench", file)
    reserve = Reserve()
    ready, unready = ProcessRunner(reserve), ProcessRunner()
    kinds: dict[str, list[Took]] = {"plain": [], "boxed": [], "unready": []}
    await _boxed(ready, program)
    for _ in range(ROUNDS):
        kinds["plain"].append(await _plain(file))
        kinds["boxed"].append(await _boxed(ready, program))
        kinds["unready"].append(await _boxed(unready, program))
    await reserve.close()
    medians = {
        f"{kind}_{what}_ms": statistics.median(getattr(each, what) for each in rows)
        for kind, rows in kinds.items()
        for what in Took._fields
    }
    over = {
        f"{what}_over_ms": medians[f"boxed_{what}_ms"] - medians[f"plain_{what}_ms"]
        for what in Took._fields
    }
    over["unready_over_ms"] = medians["unready_start_ms"] - medians["plain_start_ms"]
    return {**medians, **over, "log_ms": await _log_ms(Artifacts(folder / "artifacts"))}


async def _plain(file: Path) -> Took:
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        file, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"{}\n")
    await process.stdout.readline()
    start = _since(begun)
    await process.communicate()
    return Took(start, _since(begun))


async def _boxed(runner: ProcessRunner, program: Program) -> Took:
    heard: list[float] = []

    def hear(_event: Event) -> None:
        heard.append(_since(begun))

    with workdir() as directory:
        begun = time.perf_counter()
        await runner.run(
            program,
            Request(
                run="bench",
                stage="bench",
                phase=AgentPhase.EXECUTE,
                attempt=1,
                deadline=time.time() + LIMIT_S,
                workdir=directory,
                tier=Tier.T0,
            ),
            timeout_s=LIMIT_S,
            sandbox=SandboxSpec(required=False),
            redact=Redactor(),
            lifeline=Lifeline(boottime() + LIMIT_S),
            on_event=hear,
        )
        return Took(heard[0], _since(begun))


async def _log_ms(artifacts: Artifacts) -> float:
    """Write down what an agent has said, and keep it as an artefact: each time another one."""

    async def keep(number: int) -> None:
        lines = await asyncio.to_thread(said.lines)
        await asyncio.to_thread(artifacts.put, lines + str(number).encode(), log.MEDIA_TYPE)

    said = log.Log(Redactor(["a-secret-of-the-agent"]))
    for number in range(LINES):
        said.message("progress", {"message": f"looked at file {number} of {LINES}"})
    return await _median(keep)


async def _median(work: Callable[[int], Awaitable[None]]) -> float:
    times = []
    for number in range(ROUNDS):
        begun = time.perf_counter()
        await work(number)
        times.append(_since(begun))
    return statistics.median(times)


def _since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
