"""Running an agent once, as a process, to a result or to one clear error.

1. What runs is a copy of the program, made for this attempt and hashed on the way: it is what was
   admitted, or nothing runs. One that was changed, like a machine that cannot start it as it must,
   is no failure of the agent.
2. Between worker and agent stands the keeper; whatever ends this call (result, error,
   timeout, cancellation, death of the worker) ends the agent's whole tree. So does the deadline
   of its lease, whatever this process does.
3. How it ended is judged by ``integrations.agents.ending``; status ``failed`` may end better next
   time.
4. What is said between it and us meanwhile: ``integrations.agents.conversation``.
5. Everything it said is redacted before anybody sees it, and before it is cut to size: half a
   secret would not be recognised.
6. Artifacts are looked at when nothing that could change them is alive.
7. How many secrets it has said is told however it ends.
8. What is cancelled, out of time, or ends for its question gets SIGTERM, and SIGKILL after the
   grace of its sandbox. Whoever cancels may be in a hurry: unless ``unhurried`` is sure that it is
   not, there is the shortest grace of all, and a second cancel ends any.
9. What it has said and announced is told however it ends. Of what it announced, that is what may
    be kept: no secret, nothing outside its directory.
10. One that may call tools is started behind a relay, which lets MCP clients of it call them too.

UDP and sockets with a path are closed by a filter that is known for x86-64 and arm64 only;
``Outcome.level`` says what was reached.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from integrations.agents.calls import Calls
from integrations.agents.contract import protocol
from integrations.agents.contract.calls import OnCall
from integrations.agents.contract.checkpoints import Checkpoint, Checkpoints
from integrations.agents.contract.log import Left
from integrations.agents.contract.protocol import (
    AgentError,
    Event,
    Outcome,
    QuestionAskedError,
    Request,
)
from integrations.agents.contract.transcript import Transcript
from integrations.agents.conversation import Inquiries, OnQuestion, converse, end_in_peace
from integrations.agents.ending import judge
from integrations.agents.keeper.process import Process
from integrations.agents.keeper.reserve import Reserve
from integrations.agents.keeper.watch import GRACE_S
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.relaying import relayed
from integrations.agents.remains import collected, tell_left
from integrations.agents.sandbox.spec import SandboxSpec, launch
from integrations.redaction import Redactor

SURE_S: Final = 0.5  # within which it is known that nobody is in a hurry

Unhurried = Callable[[], Awaitable[bool]]


class AgentRunner(Protocol):
    """Something that runs an agent's program once."""

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
        """Run ``program`` in ``request.workdir``, where its artifacts are left.

        ``on_question`` waits for the answer to a question, if anybody waits with the agent;
        ``on_call`` makes a call of a tool, if it may call any;
        ``unhurried`` tells whether one that is cancelled may take its grace (8).

        ``on_event`` hears every event as it arrives, ``on_start`` the pid of the process that
        ends the agent when it ends, ``on_checkpoint`` each checkpoint; what they raise stops the
        agent and is raised here. ``on_left`` hears what an agent has left that does not deliver,
        however it ends. The agent is dead before the deadline of ``lifeline``, also where this
        process stands still.

        Raises:
            AgentError: the agent did not deliver; nothing of it is left running.
            QuestionAskedError: it asks people; nothing of it is left running either.
            DeniedError: it was not started, for its program was changed, or cannot be.
            LeaseLostError: it was ended for its deadline.
            UnavailableError: no agent starts on this machine now.
        """
        ...


