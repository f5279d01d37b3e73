"""Asking people on behalf of a program that waits for the answer (docs/adr/0033).

1. What it asks is told with every sign of life, after the checkpoint that it has said before; once
   the server keeps that, the stage and its run are told to look. Neither takes anybody's word for
   what is asked.
2. The answer is what the run says, asked again and again: no message brings it, none can forge it.
3. After ``park_after`` it is waited for no longer: the question ends the try, as its answer says.
4. When the answer is there the program goes on at once, and the clock of the stage as soon as the
   server keeps that nothing is asked any more: until then a message could stop it again.
5. A try begins with what was answered before, whichever try had asked. Where a question of the
   stage still waits, for its try has died or failed, this one ends as if it had asked: the program
   is not started only to ask again.
6. A server or a run that does not answer is asked again; it ends no program.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError
from temporalio import activity
from temporalio.client import (
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError

from activities.contracts import messages, question_specs
from activities.phases.heartbeat import Pulse
from activities.runtime.engine import ANSWER, parent_of
from activities.runtime.signs_of_life import asked_in, details_of
from dsl.rules.gates.questions import Question
from integrations.errors import DeniedError, IntegrationError, UnavailableError

SHOWN_EVERY_S: Final = 0.1
ASK_S_MIN: Final = 0.1
ASK_S_MAX: Final = 1.0
_SLOWER: Final = 1.3

Handle = WorkflowHandle[Any, Any]


class Asker:
    """Puts the questions of one stage to the people of its run."""

    def __init__(self, stage: str, run: Handle, park_after_s: float) -> None:
        self._stage = stage
        self._run = run
        self._park_after_s = park_after_s
        self._pulse: Pulse | None = None
        self._settle: Callable[[], Awaitable[object]] | None = None
        self._going_on: asyncio.Task[None] | None = None

    async def posed(self) -> tuple[question_specs.Posed, ...]:
        """Return what was asked in this stage so far, in the words of its run (5).

        Raises:
            UnavailableError: it does not say.
        """
        try:
            rows = await self._run.query(
                question_specs.QUESTIONS, self._stage, result_type=list, rpc_timeout=ANSWER
            )
            return tuple(question_specs.Posed.model_validate(row) for row in rows)
        except (
            *(RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError),
            *(ValidationError, TypeError),
        ) as error:
            raise UnavailableError(
                f"run {self._run.id!r} does not say what was asked in {self._stage!r}: {error}"
            ) from None

    @asynccontextmanager
    async def waiting(
        self, pulse: Pulse, settle: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[None]:
        """Put questions meanwhile, telling them with ``pulse``.

        ``settle`` waits until the checkpoint of before is kept.
        """
        self._pulse, self._settle = pulse, settle
        if activity.info().attempt > 1:  # the one before may have died while it asked
            self._go_on(pulse)
        try:
            yield
        finally:
            if self._going_on is not None:
                self._going_on.cancel()

    async def put(self, question: Question) -> str | None:
        """Return the answer; None: it is not waited for any longer (3)."""
        pulse, settle = self._pulse, self._settle
        if pulse is None or settle is None:
            return None
        with suppress(IntegrationError):  # whatever it is, it is met again when the try has ended
            await settle()  # (1) where it goes on from is known before what it asks
        pulse.ask(question)
        try:
            async with asyncio.timeout(self._park_after_s):
                answer = await self._answer(pulse, question)
        except TimeoutError:
            return None
        self._go_on(pulse)
        return answer

    async def _answer(self, pulse: Pulse, question: Question) -> str:
        await _until(lambda: self._tell(question))  # (1) they look
        pause_s, digest = ASK_S_MIN, question.digest()
        while True:  # (2) asked again and again
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * _SLOWER, ASK_S_MAX)
            with suppress(UnavailableError):  # (6) asked again
                for each in await self.posed():
                    if each.answer is not None and each.question.digest() == digest:
                        return each.answer

    async def _tell(self, question: Question) -> bool:
        if not await self._keeps(question):
            return False
        await _own().signal(question_specs.ASKED, rpc_timeout=ANSWER)
        await self._run.signal(question_specs.ASKED, self._stage, rpc_timeout=ANSWER)
        return True

    async def _keeps(self, question: Question | None) -> bool:
        """Tell whether the server keeps that this is asked, or that nothing is."""
        info = activity.info()
        found = await details_of(
            activity.client(), info.workflow_id or "", info.workflow_run_id or ""
        )
        return question in [asked_in(details) for details in found]

    def _go_on(self, pulse: Pulse) -> None:
        pulse.ask(None)
        if self._going_on is not None:
            self._going_on.cancel()
        self._going_on = asyncio.create_task(_until(self._tell_goes_on))

    async def _tell_goes_on(self) -> bool:
        if not await self._keeps(None):  # (4) not before
            return False
        await _own().signal(question_specs.ANSWERED, rpc_timeout=ANSWER)
        return True


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a try may ask, and what was asked and answered before it."""

    asker: Asker | None = None  # None: it may ask nothing
    answers: dict[str, str] = field(default_factory=dict)  # by the id of the question
    waits: Question | None = None  # of an earlier try, and nobody has answered it yet (5)

    @property
    def put(self) -> Callable[[Question], Awaitable[str | None]] | None:
        """Wait for the answer to a question, if any may be asked."""
        return None if self.asker is None else self.asker.put

    def beside(
        self, pulse: Pulse, settle: Callable[[], Awaitable[object]]
    ) -> AbstractAsyncContextManager[None]:
        """Put questions meanwhile; see ``Asker.waiting``."""
        return nullcontext() if self.asker is None else self.asker.waiting(pulse, settle)


