"""What is said between an agent at work and us: its request, its messages, answers to it.

1. The first breach of the contract ends it: the agent is not left to run to its end.
2. What an agent asks is put to people by whoever runs it, one question after the other, in the
   order in which they came. It goes on meanwhile; the answer is a line on its stdin, which stays
   open where it may ask. Its time limit stands still.
3. Where nobody waits with it, or no longer, a question ends it. It begins again with the answer.
4. One that ends by itself while its question waits has done what (3) would: it begins again. One
   that delivers has not waited for what it said that it has to know: a breach.
5. To ask what is answered breaks the contract, and so does a question where nobody may be asked.
6. One that is told to end is listened to until it has ended: it says what it has tidied up, and is
   not held up by a pipe that nobody reads.
7. What it calls is made beside that: ``integrations.agents.calls``.
8. Who runs it may halt it, for a reason that only they know; it is ended as for a breach.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from dsl.rules.gates.questions import Question
from integrations.agents.calls import Calls
from integrations.agents.contract.protocol import (
    QuestionAskedError,
    Request,
    broken,
)
from integrations.agents.contract.questions import parse_question
from integrations.agents.contract.transcript import Transcript
from integrations.agents.keeper.process import Process
from integrations.agents.standing import Standing

DRAIN_S: Final = 0.5  # for output still in the pipes when everything has ended

# Waits until people have answered; None: it is not waited for any longer.
OnQuestion = Callable[[Question], Awaitable[str | None]]


class Inquiries:
    """What one agent asks while it works."""

    def __init__(self, request: Request, on_question: OnQuestion | None) -> None:
        self._request = request
        self._on_question = on_question
        self._known = set(request.answers)
        self._waiting: deque[Question] = deque()
        self._answered: Question | None = None  # the last one
        self._came = asyncio.Event()

    @property
    def are_answered(self) -> bool:
        """Whether somebody waits with the agent for answers."""
        return self._request.may_ask and self._on_question is not None

    def take(self, message: dict[str, Any]) -> None:
        """Hear a question.

        Raises:
            QuestionAskedError: people are to be asked, and nobody waits with it (3).
            AgentError: nobody can be asked, or they were (5).
        """
        question = parse_question(message)
        if not self._request.may_ask:
            raise broken(
                f"it asks {question.text[:80]!r}, and its stage has no config.questions: nobody "
                "can be asked"
            )
        if question.id in self._request.answers:
            raise broken(f"it asks {question.id!r} again, of which its request has the answer")
        if question.id in self._known:
            raise broken(f"it asks {question.id!r} again in the same try")
        self._known.add(question.id)
        if self._on_question is None:
            raise QuestionAskedError(question)
        self._waiting.append(question)
        self._came.set()

    def refuse_unanswered(self, *, delivered: bool, status: int | None) -> None:
        """Judge an agent that has ended, and waited for an answer (4).

        Raises:
            QuestionAskedError: it begins again with that.
            AgentError: it has delivered without it.
        """
        waits = self._waiting[0] if self._waiting else None
        if delivered and waits is not None:
            raise broken(f"it delivers, and its question {waits.id!r} waits for an answer")
        question = waits or self._answered  # which came too late to be read
        if not delivered and status == 0 and question is not None:
            raise QuestionAskedError(question)

    async def attend(self, process: Process, standing: Standing) -> None:
        """Put what is asked, and pass on the answers, until cancelled (2).

        Raises:
            QuestionAskedError: there is no answer yet, and it is not waited for any longer (3).
        """
        while self._on_question is not None:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                question = self._waiting[0]
                answer, left_s = await standing.still(self._on_question(question))
                if answer is None:
                    raise QuestionAskedError(question)
                self._answered = self._waiting.popleft()
                await process.tell(_line(question, answer, left_s))


async def converse(
    process: Process,
    request: Request,
    transcript: Transcript,
    requests: tuple[Inquiries, Calls],
    limit: asyncio.Timeout,
    *,
    halt: asyncio.Future[None] | None = None,
) -> None:
    """Hand over the request, listen and answer until the agent's tree has ended.

    What ``halt`` fails with is raised as soon as it does (8).
    """
    inquiries, calls = requests
    await process.ready()
    standing, goes_on = Standing(limit), inquiries.are_answered or calls.are_made
    ended = asyncio.ensure_future(process.exited())
    speaking = asyncio.ensure_future(_speak(process, request, goes_on=goes_on))
    listening = asyncio.ensure_future(_listen(process, transcript))
    attending = asyncio.ensure_future(inquiries.attend(process, standing))
    calling = asyncio.ensure_future(calls.attend(process, standing))
    tasks = (ended, speaking, listening, attending, calling)
    try:
        undone = {ended, listening, attending, calling, *([halt] if halt is not None else [])}
        while not ended.done():
            done, undone = await asyncio.wait(undone, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                await each  # raises a breach (1), a question (3), or what it is halted for (8)
        await ended
        await asyncio.wait((listening,), timeout=DRAIN_S)
        if listening.done():
            await listening
        delivered = transcript.result is not None
        inquiries.refuse_unanswered(delivered=delivered, status=process.exit_code)
        calls.refuse_unanswered(delivered=delivered)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def end_in_peace(process: Process, transcript: Transcript, grace_s: float) -> None:
    """Have the agent end within its grace, and listen on: what it says last is kept (6)."""
    listening = asyncio.ensure_future(_listen(process, transcript))
    try:
        await process.end(grace_s)
        await asyncio.wait((listening,), timeout=DRAIN_S)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _speak(process: Process, request: Request, *, goes_on: bool) -> None:
    """Say the request; nothing more will be said unless it may be answered (2)."""
    await process.tell(request.line())
    if not goes_on:
        process.hang_up()


async def _listen(process: Process, transcript: Transcript) -> None:
    await asyncio.gather(
        transcript.read_messages(process.stdout), transcript.read_stderr(process.stderr)
    )


def _line(question: Question, answer: str, left_s: float) -> bytes:
    said = {"type": "answer", "id": question.id, "answer": answer, "deadline": time.time() + left_s}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"
