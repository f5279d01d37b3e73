"""What a test runs on: servers of its own, our workers in this process, and people who can vote.

1. The servers are those of ``mandate up``, in a directory and on ports of their own: a test shares
   nothing with a stack that is up, and leaves nothing.
2. Everything that waits has a limit; whoever runs into it is told what the run was doing.
3. A vote of a person of the stack is signed with their key, as ``mandate approve`` does it. Whoever
   else votes is a name that is claimed, which the gate may take or not.
4. Time is skipped for one run alone, and by the server: what is skipped is in its history.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import uuid
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from activities.contracts.specs import QUEUE
from dsl.compiler import compile_text
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.values.durations import parse_duration
from integrations.settings import read_settings
from integrations.vault.client import Vault
from integrations.vault.people.person import Person, log_in
from mandate.catalogue import templates
from mandate.people.gates.rows import read_rows
from mandate.people.gates.voting import prepare
from mandate.people.gates.wishes import Wish
from mandate.people.login.logins import Login
from mandate.people.login.session import Session
from mandate.stack.options import private_stack
from mandate.stack.people import NAMES, passwords
from mandate.stack.up import Stack
from mandate.testing.fakes import FakeAgents
from mandate.unanswered import words_of
from worker import build_workers, connect

QUEUES: Final = "mandate,mandate-t3,mandate-trust,mandate-ledger"
UP_S: Final = 180.0
ANSWER_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.05
_SAID_WITHIN: Final = timedelta(seconds=10)
_Found = TypeVar("_Found")


class Loop:
    """An event loop in a thread of its own, so that tests need not be coroutines."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, _Found], within_s: float = ANSWER_S) -> _Found:
        """Wait for something that is done there (2)."""

        async def limited() -> _Found:
            async with asyncio.timeout(within_s):
                return await work

        return asyncio.run_coroutine_threadsafe(limited(), self._loop).result()

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Bed:
    """Servers, workers and people, up between ``open`` and ``close``."""

    def __init__(self, folder: Path) -> None:
        self.agents = FakeAgents()
        self.loop = Loop()
        self._folder = folder
        self._exits = AsyncExitStack()
        self._env: dict[str, str] = {}
        self.client: Client

    def open(self) -> None:
        """Start all of it (1)."""
        self.loop.do(self._open(), UP_S)

    def close(self) -> None:
        """Stop all of it."""
        try:
            self.loop.do(self._exits.aclose(), UP_S)
        finally:
            self.loop.close()
            gc.collect()  # what workflows left behind ends here, and in nobody's next import

    async def _open(self) -> None:
        options = private_stack(self._folder, workers=())
        stack = await self._exits.enter_async_context(Stack(options))
        self._env = {**stack.env, "MANDATE_QUEUES": QUEUES}
        settings = read_settings(self._env)
        self.client = await connect(settings, runner=self.agents)
        for worker in build_workers(self.client, settings):
            await self._exits.enter_async_context(worker)

    def templates(self) -> Any:
        """Return the templates that stages may name."""
        return templates(self._env).look()

    async def ballot(self, run: str, gate: str, decision: str, by: str, reason: str) -> Any:
        """Vote, and return what became of it (3)."""
        if by not in NAMES:
            vote = {"gate": gate, "decision": decision, "voter": by, "reason": reason}
            return await self.client.get_workflow_handle(run).execute_update("vote", vote)
        vault = Vault(self._env["VAULT_ADDR"])
        try:
            found = await log_in(vault, by, passwords(self._folder)[by])
            login = Login(by, found.entity, found.token, 0)
            session = Session(login, Person(vault, found.token))
            wish = Wish(run, gate, decision, reason)
            ready = await prepare(self.client, session, wish, _unheard, env=self._env)
            return await ready.handle.execute_update("vote", ready.vote)
        finally:
            vault.close()


