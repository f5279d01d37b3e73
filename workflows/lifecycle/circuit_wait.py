"""A stage waits, where people see it, for what an open circuit holds back.

1. The wait is a timer that says what for, and ends when the circuit would let a probe through. A
   look beside it ends it earlier, when the system is seen to live. Then the phase is begun again,
   and may be held back again; nothing of that is a try of the agent.
2. It is seen in the stage's page and status, in the attribute ``MandateStatus`` of its workflow
   where attributes are registered, and in the board of its run, which is told: as often as
   ``CIRCUIT_TOLD_MAX``, for a circuit may come and go.
3. It takes of the stage's time like every outage. A stop, a cancel and the time limit end it at
   once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.contracts import circuit_specs
from activities.contracts.circuit_specs import CircuitOpen
from dsl.limits import CIRCUIT_TOLD_MAX, CIRCUIT_WAIT_MS_MAX, CIRCUIT_WAIT_MS_MIN
from dsl.rules.health.breaker import CircuitState
from dsl.shown.surfaces import Markdown
from workflows.lifecycle.stage_state import StageState
from workflows.messages.circuit import CIRCUIT_SIGNAL
from workflows.runtime import failures, visibility
from workflows.runtime.cancellation import stop

_SECOND_MS: Final = 1_000


class CircuitWaits:
    """The waits of one stage."""

    def __init__(self, state: StageState) -> None:
        self._state = state
        self._waits = 0
        self._told = 0
        self._shown = ""  # the circuit, as lists have it

    async def held_back(self, error: ActivityError) -> bool:
        """Wait out a circuit that has held the phase back; False when none has."""
        met = failures.circuit_in(error)
        if met is None:
            await self.over()
            return False
        self._state.hold_back()
        await self.wait(met)
        return True

    async def wait(self, met: CircuitOpen) -> None:
        """Wait until what ``met`` an open circuit may be begun again (1)."""
        self._waits += 1
        state = self._state
        state.wait_for(words_of(met))
        await self._show(met.circuit)
        limit_ms = met.left_ms if met.left_ms >= 0 else CIRCUIT_WAIT_MS_MAX
        limit_ms = min(max(limit_ms, CIRCUIT_WAIT_MS_MIN), CIRCUIT_WAIT_MS_MAX)
        free: list[bool] = []
        looking = asyncio.create_task(self._look(met, free))
        cancelled: asyncio.CancelledError | None = None
        try:
            await workflow.wait_condition(
                lambda: bool(free),
                timeout=timedelta(milliseconds=limit_ms),
                timeout_summary=Markdown.of("{}", state.waits_for),
            )
        except TimeoutError:
            pass
        except asyncio.CancelledError as error:
            cancelled = error
        cancelled = await stop(looking) or cancelled
        if cancelled is not None:
            raise cancelled

    async def over(self) -> None:
        """Say that the stage goes on, if it has waited."""
        if self._state.waits_for:
            self._state.wait_for("")
            await self._show("")

    def end(self) -> None:
        """Let lists no longer say that the stage waits: it ends."""
        self._state.wait_for("")
        if self._shown:
            visibility.show_circuit("")
            self._shown = ""

    async def _look(self, met: CircuitOpen, free: list[bool]) -> None:
        state = self._state
        try:
            await circuit_specs.look(
                circuit_specs.CircuitRequest(circuit=met.circuit),
                activity_id=f"{state.step.path}/circuit#{self._waits}",
                summary=Markdown.of("is {} there again?", met.circuit),
                queue=state.queue,
            )
        except ActivityError:
            return  # then the timer alone ends the wait
        free.append(True)

    async def _show(self, circuit: str) -> None:
        """Let people see what is waited for, or that nothing is (2)."""
        if circuit != self._shown:
            visibility.show_circuit(circuit)
            self._shown = circuit
        parent = workflow.info().parent
        if parent is None or self._told >= CIRCUIT_TOLD_MAX:
            return
        self._told += 1
        run = workflow.get_external_workflow_handle(parent.workflow_id, run_id=parent.run_id)
        try:
            await run.signal(
                CIRCUIT_SIGNAL,
                {"stage": self._state.step.path, "waits_for": self._state.waits_for},
            )
        except ApplicationError:
            return  # it is over


def words_of(met: CircuitOpen) -> str:
    """Return what is waited for, as people read it."""
    if met.state is CircuitState.FORCED_OPEN:
        return f"waits for circuit {met.circuit}: forced open until somebody resets it"
    if met.left_ms < 0:
        return f"waits for circuit {met.circuit}"
    seconds = max(1, round(met.left_ms / _SECOND_MS))
    until = workflow.now() + timedelta(milliseconds=met.left_ms)
    what = "half-open" if met.state is CircuitState.OPEN else "a probe is out, the next"
    return f"waits for circuit {met.circuit}: {what} in {seconds} s, at {until:%H:%M:%S} UTC"
