"""The phases of one agent stage: what happens in which order, and what ends it.

1. A failure of the agent ends the stage, never this coroutine: the report says how.
2. No EXECUTE that is not on the ledger, and no seed that is not fresh: see
   ``workflows.lifecycle.intent``.
3. Phases follow each other in order; ``retry:`` repeats EXECUTE only, and counts failures of
   the agent, and outcomes that we lost: nothing else may repeat an effect. Outages are Temporal's
   to retry and end with the stage's time limit, a timer here: a run timeout of Temporal's would
   run no EXIT.
4. However it ends, it is left in order: see ``workflows.lifecycle.exit``.
5. What the agent must not do has its consequence: see ``workflows.lifecycle.violations``, and
   ``workflows.lifecycle.phase_call`` for what a phase is told and its answer ends.
6. Told to stop, it stops at once: the phase under way is cancelled and awaited, and the stage
   is revoked. What its program brings after that is thrown away, and told.
7. While a question of the agent waits for people, its clock stands still: see
   ``workflows.lifecycle.clock``. One that is not waited for ends the phases, in order and without a
   failure: its report says what is asked. The run goes on waiting, and starts the stage again with
   the answer; see ``workflows.run.agent_stages``.
8. Where the work is somebody else's activity or workflow, it is done first, once for each try: see
   ``workflows.lifecycle.delegated_phase``. What came of it is then taken by the phase, as the
   answer of a program is; that is repeated, and the work is not. What did not stop has no other
   beside it.
9. So does a spent error budget, as long as the plan may be clarified: the run starts the stage
   again with a clarified plan. See ``workflows.lifecycle.waiting``.
10. What an open circuit holds back is begun again when it may be, and that is no try of anything:
    see ``workflows.lifecycle.circuit_wait``.
11. While EXECUTE is under way its program may call tools: see ``workflows.tools.desk``. What ends
   the phases ends that first.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import messages, specs
from activities.contracts.resumption import Heard
from dsl.core import AGENT_PHASES_ORDERED, AgentPhase, StageStatus
from dsl.limits import COLD_RESEEDS_MAX
from dsl.plan import AgentStep
from dsl.shown.surfaces import Markdown
from dsl.values.durations import render_duration
from workflows.lifecycle.circuit_wait import CircuitWaits
from workflows.lifecycle.clock import StageClock
from workflows.lifecycle.delegated_phase import delegated
from workflows.lifecycle.exit import leave
from workflows.lifecycle.intent import ask_authority, intend
from workflows.lifecycle.phase_call import PhaseCalls
from workflows.lifecycle.stage_state import StageState
from workflows.lifecycle.violations import Consequences
from workflows.lifecycle.waiting import StageWaitsError, after_spent
from workflows.messages.stop import StopOrder
from workflows.runtime import failures
from workflows.runtime.cancellation import shielded, stop
from workflows.runtime.failures import PhaseFailedError
from workflows.tools.desk import CallDesk

_ERROR_LENGTH_MAX: Final = 500  # characters, as recorded


class PhaseSequence:
    """One agent stage on its way through its phases."""

    def __init__(self, request: messages.AgentRequest) -> None:
        self._state = StageState(request)
        self._consequences = Consequences(self._state)
        self.clock = StageClock(self._state)
        self.calls = CallDesk(request, self._state.records, self.clock.standing_still)
        self._order: StopOrder | None = None
        self._is_over = False
        self._waits_for: StageWaitsError | None = None
        self._cold = 0
        self._calls = PhaseCalls(self._state, self._consequences, lambda: self._order is not None)
        self._circuits = CircuitWaits(self._state)

    def stop(self, order: StopOrder) -> str | None:
        """Stop the stage (6); return why there is nothing to stop."""
        if self._is_over:
            return "the stage is over"
        self._order = self._order or order
        return None

    async def run(self) -> messages.AgentReport:
        """Return what became of the stage (1).

        Raises:
            asyncio.CancelledError: the stage was cancelled, EXIT has run, and all is on the ledger.
        """
        began = workflow.now()
        status, kind, detail = StageStatus.CANCELLED, "cancelled", "cancelled"
        cancelled: asyncio.CancelledError | None = None
        attending = asyncio.create_task(self.clock.attend()) if self._state.step.questions else None
        try:
            status, kind, detail = await self._within_limit()
        except asyncio.CancelledError as error:
            cancelled = error
        self.clock.close()
        cancelled = await self.calls.end() or cancelled
        if attending is not None:
            cancelled = await stop(attending) or cancelled
        self._is_over = True
        self._circuits.end()
        state = self._state
        facts: dict[str, object] = {"epoch": self._order.epoch} if self._order is not None else {}
        if state.tries.unstopped:
            facts["unstopped"] = state.tries.unstopped
        unreleased = await shielded(  # (4) left in order, however it ends
            leave(state, self._consequences, status, detail, **facts)
        )
        state.end(status, detail)
        if cancelled is not None:
            count = len(state.records.unrecorded)
            if not count:
                raise cancelled
            # A cancelled workflow has no report to put them into.
            why = f"its workflow was cancelled, and {count} facts are not on the ledger yet"
            return state.report(status, failures.NOT_RECORDED, why)
        left = f"left to expire: {', '.join(unreleased)}" if unreleased else ""
        step = f"its last step: {state.tries.last_step}" if state.tries.last_step else ""
        if step in detail or status is StageStatus.WAITING:
            step = ""
        own = state.tries.untaken if status is not StageStatus.COMPLETED else _done_by(state.step)
        details = (detail, own, state.tries.unstopped, *self._consequences.said, step, left)
        report = state.report(status, kind, "; ".join(each for each in details if each))
        report = report.model_copy(update={"calls": self.calls.journal.unknown()})
        return report if self._waits_for is None else self._waits(report, self._waits_for, began)

    def _waits(
        self, report: messages.AgentReport, waits: StageWaitsError, began: datetime
    ) -> messages.AgentReport:
        """Say what the stage waits for, and where it asks what it has used up by then (7) (9)."""
        if waits.asked is None:
            return report.model_copy(update={"spent": waits.spent})
        worked_ms = (workflow.now() - began - self.clock.stood) // timedelta(milliseconds=1)
        used = {
            "attempts": self._state.tries.count,
            "worked_ms": worked_ms,
            "calls": tuple(self.calls.journal),
        }
        return report.model_copy(update={"asked": waits.asked.model_copy(update=used)})

    def status(self) -> dict[str, Any]:
        """Return where the agent stands."""
        calls = {"calls": self.calls.rows()} if self._state.step.tools else {}
        return {**self._state.status(), **calls, "told_to_stop": self._order is not None}

    def points(self) -> list[dict[str, Any]]:
        """Return the points to go back to."""
        return self._state.points()

    def page(self) -> Markdown:
        """Return what the Web UI shows of the stage."""
        return self._state.page()

    async def _within_limit(self) -> tuple[StageStatus, str, str]:
        """Go through the phases under the stage's time limit (3), until told to stop (6)."""
        step = self._state.step
        phases = asyncio.create_task(self._phases())
        limit = render_duration(step.timeout_ms)
        try:
            await self.clock.within(
                timedelta(milliseconds=step.timeout_ms),
                lambda: phases.done() or self._order is not None,
                Markdown.of("time limit of {}: {}", step.path, limit),
            )
        except TimeoutError:
            self.calls.shut()  # (11) nothing is made any more
            cancelled = await stop(phases)
            if cancelled is not None:
                raise cancelled from None
            return StageStatus.FAILED, failures.TIMED_OUT, f"not finished within {limit}"
        except asyncio.CancelledError:
            self.calls.shut()  # (11) nothing is made any more
            await stop(phases)
            raise
        if self._order is not None:
            self.calls.shut()  # (11) nothing is made any more
            cancelled = await stop(phases)
            if cancelled is not None:
                raise cancelled
            return StageStatus.REVOKED, failures.REVOKED, f"stopped: {self._order.reason}"
        try:
            phases.result()
        except StageWaitsError as waits:  # (7) (9) no failure
            self._waits_for = waits
            return StageStatus.WAITING, waits.kind, waits.detail
        except PhaseFailedError as error:
            revoked = error.kind == failures.REVOKED
            return (
                StageStatus.REVOKED if revoked else StageStatus.FAILED,
                error.kind,
                error.message,
            )
        return StageStatus.COMPLETED, "", ""

    async def _phases(self) -> None:
        await intend(self._state, "agent.intended")  # (2) nothing runs that is not on record
        for phase in AGENT_PHASES_ORDERED[:-1]:
            if phase is AgentPhase.EXECUTE:
                await self._execute()
            else:
                await self._phase(phase)

    async def _execute(self) -> None:
        """EXECUTE, and again as often as ``retry:`` allows (3)."""
        state, tries = self._state, self._state.tries
        while True:
            tries.begin()
            self.calls.open(state.entity)
            try:
                await self._phase(AgentPhase.EXECUTE)
            except PhaseFailedError as error:
                if error.kind == specs.BUDGET_SPENT:  # (9) its plan is clarified, or it is over
                    raise after_spent(state, self._consequences, error) from None
                if error.kind not in (specs.AGENT_FAILED, specs.OUTCOME_LOST):
                    raise
                if tries.count > state.step.retry or tries.unstopped:  # (8) no other beside it
                    message = f"{error.message}{tries.exhaust(error)}"
                    raise PhaseFailedError(error.kind, message) from None
                because = error.message[:_ERROR_LENGTH_MAX]
                # (2) on record before the next try
                await intend(state, "agent.retried", because=because)
            else:
                cancelled = await self.calls.close()
                if cancelled is not None:
                    raise cancelled
                return

    async def _phase(self, phase: AgentPhase) -> None:
        """Run one phase; seed the guard and repeat when it is found cold (2)."""
        tries, step = self._state.tries, self._state.step
        heard: Heard | None = None
        while True:
            place = self._state.enter(phase)
            try:
                if step.runtime is not None and phase in step.phases:  # (8) the work comes first
                    heard = heard or await delegated(self._state, step.runtime, phase, place)
                result = await self._calls.ask(phase, place, heard)
            except ActivityError as error:
                self.clock.go_on()
                self._state.err(
                    failures.erred_in(error), spent_until_ms=failures.spent_until_in(error)
                )
                if await self._circuits.held_back(error):  # (10) no try of anything
                    continue
                if failures.cause_of(error)[0] == specs.COLD and self._cold < COLD_RESEEDS_MAX:
                    self._cold += 1
                    await ask_authority(self._state, self._cold)
                    continue
                tries.leave(failures.checkpoint_in(error))
                failure = self._calls.failure(error, place)
                if failure is None:
                    continue
                tries.failed(failure)
                raise failure from None
            self.clock.go_on()
            await self._circuits.over()
            self._state.keep(result)
            self._calls.end_by(result, place)
            return


def _done_by(step: AgentStep) -> str:
    return "" if step.runtime is None else f"done by {step.runtime}, in no sandbox"
