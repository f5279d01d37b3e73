"""What is known of an agent stage under way, and what its phases are told of it.

Keeps, and decides nothing.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from activities.contracts import messages, specs
from activities.contracts.resumption import CheckpointRef
from dsl.core import AgentOutput, AgentPhase, StageStatus, Tier
from dsl.shown.surfaces import Markdown
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.lifecycle.page import Ended, Entered, page


class StageState:
    """One agent stage: what it was asked to do, and what came of it so far."""

    def __init__(self, request: messages.AgentRequest) -> None:
        step = request.step
        self.request = request
        self.step = step
        self.records = LedgerBuffer(step.path, request.agent, step.tier)
        self.queue = specs.QUEUE_T3 if step.tier >= Tier.T3 else None  # it trusts no workflow
        self.authority = messages.Authority()
        self.seed = False  # only right after the ledger was asked
        self.phases: list[AgentPhase] = []
        self._entered: list[Entered] = []
        self._ended: Ended | None = None
        resumption = request.resumption
        self.attempts = max(0, resumption.attempts - 1) if resumption else 0
        self._answers = resumption.answers if resumption else ()
        self._resumption = resumption
        self.errors = 0  # tries that the agent itself failed
        self.exhausted = False  # the last of them was its last try
        self.outputs: list[AgentOutput] = []
        self.output: dict[str, Any] = {}
        self.checkpoint: CheckpointRef | None = None  # of the last try of this phase
        self._entity = ""
        self._program = ""
        self.last_step = ""  # of the last try, where it did not deliver
        self._fence = 0

    def enter(self, phase: AgentPhase) -> str:
        """Note that ``phase`` begins; return the id of its activity."""
        self.phases.append(phase)
        self._entered.append(Entered(phase, workflow.now()))
        if self._resumption is not None and self._resumption.phase is phase:
            self.checkpoint, self._resumption = self._resumption.checkpoint, None
        return f"{self.step.path}/{phase}#{self.phases.count(phase)}"

    def is_local(self, phase: AgentPhase) -> bool:
        """Tell whether the engine does ``phase`` alone, in the worker of the workflow."""
        return self.queue is None and phase not in self.step.phases

    def take_seed(self) -> bool:
        """Tell whether the next phase may seed the guard; no other may after it."""
        seed, self.seed = self.seed, False
        return seed

    def phase_request(
        self, *, seed: bool = False, status: str = "running", detail: str = ""
    ) -> messages.PhaseRequest:
        """Return what the phase that was entered last is told."""
        request, is_local = self.request, self.is_local(self.phases[-1])
        return messages.PhaseRequest(
            pipeline=request.pipeline,
            plan=request.plan,
            project=request.project,
            agent=request.agent,
            step=request.step,
            inputs=request.inputs,
            authority=self.authority,
            seed=seed,
            attempt=max(1, self.attempts),
            entity=self._entity,
            program=self._program,
            prior=tuple(self.outputs),
            given=request.given,
            status=status,
            detail=detail,
            warrant=request.warrant,
            checkpoint=self.checkpoint,
            answers=self._answers,
            begun_ms=int(workflow.now().timestamp() * 1000) if is_local else 0,
        )

    def keep(self, result: messages.PhaseResult) -> None:
        """Keep what the last phase has answered."""
        self.checkpoint = None
        self._entity = result.entity or self._entity
        self._program = result.program or self._program
        self.output.update(result.output)
        replaced = {output.name for output in result.outputs}
        self.outputs = [o for o in self.outputs if o.name not in replaced]
        self.outputs.extend(result.outputs)
        if result.fence > self._fence:
            self._fence = result.fence
            self.records.note("lease.granted", fence=result.fence)
        if result.facts:
            self.records.note(f"agent.{self.phases[-1].lower()}", **result.facts)

    def keep_left(self, result: messages.PhaseResult) -> None:
        """Keep what was told at the end of tries that did not deliver."""
        self.outputs.extend(result.outputs)
        self.last_step = result.last_step

    def status(self) -> dict[str, Any]:
        """Return where the agent stands."""
        return {
            "agent": self.request.agent,
            "tier": self.step.tier.name,
            "phases": [phase.value for phase in self.phases],
            "attempts": self.attempts,
            "outputs": [output.model_dump(mode="json") for output in self.outputs],
        }

    def end(self, status: StageStatus, detail: str) -> None:
        """Note that the stage is over."""
        self._ended = Ended(status, detail, workflow.now())

    def page(self) -> Markdown:
        """Return what the Web UI shows of the stage."""
        step, agent = self.step, self.request.agent
        return page(
            step.path, agent, step.tier.name, self._entered, tries=self.attempts, ended=self._ended
        )

    def report(self, status: StageStatus, kind: str, detail: str) -> messages.AgentReport:
        """Return what became of the stage."""
        return messages.AgentReport(
            status=status,
            detail=detail,
            reason=kind,
            output=self.output,
            outputs=tuple(self.outputs),
            attempts=self.attempts,
            ledger=self.records.range,
            unrecorded=self.records.handed_over(),
        )
