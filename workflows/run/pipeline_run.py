"""One run of a plan, from its admission to its report.

1. The plan is pinned: what a run does is decided by the compiled plan in its history, by no
   file and no setting that may change under it.
2. An inline plan may not ask for more than the inline tier; its agents are its own. Until that
   and where the run comes from is known, there are neither gates nor agents:
   ``workflows.run.admitted_run`` has them, and is made afterwards.
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

from activities.contracts import messages
from dsl import actions
from dsl.core import StageStatus
from dsl.limits import ANSWER_BYTES_MAX
from dsl.plan import Plan, walk
from dsl.rules.run.checkpoints import NO_STAGE
from dsl.shown.foreign import legible
from dsl.shown.surfaces import Markdown
from dsl.values.durations import render_duration
from dsl.values.sizes import wire_bytes
from workflows.gates.gate_board import GateBoard
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.ledger.reuse import ResumeRefusedError, Reuse, reuse_of
from workflows.messages.inputs import MessageError
from workflows.notify.notified import Notified
from workflows.run.admission import admit
from workflows.run.admitted_run import AdmittedRun
from workflows.run.board import board
from workflows.run.provenance import Provenance, provenance_of, require_known
from workflows.run.report import within_limit
from workflows.run.stages import Stages
from workflows.run.turns import Turns
from workflows.runtime import failures
from workflows.runtime.cancellation import shielded, stop
from workflows.runtime.failures import StageEndedError
from workflows.runtime.moment import now_ms
from workflows.runtime.query_answers import decided_rows, gate_rows, stage_rows

_PATHS_SHOWN_MAX: Final = 20
_PATH_SHOWN_MAX: Final = 80  # characters


class PipelineRun:
    """A plan under way."""

    def __init__(self, plan: Plan, compiled: messages.CompileResult) -> None:
        self.plan = plan
        self.digest = compiled.digest
        self.stages = Stages(walk(plan.steps), now_ms)
        self.turns = Turns()
        self.admitted: AdmittedRun | None = None
        self._compiled = compiled
        self._provenance = Provenance(compiled.digest)  # until it is known
        self._records = LedgerBuffer("run", is_beside=compiled.policy.ledger_beside)
        self._notified = Notified(plan, compiled.inputs)
        self._ended: tuple[str, str] | None = None
        self._reuse: Reuse | None = None

    async def run(self) -> dict[str, Any]:
        """Return the report, or raise how the run ended (4)."""
        self._notified.begin()
        ending, cancelled = await self._supervise(asyncio.create_task(self._work()))
        cancelled = await self._notified.begun() or cancelled
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
        except ResumeRefusedError as error:
            return (failures.INVALID_PIPELINE, str(error)), None
        except ActivityError as error:
            return (failures.STAGE_FAILED, failures.cause_of(error)[1]), None
        return ("", ""), None

    @property
    def gates(self) -> GateBoard | None:
        """The gates of the run; None before it was admitted."""
        return self.admitted.gates if self.admitted else None

    def points(self, before: str | None) -> list[dict[str, Any]]:
        """Return the points to go back to, as far as it has come.

        Raises:
            MessageError: there is no stage such as the one that is asked about.
        """
        paths = [step.path for step in walk(self.plan.steps)]
        if before is not None and before not in paths:
            more = f" and {left} more" if (left := len(paths) - _PATHS_SHOWN_MAX) > 0 else ""
            raise MessageError(
                f"{NO_STAGE} {legible(before, _PATH_SHOWN_MAX)!r}; there are: "
                f"{', '.join(paths[:_PATHS_SHOWN_MAX])}{more}"
            )
        return self.admitted.checkpoints.points(before) if self.admitted else []

    def status(self) -> dict[str, Any]:
        """Return what the run is doing and what it waits for."""
        gates = self.gates
        stages, stages_left_out = stage_rows(self.stages.timed())
        resumed = self._resumed()
        room = ANSWER_BYTES_MAX - wire_bytes(stages) - wire_bytes(resumed)
        waiting, gates_left_out = gate_rows(
            gates.rows() if gates else [], self._compiled.inputs, room=room
        )
        room -= wire_bytes(waiting)
        decided, decided_left_out = decided_rows(gates.decided if gates else [], room=room)
        return {
            "pipeline": self.plan.name,
            "version": self.plan.version,
            "plan": self.digest,
            "registered": self._provenance.registered,
            "starter": self._provenance.starter,
            "paused": self.turns.paused,
            "waiting_for": waiting,
            "stages": stages,
            "approvals": decided,
            "ledger": list(self._records.range or ()),
            "left_out": [*gates_left_out, *stages_left_out, *decided_left_out],
            **resumed,
        }

    def waiting(self, gate: str | None = None) -> list[dict[str, Any]]:
        """Return the pending gates, or the one: what, who, since when, due."""
        return gate_rows(self.gates.rows(gate) if self.gates else [], self._compiled.inputs)[0]

    def page(self) -> Markdown:
        """Return the board."""
        title = f"{self.plan.name} {self.plan.version}"
        run = workflow.info().workflow_id
        pending, heads = (self.gates.pending, self.gates.heads) if self.gates else ({}, None)
        return board(title, run, self.stages, pending, heads, ended=self._ended)

    async def _work(self) -> None:
        # (2) refused here if it asks for too much
        standing = await admit(self.plan, self._compiled, self._records)
        self._provenance = await provenance_of(
            self.digest, self._compiled.inputs, standing, self._records.client
        )
        require_known(self.plan, self._provenance)
        self._reuse = await reuse_of(self.plan, self._compiled.programs)
        self.admitted = AdmittedRun(
            self.plan,
            self._compiled,
            self._provenance,
            stages=self.stages,
            turns=self.turns,
            records=self._records,
            reuse=self._reuse,
        )
        await self.admitted.run()
        self._note_end(StageStatus.COMPLETED.value, "")
        await self._records.flush("run completed")  # (3) before the run completes

    async def _finish(
        self, kind: str, message: str, cancelled: asyncio.CancelledError | None
    ) -> dict[str, Any]:
        if not kind:
            return self._report(StageStatus.COMPLETED.value)
        status = StageStatus.CANCELLED if cancelled else StageStatus.FAILED
        self.stages.skip(walk(self.plan.steps), "the run ended before")
        self._note_end(status.value, message)
        self._ended = kind, message
        await shielded(self._records.flush_last("run ended"))  # (4) within two minutes
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

    def _resumed(self) -> dict[str, Any]:
        """Return what is told of the run that this one resumes, where it does."""
        return {"resumed": self._reuse.told()} if self._reuse else {}

    def _report(self, status: str) -> dict[str, Any]:
        return within_limit(
            {
                "pipeline": self.plan.name,
                "version": self.plan.version,
                "plan": self.digest,
                "registered": self._provenance.registered,
                # Not yet known where the run was refused before anybody looked.
                **({"starter": self._provenance.starter} if self._provenance.is_known else {}),
                "status": status,
                "stages": self.stages.report(),
                "approvals": self.gates.decided if self.gates else [],
                "ledger": list(self._records.range or ()),
                "not_recorded": len(self._records.unrecorded),
                **self._resumed(),
            }
        )