async def inquire(request: messages.PhaseRequest) -> Inquiry:
    """Return what this try may ask, and what is known of that.

    Raises:
        DeniedError: no run has started this stage.
        UnavailableError: the server or the run does not answer.
    """
    if request.step.questions is None:
        return Inquiry()
    info, client = activity.info(), activity.client()
    parent = await parent_of(client, info.workflow_id or "", info.workflow_run_id or "")
    if parent is None:
        raise DeniedError("a stage that may ask belongs to a run, and this one has none")
    run = client.get_workflow_handle(parent.workflow_id, run_id=parent.run_id)
    asker = Asker(request.step.path, run, request.step.park_after_ms / 1000)
    posed = await asker.posed()
    answers = {each.id: each.answer for each in request.answers}
    answers |= {each.question.id: each.answer for each in posed if each.answer is not None}
    return Inquiry(asker, answers, _still_waiting(posed))


def _still_waiting(posed: Sequence[question_specs.Posed]) -> Question | None:
    asked = [each.question for each in posed if each.answer is None]
    told = asked_in(activity.info().heartbeat_details)  # before the run could look
    answered = {each.question.digest() for each in posed if each.answer is not None}
    if told is not None and told.digest() not in answered:
        asked.append(told)
    return asked[0] if asked else None


async def is_unhurried() -> bool:
    """Tell whether this stage is cancelled and its agent was not told to stop; unsure: no."""
    why = activity.cancellation_details()
    if why is None or not why.cancel_requested:
        return False
    try:
        status = await _own().query("status", rpc_timeout=ANSWER)
    except (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
        return False
    return isinstance(status, dict) and status.get("told_to_stop") is False


def _own() -> Handle:
    info = activity.info()
    return activity.client().get_workflow_handle(
        info.workflow_id or "", run_id=info.workflow_run_id
    )


async def _until(done: Callable[[], Awaitable[bool]]) -> None:
    """Repeat ``done`` until it says so (6)."""
    while True:
        with suppress(UnavailableError, RPCError):
            if await done():
                return
        await asyncio.sleep(SHOWN_EVERY_S)