class RunUnderTest:
    """One run."""

    def __init__(self, bed: Bed, handle: WorkflowHandle[Any, Any], plan: Plan) -> None:
        self.id = handle.id
        self.within_s = ANSWER_S  # whatever is waited for
        self._bed, self._handle, self._plan = bed, handle, plan

    def approve(self, gate: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Wait for the gate and approve it; return what became of the vote."""
        return self._vote(gate, "approve", by, reason)

    def reject(self, gate: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Wait for the gate and reject it; return what became of the vote."""
        return self._vote(gate, "reject", by, reason)

    def skip(self, duration: str) -> None:
        """Let so much time pass for this run, at once (4)."""
        ms = parse_duration(duration)
        skipper = TimeSkipper(self._bed.client)
        passed = skipper.fast_forward(self._handle, timedelta(milliseconds=ms))
        self._do(passed, f"that {duration} pass")

    def until_waiting(self, gate: str) -> None:
        """Wait until a gate is open.

        Raises:
            AssertionError: the run has ended without it, or has no such gate.
            TimeoutError: it is not open in time; with what the run does instead.
        """
        steps = [*walk(self._plan.steps)]
        gates = [step.path for step in steps if isinstance(step, GateStep)]
        # What agents ask at work no plan names: it lies under their stage.
        asking = tuple(f"{step.path}/" for step in steps if isinstance(step, AgentStep))
        if gate not in gates and not gate.startswith(asking):
            told = ", ".join(gates) or "none"
            raise AssertionError(f"{self._plan.name!r} has no gate {gate!r}; it has: {told}")
        self._do(self._until_waiting(gate), f"that the gate {gate!r} opens")

    def result(self) -> dict[str, Any]:
        """Wait for the end; return the report.

        Raises:
            temporalio.client.WorkflowFailureError: it did not complete.
            TimeoutError: it does not end in time; with what it does instead.
        """
        report: dict[str, Any] = self._do(self._handle.result(), "the end of the run")
        return report

    def status(self) -> dict[str, Any]:
        """Return what the run says of itself now."""
        status: dict[str, Any] = self._do(self._handle.query("status"), "its status")
        return status

    def _vote(self, gate: str, decision: str, by: str, reason: str) -> dict[str, Any]:
        self.until_waiting(gate)
        ballot = self._bed.ballot(self.id, gate, decision, by, reason)
        verdict: dict[str, Any] = self._do(ballot, f"what becomes of the vote of {by!r}")
        return verdict

    def _do(self, work: Coroutine[Any, Any, _Found], what: str) -> _Found:
        """Wait for something, and say what the run does where it does not come (2)."""
        try:
            return self._bed.loop.do(work, self.within_s)
        except TimeoutError:
            doing = self._bed.loop.do(self._doing())
            raise TimeoutError(f"waited {self.within_s:g} s for {what}; {doing}") from None

    async def _doing(self) -> str:
        try:
            status = await self._handle.query("status", rpc_timeout=_SAID_WITHIN)
        except (RPCError, WorkflowQueryFailedError) as error:
            return f"the run {self.id!r} does not say what it does: {words_of(error)}"
        waiting = ", ".join(row["gate"] for row in status["waiting_for"]) or "none"
        stages = ", ".join(f"{path} {row['status']}" for path, row in status["stages"].items())
        return f"gates that wait: {waiting}; stages: {stages}"

    async def _until_waiting(self, gate: str) -> None:
        while not any(row.gate == gate for row in read_rows(await self._handle.query("gates"))):
            state = await self._handle.describe()
            if state.status is not WorkflowExecutionStatus.RUNNING:
                status = await self._handle.query("status")
                raise AssertionError(f"{gate!r} was never open; the run has ended: {status}")
            await asyncio.sleep(_LOOK_EVERY_S)


def started(bed: Bed, text: str | bytes, source: str, inputs: Mapping[str, Any]) -> RunUnderTest:
    """Start an inline pipeline; ``source`` is its name in messages.

    Raises:
        dsl.errors.DslError: the document is wrong; with every mistake.
        LookupError: an agent was made up for a stage that it does not have.
    """
    compiled = compile_text(text, source, bed.templates())
    bed.agents.produce(compiled.plan)
    definition = text.decode() if isinstance(text, bytes) else text
    value = {"definition": definition, "inputs": dict(inputs)}
    name = f"test-{uuid.uuid4().hex[:12]}"
    start = bed.client.start_workflow("Pipeline", value, id=name, task_queue=QUEUE)
    return RunUnderTest(bed, bed.loop.do(start), compiled.plan)


def _unheard(_line: object) -> None:
    """Say what is approved to nobody: the test knows."""
