"""The worker process that is measured: ``bare``, ``engine`` (trivial agent) or ``process``.

It runs apart from the load generator, so that its CPU seconds are its own. ``timed`` is ``engine``,
with a clock on every workflow task. With ``calls`` agents call the tool of the shop as often as
the names of their stages end in, and write down how long each call took.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from bench import bare
from bench.activations import time_activations
from bench.subjects.tools import RULE, TIMES
from integrations.agents.contract.calls import AskedCall, OnCall
from integrations.agents.contract.checkpoints import Checkpoint
from integrations.agents.contract.log import Left
from integrations.agents.contract.protocol import Event, Outcome, Request, Result
from integrations.agents.conversation import OnQuestion
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.runner import Unhurried
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.redaction import Redactor
from integrations.settings import read_settings
from mandate._entry import run_main
from worker import build_workers, connect


class TrivialRunner:
    """An agent that answers at once, in this process."""

    async def run(
        self,
        program: Program,
        request: Request,
        *,
        timeout_s: float,
        sandbox: SandboxSpec,
        redact: Redactor,
        lifeline: Lifeline,
        on_event: Callable[[Event], None] | None = None,
        on_start: Callable[[int], None] | None = None,
        on_checkpoint: Callable[[Checkpoint], None] | None = None,
        on_left: Callable[[Left], None] | None = None,
        on_question: OnQuestion | None = None,
        on_call: OnCall | None = None,
        unhurried: Unhurried | None = None,
        halt: asyncio.Future[None] | None = None,
    ) -> Outcome:
        """Deliver nothing."""
        if on_call is not None:
            await self._call(on_call, request.run, int(request.stage.rpartition("-")[2]))
        return Outcome(result=Result(ok=True, output={}, summary=""), level="none")

    async def _call(self, call: OnCall, run: str, times: int) -> None:
        took = []
        for number in range(times):
            arguments = {"payment": f"{run}-{number}", "amount": 1}
            asked = AskedCall(f"c{number}", RULE["server"], RULE["tool"], arguments)
            begun = time.perf_counter()
            told = await call(asked)
            took.append((time.perf_counter() - begun) * 1000)
            assert told.status == "ok", told
        with (Path.home() / TIMES).open("a") as file:
            file.write(json.dumps(took) + "\n")


async def serve(kind: str) -> None:
    """Serve until killed."""
    settings = read_settings(os.environ)
    if kind == "timed":
        time_activations(Path.home())
    async with AsyncExitStack() as stack:
        if kind == "bare":
            await stack.enter_async_context(await bare.serve(settings.temporal))
        else:
            runner = None if kind == "process" else TrivialRunner()
            client = await connect(settings, runner=runner)
            for worker in build_workers(client, settings):
                await stack.enter_async_context(worker)
        gc.freeze()  # as worker.py does
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    run_main(serve(sys.argv[1]))
