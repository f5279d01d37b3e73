"""Agent: one agent stage, as a child workflow; ``workflows.lifecycle`` has what happens in it.

1. Only ``Pipeline`` starts it. Started by hand it ends at once and touches nothing.
2. A stage that did not complete, and does not wait for an answer, is a failed workflow with its
   report in the failure's details; what that means for the run is for the parent to decide. One
   that was cancelled is cancelled, unless it could not record its end: only the parent still can,
   so it fails with the report as well.
3. Whoever may write to the namespace may stop it: that is a brake, and takes no proof. What cannot
   be read stops nothing, and ``status`` shows it.
4. What its activity says of questions is believed by nobody who did not look, but for what takes of
   the stage's time: see ``workflows.lifecycle.clock``. A call of a tool shows whose it is: see
   ``workflows.tools.desk``.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.contracts import messages, question_specs, specs, tool_specs
    from activities.contracts.answers import UnreadableError, read_value
    from activities.contracts.meant import MeantError
    from dsl.core import StageStatus
    from dsl.limits import MESSAGE_BYTES_MAX
    from dsl.rules.tools.journal import CallAnswer
    from dsl.shown.surfaces import Markdown
    from workflows.lifecycle.phase_sequence import PhaseSequence
    from workflows.messages.inputs import MessageError
    from workflows.messages.rejected import VoidMessages
    from workflows.messages.stop import STOP_EXAMPLE, StopOrder, read_stop
    from workflows.messages.tool_call import read_call
    from workflows.runtime import failures


@workflow.defn(name=specs.AGENT_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Agent(VoidMessages):
    """Run one agent through the eight phases."""

    def __init__(self) -> None:
        super().__init__()
        self._phases: PhaseSequence | None = None
        self._order: StopOrder | None = None  # came before the start was read

    @workflow.run
    async def run(self, payload: RawValue = None) -> messages.AgentReport:  # type: ignore[assignment]  # must be exactly RawValue
        """Return the report of a stage that completed."""
        if workflow.info().parent is None:  # (1) only Pipeline starts it
            raise MeantError(
                "Agent runs only as a stage of a pipeline: start Pipeline instead",
                type=failures.INVALID_PIPELINE,
            )
        self._phases = PhaseSequence(_read(payload))
        if self._order is not None:
            self._phases.stop(self._order)
        report = await self._phases.run()
        await workflow.wait_condition(workflow.all_handlers_finished)
        # (2) a failed workflow, with its report in the details
        if report.status not in (StageStatus.COMPLETED, StageStatus.WAITING):
            raise failures.ended_stage(report)
        return report

    @workflow.signal(description=f"Stop this agent; the stage ends as revoked: {STOP_EXAMPLE}")
    def revoke(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # must be exactly RawValue
        """Stop the agent (3)."""
        try:
            order = read_stop([payload])
        except MessageError as error:
            self.on_bad_message("revoke", str(error))
            return
        if self._phases is None:
            self._order = self._order or order
            return
        void = self._phases.stop(order)
        if void is not None:
            self.on_bad_message("revoke", void)

    @workflow.signal(name=question_specs.ASKED, description="Its activity: look what is asked")
    def asked(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # must be exactly RawValue
        """Look whether the agent asks (4)."""
        if self._phases is not None:
            self._phases.clock.look()

    @workflow.signal(name=question_specs.ANSWERED, description="Its activity: it goes on")
    def answered(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # must be exactly RawValue
        """Let the clock of the stage go on (4)."""
        if self._phases is not None:
            self._phases.clock.go_on()

    @workflow.update(name=tool_specs.CALL, description="Its activity: a call of a tool")
    async def tool_call(self, payload: RawValue = None) -> CallAnswer:  # type: ignore[assignment]  # must be exactly RawValue
        """Decide on a call, have it made, and return what became of it (4)."""
        assert self._phases is not None  # noqa: S101  # the validator has checked
        return await self._phases.calls.take(read_call([payload]))

    @tool_call.validator
    def _may_call(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # must be exactly RawValue
        try:
            read_call([payload])
        except MessageError as error:
            raise MeantError(str(error), type="UnreadableCall") from None
        refusal = self._phases.calls.refuse() if self._phases else "no stage has begun"
        if refusal is not None:
            raise MeantError(refusal, type="ToolCallRefused")

    @workflow.signal(name=tool_specs.DECIDED, description="Its run: look what was decided")
    def decided(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # must be exactly RawValue
        """Look what people have decided on calls (4)."""
        if self._phases is not None:
            self._phases.calls.people.look()

    @workflow.query(name=tool_specs.CALLS, description="Calls of tools that wait for people")
    def calls(self) -> tool_specs.Waiting:
        """Return which calls wait."""
        return self._phases.calls.people.waiting() if self._phases else tool_specs.Waiting()

    @workflow.signal(dynamic=True, description="Any other name: has no effect, status shows it")
    def unknown(self, name: str, args: Sequence[RawValue]) -> None:
        """Remember a signal that has no handler."""
        self.on_bad_message(
            name, f"unknown signal {name!r}; known: answered, asked, decided, revoke"
        )

    @workflow.query(description="Phases so far, attempts and outputs of this agent, void messages")
    def status(self) -> dict[str, object]:
        """Return where the agent stands."""
        return {**(self._phases.status() if self._phases else {}), **self.void_messages()}

    @workflow.query(description="Points before each phase to go back to, and what each repeats")
    def checkpoints(self) -> list[dict[str, object]]:
        """Return, per phase, the event to reset to in order to repeat it."""
        return self._phases.points() if self._phases else []

    def page(self) -> Markdown:
        """Return what the Web UI shows of the stage, in Markdown."""
        return self._phases.page() if self._phases else Markdown()


def _read(payload: RawValue) -> messages.AgentRequest:
    try:
        return read_value(
            payload,
            messages.AgentRequest,
            workflow.payload_converter(),
            bytes_max=MESSAGE_BYTES_MAX,
        )
    except UnreadableError as error:
        raise failures.invalid(f"not the request of an agent stage: {error}") from None
