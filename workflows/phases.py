"""The walk of one agent through its lifecycle: what happens in which order, and what ends it.

1. A failure of the agent ends the stage, never this coroutine: the report says how.
2. No EXECUTE that is not on the ledger: the intent is recorded and awaited before BOOTSTRAP,
   and again before every further try. The receipt brings the agent's authority, with which a
   cold guard is seeded.
3. A cold guard is seeded only with an answer given after it was found cold.
4. Phases follow each other in order; ``retry:`` repeats EXECUTE only, and counts failures of
   the agent only. Outages are Temporal's to retry and end with the stage's time limit, a
   timer here: a run timeout of Temporal's would run no EXIT.
5. EXIT runs whatever happened, shielded, within two minutes; after a revocation REVOKED runs
   instead. What EXIT cannot put on the ledger goes back to the parent, whose next record
   carries it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities import contracts
from dsl.core import AGENT_PHASES_ORDERED, AgentOutput, AgentPhase, StageStatus, Tier
from dsl.durations import render_duration
from dsl.limits import COLD_RESEEDS_MAX, EXIT_TIMEOUT_MS
from workflows import failures
from workflows.records import Records
from workflows.shield import shielded, stop

_CLEANING: Final = timedelta(milliseconds=EXIT_TIMEOUT_MS)
# Beyond the stage's own limit, so that the timer ends a stage and not the activity's timeout.
_GRACE: Final = timedelta(seconds=30)


class _PhaseFailedError(Exception):
    """A phase failed for good: how the stage ends, and why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class PhaseWalk:
    """One agent stage on its way through the phases."""

    def __init__(self, request: contracts.AgentRequest) -> None:
        self._request = request
        step = request.step
        self._records = Records(step.path, request.agent, step.tier)
        self._authority = contracts.Authority()
        self._seed = False
        self._entity = ""
        self._fence = 0
        self._attempts = 0
        self._outputs: list[AgentOutput] = []
        self._output: dict[str, Any] = {}
        self._phases: list[str] = []
        self._cold = 0
        self._queue = contracts.QUEUE_T3 if step.tier >= Tier.T3 else None  # it trusts no workflow

    async def run(self) -> contracts.AgentReport:
        """Return what became of the stage (1).

        Raises:
            asyncio.CancelledError: the stage was cancelled, and EXIT has run.
        """
        status, kind, detail = StageStatus.CANCELLED, "cancelled", "cancelled"
        cancelled: asyncio.CancelledError | None = None
        try:
            status, kind, detail = await self._within_limit()
        except asyncio.CancelledError as error:
            cancelled = error
        unreleased = await shielded(self._leave(status, detail))  # (5)
        if cancelled is not None:
            if self._records.unrecorded:  # a cancelled workflow has no report to put it into
                workflow.logger.error(
                    "%d facts are not on the ledger", len(self._records.unrecorded)
                )
            raise cancelled
        if unreleased:
            detail = f"{detail}; left to expire: {', '.join(unreleased)}".removeprefix("; ")
        return contracts.AgentReport(
            status=status,
            detail=detail,
            reason=kind,
            output=self._output,
            outputs=tuple(self._outputs),
            attempts=self._attempts,
            ledger=self._records.range,
            unrecorded=self._records.handed_over(),
        )

    def status(self) -> dict[str, Any]:
        """Return where the agent stands."""
        return {
            "agent": self._request.agent,
            "tier": self._request.step.tier.name,
            "phases": self._phases,
            "attempts": self._attempts,
            "outputs": [output.model_dump(mode="json") for output in self._outputs],
        }

    async def _within_limit(self) -> tuple[StageStatus, str, str]:
        """Walk the phases under the stage's time limit (4)."""
        step = self._request.step
        walk = asyncio.create_task(self._walk())
        limit = render_duration(step.timeout_ms)
        try:
            await workflow.wait_condition(
                walk.done,
                timeout=timedelta(milliseconds=step.timeout_ms),
                timeout_summary=f"time limit of {step.path}: {limit}",
            )
        except TimeoutError:
            cancelled = await stop(walk)
            if cancelled is not None:
                raise cancelled from None
            return StageStatus.FAILED, failures.TIMED_OUT, f"not finished within {limit}"
        except asyncio.CancelledError:
            await stop(walk)
            raise
        try:
            walk.result()
        except _PhaseFailedError as error:
            revoked = error.kind == failures.REVOKED
            return (
                StageStatus.REVOKED if revoked else StageStatus.FAILED,
                error.kind,
                error.message,
            )
        return StageStatus.COMPLETED, "", ""

    async def _walk(self) -> None:
        await self._intend("agent.intended")
        for phase in AGENT_PHASES_ORDERED[:-1]:
            if phase is AgentPhase.EXECUTE:
                await self._execute()
            else:
                await self._phase(phase)

    async def _intend(self, action: str, /, **payload: object) -> None:
        """Record the intent to run the agent, and learn its authority (2)."""
        request = self._request
        self._records.note(
            action,
            plan=request.plan,
            path=request.step.path,
            template=request.step.template,
            attempt=self._attempts + 1,
            secrets=sorted(request.step.secrets.values()),
            **payload,
        )
        try:
            answer = await self._records.flush(action, authority_of=request.agent)
        except ActivityError as error:
            raise _failed(error) from None
        if answer.authority is not None:
            self._authority, self._seed = answer.authority, True

    async def _execute(self) -> None:
        """EXECUTE, and again as often as ``retry:`` allows (4)."""
        while True:
            self._attempts += 1
            try:
                await self._phase(AgentPhase.EXECUTE)
            except _PhaseFailedError as error:
                if error.kind != contracts.AGENT_FAILED:
                    raise
                if self._attempts > self._request.step.retry:
                    tries = "" if self._attempts == 1 else f" ({self._attempts} tries)"
                    raise _PhaseFailedError(error.kind, f"{error.message}{tries}") from None
                await self._intend("agent.retried", because=error.message[:500])  # (2)
            else:
                return

    async def _phase(self, phase: AgentPhase) -> contracts.PhaseResult:
        """Run one phase; seed the guard and repeat when it is found cold (3)."""
        while True:
            try:
                result = await self._call(phase)
            except ActivityError as error:
                kind, _ = failures.cause_of(error)
                if kind != contracts.COLD or self._cold >= COLD_RESEEDS_MAX:
                    raise _failed(error) from None
                self._cold += 1
                await self._ask_authority()
            else:
                self._keep(result)
                return result

    async def _call(self, phase: AgentPhase) -> contracts.PhaseResult:
        self._phases.append(phase)
        seed, self._seed = self._seed, False
        step = self._request.step
        asked = phase in step.phases
        return await contracts.PHASES[phase](
            self._phase_request(seed=seed),
            activity_id=f"{step.path}/{phase}#{self._phases.count(phase)}",
            summary=f"{step.path} {phase}",
            limit=timedelta(milliseconds=step.timeout_ms) + _GRACE if asked else None,
            queue=self._queue,
        )

    def _phase_request(
        self, *, seed: bool = False, status: str = "running", detail: str = ""
    ) -> contracts.PhaseRequest:
        request = self._request
        return contracts.PhaseRequest(
            pipeline=request.pipeline,
            plan=request.plan,
            project=request.project,
            agent=request.agent,
            step=request.step,
            inputs=request.inputs,
            authority=self._authority,
            seed=seed,
            attempt=max(1, self._attempts),
            entity=self._entity,
            prior=tuple(self._outputs),
            given=request.given,
            status=status,
            detail=detail,
            warrant=request.warrant,
        )

    async def _ask_authority(self) -> None:
        step = self._request.step
        try:
            self._authority = await contracts.authority(
                contracts.AuthorityRequest(agent=self._request.agent),
                activity_id=f"{step.path}/authority#{self._cold}",
                summary=f"{step.path}: guard is cold, asking the ledger",
            )
        except ActivityError as error:
            raise _failed(error) from None
        self._seed = True

    def _keep(self, result: contracts.PhaseResult) -> None:
        self._entity = result.entity or self._entity
        self._output.update(result.output)
        replaced = {output.name for output in result.outputs}
        self._outputs = [o for o in self._outputs if o.name not in replaced]
        self._outputs.extend(result.outputs)
        if result.fence > self._fence:
            self._fence = result.fence
            self._records.note("lease.granted", fence=result.fence)
        if result.facts:
            self._records.note(f"agent.{self._phases[-1].lower()}", **result.facts)

    async def _leave(self, status: StageStatus, detail: str) -> tuple[str, ...]:
        """EXIT or REVOKED, gathered with the outcome's record (5)."""
        phase = AgentPhase.REVOKED if status is StageStatus.REVOKED else AgentPhase.EXIT
        self._phases.append(phase)
        self._records.note(
            "agent.ended",
            status=status.value,
            detail=detail[:500],
            attempts=self._attempts,
            phases=" ".join(self._phases),
            outputs={output.name: output.digest for output in self._outputs},
        )
        step = self._request.step
        leaving = contracts.PHASES[phase](
            self._phase_request(status=status.value, detail=detail[:500]),
            activity_id=f"{step.path}/{phase}#1",
            summary=f"{step.path} {phase}",
            give_up_after=_CLEANING,
            queue=self._queue,
        )
        recording = self._records.flush(f"{step.path} ended", give_up_after=_CLEANING)
        left, recorded = await asyncio.gather(leaving, recording, return_exceptions=True)
        unreleased: tuple[str, ...] = ()
        if isinstance(left, ActivityError):
            unreleased = (f"lease ({failures.cause_of(left)[1]})",)
        elif isinstance(left, contracts.PhaseResult):
            unreleased = left.unreleased
        for answer in (left, recorded):
            if isinstance(answer, BaseException) and not isinstance(answer, ActivityError):
                raise answer
        return unreleased


def _failed(error: ActivityError) -> _PhaseFailedError:
    kind, message = failures.cause_of(error)
    if kind == contracts.REVOKED:
        return _PhaseFailedError(failures.REVOKED, message)
    if kind == contracts.AGENT_FAILED:
        return _PhaseFailedError(kind, message)
    return _PhaseFailedError(failures.STAGE_FAILED, message)