class ProcessRunner:
    """Runs agents as sandboxed processes of this machine.

    ``reserve`` is its owner's to close; without one each agent waits for a keeper to come up.
    """

    def __init__(self, reserve: Reserve | None = None) -> None:
        self._reserve = reserve or Reserve(keeps=False)

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
        """See ``AgentRunner.run``."""
        redact = redact.including(request.secrets.values())
        checkpoints = Checkpoints(request.workdir, redact, on_checkpoint)
        inquiries = Inquiries(request, on_question)
        calls = Calls(on_call)

        def take_call(message: dict[str, Any], was_redacted: bool) -> None:  # noqa: FBT001
            calls.take(message, was_redacted=was_redacted)

        transcript = Transcript(redact, on_event, checkpoints.take, inquiries.take, take_call)
        try:
            return await self._run(
                program,
                request,
                transcript,
                checkpoints,
                (inquiries, calls),
                timeout_s=timeout_s,
                sandbox=sandbox,
                redact=redact,
                lifeline=lifeline,
                on_start=on_start,
                on_left=on_left,
                unhurried=unhurried,
                halt=halt,
            )
        except (AgentError, QuestionAskedError) as error:
            if isinstance(error, AgentError):
                error.detail.setdefault("step", transcript.log.last_step)
            error.secrets, error.tokens = transcript.taken_out()  # (7) told however it ends
            raise

    async def _run(
        self,
        program: Program,
        request: Request,
        transcript: Transcript,
        checkpoints: Checkpoints,
        requests: tuple[Inquiries, Calls],
        *,
        timeout_s: float,
        sandbox: SandboxSpec,
        redact: Redactor,
        lifeline: Lifeline,
        on_start: Callable[[int], None] | None,
        on_left: Callable[[Left], None] | None,
        unhurried: Unhurried | None,
        halt: asyncio.Future[None] | None,
    ) -> Outcome:
        started = time.monotonic()
        with ExitStack() as stack:
            folder, argv = await _copied(program, stack)  # (1) what was admitted, or nothing runs
            if request.tools:  # (10) any MCP client of it may call them
                argv = await asyncio.to_thread(relayed, folder, argv)
            opened = program.opened_in(sandbox)
            spec = launch(argv, folder, request.workdir, opened)
            keeper = await self._reserve.begin(spec, lifeline, on_start)
            process = stack.enter_context(closing(keeper))
            checkpoints.found_in = lambda: process.directory
            collecting = partial(collected, process, request.workdir, transcript, redact)
            try:
                await self._hear_out(
                    process,
                    partial(converse, process, request, transcript, requests, halt=halt),
                    transcript,
                    timeout_s=timeout_s,
                    grace_s=sandbox.grace_s,
                    unhurried=unhurried,
                )
                result = judge(process, transcript)
                # (6) when nothing could change them
                artifacts = await asyncio.to_thread(collecting)
            except BaseException:
                if on_left is not None:
                    # (9) told however it ends
                    await tell_left(on_left, transcript, partial(collecting, lenient=True))
                raise
        secrets, tokens = transcript.taken_out()  # (7) told however it ends
        outcome = Outcome(
            result=result,
            events=tuple(transcript.events),
            artifacts=artifacts,
            noise=tuple(transcript.noise),
            stderr=transcript.stderr,
            exit_code=0,
            seconds=time.monotonic() - started,
            level=process.level,
            dropped=transcript.dropped,
            log=await asyncio.to_thread(transcript.log.lines),
            secrets=secrets,
            tokens=tokens,
        )
        if not result.ok:
            if on_left is not None:
                on_left(Left(outcome.log, artifacts, transcript.log.last_step))
            summary = result.summary or "the agent reports that its work failed"
            raise AgentError(protocol.FAILED, summary, retryable=True, outcome=outcome)
        return outcome

    async def _hear_out(
        self,
        process: Process,
        conversing: Callable[[asyncio.Timeout], Awaitable[None]],
        transcript: Transcript,
        *,
        timeout_s: float,
        grace_s: float,
        unhurried: Unhurried | None,
    ) -> None:
        """Converse until the agent's tree has ended, or is ended (2) (8)."""
        try:
            async with asyncio.timeout(timeout_s) as limit:
                await conversing(limit)
        except TimeoutError:
            if not limit.expired():
                raise
            await end_in_peace(process, transcript, grace_s)
            detail: dict[str, Any] = {"stderr": transcript.stderr, "noise": transcript.noise}
            raise AgentError(
                protocol.TIMEOUT, f"no result in {timeout_s:g} s", retryable=True, **detail
            ) from None
        except QuestionAskedError:
            await end_in_peace(process, transcript, grace_s)
            raise
        except asyncio.CancelledError:
            if grace_s > GRACE_S and await _is_sure(unhurried):
                await end_in_peace(process, transcript, grace_s)
            raise
        finally:
            await process.end()


async def _is_sure(unhurried: Unhurried | None) -> bool:
    """Tell whether nobody is in a hurry; who cannot say so at once is not sure (8)."""
    if unhurried is None:
        return False
    with suppress(TimeoutError):
        async with asyncio.timeout(SURE_S):
            return await unhurried()
    return False


async def _copied(program: Program, stack: ExitStack) -> tuple[Path, list[str]]:
    copying = asyncio.ensure_future(asyncio.to_thread(stack.enter_context, program.copied()))
    try:
        return await asyncio.shield(copying)
    except asyncio.CancelledError:
        await asyncio.wait((copying,))  # else it would copy on where nobody removes it
        raise
