"""One run of a plan: its stages, gates, records and report.

1. The plan is pinned: what a run does is decided by the compiled plan in its history, by no
   file and no setting that may change under it.
2. An inline plan may not ask for more than the inline tier; its agents are its own.
   Nobody is asked for what is known to fail: see ``workflows.run.feasibility``.
3. The start is on the ledger before anything happens, the end before the run completes.
4. However a run ends, what it started is stopped and the end is recorded, within two minutes;
   then the run fails, is cancelled or completes with its report.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import specs
from dsl import actions
from dsl.core import StageStatus
from dsl.limits import ANSWER_BYTES_MAX, EXIT_TIMEOUT_MS
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.shown.heads import by_rank
from dsl.shown.surfaces import Markdown
from dsl.values.canonical import digest_of
from dsl.values.durations import render_duration
from dsl.values.sizes import wire_bytes
from workflows.gates.control_groups import VaultLocks
from workflows.gates.gate_board import GateBoard
from workflows.gates.opening import Matter
from workflows.ledger.ledger_buffer import Records
from workflows.run.admission import admit
from workflows.run.agent_stages import AgentStages
from workflows.run.agent_stops import Stopping
from workflows.run.board import board
from workflows.run.council import hear
from workflows.run.feasibility import Feasibility
from workflows.run.origin import Origin, origin_of
from workflows.run.report import within_limit
from workflows.run.scheduler import Walk
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.cancellation import shielded, stop
from workflows.runtime.failures import StageEndedError
from workflows.runtime.query_answers import decided_rows, gate_rows, stage_rows

_CLEANING: Final = timedelta(milliseconds=EXIT_TIMEOUT_MS)


class PipelineRun:
    """A plan under way."""

    def __init__(self, plan: Plan, compiled: specs.CompileResult) -> None:
        self.plan = plan
        self.digest = compiled.digest
        self.inputs = compiled.inputs
        self.registered = False
        self.origin = Origin()
        self._compiled = compiled
        self._records = Records("run")
        self.stages = Stages(walk(plan.steps), _now_ms)
        self._locks = VaultLocks(plan, compiled.digest, self._records, compiled.asking)
        self.gates = GateBoard(self._records, self._locks, compiled.policy)
        self.gates.expect(
            (step.path for step in walk(plan.steps) if isinstance(step, GateStep)),
            compiled.policy.gate_identity,
        )
        self.agents = AgentStages(
            plan,
            compiled,
            stages=self.stages,
            gates=self.gates,
            records=self._records,
            begins=self._mark,
        )
        self.stopping = Stopping(plan, self.agents, self._records)
        self._feasibility = Feasibility(plan, self.inputs, self.stages, self.agents.identity)
        self.walk = Walk(self.stages, self)
        self.checkpoints: list[dict[str, Any]] = []
        self._ended: tuple[str, str] | None = None

    async def run(self) -> dict[str, Any]:
        """Return the report, or raise how the run ended (4)."""
        ending, cancelled = await self._supervise(asyncio.create_task(self._work()))
        return await self._finish(*ending, cancelled)

    async def _supervise(
        self, work: asyncio.Task[None]
    ) -> tuple[tuple[str, str], asyncio.CancelledError | None]:
        """Wait for ``work`` under the run's time limit; return how it ended, and a cancel."""
        limit = render_duration(self.plan.timeout_ms)
        try:
            await workflow.wait_condition(
                work.done,
                timeout=timedelta(milliseconds=self.plan.timeout_ms),
                timeout_summary=Markdown.of("time limit of the run: {}", limit),
            )
        except TimeoutError:
            ended = (failures.TIMED_OUT, f"the run did not finish within {limit}")
            return ended, await stop(work)
        except asyncio.CancelledError as error:
            await stop(work)
            return ("Cancelled", "the run was cancelled"), error
        try:
            work.result()
        except StageEndedError as error:
            return (error.kind, f"stage {error.path!r} {error.status}: {error.detail}"), None
        except ActivityError as error:
            return (failures.STAGE_FAILED, failures.cause_of(error)[1]), None
        return ("", ""), None

    async def agent(self, step: AgentStep) -> str:
        """Run an agent stage as a child workflow."""
        return await self.agents.run(step, self.environment())

    async def gate(self, step: GateStep) -> str:
        """Wait at a gate."""
        await self._feasibility.require_behind(step)
        self._mark(step.path)
        self.stages.move(step.path, StageStatus.WAITING)
        approved = self.stages.outputs_of(step.approves)
        subject = {
            path: {output.name: output.digest for output in outputs}
            for path, outputs in approved.items()
        }
        matter = Matter(self.digest, digest_of(self.inputs), subject, tuple(by_rank(approved)))
        return await self.gates.decide(step, matter, hear(step, self.stages))

    def environment(self) -> dict[str, Any]:
        """Return what conditions and agent inputs may refer to."""
        return {"inputs": self.inputs, "stages": self.stages.environment()}

    def status(self) -> dict[str, Any]:
        """Return what the run is doing and what it waits for."""
        stages, stages_left_out = stage_rows(self.stages.timed())
        room = ANSWER_BYTES_MAX - wire_bytes(stages)
        waiting, gates_left_out = gate_rows(self.gates.rows(), self.inputs, room=room)
        room -= wire_bytes(waiting)
        decided, decided_left_out = decided_rows(self.gates.decided, room=room)
        return {
            "pipeline": self.plan.name,
            "version": self.plan.version,
            "plan": self.digest,
            "registered": self.registered,
            "starter": self.origin.starter,
            "paused": self.walk.paused,
            "waiting_for": waiting,
            "stages": stages,
            "approvals": decided,
            "ledger": list(self._records.range or ()),
            "left_out": [*gates_left_out, *stages_left_out, *decided_left_out],
        }

    def waiting(self, gate: str | None = None) -> list[dict[str, Any]]:
        """Return the pending gates, or the one: what, who, since when, due."""
        return gate_rows(self.gates.rows(gate), self.inputs)[0]

    def page(self) -> Markdown:
        """Return the board."""
        title = f"{self.plan.name} {self.plan.version}"
        run = workflow.info().workflow_id
        gates = self.gates
        return board(title, run, self.stages, gates.pending, gates.heads, ended=self._ended)

    async def _work(self) -> None:
        standing = await admit(self.plan, self._compiled, self._records)  # (2)
        self.registered = self.agents.registered = standing.registered
        self.origin = await origin_of(self.plan, self.digest, self.inputs, standing)
        self.agents.origin = self.origin
        self._locks.authors = self.origin.author_proofs
        self.gates.excluded = self.origin.people
        await self._feasibility.require_all()
        await self.walk.steps(self.plan.steps)
        self._note_end(StageStatus.COMPLETED.value, "")
        await self._records.flush("run completed")  # (3)

    async def _finish(
        self, kind: str, message: str, cancelled: asyncio.CancelledError | None
    ) -> dict[str, Any]:
        if not kind:
            return self._report(StageStatus.COMPLETED.value)
        status = StageStatus.CANCELLED if cancelled else StageStatus.FAILED
        self.stages.skip(walk(self.plan.steps), "the run ended before")
        self._note_end(status.value, message)
        self._ended = kind, message
        await shielded(self._record_end())
        if cancelled is not None:
            raise cancelled
        raise failures.ended(kind, message, self._report(status.value))

    def _note_end(self, status: str, detail: str) -> None:
        self._records.note(
            actions.RUN_ENDED,
            status=status,
            detail=detail[:500],
            stages={path: row["status"] for path, row in self.stages.brief().items()},
        )

    async def _record_end(self) -> None:
        """Record a bad end, for two minutes at most (4); the report says when that failed."""
        try:
            await self._records.flush("run ended", give_up_after=_CLEANING)
        except ActivityError as error:
            workflow.logger.error("the end of the run is not on the ledger: %s", error)

    def _report(self, status: str) -> dict[str, Any]:
        return within_limit(
            {
                "pipeline": self.plan.name,
                "version": self.plan.version,
                "plan": self.digest,
                "registered": self.registered,
                "status": status,
                "stages": self.stages.report(),
                "approvals": self.gates.decided,
                "ledger": list(self._records.range or ()),
                "not_recorded": len(self._records.unrecorded),
            }
        )

    def _mark(self, path: str) -> None:
        """Name the point in history from which ``temporal workflow reset`` repeats a stage."""
        self.checkpoints.append(
            {
                "before": path,
                # The workflow task under way: started is the last event, completed the next.
                "event_id": workflow.info().get_current_history_length() + 1,
                "time": workflow.now().isoformat(timespec="seconds"),
            }
        )


def _now_ms() -> int:
    return int(workflow.now().timestamp() * 1_000)
