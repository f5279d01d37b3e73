"""Pipeline: the door of every run. Reads messages and hands them on; decides nothing itself.

1. One dynamic workflow serves all types: ``Pipeline`` takes a document, any other type is the
   name of a catalogue pipeline, so that list and Web UI show the pipeline as the type.
2. Bad input ends the run at once with all problems listed. It never leaves it wedged.
3. Messages arrive as raw payloads, votes as ``workflows.gates.gated_workflow`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from temporalio import workflow
from temporalio.common import RawValue

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from activities.contracts import messages, question_specs, specs, tool_specs
    from activities.contracts.meant import MeantError
    from dsl.rules.run.ids import refuse_id
    from workflows.gates.gate_board import GateBoard
    from workflows.gates.gated_workflow import GatedWorkflow
    from workflows.messages.circuit import read_circuit
    from workflows.messages.inputs import (
        MessageError,
        read_decisions,
        read_point,
        read_stage,
        read_start,
    )
    from workflows.messages.stop import REVOKE_EXAMPLE, RevokeMessage, read_revoke
    from workflows.run.agent_stages import AgentStages
    from workflows.run.agent_stops import AgentStops
    from workflows.run.pipeline_run import PipelineRun
    from workflows.runtime import failures
    from workflows.runtime.visibility import show_start

_REVOKE: Final = (
    f'Stop an agent of this run: {REVOKE_EXAMPLE}, or "agent" in place of "stage". With a "proof" '
    "its identity is revoked as well; `mandate revoke AGENT --reason TEXT --print` makes one."
)
_NOTHING_RUNS: Final = "no stage has begun yet"


@workflow.defn(dynamic=True, sandboxed=False)  # docs/adr/0008
class Pipeline(GatedWorkflow):
    """Run one pipeline (1)."""

    signals: ClassVar[tuple[str, ...]] = ("asked", "called", "pause", "resume", "revoke", "vote")

    def __init__(self) -> None:
        super().__init__()
        self._run: PipelineRun | None = None
        self._paused = False

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:
        """Return the report of the run."""
        return await self.answering(self._work(args))

    async def _work(self, args: Sequence[RawValue]) -> dict[str, Any]:
        try:
            request = read_start(workflow.info().workflow_type, args)
        except MessageError as error:
            raise failures.invalid(str(error)) from None
        compiled = await workflow.execute_local_activity(
            specs.COMPILE,
            request,
            result_type=messages.CompileResult,
            start_to_close_timeout=specs.COMPILE_TIMEOUT,
            activity_id="run/compile#1",
            summary=Markdown.of("compile {}", request.source),
        )
        self.policy = compiled.policy
        if compiled.plan is None:  # (2) all problems at once
            raise failures.invalid(compiled.problems)
        refusal = refuse_id(workflow.info().workflow_id, compiled.plan)
        if refusal is not None:  # (2) never wedged
            raise failures.invalid(refusal)
        self._run = PipelineRun(compiled.plan, compiled)
        self._run.turns.pause(paused=self._paused)
        show_start(self.policy)
        return await self._run.run()

    @workflow.signal(description="Start no further stage until resumed; no input")
    def pause(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3) exactly RawValue
        """Let running stages finish and start no new one."""
        self._pause(paused=True)

    @workflow.signal(description="Go on after a pause; no input")
    def resume(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3) exactly RawValue
        """Start stages again."""
        self._pause(paused=False)

    @workflow.signal(name=question_specs.ASKED, description="A stage's activity: look what it asks")
    def asked(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3) exactly RawValue
        """Look whether the agent of a stage asks; whoever says so is not believed."""
        self._look(question_specs.ASKED, payload, AgentStages.look)

    @workflow.signal(name=tool_specs.CALLED, description="A stage: look which of its calls wait")
    def called(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3) exactly RawValue
        """Look whether calls of a stage wait; whoever says so is not believed."""
        self._look(tool_specs.CALLED, payload, AgentStages.look_at_calls)

    def _look(
        self, name: str, payload: RawValue, look: Callable[[AgentStages, str], str | None]
    ) -> None:
        try:
            path = read_stage([payload])
        except MessageError as error:
            self.on_bad_message(name, str(error))
            return
        refusal = look(self._agents, path) if self._agents else _NOTHING_RUNS
        if refusal is not None:
            self.on_bad_message(name, refusal)

    @workflow.query(name=tool_specs.DECISIONS, description="What was decided on calls of a stage")
    def decisions(self, payload: RawValue = None) -> tool_specs.Decisions:  # type: ignore[assignment]  # (3) exactly RawValue
        """Return the decisions on calls of a stage, of those that are named."""
        asked = read_decisions([payload])
        return self._agents.decisions(asked) if self._agents else tool_specs.Decisions()

    @workflow.signal(description=_REVOKE)
    async def revoke(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3) exactly RawValue
        """Stop an agent of this run."""
        try:
            message = read_revoke([payload])
            refusal = self._cannot_stop(message)
        except MessageError as error:
            refusal = str(error)
        if refusal is not None or self._stopping is None:
            self.on_bad_message("revoke", refusal or _NOTHING_RUNS)
            return
        await self._stopping.stop(message)

    @workflow.update(name="revoke", description=_REVOKE)
    async def revoke_update(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # (3) exactly RawValue
        """Stop an agent of this run; return which stages were told, and what of its identity."""
        assert self._stopping is not None  # noqa: S101  # the validator has checked
        return await self._stopping.stop(read_revoke([payload]))

    @revoke_update.validator
    def _may_revoke(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3) exactly RawValue
        try:
            refusal = self._cannot_stop(read_revoke([payload]))
        except MessageError as error:
            raise MeantError(str(error), type="UnreadableRevoke") from None
        if refusal is not None:
            raise MeantError(refusal, type="RevokeRefused")

    @workflow.signal(description="A stage tells what circuit it waits for; shown, and no more")
    def circuit(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (3) raw
        """Show that a stage waits for a circuit, or that it goes on."""
        try:
            message = read_circuit([payload])
        except MessageError as error:
            self.on_bad_message("circuit", str(error))
            return
        admitted = self._run.admitted if self._run else None
        if admitted is None or not admitted.agents.told(message):
            self.on_bad_message("circuit", f"no agent is at work in {message.stage!r}")

    @workflow.query(description="What the run is doing, what it waits for, void messages")
    def status(self) -> dict[str, Any]:
        """Return the state of the run."""
        state = self._run.status() if self._run else {"stages": {}, "waiting_for": []}
        return {**state, **self.void_messages()}

    @workflow.query(
        name=question_specs.QUESTIONS, description="What was asked in a stage, by its path; answers"
    )
    def questions(self, payload: RawValue = None) -> list[dict[str, Any]]:  # type: ignore[assignment]  # (3) exactly RawValue
        """Return what the agent of a stage has asked, and what people have answered."""
        path, agents = read_stage([payload]), self._agents
        return agents.posed(path) if agents else []

    @workflow.query(
        description="Points to go back to; before a stage, by its path: what is repeated, and void"
    )
    def checkpoints(self, payload: RawValue = None) -> list[dict[str, Any]]:  # type: ignore[assignment]  # (3) exactly RawValue
        """Return, per stage, the event to reset to in order to repeat it."""
        before = read_point([payload])
        return self._run.points(before) if self._run else []

    @property
    def board(self) -> GateBoard | None:
        """See base class."""
        return self._run.gates if self._run else None

    def waiting(self, gate: str | None = None) -> list[dict[str, Any]]:
        """See base class."""
        return self._run.waiting(gate) if self._run else []

    def page(self) -> Markdown:
        """See base class."""
        return self._run.page() if self._run else Markdown()

    def pinned(self) -> dict[str, Any]:
        """See base class."""
        if self._run is None:
            return {}
        return {"digest": self._run.digest, "plan": self._run.plan.model_dump(mode="json")}

    def _cannot_stop(self, message: RevokeMessage) -> str | None:
        return self._stopping.refuse(message) if self._stopping else _NOTHING_RUNS

    @property
    def _agents(self) -> AgentStages | None:
        admitted = self._run.admitted if self._run else None
        return admitted.agents if admitted else None

    @property
    def _stopping(self) -> AgentStops | None:
        admitted = self._run.admitted if self._run else None
        return admitted.stopping if admitted else None

    def _pause(self, *, paused: bool) -> None:
        self._paused = paused
        if self._run is not None:
            self._run.turns.pause(paused=paused)
