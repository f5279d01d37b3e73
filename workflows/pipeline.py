"""Pipeline: the door of every run. Reads messages and hands them on; decides nothing itself.

1. One dynamic workflow serves all types: ``Pipeline`` takes a document, any other type is the
   name of a catalogue pipeline, so that list and Web UI show the pipeline as the type.
2. Bad input ends the run at once with all problems listed. It never leaves it wedged.
3. Messages arrive as raw payloads: a typed handler would wedge the run on a missing argument
   (docs/adr/0003). What cannot be read is remembered and shown by ``status``.
4. An update is refused by its validator, which leaves no event; a signal cannot be refused,
   so a void one is remembered. A vote whose proof must be looked at is accepted first: its answer
   says ``refused`` and why.
5. A run does not end under the hands of somebody who waits for an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities import contracts
    from dsl.limits import MESSAGE_LENGTH_MAX, MESSAGES_KEPT_MAX
    from workflows import failures
    from workflows.messages import MessageError, read_start, read_vote
    from workflows.run import PipelineRun

_VOTE = (
    'Answer a gate: {"gate": "review", "decision": "approve", "voter": "team-lead"}; '
    'decision is approve or reject, "reason" may be added. Where proven voters are asked, '
    '"mandate sign RUN GATE approve" prints the whole input.'
)


@workflow.defn(dynamic=True, sandboxed=False)  # docs/adr/0008
class Pipeline:
    """Run one pipeline (1)."""

    def __init__(self) -> None:
        self._run: PipelineRun | None = None
        self._paused = False
        self._messages: list[dict[str, str]] = []
        self._messages_dropped = 0

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:
        """Return the report of the run."""
        try:
            request = read_start(workflow.info().workflow_type, args)
        except MessageError as error:
            raise failures.invalid(str(error)) from None
        compiled = await workflow.execute_local_activity(
            contracts.COMPILE,
            request,
            result_type=contracts.CompileResult,
            start_to_close_timeout=contracts.COMPILE_TIMEOUT,
            activity_id="run/compile#1",
            summary=f"compile {request.source}",
        )
        if compiled.plan is None:  # (2)
            raise failures.invalid(compiled.problems)
        self._run = PipelineRun(compiled.plan, compiled)
        self._run.walk.paused = self._paused
        try:
            report = await self._run.run()
        except (asyncio.CancelledError, ApplicationError):
            await workflow.wait_condition(workflow.all_handlers_finished)  # (5)
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)  # (5)
        return report

    @workflow.signal(description=_VOTE)
    async def vote(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3): must be exactly RawValue
        """Record one person's answer."""
        try:
            message = read_vote([payload])
            refusal = self._refusal(message)
        except MessageError as error:
            refusal = str(error)
        if refusal is not None or self._run is None:
            self.on_bad_message("vote", refusal or "no gate is open yet")
            return
        answer = await self._run.gates.cast(message)
        if not answer["counted"]:
            self.on_bad_message("vote", answer["why"])

    @workflow.update(name="vote", description=_VOTE)
    async def vote_update(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # (3)
        """Record one person's answer and return the verdict so far."""
        assert self._run is not None  # noqa: S101  # the validator has checked
        return await self._run.gates.cast(read_vote([payload]))

    @vote_update.validator
    def _may_vote(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3)
        try:
            refusal = self._refusal(read_vote([payload]))
        except MessageError as error:
            raise ApplicationError(str(error), type="UnreadableVote", non_retryable=True) from None
        if refusal is not None:  # (4)
            raise ApplicationError(refusal, type="VoteRefused", non_retryable=True)

    @workflow.signal(description="Start no further stage until resumed; no input")
    def pause(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3)
        """Let running stages finish and start no new one."""
        self._pause(paused=True)

    @workflow.signal(description="Go on after a pause; no input")
    def resume(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3)
        """Start stages again."""
        self._pause(paused=False)

    @workflow.signal(dynamic=True, description="Any other name: has no effect, status shows it")
    def unknown(self, name: str, args: Sequence[RawValue]) -> None:  # (3)
        """Remember a signal that has no handler: a typo should not vanish."""
        self.on_bad_message(name, f"unknown signal {name!r}; known: pause, resume, vote")

    def on_bad_message(self, name: str, why: str) -> None:
        """Remember a message that had no effect (3, 4)."""
        if len(self._messages) >= MESSAGES_KEPT_MAX:
            self._messages_dropped += 1
            return
        self._messages.append(
            {
                "name": name[:MESSAGE_LENGTH_MAX],
                "why": why[:MESSAGE_LENGTH_MAX],
                "time": workflow.now().isoformat(timespec="seconds"),
            }
        )

    @workflow.query(description="What the run is doing, what it waits for, void messages")
    def status(self) -> dict[str, Any]:
        """Return the state of the run."""
        state = self._run.status() if self._run else {"stages": {}, "waiting_for": []}
        return {
            **state,
            "void_messages": self._messages,
            "void_messages_dropped": self._messages_dropped,
        }

    @workflow.query(description="Pending gates: what, who, since when, due")
    def gates(self) -> list[dict[str, Any]]:
        """Return the pending gates."""
        return self._run.waiting() if self._run else []

    @workflow.query(description="The plan this run is pinned to, and its digest")
    def plan(self) -> dict[str, Any]:
        """Return the compiled plan."""
        if self._run is None:
            return {}
        return {"digest": self._run.digest, "plan": self._run.plan.model_dump(mode="json")}

    @workflow.query(description="Named points in history for `temporal workflow reset`")
    def checkpoints(self) -> list[dict[str, Any]]:
        """Return, per stage, the event to reset to in order to repeat it."""
        return self._run.checkpoints if self._run else []

    def _refusal(self, message: Any) -> str | None:
        if self._run is None:
            return "no gate is open yet"
        return self._run.gates.refuse(message)

    def _pause(self, *, paused: bool) -> None:
        self._paused = paused
        if self._run is not None:
            self._run.walk.paused = paused
