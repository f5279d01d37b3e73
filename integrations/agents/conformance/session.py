"""One request to a program in its sandbox, and everything that came of it, raw.

A runner judges as it listens, and stops at the first breach; a check wants to see them all. So
nothing is judged here. The rules:

1. The same keeper, the same sandbox and the same limits as in a run.
2. Stdin stays open, as it does where a program may be answered. Where the program does not end in
   time, it is closed: who ends then has waited for that.
3. Artifacts are looked at when nothing that could change them is alive.
4. A question is answered on stdin, or ends it, as in a run; once it was answered, it ends it.
5. A call of a tool is denied on stdin: a check acts on nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dsl.limits import AGENT_OUTPUT_BYTES_MAX, AGENT_STDERR_BYTES_MAX
from dsl.rules.gates.questions import Question
from dsl.rules.tools.journal import CallStatus
from integrations.agents import workdir
from integrations.agents.contract.calls import CallTold, parse_call
from integrations.agents.contract.protocol import AgentError, parse_message
from integrations.agents.contract.questions import parse_question
from integrations.agents.keeper.process import Process
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.sandbox.spec import SandboxSpec, launch
from integrations.clock import boottime
from integrations.redaction import Redactor

Reply = Callable[[Question], str | None]

HANG_UP_S: Final = 2.0  # to end after stdin was closed
DRAIN_S: Final = 0.5
_LEASE_S: Final = 3_600.0


@dataclass(slots=True)
class Heard:
    """What a program said and did with one request."""

    lines: list[bytes]
    stderr: bytearray
    exit_code: int | None = None  # minus the signal; None: it had to be ended
    too_long: bool = False  # a line, which ended the listening
    too_much: bool = False
    hung_up: bool = False  # it ended only when stdin was closed (2)
    out_of_time: bool = False
    asks: bool = False  # and was ended for it, or has ended without waiting
    asked: Question | None = None  # the last one, if it can be put to people
    answered: tuple[str, ...] = ()  # on stdin, by id
    denied: int = 0  # calls, on stdin
    again: bool = False  # it asked what it had been answered on stdin
    told: frozenset[str] = frozenset()  # answers in its request, likewise
    stopped: bool = False  # SIGTERM was sent while it was at work
    lingering: bool = False  # it left processes behind
    quota: str = ""
    level: str = ""
    seconds: float = 0.0
    unstarted: str = ""
    flaws: Sequence[str] = ()  # of its artifacts
    leaks: bool = False  # an artifact holds a secret

    def messages(self) -> list[dict[str, Any]]:
        """Return what was understood."""
        found = []
        for line in self.lines:
            try:
                message = parse_message(line)
            except AgentError:
                continue
            if message is not None:
                found.append(message)
        return found


async def ask(
    program: Program,
    line: bytes,
    directory: Path,
    *,
    sandbox: SandboxSpec,
    timeout_s: float,
    redact: Redactor,
    stop_after_s: float | None = None,
    reply: Reply | None = None,
) -> Heard:
    """Put the request ``line`` to ``program``.

    With ``stop_after_s`` it is sent SIGTERM at its first line, or so long after it began.
    ``reply`` has the answer to a question, and None to one that is to end it (4).
    """
    heard = Heard([], bytearray())
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            place, argv = await asyncio.to_thread(stack.enter_context, program.copied())
            opened = program.opened_in(sandbox)
            spec = launch(argv, place, directory, opened)
            lifeline = Lifeline(boottime() + _LEASE_S)
            process = stack.enter_context(closing(await Process.start()))
            try:
                await process.begin(spec, lifeline)
                await process.ready()
                heard.level = process.level
                await _converse(
                    process, line, heard, timeout_s, stop_after_s=stop_after_s, reply=reply
                )
            finally:
                await process.end()
            heard.seconds = time.monotonic() - began
            found_in = process.directory
            # (3) when nothing could change them
            await asyncio.to_thread(_look_at_artifacts, heard, directory, found_in, redact)
    except AgentError as error:
        heard.unstarted = str(error).partition(": ")[2]
    return heard


async def _converse(
    process: Process,
    line: bytes,
    heard: Heard,
    timeout_s: float,
    *,
    stop_after_s: float | None,
    reply: Reply | None,
) -> None:
    first, said = asyncio.Event(), asyncio.Event()
    ended = asyncio.ensure_future(process.exited())
    listening = asyncio.ensure_future(_listen(process, heard, first, said))
    feeding = asyncio.ensure_future(process.tell(line))
    asking = asyncio.ensure_future(_answer(process, heard, said, reply))
    try:
        if stop_after_s is not None:
            await _stop_at_work(process, heard, ended, first, stop_after_s)
        done, _ = await asyncio.wait((ended,), timeout=timeout_s)
        if not done:
            process.hang_up()  # (2) closed when it does not end
            done, _ = await asyncio.wait((ended,), timeout=HANG_UP_S)
            heard.hung_up, heard.out_of_time = bool(done), not done
        if done:
            await ended
            await asyncio.wait((listening,), timeout=DRAIN_S)
            heard.exit_code, heard.lingering = process.exit_code, process.lingering
            heard.asks = heard.asks or _has_parked(heard)
            heard.quota = process.quota.sentence() if process.quota else ""
    finally:
        for task in (ended, listening, feeding, asking):
            task.cancel()
        await asyncio.gather(ended, listening, feeding, asking, return_exceptions=True)


async def _answer(process: Process, heard: Heard, said: asyncio.Event, reply: Reply | None) -> None:
    """Answer its questions, or end it at the first that is not answered (4)."""
    while True:
        await said.wait()
        said.clear()
        await _deny_calls(process, heard)
        for message in _questions(heard)[len(heard.answered) :]:
            heard.asked = None
            with suppress(AgentError):  # told with its line
                heard.asked = parse_question(message)
            answer = None
            if heard.asked is not None and heard.asked.id not in heard.answered:
                answer = reply(heard.asked) if reply is not None else None
            if answer is None or heard.asked is None:
                heard.asks = True
                heard.again = heard.asked is not None and heard.asked.id in heard.answered
                process.stop()
                return
            heard.answered = (*heard.answered, heard.asked.id)
            told = {"type": "answer", "id": heard.asked.id, "answer": answer}
            line = json.dumps({**told, "deadline": time.time() + HANG_UP_S}).encode() + b"\n"
            await process.tell(line)


async def _deny_calls(process: Process, heard: Heard) -> None:
    """Answer its calls (5); one that cannot be answered is told with its line."""
    called = [each for each in heard.messages() if each["type"] == "tool_call"]
    for message in called[heard.denied :]:
        heard.denied += 1
        with suppress(AgentError):
            denied = CallTold(CallStatus.DENIED, "a check makes no calls")
            await process.tell(denied.line(parse_call(message).id, HANG_UP_S))


def _questions(heard: Heard) -> list[dict[str, Any]]:
    return [each for each in heard.messages() if each["type"] == "question"]


def _has_parked(heard: Heard) -> bool:
    """Tell whether it has asked, and ended in good order without a result."""
    kinds = {each["type"] for each in heard.messages()}
    return heard.exit_code == 0 and "question" in kinds and "result" not in kinds


async def _stop_at_work(
    process: Process,
    heard: Heard,
    ended: asyncio.Future[None],
    first: asyncio.Event,
    after_s: float,
) -> None:
    begun = asyncio.ensure_future(first.wait())
    await asyncio.wait((begun, ended), timeout=after_s, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    if not ended.done():
        heard.stopped = True
        process.stop()


async def _listen(process: Process, heard: Heard, *said: asyncio.Event) -> None:
    await asyncio.gather(_read_lines(process.stdout, heard, said), _read_stderr(process, heard))


async def _read_lines(
    stream: asyncio.StreamReader, heard: Heard, said: Sequence[asyncio.Event]
) -> None:
    size = 0
    while True:
        try:
            line = await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            line = error.partial
        except asyncio.LimitOverrunError:
            heard.too_long = True
            return
        if not line:
            return
        heard.lines.append(line)
        for event in said:
            event.set()
        size += len(line)
        if size > AGENT_OUTPUT_BYTES_MAX:
            heard.too_much = True
            return


async def _read_stderr(process: Process, heard: Heard) -> None:
    while chunk := await process.stderr.read(1 << 16):
        heard.stderr += chunk
        del heard.stderr[: -2 * AGENT_STDERR_BYTES_MAX]


def _look_at_artifacts(
    heard: Heard, directory: Path, found_in: Path | None, redact: Redactor
) -> None:
    flaws: list[str] = []
    announced: set[str] = set()
    for message in heard.messages():
        if message["type"] != "artifact":
            continue
        try:
            (artifact,) = workdir.collect(directory, [message], redact, found_in=found_in)
        except AgentError as error:
            heard.leaks = heard.leaks or error.kind == "leak"
            if error.kind != "leak":
                flaws.append(str(error).partition(": ")[2])
            continue
        if artifact.name in announced:
            flaws.append(f"artifact {artifact.name!r} is announced twice")
        announced.add(artifact.name)
    heard.flaws = flaws
